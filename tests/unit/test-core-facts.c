/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who has the card and what guards it, read from driver links. */

#include "core/facts.h"

#include "card-fixture.h"
#include "check-main.h"

static const struct {
        const char *driver;
        bool guest, host;
        Owner owner; /* of a card whose display function is there */
} drivers[] = {
        { "", false, false, OWNER_NONE },
        { "vfio-pci", true, false, OWNER_GUEST },
        { "nvgrace_gpu_vfio_pci", true, false, OWNER_GUEST },
        { "mlx5_vfio_pci", true, false, OWNER_GUEST },
        { "qat-vfio-pci", true, false, OWNER_GUEST },
        { "pci-stub", false, false, OWNER_NONE },
        { "amdgpu", false, true, OWNER_HOST },
        { "nvidia", false, true, OWNER_HOST },
        { "snd_hda_intel", false, true, OWNER_HOST },
        { "vfio", false, true, OWNER_HOST }, /* no PCI driver of the kernel; not ours to trust */
        { "pci-stub2", false, true, OWNER_HOST },
};

START_TEST(test_driver) {
        CardFacts card = fixture_polaris();

        ck_assert_int_eq(driver_is_guest(drivers[_i].driver), drivers[_i].guest);
        ck_assert_int_eq(driver_is_host(drivers[_i].driver), drivers[_i].host);
        fixture_put(&card, 0, drivers[_i].driver, "");
        ck_assert_int_eq((int) card_owner(&card), (int) drivers[_i].owner);
}
END_TEST

/* The display function alone decides who the owner is. */
START_TEST(test_owner_ignores_companions) {
        CardFacts card = fixture_polaris();

        fixture_put(&card, 1, DRIVER_VFIO_PCI, "");
        ck_assert_int_eq((int) card_owner(&card), OWNER_HOST);
        card = fixture_polaris_guarded();
        fixture_put(&card, 1, "snd_hda_intel", "");
        ck_assert_int_eq((int) card_owner(&card), OWNER_GUEST);
        card.n_functions = 0;
        ck_assert_int_eq((int) card_owner(&card), OWNER_NONE);
}
END_TEST

static const struct {
        size_t n_functions;
        const char *companions[3];
        Guard guard;
} guards[] = {
        { 1, { NULL }, GUARD_NONE },
        { 2, { "vfio-pci" }, GUARD_NONE },
        { 2, { "mlx5_vfio_pci" }, GUARD_NONE },
        { 2, { "pci-stub" }, GUARD_STUB_COMPANION },
        { 2, { "" }, GUARD_PINNED_COMPANION },
        { 4, { "vfio-pci", "vfio-pci", "vfio-pci" }, GUARD_NONE },
        { 4, { "vfio-pci", "pci-stub", "vfio-pci" }, GUARD_STUB_COMPANION },
        { 4, { "vfio-pci", "vfio-pci", "" }, GUARD_PINNED_COMPANION },
        { 4, { "", "pci-stub", "vfio-pci" }, GUARD_STUB_COMPANION },
        { 4, { "pci-stub", "", "vfio-pci" }, GUARD_STUB_COMPANION },
};

START_TEST(test_guard) {
        CardFacts card = fixture_generic(guards[_i].n_functions);

        fixture_put(&card, 0, DRIVER_VFIO_PCI, "");
        for (size_t i = 1; i < card.n_functions; i++)
                fixture_put(&card, i, guards[_i].companions[i - 1], "");
        const MachineFacts machine = fixture_machine();
        ck_assert_int_eq((int) card_guard(&card, &machine, &RULE_GENERIC), (int) guards[_i].guard);
}
END_TEST

