/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A reset wipes BARs and the command register. So a recipe that changes anything is only taken if it keeps what was
 * there first, puts it back afterwards and looks whether the card is still alive. Registers are held to the same list
 * that the helper holds its requests to, so that what is taken here is not refused in mid-plan.
 */

#include "policy/recipe.h"

#include "base/text.h"
#include "core/chip.h"

/* Half of what a plan may have: the other half is for what goes on around the reset, on as many functions. */
#define PLANNED_STEPS_MAX (STEPS_MAX / 2)

static bool is_about_register(const RecipeStep *step) {
        return step->verb == RECIPE_CHECK_REGISTER || step->verb == RECIPE_POLL_REGISTER ||
               step->verb == RECIPE_WRITE_REGISTER || step->verb == RECIPE_DIFFER_REGISTER;
}

static bool writes(const RecipeStep *step) {
        return step->verb == RECIPE_WRITE_CONFIG || step->verb == RECIPE_WRITE_REGISTER ||
               step->verb == RECIPE_DIFFER_REGISTER;
}

static int check_order(Report *report, const Place *steps, const Recipe *recipe) {
        const RecipeStep *changed = NULL; /* what is not yet restored and verified */
        const RecipeStep *begun = NULL;   /* what can no longer be called a reset that does not apply */
        bool is_saved = false, is_restored = false;

        for (size_t i = 0; i < recipe->n_steps; i++) {
                const RecipeStep *step = &recipe->steps[i];
                Place at = place_index(steps, i);
                bool changes = writes(step) || recipe_resets(step);

                if (step->verb == RECIPE_CHECK_REGISTER && begun)
                        return report_meaning(report, &at, "asks whether the reset applies after \"%s\" has begun it: what has to "
                                              "be true after a reset is for \"poll-register\"", recipe_verb_to_string(begun->verb));
                if (recipe_resets(step) || step->verb == RECIPE_WRITE_REGISTER || step->verb == RECIPE_DIFFER_REGISTER)
                        begun = step;
                if (step->verb == RECIPE_SAVE_CONFIG) {
                        if (changed)
                                return report_meaning(report, &at, "saves what a \"%s\" before it has wiped",
                                                      recipe_verb_to_string(changed->verb));
                        is_saved = true;
                } else if (!is_saved &&
                           (changes || step->verb == RECIPE_RESTORE_CONFIG || step->verb == RECIPE_VERIFY))
                        return report_meaning(report, &at, "needs a \"save-config\" before it");
                else if (changes) {
                        changed = step;
                        is_restored = false;
                } else if (step->verb == RECIPE_RESTORE_CONFIG)
                        is_restored = true;
                else if (step->verb == RECIPE_VERIFY && is_restored)
                        changed = NULL;
        }
        if (changed)
                return report_meaning(report, steps,
                                      "what \"%s\" does has to be followed by \"restore-config\" and then \"verify\"",
                                      recipe_verb_to_string(changed->verb));
        return 0;
}

/* Of a card with as many functions as there can be. */
static int check_size(Report *report, const Place *steps, const Recipe *recipe) {
        size_t n = 0;

        for (size_t i = 0; i < recipe->n_steps; i++) {
                RecipeVerb verb = recipe->steps[i].verb;
                if (verb == RECIPE_SAVE_CONFIG || verb == RECIPE_RESTORE_CONFIG || verb == RECIPE_VERIFY)
                        n += FUNCTIONS_MAX;
                else
                        n += verb == RECIPE_FUNCTION_RESET ? 3 : 1; /* with reset_method set before and after */
        }
        if (n > PLANNED_STEPS_MAX)
                return report_meaning(report, steps,
                                      "is too long: on a card of %u functions it makes %zu steps, of %u that a plan has "
                                      "room for",
                                      FUNCTIONS_MAX, n, PLANNED_STEPS_MAX);
        return 0;
}

static int check_register(Report *report, const Place *at, const RecipeStep *step, const RegisterPlace *place,
                          uint32_t written, const CardMatch *match) {
        const ChipRegister *reg =
                chip_register_find(chip_generation(match->vendor_id, match->device_id), place);
        char pair[32] = "";

        if (place->index_offset | place->data_offset)
                (void) text_format(pair, sizeof(pair), " behind 0x%x/0x%x", place->index_offset, place->data_offset);
        if (!reg)
                return report_meaning(report, at,
                                      "register 0x%x%s of BAR %u is not known on a card %04x:%04x: gpuswitch-helper would "
                                      "not touch it",
                                      place->address, pair, place->bar, match->vendor_id, match->device_id);
        if (written & ~reg->writable)
                return report_meaning(report, at,
                                      "bits 0x%x of register %s (0x%x%s) must not be written on a card %04x:%04x",
                                      step->mask & ~reg->writable, reg->name, place->address, pair, match->vendor_id,
                                      match->device_id);
        return 0;
}

