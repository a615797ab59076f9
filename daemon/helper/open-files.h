/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Who has a character device open: by its number, so that a node in another mount namespace counts as well.
 */

#include "helper/helper.h"
#include "machine/nodes.h"

/**
 * open_files_find() - the first process that has the vfio node with number @device open
 * @name: what to call it in Holder.node
 *
 * The calling process does not count. Return: 1 and the holder; 0 when there is none; negative errno when
 * /proc cannot be read.
 */
int open_files_find(const Helper *helper, dev_t device, const char *name, Holder *ret_holder);
