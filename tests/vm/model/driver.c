// SPDX-License-Identifier: GPL-2.0
/*
 * What stands in for amdgpu and nouveau: drivers that use the card as far as its configuration space shows it, say in the kernel log what
 * the real ones say, and hang in remove() on demand.
 */
#include <linux/module.h>

#include "cards.h"

static struct cm_card *card_of(struct pci_dev *pdev)
{
	return cm_card_of_bus(pdev->bus);
}

/* amdgpu finds the microcontroller of an earlier life still running: it resets the card as its own code does, and puts the BARs back. */
static void reset_running_smc(struct cm_card *card, struct pci_dev *pdev)
{
	struct pci_dev *audio;
	unsigned long flags;
	bool runs;

	raw_spin_lock_irqsave(&card->lock, flags);
	runs = card->smc_runs;
	raw_spin_unlock_irqrestore(&card->lock, flags);
	if (!runs || !card->kind->back_door)
		return;

	pci_info(pdev, "amdgpu: PCI CONFIG reset\n");
	audio = pci_get_slot(pdev->bus, PCI_DEVFN(0, 1));
	if (audio)
		pci_save_state(audio);
	pci_save_state(pdev);
	pci_clear_master(pdev);
	pci_write_config_dword(pdev, CM_RESET_REGISTER, CM_RESET_MAGIC);
	pci_restore_state(pdev);
	if (audio)
		pci_restore_state(audio);
	pci_dev_put(audio);
}

static int common_probe(struct pci_dev *pdev, struct cm_card *card)
{
	unsigned long flags;
	u32 bar0 = 0;
	int ret;

	if (READ_ONCE(card->fail_probe)) {
		pci_err(pdev, "%s: Fatal error during GPU init\n", pdev->driver->name);
		return -EIO;
	}
	ret = pci_enable_device(pdev);
	if (ret)
		return ret;

	pci_read_config_dword(pdev, PCI_BASE_ADDRESS_0, &bar0);
	if (!(bar0 & PCI_BASE_ADDRESS_MEM_MASK)) {
		raw_spin_lock_irqsave(&card->lock, flags);
		card->binds_unrestored++;
		raw_spin_unlock_irqrestore(&card->lock, flags);
		pci_err(pdev, "%s: no answer at the address of BAR 0\n", pdev->driver->name);
		pci_disable_device(pdev);
		return -ENODEV;
	}

	reset_running_smc(card, pdev);
	pci_set_master(pdev);
	raw_spin_lock_irqsave(&card->lock, flags);
	cm_card_host_bind(card);
	raw_spin_unlock_irqrestore(&card->lock, flags);
	return 0;
}

static void common_remove(struct pci_dev *pdev)
{
	struct cm_card *card = card_of(pdev);
	unsigned long flags;
	s32 seconds;

	raw_spin_lock_irqsave(&card->lock, flags);
	cm_card_host_unbind(card);
	seconds = card->hang_remove;
	raw_spin_unlock_irqrestore(&card->lock, flags);

	/* Uninterruptible on purpose: the writer of "unbind" sits in state D, as it does under a real driver that waits for its card. */
	if (seconds > 0)
		wait_event_timeout(card->hang_queue, !READ_ONCE(card->hang_remove), (unsigned long)seconds * HZ);
	else if (seconds < 0)
		wait_event(card->hang_queue, !READ_ONCE(card->hang_remove));

	pci_disable_device(pdev);
}

static int amdgpu_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct cm_card *card = card_of(pdev);

	if (!card)
		return -ENODEV;
	pr_info("[drm] initializing kernel modesetting (POLARIS10 0x%04X:0x%04X 0x%04X:0x%04X 0x%02X).\n", pdev->vendor, pdev->device,
		pdev->subsystem_vendor, pdev->subsystem_device, pdev->revision);
	return common_probe(pdev, card);
}

static void amdgpu_remove(struct pci_dev *pdev)
{
	pci_info(pdev, "amdgpu: finishing device.\n");
	common_remove(pdev);
}

static int nouveau_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct cm_card *card = card_of(pdev);

	if (!card)
		return -ENODEV;
	pci_info(pdev, "NVIDIA GP104 (134000a1)\n");
	return common_probe(pdev, card);
}

/* The PCI core prints dev_name and driver name by itself once a driver is bound; the table of ids makes udev find this module. */
static const struct pci_device_id amdgpu_ids[] = { { PCI_DEVICE(CM_AMD, CM_POLARIS) }, {} };
static const struct pci_device_id nouveau_ids[] = { { PCI_DEVICE(CM_NVIDIA, CM_PASCAL) }, {} };
MODULE_DEVICE_TABLE(pci, amdgpu_ids);
MODULE_DEVICE_TABLE(pci, nouveau_ids);

static struct pci_driver amdgpu_driver = {
	.name = "amdgpu",
	.id_table = amdgpu_ids,
	.probe = amdgpu_probe,
	.remove = amdgpu_remove,
};

static struct pci_driver nouveau_driver = {
	.name = "nouveau",
	.id_table = nouveau_ids,
	.probe = nouveau_probe,
	.remove = common_remove,
};

int cm_drivers_register(void)
{
	int ret = pci_register_driver(&amdgpu_driver);

	if (ret)
		return ret;
	ret = pci_register_driver(&nouveau_driver);
	if (ret)
		pci_unregister_driver(&amdgpu_driver);
	return ret;
}

void cm_drivers_unregister(void)
{
	pci_unregister_driver(&nouveau_driver);
	pci_unregister_driver(&amdgpu_driver);
}
