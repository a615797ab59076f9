/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every "no" before a plan, with its facts, and that the same card with the cause gone is a "yes". */

#include "core/viability.h"

#include "base/address.h"
#include "base/text.h"
#include "card-fixture.h"
#include "check-main.h"

typedef struct Case {
        CardFacts card;
        MachineFacts machine;
        Rule rule;
        GuestRequest request;
        Refusal refusal;
} Case;

static Case polaris_case(ResetState state) {
        return (Case){
                .card = fixture_polaris(),
                .machine = fixture_machine(),
                .rule = fixture_rule_polaris(),
                .request = fixture_request(state),
        };
}

static Case generic_case(size_t n_functions, ResetState state) {
        Case c = polaris_case(state);

        c.card = fixture_generic(n_functions);
        c.rule = RULE_GENERIC;
        return c;
}

static int check(Case *c) {
        c->refusal = (Refusal){ 0 };
        return viability_check(&c->card, &c->machine, &c->rule, &c->request, &c->refusal);
}

static void must_pass(Case *c) {
        int r = check(c);

        ck_assert_msg(r == 0, "refused: %s", refusal_code_to_string(c->refusal.code));
}

static void must_refuse(Case *c, RefusalCode code, PciAddress address) {
        ck_assert_int_eq(check(c), E_REFUSED);
        ck_assert_str_eq(refusal_code_to_string(c->refusal.code), refusal_code_to_string(code));
        ck_assert_str_eq(ADDRESS_TEXT(c->refusal.address), ADDRESS_TEXT(address));
}

/* What reset state and XML together allow: the whole table for a family with the bug, and without. */
static const struct {
        ResetState state;
        size_t n_functions;
        bool lists_companion;
        RefusalCode polaris, generic;
} states[] = {
        { RESET_STATE_FRESH, 2, false, REFUSAL_NONE, REFUSAL_NONE },
        { RESET_STATE_TOUCHED, 2, false, REFUSAL_NONE, REFUSAL_NONE },
        { RESET_STATE_PREFAIL, 2, false, REFUSAL_NONE, REFUSAL_NONE },
        { RESET_STATE_UNKNOWN, 2, false, REFUSAL_NONE, REFUSAL_NONE },
        { RESET_STATE_FAILED, 2, false, REFUSAL_CARD_FAILED, REFUSAL_CARD_FAILED },
        { RESET_STATE_FRESH, 2, true, REFUSAL_NONE, REFUSAL_NONE },
        { RESET_STATE_TOUCHED, 2, true, REFUSAL_NONE, REFUSAL_NONE },
        { RESET_STATE_PREFAIL, 2, true, REFUSAL_PREFAIL_COMPANION, REFUSAL_PREFAIL_COMPANION },
        { RESET_STATE_UNKNOWN, 2, true, REFUSAL_PREFAIL_COMPANION, REFUSAL_NONE },
        { RESET_STATE_FAILED, 2, true, REFUSAL_CARD_FAILED, REFUSAL_CARD_FAILED },
        { RESET_STATE_FRESH, 1, false, REFUSAL_NONE, REFUSAL_NONE },
        { RESET_STATE_TOUCHED, 1, false, REFUSAL_NONE, REFUSAL_NONE },
        { RESET_STATE_PREFAIL, 1, false, REFUSAL_PREFAIL_NO_COMPANION, REFUSAL_PREFAIL_NO_COMPANION },
        { RESET_STATE_UNKNOWN, 1, false, REFUSAL_PREFAIL_NO_COMPANION, REFUSAL_NONE },
        { RESET_STATE_FAILED, 1, false, REFUSAL_CARD_FAILED, REFUSAL_CARD_FAILED },
};

static void check_state(Case c, bool lists_companion, RefusalCode code) {
        if (lists_companion)
                c.request = fixture_request_companion(c.request.state);
        if (code == REFUSAL_NONE) {
                must_pass(&c);
                return;
        }
        must_refuse(&c, code, fixture_address(code == REFUSAL_PREFAIL_COMPANION ? 1 : 0));
        if (code != REFUSAL_CARD_FAILED)
                ck_assert_int_eq((int) c.refusal.state, (int) c.request.state);
}

START_TEST(test_state) {
        Case c = polaris_case(states[_i].state);

        c.card.n_functions = states[_i].n_functions;
        check_state(c, states[_i].lists_companion, states[_i].polaris);
        check_state(generic_case(states[_i].n_functions, states[_i].state), states[_i].lists_companion,
                    states[_i].generic);
}
END_TEST

