/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The string forms of the enums in gpuswitch/types.h.
 *
 * x_to_string() never returns NULL: a value outside the enum is a programming error and asserts.
 * x_from_string() returns the value, or the type's _INVALID (a negative errno) for unknown text.
 */

#include "gpuswitch/types.h"

#define DECLARE_ENUM_TEXT(name, type)        \
        const char *name##_to_string(type);  \
        type name##_from_string(const char *text)

DECLARE_ENUM_TEXT(reset_state, ResetState);
DECLARE_ENUM_TEXT(owner, Owner);
DECLARE_ENUM_TEXT(function_role, FunctionRole);
DECLARE_ENUM_TEXT(bus_reset_wish, BusResetWish);
DECLARE_ENUM_TEXT(guard, Guard);
DECLARE_ENUM_TEXT(kernel_guard, KernelGuard);
DECLARE_ENUM_TEXT(direction, Direction);
DECLARE_ENUM_TEXT(return_to, ReturnTo);

/* Defines the pair from a table that is indexed by the enum. Used by other rooms' enums as well. */
#define DEFINE_ENUM_TEXT(name, type, table)                                     \
        const char *name##_to_string(type value) {                              \
                assert(value >= 0 && (size_t) value < ELEMENTSOF(table));       \
                return table[value];                                            \
        }                                                                       \
        type name##_from_string(const char *text) {                             \
                for (size_t i = 0; i < ELEMENTSOF(table); i++)                  \
                        if (streq(table[i], text))                              \
                                return (type) i;                                \
                return (type) -EINVAL;                                          \
        }
