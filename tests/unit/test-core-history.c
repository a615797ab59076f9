/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* First sight (design, section 4): what the kernel log of this boot makes of a card, rule by rule. */

#include "core/history.h"

#include <signal.h>

#include "base/enum-text.h"
#include "base/text.h"
#include "card-fixture.h"
#include "check-main.h"

#define INIT LOG_FACT_HOST_INIT
#define LINE LOG_FACT_RESET_LINE
#define GUEST LOG_FACT_GUEST_USE
#define DEAD LOG_FACT_DEAD
#define BUS LOG_FACT_BUS_RESET
#define BARS LOG_FACT_BAR_RESTORE
#define POWER LOG_FACT_POWER
#define IN_USE LOG_FACT_IN_USE
#define SLEPT LOG_FACT_POWER_LOSS
#define HIBERNATED LOG_FACT_HIBERNATED

#define FRESH RESET_STATE_FRESH
#define TOUCHED RESET_STATE_TOUCHED
#define PREFAIL RESET_STATE_PREFAIL
#define FAILED RESET_STATE_FAILED
#define UNKNOWN RESET_STATE_UNKNOWN

#define SEEN                                                                                                 \
        { .log_complete = true, .host_driver_bound = true }
#define SEEN_UNBOUND                                                                                         \
        { .log_complete = true }
#define CUT                                                                                                  \
        { .log_complete = false, .host_driver_bound = true }
#define CUT_UNBOUND                                                                                          \
        { .log_complete = false }
#define SUSPECT                                                                                              \
        { .log_complete = true, .host_driver_bound = true, .stored_suspect = true }
#define SUSPECT_UNBOUND                                                                                      \
        { .log_complete = true, .stored_suspect = true }
#define PROVEN                                                                                               \
        { .log_complete = true, .host_driver_bound = true, .stored_suspect = true, .power_loss_proven = true }

