/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What has come of resets: one row per key, counted in place. */

#include "base/text.h"
#include "store/internal.h"
#include "store/statement.h"

#define KEY_COLUMNS \
        "vendor_id, device_id, subsystem_vendor_id, subsystem_device_id, family, kernel, method"
#define COUNT_SQL                                                                                            \
        "INSERT INTO reset_outcome (" KEY_COLUMNS ", tries, successes, failures)"                            \
        " VALUES (?,?,?,?,?,?,?,?,?,?) ON CONFLICT (" KEY_COLUMNS ") DO UPDATE SET"                          \
        " n = (SELECT max(n) + 1 FROM reset_outcome), tries = tries + excluded.tries,"                       \
        " successes = successes + excluded.successes, failures = failures + excluded.failures"

static int outcome_count(sqlite3 *db, const ResetOutcome *key, OutcomeResult result) {
        _cleanup_statement_ Statement count = statement_make(db, COUNT_SQL);

        statement_put_hex(&count, key->vendor_id);
        statement_put_hex(&count, key->device_id);
        statement_put_hex(&count, key->subsystem_vendor_id);
        statement_put_hex(&count, key->subsystem_device_id);
        statement_put_field(&count, key->family);
        statement_put_field(&count, key->kernel);
        statement_put_field(&count, key->method);
        statement_put_number(&count, result == OUTCOME_TRIED);
        statement_put_number(&count, result == OUTCOME_SUCCEEDED);
        statement_put_number(&count, result == OUTCOME_FAILED);
        return statement_run(&count);
}

static int outcomes_trim(sqlite3 *db) {
        _cleanup_statement_ Statement trim =
                statement_make(db, "DELETE FROM reset_outcome WHERE n <="
                                   " (SELECT n FROM reset_outcome ORDER BY n DESC LIMIT 1 OFFSET ?)");

        statement_put_number(&trim, RESET_OUTCOME_ROWS_MAX);
        return statement_run(&trim);
}

int store_count_outcome(Store *store, const ResetOutcome *key, OutcomeResult result) {
        _cleanup_transaction_ Transaction transaction = { 0 };

        if (isempty(key->kernel) || isempty(key->method))
                return -EINVAL;
        int r = transaction_begin(&transaction, store->db, /* write= */ true);
        if (r < 0)
                return r;
        r = outcome_count(store->db, key, result);
        if (r < 0)
                return r;
        r = outcomes_trim(store->db);
        if (r < 0)
                return r;
        return transaction_commit(&transaction);
}

static void outcome_take(Statement *get, ResetOutcome *ret_outcome) {
        ret_outcome->vendor_id = (uint16_t) statement_take_hex(get, UINT16_MAX);
        ret_outcome->device_id = (uint16_t) statement_take_hex(get, UINT16_MAX);
        ret_outcome->subsystem_vendor_id = (uint16_t) statement_take_hex(get, UINT16_MAX);
        ret_outcome->subsystem_device_id = (uint16_t) statement_take_hex(get, UINT16_MAX);
        statement_take_field(get, ret_outcome->family);
        statement_take_field(get, ret_outcome->kernel);
        statement_take_field(get, ret_outcome->method);
        ret_outcome->n_tries = statement_take_number(get, INT64_MAX);
        ret_outcome->n_successes = statement_take_number(get, INT64_MAX);
        ret_outcome->n_failures = statement_take_number(get, INT64_MAX);
}

int store_each_outcome(Store *store, ResetOutcomeHandler handler, void *userdata) {
        _cleanup_statement_ Statement get =
                statement_make(store->db, "SELECT " KEY_COLUMNS ", tries, successes, failures FROM reset_outcome"
                                          " ORDER BY " KEY_COLUMNS);
        int r;

        while ((r = statement_next(&get)) > 0) {
                ResetOutcome outcome = { 0 };
                outcome_take(&get, &outcome);
                if (statement_skip_bad(&get))
                        continue;
                if (get.error < 0)
                        return get.error;
                r = handler(&outcome, userdata);
                if (r < 0)
                        return r;
        }
        return r;
}
