/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the steps of a reset mean for what is known of the card. A reset that was started counts as one that happened,
 * unless the helper has refused to begin it, or found that it does not apply.
 */

#include "base/address.h"
#include "base/text.h"
#include "log/log.h"
#include "manager/internal.h"

/* That it was tried, and once what has come of it. What has come of one that an earlier daemon has begun is not known: the
 * record does not say which it was. */
static void count_outcome(Operation *operation, OutcomeResult result) {
        if (!operation->reset_begun || operation->outcome_known)
                return;
        operation->outcome_known = result != OUTCOME_TRIED;
        card_count_outcome(operation->card, operation->plan.recipe, result);
}

static void reset_begins(Operation *operation, size_t index) {
        Card *card = operation->card;
        char reason[128];

        if (operation->reset_begun)
                return;
        operation->reset_begun = true;
        operation->reset_index = index;
        card->after_driver_ran = false;
        (void) text_format(reason, sizeof(reason), "the reset of its family was started%s%s",
                           isempty(operation->plan.recipe) ? "" : ": ", operation->plan.recipe);
        card_event(card, CARD_EVENT_RECIPE_OK, reason);
        count_outcome(operation, OUTCOME_TRIED);
}

/* Whether it does anything is known when it has answered: the plan says where to go on if not. */
static bool may_not_apply(const Step *step) {
        return step->skip_to > 0;
}

/* The helper looks before it writes: a rule of its own, a driver or a user of the card, a lock that is taken. */
static bool is_refusal(int error) {
        return error == -EINVAL || error == -EBUSY;
}

void operation_reset_step_begins(Operation *operation, size_t index) {
        const Step *step = &operation->plan.steps[index];

        if (step_resets(step) && !may_not_apply(step))
                reset_begins(operation, index);
}

void operation_reset_step_ended(Operation *operation, size_t index, int error, const char *message) {
        const Plan *plan = &operation->plan;
        const Step *step = &plan->steps[index];
        bool last = index + 1 == plan->n_steps || !plan->steps[index + 1].is_recipe;
        Card *card = operation->card;

        if (error == RUN_STEP_NOT_APPLICABLE) {
                card->vendor_reset_unknown |= step->kind == STEP_VENDOR_RESET;
                log_info("GPU %s: its reset %s does not apply and was left out: %s", ADDRESS_TEXT(card->address),
                         plan->recipe, message);
        } else if (step_resets(step) && may_not_apply(step) && !is_refusal(error))
                reset_begins(operation, index);
        else if (step->kind == STEP_CHECK_REGISTER && error == 0 && !last && step[1].kind != STEP_CHECK_REGISTER)
                card_event(card, CARD_EVENT_CHIP_RUNNING, "its registers tell that a driver has been at work");
        /* The last step looks whether it was one. */
        if (error == 0 && last && operation->reset_begun)
                count_outcome(operation, OUTCOME_SUCCEEDED);
}

bool operation_reset_was_refused(const Operation *operation, size_t index, int error) {
        return !operation->reset_begun || (operation->reset_index == index && is_refusal(error));
}

void operation_reset_failed(Operation *operation, const char *why) {
        card_event(operation->card, CARD_EVENT_RECIPE_FAILED, why);
        count_outcome(operation, OUTCOME_FAILED);
}
