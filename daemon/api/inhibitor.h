/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Programs that hold switches back, for as long as they hold a descriptor.
 *
 * BLOCK refuses what people and starts of virtual machines ask for, naming who and why. DELAY makes a switch wait before its first
 * step, until it is released or INHIBIT_DELAY_MAX_USEC has passed. Neither stops what has begun: an undo never waits, and
 * the way home behind a virtual machine is delayed, never blocked, as a card that nobody brings home is a lost one to its
 * owner. An inhibitor ends with the daemon: its holder sees the other end of the descriptor closed.
 */

#include <stdbool.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

#include "base/macros.h"
#include "gpuswitch/address.h"
#include "gpuswitch/limits.h"

typedef enum InhibitMode {
        INHIBIT_BLOCK,
        INHIBIT_DELAY,
        _INHIBIT_MODE_MAX,
        _INHIBIT_MODE_INVALID = -EINVAL,
} InhibitMode;

const char *inhibit_mode_to_string(InhibitMode mode);
InhibitMode inhibit_mode_from_string(const char *text);

typedef struct Inhibitor {
        bool all; /* every card, else only that one */
        PciAddress card; /* function 0 */
        InhibitMode mode;
        char who[INHIBIT_TEXT_SIZE];
        char why[INHIBIT_TEXT_SIZE];
        uid_t uid;
        pid_t pid; /* 0: not known */
} Inhibitor;

typedef struct Inhibitors Inhibitors;

/* One has been released. */
typedef void (*InhibitorsHandler)(void *userdata);

/** inhibitors_new() - none yet. 0 or negative errno. */
int inhibitors_new(sd_event *event, InhibitorsHandler released, void *userdata, Inhibitors **ret_inhibitors);
/** inhibitors_free() - releases all, without calling the handler. Returns NULL. */
Inhibitors *inhibitors_free(Inhibitors *inhibitors);

/* Outcomes of inhibitors_take(). */
#define INHIBIT_E_USER_LIMIT 1 /* this user has INHIBITORS_PER_USER_MAX */
#define INHIBIT_E_LIMIT 2      /* there are INHIBITORS_MAX */

/**
 * inhibitors_take() - one more
 * @ret_fd: it lasts until the last copy of this is closed. Owned by the caller.
 *
 * Return: 0, INHIBIT_E_*, or negative errno.
 */
int inhibitors_take(Inhibitors *inhibitors, const Inhibitor *inhibitor, int *ret_fd);

/** inhibitors_find() - the oldest one of that mode that holds @card back, or NULL. Borrowed, until the loop runs again. */
const Inhibitor *inhibitors_find(const Inhibitors *inhibitors, PciAddress card, InhibitMode mode);
/** inhibitors_get() - in the order of their age; NULL behind the last. Borrowed as above. */
const Inhibitor *inhibitors_get(const Inhibitors *inhibitors, size_t index);
