/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which of a family's resets is planned, what stands in its way, and where a run goes on when it does not apply. */

#include "card-fixture.h"
#include "check-main.h"
#include "plan-fixture.h"

#define SMC(at) { .bar = 5, .index_offset = 0x6b0, .data_offset = 0x6b4, .address = (at) }
#define MEMSIZE { .bar = 5, .address = 0x5428 }

typedef struct Case {
        CardFacts card;
        MachineFacts machine;
        Rule rule;
        GuestRequest request;
        Refusal refusal;
        Plan plan;
} Case;

static Recipe vendor_recipe(void) {
        return (Recipe){ .name = "vendor-reset",
                         .before_guest = true,
                         .needs_guard = true,
                         .n_steps = 4,
                         .steps = { { .verb = RECIPE_SAVE_CONFIG },
                                    { .verb = RECIPE_VENDOR_RESET },
                                    { .verb = RECIPE_RESTORE_CONFIG },
                                    { .verb = RECIPE_VERIFY } } };
}

static Recipe register_recipe(bool optional) {
        return (Recipe){
                .name = "vi-config",
                .before_guest = true,
                .needs_guard = true,
                .after_driver = "amdgpu",
                .n_steps = 7,
                .steps = { { .verb = RECIPE_SAVE_CONFIG },
                           { .verb = RECIPE_CHECK_REGISTER, .place = SMC(0x80000370), .mask = UINT32_MAX,
                             .test = REGISTER_AT_LEAST, .value = 0x20100, .optional = optional },
                           { .verb = RECIPE_WRITE_CONFIG, .offset = 0x7c, .mask = UINT32_MAX, .value = 0x39d5e86b },
                           { .verb = RECIPE_DELAY, .delay_usec = 100 },
                           { .verb = RECIPE_POLL_REGISTER, .place = MEMSIZE, .mask = UINT32_MAX,
                             .test = REGISTER_DIFFERS, .value = UINT32_MAX, .optional = optional,
                             .timeout_usec = 100 * USEC_PER_MSEC },
                           { .verb = RECIPE_RESTORE_CONFIG },
                           { .verb = RECIPE_VERIFY } },
        };
}

static Case two_resets(void) {
        Case c = {
                .card = fixture_polaris(),
                .machine = fixture_machine(),
                .rule = fixture_rule_polaris(),
                .request = fixture_request(RESET_STATE_TOUCHED),
        };

        c.rule.recipes[0] = vendor_recipe();
        c.rule.recipes[1] = register_recipe(false);
        c.card.functions[0].bar_sizes[5] = 256 * 1024;
        return c;
}

static void must_plan(Case *c, const char *name) {
        ck_assert_int_eq(plan_to_guest(&c->card, &c->machine, &c->rule, &c->request, &c->plan, &c->refusal), 0);
        ck_assert_str_eq(c->plan.recipe, name);
        ck_assert_int_eq(c->plan.runs_recipe, name[0] != '\0');
}

static void must_not_reset_by_hand(Case *c, RefusalCode code, const char *why) {
        ck_assert_int_eq(plan_reset(&c->card, &c->machine, &c->rule, &c->request, &c->plan, &c->refusal), E_REFUSED);
        ck_assert_int_eq((int) c->refusal.code, (int) code);
        ck_assert_msg(strstr(c->refusal.detail, why) != NULL, "'%s' does not say '%s'", c->refusal.detail, why);
}

START_TEST(test_first_that_can_run) {
        Case c = two_resets();

        must_plan(&c, "vi-config");
        c.machine.vendor_reset_there = true;
        must_plan(&c, "vendor-reset");
        c.request.vendor_reset_unknown = true;
        must_plan(&c, "vi-config");
        c.card.functions[0].bar_sizes[5] = 0x5428; /* ends before the register does */
        must_plan(&c, "");
        c.rule.recipes[1] = register_recipe(true);
        must_plan(&c, "vi-config");
        for (size_t i = 0; i < c.plan.n_steps; i++) {
                ck_assert_int_ne((int) c.plan.steps[i].kind, STEP_POLL_REGISTER);
                /* What is smaller than the BAR stays. */
                if (c.plan.steps[i].kind == STEP_CHECK_REGISTER)
                        ck_assert_uint_eq(c.plan.steps[i].place.address, 0x80000370);
        }
}
END_TEST

/* Where the history is missing, the card is asked itself, if it can be. */
START_TEST(test_unknown_history) {
        Case c = two_resets();

        c.request.after_driver_ran = false;
        must_plan(&c, "");
        c.request.state = RESET_STATE_UNKNOWN;
        must_plan(&c, "vi-config");
        c.rule.recipes[1] = register_recipe(true);
        c.card.functions[0].bar_sizes[5] = 0;
        must_plan(&c, "");
}
END_TEST

