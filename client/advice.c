/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* It explains and decides nothing, so a daemon that has none to give is no error. */

#include "client/advice.h"

#include <stdio.h>

#include "base/text.h"
#include "client/field.h"
#include "client/json.h"
#include "client/printable.h"
#include "gpuswitch/names.h"

json_object *advice_fetch(sd_bus *bus, const Gpu *gpu) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        json_object *list = NULL;

        int r = sd_bus_call_method(bus, GPUSWITCH_BUS_NAME, gpu->path, GPUSWITCH_GPU_INTERFACE, "Advice", NULL, &reply, "");
        if (r >= 0 && sd_bus_message_has_signature(reply, "aa{sv}") && value_to_json(reply, &list) >= 0)
                return list;
        return json_object_new_array();
}

void advice_put(json_object *list, bool colour_on) {
        for (size_t i = 0; list && i < json_object_array_length(list); i++) {
                json_object *advice = json_object_array_get_idx(list, i);
                field_line(colour_on, "Advice", COLOUR_PLAIN, member_text(advice, "text"));
                field_line(colour_on, "", COLOUR_PLAIN, member_text(advice, "xml"));
                if (isempty(member_text(advice, "source")))
                        continue;
                field_label("");
                fputs("(", stdout);
                printable_put(stdout, member_text(advice, "source"));
                fputs(")\n", stdout);
        }
}
