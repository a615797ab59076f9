/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A virtual machine, as far as the card notices: what vfio and QEMU write when one starts and ends, and the bus
 * reset that vfio does when every function of the bus is in its hands (vfio_pci_dev_set_try_reset()) and none is flagged
 * (pci_bus_resettable()).
 */

#include "machine.h"

static bool bus_can_be_reset(const Card *card) {
        if (card->guarded)
                return false;
        for (unsigned i = 0; i < card->n_functions; i++)
                if (card->functions[i].present &&
                    (!card->functions[i].driver || card->functions[i].driver->kind != DRIVER_VFIO))
                        return false;
        return true;
}

bool group_is_vfio(int group) {
        Card *card = group_card(group);

        for (unsigned i = 0; card && i < card->n_functions; i++) {
                const Function *function = &card->functions[i];
                if (function->present && function->group == group && function->driver &&
                    function->driver->kind == DRIVER_VFIO)
                        return true;
        }
        return false;
}

Card *group_card(int group) {
        for (unsigned i = 0; i < machine.n_cards; i++)
                for (unsigned f = 0; f < machine.cards[i].n_functions; f++)
                        if (machine.cards[i].functions[f].group == group)
                                return &machine.cards[i];
        return NULL;
}

/* -EPERM when a function of the group has a host driver (iommu_group_claim_dma_owner()). */
static int group_check_viable(const Card *card) {
        for (unsigned i = 0; i < card->n_functions; i++) {
                const Function *function = &card->functions[i];
                if (function->driver && function->driver->kind != DRIVER_VFIO && function->driver->kind != DRIVER_STUB)
                        return -EPERM;
        }
        return 0;
}

int guest_start(Card *card, unsigned functions) {
        Function *display = &card->functions[0];
        uint32_t command;

        if (card->group_held)
                return -EBUSY;
        if (!display->driver || display->driver->kind != DRIVER_VFIO)
                return -ENODEV;
        int r = group_check_viable(card);
        if (r < 0)
                return r;
        card->group_held = true;
        card->guest_functions = functions;
        /* vfio enables memory, QEMU disables it, resets, and the guest's firmware enables it again. */
        command = config_get(display, 4, 2);
        config_set(display, 4, command | PCI_COMMAND_MEMORY, 2);
        config_set(display, 4, command & ~(uint32_t) PCI_COMMAND_MEMORY, 2);
        if (card->fellow)
                (void) fellow_reset(display);
        else if (bus_can_be_reset(card)) {
                card->model_device.enable_cnt.value = 1;
                cm_card_bus_reset(&card->model);
        }
        config_set(display, 4, command | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 2);
        return 0;
}

int guest_stop(Card *card) {
        Function *display = &card->functions[0];

        if (!card->group_held)
                return -ENOENT;
        card->group_held = false;
        card->guest_functions = 0;
        card->model_device.enable_cnt.value = 0;
        if (!display->present)
                return 0;
        uint32_t command = config_get(display, 4, 2);
        config_set(display, 4, PCI_COMMAND_INTX_DISABLE, 2);
        if (card->fellow)
                (void) fellow_reset(display);
        else if (bus_can_be_reset(card))
                cm_card_bus_reset(&card->model);
        /* pci_restore_state(): what the device had when it was opened. */
        config_set(display, 4, command & ~(uint32_t) PCI_COMMAND_MASTER, 2);
        return 0;
}
