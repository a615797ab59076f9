/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The alarm that wakes the machine from a suspend: how far away it may be, and whose it must not replace. */

#include "check-main.h"

#include <string.h>

#include "base/text.h"
#include "fake-sys.h"

#define ALARM "/sys/class/rtc/rtc0/wakealarm"

static char seen_path[256], seen_value[256];

static int remember(FakeSys *sys, const char *path, const char *value) {
        (void) text_copy(seen_path, sizeof(seen_path), path);
        (void) text_copy(seen_value, sizeof(seen_value), value);
        return sys->state;
}

static int set_alarm(uint32_t seconds, HelperReply *reply) {
        HelperRequest request = fake_request(HELPER_WAKE_ALARM);

        request.value = seconds;
        seen_path[0] = seen_value[0] = '\0';
        fake.n_writes = 0;
        fake.on_write = remember;
        return fake_run(&request, reply);
}

static const uint32_t good[] = { WAKE_ALARM_MIN_SECONDS, 10, WAKE_ALARM_MAX_SECONDS };

START_TEST(test_sets) {
        HelperReply reply;
        char expected[16];

        fake_write(ALARM, "%s", "");
        ck_assert_int_eq(set_alarm(good[_i], &reply), 0);
        ck_assert_uint_eq(fake.n_writes, 1);
        ck_assert_str_eq(seen_path, ALARM);
        (void) text_format(expected, sizeof(expected), "+%u", good[_i]);
        ck_assert_str_eq(seen_value, expected);
}
END_TEST

static const uint32_t bad[] = { 0, 1, WAKE_ALARM_MIN_SECONDS - 1, WAKE_ALARM_MAX_SECONDS + 1, 86400, UINT32_MAX };

START_TEST(test_refuses) {
        HelperReply reply;

        fake_write(ALARM, "%s", "");
        ck_assert_int_eq(set_alarm(bad[_i], &reply), -EINVAL);
        ck_assert_ptr_nonnull(strstr(reply.message, "rule 'alarm'"));
        ck_assert_uint_eq(fake.n_writes, 0);
}
END_TEST

START_TEST(test_anothers) {
        HelperReply reply;

        fake_write(ALARM, "1795261818\n");
        ck_assert_int_eq(set_alarm(10, &reply), -EBUSY);
        ck_assert_ptr_nonnull(strstr(reply.message, "1795261818"));
        ck_assert_uint_eq(fake.n_writes, 0);
}
END_TEST

START_TEST(test_no_clock) {
        HelperReply reply;

        ck_assert_int_eq(set_alarm(10, &reply), -ENOENT);
        ck_assert_ptr_nonnull(strstr(reply.message, ALARM));
        ck_assert_uint_eq(fake.n_writes, 0);
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("helper/wake-alarm");
        TCase *tests = tcase_create("wake-alarm");

        tcase_add_checked_fixture(tests, fake_setup, fake_teardown);
        tcase_add_loop_test(tests, test_sets, 0, ELEMENTSOF(good));
        tcase_add_loop_test(tests, test_refuses, 0, ELEMENTSOF(bad));
        tcase_add_test(tests, test_anothers);
        tcase_add_test(tests, test_no_clock);
        suite_add_tcase(suite, tests);
        return suite;
}

CHECK_MAIN(make_suite)
