/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Reading, writing and comparing PCI addresses. */

#include <stdbool.h>

#include "gpuswitch/address.h"

/**
 * address_parse() - "0000:01:00.0", or "01:00.0" which means domain 0
 *
 * Return: 0, or -EINVAL for any other form (hex digits of either case are taken).
 */
int address_parse(const char *text, PciAddress *ret_address);

/** address_format() - the kernel's form, lower case. Always fits. Returns @buffer. */
const char *address_format(PciAddress address, char buffer[static PCI_ADDRESS_TEXT_SIZE]);

/* For one use inside an expression: ADDRESS_TEXT(a) lives until the end of the enclosing block. */
#define ADDRESS_TEXT(a) address_format((a), (char[PCI_ADDRESS_TEXT_SIZE]){ 0 })

bool address_equal(PciAddress a, PciAddress b);
/** address_same_slot() - all but the function number is the same: the functions of one card. */
bool address_same_slot(PciAddress a, PciAddress b);
int address_compare(PciAddress a, PciAddress b);
