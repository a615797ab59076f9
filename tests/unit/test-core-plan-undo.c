/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The way back from the middle: what it does step by step. That it restores everything,
 * test-core-plan-properties.c. */

#include "card-fixture.h"
#include "check-main.h"
#include "plan-fixture.h"

static Plan guest_plan(CardFacts card, Rule rule, GuestRequest request) {
        MachineFacts machine = fixture_machine();
        Refusal refusal;
        Plan plan;

        ck_assert_int_eq(plan_to_guest(&card, &machine, &rule, &request, &plan, &refusal), 0);
        return plan;
}

static Plan polaris_plan(void) {
        return guest_plan(fixture_polaris(), fixture_rule_polaris(), fixture_request(RESET_STATE_TOUCHED));
}

static Plan must_undo(const Plan *plan, size_t n_done) {
        Refusal refusal;
        Plan undo;

        ck_assert_int_eq(plan_undo(plan, n_done, &undo, &refusal), 0);
        return undo;
}

/* Steps of @plan up to the first of that kind and function, that one included. */
static size_t done_until(const Plan *plan, StepKind kind, uint8_t function) {
        for (size_t i = 0; i < plan->n_steps; i++)
                if (plan->steps[i].kind == kind && plan->steps[i].address.function == function)
                        return i + 1;
        ck_abort_msg("no %s of .%u in the plan", step_kind_to_string(kind), function);
        return 0;
}

START_TEST(test_nothing_done) {
        Plan plan = polaris_plan();
        Plan undo = must_undo(&plan, 0);

        ck_assert_uint_eq(undo.n_steps, 0);
        ck_assert_int_eq((int) undo.direction, DIRECTION_HOST);
}
END_TEST

/* The flag goes last, when nothing of the card is on vfio-pci any more. */
START_TEST(test_guard_by_the_module) {
        CardFacts card = fixture_single();
        MachineFacts machine = fixture_machine();
        GuestRequest request = fixture_request(RESET_STATE_PREFAIL);
        Rule rule = fixture_rule_polaris();
        Refusal refusal;
        Plan plan;

        machine.guard_module_loaded = true;
        request.after_driver_ran = false;
        ck_assert_int_eq(plan_to_guest(&card, &machine, &rule, &request, &plan, &refusal), 0);
        Plan undo = must_undo(&plan, plan.n_steps);
        PLAN_MUST_BE(&undo, "check-group .0 16", "unbind .0 vfio-pci", "set-override .0 (-) amdgpu", "bind .0 amdgpu",
                     "set-override .0 (vfio-pci) -", "set-d3cold .0 (0) 1", "clear-guard .0", "set-power .0 (-) auto");
        ck_assert_int_eq(undo.steps[6].iommu_group, FIXTURE_GROUP);
        undo = must_undo(&plan, 2);
        PLAN_MUST_BE(&undo, "clear-guard .0");
}
END_TEST

START_TEST(test_only_looked) {
        Plan plan = polaris_plan();
        Plan undo = must_undo(&plan, 2);

        ck_assert_uint_eq(undo.n_steps, 0);
}
END_TEST

START_TEST(test_all_done) {
        Plan plan = polaris_plan();
        Plan undo = must_undo(&plan, plan.n_steps);

        PLAN_MUST_BE(&undo, "check-group .0 16", "unbind .0 vfio-pci", "restore-config .0",
                     "restore-config .1", "set-override .0 (-) amdgpu", "bind .0 amdgpu",
                     "set-override .0 (vfio-pci) -", "unbind .1 pci-stub",
                     "set-override .1 (-) snd_hda_intel", "bind .1 snd_hda_intel",
                     "set-override .1 (pci-stub) -", "set-d3cold .1 (0) 1", "set-d3cold .0 (0) 1",
                     "set-power .1 (-) auto", "set-power .0 (-) auto");
        ck_assert_int_eq((int) undo.guard, GUARD_NONE);
        ck_assert(!undo.runs_recipe);
}
END_TEST

/* The unbind did not come back, or did: both ways the override is aimed before the bind. */
START_TEST(test_companion_unbound) {
        Plan plan = polaris_plan();
        Plan undo = must_undo(&plan, done_until(&plan, STEP_UNBIND, 1));

        PLAN_MUST_BE(&undo, "set-override .1 (-) snd_hda_intel", "bind .1 snd_hda_intel",
                     "set-override .1 (pci-stub) -", "set-d3cold .1 (0) 1", "set-d3cold .0 (0) 1",
                     "set-power .1 (-) auto");
}
END_TEST

