/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The way to the guest from every start situation, each plan written out whole. */

#include "card-fixture.h"
#include "check-main.h"
#include "plan-fixture.h"

static int plan_it(CardFacts card, MachineFacts machine, Rule rule, GuestRequest request, Plan *plan,
                   Refusal *refusal) {
        *refusal = (Refusal){ 0 };
        return plan_to_guest(&card, &machine, &rule, &request, plan, refusal);
}

static Plan must_plan(CardFacts card, MachineFacts machine, Rule rule, GuestRequest request) {
        Refusal refusal;
        Plan plan;
        int r = plan_it(card, machine, rule, request, &plan, &refusal);

        ck_assert_msg(r == 0, "refused: %s", refusal_code_to_string(refusal.code));
        ck_assert_int_eq((int) plan.direction, DIRECTION_GUEST);
        return plan;
}

static Plan polaris_plan(CardFacts card, GuestRequest request) {
        return must_plan(card, fixture_machine(), fixture_rule_polaris(), request);
}

/* The tables below are shown without the reset; test-core-plan-recipe.c is about it. */
static GuestRequest untouched_by_driver(ResetState state) {
        GuestRequest request = fixture_request(state);

        request.after_driver_ran = false;
        return request;
}

/* Whatever the state is: the guard is always there, so the steps are the same. */
START_TEST(test_polaris_at_home) {
        static const ResetState states[] = { RESET_STATE_FRESH, RESET_STATE_TOUCHED, RESET_STATE_PREFAIL,
                                             RESET_STATE_UNKNOWN };
        Plan plan = polaris_plan(fixture_polaris(), fixture_request(states[_i]));

        PLAN_MUST_BE(&plan, "check-nodes .0", "check-nodes .1", "set-d3cold .0 (1) 0", "set-d3cold .1 (1) 0",
                     "set-override .1 (-) pci-stub", "unbind .1 snd_hda_intel", "bind .1 pci-stub",
                     "set-override .0 (-) vfio-pci", "unbind .0 amdgpu", "save-config .0", "save-config .1",
                     "write-config .0 7c=39d5e86b", "delay 100", "restore-config .0", "restore-config .1",
                     "verify-config .0", "verify-config .1", "check-alive .0", "bind .0 vfio-pci",
                     "set-power .0 (auto) on", "set-power .1 (auto) on");
        ck_assert_int_eq((int) plan.guard, GUARD_STUB_COMPANION);
        ck_assert(plan.runs_recipe);
}
END_TEST

START_TEST(test_polaris_failed) {
        Refusal refusal;
        Plan plan;

        ck_assert_int_eq(plan_it(fixture_polaris(), fixture_machine(), fixture_rule_polaris(),
                                 fixture_request(RESET_STATE_FAILED), &plan, &refusal),
                         E_REFUSED);
        ck_assert_int_eq((int) refusal.code, REFUSAL_CARD_FAILED);
}
END_TEST

/* The module pci-stub is not loaded: the companion is pinned by an override that names no driver. */
START_TEST(test_stub_missing) {
        MachineFacts machine = fixture_machine();

        machine.stub_driver_loaded = false;
        Plan plan = must_plan(fixture_polaris(), machine, fixture_rule_polaris(),
                              untouched_by_driver(RESET_STATE_PREFAIL));
        PLAN_MUST_BE(&plan, "check-nodes .0", "check-nodes .1", "set-d3cold .0 (1) 0", "set-d3cold .1 (1) 0",
                     "set-override .1 (-) gpuswitch-none", "unbind .1 snd_hda_intel",
                     "set-override .0 (-) vfio-pci", "unbind .0 amdgpu", "check-alive .0", "bind .0 vfio-pci",
                     "set-power .0 (auto) on", "set-power .1 (auto) on");
        ck_assert_int_eq((int) plan.guard, GUARD_PINNED_COMPANION);
}
END_TEST

/* The VM lists the companion: safe in these states only, and without the reset, which needs a guard. */
START_TEST(test_companion_listed) {
        static const ResetState states[] = { RESET_STATE_FRESH, RESET_STATE_TOUCHED };
        Plan plan = polaris_plan(fixture_polaris(), fixture_request_companion(states[_i]));

        PLAN_MUST_BE(&plan, "check-nodes .0", "check-nodes .1", "set-d3cold .0 (1) 0", "set-d3cold .1 (1) 0",
                     "set-override .1 (-) vfio-pci", "unbind .1 snd_hda_intel", "bind .1 vfio-pci",
                     "set-override .0 (-) vfio-pci", "unbind .0 amdgpu", "check-alive .0", "bind .0 vfio-pci",
                     "set-power .0 (auto) on", "set-power .1 (auto) on");
        ck_assert_int_eq((int) plan.guard, GUARD_NONE);
        ck_assert(!plan.runs_recipe);
}
END_TEST

