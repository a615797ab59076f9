/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The registers in configuration space of a display function that a family's reset may write, each with the one value
 * that is known to do good. The helper writes no others, and a recipe that names another is refused when it is read.
 */

#include <stddef.h>
#include <stdint.h>

typedef struct ResetRegister {
        uint16_t vendor_id; /* of the display function */
        uint16_t offset;    /* dword aligned, in bytes: behind the header, within the 256 that every function has */
        uint32_t value;
        const char *source;
} ResetRegister;

/** reset_register_find() - NULL when the vendor's functions have no such register, or not for this value. */
const ResetRegister *reset_register_find(uint16_t vendor_id, uint32_t offset, uint32_t value);

/** reset_register_list() - all of them. */
const ResetRegister *reset_register_list(size_t *ret_n);
