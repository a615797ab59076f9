/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the host does with the disks behind a device. */

#include "gpuswitch/limits.h"
#include "machine/behind.h"

/**
 * block_use_read() - the first use of a disk, or of a part of one
 * @behind: its root holds `sys`, `proc` and `run`
 *
 * Return: 1 with @ret_use set as host_use_read() has it; 0: none; -E2BIG over BLOCK_DEVICES_MAX; -EACCES when the table of
 * mounts is out of sight; other negative errno.
 */
int block_use_read(const Behind *behind, char ret_use[static HOST_USE_SIZE]);
