/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The way home from every start situation, each plan written out whole. */

#include "base/address.h"
#include "card-fixture.h"
#include "check-main.h"
#include "plan-fixture.h"

static Plan must_plan(CardFacts card, ResetState state, const Home *home) {
        Rule rule = fixture_rule_polaris();
        Refusal refusal;
        Plan plan;
        int r = plan_to_host(&card, &rule, state, home, &plan, &refusal);

        ck_assert_msg(r == 0, "refused: %s", refusal_code_to_string(refusal.code));
        ck_assert_int_eq((int) plan.direction, DIRECTION_HOST);
        ck_assert_int_eq((int) plan.guard, GUARD_NONE);
        ck_assert(!plan.runs_recipe);
        return plan;
}

static Home home_of(CardFacts card) {
        Home home = { 0 };

        home_note(&card, false, &home);
        return home;
}

/* From every state but failed, and prefail among them: at home nothing resets the bus. */
START_TEST(test_polaris) {
        static const ResetState states[] = { RESET_STATE_FRESH, RESET_STATE_TOUCHED, RESET_STATE_PREFAIL,
                                             RESET_STATE_UNKNOWN };
        Home home = home_of(fixture_polaris());
        Plan plan = must_plan(fixture_polaris_guarded(), states[_i], &home);

        PLAN_MUST_BE(&plan, "check-group .0 16", "check-alive .0", "check-alive .1",
                     "set-override .0 (vfio-pci) amdgpu", "unbind .0 vfio-pci", "bind .0 amdgpu",
                     "set-override .0 (amdgpu) -", "set-power .0 (on) auto", "set-d3cold .0 (0) 1",
                     "set-override .1 (pci-stub) snd_hda_intel", "unbind .1 pci-stub",
                     "bind .1 snd_hda_intel", "set-override .1 (snd_hda_intel) -", "set-power .1 (on) auto",
                     "set-d3cold .1 (0) 1");
}
END_TEST

/* The flag goes when the guests' driver has gone, and before the host's comes; a card that is at home gets nothing else. */
START_TEST(test_module_guarded) {
        CardFacts card = fixture_all_vfio(fixture_polaris());
        Home home = home_of(fixture_polaris()), unknown = { .known = false };

        card.module_guarded = true;
        Plan plan = must_plan(card, RESET_STATE_PREFAIL, &home);
        PLAN_MUST_BE(&plan, "check-group .0 16", "check-alive .0", "check-alive .1",
                     "set-override .0 (vfio-pci) amdgpu", "unbind .0 vfio-pci", "clear-guard .0", "bind .0 amdgpu",
                     "set-override .0 (amdgpu) -", "set-power .0 (on) auto", "set-d3cold .0 (0) 1",
                     "set-override .1 (vfio-pci) snd_hda_intel", "unbind .1 vfio-pci",
                     "bind .1 snd_hda_intel", "set-override .1 (snd_hda_intel) -", "set-power .1 (on) auto",
                     "set-d3cold .1 (0) 1");
        plan = must_plan(card, RESET_STATE_PREFAIL, &unknown);
        PLAN_MUST_BE(&plan, "check-group .0 16", "check-alive .0", "check-alive .1", "set-override .0 (vfio-pci) -",
                     "unbind .0 vfio-pci", "clear-guard .0", "probe .0", "set-override .1 (vfio-pci) -",
                     "unbind .1 vfio-pci", "probe .1");
        card = fixture_polaris();
        card.module_guarded = true;
        plan = must_plan(card, RESET_STATE_PREFAIL, &home);
        PLAN_MUST_BE(&plan, "clear-guard .0");
        plan = must_plan(card, RESET_STATE_PREFAIL, &unknown);
        PLAN_MUST_BE(&plan, "clear-guard .0");
}
END_TEST

