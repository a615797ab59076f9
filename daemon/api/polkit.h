/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* May the sender of this message do that? Asked of polkit without waiting. */

#include <stdbool.h>
#include <systemd/sd-bus.h>

/**
 * PolkitHandler - the answer
 * @message: the message that was asked about (borrowed)
 * @allowed: when false, an error reply has been sent already
 */
typedef void (*PolkitHandler)(sd_bus_message *message, bool allowed, void *userdata);

/**
 * polkit_check() - ask; root is always allowed, without asking
 *
 * @handler may be called before this returns (root). Without polkit on the bus everybody else is denied.
 *
 * Return: 0, or negative errno (then @handler is not called).
 */
int polkit_check(sd_bus_message *message, const char *action, PolkitHandler handler, void *userdata);