START_TEST(test_experimental) {
        Case c = two_resets();

        c.rule.recipes[1].experimental = true;
        must_plan(&c, "");
        c.rule.allow_experimental = true;
        must_plan(&c, "vi-config");
}
END_TEST

/* QEMU does it by itself: not twice. A person may still ask for it. */
START_TEST(test_somebody_else_does_it) {
        Case c = two_resets();

        c.rule.recipes[1].before_guest = false;
        must_plan(&c, "");
        c.card = fixture_polaris_guarded();
        c.card.functions[0].bar_sizes[5] = 256 * 1024;
        c.rule.recipes[0] = c.rule.recipes[1];
        ck_assert_int_eq(plan_reset(&c.card, &c.machine, &c.rule, &c.request, &c.plan, &c.refusal), 0);
        ck_assert_str_eq(c.plan.recipe, "vi-config");
}
END_TEST

START_TEST(test_where_it_goes_on) {
        Case c = two_resets();
        size_t check = 0;

        must_plan(&c, "vi-config");
        while (c.plan.steps[check].kind != STEP_CHECK_REGISTER)
                check++;
        size_t to = c.plan.steps[check].skip_to;
        ck_assert_uint_gt(to, check + 3);
        ck_assert_int_eq((int) c.plan.steps[to].kind, STEP_RESTORE_CONFIG);
        ck_assert_int_eq((int) c.plan.steps[to - 1].kind, STEP_POLL_REGISTER);
        for (size_t i = 0; i < c.plan.n_steps; i++)
                if (i != check)
                        ck_assert_uint_eq(c.plan.steps[i].skip_to, 0);

        c.machine.vendor_reset_there = true;
        must_plan(&c, "vendor-reset");
        for (size_t i = 0; i < c.plan.n_steps; i++)
                if (c.plan.steps[i].kind == STEP_VENDOR_RESET)
                        ck_assert_int_eq((int) c.plan.steps[c.plan.steps[i].skip_to].kind, STEP_RESTORE_CONFIG);
}
END_TEST

/* Without anything to put back, behind the recipe. */
START_TEST(test_nothing_to_put_back) {
        Case c = two_resets();

        c.rule.recipes[0] = (Recipe){ .name = "bare", .before_guest = true, .n_steps = 1,
                                      .steps = { { .verb = RECIPE_VENDOR_RESET } } };
        c.machine.vendor_reset_there = true;
        must_plan(&c, "bare");
        for (size_t i = 0; i < c.plan.n_steps; i++)
                if (c.plan.steps[i].kind == STEP_VENDOR_RESET) {
                        ck_assert_uint_eq(c.plan.steps[i].skip_to, i + 1);
                        ck_assert(!c.plan.steps[i + 1].is_recipe);
                }
}
END_TEST

/* The method is narrowed to the named one around the reset, and comes back. */
START_TEST(test_function_reset) {
        Case c = two_resets();
        size_t i = 0;

        c.rule.recipes[0] = (Recipe){ .name = "flr", .before_guest = true, .n_steps = 4,
                                      .steps = { { .verb = RECIPE_SAVE_CONFIG },
                                                 { .verb = RECIPE_FUNCTION_RESET, .method = "flr" },
                                                 { .verb = RECIPE_RESTORE_CONFIG },
                                                 { .verb = RECIPE_VERIFY } } };
        must_plan(&c, "vi-config"); /* the kernel has no method for it */
        (void) text_copy(c.card.functions[0].survey.reset_method, ATTRIBUTE_VALUE_SIZE, "af_flr bus");
        must_plan(&c, "vi-config"); /* nor this one, whatever else it has */
        (void) text_copy(c.card.functions[0].survey.reset_method, ATTRIBUTE_VALUE_SIZE, "flr bus");
        must_plan(&c, "flr");
        while (c.plan.steps[i].kind != STEP_FUNCTION_RESET)
                i++;
        ck_assert_str_eq(c.plan.steps[i].text, "flr");
        ck_assert_int_eq((int) c.plan.steps[i - 1].kind, STEP_SET_METHOD);
        ck_assert_str_eq(c.plan.steps[i - 1].text, "flr");
        ck_assert_str_eq(c.plan.steps[i - 1].before, "flr bus");
        ck_assert_int_eq((int) c.plan.steps[i + 1].kind, STEP_SET_METHOD);
        ck_assert_str_eq(c.plan.steps[i + 1].text, "flr bus");

        Plan undo;
        ck_assert_int_eq(plan_undo(&c.plan, i + 1, &undo, &c.refusal), 0);
        bool restored = false, method = false;
        for (size_t k = 0; k < undo.n_steps; k++) {
                restored |= undo.steps[k].kind == STEP_RESTORE_CONFIG;
                method |= undo.steps[k].kind == STEP_SET_METHOD && streq(undo.steps[k].text, "flr bus");
                ck_assert_int_ne((int) undo.steps[k].kind, STEP_FUNCTION_RESET);
        }
        ck_assert(restored && method);
}
END_TEST

