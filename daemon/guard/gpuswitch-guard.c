// SPDX-License-Identifier: GPL-2.0
/*
 * gpuswitch-guard: keeps bus resets from the slots that it is told, and from no others.
 *
 * The kernel has a flag for functions that a bus reset harms, PCI_DEV_FLAGS_NO_BUS_RESET, and no way for user space to set it. One flagged
 * function is enough to keep vfio, libvirt and reset_method from resetting the bus that it sits on; here all functions of a slot get it, so
 * that it also holds for each of them alone. What AER, DPC and reset_subordinate do is beyond its reach.
 *
 * In /sys/bus/pci/drivers/gpuswitch-guard:
 *
 *   guard    write "0000:01:00.0": guard the slot that this function is in. Again for a guarded slot: functions that have come since are
 *            guarded as well, which is no error. EINVAL: no address. ENODEV: no such function. ENOSPC: GUARD_SLOTS_MAX slots are guarded.
 *   release  write any address of a slot: take back what was set. A slot that is not guarded is no error. EINVAL: no address.
 *   guarded  read: a line for each guarded slot, in the order in which they were named, with the lowest of its guarded functions.
 *
 * A flag that was there before stays. While a slot is guarded the module is in use and cannot be unloaded: a guest's card would be left to
 * the next bus reset. A function that leaves the bus is forgotten; when it comes back it is not guarded until it is named again.
 *
 * The flags are written without a lock, as the kernel's own quirks do: nothing else writes them once a device has been found.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/device.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/string.h>

#define GUARD_SLOTS_MAX 32	/* as many cards as gpuswitchd looks after; their lines fit into a page */
#define GUARD_FUNCTIONS 8

struct guarded_function {
	struct pci_dev *pdev;	/* NULL: not guarded; a reference is held */
	bool ours;		/* the flag was not there before */
};

struct guarded_slot {
	int domain;
	unsigned int bus, slot;
	struct guarded_function functions[GUARD_FUNCTIONS];
};

/*
 * Everything below. Whoever looks for devices does so with the mutex held: a device that is found and removed at the same time is
 * then known here before on_bus_event() is told that it has gone.
 */
static DEFINE_MUTEX(guard_lock);
static struct guarded_slot guarded_slots[GUARD_SLOTS_MAX];
static unsigned int n_guarded_slots;

static struct guarded_slot *slot_find(int domain, unsigned int bus, unsigned int slot)
{
	for (unsigned int i = 0; i < n_guarded_slots; i++) {
		struct guarded_slot *known = &guarded_slots[i];

		if (known->domain == domain && known->bus == bus && known->slot == slot)
			return known;
	}
	return NULL;
}

static void function_guard(struct guarded_function *function, struct pci_dev *pdev)
{
	function->pdev = pci_dev_get(pdev);
	function->ours = !(pdev->dev_flags & PCI_DEV_FLAGS_NO_BUS_RESET);
	pdev->dev_flags |= PCI_DEV_FLAGS_NO_BUS_RESET;
}

static void function_release(struct guarded_function *function)
{
	if (function->ours)
		function->pdev->dev_flags &= ~PCI_DEV_FLAGS_NO_BUS_RESET;
	pci_dev_put(function->pdev);
	*function = (struct guarded_function) { };
}

/* The number of the lowest guarded function, or -1. */
static int slot_first(const struct guarded_slot *slot)
{
	for (int i = 0; i < GUARD_FUNCTIONS; i++)
		if (slot->functions[i].pdev)
			return i;
	return -1;
}

/* Takes a slot without guarded functions off the list. */
static void slot_forget(struct guarded_slot *slot)
{
	pr_info("no longer guards %04x:%02x:%02x\n", slot->domain, slot->bus, slot->slot);
	n_guarded_slots--;
	memmove(slot, slot + 1, (guarded_slots + n_guarded_slots - slot) * sizeof(*slot));
	module_put(THIS_MODULE);
}

static void slot_release(struct guarded_slot *slot)
{
	for (unsigned int i = 0; i < GUARD_FUNCTIONS; i++)
		if (slot->functions[i].pdev)
			function_release(&slot->functions[i]);
	slot_forget(slot);
}

/* The slot of an address, on the list for the first time or already. */
static struct guarded_slot *slot_take(int domain, unsigned int bus, unsigned int slot)
{
	struct guarded_slot *known = slot_find(domain, bus, slot);

	if (known)
		return known;
	if (n_guarded_slots == GUARD_SLOTS_MAX)
		return ERR_PTR(-ENOSPC);
	/* Nobody can be in here while the module goes, but by force. */
	if (!try_module_get(THIS_MODULE))
		return ERR_PTR(-ENODEV);
	known = &guarded_slots[n_guarded_slots++];
	*known = (struct guarded_slot) { .domain = domain, .bus = bus, .slot = slot };
	return known;
}

static int slot_guard(int domain, unsigned int bus, unsigned int number)
{
	struct guarded_slot *slot = slot_take(domain, bus, number);
	unsigned int n = 0;

	if (IS_ERR(slot))
		return PTR_ERR(slot);
	for (unsigned int i = 0; i < GUARD_FUNCTIONS; i++) {
		struct pci_dev *pdev = pci_get_domain_bus_and_slot(domain, bus, PCI_DEVFN(number, i));

		if (pdev && !slot->functions[i].pdev) {
			function_guard(&slot->functions[i], pdev);
			n++;
		}
		pci_dev_put(pdev);
	}
	if (n > 0)
		pr_info("guards %04x:%02x:%02x (%u functions)\n", domain, bus, number, n);
	if (slot_first(slot) >= 0)
		return 0;
	slot_forget(slot); /* it has gone meanwhile */
	return -ENODEV;
}

