/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Memory runs out at every allocation that SQLite makes for a call: the call says -ENOMEM and changes nothing, and the store
 * goes on working. SQLite's own spare memory (lookaside) is off, so that nearly every statement has its turn.
 */

#include "check-main.h"
#include "failing-calls.h"
#include "store-script.h"

static sqlite3_mem_methods real_memory;

static void *memory_allocate(int size) {
        return failing_is_due("malloc") ? NULL : real_memory.xMalloc(size);
}

static void *memory_grow(void *memory, int size) {
        return failing_is_due("realloc") ? NULL : real_memory.xRealloc(memory, size);
}

static void memory_setup(void) {
        sqlite3_mem_methods methods;

        ck_assert_int_eq(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real_memory), SQLITE_OK);
        methods = real_memory;
        methods.xMalloc = memory_allocate;
        methods.xRealloc = memory_grow;
        ck_assert_int_eq(sqlite3_config(SQLITE_CONFIG_MALLOC, &methods), SQLITE_OK);
        ck_assert_int_eq(sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0), SQLITE_OK);
        script_setup();
}

static Store *open_after(size_t n_calls) {
        forget_store();
        Store *store = fixture_open();

        for (size_t i = 0; i < n_calls; i++)
                ck_assert_int_eq(script_call(store, i), 0);
        return store;
}

/* One allocation of one call: nothing has happened, and the same call works at once. Allocations that SQLite can do
 * without are no failure. */
START_TEST(one_allocation_of_a_call_fails) {
        size_t index = (size_t) _i;
        unsigned n_failed = 0;
        bool met = true;

        Store *store = open_after(index);
        for (unsigned at = 1; met; at++) {
                failing_arm(ENOMEM, at);
                int r = script_call(store, index);
                met = failing_disarm();
                _cleanup_free_ char *found = dump(fixture_path);
                ck_assert_str_eq(found, reference[r < 0 ? index : index + 1]);
                if (r < 0) {
                        ck_assert(met);
                        ck_assert_int_eq(r, -ENOMEM);
                        n_failed++;
                } else if (met) {
                        store_free(store);
                        store = open_after(index);
                }
                ck_assert_uint_lt(at, 20000);
        }
        ck_assert_uint_gt(n_failed, 0);
        store_free(store);
        assert_store_is(index + 1);
}
END_TEST

START_TEST(one_allocation_of_a_load_fails) {
        StoredCard card, expected;
        unsigned n_failed = 0;
        bool met = true;

        Store *store = open_after(10);
        ck_assert_int_eq(store_load_card(store, "card", &expected), 0);
        for (unsigned at = 1; met; at++) {
                failing_arm(ENOMEM, at);
                int r = store_load_card(store, "card", &card);
                met = failing_disarm();
                if (r == 0) {
                        assert_card_equal(&card, &expected);
                        continue;
                }
                ck_assert_int_eq(r, -ENOMEM);
                n_failed++;
        }
        ck_assert_uint_gt(n_failed, 0);
        store_free(store);
}
END_TEST

/* Never a record that looks damaged because memory was short: its operation would be given up. */
START_TEST(one_allocation_of_the_walk_fails) {
        unsigned n_failed = 0;
        bool met = true;

        Store *store = open_after(9);
        for (unsigned at = 1; met; at++) {
                _cleanup_collected_ Collected collected = { 0 };
                failing_arm(ENOMEM, at);
                int r = store_each_operation(store, collect, &collected);
                met = failing_disarm();
                ck_assert(r == 0 || r == -ENOMEM);
                ck_assert_uint_eq(collected.n, r == 0 ? 1 : 0);
                if (r == 0)
                        ck_assert_str_eq(collected.operations[0]->domain_name, "win11");
                else
                        n_failed++;
        }
        ck_assert_uint_gt(n_failed, 0);
        store_free(store);
}
END_TEST

/* Opening makes thousands of allocations, in no statement fewer than these. */
#define OPEN_STRIDE 17U

/* A whole store is opened: an error or the store, and never is it set aside. */
START_TEST(one_allocation_at_open_fails) {
        unsigned n_failed = 0;
        bool met = true;

        store_free(open_after(9));
        for (unsigned at = 1; met; at += OPEN_STRIDE) {
                Store *store = NULL;
                char *aside = NULL;

                failing_arm(ENOMEM, at);
                int r = store_open(fixture_path, &store, &aside);
                met = failing_disarm();
                ck_assert_msg(r == 0 || r == -ENOMEM, "allocation %u: %s", at, strerror(-r));
                ck_assert_ptr_null(aside);
                n_failed += r < 0;
                store_free(store);
        }
        ck_assert_uint_gt(n_failed, 0);
        assert_store_is(9);
}
END_TEST

static Suite *memory_suite(void) {
        Suite *suite = suite_create("store memory");
        TCase *test = tcase_create("memory");

        tcase_set_timeout(test, 240);
        tcase_add_checked_fixture(test, memory_setup, script_teardown);
        tcase_add_loop_test(test, one_allocation_of_a_call_fails, 0, N_CALLS);
        tcase_add_test(test, one_allocation_of_a_load_fails);
        tcase_add_test(test, one_allocation_of_the_walk_fails);
        tcase_add_test(test, one_allocation_at_open_fails);
        suite_add_tcase(suite, test);
        return suite;
}

CHECK_MAIN(memory_suite)
