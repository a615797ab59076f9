/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "policy/model.h"

/**
 * advice_read() - take over a family's advice
 * @family: number of the family; all of its file has been found to be right
 * @list: held to the table of keys; NULL: there is none
 *
 * Return: 0, or -ENOMEM.
 */
int advice_read(Policy *policy, size_t family, json_object *list);
