/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Each word of a recipe becomes a step, or one for every function. A word that finds that the reset does not apply leads
 * to where the recipe puts back for the last time what was saved, or to the end: what is in between belongs to a reset
 * that did not happen, restores in the midst of it too.
 */

#include "core/plan-recipe.h"

#include "base/text.h"

static const StepKind kind_of_verb[_RECIPE_VERB_MAX] = {
        [RECIPE_SAVE_CONFIG] = STEP_SAVE_CONFIG,
        [RECIPE_WRITE_CONFIG] = STEP_WRITE_CONFIG,
        [RECIPE_CHECK_REGISTER] = STEP_CHECK_REGISTER,
        [RECIPE_POLL_REGISTER] = STEP_POLL_REGISTER,
        [RECIPE_WRITE_REGISTER] = STEP_WRITE_REGISTER,
        [RECIPE_DIFFER_REGISTER] = STEP_DIFFER_REGISTER,
        [RECIPE_DELAY] = STEP_DELAY,
        [RECIPE_FUNCTION_RESET] = STEP_FUNCTION_RESET,
        [RECIPE_VENDOR_RESET] = STEP_VENDOR_RESET,
        [RECIPE_D3HOT] = STEP_D3HOT,
        [RECIPE_RESTORE_CONFIG] = STEP_RESTORE_CONFIG,
        [RECIPE_VERIFY] = STEP_VERIFY_CONFIG,
        /* In no recipe of a rule: policy keeps them apart. */
        [RECIPE_REMOVE_RESCAN] = _STEP_KIND_INVALID,
        [RECIPE_SUSPEND] = _STEP_KIND_INVALID,
};

static bool is_about_register(const RecipeStep *word) {
        return word->verb == RECIPE_CHECK_REGISTER || word->verb == RECIPE_POLL_REGISTER ||
               word->verb == RECIPE_WRITE_REGISTER || word->verb == RECIPE_DIFFER_REGISTER;
}

static bool is_of_every_function(const RecipeStep *word) {
        return word->verb == RECIPE_SAVE_CONFIG || word->verb == RECIPE_RESTORE_CONFIG || word->verb == RECIPE_VERIFY;
}

static bool place_fits(const CardFacts *card, const RegisterPlace *place) {
        uint32_t last = place_is_indexed(place) ? MAX_OF(place->index_offset, place->data_offset) : place->address;

        return place->bar < BARS_MAX && card->functions[0].bar_sizes[place->bar] >= (uint64_t) last + 4;
}

/* Has the card the BAR of this word's registers? */
static bool has_bar(const CardFacts *card, const RecipeStep *word) {
        return !is_about_register(word) ||
               (place_fits(card, &word->place) &&
                (word->verb != RECIPE_DIFFER_REGISTER || place_fits(card, &word->other)));
}

static bool has_check(const CardFacts *card, const Recipe *recipe) {
        for (size_t i = 0; i < recipe->n_steps; i++)
                if (recipe->steps[i].verb == RECIPE_CHECK_REGISTER && has_bar(card, &recipe->steps[i]))
                        return true;
        return false;
}

/* Where nobody knows what the card has been through, its own register may. */
static bool is_due(const CardFacts *card, const Recipe *recipe, const GuestRequest *request) {
        return isempty(recipe->after_driver) || request->after_driver_ran ||
               (request->state == RESET_STATE_UNKNOWN && has_check(card, recipe));
}

/* Why it cannot run, as half a sentence for people; NULL: it can. */
static const char *obstacle(const CardFacts *card, const MachineFacts *machine, const Rule *rule,
                            const GuestRequest *request, const Recipe *recipe, Guard guard) {
        if (recipe->experimental && !rule->allow_experimental)
                return "it is not proven on this family, and policy does not allow \"experimental\"";
        if (recipe->needs_guard && guard == GUARD_NONE)
                return "it needs a guard that keeps the bus reset away, and none is in force (`gpuswitchctl to-guest` sets one)";
        for (size_t i = 0; i < recipe->n_steps; i++) {
                const RecipeStep *word = &recipe->steps[i];
                if (word->verb == RECIPE_VENDOR_RESET && !machine->vendor_reset_there)
                        return "the kernel module vendor-reset is not loaded";
                if (word->verb == RECIPE_VENDOR_RESET && request->vendor_reset_unknown)
                        return "the kernel module vendor-reset does not know the card";
                if (!word->optional && !has_bar(card, word))
                        return "the card has not the BAR that its registers are said to be in";
                if (word->verb == RECIPE_FUNCTION_RESET &&
                    !reset_method_offered(card->functions[0].survey.reset_method, word->method))
                        return "the kernel does not offer the method that it needs in reset_method";
        }
        return NULL;
}

static const FunctionFacts *locked_function(const CardFacts *card) {
        for (size_t i = 0; i < card->n_functions; i++)
                if (card->functions[i].survey.config_locked)
                        return &card->functions[i];
        return NULL;
}

