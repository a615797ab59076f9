/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The daemon dies, or the disk fails, at every point there is: what was committed is found, what was
 * not is not there by half, and a store that met an error goes on working.
 *
 * One script of calls is run everywhere. What a store should hold after its first N calls is not
 * written down but taken from a store that was left to finish them in peace.
 */

#include <signal.h>

#include "check-main.h"
#include "store-fault-vfs.h"
#include "store-fixture.h"

#define N_CALLS 14

/* Call @index of the script. */
static int script_call(Store *store, size_t index) {
        _cleanup_free_ StoredOperation *operation = sample_operation(OPERATION_A);
        StoredCard card = sample_card("card");

        card.log_sequence = index;
        switch (index) {
        case 0:
        case 3:
        case 13:
                return store_save_card(store, &card);
        case 1:
        case 2:
                return store_add_evidence(store, "card", BOOT_A, CARD_EVENT_HOST_UNBIND, RESET_STATE_FRESH,
                                          RESET_STATE_TOUCHED, "driver link", index);
        case 4:
                return store_begin_operation(store, operation);
        case 5:
                return store_set_helper(store, OPERATION_A, 17, 18);
        case 6:
        case 7:
        case 8:
                return store_step_started(store, OPERATION_A, index - 6);
        case 9:
                operation->plan.n_steps = 5;
                return store_turn_operation(store, OPERATION_A, &operation->plan);
        case 10:
        case 11:
                return store_step_started(store, OPERATION_A, index - 10);
        case 12:
                return store_end_operation(store, OPERATION_A, "undone", "step failed", index);
        default:
                abort();
        }
}

/* Every row of every table as one text; goes through a connection of its own. */
static char *dump(const char *path) {
        static const char *const tables[] = {
                "card", "home_function", "lease", "evidence", "operation", "operation_step", "outcome",
        };
        char *text = NULL, sql[64];
        size_t size = 0;
        sqlite3 *db = NULL;

        ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
        FILE *f = open_memstream(&text, &size);
        for (size_t i = 0; i < ELEMENTSOF(tables); i++) {
                sqlite3_stmt *all = NULL;
                snprintf(sql, sizeof(sql), "SELECT * FROM %s ORDER BY 1, 2", tables[i]);
                ck_assert_int_eq(sqlite3_prepare_v2(db, sql, -1, &all, NULL), SQLITE_OK);
                fprintf(f, "%s\n", tables[i]);
                while (sqlite3_step(all) == SQLITE_ROW) {
                        for (int c = 0; c < sqlite3_column_count(all); c++)
                                fprintf(f, "%s|", (const char *) sqlite3_column_text(all, c));
                        fputc('\n', f);
                }
                sqlite3_finalize(all);
        }
        fclose(f);
        ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
        return text;
}

/* reference[n]: after n calls. */
static char *reference[N_CALLS + 1];

static void setup(void) {
        char path[sizeof(fixture_path)];
        Store *store = NULL;
        char *aside = NULL;

        fault_install();
        fixture_setup();
        snprintf(path, sizeof(path), "%s/reference.db", fixture_folder);
        ck_assert_int_eq(store_open(path, &store, &aside), 0);
        reference[0] = dump(path);
        for (size_t i = 0; i < N_CALLS; i++) {
                ck_assert_int_eq(script_call(store, i), 0);
                reference[i + 1] = dump(path);
                ck_assert_str_ne(reference[i], reference[i + 1]);
        }
        store_free(store);
}

static void teardown(void) {
        for (size_t i = 0; i <= N_CALLS; i++)
                free(reference[i]);
        fixture_teardown();
}

static void forget_store(void) {
        static const char *const suffixes[] = { "", "-wal", "-shm", "-journal" };
        char path[sizeof(fixture_path) + 16];

        for (size_t i = 0; i < ELEMENTSOF(suffixes); i++) {
                snprintf(path, sizeof(path), "%s%s", fixture_path, suffixes[i]);
                (void) unlink(path);
        }
}

static void assert_store_is(size_t n_calls) {
        Store *store = fixture_open();
        _cleanup_free_ char *found = dump(fixture_path);

        ck_assert_str_eq(found, reference[n_calls]);
        store_free(store);
}

/* Runs calls @from to N_CALLS in a child that tells of each one; returns how many are known to have been
 * committed when the child was gone. @ret_met: the child was killed. */
static size_t run_child(FaultKind kind, unsigned at, size_t kill_after, bool *ret_killed) {
        int pipe_fds[2], status;
        size_t n = 0;
        char c;

        ck_assert_int_eq(pipe(pipe_fds), 0);
        pid_t pid = fork();
        if (pid == 0) {
                Store *store = NULL;
                char *aside = NULL;
                fault_set(kind, at, false);
                if (store_open(fixture_path, &store, &aside) < 0)
                        _exit(1);
                for (size_t i = 0; i < N_CALLS; i++) {
                        if (script_call(store, i) < 0)
                                _exit(2);
                        if (write(pipe_fds[1], "x", 1) != 1)
                                _exit(3);
                        if (i + 1 == kill_after)
                                (void) raise(SIGKILL);
                }
                _exit(0);
        }
        close(pipe_fds[1]);
        while (read(pipe_fds[0], &c, 1) == 1)
                n++;
        close(pipe_fds[0]);
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        *ret_killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
        ck_assert(*ret_killed || (WIFEXITED(status) && WEXITSTATUS(status) == 0));
        return n;
}