/* Flags come first, whatever the companion does; the module's is ours and counts more than one that the kernel has set. */
static const struct {
        KernelGuard kernel_guard;
        bool vendor_reset_there, device_specific_reset, module_guarded;
        Guard guard;
} flags[] = {
        { KERNEL_GUARD_NONE, false, false, false, GUARD_STUB_COMPANION },
        { KERNEL_GUARD_NONE, true, true, false, GUARD_STUB_COMPANION },
        { KERNEL_GUARD_NONE, false, false, true, GUARD_MODULE },
        { KERNEL_GUARD_ALWAYS, false, false, false, GUARD_KERNEL },
        { KERNEL_GUARD_ALWAYS, false, false, true, GUARD_MODULE },
        { KERNEL_GUARD_VENDOR_RESET, true, true, false, GUARD_KERNEL },
        /* Loaded, and never asked about this card: it has not flagged it. */
        { KERNEL_GUARD_VENDOR_RESET, true, false, false, GUARD_STUB_COMPANION },
        { KERNEL_GUARD_VENDOR_RESET, false, true, false, GUARD_STUB_COMPANION },
};

START_TEST(test_flags) {
        MachineFacts machine = { .vendor_reset_there = flags[_i].vendor_reset_there };
        CardFacts card = fixture_polaris_guarded();
        Rule rule = fixture_rule_polaris();

        rule.kernel_guard = flags[_i].kernel_guard;
        card.device_specific_reset = flags[_i].device_specific_reset;
        card.module_guarded = flags[_i].module_guarded;
        ck_assert_int_eq((int) card_guard(&card, &machine, &rule), (int) flags[_i].guard);
}
END_TEST

static const struct {
        uint32_t class_code;
        FunctionRole role;
} classes[] = {
        { 0x030000, FUNCTION_ROLE_DISPLAY },                                      /* VGA */
        { 0x030001, FUNCTION_ROLE_DISPLAY }, { 0x030200, FUNCTION_ROLE_DISPLAY }, /* 3D controller */
        { 0x038000, FUNCTION_ROLE_DISPLAY }, /* other display controller */
        { 0x040300, FUNCTION_ROLE_AUDIO },   /* HD audio */
        { 0x040380, FUNCTION_ROLE_AUDIO },   /* HD audio with vendor extensions */
        { 0x040100, FUNCTION_ROLE_AUDIO },   { 0x040000, FUNCTION_ROLE_OTHER }, /* video capture */
        { 0x048000, FUNCTION_ROLE_OTHER },   { 0x0c0330, FUNCTION_ROLE_USB },   /* xHCI */
        { 0x0c0320, FUNCTION_ROLE_USB },     { 0x0c8000, FUNCTION_ROLE_UCSI },
        { 0x0c0500, FUNCTION_ROLE_OTHER }, /* SMBus */
        { 0x020000, FUNCTION_ROLE_OTHER },   { 0x060400, FUNCTION_ROLE_OTHER },
        { 0x120000, FUNCTION_ROLE_OTHER }, /* processing accelerator */
        { 0x000300, FUNCTION_ROLE_OTHER },   { 0x000000, FUNCTION_ROLE_OTHER },
        { 0xffffff, FUNCTION_ROLE_OTHER },
};

START_TEST(test_role_of_class) {
        ck_assert_msg(role_of_class(classes[_i].class_code) == classes[_i].role, "class %06x",
                      classes[_i].class_code);
}
END_TEST

START_TEST(test_function_by_address) {
        CardFacts card = fixture_generic(4);

        for (size_t i = 0; i < 4; i++)
                ck_assert_ptr_eq(card_function(&card, fixture_address((uint8_t) i)), &card.functions[i]);
        ck_assert_ptr_null(card_function(&card, fixture_address(4)));
        ck_assert_ptr_null(card_function(&card, (PciAddress){ .bus = 2 }));
        ck_assert_ptr_null(card_function(&card, (PciAddress){ .domain = 1, .bus = 1 }));
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("core-facts");
        TCase *tcase = tcase_create("facts");

        tcase_add_loop_test(tcase, test_driver, 0, (int) ELEMENTSOF(drivers));
        tcase_add_test(tcase, test_owner_ignores_companions);
        tcase_add_loop_test(tcase, test_guard, 0, (int) ELEMENTSOF(guards));
        tcase_add_loop_test(tcase, test_flags, 0, (int) ELEMENTSOF(flags));
        tcase_add_loop_test(tcase, test_role_of_class, 0, (int) ELEMENTSOF(classes));
        tcase_add_test(tcase, test_function_by_address);
        suite_add_tcase(suite, tcase);
        return suite;
}

CHECK_MAIN(make_suite)
