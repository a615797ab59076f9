/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Changes are found by comparing JSON, key by key, so that every property is followed, also those
 * that this client has never heard of. Only a few get a wording of their own.
 */

#include "client/change.h"

#include <stdio.h>

#include "base/text.h"
#include "client/json.h"
#include "client/printable.h"
#include "client/progress.h"
#include "client/timestamp.h"

static void begin_line(const char *who) {
        char when[TIMESTAMP_TEXT_SIZE];

        printf("%s %s ", timestamp_local(timestamp_now(), when), who);
}

static json_object *begin_json(const char *address, const char *event) {
        json_object *object = json_object_new_object();
        char when[TIMESTAMP_TEXT_SIZE];

        if (!object)
                return NULL;
        (void) json_object_object_add(object, "time",
                                      json_object_new_string(timestamp_utc(timestamp_now(), when)));
        (void) json_object_object_add(object, "event", json_object_new_string(event));
        (void) json_object_object_add(object, "gpu", address ? json_object_new_string(address) : NULL);
        return object;
}

/* One property's value in a few words. */
static void put_value(const char *key, json_object *value) {
        char line[MESSAGE_TEXT_SIZE] = "";

        if (!value ||
            (json_object_is_type(value, json_type_string) && json_object_get_string_len(value) == 0))
                (void) text_copy(line, sizeof(line), "-");
        else if (json_object_is_type(value, json_type_boolean))
                (void) text_copy(line, sizeof(line), json_object_get_boolean(value) ? "yes" : "no");
        else if (streq(key, "operation"))
                operation_line(value, line, sizeof(line));
        else if (streq(key, "domain"))
                (void) text_format(line, sizeof(line), "%s", member_text(value, "name"));
        else
                (void) text_format(
                        line, sizeof(line), "%s",
                        json_object_is_type(value, json_type_string)
                                ? json_object_get_string(value)
                                : json_object_to_json_string_ext(
                                          value, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
        fputs(printable_line(line), stdout);
}

static void put_line(const char *address, const char *label, const char *key, json_object *old,
                     json_object *new) {
        begin_line(address);
        printf("%s ", label);
        /* The steps of an operation follow each other; the one before is in the line above. */
        if (!streq(key, "operation")) {
                put_value(key, old);
                fputs(" -> ", stdout);
        }
        if (streq(key, "operation") && !new)
                fputs("over", stdout);
        else
                put_value(key, new);
        putchar('\n');
}

static json_object *function_at(json_object *functions, const char *address) {
        for (size_t i = 0; functions && i < json_object_array_length(functions); i++) {
                json_object *function = json_object_array_get_idx(functions, i);
                if (streq(member_text(function, "address"), address))
                        return function;
        }
        return NULL;
}

/* A driver that changes is one line of the function that it changes on. */
static void put_functions(json_object *old, json_object *new) {
        for (size_t i = 0; json_object_is_type(new, json_type_array) && i < json_object_array_length(new);
             i++) {
                json_object *function = json_object_array_get_idx(new, i), *before;
                const char *address = member_text(function, "address");

                before = json_object_is_type(old, json_type_array) ? function_at(old, address) : NULL;
                json_object *old_driver = member_of_type(before, "driver", json_type_string);
                json_object *new_driver = member_of_type(function, "driver", json_type_string);
                if (!json_object_equal(old_driver, new_driver))
                        put_line(address, "driver", "driver", old_driver, new_driver);
        }
}

static void put_change(const Gpu *gpu, const char *key, json_object *old, json_object *new, bool as_json) {
        if (as_json) {
                _cleanup_(json_object_putp) json_object *object = begin_json(gpu->address, "changed");
                if (!object)
                        return;
                (void) json_object_object_add(object, "property", json_object_new_string(key));
                (void) json_object_object_add(object, "old", json_object_get(old));
                (void) json_object_object_add(object, "new", json_object_get(new));
                print_json_line(stdout, object);
        } else if (streq(key, "functions") || streq(key, "with"))
                put_functions(old, new);
        else if (!streq(key, "stuck_detail") && !streq(key, "evidence")) /* stuck_reason, reset_state and reason say it in a line */
                put_line(gpu->address, streq(key, "domain") ? "vm" : key, key, old, new);
        (void) fflush(stdout);
}

int change_apply(Gpu *gpu, json_object *properties, bool as_json) {
        json_object_object_foreach(properties, key, value) {
                json_object *old = NULL;
                bool known = json_object_object_get_ex(gpu->json, key, &old);

                if (known && json_object_equal(old, value))
                        continue;
                put_change(gpu, key, old, value, as_json);
                if (json_object_object_add(gpu->json, key, json_object_get(value)) < 0)
                        return -ENOMEM;
        }
        return gpu_refresh(gpu);
}

void change_event(const Gpu *gpu, const char *event, bool as_json) {
        if (as_json) {
                _cleanup_(json_object_putp) json_object *object =
                        begin_json(gpu ? gpu->address : NULL, event);
                if (!object)
                        return;
                if (gpu)
                        (void) json_object_object_add(object, "new", json_object_get(gpu->json));
                print_json_line(stdout, object);
                return;
        }
        begin_line(gpu ? gpu->address : "-");
        puts(event);
        (void) fflush(stdout);
}
