/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A group is viable while no member is on a driver that uses DMA for the host: vfio-pci, pci-stub and
 * pcieport set driver_managed_dma, a device without driver does not count (iommu_group_claim_dma_owner(),
 * drivers/iommu/iommu.c; kernels before 5.19: vfio_driver_allowed[] in drivers/vfio/vfio.c).
 */

#include "core/viability.h"

#include "base/text.h"
#include "core/fellow.h"
#include "gpuswitch/names.h"

bool viability_member_blocks(const GroupMember *member) {
        /* Bridges are forwarded by the kernel itself; their port driver manages its DMA. */
        if (member->class_code >> 16 == PCI_BASE_CLASS_BRIDGE)
                return false;
        return !isempty(member->driver) && !driver_is_guest(member->driver) && !streq(member->driver, DRIVER_PCI_STUB);
}

static int check_group(const CardFacts *card, Refusal *reterr_refusal) {
        char most[16];

        for (size_t i = 0; i < card_n_parts(card); i++)
                if (card_part_const(card, i)->iommu_group < 0)
                        return refusal_set(reterr_refusal, REFUSAL_NO_IOMMU_GROUP, card_part_const(card, i)->address, NULL,
                                           NULL);
        for (size_t i = 0; i < card->n_group_members; i++) {
                const GroupMember *member = &card->group_members[i];
                if (viability_member_blocks(member))
                        return refusal_set(reterr_refusal, REFUSAL_GROUP_NOT_VIABLE, member->address,
                                           member->driver, NULL);
        }
        if (!card->group_too_large)
                return 0;
        (void) text_format(most, sizeof(most), "%u", GROUP_MEMBERS_MAX);
        return refusal_set(reterr_refusal, REFUSAL_GROUP_TOO_LARGE, card->functions[0].address, most, NULL);
}

static int check_alive(const CardFacts *card, ResetState state, Refusal *reterr_refusal) {
        if (state == RESET_STATE_FAILED)
                return refusal_set(reterr_refusal, REFUSAL_CARD_FAILED, card->functions[0].address, NULL, NULL);
        for (size_t i = 0; i < card->n_functions; i++)
                if (card->functions[i].survey.config_dead)
                        return refusal_set(reterr_refusal, REFUSAL_CARD_FAILED, card->functions[i].address, NULL,
                                           NULL);
        return 0;
}

bool viability_can_guard(const CardFacts *card, const GuestRequest *request) {
        return card->n_functions > 1 && !request->lists_companion;
}

bool viability_is_guarded(const CardFacts *card, const MachineFacts *machine, const Rule *rule) {
        return machine->guard_module_loaded || card->module_guarded || card_kernel_guards(card, machine, rule);
}

static int check_guard(const CardFacts *card, const MachineFacts *machine, const Rule *rule, const GuestRequest *request,
                       Refusal *reterr_refusal) {
        bool has_bug = rule->bus_reset == BUS_RESET_FORBIDDEN;

        if (!reset_state_needs_guard(request->state, has_bug) || viability_can_guard(card, request) ||
            viability_is_guarded(card, machine, rule))
                return 0;
        int r = request->lists_companion
                        ? refusal_set(reterr_refusal, REFUSAL_PREFAIL_COMPANION, request->companion, NULL, NULL)
                        : refusal_set(reterr_refusal, REFUSAL_PREFAIL_NO_COMPANION, card->functions[0].address, NULL,
                                      NULL);
        reterr_refusal->state = request->state;
        return r;
}

int viability_check(const CardFacts *card, const MachineFacts *machine, const Rule *rule,
                    const GuestRequest *request, Refusal *reterr_refusal) {
        PciAddress address = card->functions[0].address;
        int r;

        if (machine->going_down)
                return refusal_set(reterr_refusal, REFUSAL_GOING_DOWN, address, NULL, NULL);
        if (rule->configuration_broken && !request->by_hand)
                return refusal_set(reterr_refusal, REFUSAL_CONFIGURATION_BROKEN, address, rule->broken_file, NULL);
        if (!rule->automatic && !request->by_hand && card_owner(card) != OWNER_GUEST)
                return refusal_set(reterr_refusal, REFUSAL_NOT_AUTOMATIC, address, NULL, NULL);
        r = check_alive(card, request->state, reterr_refusal);
        if (r != 0)
                return r;
        r = check_group(card, reterr_refusal);
        if (r != 0)
                return r;
        if (!machine->vfio_driver_loaded)
                return refusal_set(reterr_refusal, REFUSAL_VFIO_MISSING, address, NULL, NULL);
        r = fellow_check(card, rule, reterr_refusal);
        if (r != 0)
                return r;
        for (size_t i = 0; i < card_n_parts(card); i++)
                if (card_part_const(card, i)->n_virtual_functions > 0)
                        return refusal_set(reterr_refusal, REFUSAL_VIRTUAL_FUNCTIONS, card_part_const(card, i)->address,
                                           NULL, NULL);
        return check_guard(card, machine, rule, request, reterr_refusal);
}