static int parse_address(const char *text, int *ret_domain, unsigned int *ret_bus, unsigned int *ret_slot, unsigned int *ret_function)
{
	unsigned int domain, bus, slot, function;
	char rest;

	/* The widths keep numbers from overflowing. A newline at the end is no rest: the space before %c takes it. */
	if (sscanf(text, "%8x:%8x:%8x.%8x %c", &domain, &bus, &slot, &function, &rest) != 4)
		return -EINVAL;
	if (domain > INT_MAX || bus > 0xff || slot > 0x1f || function >= GUARD_FUNCTIONS)
		return -EINVAL;
	*ret_domain = domain;
	*ret_bus = bus;
	*ret_slot = slot;
	*ret_function = function;
	return 0;
}

static ssize_t guard_store(struct device_driver *driver, const char *buf, size_t count)
{
	unsigned int bus, slot, function;
	struct pci_dev *pdev;
	int domain, ret;

	ret = parse_address(buf, &domain, &bus, &slot, &function);
	if (ret)
		return ret;

	mutex_lock(&guard_lock);
	pdev = pci_get_domain_bus_and_slot(domain, bus, PCI_DEVFN(slot, function));
	ret = pdev ? slot_guard(domain, bus, slot) : -ENODEV;
	pci_dev_put(pdev);
	mutex_unlock(&guard_lock);
	return ret ?: count;
}
static DRIVER_ATTR_WO(guard);

static ssize_t release_store(struct device_driver *driver, const char *buf, size_t count)
{
	unsigned int bus, number, function;
	struct guarded_slot *slot;
	int domain, ret;

	ret = parse_address(buf, &domain, &bus, &number, &function);
	if (ret)
		return ret;

	mutex_lock(&guard_lock);
	slot = slot_find(domain, bus, number);
	if (slot)
		slot_release(slot);
	mutex_unlock(&guard_lock);
	return count;
}
static DRIVER_ATTR_WO(release);

static ssize_t guarded_show(struct device_driver *driver, char *buf)
{
	int size = 0;

	mutex_lock(&guard_lock);
	for (unsigned int i = 0; i < n_guarded_slots; i++) {
		const struct guarded_slot *slot = &guarded_slots[i];

		size += sysfs_emit_at(buf, size, "%04x:%02x:%02x.%d\n", slot->domain, slot->bus, slot->slot, slot_first(slot));
	}
	mutex_unlock(&guard_lock);
	return size;
}
static DRIVER_ATTR_RO(guarded);

static struct attribute *guard_attrs[] = {
	&driver_attr_guard.attr,
	&driver_attr_release.attr,
	&driver_attr_guarded.attr,
	NULL
};
ATTRIBUTE_GROUPS(guard);

/*
 * After the device's driver has let go of it, and so after vfio's last chance to reset its bus. It is off the bus's list by then: nobody
 * finds it again.
 */
static int on_bus_event(struct notifier_block *nb, unsigned long action, void *data)
{
	struct pci_dev *pdev = to_pci_dev(data);

	if (action != BUS_NOTIFY_REMOVED_DEVICE)
		return NOTIFY_DONE;

	mutex_lock(&guard_lock);
	for (unsigned int i = 0; i < n_guarded_slots; i++) {
		struct guarded_slot *slot = &guarded_slots[i];
		struct guarded_function *function = &slot->functions[PCI_FUNC(pdev->devfn)];

		if (function->pdev != pdev)
			continue;
		function_release(function);
		if (slot_first(slot) < 0)
			slot_forget(slot);
		break;
	}
	mutex_unlock(&guard_lock);
	return NOTIFY_OK;
}

static struct notifier_block bus_events = { .notifier_call = on_bus_event };

/* It is a driver for the sake of its folder in sysfs. Asked for by new_id or driver_override all the same: it takes no device. */
static int guard_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	return -ENODEV;
}

static const struct pci_device_id guard_ids[] = { { } };

static struct pci_driver guard_driver = {
	.name = "gpuswitch-guard",
	.id_table = guard_ids,
	.probe = guard_probe,
	.groups = guard_groups,
	.driver.suppress_bind_attrs = true,
};

static int __init guard_init(void)
{
	int ret = bus_register_notifier(&pci_bus_type, &bus_events);

	if (ret)
		return ret;
	ret = pci_register_driver(&guard_driver);
	if (ret)
		bus_unregister_notifier(&pci_bus_type, &bus_events);
	return ret;
}

static void __exit guard_exit(void)
{
	pci_unregister_driver(&guard_driver);
	bus_unregister_notifier(&pci_bus_type, &bus_events);
	/* Only where it was unloaded by force is there something left to take back. */
	while (n_guarded_slots > 0)
		slot_release(&guarded_slots[n_guarded_slots - 1]);
}

module_init(guard_init);
module_exit(guard_exit);
MODULE_DESCRIPTION("Keeps bus resets from the PCI slots that gpuswitchd names");
MODULE_LICENSE("GPL");
