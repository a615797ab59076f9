/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "policy/model.h"

/**
 * devices_read() - take over what a file says of devices that are no GPUs
 * @list: held to the table of keys; NULL: there is none
 *
 * Return: 0; POLICY_E_REFUSED with the fault in @report; -ENOMEM.
 */
int devices_read(Policy *policy, Report *report, json_object *list);
