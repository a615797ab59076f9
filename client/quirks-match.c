/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * quirks match: what holds for one card, value by value, and what will be done to it. A card that is not in this machine is
 * given by its ids.
 */

#include <stdio.h>

#include "base/address.h"
#include "base/enum-text.h"
#include "base/text.h"
#include "client/json.h"
#include "client/printable.h"
#include "client/quirks.h"
#include "client/table.h"
#include "core/chip.h"
#include "machine/cards.h"
#include "policy/values.h"

#define PROHIBITIONS_MAX 8U

typedef struct Subject {
        Policy *policy;
        CardFacts *card;
        bool is_here; /* found in /sys, and not made from ids */
        Rule rule;
        PolicyMatch match;
        PolicyValue *values;
        size_t n_values;
        const char *prohibitions[PROHIBITIONS_MAX];
        size_t n_prohibitions;
} Subject;

static void subject_done(Subject *subject) {
        if (subject->policy)
                policy_free(subject->policy);
        free(subject->card);
        free(subject->values);
}

/* "1002:67df" or "1002:67df:1da2:e366". */
static bool parse_ids(const char *text, CardFacts *card) {
        uint16_t ids[4] = { 0 };
        size_t n = strlen(text);

        if (n != 9 && n != 19)
                return false;
        for (size_t i = 0; i * 5 < n; i++) {
                char part[5] = "";
                uint64_t number;
                memcpy(part, text + i * 5, 4);
                if (text_to_uint64(part, 16, &number) < 0 || (text[i * 5 + 4] != ':' && text[i * 5 + 4] != '\0'))
                        return false;
                ids[i] = (uint16_t) number;
        }
        card->n_functions = 1;
        card->functions[0].vendor_id = ids[0];
        card->functions[0].device_id = ids[1];
        card->functions[0].subsystem_vendor_id = ids[2];
        card->functions[0].subsystem_device_id = ids[3];
        /* No slot that policy could mean. */
        card->functions[0].address = (PciAddress){ .domain = UINT32_MAX };
        return true;
}

static ExitStatus find_card(const Options *options, const char *text, Subject *subject) {
        PciAddress address;

        if (parse_ids(text, subject->card))
                return EXIT_DONE;
        if (address_parse(text, &address) < 0 && policy_find_name(subject->policy, text, &address) < 0) {
                fprintf(stderr, "'%s' is no address, no name from policy, and no id like 1002:67df\n", text);
                return EXIT_REFUSED;
        }
        int r = cards_read(options->root ?: "", address, subject->card);
        if (r != 0) {
                fprintf(stderr, "%s: %s\n", ADDRESS_TEXT(address),
                        r == CARDS_E_NOT_A_CARD ? "belongs to no GPU" : strerror(-r));
                return EXIT_REFUSED;
        }
        subject->is_here = true;
        return EXIT_DONE;
}

static void prohibit(Subject *subject, const char *what) {
        subject->prohibitions[subject->n_prohibitions++] = what;
}

/* What is not done to this card, whoever asks for it. */
static void collect_prohibitions(Subject *subject) {
        const FunctionFacts *display = &subject->card->functions[0];
        const Rule *rule = &subject->rule;

        if (subject->match.is_contested)
                prohibit(subject, "no reset at all: two files of one folder claim this card, see above");
        else if (subject->match.is_withheld)
                prohibit(subject, "no reset at all: a file that is refused speaks of this card, see above");
        if (rule->bus_reset == BUS_RESET_FORBIDDEN)
                prohibit(subject, "no reset of its bus in a state in which that could lose it");
        if (rule->recipes[0].n_steps == 0)
                prohibit(subject, "no reset by gpuswitch: what the kernel and QEMU do by themselves is all there is");
        if (chip_generation(display->vendor_id, display->device_id) == CHIP_OTHER)
                prohibit(subject, "no write to its registers: gpuswitch-helper knows none of this chip");
}

static ExitStatus subject_read(const Options *options, const char *text, Subject *subject) {
        subject->card = calloc(1, sizeof(*subject->card));
        if (!subject->card || quirks_load(options, &subject->policy) < 0)
                return EXIT_REFUSED;
        ExitStatus status = find_card(options, text, subject);
        if (status != EXIT_DONE)
                return status;
        policy_rule(subject->policy, subject->card, &subject->rule);
        policy_match(subject->policy, subject->card, &subject->match);
        collect_prohibitions(subject);
        int r = policy_values(subject->policy, subject->card, &subject->values, &subject->n_values);
        if (r < 0) {
                fprintf(stderr, "cannot read where the values are from: %s\n", strerror(-r));
                return EXIT_REFUSED;
        }
        return EXIT_DONE;
}