/* What guards without a companion: the module, or the kernel by itself. Then even a card in prefail may go with all its functions. */
START_TEST(test_other_guards) {
        static const struct {
                KernelGuard kernel_guard;
                bool module_loaded, module_guarded, vendor_reset, device_specific;
                bool may_go;
        } guards[] = {
                { KERNEL_GUARD_NONE, false, false, false, false, false },
                { KERNEL_GUARD_NONE, true, false, false, false, true },
                { KERNEL_GUARD_NONE, false, true, false, false, true },
                { KERNEL_GUARD_ALWAYS, false, false, false, false, true },
                { KERNEL_GUARD_VENDOR_RESET, false, false, true, true, true },
                { KERNEL_GUARD_VENDOR_RESET, false, false, true, false, false },
                { KERNEL_GUARD_NONE, false, false, true, true, false },
        };

        for (size_t i = 0; i < ELEMENTSOF(guards); i++) {
                Case c = polaris_case(RESET_STATE_PREFAIL);
                c.rule.kernel_guard = guards[i].kernel_guard;
                c.machine.guard_module_loaded = guards[i].module_loaded;
                c.machine.vendor_reset_there = guards[i].vendor_reset;
                c.card.module_guarded = guards[i].module_guarded;
                c.card.device_specific_reset = guards[i].device_specific;
                for (size_t n_functions = 1; n_functions <= 2; n_functions++) {
                        c.card.n_functions = n_functions;
                        c.request = n_functions == 2 ? fixture_request_companion(RESET_STATE_PREFAIL)
                                                     : fixture_request(RESET_STATE_PREFAIL);
                        if (guards[i].may_go)
                                must_pass(&c);
                        else
                                must_refuse(&c,
                                            n_functions == 2 ? REFUSAL_PREFAIL_COMPANION
                                                             : REFUSAL_PREFAIL_NO_COMPANION,
                                            fixture_address((uint8_t) (n_functions - 1)));
                }
        }
}
END_TEST

START_TEST(test_can_guard) {
        CardFacts two = fixture_polaris(), one = fixture_single(), four = fixture_generic(4);
        GuestRequest plain = fixture_request(RESET_STATE_FRESH),
                     both = fixture_request_companion(RESET_STATE_FRESH);

        ck_assert(viability_can_guard(&two, &plain));
        ck_assert(viability_can_guard(&four, &plain));
        ck_assert(!viability_can_guard(&two, &both));
        ck_assert(!viability_can_guard(&one, &plain));
}
END_TEST

START_TEST(test_going_down) {
        Case c = polaris_case(RESET_STATE_FRESH);

        c.machine.going_down = true;
        must_refuse(&c, REFUSAL_GOING_DOWN, fixture_address(0));
        c.request.by_hand = true;
        must_refuse(&c, REFUSAL_GOING_DOWN, fixture_address(0));
}
END_TEST

/* Automatic switching waits for a broken file to be mended; a person may go on. */
START_TEST(test_configuration_broken) {
        Case c = polaris_case(RESET_STATE_FRESH);

        c.rule.configuration_broken = true;
        ck_assert_int_eq(text_copy(c.rule.broken_file, sizeof(c.rule.broken_file), "/etc/gpuswitch/x.json"),
                         0);
        must_refuse(&c, REFUSAL_CONFIGURATION_BROKEN, fixture_address(0));
        ck_assert_str_eq(c.refusal.subject, "/etc/gpuswitch/x.json");
        c.request.by_hand = true;
        must_pass(&c);
}
END_TEST

START_TEST(test_not_automatic) {
        Case c = polaris_case(RESET_STATE_FRESH);

        c.rule.automatic = false;
        must_refuse(&c, REFUSAL_NOT_AUTOMATIC, fixture_address(0));
        c.request.by_hand = true;
        must_pass(&c);
        /* A person has put it on vfio-pci before: the VM may have it. */
        c.request.by_hand = false;
        c.card = fixture_polaris_guarded();
        must_pass(&c);
        /* Driverless is not "a person gave it to the guests". */
        fixture_put(&c.card, 0, "", "");
        must_refuse(&c, REFUSAL_NOT_AUTOMATIC, fixture_address(0));
}
END_TEST

/* All ones in any function: the card is lost, whatever the tracked state says. */
START_TEST(test_config_dead) {
        for (uint8_t i = 0; i < 2; i++) {
                Case c = polaris_case(RESET_STATE_FRESH);
                c.card.functions[i].survey.config_dead = true;
                must_refuse(&c, REFUSAL_CARD_FAILED, fixture_address(i));
                c.request.by_hand = true;
                must_refuse(&c, REFUSAL_CARD_FAILED, fixture_address(i));
        }
}
END_TEST

START_TEST(test_no_iommu_group) {
        for (uint8_t i = 0; i < 2; i++) {
                Case c = polaris_case(RESET_STATE_FRESH);
                c.card.functions[i].iommu_group = -1;
                must_refuse(&c, REFUSAL_NO_IOMMU_GROUP, fixture_address(i));
        }
        Case c = polaris_case(RESET_STATE_FRESH);
        c.card.functions[0].iommu_group = 0; /* a group like any other */
        must_pass(&c);
}
END_TEST

START_TEST(test_vfio_missing) {
        Case c = polaris_case(RESET_STATE_FRESH);

        c.machine.vfio_driver_loaded = false;
        must_refuse(&c, REFUSAL_VFIO_MISSING, fixture_address(0));
}
END_TEST

/* pci-stub is not needed: without it a companion is pinned. */
START_TEST(test_stub_missing) {
        Case c = polaris_case(RESET_STATE_PREFAIL);

        c.machine.stub_driver_loaded = false;
        must_pass(&c);
}
END_TEST

