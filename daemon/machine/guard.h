/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the optional kernel module gpuswitch-guard guards. Its list is read without any device lock. */

#include <stdbool.h>

#include "gpuswitch/address.h"

/** guard_names_slot() - does the module guard the slot of @address? False where the module is not loaded. */
bool guard_names_slot(const char *root, PciAddress address);