START_TEST(test_display_unbound) {
        Plan plan = polaris_plan();
        Plan undo = must_undo(&plan, done_until(&plan, STEP_UNBIND, 0));

        PLAN_MUST_BE(&undo, "set-override .0 (-) amdgpu", "bind .0 amdgpu", "set-override .0 (vfio-pci) -",
                     "unbind .1 pci-stub", "set-override .1 (-) snd_hda_intel", "bind .1 snd_hda_intel",
                     "set-override .1 (pci-stub) -", "set-d3cold .1 (0) 1", "set-d3cold .0 (0) 1",
                     "set-power .1 (-) auto", "set-power .0 (-) auto");
}
END_TEST

/* Saving alone has wiped nothing. */
START_TEST(test_saved_only) {
        Plan plan = polaris_plan();
        Plan undo = must_undo(&plan, done_until(&plan, STEP_SAVE_CONFIG, 1));

        for (size_t i = 0; i < undo.n_steps; i++)
                ck_assert_int_ne((int) undo.steps[i].kind, STEP_RESTORE_CONFIG);
}
END_TEST

/* From the write on: once, with the values of the plan, and before any driver may see the card. */
START_TEST(test_config_written) {
        CardFacts card = fixture_polaris();
        Plan plan = polaris_plan();
        size_t first = done_until(&plan, STEP_WRITE_CONFIG, 0);

        for (size_t n_done = first; n_done <= plan.n_steps; n_done++) {
                Plan undo = must_undo(&plan, n_done);
                size_t n_restored = 0;
                bool bound = false;
                for (size_t i = 0; i < undo.n_steps; i++) {
                        const Step *step = &undo.steps[i];
                        bound |= step->kind == STEP_BIND;
                        if (step->kind != STEP_RESTORE_CONFIG)
                                continue;
                        const FunctionSurvey *survey = &card.functions[step->address.function].survey;
                        ck_assert_msg(!bound, "restored under a driver");
                        ck_assert_uint_eq(step->n_registers, survey->n_registers);
                        ck_assert_mem_eq(step->registers, survey->registers, sizeof(step->registers));
                        n_restored++;
                }
                ck_assert_uint_eq(n_restored, 2);
        }
}
END_TEST

/* A recipe that writes twice is put back once. */
START_TEST(test_config_written_twice) {
        Rule rule = fixture_rule_polaris();

        rule.recipes[0].steps[2] = rule.recipes[0].steps[1];
        Plan plan = guest_plan(fixture_polaris(), rule, fixture_request(RESET_STATE_TOUCHED));
        Plan undo = must_undo(&plan, plan.n_steps);
        size_t n_restored = 0;
        for (size_t i = 0; i < undo.n_steps; i++)
                n_restored += undo.steps[i].kind == STEP_RESTORE_CONFIG;
        ck_assert_uint_eq(n_restored, 2);
}
END_TEST

/* vfio-pci sets power/control to auto when it comes and to on when it goes: put back though no step wrote it.
 */
START_TEST(test_power_without_own_write) {
        CardFacts card = fixture_generic(2);

        fixture_power(&card, 0, "on", "0");
        fixture_power(&card, 1, "", "");
        Plan plan = guest_plan(card, RULE_GENERIC, fixture_request(RESET_STATE_TOUCHED));
        Plan undo = must_undo(&plan, done_until(&plan, STEP_BIND, 0));
        PLAN_MUST_BE(&undo, "check-group .0 16", "unbind .0 vfio-pci", "set-override .0 (-) nouveau",
                     "bind .0 nouveau", "set-override .0 (vfio-pci) -", "check-group .1 16",
                     "unbind .1 vfio-pci", "set-override .1 (-) snd_hda_intel", "bind .1 snd_hda_intel",
                     "set-override .1 (vfio-pci) -", "set-power .0 (-) on");
}
END_TEST

/* driverctl had set vfio-pci while amdgpu still had the card: after the undo it is set again. */
START_TEST(test_override_of_others) {
        CardFacts card = fixture_single();

        fixture_put(&card, 0, "amdgpu", DRIVER_VFIO_PCI);
        Plan plan = guest_plan(card, RULE_GENERIC, fixture_request(RESET_STATE_TOUCHED));
        Plan undo = must_undo(&plan, done_until(&plan, STEP_UNBIND, 0));
        PLAN_MUST_BE(&undo, "set-override .0 (-) amdgpu", "bind .0 amdgpu",
                     "set-override .0 (vfio-pci) vfio-pci", "set-d3cold .0 (0) 1", "set-power .0 (-) auto");
}
END_TEST