static const struct {
        const char *story;
        FirstSight sight;
        LogFact facts[6];
        size_t n_facts;
        ResetState base, polaris;
        bool driver_ran;
} rows[] = {
        { "no host driver ever", SEEN_UNBOUND, { 0 }, 0, FRESH, FRESH, false },
        { "one bind, still bound", SEEN, { INIT }, 1, FRESH, FRESH, true },
        { "one bind, let go", SEEN_UNBOUND, { INIT }, 1, TOUCHED, TOUCHED, true },
        { "bound by a driver without a line", SEEN, { 0 }, 0, FRESH, FRESH, true },
        { "reset line at the only init", SEEN, { INIT, LINE }, 2, FRESH, PREFAIL, true },
        { "reset line, let go", SEEN_UNBOUND, { INIT, LINE }, 2, TOUCHED, PREFAIL, true },
        { "two binds, the line at the last", SEEN, { INIT, INIT, LINE }, 3, TOUCHED, PREFAIL, true },
        { "two binds without a line", SEEN, { INIT, INIT }, 2, TOUCHED, PREFAIL, true },
        { "two binds, let go", SEEN_UNBOUND, { INIT, INIT }, 2, TOUCHED, PREFAIL, true },
        { "the line at the first of two binds", SEEN, { INIT, LINE, INIT }, 3, TOUCHED, PREFAIL, true },
        { "bind, guest", SEEN_UNBOUND, { INIT, GUEST }, 2, TOUCHED, TOUCHED, true },
        { "bind, guest, bind", SEEN, { INIT, GUEST, INIT }, 3, TOUCHED, PREFAIL, true },
        { "bind, guest, bind without a line of its own", SEEN, { INIT, GUEST }, 2, TOUCHED, PREFAIL, true },
        { "bind, guest, bind, guest", SEEN_UNBOUND, { INIT, GUEST, INIT, GUEST }, 4, TOUCHED, PREFAIL, true },
        { "guest only", SEEN_UNBOUND, { GUEST }, 1, TOUCHED, TOUCHED, false },
        { "guest lines again and again", SEEN_UNBOUND, { GUEST, GUEST, GUEST }, 3, TOUCHED, TOUCHED, false },
        { "guest, then bind", SEEN, { GUEST, INIT }, 2, TOUCHED, PREFAIL, true },
        { "guest, then a bind without a line", SEEN, { GUEST }, 1, TOUCHED, PREFAIL, true },
        { "given up after a bus reset", SEEN_UNBOUND, { INIT, GUEST, DEAD }, 3, FAILED, FAILED, true },
        { "dead, and a driver tried all the same",
          SEEN,
          { INIT, GUEST, DEAD, INIT, LINE },
          5,
          FAILED,
          FAILED,
          true },
        { "its bus was reset", SEEN, { INIT, BUS }, 2, FRESH, FRESH, true },
        { "its bus was reset in prefail", SEEN, { INIT, INIT, BUS }, 3, TOUCHED, FAILED, true },
        { "dead at once", SEEN_UNBOUND, { DEAD }, 1, FAILED, FAILED, false },
        { "two binds, and the machine slept", SEEN, { INIT, INIT, SLEPT }, 3, FRESH, FRESH, true },
        { "the machine slept, let go", SEEN_UNBOUND, { INIT, INIT, SLEPT }, 3, TOUCHED, TOUCHED, true },
        { "the machine slept, and the line", SEEN, { INIT, INIT, SLEPT, LINE }, 4, FRESH, PREFAIL, true },
        { "slept in prefail, bound again", SEEN, { INIT, INIT, SLEPT, INIT }, 4, TOUCHED, PREFAIL, true },
        { "slept with a guest", SEEN_UNBOUND, { INIT, GUEST, SLEPT }, 3, TOUCHED, TOUCHED, false },
        { "slept with a guest in prefail", SEEN_UNBOUND, { INIT, INIT, GUEST, SLEPT }, 4, TOUCHED, TOUCHED, false },
        { "dead, and the machine slept", SEEN_UNBOUND, { INIT, DEAD, SLEPT }, 3, FAILED, FAILED, true },
        { "slept, and dead behind it", SEEN, { INIT, SLEPT, DEAD }, 3, FAILED, FAILED, true },
        { "slept unbound", SEEN_UNBOUND, { SLEPT }, 1, FRESH, FRESH, false },
        { "hibernated", SEEN, { INIT, HIBERNATED }, 2, UNKNOWN, UNKNOWN, true },
        { "hibernated in prefail", SEEN, { INIT, INIT, HIBERNATED }, 3, UNKNOWN, PREFAIL, true },
        { "reset under a guest", SEEN_UNBOUND, { INIT, GUEST, BARS }, 3, UNKNOWN, UNKNOWN, true },
        { "reset under a guest that left no other line", SEEN_UNBOUND, { INIT, BARS }, 2, UNKNOWN, UNKNOWN, true },
        { "reset under a guest in prefail", SEEN_UNBOUND, { INIT, GUEST, INIT, BARS }, 4, UNKNOWN, PREFAIL, true },
        { "reset under a guest, and a bind", SEEN, { INIT, GUEST, BARS, INIT }, 4, UNKNOWN, UNKNOWN, true },
        { "reset under a guest, and dead", SEEN_UNBOUND, { INIT, BARS, DEAD }, 3, FAILED, FAILED, true },
        { "lines that change nothing", SEEN, { POWER, INIT, POWER, IN_USE }, 4, FRESH, FRESH, true },
        { "lines that change nothing, of a card without driver", SEEN_UNBOUND, { IN_USE, POWER }, 2, FRESH, FRESH, false },

        { "log cut, nothing in it", CUT_UNBOUND, { 0 }, 0, UNKNOWN, UNKNOWN, false },
        { "log cut, bound", CUT, { 0 }, 0, UNKNOWN, UNKNOWN, true },
        { "log cut, one bind", CUT, { INIT }, 1, UNKNOWN, UNKNOWN, true },
        { "log cut, two binds", CUT, { INIT, INIT }, 2, UNKNOWN, UNKNOWN, true },
        { "log cut, guest", CUT_UNBOUND, { GUEST }, 1, UNKNOWN, UNKNOWN, false },
        { "log cut, slept", CUT, { SLEPT, INIT }, 2, UNKNOWN, UNKNOWN, true },
        { "log cut, but the line is in it", CUT, { INIT, LINE }, 2, UNKNOWN, PREFAIL, true },
        { "log cut, and dead", CUT_UNBOUND, { DEAD }, 1, FAILED, FAILED, false },

        { "suspect from the boot before", SUSPECT_UNBOUND, { 0 }, 0, UNKNOWN, UNKNOWN, false },
        { "suspect, one bind", SUSPECT, { INIT }, 1, UNKNOWN, UNKNOWN, true },
        { "suspect, slept", SUSPECT, { INIT, SLEPT }, 2, FRESH, FRESH, true },
        { "suspect, bind and guest", SUSPECT_UNBOUND, { INIT, GUEST }, 2, UNKNOWN, UNKNOWN, true },
        { "suspect, the line", SUSPECT, { INIT, LINE }, 2, UNKNOWN, PREFAIL, true },
        { "suspect, power loss proven", PROVEN, { INIT }, 1, FRESH, FRESH, true },
        { "suspect, power loss proven, two binds", PROVEN, { INIT, INIT }, 2, TOUCHED, PREFAIL, true },
        { "power loss proven, but the log is cut",
          { .log_complete = false, .stored_suspect = true, .power_loss_proven = true },
          { 0 },
          0,
          UNKNOWN,
          UNKNOWN,
          false },
        { "the store could not be read",
          { .log_complete = true, .host_driver_bound = true, .store_lost = true },
          { INIT },
          1,
          UNKNOWN,
          UNKNOWN,
          true },
        { "the store could not be read, and the line",
          { .log_complete = true, .host_driver_bound = true, .store_lost = true },
          { INIT, LINE },
          2,
          UNKNOWN,
          PREFAIL,
          true },
        { "the store could not be read: what it proved is gone too",
          { .log_complete = true, .store_lost = true, .power_loss_proven = true },
          { 0 },
          0,
          UNKNOWN,
          UNKNOWN,
          false },
        { "power loss without a suspicion",
          { .log_complete = true, .power_loss_proven = true },
          { INIT },
          1,
          TOUCHED,
          TOUCHED,
          true },
};

