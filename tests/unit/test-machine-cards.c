/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "machine/cards.h"

#include "base/address.h"
#include "check-main.h"
#include "machine-tree.h"

#define SLOT "pci0000:00/0000:00:01.0/0000:01:00."

static const TreeDevice bridge = { "pci0000:00/0000:00:01.0", 0x060400, 0x8086, 0x1901, 0, 0, "pcieport", 1 };
static const TreeDevice gpu = { SLOT "0", 0x030000, 0x1002, 0x67df, 0x1da2, 0xe366, "amdgpu", 1 };
static const TreeDevice audio = { SLOT "1", 0x040300, 0x1002, 0xaaf0, 0x1da2, 0xaaf0, "snd_hda_intel", 1 };
static const TreeDevice disk = {
        "pci0000:00/0000:00:17.0", 0x010601, 0x8086, 0xa282, 0x1043, 0x8694, "ahci", 8
};

static PciAddress address(const char *text) {
        PciAddress a;

        ck_assert_int_eq(address_parse(text, &a), 0);
        return a;
}

static CardFacts read_card(const char *text) {
        CardFacts card;

        ck_assert_int_eq(cards_read(tree_root, address(text), &card), 0);
        return card;
}

static void make_polaris(void) {
        tree_device(&bridge);
        tree_device(&gpu);
        tree_device(&audio);
        tree_device(&disk);
}

START_TEST(test_discrete) {
        _cleanup_free_ CardFacts *cards = NULL;
        size_t n = 77;

        make_polaris();
        tree_write(TREE_FILE(&gpu, "boot_vga"), "1\n");
        tree_write(TREE_FILE(&audio, "boot_vga"), "1\n");
        ck_assert_int_eq(cards_scan(tree_root, &cards, &n), 0);
        ck_assert_uint_eq(n, 1);
        ck_assert_uint_eq(cards[0].n_functions, 2);

        const FunctionFacts *f = &cards[0].functions[0];
        ck_assert(address_equal(f->address, address("0000:01:00.0")));
        ck_assert_uint_eq(f->class_code, 0x030000);
        ck_assert_uint_eq(f->vendor_id, 0x1002);
        ck_assert_uint_eq(f->device_id, 0x67df);
        ck_assert_uint_eq(f->subsystem_vendor_id, 0x1da2);
        ck_assert_uint_eq(f->subsystem_device_id, 0xe366);
        ck_assert_int_eq(f->role, FUNCTION_ROLE_DISPLAY);
        ck_assert_int_eq(f->iommu_group, 1);
        ck_assert_str_eq(f->driver, "amdgpu");
        ck_assert(f->is_boot_display);
        ck_assert(!f->survey.valid);
        ck_assert_int_eq(cards[0].functions[1].role, FUNCTION_ROLE_AUDIO);
        ck_assert_str_eq(cards[0].functions[1].driver, "snd_hda_intel");
        ck_assert(!cards[0].functions[1].is_boot_display);

        /* The bridge shares the group, and the core is told so. */
        ck_assert_uint_eq(cards[0].n_group_members, 1);
        ck_assert(address_equal(cards[0].group_members[0].address, address("0000:00:01.0")));
        ck_assert_uint_eq(cards[0].group_members[0].class_code, 0x060400);
        ck_assert_str_eq(cards[0].group_members[0].driver, "pcieport");
        ck_assert_int_eq(cards[0].group_members[0].iommu_group, 1);

        ck_assert_str_eq(cards[0].slot_path, "/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0");
        ck_assert_str_eq(cards[0].unique_id, "");
}
END_TEST

START_TEST(test_no_driver_no_group) {
        TreeDevice bare = gpu;

        bare.driver = NULL;
        bare.group = 0;
        tree_device(&bare);
        CardFacts card = read_card("0000:01:00.0");
        ck_assert_str_eq(card.functions[0].driver, "");
        ck_assert_int_eq(card.functions[0].iommu_group, -1);
        ck_assert_uint_eq(card.n_functions, 1);
        ck_assert_uint_eq(card.n_group_members, 0);
        ck_assert(!card.functions[0].is_boot_display);
}
END_TEST

