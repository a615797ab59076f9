/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The lock of a card is held by another open file of this process, which stands in for the helper. */

#include "machine/helper-lock.h"

#include <inttypes.h>
#include <sys/file.h>

#include "check-main.h"
#include "machine-tree.h"
#include "machine/system.h"

#define LOCK "0000:01:00.0.lock"
static const PciAddress audio = { .bus = 1, .function = 1 }; /* one lock for the whole slot */

static int open_lock(int operation) {
        char path[PATH_MAX];

        (void) text_format(path, sizeof(path), "%s/" LOCK, tree_root);
        int fd = open(path, O_RDWR | O_CLOEXEC);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(flock(fd, operation | LOCK_NB), 0);
        return fd;
}

START_TEST(test_held) {
        const struct timespec times[] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = 1600000000, .tv_nsec = 5000 } };
        HelperLock lock = { 0 };
        uint64_t ticks;

        ck_assert_int_eq(process_start_time("", getpid(), &ticks), 0);
        tree_write(LOCK, "%d %" PRIu64 "\n", getpid(), ticks);
        int fd = open_lock(LOCK_EX);
        ck_assert_int_eq(futimens(fd, times), 0);
        ck_assert_int_eq(helper_lock_read("", tree_root, audio, &lock), 1);
        ck_assert_int_eq(lock.pid, getpid());
        ck_assert_uint_eq(lock.start_time, ticks);
        ck_assert_uint_eq(lock.begun_usec, (usec_t) 1600000000 * USEC_PER_SEC + 5);

        /* The same number, another process. */
        tree_write(LOCK, "%d %" PRIu64 "\n", getpid(), ticks + 1);
        ck_assert_int_eq(helper_lock_read("", tree_root, audio, &lock), 0);
        close(fd);
}
END_TEST

START_TEST(test_not_held) {
        HelperLock lock;
        uint64_t ticks;

        ck_assert_int_eq(helper_lock_read("", tree_root, audio, &lock), 0); /* no file */
        ck_assert_int_eq(process_start_time("", getpid(), &ticks), 0);
        tree_write(LOCK, "%d %" PRIu64 "\n", getpid(), ticks);
        ck_assert_int_eq(helper_lock_read("", tree_root, audio, &lock), 0);
        close(open_lock(LOCK_EX)); /* asking has not kept it */
}
END_TEST

static const struct {
        const char *text;
        int r;
} bad_cases[] = {
        { "", -EBADMSG },      { "12", -EBADMSG },           { "a b", -EBADMSG },
        { "0 5", -EBADMSG },   { "1 2 3", -EBADMSG },        { "99999999999 5", -EBADMSG },
        { "12 -1", -EBADMSG }, { "2147483647 5", 0 /* no such process */ },
};

START_TEST(test_bad_text) {
        HelperLock lock;

        tree_write(LOCK, "%s", bad_cases[_i].text);
        int fd = open_lock(LOCK_EX);
        ck_assert_int_eq(helper_lock_read(tree_root, tree_root, audio, &lock), bad_cases[_i].r);
        close(fd);
}
END_TEST

START_TEST(test_link_is_not_followed) {
        HelperLock lock;

        tree_write("elsewhere", "1 1\n");
        tree_link_raw(LOCK, "elsewhere");
        ck_assert_int_eq(helper_lock_read("", tree_root, audio, &lock), -ELOOP);
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("machine/helper-lock");
        TCase *tests = tcase_create("helper-lock");

        tcase_add_checked_fixture(tests, tree_setup, tree_teardown);
        tcase_add_test(tests, test_held);
        tcase_add_test(tests, test_not_held);
        tcase_add_loop_test(tests, test_bad_text, 0, ELEMENTSOF(bad_cases));
        tcase_add_test(tests, test_link_is_not_followed);
        suite_add_tcase(suite, tests);
        return suite;
}

CHECK_MAIN(make_suite)
