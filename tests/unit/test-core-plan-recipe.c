/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The reset inside a plan: when it runs, what it is made of, and what kernel lockdown makes of it. */

#include "card-fixture.h"
#include "check-main.h"
#include "core/plan-recipe.h"
#include "plan-fixture.h"

typedef struct Case {
        CardFacts card;
        MachineFacts machine;
        Rule rule;
        GuestRequest request;
        Refusal refusal;
        Plan plan;
} Case;

static Case polaris_case(void) {
        return (Case){
                .card = fixture_polaris(),
                .machine = fixture_machine(),
                .rule = fixture_rule_polaris(),
                .request = fixture_request(RESET_STATE_TOUCHED),
        };
}

static int plan_case(Case *c) {
        return plan_to_guest(&c->card, &c->machine, &c->rule, &c->request, &c->plan, &c->refusal);
}

static void must_run(Case *c) {
        ck_assert_int_eq(plan_case(c), 0);
        ck_assert(c->plan.runs_recipe);
}

static void must_go_without(Case *c) {
        ck_assert_int_eq(plan_case(c), 0);
        ck_assert(!c->plan.runs_recipe);
        for (size_t i = 0; i < c->plan.n_steps; i++) {
                ck_assert(!c->plan.steps[i].is_recipe);
                ck_assert_int_ne((int) c->plan.steps[i].kind, STEP_WRITE_CONFIG);
        }
}

/* Only after amdgpu has run: on a card it never had, the write does nothing good. */
START_TEST(test_after_driver) {
        Case c = polaris_case();

        must_run(&c);
        c.request.after_driver_ran = false;
        must_go_without(&c);
        c.rule.recipes[0].after_driver[0] = '\0'; /* a recipe that asks for no driver */
        must_run(&c);
}
END_TEST

/* The write may itself arm the card, so: only under a guard. */
START_TEST(test_needs_guard) {
        Case c = polaris_case();

        c.request = fixture_request_companion(RESET_STATE_TOUCHED);
        must_go_without(&c);
        c = polaris_case();
        c.card = fixture_single();
        must_go_without(&c);
        c = polaris_case();
        c.machine.stub_driver_loaded = false; /* a pinned companion guards as well */
        must_run(&c);
        ck_assert_int_eq((int) c.plan.guard, GUARD_PINNED_COMPANION);
}
END_TEST

/* A family whose recipe is harmless without one. */
START_TEST(test_without_guard) {
        Case c = polaris_case();

        c.rule.bus_reset = BUS_RESET_WANTED;
        c.rule.recipes[0].needs_guard = false;
        must_run(&c);
        ck_assert_int_eq((int) c.plan.guard, GUARD_NONE);
}
END_TEST

START_TEST(test_no_recipe) {
        Case c = polaris_case();

        c.rule.recipes[0].n_steps = 0;
        must_go_without(&c);
        ck_assert_int_eq((int) c.plan.guard, GUARD_STUB_COMPANION);
}
END_TEST

/* A card that is on a vfio driver already was reset when it came; now somebody might hold it. */
START_TEST(test_not_under_vfio) {
        static const char *const drivers[] = { DRIVER_VFIO_PCI, "amd_vfio_pci" };

        for (size_t i = 0; i < ELEMENTSOF(drivers); i++) {
                Case c = polaris_case();
                fixture_put(&c.card, 0, drivers[i], drivers[i]);
                must_go_without(&c);
        }
}
END_TEST

/* From every place that is not vfio the card is reset on its way, after its driver has gone. */
START_TEST(test_from_other_places) {
        static const char *const drivers[] = { "amdgpu", "", DRIVER_PCI_STUB };

        for (size_t i = 0; i < ELEMENTSOF(drivers); i++) {
                Case c = polaris_case();
                fixture_put(&c.card, 0, drivers[i], "");
                must_run(&c);
        }
}
END_TEST

