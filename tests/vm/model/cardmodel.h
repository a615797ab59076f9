/* SPDX-License-Identifier: GPL-2.0 */
/*
 * cardmodel: turns an emulated PCI slot into a graphics card whose reset logic can be lost.
 *
 * Only configuration space is modelled. That is all that the kernel's PCI core, vfio-pci, libvirt and QEMU look at when
 * they hand a card over, so all of these are the real ones in the lab.
 */
#ifndef CARDMODEL_H
#define CARDMODEL_H

#include <linux/debugfs.h>
#include <linux/pci.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#define CM_CARDS 2
#define CM_FUNCTIONS 2

/* What amdgpu writes to CONFIG_RESET (0x7c) of function 0: the reset through the back door. */
#define CM_RESET_REGISTER 0x7c
#define CM_RESET_MAGIC 0x39d5e86b

enum cm_state { CM_FRESH, CM_TOUCHED, CM_PREFAIL, CM_FAILED, CM_STATES };
enum cm_temper { CM_LENIENT, CM_STRICT, CM_ARMED, CM_TEMPERS };

extern const char *const cm_state_names[CM_STATES];
extern const char *const cm_temper_names[CM_TEMPERS];

/* What one function says that it is. */
struct cm_identity {
	u16 vendor, device, subvendor, subdevice;
	u32 class;
	u8 revision;
};

/* What is true of every card of one make. */
struct cm_kind {
	const char *name;
	struct cm_identity id[CM_FUNCTIONS];
	bool reset_bug;	 /* a bus reset can kill it */
	bool back_door;	 /* has the config reset at 0x7c */
};

struct cm_card {
	unsigned int index; /* 1 or 2, as debugfs and the scenarios count */
	const struct cm_kind *kind;

	struct pci_bus *bus;	/* the card's own */
	struct pci_dev *port;	/* the bridge above it; a reference is held */
	struct pci_ops *below;	/* the real accessors that ours were laid over */

	/* Everything below is under lock. It is taken inside configuration accesses, hence raw. */
	raw_spinlock_t lock;
	struct pci_dev *function0; /* while the PCI core knows it; no reference, cleared when it goes */
	bool guest_driver;	   /* vfio-pci has function 0 */

	enum cm_state state;
	enum cm_temper temper;
	bool driver_ran;     /* since power-up */
	bool smc_runs;	     /* a host driver started the microcontroller and nothing stopped it since */
	bool used_since_reset;
	bool bus_reset_line; /* BUS_RESET as last written to the port */

	/* One opening of function 0 by vfio. */
	bool session, session_cleared, session_counted, session_may_be_over;

	s32 hang_remove; /* seconds; below 0: until it is written again */
	u32 fail_probe;
	wait_queue_head_t hang_queue;

	u32 bus_resets, bus_resets_in_prefail;
	u32 config_resets, config_resets_before_driver;
	u32 binds, binds_unrestored;
	u32 guest_starts, guest_starts_unreset, guest_boots;
};

extern struct cm_card cm_cards[CM_CARDS];
extern bool cm_shared_group;

/* card.c: the state machine. All of these want card->lock held. */
void cm_card_init(struct cm_card *card, unsigned int index, const struct cm_kind *kind);
void cm_card_host_bind(struct cm_card *card);
void cm_card_host_unbind(struct cm_card *card);
void cm_card_bus_reset(struct cm_card *card);
void cm_card_config_reset(struct cm_card *card);
void cm_card_command_written(struct cm_card *card, u16 before, u16 after);
void cm_card_guest_driver(struct cm_card *card, bool bound);
void cm_card_set_state(struct cm_card *card, enum cm_state state, const char *why);
int cm_card_power_cycle(struct cm_card *card);

/* config.c: the accessors that are laid over the card's bus and over the bus of its port. */
int cm_config_lay(struct cm_card *card);
void cm_config_lift(struct cm_card *card);
void cm_config_clear_bars(struct cm_card *card);
struct cm_card *cm_card_of_bus(struct pci_bus *bus);

/* driver.c: what stands in for amdgpu and nouveau. */
int cm_drivers_register(void);
void cm_drivers_unregister(void);

/* debugfs.c */
void cm_debugfs_create(void);
void cm_debugfs_remove(void);

#endif
