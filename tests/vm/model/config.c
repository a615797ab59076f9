// SPDX-License-Identifier: GPL-2.0
/*
 * Accessors of configuration space, laid over those of the card's bus (what the card says it is, its death, the config reset) and
 * over those of the bus above (the bus reset in the bridge control of its port). What they do not model reaches the emulated device.
 *
 * x86 reads configuration space without the PCI core's lock, so the card's own is taken here.
 */
#define pr_fmt(fmt) "cardmodel: " fmt

#include "cardmodel.h"

/* All ports sit on the same bus: the root bus of the lab machine. */
static struct pci_bus *port_bus;
static struct pci_ops *port_below;
static unsigned int port_users;

static u32 size_mask(int size)
{
	return size == 4 ? ~0U : (1U << (size * 8)) - 1;
}

struct cm_card *cm_card_of_bus(struct pci_bus *bus)
{
	for (int i = 0; i < CM_CARDS; i++)
		if (cm_cards[i].bus && cm_cards[i].bus == bus)
			return &cm_cards[i];
	return NULL;
}

/* The whole dword at reg as the card shows it, made from what the emulated device says. */
static u32 disguise(const struct cm_card *card, unsigned int function, int reg, u32 value)
{
	const struct cm_identity *id = &card->kind->id[function];

	switch (reg) {
	case PCI_VENDOR_ID:
		return (u32)id->device << 16 | id->vendor;
	case PCI_CLASS_REVISION:
		return id->class << 8 | id->revision;
	case PCI_SUBSYSTEM_VENDOR_ID:
		return (u32)id->subdevice << 16 | id->subvendor;
	case PCI_CACHE_LINE_SIZE:
		/* The kernel puts a function that does not say "multifunction" at its scan into an IOMMU group of its own. */
		if (function > 0)
			return cm_shared_group ? value | 0x800000 : value & ~0x800000U;
		return value;
	default:
		return value;
	}
}

static int card_read(struct pci_bus *bus, unsigned int devfn, int where, int size, u32 *val)
{
	struct cm_card *card = cm_card_of_bus(bus);
	unsigned long flags;
	u32 dword;
	int ret;

	if (PCI_SLOT(devfn) != 0 || PCI_FUNC(devfn) >= CM_FUNCTIONS || where >= 0x40)
		if (card->state != CM_FAILED)
			return card->below->read(bus, devfn, where, size, val);

	raw_spin_lock_irqsave(&card->lock, flags);
	if (card->state == CM_FAILED) {
		*val = size_mask(size);
		ret = PCIBIOS_SUCCESSFUL;
	} else {
		ret = card->below->read(bus, devfn, where & ~3, 4, &dword);
		if (ret == PCIBIOS_SUCCESSFUL) {
			dword = disguise(card, PCI_FUNC(devfn), where & ~3, dword);
			*val = (dword >> ((where & 3) * 8)) & size_mask(size);
		} else {
			*val = size_mask(size);
		}
	}
	raw_spin_unlock_irqrestore(&card->lock, flags);
	return ret;
}

static u16 read_command(struct cm_card *card, struct pci_bus *bus)
{
	u32 command = 0;

	card->below->read(bus, PCI_DEVFN(0, 0), PCI_COMMAND, 2, &command);
	return command;
}

static int card_write(struct pci_bus *bus, unsigned int devfn, int where, int size, u32 val)
{
	struct cm_card *card = cm_card_of_bus(bus);
	int ret = PCIBIOS_SUCCESSFUL;
	unsigned long flags;
	u16 before;

	raw_spin_lock_irqsave(&card->lock, flags);
	if (card->state == CM_FAILED)
		goto out;
	if (devfn != PCI_DEVFN(0, 0)) {
		ret = card->below->write(bus, devfn, where, size, val);
	} else if (where == CM_RESET_REGISTER && size == 4 && card->kind->back_door) {
		if (val == CM_RESET_MAGIC)
			cm_card_config_reset(card);
	} else if (where >= PCI_COMMAND && where < PCI_COMMAND + 2) {
		before = read_command(card, bus);
		ret = card->below->write(bus, devfn, where, size, val);
		cm_card_command_written(card, before, read_command(card, bus));
	} else {
		ret = card->below->write(bus, devfn, where, size, val);
	}
out:
	raw_spin_unlock_irqrestore(&card->lock, flags);
	return ret;
}

static struct pci_ops card_ops = { .read = card_read, .write = card_write };

static int port_read(struct pci_bus *bus, unsigned int devfn, int where, int size, u32 *val)
{
	return port_below->read(bus, devfn, where, size, val);
}

static int port_write(struct pci_bus *bus, unsigned int devfn, int where, int size, u32 val)
{
	struct cm_card *card = NULL;
	unsigned long flags;
	bool line;
	int ret;

	/* A bus made later under the root bus inherits these accessors, hence the look at the bus. */
	if (bus == port_bus && where <= PCI_BRIDGE_CONTROL && where + size > PCI_BRIDGE_CONTROL)
		for (int i = 0; i < CM_CARDS; i++)
			if (cm_cards[i].port && cm_cards[i].port->devfn == devfn)
				card = &cm_cards[i];

	ret = port_below->write(bus, devfn, where, size, val);
	if (!card)
		return ret;

	line = (val >> ((PCI_BRIDGE_CONTROL - where) * 8)) & PCI_BRIDGE_CTL_BUS_RESET;
	raw_spin_lock_irqsave(&card->lock, flags);
	if (line && !card->bus_reset_line)
		cm_card_bus_reset(card);
	card->bus_reset_line = line;
	raw_spin_unlock_irqrestore(&card->lock, flags);
	return ret;
}

static struct pci_ops port_ops = { .read = port_read, .write = port_write };

/* As a reset through the back door does: the functions forget where they were, and nobody tells the kernel. */
void cm_config_clear_bars(struct cm_card *card)
{
	for (int f = 0; f < CM_FUNCTIONS; f++) {
		card->below->write(card->bus, PCI_DEVFN(0, f), PCI_COMMAND, 2, 0);
		for (int bar = 0; bar < PCI_STD_NUM_BARS; bar++)
			card->below->write(card->bus, PCI_DEVFN(0, f), PCI_BASE_ADDRESS_0 + 4 * bar, 4, 0);
	}
}

int cm_config_lay(struct cm_card *card)
{
	if (port_bus && port_bus != card->port->bus) {
		pr_err("the port of card %u is not on the bus of the other card's port\n", card->index);
		return -EINVAL;
	}
	if (!port_users++) {
		port_bus = card->port->bus;
		port_below = port_bus->ops;
		pci_bus_set_ops(port_bus, &port_ops);
	}
	card->below = card->bus->ops;
	pci_bus_set_ops(card->bus, &card_ops);
	return 0;
}

void cm_config_lift(struct cm_card *card)
{
	pci_bus_set_ops(card->bus, card->below);
	if (!--port_users) {
		pci_bus_set_ops(port_bus, port_below);
		port_bus = NULL;
	}
}