START_TEST(test_row) {
        ResetStateRule polaris = fixture_state_rule_polaris();
        ResetState state;

        state = history_replay(&RESET_STATE_RULE_BASE, &rows[_i].sight, rows[_i].facts, rows[_i].n_facts);
        ck_assert_msg(state == rows[_i].base, "%s: %s", rows[_i].story, reset_state_to_string(state));
        state = history_replay(&polaris, &rows[_i].sight, rows[_i].facts, rows[_i].n_facts);
        ck_assert_msg(state == rows[_i].polaris, "%s, Polaris: %s", rows[_i].story,
                      reset_state_to_string(state));
        ck_assert_msg(history_driver_ran(&rows[_i].sight, rows[_i].facts, rows[_i].n_facts) ==
                              rows[_i].driver_ran,
                      "%s: driver ran", rows[_i].story);
}
END_TEST

/* A log that tells less can only make the answer worse: cutting the log never yields fresh or touched. */
START_TEST(test_cut_is_never_safe) {
        ResetStateRule polaris = fixture_state_rule_polaris();
        const LogFact facts[] = { INIT, LINE, GUEST, DEAD };

        /* A loss of power is left out: behind it, what was before the log does not matter. */
        for (unsigned n = 0; n < 5U * 5U * 5U; n++) {
                LogFact log[3];
                size_t n_log = 0;
                for (unsigned rest = n, i = 0; i < 3; i++, rest /= 5)
                        if (rest % 5 < 4)
                                log[n_log++] = facts[rest % 5];
                for (int bound = 0; bound < 2; bound++) {
                        FirstSight cut = { .log_complete = false, .host_driver_bound = bound };
                        FirstSight suspect = { .log_complete = true,
                                               .host_driver_bound = bound,
                                               .stored_suspect = true };
                        FirstSight lost = { .log_complete = true,
                                            .host_driver_bound = bound,
                                            .store_lost = true };
                        ResetState c = history_replay(&polaris, &lost, log, n_log);
                        ResetState a = history_replay(&polaris, &cut, log, n_log);
                        ResetState b = history_replay(&polaris, &suspect, log, n_log);
                        ck_assert(a != FRESH && a != TOUCHED);
                        ck_assert(b != FRESH && b != TOUCHED);
                        ck_assert(c != FRESH && c != TOUCHED);
                }
        }
}
END_TEST

