/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Cards, rules and requests for tests: whole and at home, so that a test says only what is different.
 * Power attributes are as after a boot: power/control "auto" (the host drivers allow it), d3cold_allowed "1".
 */

#include "base/text.h"
#include "core/facts.h"
#include "core/plan.h"
#include "core/rule.h"
#include "gpuswitch/names.h"

#define FIXTURE_GROUP 16

static inline _unused_ PciAddress fixture_address(uint8_t function) {
        return (PciAddress){ .bus = 1, .function = function };
}

/* Sets what a test changes most: who has function @i, and what keeps it there. */
static inline _unused_ void fixture_put(CardFacts *card, size_t i, const char *driver, const char *override) {
        (void) text_copy(card->functions[i].driver, DRIVER_NAME_SIZE, driver);
        (void) text_copy(card->functions[i].survey.driver_override, DRIVER_NAME_SIZE, override);
}

/* "": the attribute does not exist. */
static inline _unused_ void fixture_power(CardFacts *card, size_t i, const char *control,
                                          const char *d3cold) {
        (void) text_copy(card->functions[i].survey.power_control, ATTRIBUTE_VALUE_SIZE, control);
        (void) text_copy(card->functions[i].survey.d3cold_allowed, ATTRIBUTE_VALUE_SIZE, d3cold);
}

static inline _unused_ void fixture_add(CardFacts *card, uint32_t class_code, uint16_t device,
                                        const char *driver) {
        size_t i = card->n_functions++;

        card->functions[i] = (FunctionFacts){
                .address = fixture_address((uint8_t) i),
                .class_code = class_code,
                .vendor_id = 0x1002,
                .device_id = device,
                .role = role_of_class(class_code),
                .iommu_group = FIXTURE_GROUP,
                .is_boot_display = false,
                .survey = {
                        .valid = true,
                        .n_registers = 2,
                        .registers = {
                                { .offset = 0x10, .width = 4, .value = 0xe0000000U + (uint32_t) i },
                                { .offset = 0x04, .width = 2, .value = 0x0007 },
                        },
                },
        };
        fixture_put(card, i, driver, "");
        fixture_power(card, i, "auto", "1");
}

/* Polaris 10 with its audio function, both on their host drivers. */
static inline _unused_ CardFacts fixture_polaris(void) {
        CardFacts card = { 0 };

        fixture_add(&card, 0x030000, 0x67df, "amdgpu");
        fixture_add(&card, 0x040300, 0xaaf0, "snd_hda_intel");
        return card;
}

/* A card without companion. */
static inline _unused_ CardFacts fixture_single(void) {
        CardFacts card = fixture_polaris();

        card.n_functions = 1;
        return card;
}

/* Up to four functions of a family whose bus reset is wanted: display, audio, USB, type-C. */
static inline _unused_ CardFacts fixture_generic(size_t n_functions) {
        static const struct {
                uint32_t class_code;
                const char *driver;
        } functions[] = {
                { 0x030000, "nouveau" },
                { 0x040300, "snd_hda_intel" },
                { 0x0c0330, "xhci_hcd" },
                { 0x0c8000, "ucsi_ccg" },
        };
        CardFacts card = { 0 };

        for (size_t i = 0; i < n_functions && i < ELEMENTSOF(functions); i++) {
                fixture_add(&card, functions[i].class_code, (uint16_t) (0x1e00 + i), functions[i].driver);
                card.functions[i].vendor_id = 0x10de;
        }
        return card;
}

/* The Polaris card as gpuswitch leaves it with a guest: guarded by its companion. */
static inline _unused_ CardFacts fixture_polaris_guarded(void) {
        CardFacts card = fixture_polaris();

        fixture_put(&card, 0, DRIVER_VFIO_PCI, DRIVER_VFIO_PCI);
        fixture_put(&card, 1, DRIVER_PCI_STUB, DRIVER_PCI_STUB);
        fixture_power(&card, 0, "on", "0");
        fixture_power(&card, 1, "on", "0");
        return card;
}

/* Every function on vfio-pci: for a family with the bug, unguarded. */
static inline _unused_ CardFacts fixture_all_vfio(CardFacts card) {
        for (size_t i = 0; i < card.n_functions; i++) {
                fixture_put(&card, i, DRIVER_VFIO_PCI, DRIVER_VFIO_PCI);
                fixture_power(&card, i, "on", "0");
        }
        return card;
}

static inline _unused_ void fixture_add_member(CardFacts *card, uint32_t class_code, const char *driver) {
        GroupMember *member = &card->group_members[card->n_group_members];

        *member = (GroupMember){
                .address = { .bus = 2, .slot = (uint8_t) card->n_group_members },
                .iommu_group = FIXTURE_GROUP,
                .class_code = class_code,
        };
        (void) text_copy(member->driver, sizeof(member->driver), driver);
        card->n_group_members++;
}

static inline _unused_ MachineFacts fixture_machine(void) {
        return (MachineFacts){ .vfio_driver_loaded = true, .stub_driver_loaded = true };
}

static inline _unused_ ResetStateRule fixture_state_rule_polaris(void) {
        return (ResetStateRule){
                .touched_host_bind = RESET_STATE_PREFAIL,
                .prefail_bus_reset = RESET_STATE_FAILED,
                .recipe_ok = RESET_STATE_PREFAIL,
                .dirty_guest_end = _RESET_STATE_INVALID,
                .reset_line_is_prefail = true,
        };
}

static inline _unused_ Rule fixture_rule_polaris(void) {
        return (Rule){
                .family = "polaris",
                .bus_reset = BUS_RESET_FORBIDDEN,
                .state = fixture_state_rule_polaris(),
                .recipes[0] = {
                        .name = "config",
                        .before_guest = true,
                        .n_steps = 5,
                        .steps = {
                                { .verb = RECIPE_SAVE_CONFIG },
                                { .verb = RECIPE_WRITE_CONFIG, .offset = 0x7c, .mask = UINT32_MAX,
                                  .value = 0x39d5e86b },
                                { .verb = RECIPE_DELAY, .delay_usec = 100 },
                                { .verb = RECIPE_RESTORE_CONFIG },
                                { .verb = RECIPE_VERIFY },
                        },
                        .after_driver = "amdgpu",
                        .needs_guard = true,
                },
                .automatic = true,
        };
}

/* A VM start; amdgpu has had the card, and the VM lists the display function only. */
static inline _unused_ GuestRequest fixture_request(ResetState state) {
        return (GuestRequest){ .state = state, .after_driver_ran = true };
}

/* The same by a VM whose XML names the companion as well. */
static inline _unused_ GuestRequest fixture_request_companion(ResetState state) {
        return (GuestRequest){
                .state = state,
                .after_driver_ran = true,
                .lists_companion = true,
                .companion = fixture_address(1),
        };
}