/* Lockdown is seen before planning; policy may let a guarded start go on without the reset. */
START_TEST(test_lockdown) {
        for (uint8_t i = 0; i < 2; i++) {
                Case c = polaris_case();
                c.card.functions[i].survey.config_locked = true;
                ck_assert_int_eq(plan_case(&c), E_REFUSED);
                ck_assert_int_eq((int) c.refusal.code, REFUSAL_LOCKDOWN);
                ck_assert_uint_eq(c.refusal.address.function, i);

                c.rule.allow_lockdown = true;
                must_go_without(&c);
                ck_assert_int_eq((int) c.plan.guard, GUARD_STUB_COMPANION);

                /* Without a guard the reset is what makes the start safe. */
                c.rule.recipes[0].needs_guard = false;
                c.rule.bus_reset = BUS_RESET_WANTED;
                ck_assert_int_eq(plan_case(&c), E_REFUSED);
                ck_assert_int_eq((int) c.refusal.code, REFUSAL_LOCKDOWN);
        }
}
END_TEST

/* No reset would have run: lockdown is no reason to refuse. */
START_TEST(test_lockdown_without_reset) {
        Case c = polaris_case();

        c.card.functions[0].survey.config_locked = true;
        c.request.after_driver_ran = false;
        must_go_without(&c);
        c.request = fixture_request_companion(RESET_STATE_TOUCHED);
        must_go_without(&c);
        c.request = fixture_request(RESET_STATE_TOUCHED);
        c.card = fixture_polaris_guarded();
        c.card.functions[0].survey.config_locked = true;
        must_go_without(&c);
        c = polaris_case();
        c.card = fixture_generic(2);
        c.card.functions[0].survey.config_locked = true;
        c.rule = RULE_GENERIC;
        must_go_without(&c);
}
END_TEST

/* What each word becomes: every function is saved, restored and verified, only function 0 is written. */
START_TEST(test_steps) {
        Case c = polaris_case();
        size_t n_recipe = 0;

        c.rule.recipes[0].steps[1].timeout_usec = 7 * USEC_PER_SEC;
        must_run(&c);
        for (size_t i = 0; i < c.plan.n_steps; i++) {
                const Step *step = &c.plan.steps[i];
                const FunctionSurvey *survey = &c.card.functions[step->address.function].survey;
                if (!step->is_recipe)
                        continue;
                n_recipe++;
                ck_assert_uint_eq(step->timeout_usec,
                                  step->kind == STEP_WRITE_CONFIG ? 7 * USEC_PER_SEC : RESET_TIMEOUT_USEC);
                if (step->kind == STEP_WRITE_CONFIG) {
                        ck_assert_uint_eq(step->address.function, 0);
                        ck_assert_uint_eq(step->offset, 0x7c);
                        ck_assert_uint_eq(step->value, 0x39d5e86b);
                } else if (step->kind == STEP_DELAY) {
                        ck_assert_uint_eq(step->delay_usec, 100);
                } else {
                        ck_assert_uint_eq(step->n_registers, survey->n_registers);
                        ck_assert_mem_eq(step->registers, survey->registers,
                                         survey->n_registers * sizeof(survey->registers[0]));
                }
        }
        ck_assert_uint_eq(n_recipe, 2 + 1 + 1 + 2 + 2);
}
END_TEST

