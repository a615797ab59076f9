/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Each clock is the one of its name: between two looks at it by other means, in microseconds. */

#include "clock/clock.h"

#include <time.h>

#include "check-main.h"

static const struct {
        usec_t (*now)(void);
        clockid_t clock;
} table[] = {
        { now_monotonic_usec, CLOCK_MONOTONIC },
        { now_boottime_usec, CLOCK_BOOTTIME },
        { now_realtime_usec, CLOCK_REALTIME },
};

static usec_t look(clockid_t clock) {
        struct timespec ts;

        ck_assert_int_eq(clock_gettime(clock, &ts), 0);
        return (usec_t) ts.tv_sec * USEC_PER_SEC + (usec_t) ts.tv_nsec / 1000;
}

START_TEST(test_between) {
        usec_t before = look(table[_i].clock), now = table[_i].now(), after = look(table[_i].clock);

        ck_assert_uint_le(before, now);
        ck_assert_uint_le(now, after);
}
END_TEST

static Suite *clock_suite(void) {
        Suite *suite = suite_create("clock");
        TCase *test = tcase_create("clock");

        tcase_add_loop_test(test, test_between, 0, 3);
        suite_add_tcase(suite, test);
        return suite;
}

CHECK_MAIN(clock_suite)
