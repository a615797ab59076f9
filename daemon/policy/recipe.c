/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A config reset wipes BARs and the command register. So a recipe that writes is only taken if it
 * keeps what was there first, puts it back afterwards and looks whether the card is still alive.
 */

#include "policy/recipe.h"

#include "base/text.h"
#include "core/chip.h"
#include "core/outcome.h"
#include "policy/check.h"

#define DELAY_MAX_USEC (5 * USEC_PER_SEC)

/* "100us" in the table's format "duration": nine digits at most, so nothing can overflow. */
static int duration_parse(const char *text, usec_t *ret_usec) {
        char digits[16] = "";
        size_t n = strspn(text, "0123456789");
        uint64_t number;

        if (n == 0 || n >= sizeof(digits))
                return -EINVAL;
        memcpy(digits, text, n);
        int r = text_to_uint64(digits, 10, &number);
        if (r < 0)
                return r;
        if (streq(text + n, "us"))
                *ret_usec = number;
        else if (streq(text + n, "ms"))
                *ret_usec = number * USEC_PER_MSEC;
        else if (streq(text + n, "s"))
                *ret_usec = number * USEC_PER_SEC;
        else
                return -EINVAL;
        return 0;
}

/* An optional duration with a limit; *usec keeps its value if the key is not there. */
static int read_duration(Report *report, const Place *place, json_object *object, const char *key, usec_t max,
                         usec_t *usec) {
        const char *text = member_text(object, key);
        Place at = place_key(place, key);

        if (!text)
                return 0;
        if (duration_parse(text, usec) < 0 || *usec > max)
                return report_meaning(report, &at, "%s is too long: at most %llus", text,
                                      (unsigned long long) (max / USEC_PER_SEC));
        return 0;
}

static int step_read(Report *report, const Place *place, json_object *object, RecipeStep *ret_step) {
        RecipeStep step = {
                .verb = recipe_verb_from_string(member_text(object, "do")),
                .timeout_usec = RESET_TIMEOUT_USEC,
        };
        uint64_t offset = 0, value = 0;
        Place at = place_key(place, "timeout");

        if (step.verb != RECIPE_SAVE_CONFIG && step.verb != RECIPE_WRITE_CONFIG && step.verb != RECIPE_DELAY &&
            step.verb != RECIPE_RESTORE_CONFIG && step.verb != RECIPE_VERIFY)
                return report_meaning(report, place, "no file can say what this step needs yet");
        if (step.verb == RECIPE_WRITE_CONFIG) {
                if (text_to_uint64(member_text(object, "offset"), 16, &offset) < 0 ||
                    text_to_uint64(member_text(object, "value"), 16, &value) < 0 || offset % 4 != 0 ||
                    offset >= CONFIG_SPACE_SIZE || value > UINT32_MAX)
                        return report_meaning(report, place, "offset or value is out of range");
                step.offset = (uint16_t) offset;
                step.mask = UINT32_MAX;
                step.value = (uint32_t) value;
        }
        if (read_duration(report, place, object, "for", DELAY_MAX_USEC, &step.delay_usec) != 0 ||
            read_duration(report, place, object, "timeout", RESET_TIMEOUT_USEC, &step.timeout_usec) != 0)
                return POLICY_E_REFUSED;
        if (step.delay_usec >= step.timeout_usec)
                return report_meaning(report, &at, "has to be longer than the delay itself");
        *ret_step = step;
        return 0;
}

/* Is what the recipe does to configuration space kept before and mended after it? */
static int check_order(Report *report, const Place *steps, const Recipe *recipe) {
        bool is_saved = false, is_written = false, is_restored = false;

        for (size_t i = 0; i < recipe->n_steps; i++) {
                Place at = place_index(steps, i);

                switch (recipe->steps[i].verb) {
                case RECIPE_SAVE_CONFIG:
                        if (is_written)
                                return report_meaning(report, &at, "saves what a write before it has wiped");
                        is_saved = true;
                        break;
                case RECIPE_WRITE_CONFIG:
                        if (!is_saved)
                                return report_meaning(report, &at, "needs a \"save-config\" before it");
                        is_written = true;
                        is_restored = false;
                        break;
                case RECIPE_RESTORE_CONFIG:
                        if (!is_saved)
                                return report_meaning(report, &at, "needs a \"save-config\" before it");
                        is_restored = true;
                        break;
                case RECIPE_VERIFY:
                        if (!is_saved)
                                return report_meaning(report, &at, "needs a \"save-config\" before it");
                        if (is_restored)
                                is_written = false;
                        break;
                case RECIPE_CHECK_REGISTER:
                case RECIPE_POLL_REGISTER:
                case RECIPE_WRITE_REGISTER:
                case RECIPE_DIFFER_REGISTER:
                case RECIPE_FUNCTION_RESET:
                case RECIPE_VENDOR_RESET:
                case RECIPE_D3HOT:
                case RECIPE_DELAY:
                case _RECIPE_VERB_MAX:
                case _RECIPE_VERB_INVALID:
                        break;
                }
        }
        if (is_written)
                return report_meaning(report, steps,
                                      "what \"write-config\" does has to be followed by "
                                      "\"restore-config\" and then \"verify\"");
        return 0;
}

int recipe_read(Report *report, const Place *place, json_object *object, bool needs_guard,
                Recipe *ret_recipe) {
        json_object *guard = member(object, "needs_guard"), *steps = member(object, "steps");
        Place at_steps = place_key(place, "steps");
        const char *driver = member_text(object, "after_driver");
        Recipe recipe = {
                .needs_guard = guard ? json_object_get_boolean(guard) : needs_guard,
                .before_guest = true,
                .n_steps = json_object_array_length(steps),
        };

        (void) text_copy(recipe.name, sizeof(recipe.name), RESET_METHOD_PCI_CONFIG);
        (void) text_copy(recipe.after_driver, sizeof(recipe.after_driver), driver ?: "");
        for (size_t i = 0; i < recipe.n_steps; i++) {
                Place at = place_index(&at_steps, i);
                if (step_read(report, &at, json_object_array_get_idx(steps, i), &recipe.steps[i]) != 0)
                        return POLICY_E_REFUSED;
        }
        if (check_order(report, &at_steps, &recipe) != 0)
                return POLICY_E_REFUSED;
        *ret_recipe = recipe;
        return 0;
}

int recipe_check_writes(Report *report, const Place *place, const Recipe *recipe, const CardMatch *matches,
                        size_t n_matches) {
        Place at_steps = place_key(place, "steps");

        for (size_t i = 0; i < recipe->n_steps; i++) {
                const RecipeStep *step = &recipe->steps[i];
                Place at = place_index(&at_steps, i);

                for (size_t m = 0; step->verb == RECIPE_WRITE_CONFIG && m < n_matches; m++) {
                        if (matches[m].level == MATCH_ALL)
                                return report_meaning(report, &at, "writes to a register of cards of every vendor");
                        if (!reset_register_find(chip_generation(matches[m].vendor_id, matches[m].device_id),
                                                 step->offset, step->mask, step->value))
                                return report_meaning(report, &at,
                                                      "0x%08x at offset 0x%x is not known to reset a card %04x:%04x: "
                                                      "gpuswitch-helper would not write it",
                                                      step->value, step->offset, matches[m].vendor_id,
                                                      matches[m].device_id);
                }
        }
        return 0;
}
