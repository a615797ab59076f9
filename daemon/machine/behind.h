/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What lies behind a PCI function: the devices of other kinds (disks, network interfaces, inputs) that go when it goes. */

#include <stdbool.h>
#include <stddef.h>

#include "gpuswitch/address.h"

#define BEHIND_PLACES_MAX 17U /* the function, and NVMe subsystems behind it: as many as a VMD controller has drives */
#define BEHIND_PATH_SIZE 512U

/* Canonical paths in /sys; what has one of them at its beginning is behind the function. */
typedef struct Behind {
        const char *root;
        size_t n;
        char places[BEHIND_PLACES_MAX][BEHIND_PATH_SIZE];
} Behind;

/**
 * behind_read() - where the function is in /sys
 * @root: "" or, in tests, a folder that holds a `sys`; borrowed
 *
 * Return: 0; -ENODEV when there is no such device; -E2BIG; other negative errno.
 */
int behind_read(const char *root, PciAddress address, Behind *ret_behind);

/**
 * BehindVisit - one device behind the function
 * @dir: its folder
 *
 * Return: 0 to go on; what is positive or negative ends the visits.
 */
typedef int (*BehindVisit)(int dir, const char *name, void *userdata);

/** behind_each() - all devices of /sys/class/@class_name that are behind it, in order of their names. Return: 0, or what @visit gave. */
int behind_each(const Behind *behind, const char *class_name, BehindVisit visit, void *userdata);