START_TEST(test_pinned_companion) {
        CardFacts card = fixture_polaris_guarded();
        Home home = home_of(fixture_polaris());

        fixture_put(&card, 1, "", OVERRIDE_PINNED);
        Plan plan = must_plan(card, RESET_STATE_TOUCHED, &home);
        PLAN_MUST_BE(&plan, "check-group .0 16", "check-alive .0", "check-alive .1",
                     "set-override .0 (vfio-pci) amdgpu", "unbind .0 vfio-pci", "bind .0 amdgpu",
                     "set-override .0 (amdgpu) -", "set-power .0 (on) auto", "set-d3cold .0 (0) 1",
                     "set-override .1 (gpuswitch-none) snd_hda_intel", "bind .1 snd_hda_intel",
                     "set-override .1 (snd_hda_intel) -", "set-power .1 (on) auto", "set-d3cold .1 (0) 1");
}
END_TEST

/* Each group once, and every function asked whether it answers before a host driver may see it. */
START_TEST(test_groups) {
        CardFacts card = fixture_all_vfio(fixture_generic(4));
        Home home = home_of(fixture_generic(4));
        const char *const first[] = { "check-group .0 16",
                                      "check-group .2 21",
                                      "check-alive .0",
                                      "check-alive .1",
                                      "check-alive .2",
                                      "check-alive .3",
                                      NULL };

        card.functions[2].iommu_group = 21;
        card.functions[3].iommu_group = 21;
        Plan plan = must_plan(card, RESET_STATE_TOUCHED, &home);
        plan.n_steps = 6;
        plan_must_be(&plan, first);
}
END_TEST

START_TEST(test_already_home) {
        Home home = home_of(fixture_polaris());
        Plan plan = must_plan(fixture_polaris(), RESET_STATE_FRESH, &home);

        ck_assert_uint_eq(plan.n_steps, 0);
}
END_TEST

/* At home, but an attribute is not as it was. */
START_TEST(test_almost_home) {
        CardFacts card = fixture_polaris();
        Home home = home_of(card);

        fixture_power(&card, 0, "on", "0");
        fixture_put(&card, 1, "snd_hda_intel", DRIVER_PCI_STUB);
        Plan plan = must_plan(card, RESET_STATE_TOUCHED, &home);
        PLAN_MUST_BE(&plan, "set-power .0 (on) auto", "set-d3cold .0 (0) 1", "set-override .1 (pci-stub) -");
}
END_TEST

/* "No driver" is a legal home: the override keeps others away while the guest driver goes, then is put back.
 */
START_TEST(test_home_without_driver) {
        CardFacts at_home = fixture_polaris();

        fixture_put(&at_home, 0, "", "");
        fixture_put(&at_home, 1, "", "none");
        Home home = home_of(at_home);
        Plan plan = must_plan(fixture_polaris_guarded(), RESET_STATE_TOUCHED, &home);
        PLAN_MUST_BE(&plan, "check-group .0 16", "check-alive .0", "check-alive .1",
                     "set-override .0 (vfio-pci) gpuswitch-none", "unbind .0 vfio-pci",
                     "set-override .0 (gpuswitch-none) -", "set-power .0 (on) auto", "set-d3cold .0 (0) 1",
                     "set-override .1 (pci-stub) gpuswitch-none", "unbind .1 pci-stub",
                     "set-override .1 (gpuswitch-none) none", "set-power .1 (on) auto",
                     "set-d3cold .1 (0) 1");
}
END_TEST

/* vfio-pci is one too: the card only waits until its VM has let go. Nothing is written. */
START_TEST(test_home_on_vfio) {
        CardFacts card = fixture_all_vfio(fixture_polaris());
        Home home = home_of(card);
        Plan plan = must_plan(card, RESET_STATE_TOUCHED, &home);

        for (size_t i = 0; i < plan.n_steps; i++)
                ck_assert(!step_writes(&plan.steps[i]));

        /* The guard took its companion away from there: it comes back, and power is put on after the bind. */
        plan = must_plan(fixture_polaris_guarded(), RESET_STATE_TOUCHED, &home);
        PLAN_MUST_BE(&plan, "check-group .0 16", "check-alive .0", "check-alive .1",
                     "set-override .1 (pci-stub) vfio-pci", "unbind .1 pci-stub", "bind .1 vfio-pci",
                     "set-power .1 (on) on");
}
END_TEST