START_TEST(test_companion_listed_in_danger) {
        static const ResetState states[] = { RESET_STATE_PREFAIL, RESET_STATE_UNKNOWN };
        Refusal refusal;
        Plan plan;

        ck_assert_int_eq(plan_it(fixture_polaris(), fixture_machine(), fixture_rule_polaris(),
                                 fixture_request_companion(states[_i]), &plan, &refusal),
                         E_REFUSED);
        ck_assert_int_eq((int) refusal.code, REFUSAL_PREFAIL_COMPANION);
        ck_assert_int_eq((int) refusal.state, (int) states[_i]);
        ck_assert_uint_eq(refusal.address.function, 1);
}
END_TEST

static MachineFacts machine_with_module(void) {
        MachineFacts machine = fixture_machine();

        machine.guard_module_loaded = true;
        return machine;
}

/* The VM lists the companion, and the module is there: the flag comes before anything goes to vfio-pci, and before the reset. */
START_TEST(test_module) {
        static const ResetState states[] = { RESET_STATE_FRESH, RESET_STATE_TOUCHED, RESET_STATE_PREFAIL,
                                             RESET_STATE_UNKNOWN };
        Plan plan = must_plan(fixture_polaris(), machine_with_module(), fixture_rule_polaris(),
                              fixture_request_companion(states[_i]));

        PLAN_MUST_BE(&plan, "check-nodes .0", "check-nodes .1", "set-guard .0", "set-d3cold .0 (1) 0",
                     "set-d3cold .1 (1) 0", "set-override .1 (-) vfio-pci", "unbind .1 snd_hda_intel",
                     "bind .1 vfio-pci", "set-override .0 (-) vfio-pci", "unbind .0 amdgpu", "save-config .0",
                     "save-config .1", "write-config .0 7c=39d5e86b", "delay 100", "restore-config .0",
                     "restore-config .1", "verify-config .0", "verify-config .1", "check-alive .0",
                     "bind .0 vfio-pci", "set-power .0 (auto) on", "set-power .1 (auto) on");
        ck_assert_int_eq((int) plan.guard, GUARD_MODULE);
        ck_assert(plan.runs_recipe);
        ck_assert_int_eq(plan.steps[2].iommu_group, FIXTURE_GROUP);
}
END_TEST

/* The companion is with the guests and stays there: nobody may have its group while the card is reset. */
START_TEST(test_companion_stays_on_vfio) {
        CardFacts card = fixture_polaris();
        GuestRequest request = fixture_request_companion(RESET_STATE_TOUCHED);

        fixture_put(&card, 1, "vfio-pci", "vfio-pci");
        Plan plan = must_plan(card, machine_with_module(), fixture_rule_polaris(), request);
        ck_assert(plan.runs_recipe);
        ck_assert_int_eq((int) plan.steps[1].kind, STEP_GROUP_FREE);
        ck_assert_uint_eq(plan.steps[1].address.function, 1);
        ck_assert_int_eq(plan.steps[1].iommu_group, FIXTURE_GROUP);
        for (size_t i = 0; i < plan.n_steps; i++)
                ck_assert(i > 1 || !step_writes(&plan.steps[i]));
        /* Without a reset it does not matter: a virtual machine may have it. */
        request.after_driver_ran = false;
        plan = must_plan(card, machine_with_module(), fixture_rule_polaris(), request);
        ck_assert(!plan.runs_recipe);
        for (size_t i = 0; i < plan.n_steps; i++)
                ck_assert_int_ne((int) plan.steps[i].kind, STEP_GROUP_FREE);
}
END_TEST

START_TEST(test_module_and_single_function) {
        GuestRequest request = untouched_by_driver(RESET_STATE_PREFAIL);
        Plan plan = must_plan(fixture_single(), machine_with_module(), fixture_rule_polaris(), request);

        PLAN_MUST_BE(&plan, "check-nodes .0", "set-guard .0", "set-d3cold .0 (1) 0", "set-override .0 (-) vfio-pci",
                     "unbind .0 amdgpu", "check-alive .0", "bind .0 vfio-pci", "set-power .0 (auto) on");
        ck_assert_int_eq((int) plan.guard, GUARD_MODULE);
}
END_TEST

