/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Prints a plan. A step that writes is shown as what a person would have to type, so that nothing
 * that the daemon does stays hidden; writes into configuration space have an offset instead of a line of
 * shell.
 */

#include "client/plan.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/enum-text.h"
#include "base/text.h"
#include "client/bus.h"
#include "client/json.h"
#include "client/printable.h"
#include "client/session.h"
#include "gpuswitch/deadlines.h"
#include "gpuswitch/names.h"

int plan_fetch(sd_bus *bus, const Gpu *gpu, const char *direction, json_object **ret_steps,
               sd_bus_error *reterr) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;

        int r = sd_bus_message_new_method_call(bus, &call, GPUSWITCH_BUS_NAME, gpu->path,
                                               GPUSWITCH_GPU_INTERFACE, "Plan");
        if (r >= 0)
                r = sd_bus_message_append(call, "s", direction);
        if (r < 0)
                return sd_bus_error_set_errno(reterr, r);
        /* A plan needs a survey, and a survey waits for whoever has the device. */
        r = sd_bus_call(bus, call, CALL_TIMEOUT_USEC, reterr, &reply);
        if (r < 0)
                return r;
        r = sd_bus_message_has_signature(reply, "aa{sv}") ? value_to_json(reply, ret_steps) : -EBADMSG;
        return r < 0 ? sd_bus_error_set_errno(reterr, r) : 0;
}

/* "0x0010/4 0x0014/4": offset and width. */
static void put_registers(json_object *step) {
        json_object *registers = member_of_type(step, "registers", json_type_array);

        for (size_t i = 0; registers && i < json_object_array_length(registers); i++) {
                json_object *text = json_object_array_get_idx(registers, i);
                putchar(' ');
                printable_put(stdout, json_object_is_type(text, json_type_string)
                                              ? json_object_get_string(text)
                                              : "?");
        }
}

static bool has_registers(json_object *step) {
        json_object *registers = member_of_type(step, "registers", json_type_array);

        return registers && json_object_array_length(registers) > 0;
}

static void put_write(json_object *step) {
        _cleanup_free_ char *value = strdup(member_text(step, "value"));
        const char *path = member_text(step, "path");
        size_t length = strlen(path);
        bool is_config = length >= 7 && streq(path + length - 7, "/config");

        if (has_registers(step)) {
                fputs("put back", stdout);
                put_registers(step);
                fputs(" > ", stdout);
        } else if (is_config)
                printf("write %s at 0x%02" PRIx64 " > ", value ? printable_line(value) : "",
                       (uint64_t) member_number(step, "offset", 0));
        else {
                /* An attribute is cleared by a newline, which is what echo alone writes. */
                bool clears = !value || isempty(text_chomp(value));
                printf("echo%s%s > ", clears ? "" : " ", clears ? "" : printable_line(value));
        }
        printable_put(stdout, path);
}

static void put_step(json_object *step, size_t number, size_t n_steps) {
        const char *description = member_text(step, "description");
        int width = n_steps > 99 ? 3 : n_steps > 9 ? 2 : 1;

        printf("%*zu. ", width, number);
        if (member_flag(step, "writes")) {
                put_write(step);
                if (!isempty(description)) {
                        fputs("  # ", stdout);
                        printable_put(stdout, description);
                }
        } else {
                printable_put(stdout, description);
                if (!streq(member_text(step, "action"), "delay"))
                        fputs("  (only reads)", stdout);
        }
        putchar('\n');
}

static void put_plan_json(const Gpu *gpu, const char *direction, json_object *steps) {
        _cleanup_(json_object_putp) json_object *object = json_object_new_object();

        if (!object)
                return;
        (void) json_object_object_add(object, "address", json_object_new_string(gpu->address));
        (void) json_object_object_add(object, "direction", json_object_new_string(direction));
        (void) json_object_object_add(object, "steps", json_object_get(steps));
        print_json(stdout, object);
}

ExitStatus verb_plan(const Options *options, char **arguments) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(json_object_putp) json_object *steps = NULL;
        _cleanup_session_ Session session = { 0 };
        const char *direction = arguments[1];
        const Gpu *gpu = NULL;

        if (direction_from_string(direction) < 0) {
                fprintf(stderr, "gpuswitchctl: plan: '%s' is neither guest nor host\n", direction);
                return EXIT_USAGE;
        }
        ExitStatus status = session_open(&session, options);
        if (status == EXIT_DONE)
                status = session_gpu(&session, arguments[0], &gpu);
        if (status != EXIT_DONE)
                return status;
        int r = plan_fetch(session.bus, gpu, direction, &steps, &error);
        if (r < 0)
                return bus_fail(options, &error, r);
        if (options->json) {
                put_plan_json(gpu, direction, steps);
                return EXIT_DONE;
        }
        size_t n_steps = json_object_array_length(steps);
        for (size_t i = 0; i < n_steps; i++)
                put_step(json_object_array_get_idx(steps, i), i + 1, n_steps);
        if (n_steps == 0)
                printf("Nothing to do: %s is there already.\n", gpu->address);
        return EXIT_DONE;
}