static const char *id_text(const CardFacts *card, char *buffer, size_t size) {
        const FunctionFacts *display = &card->functions[0];

        (void) text_format(buffer, size, "%04x:%04x", display->vendor_id, display->device_id);
        if (display->subsystem_vendor_id | display->subsystem_device_id)
                (void) text_append(buffer, size, ":%04x:%04x", display->subsystem_vendor_id,
                                   display->subsystem_device_id);
        return buffer;
}

/* --- for people --- */

static void put_values(const Subject *subject, bool colour_on) {
        char source[POLICY_SOURCE_SIZE];

        printf("\nValues:\n");
        for (size_t i = 0; i < subject->n_values; i++) {
                const PolicyValue *value = &subject->values[i];
                printf("  %s = ", value->key);
                colour_put(stdout, colour_on, COLOUR_STRONG, value->text);
                printf("\n      %s:%zu\n", value->file, value->line);
                if (isempty(value->source))
                        continue;
                (void) text_copy(source, sizeof(source), value->source);
                printf("      source: %s\n", printable_line(source));
        }
}

static void put_resets(const Subject *subject) {
        char text[512];

        printf("\nResets, the first that can run is taken:%s\n", subject->rule.recipes[0].n_steps == 0 ? " none" : "");
        for (size_t i = 0; i < RECIPES_MAX && subject->rule.recipes[i].n_steps > 0; i++) {
                const Recipe *recipe = &subject->rule.recipes[i];
                printf("  %zu. %s: %s\n", i + 1, recipe->name,
                       recipe_conditions_text(recipe, &subject->rule, text, sizeof(text)));
                for (size_t k = 0; k < recipe->n_steps; k++)
                        printf("     %2zu  %s\n", k + 1, recipe_step_text(&recipe->steps[k], text, sizeof(text)));
        }
}

static void put_device(const Subject *subject) {
        const FunctionFacts *display = &subject->card->functions[0];
        PolicyDevice device;

        if (!policy_device(subject->policy, display->vendor_id, display->device_id, &device))
                return;
        printf("\nKnown as a device that is no GPU: %s (%s)\n  reset: %s\n      source: ", device.name, device.file, device.reset);
        printable_put(stdout, device.reset_source);
        if (!isempty(device.bus_reset)) {
                printf("\n  bus reset: %s\n      source: ", device.bus_reset);
                printable_put(stdout, device.bus_reset_source);
        }
        if (!isempty(device.note)) {
                fputs("\n  note: ", stdout);
                printable_put(stdout, device.note);
        }
        putchar('\n');
}

static void put_advice(const Subject *subject) {
        PolicyAdvice advice;

        for (size_t i = 0; policy_advice(subject->policy, subject->card, i, &advice); i++) {
                printf("%s  - ", i == 0 ? "\nAdvice for the VM:\n" : "");
                printable_put(stdout, advice.text);
                if (!isempty(advice.xml)) {
                        fputs("\n      ", stdout);
                        printable_put(stdout, advice.xml);
                }
                printf("\n      when: %s%s\n      source: ", advice_when_to_string(advice.when),
                       subject->is_here && !advice.applies ? ", so not for this card" : "");
                printable_put(stdout, advice.source);
                putchar('\n');
        }
}

static const char *guard_text(const Rule *rule) {
        if (rule->bus_reset == BUS_RESET_WANTED)
                return "none needed: the bus reset is the reset that this family has";
        if (rule->kernel_guard == KERNEL_GUARD_ALWAYS)
                return "the kernel itself refuses to reset its bus";
        if (rule->kernel_guard == KERNEL_GUARD_VENDOR_RESET)
                return "by the module vendor-reset where it looks after the card; else companions on pci-stub, or gpuswitch-guard";
        return "companions on pci-stub, or the module gpuswitch-guard";
}

