/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a VM with a card should have. */

#include <json-c/json.h>

#include "client/gpu.h"

/** advice_fetch() - a list of {"text","xml","source"}, empty from an older daemon; owned by the caller. NULL: no memory. */
json_object *advice_fetch(sd_bus *bus, const Gpu *gpu);

/** advice_put() - as lines below the card's heading. @list: or NULL */
void advice_put(json_object *list, bool colour_on);
