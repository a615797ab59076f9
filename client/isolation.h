/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How well a card is kept apart from the rest of the machine. */

#include <json-c/json.h>

#include "client/gpu.h"

/**
 * isolation_fetch() - what the daemon reports
 *
 * Return: {"groups","ports",...}, or {"problem"} when there is no report; owned by the caller. NULL: no memory.
 */
json_object *isolation_fetch(sd_bus *bus, const Gpu *gpu);

/** isolation_put() - as lines below the card's heading. */
void isolation_put(json_object *isolation, bool colour_on);
