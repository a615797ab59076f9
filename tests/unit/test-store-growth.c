/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The files do not grow with what happens, only with what is kept: rows of the greatest length, twice as many as
 * are kept, and nothing is larger after the second half than after the first. Nor does the log, once nobody keeps
 * it from being written back.
 */

#include "check-main.h"
#include "store-files.h"

/* What connection_begin() sets: pages of 4096 bytes with their headers until they are written back, with the
 * commit that goes over it; and what is left of a log that had become longer. */
#define LOG_SIZE_MAX ((256 + 64) * (4096 + 24))
#define LOG_SIZE_KEPT 1048576

static Store *store;
static char longest[STORE_TEXT_SIZE];

static void setup(void) {
        fixture_setup();
        store = fixture_open();
        memset(longest, 'x', sizeof(longest) - 1);
}

static void teardown(void) {
        store = store_free(store);
        fixture_teardown();
}

static off_t size_of(const char *suffix) {
        struct stat st;

        return stat(beside(suffix), &st) < 0 ? 0 : st.st_size;
}

/* @n switches with everything that they leave behind, as long as it can be. Returns the longest log seen. */
static off_t switches(unsigned n) {
        StoredOperation *operation = sample_operation(OPERATION_A);
        ResetOutcome outcome = sample_outcome();
        char identity[IDENTITY_TEXT_SIZE];
        off_t log = 0;

        memset(identity, 'i', sizeof(identity) - 1);
        identity[sizeof(identity) - 1] = '\0';
        memset(operation->domain_name, 'd', sizeof(operation->domain_name) - 1);
        memcpy(operation->identity, identity, sizeof(identity));
        for (unsigned i = 0; i < n; i++) {
                ck_assert_int_eq(store_begin_operation(store, operation), 0);
                ck_assert_int_eq(store_step_started(store, OPERATION_A, 0, i), 0);
                for (unsigned j = 0; j < 2; j++)
                        ck_assert_int_eq(store_add_evidence(store, identity, BOOT_A, CARD_EVENT_HOST_BIND,
                                                            RESET_STATE_TOUCHED, RESET_STATE_TOUCHED, longest, i),
                                         0);
                snprintf(outcome.kernel, sizeof(outcome.kernel), "%064u", i);
                ck_assert_int_eq(store_count_outcome(store, &outcome, OUTCOME_TRIED), 0);
                ck_assert_int_eq(store_end_operation(store, OPERATION_A, "step-failed", longest, i), 0);
                log = MAX_OF(log, size_of("-wal"));
        }
        free(operation);
        return log;
}

static void check_point(void) {
        store_free(store);
        store = fixture_open();
}

START_TEST(files_do_not_grow) {
        off_t log = switches(OUTCOME_ROWS_MAX + 100);
        ck_assert_int_le(log, LOG_SIZE_MAX);
        check_point();
        off_t file = size_of("");

        /* All rows there can be, of the greatest length, and the slack of half-filled pages. */
        ck_assert_int_lt(file, (off_t) (EVIDENCE_ROWS_MAX + OUTCOME_ROWS_MAX) * 3 * STORE_TEXT_SIZE);
        ck_assert_int_lt(file, STORE_FILE_SIZE_MAX / 4);

        ck_assert_int_le(switches(OUTCOME_ROWS_MAX + 100), LOG_SIZE_MAX);
        check_point();
        ck_assert_int_le(size_of(""), file + file / 50);
        ck_assert_str_eq(fixture_query("SELECT count(*) FROM evidence"), "2000");
        ck_assert_str_eq(fixture_query("SELECT count(*) FROM outcome"), "1000");
        ck_assert_str_eq(fixture_query("SELECT count(*) FROM reset_outcome"), "256");
        ck_assert_str_eq(fixture_query("SELECT count(*) FROM operation_step"), "0");
}
END_TEST

/* A person with sqlite3 in the middle of a reading keeps the log from being written back. */
START_TEST(log_shrinks_after_a_reader) {
        sqlite3 *db = NULL;

        (void) switches(1);
        ck_assert_int_eq(sqlite3_open(fixture_path, &db), SQLITE_OK);
        ck_assert_int_eq(sqlite3_exec(db, "BEGIN; SELECT * FROM card; SELECT * FROM outcome", NULL, NULL, NULL),
                         SQLITE_OK);
        off_t log = switches(200);
        ck_assert_int_gt(log, LOG_SIZE_MAX);
        ck_assert_int_eq(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
        ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
        (void) switches(2);
        ck_assert_int_le(size_of("-wal"), LOG_SIZE_KEPT);
}
END_TEST

static Suite *growth_suite(void) {
        Suite *suite = suite_create("store growth");
        TCase *test = tcase_create("growth");

        tcase_set_timeout(test, 240);
        tcase_add_checked_fixture(test, setup, teardown);
        tcase_add_test(test, files_do_not_grow);
        tcase_add_test(test, log_shrinks_after_a_reader);
        suite_add_tcase(suite, test);
        return suite;
}

CHECK_MAIN(growth_suite)
