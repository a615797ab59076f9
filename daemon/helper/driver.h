/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Names of drivers. */

#include <stdbool.h>

/** driver_name_is_valid() - letters, digits, '-' and '_', and short enough: never a path. */
bool driver_name_is_valid(const char *name);
