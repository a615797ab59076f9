/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon dies at every point there is: what was committed is found, and nothing is there by half. */

#include "check-main.h"
#include "store-script.h"

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

/* In the middle of replacing a file that cannot be used: it is still there, and the next one says so. */
START_TEST(killed_while_replacing) {
        static const char garbage[] = "no database, but somebody's";
        bool killed = true;

        for (unsigned at = 1; killed; at++) {
                char found[sizeof(garbage)] = "";
                Store *store = NULL;
                char *aside = NULL;

                forget_store();
                FILE *f = fopen(fixture_path, "we");
                if (!f) { /* no folder yet */
                        store_free(fixture_open());
                        f = fopen(fixture_path, "we");
                }
                ck_assert_ptr_nonnull(f);
                ck_assert_int_ge(fputs(garbage, f), 0);
                ck_assert_int_eq(fclose(f), 0);
                (void) run_child(FAULT_TORN_KILL, at, 0, &killed);
                if (!killed)
                        break;
                ck_assert_int_eq(store_open(fixture_path, &store, &aside), 0);
                StoredCard card = sample_card("card");
                if (store_load_card(store, "card", &card) == -ENOENT) {
                        ck_assert_ptr_nonnull(aside);
                        f = fopen(aside, "re");
                        ck_assert_ptr_nonnull(f);
                        ck_assert_ptr_nonnull(fgets(found, sizeof(found), f));
                        ck_assert_int_eq(fclose(f), 0);
                        ck_assert_str_eq(found, garbage);
                        ck_assert_int_eq(unlink(aside), 0);
                }
                store_free(store);
                free(aside);
                ck_assert_uint_lt(at, 2000);
        }
}
END_TEST

static Suite *death_suite(void) {
        Suite *suite = suite_create("store death");
        TCase *test = tcase_create("death");

        tcase_set_timeout(test, 240);
        tcase_add_checked_fixture(test, script_setup, script_teardown);
        tcase_add_loop_test(test, killed_after_each_commit, 1, N_CALLS + 1);
        tcase_add_loop_test(test, killed_at_each_write, 0, 2);
        tcase_add_test(test, killed_at_any_time);
        tcase_add_test(test, killed_while_replacing);
        suite_add_tcase(suite, test);
        return suite;
}

CHECK_MAIN(death_suite)
