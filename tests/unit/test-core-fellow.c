/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Devices that go along with a card: which may, and their steps on both ways. They are function 6 of slot 0000:05:00 and function 7 of
 * 0000:06:00, so that a line of a plan tells them from the functions of the card.
 */

#include "core/fellow.h"

#include "base/address.h"
#include "card-fixture.h"
#include "check-main.h"
#include "core/viability.h"
#include "plan-fixture.h"

static const PciAddress nvme_address = { .bus = 5, .function = 6 }, net_address = { .bus = 6, .function = 7 };

static Rule rule;
static CardFacts card;

static void add_fellow(PciAddress address, uint32_t class_code, const char *driver, const char *methods, DeviceReset reset) {
        Fellow *fellow = &card.fellows[card.n_fellows++];

        *fellow = (Fellow){ .function = { .address = address,
                                          .class_code = class_code,
                                          .iommu_group = 30 + address.bus,
                                          .survey = { .valid = true, .power_control = "auto", .d3cold_allowed = "1" } } };
        (void) text_copy(fellow->function.driver, DRIVER_NAME_SIZE, driver);
        (void) text_copy(fellow->function.survey.reset_method, ATTRIBUTE_VALUE_SIZE, methods);
        rule.fellows[rule.n_fellows++] = (FellowRule){ .address = address, .device = "some-device", .reset = reset, .source = "a talk" };
}

static void two_fellows(void) {
        card = fixture_polaris();
        rule = fixture_rule_polaris();
        add_fellow(nvme_address, 0x010802, "nvme", "device_specific flr bus", DEVICE_RESET_KERNEL);
        add_fellow(net_address, 0x020000, "e1000e", "flr bus", DEVICE_RESET_UNKNOWN);
}

static FunctionFacts *nvme(void) {
        return &card.fellows[0].function;
}

static FunctionFacts *net(void) {
        return &card.fellows[1].function;
}

static void put(FunctionFacts *function, const char *driver, const char *override) {
        (void) text_copy(function->driver, DRIVER_NAME_SIZE, driver);
        (void) text_copy(function->survey.driver_override, DRIVER_NAME_SIZE, override);
}

static void offer(FunctionFacts *function, const char *methods) {
        (void) text_copy(function->survey.reset_method, ATTRIBUTE_VALUE_SIZE, methods);
}

/* With a guest, as a plan to the guest leaves it. */
static void away(void) {
        two_fellows();
        fixture_put(&card, 0, DRIVER_VFIO_PCI, DRIVER_VFIO_PCI);
        fixture_put(&card, 1, DRIVER_PCI_STUB, DRIVER_PCI_STUB);
        for (size_t i = 0; i < 2; i++)
                fixture_power(&card, i, "on", "0");
        for (size_t i = 0; i < 2; i++) {
                put(&card.fellows[i].function, DRIVER_VFIO_PCI, DRIVER_VFIO_PCI);
                (void) text_copy(card.fellows[i].function.survey.power_control, ATTRIBUTE_VALUE_SIZE, "on");
                (void) text_copy(card.fellows[i].function.survey.d3cold_allowed, ATTRIBUTE_VALUE_SIZE, "0");
        }
        offer(nvme(), "device_specific");
}

static Home home_of_two(void) {
        Home home = { 0 };

        two_fellows();
        home_note(&card, false, &home);
        return home;
}

static int guest_plan(Plan *plan, Refusal *refusal) {
        GuestRequest request = fixture_request(RESET_STATE_FRESH);
        MachineFacts machine = fixture_machine();

        request.after_driver_ran = false; /* without the reset, which is another test's */
        return plan_to_guest(&card, &machine, &rule, &request, plan, refusal);
}

static Plan must_plan(void) {
        Refusal refusal;
        Plan plan;
        int r = guest_plan(&plan, &refusal);

        ck_assert_msg(r == 0, "refused: %s %s", refusal_code_to_string(refusal.code), refusal.subject);
        return plan;
}

static Plan home_plan(const Home *home) {
        Refusal refusal;
        Plan plan;

        ck_assert_int_eq(plan_to_host(&card, &rule, RESET_STATE_TOUCHED, home, &plan, &refusal), 0);
        return plan;
}

