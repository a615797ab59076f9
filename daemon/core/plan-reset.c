/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A reset by hand: the display leaves its vfio driver for as long as the recipe runs, so that no VM can have it open. And what
 * brings a lost card back.
 *
 * It sets no guard of its own: the card stays with the guests, armed by the recipe, and what a plan sets its undo would take
 * back. A way to the guest sets one, also for a card that is there already.
 */

#include "base/text.h"
#include "core/plan-recipe.h"

/* A host driver is asked to let go by the way to the guest, with all that belongs to it; not here. */
static int check_no_host_driver(const CardFacts *card, Refusal *reterr_refusal) {
        for (size_t i = 0; i < card->n_functions; i++)
                if (driver_is_host(card->functions[i].driver))
                        return refusal_set(reterr_refusal, REFUSAL_RESET_HOST_DRIVER, card->functions[i].address,
                                           card->functions[i].driver, NULL);
        return 0;
}

int plan_reset(const CardFacts *card, const MachineFacts *machine, const Rule *rule, const GuestRequest *request,
               Plan *ret_plan, Refusal *reterr_refusal) {
        PlanBuilder builder = { .plan = ret_plan };
        const FunctionFacts *display = &card->functions[0];
        Guard guard = card_guard(card, machine, rule);
        const Recipe *recipe;

        int r = check_no_host_driver(card, reterr_refusal);
        if (r == 0 && request->state == RESET_STATE_FAILED)
                r = refusal_set(reterr_refusal, REFUSAL_CARD_FAILED, display->address, NULL, NULL);
        if (r == 0)
                r = recipe_choose(card, machine, rule, request, guard, true, &recipe, reterr_refusal);
        if (r != 0)
                return r;
        *ret_plan = (Plan){ .direction = DIRECTION_GUEST, .guard = guard };
        plan_add_group_free(&builder, card, 0, card->n_functions);
        if (!isempty(display->driver)) {
                if (!streq(display->survey.driver_override, display->driver))
                        plan_add_text(&builder, STEP_SET_OVERRIDE, display->address, display->driver,
                                      display->survey.driver_override);
                plan_add_driver(&builder, STEP_UNBIND, display, display->driver);
        }
        plan_add_recipe(&builder, card, recipe);
        plan_add(&builder, STEP_ALIVE, display->address);
        if (!isempty(display->driver)) {
                plan_add_driver(&builder, STEP_BIND, display, display->driver);
                if (!isempty(display->survey.power_control))
                        plan_add_text(&builder, STEP_SET_POWER, display->address, "on", display->survey.power_control);
        }
        return plan_finish(&builder, display->address, reterr_refusal);
}

int plan_recover(const CardFacts *card, Plan *ret_plan, Refusal *reterr_refusal) {
        PlanBuilder builder = { .plan = ret_plan };
        PciAddress display = card->functions[0].address;

        int r = check_no_host_driver(card, reterr_refusal);
        if (r != 0)
                return r;
        *ret_plan = (Plan){ .direction = DIRECTION_GUEST };
        plan_add_group_free(&builder, card, 0, card->n_functions);
        plan_add(&builder, STEP_REMOVE_RESCAN, display);
        return plan_finish(&builder, display, reterr_refusal);
}