/* Where a companion can do it, where the kernel does, or where it is done already, the module is not asked. */
START_TEST(test_module_is_not_asked) {
        CardFacts card = fixture_polaris();
        Rule rule = fixture_rule_polaris();
        Plan plan = must_plan(card, machine_with_module(), rule, fixture_request(RESET_STATE_PREFAIL));

        ck_assert_int_eq((int) plan.guard, GUARD_STUB_COMPANION);
        for (size_t i = 0; i < plan.n_steps; i++)
                ck_assert_int_ne((int) plan.steps[i].kind, STEP_GUARD_SET);
        rule.kernel_guard = KERNEL_GUARD_ALWAYS;
        plan = must_plan(card, machine_with_module(), rule, fixture_request_companion(RESET_STATE_PREFAIL));
        ck_assert_int_eq((int) plan.guard, GUARD_KERNEL);
        ck_assert(plan.runs_recipe);
        for (size_t i = 0; i < plan.n_steps; i++)
                ck_assert_int_ne((int) plan.steps[i].kind, STEP_GUARD_SET);
        card = fixture_all_vfio(card);
        card.module_guarded = true;
        plan = must_plan(card, machine_with_module(), fixture_rule_polaris(),
                         fixture_request_companion(RESET_STATE_PREFAIL));
        ck_assert_int_eq((int) plan.guard, GUARD_MODULE);
        ck_assert_uint_eq(plan.n_steps, 0);
}
END_TEST

/* Under lockdown a guarded start goes on without the reset if policy allows, whoever guards. */
START_TEST(test_module_and_lockdown) {
        CardFacts card = fixture_polaris();
        Rule rule = fixture_rule_polaris();

        card.functions[0].survey.config_locked = true;
        rule.allow_lockdown = true;
        Plan plan = must_plan(card, machine_with_module(), rule, fixture_request_companion(RESET_STATE_PREFAIL));
        ck_assert_int_eq((int) plan.guard, GUARD_MODULE);
        ck_assert(!plan.runs_recipe);
}
END_TEST

/* A card whose bus reset is wanted, and on the list all the same: it has to come off, or QEMU would reset nothing. */
START_TEST(test_unwanted_guard) {
        CardFacts card = fixture_all_vfio(fixture_generic(2));

        card.module_guarded = true;
        Plan plan = must_plan(card, machine_with_module(), RULE_GENERIC, fixture_request(RESET_STATE_TOUCHED));
        PLAN_MUST_BE(&plan, "clear-guard .0");
        ck_assert_int_eq((int) plan.guard, GUARD_NONE);
        ck_assert_int_eq(plan.steps[0].iommu_group, FIXTURE_GROUP);
}
END_TEST

/* Nothing can guard it: in fresh and touched it goes all the same, without the reset. */
START_TEST(test_single_function) {
        Plan plan = polaris_plan(fixture_single(), fixture_request(RESET_STATE_TOUCHED));

        PLAN_MUST_BE(&plan, "check-nodes .0", "set-d3cold .0 (1) 0", "set-override .0 (-) vfio-pci",
                     "unbind .0 amdgpu", "check-alive .0", "bind .0 vfio-pci", "set-power .0 (auto) on");
        ck_assert_int_eq((int) plan.guard, GUARD_NONE);
}
END_TEST

/* No driver has it: nobody can have a node open, and nothing is unbound. */
START_TEST(test_driverless) {
        CardFacts card = fixture_polaris();

        fixture_put(&card, 0, "", "");
        fixture_put(&card, 1, "", "");
        Plan plan = polaris_plan(card, untouched_by_driver(RESET_STATE_TOUCHED));
        PLAN_MUST_BE(&plan, "set-d3cold .0 (1) 0", "set-d3cold .1 (1) 0", "set-override .1 (-) pci-stub",
                     "bind .1 pci-stub", "set-override .0 (-) vfio-pci", "check-alive .0", "bind .0 vfio-pci",
                     "set-power .0 (auto) on", "set-power .1 (auto) on");
}
END_TEST

