/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sleeps as the kernel tells of them, line by line; the texts are in test-machine-log-fact.c. */

#include "core/sleep.h"

#include <signal.h>

#include "base/macros.h"
#include "check-main.h"

#define DEEP SLEEP_LINE_ENTRY_DEEP
#define LIGHT SLEEP_LINE_ENTRY_LIGHT
#define FIRMWARE SLEEP_LINE_FIRMWARE
#define WAKING SLEEP_LINE_WAKING
#define EXIT SLEEP_LINE_EXIT
#define HIBERNATION SLEEP_LINE_HIBERNATED
#define GAP _SLEEP_LINE_MAX /* lines are missing */

#define LOST SLEEP_POWER_LOST
#define NO_PROOF SLEEP_NO_PROOF

static const struct {
        const char *story;
        SleepLine lines[8];
        size_t n;
        SleepOutcome outcomes[4]; /* those that are not SLEEP_GOES_ON, in order */
        size_t n_outcomes;
} stories[] = {
        { "S3", { DEEP, FIRMWARE, WAKING, EXIT }, 4, { LOST }, 1 },
        { "S3 twice", { DEEP, FIRMWARE, WAKING, EXIT, DEEP, FIRMWARE, WAKING, EXIT }, 8, { LOST, LOST }, 2 },
        { "s2idle", { LIGHT, EXIT }, 2, { SLEEP_LIGHT }, 1 },
        { "s2idle never goes by way of the firmware", { LIGHT, FIRMWARE, WAKING, EXIT }, 4, { SLEEP_LIGHT }, 1 },
        { "pm_test=core, or a wakeup that came too early", { DEEP, WAKING, EXIT }, 3, { NO_PROOF }, 1 },
        { "pm_test=devices, or a device that did not want to", { DEEP, EXIT }, 2, { NO_PROOF }, 1 },
        { "S3, then one that failed", { DEEP, FIRMWARE, WAKING, EXIT, DEEP, WAKING, EXIT }, 7, { LOST, NO_PROOF }, 2 },
        { "one that failed, then S3", { DEEP, WAKING, EXIT, DEEP, FIRMWARE, WAKING, EXIT }, 7, { NO_PROOF, LOST }, 2 },
        { "without its beginning", { FIRMWARE, WAKING, EXIT }, 3, { SLEEP_LIGHT }, 1 },
        { "with a hole in it", { DEEP, FIRMWARE, GAP, WAKING, EXIT }, 5, { SLEEP_LIGHT }, 1 },
        { "with a hole behind it", { DEEP, FIRMWARE, WAKING, GAP, DEEP, EXIT }, 6, { LOST, NO_PROOF }, 2 },
        { "in the wrong order", { DEEP, WAKING, FIRMWARE, EXIT }, 4, { NO_PROOF }, 1 },
        { "hibernation", { WAKING, HIBERNATION }, 2, { SLEEP_HIBERNATED }, 1 },
        { "hibernation behind a sleep that has no end", { DEEP, FIRMWARE, HIBERNATION, WAKING }, 4, { SLEEP_HIBERNATED }, 1 },
};

START_TEST(test_story) {
        SleepProof proof = { 0 };
        size_t n = 0;

        for (size_t i = 0; i < stories[_i].n; i++) {
                if (stories[_i].lines[i] == GAP) {
                        sleep_gap(&proof);
                        continue;
                }
                SleepOutcome outcome = sleep_next(&proof, stories[_i].lines[i]);
                if (outcome == SLEEP_GOES_ON)
                        continue;
                ck_assert_msg(n < stories[_i].n_outcomes && outcome == stories[_i].outcomes[n], "%s: outcome %zu is %d",
                              stories[_i].story, n, (int) outcome);
                n++;
        }
        ck_assert_msg(n == stories[_i].n_outcomes, "%s: %zu outcomes", stories[_i].story, n);
}
END_TEST

START_TEST(test_fact) {
        ck_assert_int_eq(sleep_fact(SLEEP_POWER_LOST), LOG_FACT_POWER_LOSS);
        ck_assert_int_eq(sleep_fact(SLEEP_HIBERNATED), LOG_FACT_HIBERNATED);
        ck_assert_int_eq(sleep_fact(SLEEP_NO_PROOF), _LOG_FACT_INVALID);
        ck_assert_int_eq(sleep_fact(SLEEP_LIGHT), _LOG_FACT_INVALID);
        ck_assert_int_eq(sleep_fact(SLEEP_GOES_ON), _LOG_FACT_INVALID);
}
END_TEST

START_TEST(test_outside_aborts) {
        (void) sleep_next(&(SleepProof){ 0 }, _SLEEP_LINE_MAX);
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("core-sleep");
        TCase *tcase = tcase_create("sleep");

        tcase_add_loop_test(tcase, test_story, 0, (int) ELEMENTSOF(stories));
        tcase_add_test(tcase, test_fact);
        tcase_add_test_raise_signal(tcase, test_outside_aborts, SIGABRT);
        suite_add_tcase(suite, tcase);
        return suite;
}

CHECK_MAIN(make_suite)