int recipe_choose(const CardFacts *card, const MachineFacts *machine, const Rule *rule, const GuestRequest *request,
                  Guard guard, bool by_hand, const Recipe **ret_recipe, Refusal *reterr_refusal) {
        const char *first = rule->is_withheld ? "a quirk file that speaks of this card is refused, and until it is mended the card is left alone"
                                              : "its family has none";
        const Recipe *chosen = NULL;

        *ret_recipe = NULL;
        for (size_t i = 0; i < RECIPES_MAX && rule->recipes[i].n_steps > 0 && !chosen; i++) {
                const Recipe *recipe = &rule->recipes[i];
                const char *why = !by_hand && (!recipe->before_guest || !is_due(card, recipe, request))
                                          ? "it is not due"
                                          : obstacle(card, machine, rule, request, recipe, guard);
                if (!why)
                        chosen = recipe;
                else if (i == 0)
                        first = why;
        }
        if (!chosen)
                return by_hand ? refusal_set(reterr_refusal, REFUSAL_NO_RESET_BY_HAND, card->functions[0].address,
                                             rule->family, first)
                               : 0;
        const FunctionFacts *locked = locked_function(card);
        if (locked && !by_hand && rule->allow_lockdown && guard != GUARD_NONE)
                return 0;
        if (locked)
                return refusal_set(reterr_refusal, REFUSAL_LOCKDOWN, locked->address, NULL, NULL);
        *ret_recipe = chosen;
        return 0;
}

static void add_word(PlanBuilder *builder, const FunctionFacts *function, const RecipeStep *word) {
        Step *step = plan_add(builder, kind_of_verb[word->verb], function->address);

        step->is_recipe = true;
        step->offset = word->offset;
        step->mask = word->mask;
        step->value = word->value;
        step->place = word->place;
        step->test = word->test;
        step->other = word->other;
        step->other_mask = word->other_mask;
        step->delay_usec = word->delay_usec;
        if (word->timeout_usec > 0)
                step->timeout_usec = word->timeout_usec;
        if (word->verb == RECIPE_FUNCTION_RESET)
                (void) text_copy(step->text, sizeof(step->text), word->method);
        if (!is_of_every_function(word))
                return;
        step->n_registers = function->survey.n_registers;
        for (size_t i = 0; i < function->survey.n_registers; i++)
                step->registers[i] = function->survey.registers[i];
}

/* The kernel may know several methods, a bus reset among them: only the named one is left, and they come back. */
static void add_function_reset(PlanBuilder *builder, const FunctionFacts *function, const RecipeStep *word) {
        const char *methods = function->survey.reset_method;
        bool other = !streq(methods, word->method);

        if (other)
                plan_add_text(builder, STEP_SET_METHOD, function->address, word->method, methods)->is_recipe = true;
        add_word(builder, function, word);
        if (other)
                plan_add_text(builder, STEP_SET_METHOD, function->address, methods, word->method)->is_recipe = true;
}

static bool may_not_apply(const Step *step) {
        return step->kind == STEP_CHECK_REGISTER || step->kind == STEP_VENDOR_RESET || step->kind == STEP_D3HOT;
}

/* The first of the steps that put back what was saved for the last time; the end where there are none. */
static size_t find_last_restore(const Plan *plan, size_t first) {
        size_t to = plan->n_steps;

        while (to > first && plan->steps[to - 1].kind != STEP_RESTORE_CONFIG)
                to--;
        if (to == first)
                return plan->n_steps;
        while (to > first && plan->steps[to - 1].kind == STEP_RESTORE_CONFIG)
                to--;
        return to;
}

/* @first: of the recipe */
static void set_skips(Plan *plan, size_t first) {
        size_t to = find_last_restore(plan, first);

        for (size_t i = first; i < plan->n_steps; i++)
                if (may_not_apply(&plan->steps[i]))
                        plan->steps[i].skip_to = (uint16_t) (to > i ? to : plan->n_steps);
}

void plan_add_recipe(PlanBuilder *builder, const CardFacts *card, const Recipe *recipe) {
        size_t first = builder->plan->n_steps;

        for (size_t i = 0; i < recipe->n_steps; i++) {
                const RecipeStep *word = &recipe->steps[i];
                if (!has_bar(card, word))
                        continue;
                if (word->verb == RECIPE_FUNCTION_RESET)
                        add_function_reset(builder, &card->functions[0], word);
                else
                        for (size_t f = 0; f < (is_of_every_function(word) ? card->n_functions : 1); f++)
                                add_word(builder, &card->functions[f], word);
        }
        set_skips(builder->plan, first);
        builder->plan->runs_recipe = true;
        (void) text_copy(builder->plan->recipe, sizeof(builder->plan->recipe), recipe->name);
}
