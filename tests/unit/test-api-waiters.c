/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Those who wait for one verdict: each gets it once, one too many is told so, and who leaves is forgotten. */

#include "check-main.h"

#include <string.h>

#include "api/request.h"
#include "base/text.h"

#define LIMITS_EXCEEDED "org.freedesktop.DBus.Error.LimitsExceeded"

static const PciAddress card = { .bus = 1 };

/* A coat that counts. */
typedef struct Caller {
        Request request;
        unsigned n_done, n_plans, n_errors, n_freed;
        size_t n_ports; /* in the report it was given */
        char error[128], text[512];
} Caller;

static int caller_done(Request *request) {
        ((Caller *) request)->n_done++;
        return 0;
}

static int caller_plan(Request *request, const Plan *plan) {
        ck_assert_uint_eq(plan->n_steps, 3);
        ((Caller *) request)->n_plans++;
        return 0;
}

static int caller_error(Request *request, const char *error_name, const char *text) {
        Caller *caller = (Caller *) request;

        caller->n_errors++;
        ck_assert_int_eq(text_copy(caller->error, sizeof(caller->error), error_name), 0);
        ck_assert_int_eq(text_copy(caller->text, sizeof(caller->text), text), 0);
        return 0;
}

static void caller_free(Request *request) {
        ((Caller *) request)->n_freed++;
}

static int caller_isolation(Request *request, const Isolation *isolation) {
        ((Caller *) request)->n_ports += isolation->n_ports;
        return 0;
}

static const RequestReply reply = {
        .done = caller_done,
        .plan = caller_plan,
        .isolation = caller_isolation,
        .error = caller_error,
        .free = caller_free,
};

static Caller callers[WAITERS_MAX + 1];
static Waiters waiters;

static void setup(void) {
        memset(callers, 0, sizeof(callers));
        memset(&waiters, 0, sizeof(waiters));
        for (size_t i = 0; i < ELEMENTSOF(callers); i++)
                callers[i].request.reply = &reply;
}

START_TEST(test_one_more_than_there_may_be) {
        Caller *last = &callers[WAITERS_MAX];

        for (size_t i = 0; i < WAITERS_MAX; i++)
                waiters_add(&waiters, &callers[i].request, card);
        ck_assert_uint_eq(waiters.n, WAITERS_MAX);
        waiters_add(&waiters, &last->request, card);
        ck_assert_uint_eq(waiters.n, WAITERS_MAX);
        ck_assert_uint_eq(last->n_errors, 1);
        ck_assert_uint_eq(last->n_freed, 1);
        ck_assert_str_eq(last->error, LIMITS_EXCEEDED);
        ck_assert_ptr_nonnull(strstr(last->text, "64 callers"));
        ck_assert_ptr_nonnull(strstr(last->text, "0000:01:00.0"));

        waiters_done(&waiters);
        ck_assert_uint_eq(waiters.n, 0);
        for (size_t i = 0; i < WAITERS_MAX; i++) {
                ck_assert_uint_eq(callers[i].n_done, 1);
                ck_assert_uint_eq(callers[i].n_freed, 1);
                ck_assert_uint_eq(callers[i].n_errors, 0);
        }
}
END_TEST

/* The place of one who has left is free for the next. */
START_TEST(test_who_leaves_makes_room) {
        for (size_t i = 0; i < WAITERS_MAX; i++)
                waiters_add(&waiters, &callers[i].request, card);
        waiters_remove(&callers[5].request);
        waiters_remove(&callers[5].request); /* waits nowhere: nothing happens */
        ck_assert_uint_eq(waiters.n, WAITERS_MAX - 1);
        waiters_add(&waiters, &callers[WAITERS_MAX].request, card);

        Refusal refusal;
        (void) refusal_set(&refusal, REFUSAL_LEASED_BY_HAND, card, NULL, NULL);
        waiters_refuse(&waiters, &refusal);
        for (size_t i = 0; i <= WAITERS_MAX; i++) {
                ck_assert_uint_eq(callers[i].n_errors, i == 5 ? 0 : 1);
                ck_assert_uint_eq(callers[i].n_freed, i == 5 ? 0 : 1);
        }
}
END_TEST

START_TEST(test_plan) {
        static const Plan plan = { .n_steps = 3 };

        waiters_plan(&waiters, &plan); /* nobody */
        waiters_add(&waiters, &callers[0].request, card);
        waiters_add(&waiters, &callers[1].request, card);
        waiters_plan(&waiters, &plan);
        ck_assert_uint_eq(callers[0].n_plans, 1);
        ck_assert_uint_eq(callers[1].n_plans, 1);
        ck_assert_uint_eq(callers[1].n_freed, 1);
}
END_TEST

START_TEST(test_isolation) {
        static const Isolation isolation = { .n_ports = 3 };

        waiters_add(&waiters, &callers[0].request, card);
        waiters_isolation(&waiters, &isolation);
        ck_assert_uint_eq(callers[0].n_ports, 3);
        ck_assert_uint_eq(callers[0].n_freed, 1);
        ck_assert_uint_eq(waiters.n, 0);
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("api-waiters");
        TCase *tcase = tcase_create("waiters");

        tcase_add_checked_fixture(tcase, setup, NULL);
        tcase_add_test(tcase, test_one_more_than_there_may_be);
        tcase_add_test(tcase, test_who_leaves_makes_room);
        tcase_add_test(tcase, test_plan);
        tcase_add_test(tcase, test_isolation);
        suite_add_tcase(suite, tcase);
        return suite;
}
CHECK_MAIN(make_suite)