static void put_subject(const Subject *subject, bool colour_on) {
        char id[32], text[256];

        printf("%s%s%s\n", subject->is_here ? ADDRESS_TEXT(subject->card->functions[0].address) : "",
               subject->is_here ? "  " : "", id_text(subject->card, id, sizeof(id)));
        printf("Family: ");
        colour_put(stdout, colour_on, COLOUR_STRONG, subject->match.family);
        if (subject->match.line > 0)
                printf(", matched by %s: %s:%zu\n", subject->match.level, subject->match.file, subject->match.line);
        else
                printf(", %s: no file speaks of this card\n", subject->match.file);
        printf("Bus reset: %s\nGuard: %s\n", bus_reset_wish_to_string(subject->rule.bus_reset),
               guard_text(&subject->rule));
        if (subject->rule.guest_reboots != GUEST_REBOOTS_UNLIMITED)
                printf("Guest reboots inside one QEMU process: %u\n", subject->rule.guest_reboots);
        put_resets(subject);
        printf("\nWhat is not done:%s\n", subject->n_prohibitions == 0 ? " nothing in particular" : "");
        for (size_t i = 0; i < subject->n_prohibitions; i++)
                printf("  - %s\n", subject->prohibitions[i]);
        for (size_t i = 0; i < subject->n_values; i++)
                if (streq(subject->values[i].key, "recovery"))
                        printf("\nA lost card comes back by, in this order: %s\n", subject->values[i].text);
        printf("\n`gpuswitchctl recover` may use: %s\n", recovery_text(&subject->rule.recovery, text, sizeof(text)));
        put_device(subject);
        put_advice(subject);
        put_values(subject, colour_on);
}

/* --- for programs --- */

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

static json_object *device_json(const Subject *subject) {
        const FunctionFacts *display = &subject->card->functions[0];
        json_object *object;
        PolicyDevice device;

        if (!policy_device(subject->policy, display->vendor_id, display->device_id, &device))
                return NULL;
        object = json_object_new_object();
        json_object_object_add(object, "device", json_object_new_string(device.name));
        json_object_object_add(object, "file", json_object_new_string(device.file));
        json_object_object_add(object, "reset", json_object_new_string(device.reset));
        json_object_object_add(object, "bus_reset", text_or_null(device.bus_reset));
        json_object_object_add(object, "note", text_or_null(device.note));
        return object;
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

static void print_subject_json(const Subject *subject) {
        _cleanup_(json_object_putp) json_object *root = json_object_new_object();
        json_object *resets = json_object_new_array(), *never = json_object_new_array();
        json_object *recover = json_object_new_array();
        const Rule *rule = &subject->rule;
        char id[32];

        for (size_t i = 0; i < RECIPES_MAX && rule->recipes[i].n_steps > 0; i++)
                json_object_array_add(resets, recipe_json(&rule->recipes[i]));
        for (size_t i = 0; i < subject->n_prohibitions; i++)
                json_object_array_add(never, json_object_new_string(subject->prohibitions[i]));
        json_object_object_add(root, "address",
                               subject->is_here ? json_object_new_string(ADDRESS_TEXT(subject->card->functions[0].address))
                                                : NULL);
        json_object_object_add(root, "id", json_object_new_string(id_text(subject->card, id, sizeof(id))));
        json_object_object_add(root, "family", json_object_new_string(subject->match.family));
        json_object_object_add(root, "matched_by", json_object_new_string(subject->match.level));
        json_object_object_add(root, "file", json_object_new_string(subject->match.file));
        json_object_object_add(root, "line", json_object_new_uint64(subject->match.line));
        json_object_object_add(root, "contested", json_object_new_boolean(subject->match.is_contested));
        json_object_object_add(root, "withheld", json_object_new_boolean(subject->match.is_withheld));
        json_object_object_add(root, "bus_reset", json_object_new_string(bus_reset_wish_to_string(rule->bus_reset)));
        json_object_object_add(root, "kernel_guard", json_object_new_string(kernel_guard_to_string(rule->kernel_guard)));
        json_object_object_add(root, "guest_reboots",
                               rule->guest_reboots == GUEST_REBOOTS_UNLIMITED ? NULL
                                                                              : json_object_new_uint64(rule->guest_reboots));
        json_object_object_add(root, "resets", resets);
        json_object_array_add(recover, json_object_new_string("look"));
        if (rule->recovery.suspend_usec > 0)
                json_object_array_add(recover, json_object_new_string("suspend"));
        if (rule->recovery.remove_rescan)
                json_object_array_add(recover, json_object_new_string("rescan"));
        json_object_object_add(root, "recover", recover);
        json_object_object_add(root, "never", never);
        json_object_object_add(root, "device", device_json(subject));
        json_object_object_add(root, "advice", advice_json(subject));
        json_object_object_add(root, "values", values_json(subject));
        json_object_object_add(root, "problems", quirks_problems_json(subject->policy));
        print_json(stdout, root);
}

ExitStatus quirks_match(const Options *options, const char *card) {
        _cleanup_(subject_done) Subject subject = { 0 };

        ExitStatus status = subject_read(options, card, &subject);
        if (subject.policy && quirks_tell_problems(subject.policy) > 0)
                fputs("Until these files are mended, VM starts do not take cards.\n", stderr);
        if (status != EXIT_DONE)
                return status;
        if (options->json)
                print_subject_json(&subject);
        else
                put_subject(&subject, colour_wanted(stdout));
        return EXIT_DONE;
}