START_TEST(test_boot_display) {
        make_polaris();
        tree_write(TREE_FILE(&gpu, "boot_vga"), "0\n");
        ck_assert(!read_card("0000:01:00.0").functions[0].is_boot_display);
        tree_write(TREE_FILE(&gpu, "drm/card1/boot_display"), "0\n");
        tree_write(TREE_FILE(&gpu, "drm/renderD128/boot_display"), "1\n");
        ck_assert(!read_card("0000:01:00.0").functions[0].is_boot_display);
        tree_write(TREE_FILE(&gpu, "drm/card1/boot_display"), "1\n");
        ck_assert(read_card("0000:01:00.0").functions[0].is_boot_display);
        tree_unlink(TREE_FILE(&gpu, "drm/card1/boot_display"));
        tree_write(TREE_FILE(&gpu, "boot_display"), "1\n");
        ck_assert(read_card("0000:01:00.0").functions[0].is_boot_display);
}
END_TEST

START_TEST(test_read_by_any_function) {
        CardFacts card;

        make_polaris();
        card = read_card("0000:01:00.1");
        ck_assert_uint_eq(card.functions[0].address.function, 0);
        ck_assert_uint_eq(card.n_functions, 2);
        ck_assert_int_eq(cards_read(tree_root, address("0000:00:17.0"), &card), CARDS_E_NOT_A_CARD);
        ck_assert_int_eq(cards_read(tree_root, address("0000:00:01.0"), &card), CARDS_E_NOT_A_CARD);
        ck_assert_int_eq(cards_read(tree_root, address("0000:01:00.2"), &card), -ENODEV);
        ck_assert_int_eq(cards_read(tree_root, address("0000:02:00.0"), &card), -ENODEV);
}
END_TEST

/* RTX 2080: display, audio, USB, type-C. All go along. */
START_TEST(test_four_functions) {
        const TreeDevice functions[] = {
                { SLOT "0", 0x030000, 0x10de, 0x1e87, 0x1462, 0x3728, "nvidia", 1 },
                { SLOT "1", 0x040300, 0x10de, 0x10f8, 0x1462, 0x3728, "snd_hda_intel", 1 },
                { SLOT "2", 0x0c0330, 0x10de, 0x1ad8, 0x1462, 0x3728, "xhci_hcd", 1 },
                { SLOT "3", 0x0c8000, 0x10de, 0x1ad9, 0x1462, 0x3728, "nvidia-gpu", 1 },
        };

        for (size_t i = ELEMENTSOF(functions); i > 0; i--)
                tree_device(&functions[i - 1]);
        CardFacts card = read_card("0000:01:00.0");
        ck_assert_uint_eq(card.n_functions, 4);
        ck_assert_uint_eq(card.n_group_members, 0);
        for (size_t i = 0; i < 4; i++)
                ck_assert_uint_eq(card.functions[i].address.function, i);
        ck_assert_int_eq(card.functions[2].role, FUNCTION_ROLE_USB);
        ck_assert_int_eq(card.functions[3].role, FUNCTION_ROLE_UCSI);
}
END_TEST

