/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A function's power state, by its power management capability (PCI Power Management 1.2). */

#include <stddef.h>
#include <stdint.h>

/** power_state() - 0 (D0) to 3 (D3hot); 0 for a function without the capability, which knows no other. */
unsigned power_state(const uint8_t *config, size_t size);
