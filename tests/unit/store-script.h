/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One script of calls, run under every fault there is. What a store should hold after its first N calls
 * is not written down but taken from a store that was left to finish them in peace.
 */

#include "store-fault-vfs.h"
#include "store-fixture.h"

#define N_CALLS 16

/* Call @index of the script. */
static _unused_ int script_call(Store *store, size_t index) {
        _cleanup_free_ StoredOperation *operation = sample_operation(OPERATION_A);
        StoredCard card = sample_card("card");
        ResetOutcome outcome = sample_outcome();

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
                return store_begin_switch(store, &card, operation);
        case 5:
                return store_set_helper(store, OPERATION_A, 17, 18);
        case 6:
        case 7:
        case 8:
                return store_step_started(store, OPERATION_A, index - 6, index);
        case 9:
                operation->plan.n_steps = 5;
                return store_turn_operation(store, OPERATION_A, &operation->plan);
        case 10:
        case 11:
                return store_step_started(store, OPERATION_A, index - 10, index);
        case 12:
                return store_end_switch(store, &card, OPERATION_A, "undone", "step failed", index);
        case 14:
        case 15:
                return store_count_outcome(store, &outcome, index == 14 ? OUTCOME_TRIED : OUTCOME_SUCCEEDED);
        default:
                abort();
        }
}

/* Every row of every table as one text; goes through a connection of its own. */
static _unused_ char *dump(const char *path) {
        char *text = NULL, sql[64];
        size_t size = 0;
        sqlite3 *db = NULL;
        sqlite3_stmt *tables = NULL;

        ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
        FILE *f = open_memstream(&text, &size);
        ck_assert_int_eq(sqlite3_prepare_v2(db, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1", -1,
                                            &tables, NULL),
                         SQLITE_OK);
        while (sqlite3_step(tables) == SQLITE_ROW) {
                sqlite3_stmt *all = NULL;
                const char *name = (const char *) sqlite3_column_text(tables, 0);
                snprintf(sql, sizeof(sql), "SELECT * FROM %s ORDER BY 1, 2", name);
                ck_assert_int_eq(sqlite3_prepare_v2(db, sql, -1, &all, NULL), SQLITE_OK);
                fprintf(f, "%s\n", name);
                while (sqlite3_step(all) == SQLITE_ROW) {
                        for (int c = 0; c < sqlite3_column_count(all); c++)
                                fprintf(f, "%s|", (const char *) sqlite3_column_text(all, c));
                        fputc('\n', f);
                }
                sqlite3_finalize(all);
        }
        sqlite3_finalize(tables);
        fclose(f);
        ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
        return text;
}

/* reference[n]: after n calls. */
static char *reference[N_CALLS + 1];

static _unused_ void script_setup(void) {
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

static _unused_ void script_teardown(void) {
        for (size_t i = 0; i <= N_CALLS; i++)
                free(reference[i]);
        fixture_teardown();
}

static _unused_ void forget_store(void) {
        static const char *const suffixes[] = { "", "-wal", "-shm", "-journal" };
        char path[sizeof(fixture_path) + 16];

        for (size_t i = 0; i < ELEMENTSOF(suffixes); i++) {
                snprintf(path, sizeof(path), "%s%s", fixture_path, suffixes[i]);
                (void) unlink(path);
        }
}

static _unused_ void assert_store_is(size_t n_calls) {
        Store *store = fixture_open();
        _cleanup_free_ char *found = dump(fixture_path);

        ck_assert_str_eq(found, reference[n_calls]);
        store_free(store);
}

/* Runs the script in a child that tells of each call; returns how many are known to have been committed when
 * the child was gone. */
static _unused_ size_t run_child(FaultKind kind, unsigned at, size_t kill_after, bool *ret_killed) {
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
