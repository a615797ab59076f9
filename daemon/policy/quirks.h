/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Quirk files: what is true of families of cards. */

#include <json-c/json.h>

#include "policy/model.h"

/**
 * quirks_read() - all families of one file, behind those that @policy has
 *
 * All or none: of a file with a fault, nothing is taken.
 *
 * Return: 0; POLICY_E_REFUSED with the faults in @report; -ENOMEM.
 */
int quirks_read(Policy *policy, Report *report, json_object *root);

/** quirks_can_be_prefail() - can a card of such a family come to prefail? Then its bus must not be reset. */
bool quirks_can_be_prefail(const ResetStateRule *state);