/* "Does not apply" leads behind everything that belongs to the reset, restores in its midst too. */
START_TEST(test_does_not_apply) {
        static const RecipeVerb verbs[] = { RECIPE_SAVE_CONFIG,    RECIPE_D3HOT,          RECIPE_VENDOR_RESET,
                                            RECIPE_WRITE_CONFIG,   RECIPE_RESTORE_CONFIG, RECIPE_WRITE_CONFIG,
                                            RECIPE_RESTORE_CONFIG, RECIPE_VERIFY };
        Plan plan = { 0 };
        PlanBuilder builder = { .plan = &plan };
        CardFacts card = fixture_polaris();
        Recipe recipe = { .n_steps = ELEMENTSOF(verbs) };

        for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
                recipe.steps[i].verb = verbs[i];
        plan_add_recipe(&builder, &card, &recipe);
        ck_assert_uint_eq(plan.n_steps, 2 + 1 + 1 + 1 + 2 + 1 + 2 + 2);
        ck_assert_int_eq(plan.steps[2].kind, STEP_D3HOT);
        ck_assert_uint_eq(plan.steps[2].skip_to, 8);
        ck_assert_int_eq(plan.steps[3].kind, STEP_VENDOR_RESET);
        ck_assert_uint_eq(plan.steps[3].skip_to, 8);
        ck_assert_int_eq(plan.steps[7].kind, STEP_WRITE_CONFIG);
        ck_assert_int_eq(plan.steps[8].kind, STEP_RESTORE_CONFIG);
        /* Without anything to put back: to the end. And so for a word behind the last restore. */
        recipe = (Recipe){ .n_steps = 2, .steps = { { .verb = RECIPE_VENDOR_RESET }, { .verb = RECIPE_VERIFY } } };
        plan = (Plan){ 0 };
        plan_add_recipe(&builder, &card, &recipe);
        ck_assert_uint_eq(plan.steps[0].skip_to, 3);
        recipe.steps[0].verb = RECIPE_RESTORE_CONFIG;
        recipe.steps[1].verb = RECIPE_VENDOR_RESET;
        plan = (Plan){ 0 };
        plan_add_recipe(&builder, &card, &recipe);
        ck_assert_uint_eq(plan.steps[2].skip_to, 3);
}
END_TEST

/* As many registers as there may be, in every function. */
START_TEST(test_most_registers) {
        Case c = polaris_case();

        for (size_t i = 0; i < 2; i++) {
                c.card.functions[i].survey.n_registers = REGISTERS_MAX;
                for (uint16_t r = 0; r < REGISTERS_MAX; r++)
                        c.card.functions[i].survey.registers[r] =
                                (ConfigRegister){ .offset = r, .width = 1, .value = r };
        }
        must_run(&c);
        const Step *save = NULL;
        for (size_t i = 0; i < c.plan.n_steps && !save; i++)
                if (c.plan.steps[i].kind == STEP_SAVE_CONFIG)
                        save = &c.plan.steps[i];
        ck_assert_ptr_nonnull(save);
        ck_assert_uint_eq(save->n_registers, REGISTERS_MAX);
        ck_assert_uint_eq(save->registers[REGISTERS_MAX - 1].value, REGISTERS_MAX - 1);
}
END_TEST

/* The longest recipe on the largest card does not fit: refused, never cut. On a smaller card it fits. */
START_TEST(test_too_long) {
        Case c = polaris_case();

        c.rule.recipes[0].n_steps = RECIPE_STEPS_MAX;
        for (size_t i = 0; i < RECIPE_STEPS_MAX; i++)
                c.rule.recipes[0].steps[i] = (RecipeStep){ .verb = RECIPE_SAVE_CONFIG };
        must_run(&c);
        while (c.card.n_functions < FUNCTIONS_MAX)
                fixture_add(&c.card, 0x0c0330, 0x1234, "xhci_hcd");
        ck_assert_int_eq(plan_case(&c), E_REFUSED);
        ck_assert_int_eq((int) c.refusal.code, REFUSAL_PLAN_TOO_LONG);
        ck_assert_uint_le(c.plan.n_steps, STEPS_MAX);

        /* And the recipe that is shipped fits on the largest card. */
        c.rule = fixture_rule_polaris();
        must_run(&c);
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("core-plan-recipe");
        TCase *tcase = tcase_create("plan-recipe");

        tcase_add_test(tcase, test_after_driver);
        tcase_add_test(tcase, test_needs_guard);
        tcase_add_test(tcase, test_without_guard);
        tcase_add_test(tcase, test_no_recipe);
        tcase_add_test(tcase, test_not_under_vfio);
        tcase_add_test(tcase, test_from_other_places);
        tcase_add_test(tcase, test_lockdown);
        tcase_add_test(tcase, test_lockdown_without_reset);
        tcase_add_test(tcase, test_steps);
        tcase_add_test(tcase, test_does_not_apply);
        tcase_add_test(tcase, test_most_registers);
        tcase_add_test(tcase, test_too_long);
        suite_add_tcase(suite, tcase);
        return suite;
}

CHECK_MAIN(make_suite)
