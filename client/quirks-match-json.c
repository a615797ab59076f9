/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* quirks match --json. */

#include "base/address.h"
#include "base/enum-text.h"
#include "base/text.h"
#include "client/json.h"
#include "client/quirks-subject.h"

static json_object *text_or_null(const char *text) {
        return isempty(text) ? NULL : json_object_new_string(text);
}

static json_object *recipe_json(const Recipe *recipe) {
        json_object *object = json_object_new_object(), *steps = json_object_new_array();
        char text[512];

        for (size_t i = 0; i < recipe->n_steps; i++)
                json_object_array_add(steps, json_object_new_string(recipe_step_text(&recipe->steps[i], text, sizeof(text))));
        json_object_object_add(object, "name", json_object_new_string(recipe->name));
        json_object_object_add(object, "after_driver", text_or_null(recipe->after_driver));
        json_object_object_add(object, "needs_guard", json_object_new_boolean(recipe->needs_guard));
        json_object_object_add(object, "before_guest", json_object_new_boolean(recipe->before_guest));
        json_object_object_add(object, "experimental", json_object_new_boolean(recipe->experimental));
        json_object_object_add(object, "steps", steps);
        return object;
}

static json_object *values_json(const Subject *subject) {
        json_object *list = json_object_new_array();

        for (size_t i = 0; i < subject->n_values; i++) {
                const PolicyValue *value = &subject->values[i];
                json_object *entry = json_object_new_object();
                json_object_object_add(entry, "key", json_object_new_string(value->key));
                json_object_object_add(entry, "value", json_object_new_string(value->text));
                json_object_object_add(entry, "file", json_object_new_string(value->file));
                json_object_object_add(entry, "line", json_object_new_uint64(value->line));
                json_object_object_add(entry, "source", text_or_null(value->source));
                json_object_array_add(list, entry);
        }
        return list;
}

static json_object *device_json(const PolicyDevice *device) {
        json_object *object = json_object_new_object();

        json_object_object_add(object, "device", json_object_new_string(device->name));
        json_object_object_add(object, "file", json_object_new_string(device->file));
        json_object_object_add(object, "reset", json_object_new_string(device->reset));
        json_object_object_add(object, "bus_reset", text_or_null(device->bus_reset));
        json_object_object_add(object, "note", text_or_null(device->note));
        return object;
}

/* The guards that are possible for the family, the first that is there is taken. */
static json_object *guards_json(const Rule *rule) {
        json_object *list = json_object_new_array();

        if (rule->bus_reset == BUS_RESET_WANTED)
                return list;
        if (rule->kernel_guard != KERNEL_GUARD_NONE)
                json_object_array_add(list, json_object_new_string(guard_to_string(GUARD_KERNEL)));
        if (rule->kernel_guard == KERNEL_GUARD_ALWAYS)
                return list;
        json_object_array_add(list, json_object_new_string(guard_to_string(GUARD_STUB_COMPANION)));
        json_object_array_add(list, json_object_new_string(guard_to_string(GUARD_MODULE)));
        return list;
}

static json_object *advice_json(const Subject *subject) {
        json_object *list = json_object_new_array();
        PolicyAdvice advice;

        for (size_t i = 0; policy_advice(subject->policy, subject->card, i, &advice); i++) {
                json_object *entry = json_object_new_object();
                json_object_object_add(entry, "text", json_object_new_string(advice.text));
                json_object_object_add(entry, "xml", text_or_null(advice.xml));
                json_object_object_add(entry, "when", json_object_new_string(advice_when_to_string(advice.when)));
                json_object_object_add(entry, "applies", subject->is_here ? json_object_new_boolean(advice.applies) : NULL);
                json_object_object_add(entry, "source", json_object_new_string(advice.source));
                json_object_array_add(list, entry);
        }
        return list;
}

static json_object *recover_json(const Recovery *recovery) {
        json_object *list = json_object_new_array();

        json_object_array_add(list, json_object_new_string("look"));
        if (recovery->suspend_usec > 0)
                json_object_array_add(list, json_object_new_string("suspend"));
        if (recovery->remove_rescan)
                json_object_array_add(list, json_object_new_string("rescan"));
        return list;
}

/* What the family says. */
static void add_rule(json_object *root, const Subject *subject) {
        const Rule *rule = &subject->rule;
        json_object *resets = json_object_new_array();

        for (size_t i = 0; i < RECIPES_MAX && rule->recipes[i].n_steps > 0; i++)
                json_object_array_add(resets, recipe_json(&rule->recipes[i]));
        json_object_object_add(root, "family", json_object_new_string(subject->match.family));
        json_object_object_add(root, "matched_by", json_object_new_string(subject->match.level));
        json_object_object_add(root, "file", json_object_new_string(subject->match.file));
        json_object_object_add(root, "line", json_object_new_uint64(subject->match.line));
        json_object_object_add(root, "contested", json_object_new_boolean(subject->match.is_contested));
        json_object_object_add(root, "withheld", json_object_new_boolean(subject->match.is_withheld));
        json_object_object_add(root, "bus_reset", json_object_new_string(bus_reset_wish_to_string(rule->bus_reset)));
        json_object_object_add(root, "kernel_guard", json_object_new_string(kernel_guard_to_string(rule->kernel_guard)));
        json_object_object_add(root, "guards", guards_json(rule));
        json_object_object_add(root, "guest_reboots",
                               rule->guest_reboots == GUEST_REBOOTS_UNLIMITED ? NULL
                                                                              : json_object_new_uint64(rule->guest_reboots));
        json_object_object_add(root, "resets", resets);
        json_object_object_add(root, "recover", recover_json(&rule->recovery));
        json_object_object_add(root, "device", NULL);
        json_object_object_add(root, "advice", advice_json(subject));
        json_object_object_add(root, "values", values_json(subject));
}

/* The same keys, of which most have no meaning for what is no GPU. */
static void add_device(json_object *root, const PolicyDevice *device) {
        static const char *const lists[] = { "guards", "resets", "recover", "advice", "values" };

        json_object_object_add(root, "family", NULL);
        json_object_object_add(root, "matched_by", json_object_new_string("device"));
        json_object_object_add(root, "file", json_object_new_string(device->file));
        json_object_object_add(root, "bus_reset", text_or_null(device->bus_reset));
        for (size_t i = 0; i < ELEMENTSOF(lists); i++)
                json_object_object_add(root, lists[i], json_object_new_array());
        json_object_object_add(root, "device", device_json(device));
}

void subject_print_json(const Subject *subject) {
        _cleanup_(json_object_putp) json_object *root = json_object_new_object();
        json_object *never = json_object_new_array();
        char id[32];

        for (size_t i = 0; i < subject->n_prohibitions; i++)
                json_object_array_add(never, json_object_new_string(subject->prohibitions[i]));
        json_object_object_add(root, "address",
                               subject->is_here ? json_object_new_string(ADDRESS_TEXT(subject->card->functions[0].address))
                                                : NULL);
        json_object_object_add(root, "id", json_object_new_string(subject_id_text(subject, id, sizeof(id))));
        if (subject->is_device)
                add_device(root, &subject->device);
        else
                add_rule(root, subject);
        json_object_object_add(root, "never", never);
        json_object_object_add(root, "problems", quirks_problems_json(subject->policy));
        print_json(stdout, root);
}
