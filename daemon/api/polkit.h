/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* May the sender of this message do that? Asked of polkit without waiting. */

#include <stdbool.h>
#include <sys/types.h>
#include <systemd/sd-bus.h>

/* A question that has no answer yet. */
typedef struct PolkitQuery PolkitQuery;

/**
 * PolkitHandler - the answer
 * @message: the message that was asked about (borrowed)
 * @allowed: when false, an error reply has been sent already
 */
typedef void (*PolkitHandler)(sd_bus_message *message, bool allowed, void *userdata);

/**
 * polkit_check() - ask; root is always allowed, without asking
 * @uid: the sender's
 * @ret_query: to take the question back with, until @handler is called; NULL for root. Written before @handler is called.
 *
 * @handler may be called before this returns (root). Without polkit on the bus everybody else is denied.
 *
 * Return: 0, or negative errno (then @handler is not called).
 */
int polkit_check(sd_bus_message *message, uid_t uid, const char *action, PolkitHandler handler, void *userdata,
                 PolkitQuery **ret_query);

/** polkit_query_free() - nobody waits for the answer any more: the question goes from the person's screen. NULL is fine. */
PolkitQuery *polkit_query_free(PolkitQuery *query);
