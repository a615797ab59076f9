/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What most verbs begin with: the bus, all cards, and the card that the person means. */

#include "base/macros.h"
#include "client/client.h"
#include "client/gpu.h"

typedef struct Session {
        const Options *options; /* borrowed */
        sd_bus *bus;
        GpuList list;
} Session;

/**
 * session_open() - connect and fetch all cards
 *
 * Says on stderr what went wrong, and which faults of configuration the daemon knows of.
 * Return: EXIT_DONE, or the exit status. Either way session_close() frees it.
 */
ExitStatus session_open(Session *session, const Options *options);
void session_close(Session *session);

/** session_gpu() - gpu_resolve() that says on stderr what is wrong. *@ret_gpu is borrowed from the session.
 */
ExitStatus session_gpu(Session *session, const char *argument, const Gpu **ret_gpu);

#define _cleanup_session_ _cleanup_(session_close)
