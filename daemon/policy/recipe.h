/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A family's own reset, out of its JSON. */

#include <json-c/json.h>

#include "core/rule.h"
#include "policy/match.h"
#include "policy/problem.h"

/**
 * recipe_read() - the value of "reset", checked by check_object()
 * @needs_guard: what holds if the file does not say
 *
 * Return: 0, or POLICY_E_REFUSED: a limit exceeded, or a write that is not saved, restored and verified.
 */
int recipe_read(Report *report, const Place *place, json_object *object, bool needs_guard,
                Recipe *ret_recipe);

/**
 * recipe_check_writes() - does it write only what the helper will write for every card that its family means?
 * @place: as above
 *
 * Return: 0, or POLICY_E_REFUSED.
 */
int recipe_check_writes(Report *report, const Place *place, const Recipe *recipe, const CardMatch *matches,
                        size_t n_matches);
