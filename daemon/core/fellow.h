/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What is known of the resets of a device that goes along with a card, held against what the kernel offers for it. */

#include "core/facts.h"
#include "core/refusal.h"

/** fellow_rule() - what policy and quirks say of the device at that address; NULL: it is to go along no more */
const FellowRule *fellow_rule(const Rule *rule, PciAddress address);

/**
 * fellow_method() - the one method that may be left in its `reset_method` while a guest has it, or "": as it is
 *
 * vfio-pci resets a device by pci_try_reset_function(), which goes through the methods of `reset_method`: where one of them is right
 * and the others lose the device, only that one may be there (Documentation/ABI/testing/sysfs-bus-pci, reset_method; Linux 5.15).
 */
const char *fellow_method(const FellowRule *rule, const FunctionFacts *function);

/**
 * fellow_check() - may every device that goes along by @rule go?
 *
 * Return: 0 or E_REFUSED.
 */
int fellow_check(const CardFacts *card, const Rule *rule, Refusal *reterr_refusal);
