/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The disk fails at every point there is: the call says so and changes nothing, and the store goes on
 * working. */

#include "check-main.h"
#include "store-script.h"

/* As a daemon leaves it that was killed after its first @n_calls calls: all in the log. */
static void make_store_of(size_t n_calls) {
        bool killed;

        ck_assert_uint_eq(run_child(FAULT_NONE, 0, n_calls, &killed), n_calls);
        ck_assert(killed);
}

static const FaultKind failing_table[] = { FAULT_FULL, FAULT_TORN };

/* One write fails: that call fails and changes nothing; the same call again, on the same store, works. */
START_TEST(one_write_fails) {
        bool met = true;

        for (unsigned at = 1; met; at++) {
                unsigned n_failed = 0;

                forget_store();
                Store *store = fixture_open();
                fault_set(failing_table[_i], at, false);
                for (size_t i = 0; i < N_CALLS; i++) {
                        int r = script_call(store, i);
                        if (r == 0)
                                continue;
                        ck_assert_int_eq(r, failing_table[_i] == FAULT_FULL ? -ENOSPC : -EIO);
                        n_failed++;
                        _cleanup_free_ char *found = dump(fixture_path);
                        ck_assert_str_eq(found, reference[i]);
                        ck_assert_int_eq(script_call(store, i), 0);
                }
                met = fault_met();
                fault_set(FAULT_NONE, 0, false);
                ck_assert_uint_le(n_failed, met ? 1 : 0);
                store_free(store);
                assert_store_is(N_CALLS);
                ck_assert_uint_lt(at, 2000);
        }
}
END_TEST

/* The disk stays full: all that was committed can still be read, and there is no call that pretends. */
START_TEST(disk_stays_full) {
        StoredCard card;

        for (size_t n = 1; n <= N_CALLS; n++) {
                forget_store();
                Store *store = fixture_open();
                for (size_t i = 0; i < n; i++)
                        ck_assert_int_eq(script_call(store, i), 0);
                fault_set(failing_table[_i], 1, /* for_ever= */ true);
                for (unsigned again = 0; again < 3 && n < N_CALLS; again++)
                        ck_assert_int_eq(script_call(store, n),
                                         failing_table[_i] == FAULT_FULL ? -ENOSPC : -EIO);
                ck_assert_int_eq(store_load_card(store, "card", &card), 0);
                ck_assert_uint_eq(card.log_sequence, n <= 3 ? 0 : n <= 4 ? 3 : n <= 12 ? 4 : n <= 13 ? 12 : 13);
                fault_set(FAULT_NONE, 0, false);
                for (size_t i = n; i < N_CALLS; i++)
                        ck_assert_int_eq(script_call(store, i), 0);
                store_free(store);
                assert_store_is(N_CALLS);
        }
}
END_TEST

/* A write that fails while a whole store is opened: an error or a store, and nothing is lost or moved. */
START_TEST(one_write_fails_at_open) {
        bool met = true;

        make_store_of(9);
        for (unsigned at = 1; met; at++) {
                Store *store = NULL;
                char *aside = NULL;

                fault_set(failing_table[_i], at, false);
                int r = store_open(fixture_path, &store, &aside);
                met = fault_met();
                fault_set(FAULT_NONE, 0, false);
                ck_assert(r == 0 || r == -EIO || r == -ENOSPC);
                ck_assert(r == 0 || met);
                ck_assert_ptr_null(aside);
                if (r == 0)
                        store_free(store);
                assert_store_is(9);
                ck_assert_uint_lt(at, 2000);
        }
}
END_TEST

/* A read that fails while the store is in use is an error of that call and no more. */
START_TEST(one_read_fails) {
        StoredCard card;

        Store *store = fixture_open();
        for (size_t i = 0; i < 9; i++)
                ck_assert_int_eq(script_call(store, i), 0);
        /* Another connection's write makes this one read its pages again. */
        fixture_sql("UPDATE card SET driver = 'other'");
        fault_set(FAULT_READ, 1, false);
        ck_assert_int_eq(store_load_card(store, "card", &card), -EIO);
        ck_assert(fault_met());
        ck_assert_int_eq(store_load_card(store, "card", &card), 0);
        ck_assert_str_eq(card.driver, "other");
        store_free(store);
}
END_TEST

/* A file that cannot be read at open is set aside, whole, and the new store takes over. */
START_TEST(file_cannot_be_read_at_open) {
        bool met = true;
        unsigned n_aside = 0;

        for (unsigned at = 1; met; at++) {
                Store *store = NULL;
                char *aside = NULL;
                StoredCard card = sample_card("card");

                forget_store();
                make_store_of(9);
                fault_set(FAULT_READ, at, false);
                ck_assert_int_eq(store_open(fixture_path, &store, &aside), 0);
                met = fault_met();
                fault_set(FAULT_NONE, 0, false);
                ck_assert_int_eq(store_save_card(store, &card), 0);
                store_free(store);
                if (aside) {
                        _cleanup_free_ char *found = dump(aside);
                        ck_assert_str_eq(found, reference[9]);
                        ck_assert_int_eq(unlink(aside), 0);
                        n_aside++;
                }
                free(aside);
                ck_assert_uint_lt(at, 2000);
        }
        ck_assert_uint_gt(n_aside, 0);
}
END_TEST

static Suite *faults_suite(void) {
        Suite *suite = suite_create("store faults");
        TCase *test = tcase_create("faults");

        tcase_set_timeout(test, 240);
        tcase_add_checked_fixture(test, script_setup, script_teardown);
        tcase_add_loop_test(test, one_write_fails, 0, (int) ELEMENTSOF(failing_table));
        tcase_add_loop_test(test, disk_stays_full, 0, (int) ELEMENTSOF(failing_table));
        tcase_add_loop_test(test, one_write_fails_at_open, 0, (int) ELEMENTSOF(failing_table));
        tcase_add_test(test, one_read_fails);
        tcase_add_test(test, file_cannot_be_read_at_open);
        suite_add_tcase(suite, test);
        return suite;
}

CHECK_MAIN(faults_suite)
