/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Running operations, and what became of those that ended. The record is the promise to whoever
 * comes after a death: whole before the first step, never behind what the helper was told.
 */

#include <stdlib.h>
#include <string.h>

#include "base/enum-text.h"
#include "base/text.h"
#include "store/internal.h"
#include "store/statement.h"

#define OPERATION_COLUMNS                                                                                    \
        "id, boot_id, identity, address, domain_uuid, domain_name, undoing, started,"                        \
        " helper_pid, helper_start_time, direction, guard, runs_recipe, steps, step_begun_usec"

static bool operation_makes_sense(const StoredOperation *operation) {
        return !isempty(operation->id) && !isempty(operation->boot_id) && !isempty(operation->identity) &&
               address_makes_sense(operation->address) && domain_uuid_makes_sense(operation->domain_uuid) &&
               operation->helper_pid >= 0 && operation->n_started <= operation->plan.n_steps &&
               plan_makes_sense(&operation->plan);
}

static int operation_insert(sqlite3 *db, const StoredOperation *operation) {
        _cleanup_statement_ Statement insert = statement_make(db, "INSERT INTO operation (" OPERATION_COLUMNS
                                                                  ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");

        statement_put_field(&insert, operation->id);
        statement_put_field(&insert, operation->boot_id);
        statement_put_field(&insert, operation->identity);
        statement_put_address(&insert, operation->address);
        statement_put_field(&insert, operation->domain_uuid);
        statement_put_field(&insert, operation->domain_name);
        statement_put_number(&insert, operation->undoing);
        statement_put_number(&insert, operation->n_started);
        statement_put_signed(&insert, operation->helper_pid);
        statement_put_number(&insert, operation->helper_start_time);
        statement_put_text(&insert, direction_to_string(operation->plan.direction), ENUM_TEXT_SIZE);
        statement_put_text(&insert, guard_to_string(operation->plan.guard), ENUM_TEXT_SIZE);
        statement_put_number(&insert, operation->plan.runs_recipe);
        statement_put_number(&insert, operation->plan.n_steps);
        statement_put_number(&insert, operation->step_begun_usec);
        return statement_run(&insert);
}

int store_begin_operation(Store *store, const StoredOperation *operation) {
        _cleanup_transaction_ Transaction transaction = { 0 };

        if (!operation_makes_sense(operation))
                return -EINVAL;
        int r = transaction_begin(&transaction, store->db, /* write= */ true);
        if (r < 0)
                return r;
        r = operation_insert(store->db, operation);
        if (r < 0)
                return r;
        r = plan_rows_save(store->db, operation->id, &operation->plan);
        if (r < 0)
                return r;
        return transaction_commit(&transaction);
}

int store_begin_switch(Store *store, const StoredCard *card, const StoredOperation *operation) {
        _cleanup_transaction_ Transaction transaction = { 0 };

        int r = transaction_begin(&transaction, store->db, /* write= */ true);
        if (r < 0)
                return r;
        r = store_save_card(store, card);
        if (r < 0)
                return r;
        r = store_begin_operation(store, operation);
        if (r < 0)
                return r;
        return transaction_commit(&transaction);
}

/* 1 if @id is running, 0 if not. */
static int operation_exists(sqlite3 *db, const char *id) {
        _cleanup_statement_ Statement get = statement_make(db, "SELECT 1 FROM operation WHERE id = ?");

        statement_put_text(&get, id, UUID_TEXT_SIZE);
        return statement_next(&get);
}

/* Runs an update that has to hit the operation; -ENOENT without it, -EINVAL when the update does not apply.
 */
static int operation_update(Statement *update, sqlite3 *db, const char *id) {
        int r = statement_run(update);
        if (r < 0)
                return r;
        if (sqlite3_changes(db) > 0)
                return 0;
        r = operation_exists(db, id);
        return r < 0 ? r : r > 0 ? -EINVAL : -ENOENT;
}

int store_set_helper(Store *store, const char *id, pid_t pid, uint64_t start_time) {
        _cleanup_transaction_ Transaction transaction = { 0 };

        if (pid < 0)
                return -EINVAL;
        int r = transaction_begin(&transaction, store->db, /* write= */ true);
        if (r < 0)
                return r;
        _cleanup_statement_ Statement update = statement_make(
                store->db, "UPDATE operation SET helper_pid = ?, helper_start_time = ? WHERE id = ?");
        statement_put_signed(&update, pid);
        statement_put_number(&update, start_time);
        statement_put_text(&update, id, UUID_TEXT_SIZE);
        r = operation_update(&update, store->db, id);
        if (r < 0)
                return r;
        return transaction_commit(&transaction);
}

int store_step_started(Store *store, const char *id, size_t index, usec_t begun_usec) {
        _cleanup_transaction_ Transaction transaction = { 0 };

        if (index >= STEPS_MAX)
                return -EINVAL;
        int r = transaction_begin(&transaction, store->db, /* write= */ true);
        if (r < 0)
                return r;
        /* Never backwards: a step that was started stays one that was started. */
        _cleanup_statement_ Statement update = statement_make(
                store->db,
                "UPDATE operation SET started = ?1, step_begun_usec = ?3"
                " WHERE id = ?2 AND started <= ?1 AND ?1 <= steps");
        statement_put_number(&update, index + 1);
        statement_put_text(&update, id, UUID_TEXT_SIZE);
        statement_put_number(&update, begun_usec);
        r = operation_update(&update, store->db, id);
        if (r < 0)
                return r;
        return transaction_commit(&transaction);
}

int store_turn_operation(Store *store, const char *id, const Plan *undo) {
        _cleanup_transaction_ Transaction transaction = { 0 };

        if (!plan_makes_sense(undo))
                return -EINVAL;
        int r = transaction_begin(&transaction, store->db, /* write= */ true);
        if (r < 0)
                return r;
        _cleanup_statement_ Statement update = statement_make(
                store->db, "UPDATE operation SET undoing = 1, started = 0, step_begun_usec = 0, direction = ?, guard = ?,"
                           " runs_recipe = ?, steps = ? WHERE id = ?");
        statement_put_text(&update, direction_to_string(undo->direction), ENUM_TEXT_SIZE);
        statement_put_text(&update, guard_to_string(undo->guard), ENUM_TEXT_SIZE);
        statement_put_number(&update, undo->runs_recipe);
        statement_put_number(&update, undo->n_steps);
        statement_put_text(&update, id, UUID_TEXT_SIZE);
        r = operation_update(&update, store->db, id);
        if (r < 0)
                return r;
        r = plan_rows_save(store->db, id, undo);
        if (r < 0)
                return r;
        return transaction_commit(&transaction);
}

static int outcome_insert(sqlite3 *db, const char *id, const char *outcome, const char *detail,
                          uint64_t at_realtime_usec) {
        /* Copied as it is: an operation whose record makes no sense has to come to an end as well. */
        _cleanup_statement_ Statement insert = statement_make(
                db, "INSERT INTO outcome (at_realtime_usec, outcome, detail, operation, boot_id, identity, "
                    "address,"
                    " domain_uuid, domain_name, direction, undoing, started, steps)"
                    " SELECT ?, ?, ?, id, boot_id, identity, address, domain_uuid, domain_name, direction,"
                    " undoing, started, steps FROM operation WHERE id = ?");

        statement_put_number(&insert, at_realtime_usec);
        statement_put_text(&insert, outcome, STORE_TEXT_SIZE);
        statement_put_text(&insert, detail, STORE_TEXT_SIZE);
        statement_put_text(&insert, id, UUID_TEXT_SIZE);
        int r = statement_run(&insert);
        if (r < 0)
                return r;
        return sqlite3_changes(db) > 0 ? 0 : -ENOENT;
}

static int outcomes_trim(sqlite3 *db) {
        _cleanup_statement_ Statement trim = statement_make(db, "DELETE FROM outcome WHERE n <= ? - ?");

        statement_put_signed(&trim, sqlite3_last_insert_rowid(db));
        statement_put_number(&trim, OUTCOME_ROWS_MAX);
        return statement_run(&trim);
}

int store_end_operation(Store *store, const char *id, const char *outcome, const char *detail,
                        uint64_t at_realtime_usec) {
        _cleanup_transaction_ Transaction transaction = { 0 };

        int r = transaction_begin(&transaction, store->db, /* write= */ true);
        if (r < 0)
                return r;
        r = outcome_insert(store->db, id, outcome, detail, at_realtime_usec);
        if (r < 0)
                return r;
        r = outcomes_trim(store->db);
        if (r < 0)
                return r;
        _cleanup_statement_ Statement delete =
                statement_make(store->db, "DELETE FROM operation WHERE id = ?");
        statement_put_text(&delete, id, UUID_TEXT_SIZE);
        r = statement_run(&delete);
        if (r < 0)
                return r;
        return transaction_commit(&transaction);
}

int store_end_switch(Store *store, const StoredCard *card, const char *id, const char *outcome, const char *detail,
                     uint64_t at_realtime_usec) {
        _cleanup_transaction_ Transaction transaction = { 0 };

        int r = transaction_begin(&transaction, store->db, /* write= */ true);
        if (r < 0)
                return r;
        r = store_save_card(store, card);
        if (r < 0)
                return r;
        r = store_end_operation(store, id, outcome, detail, at_realtime_usec);
        if (r < 0)
                return r;
        return transaction_commit(&transaction);
}

static int operation_select(sqlite3 *db, int64_t n, StoredOperation *operation) {
        _cleanup_statement_ Statement get =
                statement_make(db, "SELECT " OPERATION_COLUMNS " FROM operation WHERE n = ?");

        statement_put_signed(&get, n);
        int r = statement_next(&get);
        if (r <= 0)
                return r < 0 ? r : -ENOENT;
        statement_take_field(&get, operation->id);
        statement_take_field(&get, operation->boot_id);
        statement_take_field(&get, operation->identity);
        operation->address = statement_take_address(&get);
        statement_take_field(&get, operation->domain_uuid);
        statement_take_field(&get, operation->domain_name);
        operation->undoing = statement_take_flag(&get);
        operation->n_started = (size_t) statement_take_number(&get, STEPS_MAX);
        operation->helper_pid = (pid_t) statement_take_number(&get, INT32_MAX);
        operation->helper_start_time = statement_take_number(&get, INT64_MAX);
        operation->plan.direction = statement_take_enum(&get, direction_from_string);
        operation->plan.guard = statement_take_enum(&get, guard_from_string);
        operation->plan.runs_recipe = statement_take_flag(&get);
        size_t n_steps = (size_t) statement_take_number(&get, STEPS_MAX);
        operation->step_begun_usec = statement_take_number(&get, INT64_MAX);
        if (get.error < 0)
                return get.error;
        r = plan_rows_load(db, operation->id, n_steps, &operation->plan);
        if (r < 0)
                return r;
        return operation_makes_sense(operation) ? 0 : -EBADMSG;
}

/* The number and id of the first operation behind number @after: 1; 0: there is none. */
static int operation_find_next(sqlite3 *db, int64_t after, int64_t *ret_n,
                               char ret_id[static UUID_TEXT_SIZE]) {
        _cleanup_statement_ Statement get =
                statement_make(db, "SELECT n, id FROM operation WHERE n > ? ORDER BY n LIMIT 1");

        statement_put_signed(&get, after);
        int r = statement_next(&get);
        if (r <= 0)
                return r;
        *ret_n = statement_take_signed(&get, 1, INT64_MAX);
        statement_take_text(&get, ret_id, UUID_TEXT_SIZE);
        return get.error < 0 ? get.error : 1;
}

/* As above with the whole record; the caller's transaction is over before anybody sees it. */
static int operation_load_next(sqlite3 *db, int64_t after, int64_t *ret_n, StoredOperation *ret_operation) {
        _cleanup_transaction_ Transaction transaction = { 0 };
        char id[UUID_TEXT_SIZE];

        int r = transaction_begin(&transaction, db, /* write= */ false);
        if (r < 0)
                return r;
        r = operation_find_next(db, after, ret_n, id);
        if (r <= 0)
                return r;
        *ret_operation = (StoredOperation){ 0 };
        r = operation_select(db, *ret_n, ret_operation);
        if (r == -EBADMSG) {
                *ret_operation = (StoredOperation){ 0 };
                r = text_copy(ret_operation->id, sizeof(ret_operation->id), id);
        }
        if (r < 0)
                return r;
        r = transaction_commit(&transaction);
        return r < 0 ? r : 1;
}

static int operation_last(sqlite3 *db, int64_t *ret_n) {
        _cleanup_statement_ Statement get = statement_make(db, "SELECT coalesce(max(n), 0) FROM operation");

        int r = statement_next(&get);
        if (r < 0)
                return r;
        *ret_n = statement_take_signed(&get, 0, INT64_MAX);
        return get.error;
}

int store_each_operation(Store *store, StoreOperationHandler handler, void *userdata) {
        _cleanup_free_ StoredOperation *operation = malloc(sizeof(*operation));
        int64_t n = 0, last;

        if (!operation)
                return -ENOMEM;
        int r = operation_last(store->db, &last);
        if (r < 0)
                return r;
        /* One at a time and by number: the handler may end, turn and begin operations meanwhile. */
        while (n < last) {
                r = operation_load_next(store->db, n, &n, operation);
                if (r <= 0)
                        return r;
                if (n > last)
                        return 0;
                r = handler(operation, userdata);
                if (r < 0)
                        return r;
        }
        return 0;
}
