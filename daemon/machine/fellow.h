/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A device of another slot that goes along with a card. */

#include "core/facts.h"

/**
 * fellow_read() - what it is, and what the host does with it
 *
 * What the host does with it and cannot be found out is in `host_use` as well, for then the device must not be taken away.
 *
 * Return: 0; -ENODEV when it is not there; other negative errno when it cannot be read.
 */
int fellow_read(const char *root, PciAddress address, Fellow *ret_fellow);
