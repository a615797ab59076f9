/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <json-c/json.h>
#include <systemd/sd-bus.h>

#include "client/gpu.h"

/**
 * plan_fetch() - ask the daemon how it would switch @gpu; changes nothing
 * @direction: "guest" or "host"
 * @reterr: set on failure; why it cannot be switched, or why there was no answer
 *
 * Return: 0 with the steps, owned by the caller; negative errno.
 */
int plan_fetch(sd_bus *bus, const Gpu *gpu, const char *direction, json_object **ret_steps, sd_bus_error *reterr);