/* Overrides that others had set come back, also one that names what never had the card. */
START_TEST(test_overrides_come_back) {
        CardFacts at_home = fixture_polaris();

        fixture_put(&at_home, 0, "amdgpu", DRIVER_VFIO_PCI);
        fixture_put(&at_home, 1, "snd_hda_intel", "snd_hda_intel");
        Home home = home_of(at_home);
        Plan plan = must_plan(fixture_polaris_guarded(), RESET_STATE_TOUCHED, &home);
        PLAN_MUST_BE(&plan, "check-group .0 16", "check-alive .0", "check-alive .1",
                     "set-override .0 (vfio-pci) amdgpu", "unbind .0 vfio-pci", "bind .0 amdgpu",
                     "set-override .0 (amdgpu) vfio-pci", "set-power .0 (on) auto", "set-d3cold .0 (0) 1",
                     "set-override .1 (pci-stub) snd_hda_intel", "unbind .1 pci-stub",
                     "bind .1 snd_hda_intel", "set-power .1 (on) auto", "set-d3cold .1 (0) 1");
}
END_TEST

/* Never seen at home: the kernel chooses, as after a boot, display first. */
START_TEST(test_home_unknown) {
        Home home = { .known = false };
        Plan plan = must_plan(fixture_polaris_guarded(), RESET_STATE_UNKNOWN, &home);

        PLAN_MUST_BE(&plan, "check-group .0 16", "check-alive .0", "check-alive .1",
                     "set-override .0 (vfio-pci) -", "unbind .0 vfio-pci", "probe .0",
                     "set-override .1 (pci-stub) -", "unbind .1 pci-stub", "probe .1");

        /* Driverless and pinned by somebody; and what is on a host driver already stays there. */
        CardFacts card = fixture_polaris();
        fixture_put(&card, 0, "", "none");
        plan = must_plan(card, RESET_STATE_UNKNOWN, &home);
        PLAN_MUST_BE(&plan, "set-override .0 (none) -", "probe .0");
        plan = must_plan(fixture_polaris(), RESET_STATE_UNKNOWN, &home);
        ck_assert_uint_eq(plan.n_steps, 0);
}
END_TEST

/* A function that the record does not know (one more appeared): that one alone goes by the kernel's choice.
 */
START_TEST(test_home_half_known) {
        Home home = home_of(fixture_single());
        Plan plan = must_plan(fixture_polaris_guarded(), RESET_STATE_TOUCHED, &home);

        PLAN_MUST_BE(&plan, "check-group .0 16", "check-alive .0", "check-alive .1",
                     "set-override .0 (vfio-pci) amdgpu", "unbind .0 vfio-pci", "bind .0 amdgpu",
                     "set-override .0 (amdgpu) -", "set-power .0 (on) auto", "set-d3cold .0 (0) 1",
                     "set-override .1 (pci-stub) -", "unbind .1 pci-stub", "probe .1");
}
END_TEST

/* Attributes that are missing, at home or now, are not written. */
START_TEST(test_no_power_attributes) {
        static const struct { const char *then, *now; } cases[] = { { "", "" }, { "", "x" }, { "x", "" } };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                CardFacts at_home = fixture_single(), card = fixture_single();
                fixture_put(&card, 0, DRIVER_VFIO_PCI, DRIVER_VFIO_PCI);
                fixture_power(&at_home, 0, isempty(cases[i].then) ? "" : "auto",
                              isempty(cases[i].then) ? "" : "1");
                fixture_power(&card, 0, isempty(cases[i].now) ? "" : "on", isempty(cases[i].now) ? "" : "0");
                Home home = home_of(at_home);
                Plan plan = must_plan(card, RESET_STATE_TOUCHED, &home);
                PLAN_MUST_BE(&plan, "check-group .0 16", "check-alive .0",
                             "set-override .0 (vfio-pci) amdgpu", "unbind .0 vfio-pci", "bind .0 amdgpu",
                             "set-override .0 (amdgpu) -");
        }
}
END_TEST

