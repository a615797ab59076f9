/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The helper's card without any file: its system calls (open, read, write, pread, pwrite, close, readlink, access)
 * are answered from memory, and so are registers behind BAR 5 and vendor-reset's node. A card with two functions, 0000:01:00.0 and .1, and another one at 0000:02:00.0, which
 * nobody may touch. Whatever else is below /sys, /dev/vfio and /proc does not exist.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gpuswitch/address.h"
#include "gpuswitch/limits.h"

typedef struct MemoryFunction {
        PciAddress address;
        char driver[DRIVER_NAME_SIZE]; /* "": none */
        char driver_override[2 * ATTRIBUTE_VALUE_SIZE];
        char power_control[2 * ATTRIBUTE_VALUE_SIZE];
        char d3cold_allowed[2 * ATTRIBUTE_VALUE_SIZE];
        char power_state[2 * ATTRIBUTE_VALUE_SIZE];
        char reset_method[2 * ATTRIBUTE_VALUE_SIZE];
        char reset[2 * ATTRIBUTE_VALUE_SIZE];
        uint8_t config[CONFIG_SPACE_SIZE];
        size_t config_size;
} MemoryFunction;

typedef struct MemoryCard {
        MemoryFunction functions[3]; /* the last one is the stranger's */
        char lockdown[2 * ATTRIBUTE_VALUE_SIZE];
        size_t n_writes;             /* to attributes and drivers */
        size_t n_config_writes;
        size_t n_register_writes;
} MemoryCard;

extern MemoryCard memory_card;

/** memory_card_reset() - a card with amdgpu, alive, nothing written. */
void memory_card_reset(void);

/** memory_card_n_writes() - of whatever kind. */
size_t memory_card_n_writes(void);

/** memory_config_make() - the configuration space of an RX 470, 4096 bytes. */
void memory_config_make(uint8_t config[static CONFIG_SPACE_SIZE]);