/* A way home that a VM start turns round: back to vfio-pci, with the power that the guest needs. */
START_TEST(test_turned_round) {
        CardFacts card = fixture_polaris_guarded(), at_home = fixture_polaris();
        Rule rule = fixture_rule_polaris();
        Refusal refusal;
        Home home = { 0 };
        Plan plan;

        home_note(&at_home, false, &home);
        ck_assert_int_eq(plan_to_host(&card, &rule, RESET_STATE_TOUCHED, &home, &plan, &refusal), 0);
        size_t n_done = done_until(&plan, STEP_UNBIND, 0);
        ck_assert(plan_before_host_bind(&plan, n_done));
        Plan undo = must_undo(&plan, n_done);
        ck_assert_int_eq((int) undo.direction, DIRECTION_GUEST);
        PLAN_MUST_BE(&undo, "set-override .0 (-) vfio-pci", "bind .0 vfio-pci",
                     "set-override .0 (amdgpu) vfio-pci", "set-power .0 (-) on");
        ck_assert(!plan_before_host_bind(&plan, n_done + 1));
        ck_assert(!plan_before_host_bind(&plan, plan.n_steps));
}
END_TEST

START_TEST(test_before_host_bind) {
        static const struct {
                StepKind kind;
                const char *text;
                bool before;
        } steps[] = {
                { STEP_BIND, "amdgpu", false },
                { STEP_BIND, "snd_hda_intel", false },
                { STEP_PROBE, "", false },
                { STEP_BIND, "vfio-pci", true },
                { STEP_BIND, "pci-stub", true },
                { STEP_BIND, "any_vfio_pci", true },
                { STEP_UNBIND, "amdgpu", true },
                { STEP_UNBIND, "vfio-pci", true },
                { STEP_SET_OVERRIDE, "amdgpu", true },
                { STEP_GROUP_FREE, "", true },
        };

        for (size_t i = 0; i < ELEMENTSOF(steps); i++) {
                Plan plan = { .direction = DIRECTION_HOST, .n_steps = 2 };
                plan.steps[0].kind = STEP_ALIVE;
                plan.steps[1].kind = steps[i].kind;
                ck_assert_int_eq(text_copy(plan.steps[1].text, sizeof(plan.steps[1].text), steps[i].text), 0);
                ck_assert(plan_before_host_bind(&plan, 0));
                ck_assert(plan_before_host_bind(&plan, 1));
                ck_assert_msg(plan_before_host_bind(&plan, 2) == steps[i].before, "%s %s",
                              step_kind_to_string(steps[i].kind), steps[i].text);
        }
}
END_TEST

/* A record from a store may hold any plan: its undo is refused when it does not fit, never cut. */
START_TEST(test_too_long) {
        Refusal refusal = { 0 };
        Plan plan = { .direction = DIRECTION_GUEST, .n_steps = STEPS_MAX };
        Plan undo;

        for (size_t i = 0; i < STEPS_MAX; i++) {
                plan.steps[i] =
                        (Step){ .kind = STEP_UNBIND, .address = fixture_address(1), .iommu_group = -1 };
                ck_assert_int_eq(text_copy(plan.steps[i].text, ATTRIBUTE_VALUE_SIZE, "snd_hda_intel"), 0);
        }
        ck_assert_int_eq(plan_undo(&plan, STEPS_MAX / 2, &undo, &refusal), 0);
        ck_assert_uint_eq(undo.n_steps, STEPS_MAX);
        ck_assert_int_eq(plan_undo(&plan, STEPS_MAX / 2 + 1, &undo, &refusal), E_REFUSED);
        ck_assert_int_eq((int) refusal.code, REFUSAL_PLAN_TOO_LONG);
        ck_assert_uint_eq(refusal.address.function, 1);
        ck_assert_uint_le(undo.n_steps, STEPS_MAX);
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("core-plan-undo");
        TCase *tcase = tcase_create("plan-undo");

        tcase_add_test(tcase, test_nothing_done);
        tcase_add_test(tcase, test_guard_by_the_module);
        tcase_add_test(tcase, test_only_looked);
        tcase_add_test(tcase, test_all_done);
        tcase_add_test(tcase, test_companion_unbound);
        tcase_add_test(tcase, test_display_unbound);
        tcase_add_test(tcase, test_saved_only);
        tcase_add_test(tcase, test_config_written);
        tcase_add_test(tcase, test_config_written_twice);
        tcase_add_test(tcase, test_power_without_own_write);
        tcase_add_test(tcase, test_override_of_others);
        tcase_add_test(tcase, test_turned_round);
        tcase_add_test(tcase, test_before_host_bind);
        tcase_add_test(tcase, test_too_long);
        suite_add_tcase(suite, tcase);
        return suite;
}

CHECK_MAIN(make_suite)
