/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One helper as a process: started, watched by a pidfd, reaped when it has ended. Never waited for, never
 * killed. */

#include <systemd/sd-event.h>

#include <sys/types.h>

#include "gpuswitch/address.h"
#include "gpuswitch/limits.h"

typedef struct HelperProcess {
        pid_t pid;
        int pidfd;  /* readable once it has ended; -EBADF when it has been reaped or given up */
        int socket; /* our end; -EBADF when closed */
} HelperProcess;

#define HELPER_PROCESS_NULL ((HelperProcess){ .pidfd = -EBADF, .socket = -EBADF })

/* Devices of other slots that a helper may touch beside its card. */
typedef struct HelperFellows {
        size_t n;
        PciAddress addresses[FELLOWS_MAX];
} HelperFellows;

/**
 * helper_process_start() - start @path for the slot of @card, with the lock file of that slot in @lock_dir
 *
 * Return: 0, or negative errno when it could not be started.
 */
int helper_process_start(const char *path, const char *lock_dir, PciAddress card, const HelperFellows *fellows,
                         HelperProcess *ret_process);

/** helper_process_hang_up() - close the socket: it ends after the request in hand. */
void helper_process_hang_up(HelperProcess *process);

/**
 * helper_process_reap() - take the exit status, if there is one already
 * @ret_text: how it ended, for people: "exit status 1", "signal 9"
 *
 * Return: 1 when it has ended (the caller closes the pidfd, after what watches it), 0 when it has not; negative
 * errno.
 */
int helper_process_reap(HelperProcess *process, char *ret_text, size_t size);

/**
 * helper_process_abandon() - hang up, and leave the reaping to @event
 *
 * What remains is one event source that belongs to @event and goes away with the process. NULL-like
 * processes are fine.
 */
void helper_process_abandon(HelperProcess *process, sd_event *event);