START_TEST(test_there) {
        two_fellows();
        Plan plan = must_plan();
        PLAN_MUST_BE(&plan, "check-nodes .0", "check-nodes .1", "set-d3cold .0 (1) 0", "set-d3cold .1 (1) 0", "set-d3cold .6 (1) 0",
                     "set-d3cold .7 (1) 0", "set-override .1 (-) pci-stub", "unbind .1 snd_hda_intel", "bind .1 pci-stub",
                     "set-reset-method .6 (device_specific flr bus) device_specific", "set-override .6 (-) vfio-pci", "unbind .6 nvme",
                     "bind .6 vfio-pci", "set-override .7 (-) vfio-pci", "unbind .7 e1000e", "bind .7 vfio-pci",
                     "set-override .0 (-) vfio-pci", "unbind .0 amdgpu", "check-alive .0", "bind .0 vfio-pci",
                     "set-power .0 (auto) on", "set-power .1 (auto) on", "set-power .6 (auto) on", "set-power .7 (auto) on");
        ck_assert_uint_eq(plan.n_fellows, 2);
        ck_assert(address_equal(plan.fellows[0], nvme_address) && address_equal(plan.fellows[1], net_address));
}
END_TEST

START_TEST(test_home) {
        Home home = home_of_two();

        away();
        Plan plan = home_plan(&home);
        PLAN_MUST_BE(&plan, "check-group .0 16", "check-group .6 35", "check-group .7 36", "check-alive .0", "check-alive .1",
                     "set-override .0 (vfio-pci) amdgpu", "unbind .0 vfio-pci", "bind .0 amdgpu", "set-override .0 (amdgpu) -",
                     "set-power .0 (on) auto", "set-d3cold .0 (0) 1", "set-override .1 (pci-stub) snd_hda_intel",
                     "unbind .1 pci-stub", "bind .1 snd_hda_intel", "set-override .1 (snd_hda_intel) -", "set-power .1 (on) auto",
                     "set-d3cold .1 (0) 1", "set-override .6 (vfio-pci) nvme", "unbind .6 vfio-pci", "bind .6 nvme",
                     "set-override .6 (nvme) -", "set-power .6 (on) auto",
                     "set-reset-method .6 (device_specific) device_specific flr bus", "set-d3cold .6 (0) 1",
                     "set-override .7 (vfio-pci) e1000e", "unbind .7 vfio-pci", "bind .7 e1000e", "set-override .7 (e1000e) -",
                     "set-power .7 (on) auto", "set-d3cold .7 (0) 1");
        ck_assert_uint_eq(plan.n_fellows, 2);
}
END_TEST

START_TEST(test_undo) {
        Refusal refusal;
        Plan undo;

        two_fellows();
        Plan plan = must_plan();
        ck_assert_int_eq(plan_undo(&plan, 13, &undo, &refusal), 0);
        PLAN_MUST_BE(&undo, "check-group .6 35", "unbind .6 vfio-pci", "set-override .6 (-) nvme", "bind .6 nvme",
                     "set-override .6 (vfio-pci) -", "set-reset-method .6 (device_specific) device_specific flr bus",
                     "unbind .1 pci-stub", "set-override .1 (-) snd_hda_intel", "bind .1 snd_hda_intel",
                     "set-override .1 (pci-stub) -", "set-d3cold .7 (0) 1", "set-d3cold .6 (0) 1", "set-d3cold .1 (0) 1",
                     "set-d3cold .0 (0) 1", "set-power .1 (-) auto", "set-power .6 (-) auto");
        ck_assert_uint_eq(undo.n_fellows, 2);
}
END_TEST

/* It was with the guests before us, by the host's own configuration: nothing is done to it, on no way. */
START_TEST(test_always_with_guests) {
        two_fellows();
        put(nvme(), DRIVER_VFIO_PCI, DRIVER_VFIO_PCI);
        offer(nvme(), "device_specific");
        rule.n_fellows = card.n_fellows = 1;
        Home home = { 0 };
        home_note(&card, false, &home);
        Plan plan = must_plan();
        for (size_t i = 0; i < plan.n_steps; i++)
                ck_assert(plan.steps[i].address.function != 6 || plan.steps[i].kind == STEP_SET_D3COLD ||
                          plan.steps[i].kind == STEP_SET_POWER || plan.steps[i].kind == STEP_GROUP_FREE);
        away();
        rule.n_fellows = card.n_fellows = 1;
        plan = home_plan(&home);
        for (size_t i = 0; i < plan.n_steps; i++)
                ck_assert(plan.steps[i].address.function != 6 || plan.steps[i].kind == STEP_SET_D3COLD ||
                          plan.steps[i].kind == STEP_SET_POWER || plan.steps[i].kind == STEP_GROUP_FREE);
}
END_TEST