START_TEST(test_virtual_functions) {
        for (uint8_t i = 0; i < 2; i++) {
                Case c = polaris_case(RESET_STATE_FRESH);
                c.card.functions[i].n_virtual_functions = 1;
                must_refuse(&c, REFUSAL_VIRTUAL_FUNCTIONS, fixture_address(i));
        }
}
END_TEST

/* Who may share the group (iommu_group_claim_dma_owner()). */
static const struct {
        uint32_t class_code;
        const char *driver;
        bool viable;
} members[] = {
        { 0x060400, "pcieport", true },   { 0x060400, "", true },
        { 0x060400, "shpchp", true },     { 0x060000, "", true },
        { 0x060100, "lpc_ich", true },    { 0x020000, "", true },
        { 0x020000, "vfio-pci", true },   { 0x020000, "mlx5_vfio_pci", true },
        { 0x020000, "pci-stub", true },   { 0x020000, "e1000e", false },
        { 0x010802, "nvme", false },      { 0x0c0330, "xhci_hcd", false },
        { 0x030000, "i915", false },      { 0x040300, "snd_hda_intel", false },
        { 0x060000, "amd64_edac", true },
};

START_TEST(test_group_member) {
        Case c = polaris_case(RESET_STATE_FRESH);

        fixture_add_member(&c.card, 0x060400, "pcieport"); /* in every group: must not hide the next */
        fixture_add_member(&c.card, members[_i].class_code, members[_i].driver);
        if (members[_i].viable) {
                must_pass(&c);
                return;
        }
        must_refuse(&c, REFUSAL_GROUP_NOT_VIABLE, c.card.group_members[1].address);
        ck_assert_str_eq(c.refusal.subject, members[_i].driver);
}
END_TEST

/* What is not known of a group cannot be called harmless; a member that is known to be in use is named first. */
START_TEST(test_group_over_the_limit) {
        Case c = polaris_case(RESET_STATE_FRESH);

        for (size_t i = 0; i < GROUP_MEMBERS_MAX; i++)
                fixture_add_member(&c.card, 0x060400, "pcieport");
        must_pass(&c);
        c.card.group_too_large = true;
        must_refuse(&c, REFUSAL_GROUP_TOO_LARGE, fixture_address(0));
        ck_assert_str_eq(c.refusal.subject, "64");
        (void) text_copy(c.card.group_members[5].driver, DRIVER_NAME_SIZE, "e1000e");
        c.card.group_members[5].class_code = 0x020000;
        must_refuse(&c, REFUSAL_GROUP_NOT_VIABLE, c.card.group_members[5].address);
}
END_TEST

/* Several reasons at once: the first in the documented order is told, so that its cure comes first. */
START_TEST(test_order) {
        Case c = polaris_case(RESET_STATE_PREFAIL);

        c.request = fixture_request_companion(RESET_STATE_PREFAIL);
        c.card.functions[1].n_virtual_functions = 2;
        fixture_add_member(&c.card, 0x020000, "e1000e");
        c.card.functions[1].iommu_group = -1;
        c.card.functions[1].survey.config_dead = true;
        c.rule.configuration_broken = true;

        must_refuse(&c, REFUSAL_CONFIGURATION_BROKEN, fixture_address(0));
        c.rule.configuration_broken = false;
        must_refuse(&c, REFUSAL_CARD_FAILED, fixture_address(1));
        c.card.functions[1].survey.config_dead = false;
        must_refuse(&c, REFUSAL_NO_IOMMU_GROUP, fixture_address(1));
        c.card.functions[1].iommu_group = FIXTURE_GROUP;
        must_refuse(&c, REFUSAL_GROUP_NOT_VIABLE, c.card.group_members[0].address);
        c.card.n_group_members = 0;
        must_refuse(&c, REFUSAL_VIRTUAL_FUNCTIONS, fixture_address(1));
        c.card.functions[1].n_virtual_functions = 0;
        must_refuse(&c, REFUSAL_PREFAIL_COMPANION, fixture_address(1));
        c.request.lists_companion = false;
        must_pass(&c);
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("core-viability");
        TCase *tcase = tcase_create("viability");

        tcase_add_loop_test(tcase, test_state, 0, (int) ELEMENTSOF(states));
        tcase_add_test(tcase, test_other_guards);
        tcase_add_test(tcase, test_can_guard);
        tcase_add_test(tcase, test_going_down);
        tcase_add_test(tcase, test_configuration_broken);
        tcase_add_test(tcase, test_not_automatic);
        tcase_add_test(tcase, test_config_dead);
        tcase_add_test(tcase, test_no_iommu_group);
        tcase_add_test(tcase, test_vfio_missing);
        tcase_add_test(tcase, test_stub_missing);
        tcase_add_test(tcase, test_virtual_functions);
        tcase_add_loop_test(tcase, test_group_member, 0, (int) ELEMENTSOF(members));
        tcase_add_test(tcase, test_group_over_the_limit);
        tcase_add_test(tcase, test_order);
        suite_add_tcase(suite, tcase);
        return suite;
}

CHECK_MAIN(make_suite)