START_TEST(test_failed_card_has_no_way_home) {
        CardFacts card = fixture_polaris_guarded();
        Home home = home_of(fixture_polaris());
        Rule rule = fixture_rule_polaris();
        Refusal refusal = { 0 };
        Plan plan;

        ck_assert_int_eq(plan_to_host(&card, &rule, RESET_STATE_FAILED, &home, &plan, &refusal), E_REFUSED);
        ck_assert_int_eq((int) refusal.code, REFUSAL_CARD_FAILED);
        for (uint8_t i = 0; i < 2; i++) {
                card = fixture_polaris_guarded();
                card.functions[i].survey.config_dead = true;
                ck_assert_int_eq(plan_to_host(&card, &rule, RESET_STATE_TOUCHED, &home, &plan, &refusal),
                                 E_REFUSED);
                ck_assert_int_eq((int) refusal.code, REFUSAL_CARD_FAILED);
                ck_assert_uint_eq(refusal.address.function, i);
        }
}
END_TEST

START_TEST(test_home_is_noted) {
        CardFacts card = fixture_polaris();

        fixture_put(&card, 1, "", "none");
        fixture_power(&card, 1, "on", "");
        Home home = home_of(card);
        ck_assert(home.known);
        ck_assert_uint_eq(home.n_functions, 2);
        ck_assert(address_equal(home.functions[0].address, fixture_address(0)));
        ck_assert_str_eq(home.functions[0].driver, "amdgpu");
        ck_assert_str_eq(home.functions[0].driver_override, "");
        ck_assert_str_eq(home.functions[0].power_control, "auto");
        ck_assert_str_eq(home.functions[0].d3cold_allowed, "1");
        ck_assert(address_equal(home.functions[1].address, fixture_address(1)));
        ck_assert_str_eq(home.functions[1].driver, "");
        ck_assert_str_eq(home.functions[1].driver_override, "none");
        ck_assert_str_eq(home.functions[1].power_control, "on");
        ck_assert_str_eq(home.functions[1].d3cold_allowed, "");
}
END_TEST

/* What a switch has left half-way is no home: the record from before it stays. */
START_TEST(test_leftovers_are_no_home) {
        static const struct {
                const char *driver, *override;
                bool incomplete, is_home;
        } cases[] = {
                { "pci-stub", "pci-stub", false, false },   /* nothing of the companion came home */
                { "", "snd_hda_intel", false, false },      /* its bind was refused */
                { "snd_hda_intel", "snd_hda_intel", false, false }, /* its override was not cleared */
                { "", OVERRIDE_PINNED, false, false },
                { "vfio-pci", "vfio-pci", false, false },
                { "", "", true, false },                    /* its bind was refused, and its override cleared */
                { "", "", false, true },                    /* somebody has unbound it: a legal home */
                { "snd_other", "snd_other", false, true },  /* somebody has chosen another driver */
                { "snd_hda_intel", "", true, true },
        };
        CardFacts card = fixture_polaris();
        Home home = home_of(card);

        fixture_put(&card, 1, cases[_i].driver, cases[_i].override);
        home_note(&card, cases[_i].incomplete, &home);
        ck_assert_str_eq(home.functions[0].driver, "amdgpu");
        ck_assert_str_eq(home.functions[1].driver, cases[_i].is_home ? cases[_i].driver : "snd_hda_intel");
        ck_assert_str_eq(home.functions[1].driver_override, cases[_i].is_home ? cases[_i].override : "");
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("core-plan-host");
        TCase *tcase = tcase_create("plan-host");

        tcase_add_loop_test(tcase, test_polaris, 0, 4);
        tcase_add_test(tcase, test_module_guarded);
        tcase_add_test(tcase, test_pinned_companion);
        tcase_add_test(tcase, test_groups);
        tcase_add_test(tcase, test_already_home);
        tcase_add_test(tcase, test_almost_home);
        tcase_add_test(tcase, test_home_without_driver);
        tcase_add_test(tcase, test_home_on_vfio);
        tcase_add_test(tcase, test_overrides_come_back);
        tcase_add_test(tcase, test_home_unknown);
        tcase_add_test(tcase, test_home_half_known);
        tcase_add_test(tcase, test_no_power_attributes);
        tcase_add_test(tcase, test_failed_card_has_no_way_home);
        tcase_add_test(tcase, test_home_is_noted);
        tcase_add_loop_test(tcase, test_leftovers_are_no_home, 0, 9);
        suite_add_tcase(suite, tcase);
        return suite;
}

CHECK_MAIN(make_suite)