START_TEST(test_already_there) {
        Plan plan = polaris_plan(fixture_polaris_guarded(), fixture_request(RESET_STATE_PREFAIL));

        ck_assert_uint_eq(plan.n_steps, 0);
        ck_assert_int_eq((int) plan.guard, GUARD_STUB_COMPANION);
        plan = must_plan(fixture_all_vfio(fixture_generic(4)), fixture_machine(), RULE_GENERIC,
                         fixture_request(RESET_STATE_TOUCHED));
        ck_assert_uint_eq(plan.n_steps, 0);
        ck_assert_int_eq((int) plan.guard, GUARD_NONE);
}
END_TEST

/* On vfio-pci, but nothing guards it: the companion leaves vfio-pci once nobody holds the group. */
START_TEST(test_unguarded_on_vfio) {
        Plan plan = polaris_plan(fixture_all_vfio(fixture_polaris()), fixture_request(RESET_STATE_PREFAIL));

        PLAN_MUST_BE(&plan, "check-group .0 16", "set-override .1 (vfio-pci) pci-stub", "unbind .1 vfio-pci",
                     "bind .1 pci-stub");
        ck_assert_int_eq((int) plan.guard, GUARD_STUB_COMPANION);
        ck_assert(!plan.runs_recipe); /* only on the way from the host */
}
END_TEST

/* Guarded, and the next VM lists the companion: it comes to vfio-pci, and the driver puts its power to auto.
 */
START_TEST(test_guarded_and_companion_listed) {
        Plan plan = polaris_plan(fixture_polaris_guarded(), fixture_request_companion(RESET_STATE_TOUCHED));

        PLAN_MUST_BE(&plan, "set-override .1 (pci-stub) vfio-pci", "unbind .1 pci-stub", "bind .1 vfio-pci",
                     "set-power .1 (on) on");
        ck_assert_int_eq((int) plan.guard, GUARD_NONE);
}
END_TEST

/* Brought to vfio-pci by other hands: only what is missing. */
START_TEST(test_adopted) {
        CardFacts card = fixture_polaris_guarded();

        fixture_put(&card, 0, DRIVER_VFIO_PCI, ""); /* by new_id */
        fixture_power(&card, 0, "auto", "1");
        Plan plan = polaris_plan(card, fixture_request(RESET_STATE_TOUCHED));
        PLAN_MUST_BE(&plan, "set-d3cold .0 (1) 0", "set-power .0 (auto) on");
}
END_TEST

/* Overrides that others (driverctl) have set are recorded and written over, also where they agree with ours.
 */
START_TEST(test_overrides_of_others) {
        CardFacts card = fixture_polaris();

        fixture_put(&card, 0, "amdgpu", DRIVER_VFIO_PCI);
        fixture_put(&card, 1, "snd_hda_intel", "snd_hda_intel");
        fixture_power(&card, 0, "on", "0");
        fixture_power(&card, 1, "on", "0");
        Plan plan = polaris_plan(card, untouched_by_driver(RESET_STATE_TOUCHED));
        PLAN_MUST_BE(&plan, "check-nodes .0", "check-nodes .1", "set-override .1 (snd_hda_intel) pci-stub",
                     "unbind .1 snd_hda_intel", "bind .1 pci-stub", "set-override .0 (vfio-pci) vfio-pci",
                     "unbind .0 amdgpu", "check-alive .0", "bind .0 vfio-pci", "set-power .0 (on) on");

        /* Somebody else's pin on a companion that has no driver: ours takes its place. */
        fixture_put(&card, 1, "", "none");
        plan = polaris_plan(card, untouched_by_driver(RESET_STATE_TOUCHED));
        PLAN_MUST_BE(&plan, "check-nodes .0", "set-override .1 (none) pci-stub", "bind .1 pci-stub",
                     "set-override .0 (vfio-pci) vfio-pci", "unbind .0 amdgpu", "check-alive .0",
                     "bind .0 vfio-pci", "set-power .0 (on) on");
}
END_TEST

START_TEST(test_generic_two) {
        Plan plan = must_plan(fixture_generic(2), fixture_machine(), RULE_GENERIC,
                              fixture_request(RESET_STATE_TOUCHED));

        PLAN_MUST_BE(&plan, "check-nodes .0", "check-nodes .1", "set-d3cold .0 (1) 0", "set-d3cold .1 (1) 0",
                     "set-override .1 (-) vfio-pci", "unbind .1 snd_hda_intel", "bind .1 vfio-pci",
                     "set-override .0 (-) vfio-pci", "unbind .0 nouveau", "check-alive .0",
                     "bind .0 vfio-pci", "set-power .0 (auto) on", "set-power .1 (auto) on");
        ck_assert_int_eq((int) plan.guard, GUARD_NONE);
}
END_TEST

