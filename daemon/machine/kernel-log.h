/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The kernel log of this boot, as /dev/kmsg gives it, reduced to what it says about cards.
 * Format: Documentation/ABI/testing/dev-kmsg: "PRIO,SEQ,USEC,FLAGS;TEXT\n KEY=VALUE\n", where a line
 * about a device carries " DEVICE=+pci:0000:01:00.0".
 */

#include <stdbool.h>
#include <stdint.h>

#include "base/macros.h"
#include "core/facts.h"
#include "core/history.h"
#include "core/sleep.h"

typedef struct KernelLogRecord {
        uint64_t sequence;
        uint64_t at_usec;  /* since boot, CLOCK_MONOTONIC */
        bool from_user_space; /* written to /dev/kmsg by a process: says nothing about hardware */
        bool has_address;  /* the record names a PCI device: in its dictionary, or in the text */
        PciAddress address;
        char text[512];    /* the message, cut if longer */
} KernelLogRecord;

/** kernel_log_parse() - one record. Return: 0; -EBADMSG for text that is none. Any bytes are safe input. */
int kernel_log_parse(const char *text, size_t size, KernelLogRecord *ret_record);

/**
 * kernel_log_fact() - what a record says about a card
 *
 * Matched by address of any function of the card; amdgpu's "initializing kernel modesetting (NAME
 * 0xVVVV:0xDDDD ...)" carries no address before 6.14 and is matched by vendor and device id (of two equal cards both are
 * meant: the worse reading for both).
 *
 * Return: the fact, or _LOG_FACT_INVALID when it says nothing about this card.
 */
LogFact kernel_log_fact(const KernelLogRecord *record, const CardFacts *card);

/** kernel_log_sleep_line() - what a record says of a sleep of the machine; _SLEEP_LINE_INVALID: nothing. */
SleepLine kernel_log_sleep_line(const KernelLogRecord *record);

typedef struct KernelLog KernelLog;

/* Called for every record, in order. */
typedef void (*KernelLogHandler)(const KernelLogRecord *record, void *userdata);

/**
 * kernel_log_open() - open @path ("/dev/kmsg"), from its oldest record, non-blocking
 *
 * Return: 0 or negative errno (-EPERM without CAP_SYSLOG).
 */
int kernel_log_open(const char *path, KernelLog **ret_log);
KernelLog *kernel_log_free(KernelLog *log);
DEFINE_CLEANUP(KernelLog *, kernel_log_free)
int kernel_log_fd(const KernelLog *log);

/**
 * kernel_log_read() - hand over all records that are there now
 * @ret_gap: records were lost before or between those read in this call (the ring went round)
 */
int kernel_log_read(KernelLog *log, KernelLogHandler handler, void *userdata, bool *ret_gap);
