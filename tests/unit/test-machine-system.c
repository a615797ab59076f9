/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "machine/system.h"

#include <sys/utsname.h>

#include "check-main.h"
#include "machine-tree.h"

START_TEST(test_drivers) {
        MachineFacts facts = { .going_down = true };

        system_facts(tree_root, &facts);
        ck_assert(!facts.vfio_driver_loaded && !facts.stub_driver_loaded && !facts.going_down);
        tree_folders("sys/bus/pci/drivers/vfio-pci/");
        system_facts(tree_root, &facts);
        ck_assert(facts.vfio_driver_loaded && !facts.stub_driver_loaded);
        tree_folders("sys/bus/pci/drivers/pci-stub/");
        system_facts(tree_root, &facts);
        ck_assert(facts.vfio_driver_loaded && facts.stub_driver_loaded);
        ck_assert(!facts.guard_module_loaded && !facts.vendor_reset_there);
        tree_folders("sys/bus/pci/drivers/gpuswitch-guard/");
        system_facts(tree_root, &facts);
        ck_assert(facts.guard_module_loaded && !facts.vendor_reset_there);
        tree_write("dev/vendor_reset", "%s", "");
        system_facts(tree_root, &facts);
        ck_assert(facts.guard_module_loaded && facts.vendor_reset_there);

        ck_assert(system_driver_loaded(tree_root, "vfio-pci"));
        ck_assert(!system_driver_loaded(tree_root, "amdgpu"));
        ck_assert(!system_driver_loaded(tree_root, ""));
        ck_assert(!system_driver_loaded(tree_root, "."));
        ck_assert(!system_driver_loaded(tree_root, ".."));
        ck_assert(!system_driver_loaded(tree_root, "vfio-pci/../vfio-pci"));
}
END_TEST

START_TEST(test_sleep) {
        SleepAbility ability;

        system_sleep(tree_root, &ability);
        ck_assert(!ability.mem && !ability.deep_offered && !ability.deep_selected && !ability.alarm && !ability.tested_only);
        ck_assert_ptr_nonnull(strstr(sleep_missing(&ability), "/sys/power/state"));
        tree_write("sys/power/state", "freeze standby memory disk\n");
        tree_write("sys/power/mem_sleep", "[s2idle] deeper\n");
        system_sleep(tree_root, &ability);
        ck_assert(!ability.mem && !ability.deep_offered);
        tree_write("sys/power/state", "freeze mem disk\n");
        system_sleep(tree_root, &ability);
        ck_assert(ability.mem);
        ck_assert_ptr_nonnull(strstr(sleep_missing(&ability), "no 'deep'"));
        tree_write("sys/power/mem_sleep", "[s2idle] shallow deep\n");
        system_sleep(tree_root, &ability);
        ck_assert(ability.deep_offered && !ability.deep_selected);
        ck_assert_ptr_nonnull(strstr(sleep_missing(&ability), "echo deep"));
        tree_write("sys/power/mem_sleep", "s2idle [deep]\n");
        system_sleep(tree_root, &ability);
        ck_assert(ability.deep_selected);
        ck_assert_ptr_nonnull(strstr(sleep_missing(&ability), "wakealarm"));
        tree_write("sys/class/rtc/rtc0/wakealarm", "%s", "");
        tree_write("sys/power/pm_test", "[none] core processors platform devices freezer\n");
        system_sleep(tree_root, &ability);
        ck_assert_ptr_null(sleep_missing(&ability));
        tree_write("sys/power/pm_test", "none [core] processors platform devices freezer\n");
        system_sleep(tree_root, &ability);
        ck_assert(ability.tested_only);
        ck_assert_ptr_nonnull(strstr(sleep_missing(&ability), "pm_test"));
}
END_TEST

START_TEST(test_boot_id) {
        char id[BOOT_ID_TEXT_SIZE] = "untouched";

        ck_assert_int_eq(system_boot_id(tree_root, id), -ENOENT);
        tree_write("proc/sys/kernel/random/boot_id", "not-an-id\n");
        ck_assert_int_eq(system_boot_id(tree_root, id), -EBADMSG);
        tree_write("proc/sys/kernel/random/boot_id", "%0100d\n", 1);
        ck_assert_int_eq(system_boot_id(tree_root, id), -ENOBUFS);
        ck_assert_str_eq(id, "untouched");
        tree_write("proc/sys/kernel/random/boot_id", "0a8b7c6d-1234-5678-9abc-def012345678\n");
        ck_assert_int_eq(system_boot_id(tree_root, id), 0);
        ck_assert_str_eq(id, "0a8b7c6d-1234-5678-9abc-def012345678");
        ck_assert_int_eq(system_boot_id("", id), 0);
}
END_TEST

