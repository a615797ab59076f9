/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The table of keys has held every value to its form; here they become numbers, and contradictions are looked for. */

#include "policy/recipe.h"

#include "base/text.h"
#include "policy/check.h"

#define DELAY_MAX_USEC (5 * USEC_PER_SEC)
#define POLL_MAX_USEC (10 * USEC_PER_SEC)
/* So late that the machine sleeps by then: an alarm that is over wakes nobody. */
#define SUSPEND_DEFAULT_USEC (10 * USEC_PER_SEC)
#define NAME_DEFAULT "reset"

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
        const char *text = member_string(object, key);
        Place at = place_key(place, key);

        if (!text)
                return 0;
        if (duration_parse(text, usec) < 0 || *usec > max)
                return report_meaning(report, &at, "%s is too long: at most %llus", text,
                                      (unsigned long long) (max / USEC_PER_SEC));
        return 0;
}

/* An optional number of up to 32 bits in the table's formats; @otherwise if the key is not there. */
static uint32_t hex_or(json_object *object, const char *key, uint32_t otherwise) {
        const char *text = member_string(object, key);
        uint64_t number;

        return text && text_to_uint64(text, 16, &number) == 0 ? (uint32_t) number : otherwise;
}

static int read_place(Report *report, const Place *place, json_object *object, RecipeStep *step) {
        bool has_index = member(object, "index"), has_data = member(object, "data");
        Place at = place_key(place, has_index ? "data" : "index"), at_register = place_key(place, "register");

        if (has_index != has_data)
                return report_meaning(report, &at, "is missing: \"index\" and \"data\" are there both, or neither is");
        step->place = (RegisterPlace){
                .bar = (uint8_t) (member_string(object, "bar")[0] - '0'),
                .index_offset = (uint16_t) hex_or(object, "index", 0),
                .data_offset = (uint16_t) hex_or(object, "data", 0),
                .address = hex_or(object, "register", 0),
        };
        if (has_index && step->place.index_offset == step->place.data_offset)
                return report_meaning(report, &at, "is the same as \"index\"");
        if (step->place.address % 4 != 0)
                return report_meaning(report, &at_register, "has to be a multiple of 4");
        step->optional = json_object_get_boolean(member(object, "optional"));
        return 0;
}

static int read_test(Report *report, const Place *place, json_object *object, RecipeStep *step) {
        static const char *const keys[_REGISTER_TEST_MAX] = {
                [REGISTER_EQUALS] = "equals",
                [REGISTER_DIFFERS] = "differs",
                [REGISTER_AT_LEAST] = "at_least",
        };
        size_t n = 0;

        for (RegisterTest test = 0; test < _REGISTER_TEST_MAX; test++) {
                if (!member(object, keys[test]))
                        continue;
                step->test = test;
                step->value = hex_or(object, keys[test], 0);
                n++;
        }
        if (n != 1)
                return report_meaning(report, place,
                                      "needs exactly one of \"equals\", \"differs\", \"at_least\", and has %zu", n);
        return 0;
}

static bool is_single_bit(uint32_t mask) {
        return mask != 0 && (mask & (mask - 1)) == 0;
}

/* Masks and what is under them. */
static int read_bits(Report *report, const Place *place, json_object *object, RecipeStep *step) {
        Place at_mask = place_key(place, "mask"), at_other = place_key(place, "unlike_mask");

        step->mask = hex_or(object, "mask", UINT32_MAX);
        if (step->mask == 0)
                return report_meaning(report, &at_mask, "0x0 means no bit at all");
        if (step->verb == RECIPE_WRITE_CONFIG || step->verb == RECIPE_WRITE_REGISTER)
                step->value = hex_or(object, "value", 0);
        if ((step->verb == RECIPE_CHECK_REGISTER || step->verb == RECIPE_POLL_REGISTER) &&
            read_test(report, place, object, step) != 0)
                return POLICY_E_REFUSED;
        if (step->value & ~step->mask)
                return report_meaning(report, place, "0x%x has bits outside of the mask 0x%x", step->value, step->mask);
        if (step->verb != RECIPE_DIFFER_REGISTER)
                return 0;
        step->other = step->place;
        step->other.address = hex_or(object, "unlike", 0);
        step->other_mask = hex_or(object, "unlike_mask", 0);
        if (!is_single_bit(step->mask))
                return report_meaning(report, &at_mask, "has to be one bit");
        if (!is_single_bit(step->other_mask))
                return report_meaning(report, &at_other, "has to be one bit");
        return 0;
}

static int read_times(Report *report, const Place *place, json_object *object, RecipeStep *step) {
        usec_t max = step->verb == RECIPE_POLL_REGISTER ? POLL_MAX_USEC : RESET_TIMEOUT_USEC;
        bool sleeps = step->verb == RECIPE_SUSPEND;
        usec_t longest = sleeps ? WAKE_ALARM_MAX_SECONDS * USEC_PER_SEC : DELAY_MAX_USEC;
        Place at = place_key(place, "timeout"), at_for = place_key(place, "for");

        if (sleeps)
                step->delay_usec = SUSPEND_DEFAULT_USEC;
        if (read_duration(report, place, object, "for", longest, &step->delay_usec) != 0 ||
            read_duration(report, place, object, "timeout", max, &step->timeout_usec) != 0)
                return POLICY_E_REFUSED;
        if (sleeps && (step->delay_usec < WAKE_ALARM_MIN_SECONDS * USEC_PER_SEC || step->delay_usec % USEC_PER_SEC != 0))
                return report_meaning(report, &at_for, "has to be whole seconds, %u to %u", WAKE_ALARM_MIN_SECONDS,
                                      WAKE_ALARM_MAX_SECONDS);
        if (step->delay_usec >= step->timeout_usec)
                return report_meaning(report, &at, "has to be longer than the delay itself");
        return 0;
}

