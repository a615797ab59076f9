/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A device of another slot that goes along with a card. */

#include "core/facts.h"

/**
 * fellow_read() - what it is; `host_use` stays empty
 *
 * Return: 0; -ENODEV when it is not there; other negative errno when it cannot be read.
 */
int fellow_read(const char *root, PciAddress address, Fellow *ret_fellow);

/**
 * fellow_read_use() - what the host does with it at this moment, for a way to the guest that is planned now
 *
 * That it cannot be found out is in `host_use` as well, for then the device must not be taken away.
 */
void fellow_read_use(const char *root, Fellow *fellow);
