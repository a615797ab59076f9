/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Start situations out of a seed: the same seed is the same situation on every machine. Half of them are a
 * card at home as a boot leaves it; the others are whatever driverctl, libvirt and old scripts may have made
 * of it.
 */

#include "card-fixture.h"

typedef struct Situation {
        CardFacts card;
        MachineFacts machine;
        Rule rule;
        GuestRequest request;
} Situation;

static inline _unused_ uint32_t random_next(uint64_t *seed) {
        /* splitmix64: one addition and two multiplications, and no bad seeds */
        uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);

        z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
        return (uint32_t) (z >> 32);
}

static inline _unused_ uint32_t random_below(uint64_t *seed, uint32_t n) {
        return random_next(seed) % n;
}

static inline _unused_ bool random_one_in(uint64_t *seed, uint32_t n) {
        return random_below(seed, n) == 0;
}

#define RANDOM_OF(seed, array) ((array)[random_below((seed), ELEMENTSOF(array))])

static inline _unused_ const char *random_driver(uint64_t *seed, const char *native, bool stub_loaded) {
        const char *const drivers[] = {
                native, native, "", DRIVER_VFIO_PCI, DRIVER_PCI_STUB, "any_vfio_pci"
        };
        const char *driver = RANDOM_OF(seed, drivers);

        return streq(driver, DRIVER_PCI_STUB) && !stub_loaded ? "" : driver;
}

static inline _unused_ const char *random_override(uint64_t *seed, const char *native, const char *driver) {
        const char *const overrides[] = { "",     driver,          driver,          DRIVER_VFIO_PCI,
                                          native, DRIVER_PCI_STUB, OVERRIDE_PINNED, "gone_driver" };

        return RANDOM_OF(seed, overrides);
}

static inline _unused_ void random_function(uint64_t *seed, CardFacts *card, size_t i, bool stub_loaded) {
        static const char *const controls[] = { "auto", "on", "" };
        static const char *const d3colds[] = { "1", "0", "" };
        const char *native = i == 0                                           ? "amdgpu"
                             : card->functions[i].role == FUNCTION_ROLE_AUDIO ? "snd_hda_intel"
                             : card->functions[i].role == FUNCTION_ROLE_USB   ? "xhci_hcd"
                                                                              : "ucsi_ccg";
        const char *driver = random_driver(seed, native, stub_loaded);

        fixture_put(card, i, driver, random_override(seed, native, driver));
        fixture_power(card, i, RANDOM_OF(seed, controls), RANDOM_OF(seed, d3colds));
}

static inline _unused_ CardFacts random_card(uint64_t *seed, bool stub_loaded) {
        static const uint32_t companions[] = { 0x040300, 0x0c0330, 0x0c8000 };
        bool as_booted = random_one_in(seed, 2);
        size_t n_functions = random_one_in(seed, 16) ? FUNCTIONS_MAX : 1 + random_below(seed, 4);
        CardFacts card = { 0 };

        fixture_add(&card, 0x030000, 0x67df, "amdgpu");
        for (size_t i = 1; i < n_functions; i++)
                fixture_add(&card, companions[(i - 1) % 3], 0xaaf0,
                            i % 3 == 1   ? "snd_hda_intel"
                            : i % 3 == 2 ? "xhci_hcd"
                                         : "ucsi_ccg");
        for (size_t i = 0; i < n_functions; i++) {
                FunctionSurvey *survey = &card.functions[i].survey;
                if (!as_booted)
                        random_function(seed, &card, i, stub_loaded);
                if (random_one_in(seed, 4))
                        card.functions[i].iommu_group = FIXTURE_GROUP + (int32_t) i;
                survey->n_registers = (uint8_t) random_below(seed, 5);
                for (size_t r = 0; r < survey->n_registers; r++)
                        survey->registers[r] = (ConfigRegister){ .offset = (uint16_t) (0x10 + 4 * r),
                                                                 .width = 4,
                                                                 .value = random_next(seed) | 1 };
                survey->msix_enabled = random_one_in(seed, 8);
        }
        return card;
}

static inline _unused_ void random_guard(uint64_t *seed, Situation *s) {
        s->machine.guard_module_loaded = random_one_in(seed, 3);
        s->card.module_guarded = s->machine.guard_module_loaded && random_one_in(seed, 4);
        s->machine.vendor_reset_there = random_one_in(seed, 4);
        s->card.device_specific_reset = random_one_in(seed, 4);
        if (s->rule.bus_reset == BUS_RESET_FORBIDDEN && random_one_in(seed, 4))
                s->rule.kernel_guard = random_one_in(seed, 2) ? KERNEL_GUARD_VENDOR_RESET : KERNEL_GUARD_ALWAYS;
}

static inline _unused_ Situation situation_from(uint64_t number) {
        static const ResetState states[] = { RESET_STATE_FRESH, RESET_STATE_TOUCHED, RESET_STATE_PREFAIL,
                                             RESET_STATE_UNKNOWN };
        uint64_t state = number, *seed = &state;
        Situation s = { .machine = fixture_machine() };

        s.machine.stub_driver_loaded = !random_one_in(seed, 4);
        s.card = random_card(seed, s.machine.stub_driver_loaded);
        s.rule = random_one_in(seed, 3) ? RULE_GENERIC : fixture_rule_polaris();
        s.rule.allow_holders = random_one_in(seed, 4);
        s.rule.allow_lockdown = random_one_in(seed, 2);
        s.request = fixture_request(RANDOM_OF(seed, states));
        s.request.after_driver_ran = !random_one_in(seed, 4);
        s.request.by_hand = random_one_in(seed, 4);
        if (s.card.n_functions > 1 && random_one_in(seed, 5)) {
                s.request.lists_companion = true;
                s.request.companion = s.card.functions[1].address;
        }
        for (size_t i = 0; i < s.card.n_functions && random_one_in(seed, 8); i++)
                s.card.functions[i].survey.config_locked = true;
        random_guard(seed, &s);
        return s;
}
