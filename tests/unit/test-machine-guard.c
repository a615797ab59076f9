/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "machine/guard.h"

#include "base/address.h"
#include "check-main.h"
#include "gpuswitch/names.h"
#include "machine-tree.h"

#define LIST &GUARD_MODULE_FOLDER "/guarded"[1]

static const struct {
        const char *list;
        bool guarded;
} lists[] = {
        { "", false },
        { "0000:01:00.0\n", true },
        { "0000:02:00.0\n0000:01:00.0\n", true },
        { "0000:01:00.1\n", true }, /* function 0 has left the bus */
        { "0000:01:01.0\n", false },
        { "0001:01:00.0\n10000:01:00.0\n", false },
        { "nonsense\n\n0000:01:00.0", true },
        { "0000:01:00.0 0000:02:00.0\n", false },
};

START_TEST(test_list) {
        const PciAddress address = { .bus = 1 };

        ck_assert(!guard_names_slot(tree_root, address)); /* not loaded */
        tree_write(LIST, "%s", lists[_i].list);
        ck_assert_int_eq(guard_names_slot(tree_root, address), lists[_i].guarded);
}
END_TEST

/* As many slots as the module takes. */
START_TEST(test_full_list) {
        char list[4096] = "";

        for (unsigned i = 1; i <= 32; i++)
                ck_assert_int_eq(text_append(list, sizeof(list), "0000:%02x:00.0\n", i), 0);
        tree_write(LIST, "%s", list);
        ck_assert(guard_names_slot(tree_root, (PciAddress){ .bus = 32 }));
        ck_assert(!guard_names_slot(tree_root, (PciAddress){ .bus = 33 }));
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("machine/guard");
        TCase *tests = tcase_create("guard");

        tcase_add_checked_fixture(tests, tree_setup, tree_teardown);
        tcase_add_loop_test(tests, test_list, 0, ELEMENTSOF(lists));
        tcase_add_test(tests, test_full_list);
        suite_add_tcase(suite, tests);
        return suite;
}

CHECK_MAIN(make_suite)