/* From a known state on: what happened while the daemon was not there. */
static const struct {
        const char *story;
        ResetState state;
        bool bound_before, bound_now;
        LogFact facts[4];
        size_t n_facts;
        ResetState polaris;
} later[] = {
        { "nothing happened", TOUCHED, false, false, { 0 }, 0, TOUCHED },
        { "nothing happened, bound", FRESH, true, true, { 0 }, 0, FRESH },
        { "nothing happened, bound in prefail", PREFAIL, true, true, { 0 }, 0, PREFAIL },
        { "let go without a line", FRESH, true, false, { 0 }, 0, TOUCHED },
        { "bound without a line", TOUCHED, false, true, { 0 }, 0, PREFAIL },
        { "bound with a line", TOUCHED, false, true, { INIT }, 1, PREFAIL },
        { "bound and let go", TOUCHED, false, false, { INIT }, 1, PREFAIL },
        { "a second init of a bound card", FRESH, true, true, { INIT }, 1, PREFAIL },
        { "first bind of a fresh card", FRESH, false, true, { INIT }, 1, FRESH },
        { "to a guest", FRESH, true, false, { GUEST }, 1, TOUCHED },
        { "to a guest and back", FRESH, true, true, { GUEST, INIT }, 2, PREFAIL },
        { "the line", TOUCHED, false, true, { INIT, LINE }, 2, PREFAIL },
        { "dead", PREFAIL, false, false, { DEAD }, 1, FAILED },
        { "slept in prefail", PREFAIL, true, true, { SLEPT }, 1, FRESH },
        { "slept and let go", PREFAIL, true, false, { SLEPT }, 1, TOUCHED },
        { "slept with the guest", PREFAIL, false, false, { GUEST, SLEPT }, 2, TOUCHED },
        { "slept in failed", FAILED, false, false, { SLEPT }, 1, FAILED },
        { "slept in unknown", UNKNOWN, true, true, { SLEPT }, 1, FRESH },
        { "hibernated", TOUCHED, false, false, { HIBERNATED }, 1, UNKNOWN },
        { "reset under its guest", TOUCHED, false, false, { BARS, BARS }, 2, UNKNOWN },
        { "lines that change nothing", TOUCHED, false, false, { POWER, IN_USE }, 2, TOUCHED },
        { "unknown stays unknown", UNKNOWN, true, true, { GUEST, INIT }, 2, UNKNOWN },
        { "failed stays failed", FAILED, false, true, { INIT, LINE }, 2, FAILED },
};

START_TEST(test_continue) {
        ResetStateRule polaris = fixture_state_rule_polaris();
        ResetState state = history_continue(&polaris, later[_i].state, later[_i].bound_before,
                                            later[_i].bound_now, later[_i].facts, later[_i].n_facts);

        ck_assert_msg(state == later[_i].polaris, "%s: %s", later[_i].story, reset_state_to_string(state));
}
END_TEST

START_TEST(test_names) {
        ck_assert_str_eq(log_fact_to_string(LOG_FACT_HOST_INIT), "host-init");
        ck_assert_str_eq(log_fact_to_string(LOG_FACT_RESET_LINE), "reset-line");
        ck_assert_str_eq(log_fact_to_string(LOG_FACT_GUEST_USE), "guest-use");
        ck_assert_str_eq(log_fact_to_string(LOG_FACT_DEAD), "dead");
        ck_assert_str_eq(log_fact_to_string(LOG_FACT_BUS_RESET), "bus-reset");
        ck_assert_str_eq(log_fact_to_string(LOG_FACT_BAR_RESTORE), "bar-restore");
        ck_assert_str_eq(log_fact_to_string(LOG_FACT_POWER), "power");
        ck_assert_str_eq(log_fact_to_string(LOG_FACT_IN_USE), "in-use");
        ck_assert_str_eq(log_fact_to_string(LOG_FACT_POWER_LOSS), "power-loss");
        ck_assert_str_eq(log_fact_to_string(LOG_FACT_HIBERNATED), "hibernated");
}
END_TEST

START_TEST(test_outside_aborts) {
        (void) log_fact_to_string(_LOG_FACT_MAX);
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("core-history");
        TCase *tcase = tcase_create("history");

        tcase_add_loop_test(tcase, test_row, 0, (int) ELEMENTSOF(rows));
        tcase_add_test(tcase, test_cut_is_never_safe);
        tcase_add_loop_test(tcase, test_continue, 0, (int) ELEMENTSOF(later));
        tcase_add_test(tcase, test_names);
        tcase_add_test_raise_signal(tcase, test_outside_aborts, SIGABRT);
        suite_add_tcase(suite, tcase);
        return suite;
}

CHECK_MAIN(make_suite)