static int check_config(Report *report, const Place *at, const RecipeStep *step, const CardMatch *match) {
        char mask[32] = "";

        if (reset_register_find(chip_generation(match->vendor_id, match->device_id), step->offset, step->mask,
                                step->value))
                return 0;
        if (step->mask != UINT32_MAX)
                (void) text_format(mask, sizeof(mask), " under the mask 0x%x", step->mask);
        return report_meaning(report, at,
                              "0x%08x at offset 0x%x%s is not known to reset a card %04x:%04x: gpuswitch-helper would not "
                              "write it",
                              step->value, step->offset, mask, match->vendor_id, match->device_id);
}

static int check_step(Report *report, const Place *at, const RecipeStep *step, const CardMatch *match) {
        uint32_t written = writes(step) ? step->mask : 0;

        if (match->level == MATCH_ALL && (writes(step) || recipe_resets(step) || is_about_register(step)))
                return report_meaning(report, at, "\"%s\" is not for cards of every vendor: name the ids",
                                      recipe_verb_to_string(step->verb));
        if (match->level == MATCH_VENDOR && (writes(step) || is_about_register(step)))
                return report_meaning(report, at, "\"%s\" is not for every card of vendor %04x: name the ids",
                                      recipe_verb_to_string(step->verb), match->vendor_id);
        if (step->verb == RECIPE_WRITE_CONFIG && check_config(report, at, step, match) != 0)
                return POLICY_E_REFUSED;
        if (is_about_register(step) && check_register(report, at, step, &step->place, written, match) != 0)
                return POLICY_E_REFUSED;
        if (step->verb == RECIPE_DIFFER_REGISTER)
                return check_register(report, at, step, &step->other, 0, match);
        return 0;
}

static bool is_of_recovery(const RecipeStep *step) {
        return step->verb == RECIPE_REMOVE_RESCAN || step->verb == RECIPE_SUSPEND;
}

/* The words of a recovery are for a card that is lost: they and the words of a reset are never in one list. */
static int check_recovery(Report *report, const Place *steps, const Recipe *recipe) {
        bool is_sound = true;

        for (size_t i = 0; i < recipe->n_steps; i++) {
                const RecipeStep *step = &recipe->steps[i];
                const char *word = recipe_verb_to_string(step->verb);
                Place at = place_index(steps, i);
                int r = 0;
                if (is_of_recovery(step) != recipe->is_recovery)
                        r = recipe->is_recovery ? report_meaning(report, &at, "\"%s\" is in no recovery: that is made of "
                                                                 "\"remove-rescan\" and \"suspend\"", word)
                                                : report_meaning(report, &at, "\"%s\" is only for a reset with \"recovery\": "
                                                                 "true, which nobody runs by himself", word);
                for (size_t k = 0; k < i && r == 0; k++)
                        if (recipe->is_recovery && recipe->steps[k].verb == step->verb)
                                r = report_meaning(report, &at, "\"%s\" is there twice", word);
                is_sound = is_sound && r == 0;
        }
        return is_sound ? 0 : POLICY_E_REFUSED;
}

int recipe_check(Report *report, const Place *steps, const Recipe *recipe, const Family *family) {
        bool is_sound = check_recovery(report, steps, recipe) == 0;

        if (recipe->is_recovery)
                return is_sound ? 0 : POLICY_E_REFUSED;
        /* Of each step what is wrong for the first card that it is wrong for. */
        for (size_t i = 0; i < recipe->n_steps; i++) {
                Place at = place_index(steps, i);
                int r = 0;
                for (size_t m = 0; m < family->n_matches && r == 0; m++)
                        r = check_step(report, &at, &recipe->steps[i], &family->matches[m]);
                is_sound = is_sound && r == 0;
        }
        if (!is_sound || check_order(report, steps, recipe) != 0)
                return POLICY_E_REFUSED;
        return check_size(report, steps, recipe);
}
