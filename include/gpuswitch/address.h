/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A PCI address. Its one string form is the kernel's: "0000:01:00.0". */

#include <stdint.h>

/* Longest string form with its NUL: the domain may have 8 digits ("10000:01:00.0" behind a VMD). */
#define PCI_ADDRESS_TEXT_SIZE 18U

typedef struct PciAddress {
        uint32_t domain;
        uint8_t bus;
        uint8_t slot;     /* 0 to 31 */
        uint8_t function; /* 0 to 7 */
} PciAddress;
