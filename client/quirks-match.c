/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* quirks match: what holds for one card, value by value, and what will be done to it. */

#include <stdio.h>

#include "base/address.h"
#include "base/enum-text.h"
#include "base/text.h"
#include "client/printable.h"
#include "client/quirks-subject.h"
#include "client/table.h"

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
        const PolicyDevice *device = &subject->device;

        printf("Known as a device that is no GPU: %s (%s)\n  reset: %s\n      source: ", device->name, device->file, device->reset);
        printable_put(stdout, device->reset_source);
        if (!isempty(device->bus_reset)) {
                printf("\n  bus reset: %s\n      source: ", device->bus_reset);
                printable_put(stdout, device->bus_reset_source);
        }
        if (!isempty(device->note)) {
                fputs("\n  note: ", stdout);
                printable_put(stdout, device->note);
        }
        putchar('\n');
}

static void put_prohibitions(const Subject *subject) {
        printf("\nWhat is not done:\n");
        for (size_t i = 0; i < subject->n_prohibitions; i++)
                printf("  - %s\n", subject->prohibitions[i]);
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
               subject->is_here ? "  " : "", subject_id_text(subject, id, sizeof(id)));
        if (subject->is_device) {
                put_device(subject);
                return put_prohibitions(subject);
        }
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
        put_prohibitions(subject);
        for (size_t i = 0; i < subject->n_values; i++)
                if (streq(subject->values[i].key, "recovery"))
                        printf("\nA lost card comes back by, in this order: %s\n", subject->values[i].text);
        printf("\n`gpuswitchctl recover` may use: %s\n", recovery_text(&subject->rule.recovery, text, sizeof(text)));
        put_advice(subject);
        put_values(subject, colour_on);
}

ExitStatus quirks_match(const Options *options, const char *card) {
        _cleanup_(subject_done) Subject subject = { 0 };

        ExitStatus status = subject_read(options, card, &subject);
        if (subject.policy && quirks_tell_problems(subject.policy) > 0)
                fputs("Until these files are mended, VM starts do not take cards.\n", stderr);
        if (status != EXIT_DONE)
                return status;
        if (options->json)
                subject_print_json(&subject);
        else
                put_subject(&subject, colour_wanted(stdout));
        return EXIT_DONE;
}
