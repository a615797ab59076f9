/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Is a vfio group in somebody's hands? */

#include "helper/helper.h"

/**
 * group_check_free() - try once to open the group, and look for holders of the function's own vfio node
 *
 * Return: 0; -EBUSY with the holder in reply->message, if it can be named; other negative errno.
 */
int group_check_free(const Helper *helper, PciAddress address, int32_t group, HelperReply *reply);

/** group_check_own_free() - the same for whatever group the function is in, or its own vfio node alone where it is in none. */
int group_check_own_free(const Helper *helper, PciAddress address, HelperReply *reply);
