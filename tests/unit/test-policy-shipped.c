/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The files that are shipped: every card that they are meant for, and the rule that comes out. */

#include "check-main.h"

#include <json-c/json.h>

#include "base/text.h"
#include "policy-fixture.h"

#define SHIPPED TEST_SOURCE_DIR "/policy/quirks"

static const uint16_t polaris10[] = { 0x67c0, 0x67c1, 0x67c2, 0x67c4, 0x67c7, 0x67c8, 0x67c9, 0x67ca,
                                      0x67cc, 0x67cf, 0x67d0, 0x67d4, 0x67d7, 0x67df, 0x6fdf };
static const uint16_t polaris11[] = {
        0x67e0, 0x67e1, 0x67e3, 0x67e7, 0x67e8, 0x67e9, 0x67eb, 0x67ef, 0x67ff
};
static const uint16_t polaris12[] = {
        0x6980, 0x6981, 0x6985, 0x6986, 0x6987, 0x698f, 0x6995, 0x6997, 0x699f
};

static Policy *load_shipped(void) {
        Policy *policy = NULL;

        ck_assert_int_eq(policy_load(&(PolicyDirs){ .quirks_vendor = SHIPPED }, &policy), 0);
        for (size_t i = 0; policy_problem(policy, i); i++)
                ck_abort_msg("%s: %s: %s", policy_problem(policy, i)->file, policy_problem(policy, i)->where,
                             policy_problem(policy, i)->text);
        return policy;
}

static void check_step(const RecipeStep *step, RecipeVerb verb, uint16_t offset, uint32_t value,
                       usec_t delay) {
        ck_assert_int_eq(step->verb, verb);
        ck_assert_uint_eq(step->offset, offset);
        ck_assert_uint_eq(step->value, value);
        ck_assert_uint_eq(step->delay_usec, delay);
        ck_assert_uint_eq(step->timeout_usec, RESET_TIMEOUT_USEC);
}

static void check_polaris_rule(const Rule *rule, const char *family) {
        ck_assert_str_eq(rule->family, family);
        ck_assert_int_eq(rule->bus_reset, BUS_RESET_FORBIDDEN);
        ck_assert_int_eq(rule->state.touched_host_bind, RESET_STATE_PREFAIL);
        ck_assert_int_eq(rule->state.prefail_bus_reset, RESET_STATE_FAILED);
        ck_assert_int_eq(rule->state.recipe_ok, RESET_STATE_PREFAIL);
        ck_assert(rule->state.reset_line_is_prefail);
        ck_assert_str_eq(rule->recipes[0].after_driver, "amdgpu");
        ck_assert(rule->recipes[0].needs_guard);
        ck_assert_uint_eq(rule->recipes[0].n_steps, 5);
        check_step(&rule->recipes[0].steps[0], RECIPE_SAVE_CONFIG, 0, 0, 0);
        check_step(&rule->recipes[0].steps[1], RECIPE_WRITE_CONFIG, 0x7c, 0x39d5e86b, 0);
        check_step(&rule->recipes[0].steps[2], RECIPE_DELAY, 0, 0, 100);
        check_step(&rule->recipes[0].steps[3], RECIPE_RESTORE_CONFIG, 0, 0, 0);
        check_step(&rule->recipes[0].steps[4], RECIPE_VERIFY, 0, 0, 0);
        ck_assert_str_eq(rule->name, "");
        ck_assert_int_eq(rule->return_to, RETURN_TO_HOST);
        ck_assert(rule->automatic);
        ck_assert(!rule->allow_holders && !rule->allow_lockdown && !rule->configuration_broken);
}

START_TEST(every_polaris) {
        static const struct {
                const char *family;
                const uint16_t *ids;
                size_t n;
        } families[] = {
                { "polaris10", polaris10, ELEMENTSOF(polaris10) },
                { "polaris11", polaris11, ELEMENTSOF(polaris11) },
                { "polaris12", polaris12, ELEMENTSOF(polaris12) },
        };
        Policy *policy = load_shipped();

        for (size_t i = 0; i < ELEMENTSOF(families); i++)
                for (size_t k = 0; k < families[i].n; k++) {
                        Rule rule = fixture_rule(policy, "0000:01:00.0", 0x1002, families[i].ids[k]);
                        check_polaris_rule(&rule, families[i].family);
                }
        policy_free(policy);
}
END_TEST

