/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Who holds the lock on a card, also when an earlier daemon started that helper. */

#include <stdint.h>
#include <sys/types.h>

#include "gpuswitch/address.h"
#include "gpuswitch/deadlines.h"

typedef struct HelperLock {
        pid_t pid;
        uint64_t start_time; /* field 22 of /proc/PID/stat */
        usec_t begun_usec;   /* CLOCK_REALTIME: since when it is at the request in hand */
} HelperLock;

/**
 * helper_lock_read() - who holds the lock of the slot of @card in @lock_dir
 * @root: "" or a test folder with `proc`
 *
 * Return: 1 when a process holds it that still is the one that the file names; 0 when nobody does; negative errno
 * when that cannot be known.
 */
int helper_lock_read(const char *root, const char *lock_dir, PciAddress card, HelperLock *ret_lock);
