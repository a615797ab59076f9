/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Is a function nobody's, so that it may be reset? */

#include "helper/helper.h"

/**
 * idle_check() - may this function be reset now?
 * @ret_bytes, @ret_size: its configuration space, as config_read_whole()
 *
 * It is a display function without a driver, no function beside it has a host driver (pci-stub, which guards the card
 * meanwhile, is none), nobody has the group of one open that is on a vfio driver, it answers, and MSI-X is off: a reset goes round the kernel, wipes BARs and COMMAND of every
 * function, and an MSI-X table under the feet of whoever uses it.
 *
 * Afterwards CAPABILITIES_CONFIG are in force, if they are left.
 *
 * Return: 0; -EBUSY; -ENXIO; -EINVAL by the rule 'write-function'; other negative errno. reply->message is set.
 */
int idle_check(const Helper *helper, PciAddress address, uint8_t ret_bytes[static CONFIG_SPACE_SIZE], size_t *ret_size,
               HelperReply *reply);

/** idle_check_host() - has it no host driver, so that its registers may be put back? Return: 0; -EBUSY; other negative
 * errno. reply->message is set. */
int idle_check_host(const Helper *helper, PciAddress address, HelperReply *reply);

/** idle_check_msix() - Return: 0, or -EBUSY with message when MSI-X is on. */
int idle_check_msix(const uint8_t *bytes, size_t size, PciAddress address, HelperReply *reply);
