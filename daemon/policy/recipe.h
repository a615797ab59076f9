/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A family's own resets, out of their JSON. */

#include <json-c/json.h>

#include "policy/model.h"

/**
 * recipes_read() - the value of "reset", checked by check_object(): one reset, or a list of them
 * @family: in: what it matches and says of the bus reset. Out: its recipes and its recovery
 *
 * Return: 0, or POLICY_E_REFUSED: a limit exceeded, a contradiction, or what recipe_check() finds.
 */
int recipes_read(Report *report, const Place *place, json_object *value, Family *family);

/**
 * recipe_check() - may it run on every card that its family means?
 * @steps: the place of its steps
 *
 * What it changes has to be saved before, restored and verified after; it touches only registers that the helper
 * touches on all these cards; and its steps fit into a plan.
 *
 * Return: 0, or POLICY_E_REFUSED.
 */
int recipe_check(Report *report, const Place *steps, const Recipe *recipe, const Family *family);
