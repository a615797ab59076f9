/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* May this card go to the guest at all? Every "no" is a refusal with its facts. */

#include "core/plan.h"

/**
 * viability_check() - what is looked at before any step is planned
 *
 * In this order: configuration, card lost, IOMMU group, group members, vfio-pci, what goes along by policy, virtual
 * functions, reset state and guard. Return: 0 or E_REFUSED.
 */
int viability_check(const CardFacts *card, const MachineFacts *machine, const Rule *rule,
                    const GuestRequest *request, Refusal *reterr_refusal);

/** viability_member_blocks() - does this device keep a guest from having the group it is in? */
bool viability_member_blocks(const GroupMember *member);

/** viability_is_guarded() - does something guard the card, or can it be told to, beside a companion? */
bool viability_is_guarded(const CardFacts *card, const MachineFacts *machine, const Rule *rule);

/** viability_can_guard() - can a companion keep vfio from resetting the bus for this request? */
bool viability_can_guard(const CardFacts *card, const GuestRequest *request);
