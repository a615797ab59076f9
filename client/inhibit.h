/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/bus.h"

/** inhibitors_list() - print who holds switches back. Returns the exit status. */
ExitStatus inhibitors_list(const Options *options, sd_bus *bus);

/**
 * inhibitors_fetch() - the daemon's list, for inhibitors_next_block()
 *
 * Return: 0 with *@ret_list owned by the caller (sd_bus_message_unref()), or negative errno.
 */
int inhibitors_fetch(sd_bus *bus, sd_bus_message **ret_list, sd_bus_error *reterr);
/** inhibitors_rewind() - to its first one again. 0 or negative errno. */
int inhibitors_rewind(sd_bus_message *list);
/** inhibitors_next_block() - who blocks the card, and why: "'farm' (pid 812, user 0): a film". 1; 0 behind the last; errno. */
int inhibitors_next_block(sd_bus_message *list, const char *address, char *buffer, size_t size);
