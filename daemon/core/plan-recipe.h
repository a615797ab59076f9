/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A family's reset inside a plan; inside core only. */

#include "core/plan-builder.h"

/**
 * recipe_choose() - which of the family's resets is due and can run
 * @by_hand: a person asks for it: it is due, whoever else would do it on the way to a guest
 * @ret_recipe: NULL when none is due, or none can run and the way may be gone without it
 *
 * The first of the rule's list that can run is taken. Return: 0; E_REFUSED: kernel lockdown forbids what is due, or
 * (by hand only) there is none that can run, with the reason of the first.
 */
int recipe_choose(const CardFacts *card, const MachineFacts *machine, const Rule *rule, const GuestRequest *request,
                  Guard guard, bool by_hand, const Recipe **ret_recipe, Refusal *reterr_refusal);

/** plan_add_recipe() - its steps. No function may have a host driver when they run, and the display none at all. */
void plan_add_recipe(PlanBuilder *builder, const CardFacts *card, const Recipe *recipe);
