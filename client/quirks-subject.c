/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A card that is not in this machine is given by its ids. What is not done to it is what core and the helper refuse, said in
 * words: nobody acts on these texts.
 */

#include "client/quirks-subject.h"

#include <stdio.h>

#include "base/address.h"
#include "base/enum-text.h"
#include "base/text.h"
#include "core/chip.h"
#include "machine/cards.h"

void subject_done(Subject *subject) {
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

/* core/chip.c */
static void prohibit_registers(Subject *subject) {
        const FunctionFacts *display = &subject->card->functions[0];

        switch (chip_generation(display->vendor_id, display->device_id)) {
        case CHIP_VI:
                prohibit(subject, "no register of another chip: its SMC is behind 0x6b0/0x6b4, never behind 0x200/0x204");
                break;
        case CHIP_CI:
                prohibit(subject, "no register of another chip: its SMC is behind 0x200/0x204, never behind 0x6b0/0x6b4");
                break;
        case CHIP_OTHER:
        case _CHIP_MAX:
                prohibit(subject, "no write to its registers: gpuswitch-helper knows none of this chip");
                break;
        }
}

/* What is not done to this card, whoever asks for it. */
static void prohibit_for_card(Subject *subject) {
        const Rule *rule = &subject->rule;

        if (subject->match.is_contested)
                prohibit(subject, "no reset at all: two files of one folder claim this card, see above");
        else if (subject->match.is_withheld)
                prohibit(subject, "no reset at all: a file that is refused speaks of this card, see above");
        if (rule->bus_reset == BUS_RESET_FORBIDDEN)
                prohibit(subject, "no reset of its bus in a state in which that could lose it");
        if (rule->recipes[0].n_steps == 0)
                prohibit(subject, "no reset by gpuswitch: what the kernel and QEMU do by themselves is all there is");
        prohibit_registers(subject);
        prohibit(subject, "no D3cold while a guest has it");
        prohibit(subject, "no unbinding while it has virtual functions");
        if (!rule->allow_holders)
                prohibit(subject, "no unbinding while a process has it open");
        prohibit(subject, "no function beside it but audio goes along where the slot is that of a CPU");
}

static void prohibit_for_device(Subject *subject) {
        const PolicyDevice *device = &subject->device;

        if (streq(device->reset, "kernel"))
                prohibit(subject, "no reset but the one that the kernel has for this very device");
        else if (streq(device->reset, "flr"))
                prohibit(subject, "no reset but that of the function itself");
        else
                prohibit(subject, "no reset at all: none is known that does no harm");
        if (streq(device->bus_reset, bus_reset_wish_to_string(BUS_RESET_FORBIDDEN)))
                prohibit(subject, "no reset of its bus");
        prohibit(subject, "no reset by gpuswitch: what the kernel does by itself is all there is");
}

/* By its id alone nobody sees that a device is no GPU: it is one of which a quirk says so, and no family knows just that id. */
static bool find_device(Subject *subject) {
        const FunctionFacts *display = &subject->card->functions[0];

        return !subject->is_here && !streq(subject->match.level, "id") && !streq(subject->match.level, "board") &&
               policy_device(subject->policy, display->vendor_id, display->device_id, &subject->device);
}

ExitStatus subject_read(const Options *options, const char *text, Subject *subject) {
        subject->card = calloc(1, sizeof(*subject->card));
        if (!subject->card || quirks_load(options, &subject->policy) < 0)
                return EXIT_REFUSED;
        ExitStatus status = find_card(options, text, subject);
        if (status != EXIT_DONE)
                return status;
        policy_rule(subject->policy, subject->card, &subject->rule);
        policy_match(subject->policy, subject->card, &subject->match);
        subject->is_device = find_device(subject);
        if (subject->is_device)
                prohibit_for_device(subject);
        else
                prohibit_for_card(subject);
        int r = policy_values(subject->policy, subject->card, &subject->values, &subject->n_values);
        if (r < 0) {
                fprintf(stderr, "cannot read where the values are from: %s\n", strerror(-r));
                return EXIT_REFUSED;
        }
        return EXIT_DONE;
}

const char *subject_id_text(const Subject *subject, char *buffer, size_t size) {
        const FunctionFacts *display = &subject->card->functions[0];

        (void) text_format(buffer, size, "%04x:%04x", display->vendor_id, display->device_id);
        if (display->subsystem_vendor_id | display->subsystem_device_id)
                (void) text_append(buffer, size, ":%04x:%04x", display->subsystem_vendor_id,
                                   display->subsystem_device_id);
        return buffer;
}