/* On vfio before the card leaves: whoever has it open must let it go, or nothing is done. With guests: they have it by right. */
START_TEST(test_on_vfio_already) {
        two_fellows();
        put(net(), DRIVER_VFIO_PCI, DRIVER_VFIO_PCI);
        Plan plan = must_plan();
        ck_assert_int_eq(plan.steps[2].kind, STEP_GROUP_FREE);
        ck_assert(address_equal(plan.steps[2].address, net_address));
        ck_assert_uint_eq(plan.steps[2].timeout_usec, GROUP_FREE_GUEST_TIMEOUT_USEC);
        for (size_t i = 3; i < plan.n_steps; i++)
                ck_assert_int_ne(plan.steps[i].kind, STEP_GROUP_FREE);

        away();
        plan = must_plan();
        ck_assert_uint_eq(plan.n_steps, 0);
}
END_TEST

/* Policy has named it while the card was away: it has not left its home with the card. */
START_TEST(test_named_while_away) {
        Home home = home_of_two();

        home.n_functions = 3;
        away();
        put(net(), "e1000e", "");
        Plan plan = home_plan(&home);
        for (size_t i = 0; i < plan.n_steps; i++)
                ck_assert_uint_ne(plan.steps[i].address.function, 7);
        put(net(), DRIVER_VFIO_PCI, "");
        plan = home_plan(&home);
        for (size_t i = 0; i < plan.n_steps; i++)
                ck_assert(plan.steps[i].address.function != 7 || plan.steps[i].kind == STEP_GROUP_FREE);
}
END_TEST

/* Policy names it no more: it comes home, and another way to the guest leaves it alone. */
START_TEST(test_named_no_more) {
        Home home = home_of_two();

        away();
        rule.n_fellows = 1;
        Plan plan = must_plan();
        ck_assert_uint_eq(plan.n_steps, 0);
        plan = home_plan(&home);
        bool bound = false;
        for (size_t i = 0; i < plan.n_steps; i++)
                bound |= plan.steps[i].kind == STEP_BIND && plan.steps[i].address.function == 7;
        ck_assert(bound);
}
END_TEST

/* The card reads all ones: nothing is done to it, and the others go home. Who is there already has nothing to do. */
START_TEST(test_home_without_card) {
        Home home = home_of_two();
        Plan plan;

        away();
        put(net(), "e1000e", "");
        (void) text_copy(net()->survey.power_control, ATTRIBUTE_VALUE_SIZE, "auto");
        (void) text_copy(net()->survey.d3cold_allowed, ATTRIBUTE_VALUE_SIZE, "1");
        card.functions[0].survey.config_dead = true;
        plan_fellows_home(&card, &home, &plan);
        PLAN_MUST_BE(&plan, "check-group .6 35", "set-override .6 (vfio-pci) nvme", "unbind .6 vfio-pci", "bind .6 nvme",
                     "set-override .6 (nvme) -", "set-power .6 (on) auto",
                     "set-reset-method .6 (device_specific) device_specific flr bus", "set-d3cold .6 (0) 1");
        ck_assert_uint_eq(plan.n_fellows, 2);

        two_fellows();
        plan_fellows_home(&card, &home, &plan);
        ck_assert_uint_eq(plan.n_steps, 0);
}
END_TEST

/* Policy has named one while the card was away, and the next guest gets it as well: from then on it has a home too. */
START_TEST(test_joins_while_away) {
        Home home = { 0 };

        two_fellows();
        card.n_fellows = 1;
        home_note(&card, false, &home);
        away();
        put(net(), "e1000e", "");
        offer(net(), "flr bus");
        home_note_fellows(&card, &home);
        ck_assert_uint_eq(home.n_functions, card_n_parts(&card));
        const HomeFunction *kept = &home.functions[card.n_functions], *added = kept + 1;
        ck_assert(address_equal(kept->address, nvme_address) && address_equal(added->address, net_address));
        ck_assert_str_eq(kept->driver, "nvme");
        ck_assert_str_eq(kept->reset_method, "device_specific flr bus");
        ck_assert_str_eq(added->driver, "e1000e");
        ck_assert_str_eq(added->reset_method, "flr bus");

        Home unknown = { 0 };
        home_note_fellows(&card, &unknown);
        ck_assert_uint_eq(unknown.n_functions, 0);
}
END_TEST

