/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The way to the daemon, and what its errors mean for a person and for the exit status. */

#include <stdbool.h>
#include <systemd/sd-bus.h>

#include "client/client.h"

/**
 * bus_connect() - the system bus here, of -H, or of -M
 *
 * A person may be asked for a password by polkit (interactive authorisation is allowed).
 * Return: 0 with *@ret_bus owned by the caller (sd_bus_flush_close_unref()), or negative errno.
 */
int bus_connect(const Options *options, sd_bus **ret_bus);

/** bus_error_is_verdict() - did the daemon itself say no? Everything else means that there is no verdict. */
bool bus_error_is_verdict(const sd_bus_error *error);

/** bus_error_is_unreachable() - nobody answered: no bus, no daemon, not to be started, no reply in time. */
bool bus_error_is_unreachable(const sd_bus_error *error);

/** bus_fail_connect() - says on stderr that there is no bus. Returns the exit status. */
ExitStatus bus_fail_connect(const Options *options, int r);

/** bus_fail() - says on stderr what went wrong with a call, reason first. Returns the exit status. */
ExitStatus bus_fail(const Options *options, const sd_bus_error *error, int r);
