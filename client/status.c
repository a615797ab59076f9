/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "client/status.h"

#include <inttypes.h>
#include <stdarg.h>

#include "base/text.h"
#include "client/field.h"
#include "client/json.h"
#include "client/printable.h"
#include "client/progress.h"
#include "client/session.h"
#include "client/stuck.h"
#include "client/timestamp.h"

ExitStatus print_status_json(const Gpu *gpus, size_t n_gpus) {
        _cleanup_(json_object_putp) json_object *object = json_object_new_object();
        json_object *array = json_object_new_array();

        if (!object || !array || json_object_object_add(object, "gpus", array) < 0) {
                json_object_put(array);
                fputs("out of memory\n", stderr);
                return EXIT_REFUSED;
        }
        for (size_t i = 0; i < n_gpus; i++)
                (void) json_object_array_add(array, json_object_get(gpus[i].json));
        print_json(stdout, object);
        return EXIT_DONE;
}

static void put_state(const Gpu *gpu, bool colour_on) {
        field_label("Reset state");
        colour_put(stdout, colour_on, colour_of_reset_state(gpu->reset_state), gpu->reset_state);
        if (!isempty(gpu->reason)) {
                fputs(": ", stdout);
                colour_put(stdout, colour_on, COLOUR_PLAIN, gpu->reason);
        }
        putchar('\n');
}

static void put_functions(const char *label, const GpuFunction *functions, size_t n, bool colour_on) {
        for (size_t i = 0; i < n; i++) {
                const GpuFunction *function = &functions[i];
                field_label(i == 0 ? label : "");
                printf("%s  %-8s", function->address, function->role);
                colour_put(stdout, colour_on, isempty(function->driver) ? COLOUR_FAINT : COLOUR_PLAIN,
                           isempty(function->driver) ? "no driver" : function->driver);
                putchar('\n');
        }
}

static void put_domain(const Gpu *gpu, bool colour_on) {
        if (isempty(gpu->domain_name) && isempty(gpu->domain_uuid))
                return;
        field_label("VM");
        colour_put(stdout, colour_on, COLOUR_STRONG, gpu->domain_name);
        printf(" (%s)\n", gpu->domain_uuid);
}

static void put_evidence_line(json_object *entry, bool colour_on) {
        const char *old_state = member_text(entry, "old_state"), *new_state = member_text(entry, "new_state");
        _cleanup_free_ char *reason = strdup(member_text(entry, "reason"));
        char when[TIMESTAMP_TEXT_SIZE], change[64];
        Colour colour = member_flag(entry, "this_boot") ? colour_of_reset_state(new_state) : COLOUR_FAINT;

        if (isempty(old_state) || streq(old_state, new_state))
                (void) text_format(change, sizeof(change), "%-18s", new_state);
        else
                (void) text_format(change, sizeof(change), "%s -> %-*s", old_state,
                                   (int) (18 - MIN_OF(strlen(old_state) + strlen(" -> "), 18U)), new_state);
        printf("%s  ", timestamp_local((usec_t) member_number(entry, "time_usec", 0), when));
        colour_put(stdout, colour_on, colour, change);
        fputs("  ", stdout);
        colour_put(stdout, colour_on, COLOUR_PLAIN, reason ? printable_line(reason) : "");
        putchar('\n');
}

/* What its state is based on, the newest last. */
static void put_time_line(const Gpu *gpu, bool colour_on) {
        size_t n = gpu->evidence ? json_object_array_length(gpu->evidence) : 0;

        for (size_t i = 0; i < n; i++) {
                json_object *entry = json_object_array_get_idx(gpu->evidence, i);
                json_object *before = i > 0 ? json_object_array_get_idx(gpu->evidence, i - 1) : NULL;
                field_label(i == 0 ? "Time line" : "");
                if (before && member_flag(entry, "this_boot") && !member_flag(before, "this_boot")) {
                        colour_put(stdout, colour_on, COLOUR_FAINT, "-- this boot --\n");
                        field_label("");
                }
                put_evidence_line(entry, colour_on);
        }
}

static void put_gpu(const Gpu *gpu, bool time_line, bool colour_on) {
        char text[MESSAGE_TEXT_SIZE] = "";

        field_heading(gpu, colour_on);
        stuck_put(gpu, colour_on);
        field_line(colour_on, "Owner", colour_of_owner(gpu->owner), gpu->owner);
        put_domain(gpu, colour_on);
        if (gpu->operation) {
                operation_line(gpu->operation, text, sizeof(text));
                field_line(colour_on, "Operation", COLOUR_WARNING, text);
        }
        put_state(gpu, colour_on);
        field_line(colour_on, "Guard", COLOUR_PLAIN, gpu->guard);
        field_line(colour_on, "Family", COLOUR_PLAIN, gpu->family);
        if (!isempty(gpu->reboots))
                field_line(colour_on, "Reboots", COLOUR_PLAIN, gpu->reboots);
        if (gpu->iommu_group >= 0)
                (void) text_format(text, sizeof(text), "%" PRId64, gpu->iommu_group);
        field_line(colour_on, "IOMMU group", COLOUR_PLAIN, gpu->iommu_group >= 0 ? text : "none");
        put_functions("Functions", gpu->functions, gpu->n_functions, colour_on);
        put_functions("Goes along", gpu->fellows, gpu->n_fellows, colour_on);
        if (gpu->leased_by_hand)
                field_line(colour_on, "Kept", COLOUR_PLAIN, "by hand: with the guest side until `to-host`");
        else if (streq(gpu->return_to, "stay"))
                field_line(colour_on, "Kept", COLOUR_PLAIN,
                           "by policy: stays with the guest side after its VM");
        if (time_line)
                put_time_line(gpu, colour_on);
        stuck_put_help(gpu, colour_on);
}

ExitStatus verb_status(const Options *options, char **arguments) {
        _cleanup_session_ Session session;
        bool colour_on = colour_wanted(stdout);

        ExitStatus status = session_open(&session, options);
        if (status != EXIT_DONE)
                return status;
        const Gpu *gpus = session.list.gpus;
        size_t n_gpus = session.list.n_gpus;
        if (arguments[0]) {
                status = session_gpu(&session, arguments[0], &gpus);
                if (status != EXIT_DONE)
                        return status;
                n_gpus = 1;
        }
        if (options->json)
                return print_status_json(gpus, n_gpus);
        if (n_gpus == 0)
                fputs("This machine has no GPU.\n", stderr);
        for (size_t i = 0; i < n_gpus; i++) {
                if (i > 0)
                        putchar('\n');
                put_gpu(&gpus[i], /* time_line= */ arguments[0], colour_on);
        }
        return EXIT_DONE;
}