/* A processor's slot: the security processor and USB stay with the host, and are members of the group. */
START_TEST(test_apu) {
        const TreeDevice functions[] = {
                { SLOT "0", 0x030000, 0x1002, 0x1681, 0x1043, 0x1e92, "amdgpu", 9 },
                { SLOT "1", 0x040300, 0x1002, 0x1640, 0x1043, 0x1e92, "snd_hda_intel", 10 },
                { SLOT "2", 0x108000, 0x1022, 0x1649, 0x1043, 0x1e92, "ccp", 10 },
                { SLOT "4", 0x0c0330, 0x1022, 0x161d, 0x1043, 0x201f, "xhci_hcd", 11 },
                { SLOT "6", 0x040300, 0x1022, 0x15e3, 0x1043, 0x1e92, "snd_hda_intel", 12 },
        };

        for (size_t i = 0; i < ELEMENTSOF(functions); i++)
                tree_device(&functions[i]);
        CardFacts card = read_card("0000:01:00.0");
        ck_assert_uint_eq(card.n_functions, 3);
        ck_assert_uint_eq(card.functions[1].address.function, 1);
        ck_assert_uint_eq(card.functions[2].address.function, 6);
        ck_assert_uint_eq(card.n_group_members, 1);
        ck_assert_str_eq(card.group_members[0].driver, "ccp");
        ck_assert_int_eq(cards_read(tree_root, address("0000:01:00.4"), &card), CARDS_E_NOT_A_CARD);
}
END_TEST

START_TEST(test_virtual_functions) {
        const TreeDevice vf_in_slot = { SLOT "2", 0x038000, 0x1002, 0x692f, 0, 0, NULL, 5 };
        const TreeDevice vf_of_its_own = {
                "pci0000:00/0000:00:01.0/0000:01:02.0", 0x038000, 0x1002, 0x692f, 0, 0, "vfio-pci", 6
        };
        const TreeDevice vf_beside = {
                "pci0000:00/0000:00:01.0/0000:01:02.1", 0x038000, 0x1002, 0x692f, 0, 0, "vfio-pci", 7
        };
        const TreeDevice vf_network = {
                "pci0000:00/0000:00:01.0/0000:01:03.0", 0x020000, 0x8086, 0x154c, 0, 0, NULL, 4
        };
        const TreeDevice *const all[] = { &vf_in_slot, &vf_of_its_own, &vf_beside, &vf_network };
        _cleanup_free_ CardFacts *cards = NULL;
        size_t n;

        make_polaris();
        for (size_t i = 0; i < ELEMENTSOF(all); i++) {
                char link[16];
                tree_device(all[i]);
                tree_link(TREE_FILE(all[i], "physfn"), "sys/devices/" SLOT "0");
                (void) text_format(link, sizeof(link), "virtfn%zu", i);
                tree_link_raw(TREE_FILE(&gpu, link), "../nowhere");
        }
        tree_write(TREE_FILE(&gpu, "virtfn_other"), "no link to a virtual function");
        ck_assert_int_eq(cards_scan(tree_root, &cards, &n), 0);
        ck_assert_uint_eq(n, 2);
        ck_assert_uint_eq(cards[0].n_functions, 2);
        ck_assert_uint_eq(cards[0].functions[0].n_virtual_functions, 4);
        ck_assert_uint_eq(cards[0].functions[1].n_virtual_functions, 0);
        ck_assert_uint_eq(cards[1].functions[0].address.slot, 2);
        ck_assert_uint_eq(cards[1].n_functions, 1);

        CardFacts card;
        ck_assert_int_eq(cards_read(tree_root, address("0000:01:00.2"), &card), CARDS_E_NOT_A_CARD);
        ck_assert_int_eq(cards_read(tree_root, address("0000:01:02.1"), &card), CARDS_E_NOT_A_CARD);
}
END_TEST

