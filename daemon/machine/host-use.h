/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the host does with a device at this moment, so that taking it away would harm: a mounted file system, swap, a volume
 * of LVM, RAID, bcache, btrfs or ZFS on a disk behind it; a network interface of it with a link; a keyboard behind it.
 */

#include "gpuswitch/address.h"
#include "gpuswitch/limits.h"

/**
 * host_use_read() - the first such use, in words for people
 * @root: "" or, in tests, a folder that holds `sys`, `proc` and `run`
 * @ret_use: "file system /home on nvme1n1p2", "swap on nvme1n1p3", "dm-0 (vg-home) on nvme1n1p4", "ZFS on nvme1n1p1",
 *           "network interface enp5s0 with a link", "keyboard 'Logitech K120'"; "": nothing that can be seen
 *
 * Reads only what neither waits for the device nor wakes it. Return: 0; -ENODEV; other negative errno when a list cannot be read.
 */
int host_use_read(const char *root, PciAddress address, char ret_use[static HOST_USE_SIZE]);