/* All functions, listed by the VM or not: else vfio cannot reset the bus, and QEMU silently resets nothing.
 */
START_TEST(test_generic_four) {
        Plan plan = must_plan(fixture_generic(4), fixture_machine(), RULE_GENERIC,
                              fixture_request(RESET_STATE_UNKNOWN));

        PLAN_MUST_BE(&plan, "check-nodes .0", "check-nodes .1", "set-d3cold .0 (1) 0", "set-d3cold .1 (1) 0",
                     "set-d3cold .2 (1) 0", "set-d3cold .3 (1) 0", "set-override .1 (-) vfio-pci",
                     "unbind .1 snd_hda_intel", "bind .1 vfio-pci", "set-override .2 (-) vfio-pci",
                     "unbind .2 xhci_hcd", "bind .2 vfio-pci", "set-override .3 (-) vfio-pci",
                     "unbind .3 ucsi_ccg", "bind .3 vfio-pci", "set-override .0 (-) vfio-pci",
                     "unbind .0 nouveau", "check-alive .0", "bind .0 vfio-pci", "set-power .0 (auto) on",
                     "set-power .1 (auto) on", "set-power .2 (auto) on", "set-power .3 (auto) on");
}
END_TEST

/* A card whose family once forbade it: in prefail the wanted bus reset would be the last. */
START_TEST(test_generic_prefail) {
        Plan plan = must_plan(fixture_generic(2), fixture_machine(), RULE_GENERIC,
                              fixture_request(RESET_STATE_PREFAIL));

        ck_assert_int_eq((int) plan.guard, GUARD_STUB_COMPANION);
        PLAN_MUST_BE(&plan, "check-nodes .0", "check-nodes .1", "set-d3cold .0 (1) 0", "set-d3cold .1 (1) 0",
                     "set-override .1 (-) pci-stub", "unbind .1 snd_hda_intel", "bind .1 pci-stub",
                     "set-override .0 (-) vfio-pci", "unbind .0 nouveau", "check-alive .0",
                     "bind .0 vfio-pci", "set-power .0 (auto) on", "set-power .1 (auto) on");
}
END_TEST

/* libvirt may have chosen variant drivers: they are vfio drivers too and stay, each where it is. */
START_TEST(test_variant_drivers) {
        CardFacts card = fixture_all_vfio(fixture_generic(4));

        fixture_put(&card, 0, "nvgrace_gpu_vfio_pci", "nvgrace_gpu_vfio_pci");
        fixture_put(&card, 2, "xhci_vfio_pci", "xhci_vfio_pci");
        Plan plan = must_plan(card, fixture_machine(), RULE_GENERIC, fixture_request(RESET_STATE_TOUCHED));
        ck_assert_uint_eq(plan.n_steps, 0);

        /* A display on the way to vfio takes nothing away from a companion that is there. */
        fixture_put(&card, 0, "nouveau", "");
        plan = must_plan(card, fixture_machine(), RULE_GENERIC, fixture_request(RESET_STATE_TOUCHED));
        PLAN_MUST_BE(&plan, "check-nodes .0", "set-override .0 (-) vfio-pci", "unbind .0 nouveau",
                     "check-alive .0", "bind .0 vfio-pci", "set-power .0 (on) on");

        /* As a guard it has to leave even a variant driver. */
        card = fixture_all_vfio(fixture_polaris());
        fixture_put(&card, 0, "amd_vfio_pci", "amd_vfio_pci");
        fixture_put(&card, 1, "snd_vfio_pci", "snd_vfio_pci");
        plan = polaris_plan(card, fixture_request(RESET_STATE_PREFAIL));
        PLAN_MUST_BE(&plan, "check-group .0 16", "set-override .1 (snd_vfio_pci) pci-stub",
                     "unbind .1 snd_vfio_pci", "bind .1 pci-stub");
}
END_TEST

/* No such attributes (no ACPI, no runtime PM): nothing is written to them. */
START_TEST(test_no_power_attributes) {
        CardFacts card = fixture_polaris();

        fixture_power(&card, 0, "", "");
        fixture_power(&card, 1, "", "");
        Plan plan = polaris_plan(card, untouched_by_driver(RESET_STATE_FRESH));
        PLAN_MUST_BE(&plan, "check-nodes .0", "check-nodes .1", "set-override .1 (-) pci-stub",
                     "unbind .1 snd_hda_intel", "bind .1 pci-stub", "set-override .0 (-) vfio-pci",
                     "unbind .0 amdgpu", "check-alive .0", "bind .0 vfio-pci");
}
END_TEST