static const struct {
        const char *slot_path, *unique_id, *identity;
} identity_cases[] = {
        { "/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0", "",
          "1002:67df:1da2:e366@pci0000:00/01.0/00.0" },
        /* Another bus number, the same slot. */
        { "/sys/devices/pci0000:00/0000:00:01.0/0000:05:00.0", "",
          "1002:67df:1da2:e366@pci0000:00/01.0/00.0" },
        { "/sys/devices/pci0000:40/0000:40:01.1/0000:41:00.0/0000:42:08.0/0000:43:00.0", "",
          "1002:67df:1da2:e366@pci0000:40/01.1/00.0/08.0/00.0" },
        { "/sys/devices/pci0000:00/0000:00:02.0", "", "1002:67df:1da2:e366@pci0000:00/02.0" },
        { "/sys/devices/pci0000:00/0000:00:0e.0/pci10000:e0/10000:e0:1b.0/10000:e1:00.0", "",
          "1002:67df:1da2:e366@pci0000:00/0e.0/pci10000:e0/1b.0/00.0" },
        { "/sys/devices/platform/soc/fd500000.pcie/pci0000:00/0000:00:00.0/0000:01:00.0", "",
          "1002:67df:1da2:e366@pci0000:00/00.0/00.0" },
        { "", "", "1002:67df:1da2:e366@" },
        { "/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0", "7a8e5fc1b2d3a4c5",
          "unique:7a8e5fc1b2d3a4c5" },
};

START_TEST(test_identity) {
        char identity[IDENTITY_TEXT_SIZE];
        CardFacts card = { .n_functions = 1 };

        card.functions[0] = (FunctionFacts){ .vendor_id = 0x1002,
                                             .device_id = 0x67df,
                                             .subsystem_vendor_id = 0x1da2,
                                             .subsystem_device_id = 0xe366 };
        strcpy(card.slot_path, identity_cases[_i].slot_path);
        strcpy(card.unique_id, identity_cases[_i].unique_id);
        card_identity(&card, identity);
        ck_assert_str_eq(identity, identity_cases[_i].identity);
}
END_TEST

/* The deepest slot path that there can be still tells two slots at its end apart. */
START_TEST(test_identity_deep) {
        char one[IDENTITY_TEXT_SIZE], other[IDENTITY_TEXT_SIZE];
        CardFacts card = { .n_functions = 1 };

        strcpy(card.slot_path, "/sys/devices/pci0000:00");
        while (strlen(card.slot_path) + 13 < sizeof(card.slot_path))
                strcat(card.slot_path, "/0000:01:00.0");
        card_identity(&card, one);
        card.slot_path[strlen(card.slot_path) - 1] = '1';
        card_identity(&card, other);
        ck_assert_uint_lt(strlen(one), sizeof(one) - 1);
        ck_assert_str_ne(one, other);
}
END_TEST

START_TEST(test_kernel_release) {
        char release[KERNEL_RELEASE_SIZE] = "untouched";
        struct utsname name;

        ck_assert_int_eq(uname(&name), 0);
        system_kernel_release(release);
        ck_assert_str_eq(release, name.release);
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("machine/system");
        TCase *tests = tcase_create("system");

        tcase_set_timeout(tests, 60); /* the machine may be busy */
        tcase_add_checked_fixture(tests, tree_setup, tree_teardown);
        tcase_add_test(tests, test_drivers);
        tcase_add_test(tests, test_sleep);
        tcase_add_test(tests, test_boot_id);
        tcase_add_test(tests, test_kernel_release);
        tcase_add_loop_test(tests, test_identity, 0, ELEMENTSOF(identity_cases));
        tcase_add_test(tests, test_identity_deep);
        suite_add_tcase(suite, tests);
        return suite;
}

CHECK_MAIN(make_suite)