/* All 65536 devices of the vendor: the lists above are all that is Polaris. */
START_TEST(nothing_else_is_polaris) {
        Policy *policy = load_shipped();
        size_t n_polaris = 0;

        for (uint32_t id = 0; id <= UINT16_MAX; id++) {
                Rule rule = fixture_rule(policy, "0000:01:00.0", 0x1002, (uint16_t) id);
                n_polaris += rule.bus_reset == BUS_RESET_FORBIDDEN;
        }
        ck_assert_uint_eq(n_polaris, ELEMENTSOF(polaris10) + ELEMENTSOF(polaris11) + ELEMENTSOF(polaris12));
        /* Polaris 22 is not known well enough, and the same device id of another vendor is another card. */
        ck_assert_str_eq(fixture_rule(policy, "0000:01:00.0", 0x1002, 0x694c).family, "generic");
        ck_assert_str_eq(fixture_rule(policy, "0000:01:00.0", 0x10de, 0x67df).family, "generic");
        policy_free(policy);
}
END_TEST

static void check_generic(const Rule *rule) {
        ck_assert_str_eq(rule->family, "generic");
        ck_assert_int_eq(rule->bus_reset, BUS_RESET_WANTED);
        ck_assert_int_eq(rule->state.touched_host_bind, RESET_STATE_TOUCHED);
        ck_assert_int_eq(rule->state.prefail_bus_reset, RESET_STATE_FAILED);
        ck_assert_int_eq(rule->state.recipe_ok, _RESET_STATE_INVALID);
        ck_assert(!rule->state.reset_line_is_prefail);
        ck_assert_uint_eq(rule->recipes[0].n_steps, 0);
        ck_assert(rule->automatic);
}

START_TEST(generic_is_the_same_with_and_without_its_file) {
        Policy *policy = load_shipped(), *empty = NULL;
        CardFacts card = fixture_card("0000:01:00.0", 0x10de, 0x2484);
        Rule from_file, built_in;

        ck_assert_int_eq(policy_load(&(PolicyDirs){ .quirks_vendor = "/does/not/exist" }, &empty), 0);
        policy_rule(policy, &card, &from_file);
        policy_rule(empty, &card, &built_in);
        check_generic(&from_file);
        check_generic(&built_in);
        ck_assert_str_eq(policy_origin(policy, &card, "bus_reset"), SHIPPED "/00-generic.json");
        ck_assert_str_eq(policy_origin(empty, &card, "bus_reset"), "built-in");
        policy_free(policy);
        policy_free(empty);
}
END_TEST

/* The loader asks a source of each value; of what is shipped, also of each list of ids. */
START_TEST(every_list_of_ids_has_a_source) {
        static const char *const files[] = { SHIPPED "/00-generic.json", POLARIS_FILE };

        for (size_t i = 0; i < ELEMENTSOF(files); i++) {
                json_object *root = json_object_from_file(files[i]), *list = NULL, *source = NULL;
                ck_assert_msg(root, "%s: %s", files[i], json_util_get_last_err());
                ck_assert(json_object_object_get_ex(root, "families", &list));
                ck_assert_uint_gt(json_object_array_length(list), 0);
                for (size_t k = 0; k < json_object_array_length(list); k++)
                        ck_assert(json_object_object_get_ex(json_object_array_get_idx(list, k), "source",
                                                            &source));
                json_object_put(root);
        }
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("policy-shipped");
        TCase *tcase = tcase_create("all");

        tcase_set_timeout(tcase, 60);
        tcase_add_test(tcase, every_polaris);
        tcase_add_test(tcase, nothing_else_is_polaris);
        tcase_add_test(tcase, generic_is_the_same_with_and_without_its_file);
        tcase_add_test(tcase, every_list_of_ids_has_a_source);
        suite_add_tcase(suite, tcase);
        return suite;
}

CHECK_MAIN(make_suite)