START_TEST(test_unique_id) {
        make_polaris();
        tree_write(TREE_FILE(&gpu, "unique_id"), "7a8e5fc1b2d3a4c5\n");
        ck_assert_str_eq(read_card("0000:01:00.0").unique_id, "7a8e5fc1b2d3a4c5");
        tree_write(TREE_FILE(&gpu, "unique_id"), "0000000000000000\n");
        ck_assert_str_eq(read_card("0000:01:00.0").unique_id, "");
        tree_write(TREE_FILE(&gpu, "unique_id"), "7a8e\x1b[31m\n");
        ck_assert_str_eq(read_card("0000:01:00.0").unique_id, "7a8e?[31m");
        tree_write(TREE_FILE(&gpu, "unique_id"), "%0100d\n", 5);
        ck_assert_str_eq(read_card("0000:01:00.0").unique_id, "");

        /* Neither a virtual function's nor another driver's is asked for. */
        tree_write(TREE_FILE(&gpu, "unique_id"), "7a8e5fc1b2d3a4c5\n");
        tree_link(TREE_FILE(&gpu, "physfn"), "sys/devices/pci0000:00/0000:00:01.0");
        ck_assert_str_eq(read_card("0000:01:00.0").unique_id, "");
        tree_unlink(TREE_FILE(&gpu, "physfn"));
        ck_assert_str_eq(read_card("0000:01:00.0").unique_id, "7a8e5fc1b2d3a4c5");
        tree_unlink(TREE_FILE(&gpu, "driver"));
        ck_assert_str_eq(read_card("0000:01:00.0").unique_id, "");
}
END_TEST

/* Who keeps bus resets from it: what the module lists, and whether the kernel has a reset of its own for it. */
START_TEST(test_guards) {
        make_polaris();
        CardFacts card = read_card("0000:01:00.0");
        ck_assert(!card.module_guarded && !card.device_specific_reset);
        tree_write("sys/bus/pci/drivers/gpuswitch-guard/guarded", "0000:02:00.0\n");
        tree_write(TREE_FILE(&gpu, "reset_method"), "flr bus\n");
        card = read_card("0000:01:00.0");
        ck_assert(!card.module_guarded && !card.device_specific_reset);
        tree_write("sys/bus/pci/drivers/gpuswitch-guard/guarded", "0000:02:00.0\n0000:01:00.0\n");
        tree_write(TREE_FILE(&gpu, "reset_method"), "flr device_specific bus\n");
        card = read_card("0000:01:00.1");
        ck_assert(card.module_guarded && card.device_specific_reset);
        tree_write(TREE_FILE(&gpu, "reset_method"), "device_specifics\n");
        ck_assert(!read_card("0000:01:00.0").device_specific_reset);
}
END_TEST

START_TEST(test_vanished) {
        _cleanup_free_ CardFacts *cards = NULL;
        size_t n;

        make_polaris();
        /* A link without a device, and a device that is half gone. */
        tree_link("sys/bus/pci/devices/0000:02:00.0", "sys/devices/pci0000:00/0000:00:02.0/0000:02:00.0");
        tree_link("sys/kernel/iommu_groups/1/devices/0000:02:00.0", "sys/devices/nowhere");
        tree_unlink(TREE_FILE(&audio, "vendor"));
        ck_assert_int_eq(cards_scan(tree_root, &cards, &n), 0);
        ck_assert_uint_eq(n, 1);
        ck_assert_uint_eq(cards[0].n_functions, 1);
}
END_TEST

START_TEST(test_order_and_limit) {
        _cleanup_free_ CardFacts *cards = NULL;
        size_t n = 0;
        char path[64];
        TreeDevice device = { path, 0x030200, 0x10de, 0x20b0, 0, 0, "nvidia", 0 };

        for (unsigned i = 0; i < CARDS_MAX; i++) {
                (void) text_format(path, sizeof(path), "pci0000:00/0000:%02x:00.0", 0x80 - i);
                tree_device(&device);
        }
        ck_assert_int_eq(cards_scan(tree_root, &cards, &n), 0);
        ck_assert_uint_eq(n, CARDS_MAX);
        for (size_t i = 1; i < n; i++)
                ck_assert_uint_gt(cards[i].functions[0].address.bus, cards[i - 1].functions[0].address.bus);

        strcpy(path, "pci10000:e0/10000:e1:00.0");
        tree_device(&device);
        CardFacts *more = NULL;
        ck_assert_int_eq(cards_scan(tree_root, &more, &n), -E2BIG);
        ck_assert_ptr_null(more);
        ck_assert_uint_eq(read_card("10000:e1:00.0").functions[0].address.domain, 0x10000);
}
END_TEST

