/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One PCI function, as its folder in /sys shows it. */

#include <stdbool.h>

#include "core/facts.h"

/** function_open() - the function's folder. Return: a descriptor; -ENOENT when there is no such device. */
int function_open(const char *root, PciAddress address);

/** function_class() - the 24 bits of the attribute `class`. */
int function_class(int dir, uint32_t *ret_class);

/** function_driver() - the name behind the link `driver`, "" when no driver is bound. */
int function_driver(int dir, char ret_driver[static DRIVER_NAME_SIZE]);

/** function_is_virtual() - an SR-IOV virtual function: it has a link `physfn`. */
bool function_is_virtual(int dir);

/** function_read() - all facts of it; `survey` stays invalid. Errors as in function_is_gone(), or others. */
int function_read(int dir, PciAddress address, FunctionFacts *ret_function);

/** function_is_gone() - is that errno what reading a device that vanished gives? */
bool function_is_gone(int error);