static int step_read(Report *report, const Place *place, json_object *object, RecipeStep *ret_step) {
        RecipeStep step = {
                .verb = recipe_verb_from_string(member_string(object, "do")),
                .timeout_usec = RESET_TIMEOUT_USEC,
        };
        const char *method = member_string(object, "method");
        bool has_register = member(object, "register"), is_write = step.verb == RECIPE_WRITE_CONFIG;

        step.offset = (uint16_t) hex_or(object, "offset", 0);
        (void) text_copy(step.method, sizeof(step.method), method ?: "");
        if (has_register && read_place(report, place, object, &step) != 0)
                return POLICY_E_REFUSED;
        if ((has_register || is_write) && read_bits(report, place, object, &step) != 0)
                return POLICY_E_REFUSED;
        if (read_times(report, place, object, &step) != 0)
                return POLICY_E_REFUSED;
        *ret_step = step;
        return 0;
}

static bool flag_or(json_object *object, const char *key, bool otherwise) {
        json_object *value = member(object, key);

        return value ? json_object_get_boolean(value) : otherwise;
}

/* What says when a reset is run has no meaning where nobody but a person runs it. */
static int check_recovery_keys(Report *report, const Place *place, json_object *object) {
        static const char *const keys[] = { "name", "after_driver", "needs_guard", "before_guest", "experimental" };

        for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
                Place at = place_key(place, keys[i]);
                if (member(object, keys[i]))
                        return report_meaning(report, &at, "has no meaning in a recovery, which only a person asks for");
        }
        return 0;
}

static int recipe_read(Report *report, const Place *place, json_object *object, const Family *family,
                       Recipe *ret_recipe) {
        json_object *steps = member(object, "steps");
        Place at_steps = place_key(place, "steps");
        Recipe recipe = {
                .needs_guard = flag_or(object, "needs_guard", family->bus_reset == BUS_RESET_FORBIDDEN),
                .before_guest = flag_or(object, "before_guest", true),
                .experimental = flag_or(object, "experimental", false),
                .is_recovery = flag_or(object, "recovery", false),
                .n_steps = json_object_array_length(steps),
        };
        bool is_sound = true;

        (void) text_copy(recipe.name, sizeof(recipe.name), member_string(object, "name") ?: NAME_DEFAULT);
        (void) text_copy(recipe.after_driver, sizeof(recipe.after_driver), member_string(object, "after_driver") ?: "");
        for (size_t i = 0; i < recipe.n_steps; i++) {
                Place at = place_index(&at_steps, i);
                if (step_read(report, &at, json_object_array_get_idx(steps, i), &recipe.steps[i]) != 0)
                        is_sound = false;
        }
        if (recipe.is_recovery && check_recovery_keys(report, place, object) != 0)
                is_sound = false;
        if (!is_sound || recipe_check(report, &at_steps, &recipe, family) != 0)
                return POLICY_E_REFUSED;
        *ret_recipe = recipe;
        return 0;
}

/* Outcomes are counted by name. */
static int check_name(Report *report, const Place *place, const Family *family, size_t index) {
        Place at = place_key(place, "name");

        for (size_t i = 0; i < index; i++)
                if (streq(family->recipes[i].name, family->recipes[index].name))
                        return report_meaning(report, &at, "another reset of this family is called \"%s\", too",
                                              family->recipes[index].name);
        return 0;
}

static int recovery_take(Report *report, const Place *place, const Recipe *recipe, Recovery *recovery) {
        if (recovery->remove_rescan || recovery->suspend_usec > 0)
                return report_meaning(report, place, "is the second recovery of this family: write all words into one");
        for (size_t i = 0; i < recipe->n_steps; i++) {
                recovery->remove_rescan |= recipe->steps[i].verb == RECIPE_REMOVE_RESCAN;
                if (recipe->steps[i].verb == RECIPE_SUSPEND)
                        recovery->suspend_usec = recipe->steps[i].delay_usec;
        }
        return 0;
}

int recipes_read(Report *report, const Place *place, json_object *value, Family *family) {
        bool is_list = json_object_is_type(value, json_type_array);
        size_t n = is_list ? json_object_array_length(value) : 1, n_recipes = 0;
        int r = 0;

        for (size_t i = 0; i < n; i++) {
                Place at = is_list ? place_index(place, i) : *place;
                json_object *object = is_list ? json_object_array_get_idx(value, i) : value;
                Recipe recipe;
                if (recipe_read(report, &at, object, family, &recipe) != 0)
                        r = POLICY_E_REFUSED;
                else if (recipe.is_recovery) {
                        if (recovery_take(report, &at, &recipe, &family->recovery) != 0)
                                r = POLICY_E_REFUSED;
                } else {
                        family->recipes[n_recipes] = recipe;
                        if (check_name(report, &at, family, n_recipes++) != 0)
                                r = POLICY_E_REFUSED;
                }
        }
        return r;
}
