/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What has come of resets is counted by key, outlives the daemon, and never grows without end. */

#include "check-main.h"
#include "store-fixture.h"

static Store *store;

static void setup(void) {
        fixture_setup();
        store = fixture_open();
}

static void teardown(void) {
        store = store_free(store);
        fixture_teardown();
}

typedef struct Found {
        size_t n;
        ResetOutcome outcomes[RESET_OUTCOME_ROWS_MAX + 1];
} Found;

static Found found;

static int take(const ResetOutcome *outcome, void *userdata) {
        ck_assert_uint_lt(found.n, ELEMENTSOF(found.outcomes));
        found.outcomes[found.n++] = *outcome;
        return 0;
}

static size_t list(void) {
        found.n = 0;
        ck_assert_int_eq(store_each_outcome(store, take, NULL), 0);
        return found.n;
}

static void count(const ResetOutcome *key, OutcomeResult result) {
        ck_assert_int_eq(store_count_outcome(store, key, result), 0);
}

static void assert_counts(const ResetOutcome *outcome, unsigned tries, unsigned successes, unsigned failures) {
        ck_assert_uint_eq(outcome->n_tries, tries);
        ck_assert_uint_eq(outcome->n_successes, successes);
        ck_assert_uint_eq(outcome->n_failures, failures);
}

START_TEST(counts_add_up_and_stay) {
        ResetOutcome key = sample_outcome();

        ck_assert_uint_eq(list(), 0);
        key.n_tries = 17; /* not looked at */
        for (int i = 0; i < 3; i++)
                count(&key, OUTCOME_TRIED);
        count(&key, OUTCOME_SUCCEEDED);
        count(&key, OUTCOME_FAILED);
        store_free(store);
        store = fixture_open();
        ck_assert_uint_eq(list(), 1);
        assert_counts(&found.outcomes[0], 3, 1, 1);
        ck_assert_uint_eq(found.outcomes[0].vendor_id, key.vendor_id);
        ck_assert_uint_eq(found.outcomes[0].device_id, key.device_id);
        ck_assert_uint_eq(found.outcomes[0].subsystem_vendor_id, key.subsystem_vendor_id);
        ck_assert_uint_eq(found.outcomes[0].subsystem_device_id, key.subsystem_device_id);
        ck_assert_str_eq(found.outcomes[0].family, key.family);
        ck_assert_str_eq(found.outcomes[0].kernel, key.kernel);
        ck_assert_str_eq(found.outcomes[0].method, key.method);
}
END_TEST

START_TEST(every_part_of_the_key_counts) {
        ResetOutcome key = sample_outcome();
        const ResetOutcome first = key;
        size_t n = 1;

        count(&key, OUTCOME_TRIED);
        key = first, key.vendor_id++, count(&key, OUTCOME_TRIED), n++;
        key = first, key.device_id++, count(&key, OUTCOME_TRIED), n++;
        key = first, key.subsystem_vendor_id++, count(&key, OUTCOME_TRIED), n++;
        key = first, key.subsystem_device_id++, count(&key, OUTCOME_TRIED), n++;
        key = first, key.family[0] = '\0', count(&key, OUTCOME_TRIED), n++;
        key = first, key.kernel[0] = '7', count(&key, OUTCOME_TRIED), n++;
        key = first, key.method[0] = 'x', count(&key, OUTCOME_TRIED), n++;
        ck_assert_uint_eq(list(), n);
        for (size_t i = 0; i < n; i++)
                assert_counts(&found.outcomes[i], 1, 0, 0);
}
END_TEST

/* One that is counted in again and again stays, the one that was counted in longest ago goes. */
START_TEST(rows_are_limited) {
        ResetOutcome kept = sample_outcome(), key = sample_outcome();

        strcpy(kept.kernel, "kept");
        count(&kept, OUTCOME_TRIED);
        for (unsigned i = 0; i < RESET_OUTCOME_ROWS_MAX + 10; i++) {
                snprintf(key.kernel, sizeof(key.kernel), "%04u", i);
                count(&key, OUTCOME_TRIED);
                count(&kept, OUTCOME_SUCCEEDED);
        }
        ck_assert_uint_eq(list(), RESET_OUTCOME_ROWS_MAX);
        ck_assert_str_eq(found.outcomes[0].kernel, "0011");
        ck_assert_str_eq(found.outcomes[RESET_OUTCOME_ROWS_MAX - 1].kernel, "kept");
        assert_counts(&found.outcomes[RESET_OUTCOME_ROWS_MAX - 1], 1, RESET_OUTCOME_ROWS_MAX + 10, 0);
}
END_TEST

START_TEST(keys_have_kernel_and_method) {
        ResetOutcome key = sample_outcome();

        key.kernel[0] = '\0';
        ck_assert_int_eq(store_count_outcome(store, &key, OUTCOME_TRIED), -EINVAL);
        key = sample_outcome();
        key.method[0] = '\0';
        ck_assert_int_eq(store_count_outcome(store, &key, OUTCOME_TRIED), -EINVAL);
        key = sample_outcome();
        memset(key.family, 'x', sizeof(key.family));
        ck_assert_int_eq(store_count_outcome(store, &key, OUTCOME_TRIED), -ENOBUFS);
        ck_assert_uint_eq(list(), 0);
}
END_TEST

static const char *const bad_row_table[] = {
        "vendor_id = '1002'", "device_id = '0x10000'",        "subsystem_vendor_id = ''",
        "tries = -1",         "family = CAST(x'ff' AS TEXT)", "kernel = hex(zeroblob(40))",
};

START_TEST(bad_rows_are_left_out) {
        ResetOutcome key = sample_outcome();
        char sql[128];

        count(&key, OUTCOME_TRIED);
        strcpy(key.method, "bad");
        count(&key, OUTCOME_TRIED);
        snprintf(sql, sizeof(sql), "UPDATE reset_outcome SET %s WHERE method = 'bad'", bad_row_table[_i]);
        fixture_sql(sql);
        ck_assert_uint_eq(list(), 1);
        ck_assert_str_eq(found.outcomes[0].method, "vi-config");
}
END_TEST

static int give_up(const ResetOutcome *outcome, void *userdata) {
        ++*(unsigned *) userdata;
        return -ECANCELED;
}

START_TEST(handler_stops_it) {
        ResetOutcome key = sample_outcome();
        unsigned n = 0;

        count(&key, OUTCOME_TRIED);
        strcpy(key.kernel, "another");
        count(&key, OUTCOME_TRIED);
        ck_assert_int_eq(store_each_outcome(store, give_up, &n), -ECANCELED);
        ck_assert_uint_eq(n, 1);
}
END_TEST

static Suite *outcome_suite(void) {
        Suite *suite = suite_create("store reset outcome");
        TCase *test = tcase_create("reset outcome");

        tcase_set_timeout(test, 60);
        tcase_add_checked_fixture(test, setup, teardown);
        tcase_add_test(test, counts_add_up_and_stay);
        tcase_add_test(test, every_part_of_the_key_counts);
        tcase_add_test(test, rows_are_limited);
        tcase_add_test(test, keys_have_kernel_and_method);
        tcase_add_loop_test(test, bad_rows_are_left_out, 0, (int) ELEMENTSOF(bad_row_table));
        tcase_add_test(test, handler_stops_it);
        suite_add_tcase(suite, test);
        return suite;
}

CHECK_MAIN(outcome_suite)
