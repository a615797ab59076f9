/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The daemon says since when, never for how long: that is worked out here, at the moment in which it is
 * read.
 */

#include "client/stuck.h"

#include <inttypes.h>

#include "base/text.h"
#include "client/field.h"
#include "client/json.h"
#include "client/timestamp.h"

static void put_since(json_object *detail, bool colour_on) {
        char when[TIMESTAMP_TEXT_SIZE], ago[TIMESTAMP_TEXT_SIZE], text[2 * TIMESTAMP_TEXT_SIZE];
        int64_t usec = member_number(detail, "since_usec", 0);

        if (usec <= 0)
                return;
        (void) text_format(text, sizeof(text), "%s%s", timestamp_local((usec_t) usec, when),
                           timestamp_ago((usec_t) usec, timestamp_now(), ago));
        field_line(colour_on, "Since", COLOUR_PLAIN, text);
}

static void put_place(json_object *detail, bool colour_on) {
        const char *stack = member_text(detail, "kernel_stack"), *function = member_text(detail, "kernel_function");
        char text[MESSAGE_TEXT_SIZE];

        (void) text_format(text, sizeof(text), "%s (helper pid %" PRId64 ")",
                           !isempty(stack)      ? stack
                           : !isempty(function) ? function
                                                : "not known",
                           member_number(detail, "pid", 0));
        field_line(colour_on, "In kernel", COLOUR_PLAIN, text);
}

static void put_texts(json_object *detail, const char *key, const char *label, bool colour_on) {
        json_object *texts = member_of_type(detail, key, json_type_array);

        for (size_t i = 0; texts && i < json_object_array_length(texts); i++) {
                json_object *text = json_object_array_get_idx(texts, i);
                if (json_object_is_type(text, json_type_string))
                        field_line(colour_on, i == 0 ? label : "", COLOUR_PLAIN, json_object_get_string(text));
        }
}

void stuck_put(const Gpu *gpu, bool colour_on) {
        const char *action = member_text(gpu->stuck_detail, "action");
        char text[MESSAGE_TEXT_SIZE];

        if (!gpu->stuck)
                return;
        if (isempty(action)) { /* an older daemon */
                field_line(colour_on, "Stuck", COLOUR_BAD, isempty(gpu->stuck_reason) ? "yes" : gpu->stuck_reason);
                return;
        }
        (void) text_format(text, sizeof(text), "%s: has not come back", member_text(gpu->stuck_detail, "step"));
        field_line(colour_on, "Stuck", COLOUR_BAD, text);
        field_line(colour_on, "What hangs", COLOUR_PLAIN, action);
        put_since(gpu->stuck_detail, colour_on);
        put_place(gpu->stuck_detail, colour_on);
        put_texts(gpu->stuck_detail, "holders", "Held by", colour_on);
}

void stuck_put_help(const Gpu *gpu, bool colour_on) {
        if (gpu->stuck)
                put_texts(gpu->stuck_detail, "help", "What helps", colour_on);
}
