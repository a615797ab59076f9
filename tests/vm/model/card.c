// SPDX-License-Identifier: GPL-2.0
/*
 * The state machine of a card.
 *
 * Tempers: nobody has proven what a config reset does to a real card that is one bus reset away from its death, so there are three.
 *   lenient  it saves the card
 *   strict   it changes nothing: only a bus reset that does not happen saves it
 *   armed    it is itself what brings the card there
 */
#define pr_fmt(fmt) "cardmodel: " fmt

#include "cardmodel.h"

const char *const cm_state_names[CM_STATES] = { "fresh", "touched", "prefail", "failed" };
const char *const cm_temper_names[CM_TEMPERS] = { "lenient", "strict", "armed" };

void cm_card_init(struct cm_card *card, unsigned int index, const struct cm_kind *kind)
{
	card->index = index;
	card->kind = kind;
	raw_spin_lock_init(&card->lock);
	init_waitqueue_head(&card->hang_queue);
}

void cm_card_set_state(struct cm_card *card, enum cm_state state, const char *why)
{
	/* No PCI address in here: software under test reads the kernel log for what real drivers say about an address. */
	if (card->state != state)
		pr_info("card %u: %s: %s -> %s\n", card->index, why, cm_state_names[card->state], cm_state_names[state]);
	card->state = state;
}

void cm_card_host_bind(struct cm_card *card)
{
	card->binds++;
	card->driver_ran = true;
	card->smc_runs = true;
	card->used_since_reset = true;
	if (card->state == CM_TOUCHED && card->kind->reset_bug)
		cm_card_set_state(card, CM_PREFAIL, "host driver bound");
}

void cm_card_host_unbind(struct cm_card *card)
{
	if (card->state == CM_FRESH)
		cm_card_set_state(card, CM_TOUCHED, "host driver let go");
}

void cm_card_bus_reset(struct cm_card *card)
{
	card->bus_resets++;

	/* vfio also silences a function right before it resets the bus under a running guest: then it is no farewell. */
	if (card->function0 && atomic_read(&card->function0->enable_cnt) > 0)
		card->session_may_be_over = false;

	if (card->state == CM_FAILED)
		return;
	if (card->state == CM_PREFAIL) {
		card->bus_resets_in_prefail++;
		if (card->kind->reset_bug) {
			cm_card_set_state(card, CM_FAILED, "bus reset");
			return;
		}
	}
	card->smc_runs = false;
	card->used_since_reset = false;
}

void cm_card_config_reset(struct cm_card *card)
{
	card->config_resets++;
	if (!card->driver_ran)
		card->config_resets_before_driver++;
	card->smc_runs = false;
	card->used_since_reset = false;
	cm_config_clear_bars(card);

	if (card->temper == CM_LENIENT && card->state == CM_PREFAIL)
		cm_card_set_state(card, CM_TOUCHED, "config reset");
	else if (card->temper == CM_ARMED)
		cm_card_set_state(card, CM_PREFAIL, "config reset");
}

/*
 * Finds the moment at which a guest begins to use the card. vfio enables memory when it opens a device, QEMU disables it before
 * it resets, and the guest's firmware enables it again: this last one is the guest. A session ends with vfio's write of nothing but
 * INTX_DISABLE; a bus reset inside a session begins with the same write, see cm_card_bus_reset().
 */
void cm_card_command_written(struct cm_card *card, u16 before, u16 after)
{
	bool rises = !(before & PCI_COMMAND_MEMORY) && (after & PCI_COMMAND_MEMORY);

	if (!card->guest_driver)
		return;

	if (after == PCI_COMMAND_INTX_DISABLE) {
		card->session_may_be_over = true;
		return;
	}
	if (card->session_may_be_over || !card->session) {
		card->session = true;
		card->session_cleared = false;
		card->session_counted = false;
		card->session_may_be_over = false;
		if (card->state == CM_FRESH)
			cm_card_set_state(card, CM_TOUCHED, "opened for a guest");
	}

	if (!(after & PCI_COMMAND_MEMORY)) {
		card->session_cleared = true;
	} else if (rises && card->session_cleared) {
		card->session_cleared = false;
		card->guest_boots++;
		if (!card->session_counted) {
			card->session_counted = true;
			card->guest_starts++;
			if (card->used_since_reset)
				card->guest_starts_unreset++;
		}
		card->used_since_reset = true;
	}
}

void cm_card_guest_driver(struct cm_card *card, bool bound)
{
	card->guest_driver = bound;
	card->session = false;
	card->session_may_be_over = false;
}

int cm_card_power_cycle(struct cm_card *card)
{
	if (card->function0 && card->function0->dev.driver)
		return -EBUSY;
	card->driver_ran = false;
	card->smc_runs = false;
	card->used_since_reset = false;
	cm_card_set_state(card, CM_FRESH, "power cycle");
	return 0;
}