/* A way home that has failed half-way leaves our own list of methods there: no home of anybody. */
START_TEST(test_leftover_is_no_home) {
        Home home = home_of_two();

        offer(nvme(), "device_specific");
        home_note(&card, true, &home);
        ck_assert_str_eq(home.functions[2].reset_method, "device_specific flr bus");
        home_note(&card, false, &home);
        ck_assert_str_eq(home.functions[2].reset_method, "device_specific");
        ck_assert_str_eq(home.functions[0].reset_method, "");
}
END_TEST

START_TEST(test_home_fellows) {
        PciAddress addresses[FELLOWS_MAX];
        Home home = home_of_two();

        ck_assert_uint_eq(home_fellows(&home, addresses), 2);
        ck_assert(address_equal(addresses[0], nvme_address) && address_equal(addresses[1], net_address));
        home_forget_fellows(&home);
        ck_assert_uint_eq(home.n_functions, 2);
        ck_assert_uint_eq(home_fellows(&home, addresses), 0);
        ck_assert_uint_eq(home_fellows(&(Home){ 0 }, addresses), 0);
}
END_TEST

static void lost(void) {
        card.lost_fellows[card.n_lost_fellows++] = nvme_address;
        card.fellows[0] = card.fellows[--card.n_fellows];
}
static void no_room(void) {
        card.fellows[0] = card.fellows[--card.n_fellows];
}
static void display(void) {
        nvme()->class_code = 0x030200;
}
static void bridge(void) {
        nvme()->class_code = 0x060400;
}
static void of_other_card(void) {
        nvme()->class_code = 0x040300;
        card.fellows[0].is_of_card = true;
}
static void dead(void) {
        nvme()->survey.config_dead = true;
}
static void no_group(void) {
        nvme()->iommu_group = -1;
}
static void mounted(void) {
        (void) text_copy(card.fellows[0].host_use, HOST_USE_SIZE, "file system /home on nvme0n1p2");
}
static void virtual_functions(void) {
        nvme()->n_virtual_functions = 2;
}
static void kernel_offers_other(void) {
        offer(nvme(), "flr bus");
}
static void kernel_offers_none(void) {
        offer(nvme(), "");
}
static void no_function_reset(void) {
        rule.fellows[0].reset = DEVICE_RESET_FLR;
        offer(nvme(), "pm bus");
}
static void bus_offered(void) {
        rule.fellows[0].reset = DEVICE_RESET_NONE;
        rule.fellows[0].bus_reset_forbidden = true;
        offer(nvme(), "pm bus");
}
static void cxl_bus_offered(void) {
        bus_offered();
        offer(nvme(), "cxl_bus");
}

static const struct {
        void (*spoil)(void);
        RefusalCode code;
        const char *subject, *detail;
} refusals[] = {
        { lost, REFUSAL_FELLOW_MISSING, "", "" },
        { no_room, REFUSAL_FELLOW_UNFIT, "earlier policy", "" },
        { display, REFUSAL_FELLOW_UNFIT, "display device", "" },
        { bridge, REFUSAL_FELLOW_UNFIT, "bridge", "" },
        { of_other_card, REFUSAL_FELLOW_UNFIT, "another GPU", "" },
        { dead, REFUSAL_FELLOW_UNFIT, "does not answer", "" },
        { no_group, REFUSAL_NO_IOMMU_GROUP, "", "" },
        { mounted, REFUSAL_FELLOW_IN_USE, "/home on nvme0n1p2", "" },
        { virtual_functions, REFUSAL_VIRTUAL_FUNCTIONS, "", "" },
        { kernel_offers_other, REFUSAL_FELLOW_RESET, "some-device) must be reset by the kernel's own method (device_specific) only, and the kernel offers 'flr bus'", "a talk" },
        { kernel_offers_none, REFUSAL_FELLOW_RESET, "offers none", "a talk" },
        { no_function_reset, REFUSAL_FELLOW_RESET, "(flr) only, and the kernel offers 'pm bus'", "a talk" },
        { bus_offered, REFUSAL_FELLOW_RESET, "must not get a bus reset, and the kernel offers 'pm bus'", "a talk" },
        { cxl_bus_offered, REFUSAL_FELLOW_RESET, "'cxl_bus'", "a talk" },
};