START_TEST(killed_after_each_commit) {
        bool killed;

        ck_assert_uint_eq(run_child(FAULT_NONE, 0, (size_t) _i, &killed), (size_t) _i);
        ck_assert(killed);
        assert_store_is((size_t) _i);
}
END_TEST

/* Anywhere inside SQLite, the opening of the store included, with the write in hand done not at all or by
 * half. */
START_TEST(killed_at_each_write) {
        const FaultKind kind = _i == 0 ? FAULT_KILL : FAULT_TORN_KILL;
        bool killed = true;

        for (unsigned at = 1; killed; at++) {
                forget_store();
                size_t n = run_child(kind, at, SIZE_MAX, &killed);
                Store *store = fixture_open();
                _cleanup_free_ char *found = dump(fixture_path);
                store_free(store);
                /* The call in hand happened as a whole or not at all. */
                if (strcmp(found, reference[n]) != 0)
                        ck_assert_msg(n < N_CALLS && strcmp(found, reference[n + 1]) == 0,
                                      "write %u, %zu calls: found\n%s", at, n, found);
                ck_assert_uint_lt(at, 2000);
        }
        assert_store_is(N_CALLS);
}
END_TEST

/* From outside, whenever it happens to hit. */
START_TEST(killed_at_any_time) {
        for (unsigned round = 0; round < 25; round++) {
                int pipe_fds[2];
                size_t n = 0;
                char c;

                forget_store();
                ck_assert_int_eq(pipe(pipe_fds), 0);
                pid_t pid = fork();
                if (pid == 0) {
                        Store *store = NULL;
                        char *aside = NULL;
                        if (store_open(fixture_path, &store, &aside) < 0)
                                _exit(1);
                        for (size_t i = 0; i < N_CALLS; i++)
                                if (script_call(store, i) < 0 || write(pipe_fds[1], "x", 1) != 1)
                                        _exit(2);
                        for (;;)
                                pause();
                }
                close(pipe_fds[1]);
                for (; n < round % N_CALLS; n++)
                        ck_assert_int_eq(read(pipe_fds[0], &c, 1), 1);
                ck_assert_int_eq(kill(pid, SIGKILL), 0);
                ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
                while (read(pipe_fds[0], &c, 1) == 1)
                        n++;
                close(pipe_fds[0]);

                Store *store = fixture_open();
                _cleanup_free_ char *found = dump(fixture_path);
                store_free(store);
                ck_assert(strcmp(found, reference[n]) == 0 ||
                          (n < N_CALLS && strcmp(found, reference[n + 1]) == 0));
        }
}
END_TEST

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
                ck_assert_uint_eq(card.log_sequence, n <= 3 ? 0 : n <= 13 ? 3 : 13);
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
        bool met = true, killed;

        ck_assert_uint_eq(run_child(FAULT_NONE, 0, 9, &killed), 9);
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
        bool met = true, killed;
        unsigned n_aside = 0;

        for (unsigned at = 1; met; at++) {
                Store *store = NULL;
                char *aside = NULL;
                StoredCard card = sample_card("card");

                forget_store();
                ck_assert_uint_eq(run_child(FAULT_NONE, 0, 9, &killed), 9);
                fault_set(FAULT_READ, at, false);
                ck_assert_int_eq(store_open(fixture_path, &store, &aside), 0);
                met = fault_met();
                fault_set(FAULT_NONE, 0, false);
                ck_assert_int_eq(store_save_card(store, &card), 0);
                store_free(store);
                if (aside) {
                        _cleanup_free_ char *found = dump(aside);
                        ck_assert_str_eq(found, reference[9]);
                        n_aside++;
                }
                free(aside);
                ck_assert_uint_lt(at, 2000);
        }
        ck_assert_uint_gt(n_aside, 0);
}
END_TEST

static Suite *death_suite(void) {
        Suite *suite = suite_create("store death");
        TCase *test = tcase_create("death");

        tcase_set_timeout(test, 240);
        tcase_add_checked_fixture(test, setup, teardown);
        tcase_add_loop_test(test, killed_after_each_commit, 1, N_CALLS + 1);
        tcase_add_loop_test(test, killed_at_each_write, 0, 2);
        tcase_add_test(test, killed_at_any_time);
        tcase_add_loop_test(test, one_write_fails, 0, (int) ELEMENTSOF(failing_table));
        tcase_add_loop_test(test, disk_stays_full, 0, (int) ELEMENTSOF(failing_table));
        tcase_add_loop_test(test, one_write_fails_at_open, 0, (int) ELEMENTSOF(failing_table));
        tcase_add_test(test, one_read_fails);
        tcase_add_test(test, file_cannot_be_read_at_open);
        suite_add_tcase(suite, test);
        return suite;
}

CHECK_MAIN(death_suite)