START_TEST(test_group_members) {
        CardFacts card;
        char path[64];
        TreeDevice device = { path, 0x088000, 0x8086, 0x1, 0, 0, NULL, 1 };
        TreeDevice lone = audio;

        tree_device(&gpu);
        lone.group = 2;
        tree_device(&lone);
        for (unsigned i = 0; i < GROUP_MEMBERS_MAX; i++) {
                (void) text_format(path, sizeof(path), "pci0000:00/0000:%02x:00.0", 0x80 - i);
                device.group = i % 2 == 0 ? 1 : 2;
                tree_device(&device);
        }
        tree_folders("sys/kernel/iommu_groups/1/devices/not-a-pci-device/");
        card = read_card("0000:01:00.0");
        ck_assert_uint_eq(card.n_group_members, GROUP_MEMBERS_MAX);
        for (size_t i = 1; i < card.n_group_members; i++) {
                ck_assert_uint_gt(card.group_members[i].address.bus, card.group_members[i - 1].address.bus);
                ck_assert_int_ne(card.group_members[i].iommu_group, card.group_members[i - 1].iommu_group);
        }
        strcpy(path, "pci0000:00/0000:00:1f.0");
        tree_device(&device);
        ck_assert(!card.group_too_large);
        card = read_card("0000:01:00.0");
        ck_assert(card.group_too_large);
        ck_assert_uint_eq(card.n_group_members, GROUP_MEMBERS_MAX);
}
END_TEST

START_TEST(test_bad_attributes) {
        CardFacts card;
        _cleanup_free_ CardFacts *cards = NULL;
        size_t n;

        make_polaris();
        tree_write(TREE_FILE(&gpu, "vendor"), "0x11002\n");
        ck_assert_int_eq(cards_read(tree_root, address("0000:01:00.0"), &card), -ERANGE);
        tree_write(TREE_FILE(&gpu, "vendor"), "vendor\n");
        ck_assert_int_eq(cards_scan(tree_root, &cards, &n), -EINVAL);
        tree_write(TREE_FILE(&gpu, "vendor"), "0x%060x\n", 0x1002);
        ck_assert_int_eq(cards_read(tree_root, address("0000:01:00.0"), &card), -ENOBUFS);
}
END_TEST

START_TEST(test_nothing_there) {
        CardFacts *cards = (CardFacts *) tree_root;
        size_t n = 5;

        ck_assert_int_eq(cards_scan(tree_root, &cards, &n), -ENOENT);
        tree_device(&disk);
        ck_assert_int_eq(cards_scan(tree_root, &cards, &n), 0);
        ck_assert_ptr_null(cards);
        ck_assert_uint_eq(n, 0);
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("machine/cards");
        TCase *tests = tcase_create("cards");

        tcase_set_timeout(tests, 60); /* the machine may be busy */
        tcase_add_checked_fixture(tests, tree_setup, tree_teardown);
        tcase_add_test(tests, test_discrete);
        tcase_add_test(tests, test_no_driver_no_group);
        tcase_add_test(tests, test_boot_display);
        tcase_add_test(tests, test_read_by_any_function);
        tcase_add_test(tests, test_four_functions);
        tcase_add_test(tests, test_apu);
        tcase_add_test(tests, test_virtual_functions);
        tcase_add_test(tests, test_unique_id);
        tcase_add_test(tests, test_guards);
        tcase_add_test(tests, test_vanished);
        tcase_add_test(tests, test_order_and_limit);
        tcase_add_test(tests, test_group_members);
        tcase_add_test(tests, test_bad_attributes);
        tcase_add_test(tests, test_nothing_there);
        suite_add_tcase(suite, tests);
        return suite;
}

CHECK_MAIN(make_suite)