START_TEST(test_refused) {
        Refusal refusal;
        Plan plan;

        two_fellows();
        refusals[_i].spoil();
        ck_assert_int_eq(guest_plan(&plan, &refusal), E_REFUSED);
        ck_assert_str_eq(refusal_code_to_string(refusal.code), refusal_code_to_string(refusals[_i].code));
        ck_assert_str_eq(ADDRESS_TEXT(refusal.address), ADDRESS_TEXT(nvme_address));
        ck_assert_msg(strstr(refusal.subject, refusals[_i].subject), "%s", refusal.subject);
        ck_assert_str_eq(refusal.detail, refusals[_i].detail);
        /* None of it keeps a card from coming home. */
        ck_assert_int_eq(plan_to_host(&card, &rule, RESET_STATE_TOUCHED, &(Home){ .known = true }, &plan, &refusal), 0);
}
END_TEST

/* What the host does with it is no matter where the host has let it go already. */
START_TEST(test_use_counts_on_host_driver) {
        two_fellows();
        mounted();
        put(nvme(), "", "");
        (void) must_plan();
}
END_TEST

static const struct {
        DeviceReset reset;
        bool forbidden;
        const char *offered, *method;
} methods[] = {
        { DEVICE_RESET_KERNEL, false, "device_specific", "device_specific" },
        { DEVICE_RESET_KERNEL, false, "flr device_specific bus", "device_specific" },
        { DEVICE_RESET_FLR, false, "pm flr bus", "flr" },
        { DEVICE_RESET_FLR, true, "flr bus", "flr" },
        { DEVICE_RESET_FLR, false, "af_flr pm", "af_flr" },
        { DEVICE_RESET_NONE, true, "", "" },
        { DEVICE_RESET_NONE, true, "pm", "" },
        { DEVICE_RESET_NONE, false, "bus", "" },
        { DEVICE_RESET_UNKNOWN, false, "flr bus", "" },
        { DEVICE_RESET_UNKNOWN, false, "", "" },
};

START_TEST(test_method) {
        two_fellows();
        rule.fellows[0].reset = methods[_i].reset;
        rule.fellows[0].bus_reset_forbidden = methods[_i].forbidden;
        offer(nvme(), methods[_i].offered);
        ck_assert_str_eq(fellow_method(&rule.fellows[0], nvme()), methods[_i].method);
        (void) must_plan();
}
END_TEST

/* A companion's guard is the card's own business: what goes along is no companion. */
START_TEST(test_no_companion) {
        two_fellows();
        card.n_functions = 1;
        put(nvme(), DRIVER_PCI_STUB, "");
        ck_assert_int_eq((int) card_guard(&card, &(MachineFacts){ 0 }, &rule), GUARD_NONE);
        GuestRequest request = fixture_request(RESET_STATE_PREFAIL);
        ck_assert(!viability_can_guard(&card, &request));
}
END_TEST

/* As many as policy may name, with a card of eight functions. */
START_TEST(test_most) {
        card = fixture_generic(4);
        while (card.n_functions < FUNCTIONS_MAX)
                fixture_add(&card, 0x0c8000, 0x1234, "ucsi_ccg");
        rule = RULE_GENERIC;
        for (uint8_t i = 0; i < FELLOWS_MAX; i++)
                add_fellow((PciAddress){ .bus = (uint8_t) (5 + i) }, 0x010802, "nvme", "flr bus", DEVICE_RESET_FLR);
        Plan plan = must_plan();
        ck_assert_uint_eq(plan.n_fellows, FELLOWS_MAX);
        ck_assert_uint_eq(card_n_parts(&card), PARTS_MAX);
        Home home = { 0 };
        home_note(&card, false, &home);
        ck_assert_uint_eq(home.n_functions, PARTS_MAX);
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("core/fellow");
        TCase *tc = tcase_create("fellow");

        tcase_add_test(tc, test_there);
        tcase_add_test(tc, test_home);
        tcase_add_test(tc, test_undo);
        tcase_add_test(tc, test_always_with_guests);
        tcase_add_test(tc, test_on_vfio_already);
        tcase_add_test(tc, test_named_while_away);
        tcase_add_test(tc, test_named_no_more);
        tcase_add_test(tc, test_home_without_card);
        tcase_add_test(tc, test_joins_while_away);
        tcase_add_test(tc, test_leftover_is_no_home);
        tcase_add_test(tc, test_home_fellows);
        tcase_add_loop_test(tc, test_refused, 0, (int) ELEMENTSOF(refusals));
        tcase_add_test(tc, test_use_counts_on_host_driver);
        tcase_add_loop_test(tc, test_method, 0, (int) ELEMENTSOF(methods));
        tcase_add_test(tc, test_no_companion);
        tcase_add_test(tc, test_most);
        suite_add_tcase(suite, tc);
        return suite;
}

CHECK_MAIN(make_suite)