START_TEST(test_reset_by_hand) {
        Case c = two_resets();

        must_not_reset_by_hand(&c, REFUSAL_RESET_HOST_DRIVER, "");
        ck_assert_str_eq(c.refusal.subject, "amdgpu");

        c.card = fixture_polaris_guarded();
        must_not_reset_by_hand(&c, REFUSAL_NO_RESET_BY_HAND, "vendor-reset is not loaded");
        c.card.functions[0].bar_sizes[5] = 256 * 1024;
        ck_assert_int_eq(plan_reset(&c.card, &c.machine, &c.rule, &c.request, &c.plan, &c.refusal), 0);
        ck_assert_int_eq((int) c.plan.guard, GUARD_STUB_COMPANION);
        ck_assert_int_eq((int) c.plan.steps[0].kind, STEP_GROUP_FREE);
        ck_assert_int_eq((int) c.plan.steps[1].kind, STEP_UNBIND);
        ck_assert_int_eq((int) c.plan.steps[c.plan.n_steps - 2].kind, STEP_BIND);
        ck_assert_str_eq(c.plan.steps[c.plan.n_steps - 2].text, DRIVER_VFIO_PCI);
        for (size_t i = 0; i < c.plan.n_steps; i++)
                ck_assert(c.plan.steps[i].kind != STEP_UNBIND || c.plan.steps[i].address.function == 0);

        c.card.functions[0].survey.config_locked = true;
        must_not_reset_by_hand(&c, REFUSAL_LOCKDOWN, "");
        c.rule.allow_lockdown = true; /* lets a start go on, and resets nothing */
        must_not_reset_by_hand(&c, REFUSAL_LOCKDOWN, "");

        c.card = fixture_all_vfio(fixture_polaris());
        c.card.functions[0].bar_sizes[5] = 256 * 1024;
        c.machine.vendor_reset_there = true;
        must_not_reset_by_hand(&c, REFUSAL_NO_RESET_BY_HAND, "guard");
        c.request.state = RESET_STATE_FAILED;
        must_not_reset_by_hand(&c, REFUSAL_CARD_FAILED, "");
        c.request.state = RESET_STATE_TOUCHED;
        c.rule = RULE_GENERIC;
        must_not_reset_by_hand(&c, REFUSAL_NO_RESET_BY_HAND, "has none");
}
END_TEST

/* A card without a driver stays without one. */
START_TEST(test_reset_without_driver) {
        Case c = two_resets();

        c.card = fixture_polaris_guarded();
        fixture_put(&c.card, 0, "", "");
        c.card.functions[0].bar_sizes[5] = 256 * 1024;
        ck_assert_int_eq(plan_reset(&c.card, &c.machine, &c.rule, &c.request, &c.plan, &c.refusal), 0);
        for (size_t i = 0; i < c.plan.n_steps; i++) {
                ck_assert_int_ne((int) c.plan.steps[i].kind, STEP_BIND);
                ck_assert_int_ne((int) c.plan.steps[i].kind, STEP_UNBIND);
        }
        ck_assert_int_eq((int) c.plan.steps[c.plan.n_steps - 1].kind, STEP_ALIVE);
}
END_TEST

/* The last one of the list is looked at, and the longest recipe on the largest card fits or is refused. */
START_TEST(test_as_many_as_may_be) {
        Case c = two_resets();

        for (size_t i = 0; i < RECIPES_MAX; i++)
                c.rule.recipes[i] = vendor_recipe();
        c.rule.recipes[RECIPES_MAX - 1] = register_recipe(false);
        must_plan(&c, "vi-config");
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("core-recipe-choice");
        TCase *tcase = tcase_create("recipe-choice");

        tcase_add_test(tcase, test_first_that_can_run);
        tcase_add_test(tcase, test_unknown_history);
        tcase_add_test(tcase, test_experimental);
        tcase_add_test(tcase, test_somebody_else_does_it);
        tcase_add_test(tcase, test_where_it_goes_on);
        tcase_add_test(tcase, test_nothing_to_put_back);
        tcase_add_test(tcase, test_function_reset);
        tcase_add_test(tcase, test_reset_by_hand);
        tcase_add_test(tcase, test_reset_without_driver);
        tcase_add_test(tcase, test_as_many_as_may_be);
        suite_add_tcase(suite, tcase);
        return suite;
}

CHECK_MAIN(make_suite)
