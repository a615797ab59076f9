/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What has changed on a card, written as monitor shows it: one line, or one JSON object per change. */

#include <json-c/json.h>
#include <stdbool.h>

#include "client/gpu.h"

/**
 * change_apply() - put new values into a card and print those that differ
 * @properties: tidied, in snake_case; may be all or some
 *
 * Return: 0, or as gpu_refresh().
 */
int change_apply(Gpu *gpu, json_object *properties, bool as_json);

/** change_event() - "added", "removed" (of @gpu), "daemon-gone", "daemon-back" (@gpu NULL). */
void change_event(const Gpu *gpu, const char *event, bool as_json);
