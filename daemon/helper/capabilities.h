/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What this process may do beyond the files of root: as little as the request in hand needs. */

#include <linux/capability.h>
#include <stdint.h>

#define CAPABILITY(name) (UINT64_C(1) << CAP_##name)

/* Configuration space beyond its first 64 bytes; the kernel asks at open() (pci_read_config()). */
#define CAPABILITIES_CONFIG CAPABILITY(SYS_ADMIN)
/* What processes of other users have open: their /proc/PID/fd, and where its links lead. */
#define CAPABILITIES_PROCESSES (CAPABILITY(SYS_PTRACE) | CAPABILITY(DAC_READ_SEARCH))
/* /dev/vfio/N is QEMU's user's while a VM has it. Reading others' folders is in this one. */
#define CAPABILITIES_GROUP (CAPABILITY(SYS_PTRACE) | CAPABILITY(DAC_OVERRIDE))

/**
 * capabilities_limit() - give up for good all but @wanted, and put nothing in force
 *
 * What the process did not have it does not get. Nothing is inherited by a program that it might execute.
 * The bounding set stays as it is: taking from it needs CAP_SETPCAP, which the unit does not give.
 *
 * Return: 0, or negative errno.
 */
int capabilities_limit(uint64_t wanted);

/** capabilities_use() - put exactly @wanted in force, as far as they are left. Return: 0, or negative errno. */
int capabilities_use(uint64_t wanted);
