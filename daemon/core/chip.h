/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Which registers a reset may touch on which chips. The helper touches no others, and a recipe that names another is
 * refused when it is read: a read of a wrong register can hang a machine, a write can burn more than a session.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Chips whose registers are the same, as far as resets go. */
typedef enum ChipGeneration {
        CHIP_OTHER, /* none of whose registers we touch */
        CHIP_CI,    /* AMD Sea Islands cards: Bonaire, Hawaii */
        CHIP_VI,    /* AMD Volcanic Islands cards: Topaz, Tonga, Fiji, Polaris, Vega M */
        _CHIP_MAX,
} ChipGeneration;

/* A dword in configuration space of the display function. */
typedef struct ResetRegister {
        ChipGeneration chip;
        uint16_t offset; /* bytes, dword aligned, within the 256 that every function has */
        uint32_t mask;   /* the bits that may be written, all in one write */
        bool any_value;  /* of those bits; else only: */
        uint32_t value;
        const char *source;
} ResetRegister;

/* Where a register is, seen from outside. */
typedef struct RegisterPlace {
        uint8_t bar;           /* 0 to 5, of the display function */
        uint16_t index_offset; /* bytes into the BAR where `address` is written ... */
        uint16_t data_offset;  /* ... to have the register here; both 0: it is not behind such a pair */
        uint32_t address;      /* in the space behind the pair; without one, bytes into the BAR */
} RegisterPlace;

/** place_is_indexed() - is the register behind an index and data pair? */
static inline bool place_is_indexed(const RegisterPlace *place) {
        return (place->index_offset | place->data_offset) != 0;
}

/* A dword behind a BAR of the display function. All of them may be read. */
typedef struct ChipRegister {
        ChipGeneration chip;
        RegisterPlace place;
        uint32_t writable; /* the bits that may be written */
        const char *name;
        const char *source;
} ChipRegister;

/** chip_generation() - by the ids of the display function. */
ChipGeneration chip_generation(uint16_t vendor_id, uint16_t device_id);

/** reset_register_find() - may the bits @mask of that dword be given @value on this chip? NULL: no. */
const ResetRegister *reset_register_find(ChipGeneration chip, uint32_t offset, uint32_t mask, uint32_t value);

/** chip_register_find() - NULL when the chip has no such register, or none that is known to be harmless to read. */
const ChipRegister *chip_register_find(ChipGeneration chip, const RegisterPlace *place);

/** reset_register_list(), chip_register_list() - all of them. */
const ResetRegister *reset_register_list(size_t *ret_n);
const ChipRegister *chip_register_list(size_t *ret_n);
