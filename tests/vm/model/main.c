// SPDX-License-Identifier: GPL-2.0
/*
 * Loading: finds the emulated slots, takes their functions off the bus, lays the accessors over it, and lets the PCI core find the modelled
 * cards in their place. Unloading puts everything back.
 */
#define pr_fmt(fmt) "cardmodel: " fmt

#include <linux/module.h>

#include "cards.h"

/* QEMU's bochs-display and ich9-intel-hda: what the lab machine puts into the slots that are to be modelled. */
#define EMULATED_VENDOR 0x1234
#define EMULATED_DEVICE 0x1111

struct cm_card cm_cards[CM_CARDS];

bool cm_shared_group = true;
module_param_named(shared_group, cm_shared_group, bool, 0444);
MODULE_PARM_DESC(shared_group, "both functions of a card in one IOMMU group, as with most real cards");

static char *temper = "strict";
module_param(temper, charp, 0444);
MODULE_PARM_DESC(temper, "lenient, strict or armed");

static char *state = "fresh";
module_param(state, charp, 0444);
MODULE_PARM_DESC(state, "what card 1 is when it is first seen");

static int hang_remove;
module_param(hang_remove, int, 0444);
MODULE_PARM_DESC(hang_remove, "seconds for which remove() of card 1 hangs, below 0: until told otherwise through debugfs");

/* Which driver function 0 has, and whether it is there at all: known from the bus itself, whoever changes it. */
static int on_bus_event(struct notifier_block *nb, unsigned long action, void *data)
{
	struct pci_dev *pdev = to_pci_dev(data);
	struct cm_card *card = cm_card_of_bus(pdev->bus);
	unsigned long flags;

	if (!card || pdev->devfn != PCI_DEVFN(0, 0))
		return NOTIFY_DONE;

	raw_spin_lock_irqsave(&card->lock, flags);
	switch (action) {
	case BUS_NOTIFY_ADD_DEVICE:
		card->function0 = pdev;
		break;
	case BUS_NOTIFY_REMOVED_DEVICE:
		card->function0 = NULL;
		break;
	case BUS_NOTIFY_BOUND_DRIVER:
		cm_card_guest_driver(card, !strcmp(pdev->dev.driver->name, "vfio-pci"));
		break;
	case BUS_NOTIFY_UNBOUND_DRIVER:
		cm_card_guest_driver(card, false);
		break;
	}
	raw_spin_unlock_irqrestore(&card->lock, flags);
	return NOTIFY_OK;
}

static struct notifier_block bus_events = { .notifier_call = on_bus_event };

/* The next emulated slot behind a port, in the order of their addresses. */
static struct pci_dev *next_slot(struct pci_dev *from)
{
	do {
		from = pci_get_device(EMULATED_VENDOR, EMULATED_DEVICE, from);
	} while (from && !from->bus->self);
	return from;
}

static void remove_functions(struct pci_bus *bus)
{
	struct pci_dev *pdev, *next;

	list_for_each_entry_safe_reverse(pdev, next, &bus->devices, bus_list)
		pci_stop_and_remove_bus_device(pdev);
}

static int __init find_cards(void)
{
	static const struct cm_kind *const kinds[CM_CARDS] = { &cm_polaris, &cm_pascal };
	struct pci_dev *slot = NULL;

	for (int i = 0; i < CM_CARDS; i++) {
		cm_card_init(&cm_cards[i], i + 1, kinds[i]);
		slot = next_slot(slot);
		if (!slot) {
			pr_err("no emulated slot for card %d: the machine needs a bochs-display behind a port of its own\n", i + 1);
			return -ENODEV;
		}
		cm_cards[i].bus = slot->bus;
		cm_cards[i].port = pci_dev_get(slot->bus->self);
	}
	pci_dev_put(slot);
	return 0;
}

static void forget_cards(void)
{
	for (int i = 0; i < CM_CARDS; i++) {
		pci_dev_put(cm_cards[i].port);
		cm_cards[i].port = NULL;
		cm_cards[i].bus = NULL;
	}
}

/* Takes the functions off, changes the accessors, and looks again. */
static int exchange(bool lay)
{
	int ret = 0;

	pci_lock_rescan_remove();
	for (int i = 0; i < CM_CARDS && !ret; i++) {
		remove_functions(cm_cards[i].bus);
		if (lay)
			ret = cm_config_lay(&cm_cards[i]);
		else
			cm_config_lift(&cm_cards[i]);
	}
	for (int i = 0; i < CM_CARDS && !ret; i++)
		pci_rescan_bus(cm_cards[i].bus);
	pci_unlock_rescan_remove();
	return ret;
}

static int __init cardmodel_init(void)
{
	int chosen_temper = match_string(cm_temper_names, CM_TEMPERS, temper);
	int chosen_state = match_string(cm_state_names, CM_STATES, state);
	int ret;

	if (chosen_temper < 0 || chosen_state < 0) {
		pr_err("no such %s: \"%s\"\n", chosen_temper < 0 ? "temper" : "state", chosen_temper < 0 ? temper : state);
		return -EINVAL;
	}
	ret = find_cards();
	if (ret)
		goto forget;
	for (int i = 0; i < CM_CARDS; i++)
		cm_cards[i].temper = chosen_temper;
	cm_cards[0].state = chosen_state;
	cm_cards[0].hang_remove = hang_remove;

	ret = bus_register_notifier(&pci_bus_type, &bus_events);
	if (ret)
		goto forget;
	ret = cm_drivers_register();
	if (ret)
		goto deaf;
	cm_debugfs_create();
	ret = exchange(true);
	if (!ret)
		return 0;

	cm_debugfs_remove();
	cm_drivers_unregister();
deaf:
	bus_unregister_notifier(&pci_bus_type, &bus_events);
forget:
	forget_cards();
	return ret;
}

static void __exit cardmodel_exit(void)
{
	exchange(false);
	cm_debugfs_remove();
	cm_drivers_unregister();
	bus_unregister_notifier(&pci_bus_type, &bus_events);
	forget_cards();
}

module_init(cardmodel_init);
module_exit(cardmodel_exit);
MODULE_DESCRIPTION("An emulated PCI slot posing as a graphics card with a reset bug");
MODULE_LICENSE("GPL");