/* Policy lets holders of DRM nodes be; an open ALSA node would hang the unbind, so it is always looked at. */
START_TEST(test_allow_holders) {
        Rule rule = fixture_rule_polaris();

        rule.allow_holders = true;
        Plan plan =
                must_plan(fixture_polaris(), fixture_machine(), rule, untouched_by_driver(RESET_STATE_FRESH));
        ck_assert_int_eq((int) plan.steps[0].kind, STEP_NODES_FREE);
        ck_assert_uint_eq(plan.steps[0].address.function, 1);
        ck_assert_int_ne((int) plan.steps[1].kind, STEP_NODES_FREE);
}
END_TEST

/* A refusal of viability comes through as it is. */
START_TEST(test_refusal_passes_through) {
        MachineFacts machine = fixture_machine();
        Refusal refusal;
        Plan plan;

        machine.going_down = true;
        ck_assert_int_eq(plan_it(fixture_polaris(), machine, fixture_rule_polaris(),
                                 fixture_request(RESET_STATE_FRESH), &plan, &refusal),
                         E_REFUSED);
        ck_assert_int_eq((int) refusal.code, REFUSAL_GOING_DOWN);
}
END_TEST

/* Deadlines by kind, and the group that a vfio driver's step has to find free. */
START_TEST(test_step_details) {
        Plan plan = polaris_plan(fixture_polaris(), untouched_by_driver(RESET_STATE_TOUCHED));

        for (size_t i = 0; i < plan.n_steps; i++) {
                const Step *step = &plan.steps[i];
                bool driver = step->kind == STEP_BIND || step->kind == STEP_UNBIND;
                ck_assert_uint_eq(step->timeout_usec, driver ? BIND_TIMEOUT_USEC : ATTRIBUTE_TIMEOUT_USEC);
                ck_assert_int_eq(step->iommu_group,
                                 driver && streq(step->text, DRIVER_VFIO_PCI) ? FIXTURE_GROUP : -1);
                ck_assert(!step->is_recipe);
        }
        plan = polaris_plan(fixture_all_vfio(fixture_polaris()), fixture_request(RESET_STATE_TOUCHED));
        ck_assert_int_eq((int) plan.steps[0].kind, STEP_GROUP_FREE);
        ck_assert_uint_eq(plan.steps[0].timeout_usec, GROUP_FREE_GUEST_TIMEOUT_USEC);
        ck_assert_int_eq((int) plan.steps[2].kind, STEP_UNBIND);
        ck_assert_int_eq(plan.steps[2].iommu_group, FIXTURE_GROUP);
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("core-plan-guest");
        TCase *tcase = tcase_create("plan-guest");

        tcase_add_loop_test(tcase, test_polaris_at_home, 0, 4);
        tcase_add_test(tcase, test_polaris_failed);
        tcase_add_test(tcase, test_stub_missing);
        tcase_add_loop_test(tcase, test_companion_listed, 0, 2);
        tcase_add_loop_test(tcase, test_companion_listed_in_danger, 0, 2);
        tcase_add_loop_test(tcase, test_module, 0, 4);
        tcase_add_test(tcase, test_companion_stays_on_vfio);
        tcase_add_test(tcase, test_module_and_single_function);
        tcase_add_test(tcase, test_module_is_not_asked);
        tcase_add_test(tcase, test_module_and_lockdown);
        tcase_add_test(tcase, test_unwanted_guard);
        tcase_add_test(tcase, test_single_function);
        tcase_add_test(tcase, test_driverless);
        tcase_add_test(tcase, test_already_there);
        tcase_add_test(tcase, test_unguarded_on_vfio);
        tcase_add_test(tcase, test_guarded_and_companion_listed);
        tcase_add_test(tcase, test_adopted);
        tcase_add_test(tcase, test_overrides_of_others);
        tcase_add_test(tcase, test_generic_two);
        tcase_add_test(tcase, test_generic_four);
        tcase_add_test(tcase, test_generic_prefail);
        tcase_add_test(tcase, test_variant_drivers);
        tcase_add_test(tcase, test_no_power_attributes);
        tcase_add_test(tcase, test_allow_holders);
        tcase_add_test(tcase, test_refusal_passes_through);
        tcase_add_test(tcase, test_step_details);
        suite_add_tcase(suite, tcase);
        return suite;
}

CHECK_MAIN(make_suite)
