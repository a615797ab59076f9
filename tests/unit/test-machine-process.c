/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "check-main.h"
#include "machine-tree.h"
#include "machine/system.h"

static const struct {
        const char *stat;
        int r;
        uint64_t ticks;
} stat_cases[] = {
        { "42 (helper) D 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 987654 20 21\n", 0, 987654 },
        { "42 (a) b (c) S 1) D 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 987654 20 21\n", 0, 987654 },
        { "42 (helper) D 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 987654\n", 0, 987654 },
        { "42 (helper) D 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18\n", -EBADMSG, 0 },
        { "42 (helper) D 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 -1 20\n", -EINVAL, 0 },
        { "42 helper D 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21\n", -EBADMSG, 0 },
        { "42 (helper)", -EBADMSG, 0 },
        { "", -EBADMSG, 0 },
};

START_TEST(test_start_time) {
        uint64_t ticks = 0;

        ck_assert_int_eq(process_start_time(tree_root, 42, &ticks), -ESRCH);
        tree_folders("proc/42/");
        ck_assert_int_eq(process_start_time(tree_root, 42, &ticks), -ESRCH);
        tree_write("proc/42/stat", "%s", stat_cases[_i].stat);
        ck_assert_int_eq(process_start_time(tree_root, 42, &ticks), stat_cases[_i].r);
        ck_assert_uint_eq(ticks, stat_cases[_i].ticks);
        ck_assert_int_eq(process_start_time(tree_root, 0, &ticks), -ESRCH);
        ck_assert_int_eq(process_start_time(tree_root, -1, &ticks), -ESRCH);
}
END_TEST

START_TEST(test_start_time_of_real_process) {
        uint64_t ticks = 0, again = 0;

        ck_assert_int_eq(process_start_time("", getpid(), &ticks), 0);
        ck_assert_uint_gt(ticks, 0);
        ck_assert_int_eq(process_start_time("", getpid(), &again), 0);
        ck_assert_uint_eq(ticks, again);

        pid_t pid = fork();
        if (pid == 0)
                _exit(0);
        ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
        ck_assert_int_eq(process_start_time("", pid, &ticks), -ESRCH);
}
END_TEST

static const struct {
        const char *wchan, *stack, *function, *frames;
} place_cases[] = {
        { "schedule",
          "[<0>] nv_pci_remove+0x1b/0x40 [nvidia]\n[<0>] pci_device_remove+0x3e/0xb0\n"
          "[<0>] device_release_driver_internal+0x1aa/0x230\n",
          "nv_pci_remove", "nv_pci_remove < pci_device_remove < device_release_driver_internal" },
        { "0", "[<0>] a+0x1/0x2\n", "a", "a" },
        { "", "[<0>] a+0x1/0x2", "a", "a" },
        { "wait_for_completion", NULL, "wait_for_completion", "" },
        { "wait_for_completion", "", "wait_for_completion", "" },
        { "0", NULL, "", "" },
        { NULL, NULL, "", "" },
        { "0", "[<0>] 1+0\n[<0>] 2+0\n[<0>] 3+0\n[<0>] 4+0\n[<0>] 5+0\n[<0>] 6+0\n[<0>] 7+0\n", "1",
          "1 < 2 < 3 < 4 < 5 < 6" },
        { "0", "[<ffffffff81>] old_kernel+0x1/0x2\nno frame\n[<0\n[<0>]\n[<0>] \n[<0>] +1\n", "old_kernel", "old_kernel" },
        { "0", "[<0\n[<0>] b+1\n", "b", "b" },
        { "a\x1b[0m", NULL, "a?[0m", "" },
        { "a", "[<0>] b\x07+0x1\n", "b?", "b?" },
};

START_TEST(test_place) {
        ProcessPlace place;

        memset(&place, 'x', sizeof(place));
        process_place(tree_root, 42, &place);
        ck_assert_str_eq(place.function, "");
        ck_assert_str_eq(place.stack, "");
        tree_folders("proc/42/");
        if (place_cases[_i].wchan)
                tree_write("proc/42/wchan", "%s", place_cases[_i].wchan);
        if (place_cases[_i].stack)
                tree_write("proc/42/stack", "%s", place_cases[_i].stack);
        process_place(tree_root, 42, &place);
        ck_assert_str_eq(place.function, place_cases[_i].function);
        ck_assert_str_eq(place.stack, place_cases[_i].frames);
}
END_TEST

START_TEST(test_place_long_names) {
        ProcessPlace place;
        char name[200];

        memset(name, 'f', sizeof(name) - 1);
        name[sizeof(name) - 1] = '\0';
        tree_write("proc/42/stack", "[<0>] %s+0x1\n[<0>] %s+0x1\n[<0>] %s+0x1\n", name, name, name);
        process_place(tree_root, 42, &place);
        ck_assert_uint_eq(strlen(place.function), sizeof(place.function) - 1);
        ck_assert_uint_eq(strlen(place.stack), sizeof(place.stack) - 1);
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("machine/process");
        TCase *tests = tcase_create("process");

        tcase_set_timeout(tests, 60); /* the machine may be busy */
        tcase_add_checked_fixture(tests, tree_setup, tree_teardown);
        tcase_add_loop_test(tests, test_start_time, 0, ELEMENTSOF(stat_cases));
        tcase_add_test(tests, test_start_time_of_real_process);
        tcase_add_loop_test(tests, test_place, 0, ELEMENTSOF(place_cases));
        tcase_add_test(tests, test_place_long_names);
        suite_add_tcase(suite, tests);
        return suite;
}

CHECK_MAIN(make_suite)
