/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Why a card is in the state it is in: one row per event, the oldest go. */

#include "base/enum-text.h"
#include "store/internal.h"
#include "store/statement.h"

/* Numbers are given in order, so that those within the limit of the last one are at most the limit. */
static int evidence_trim(sqlite3 *db) {
        _cleanup_statement_ Statement trim = statement_make(db, "DELETE FROM evidence WHERE n <= ? - ?");

        statement_put_signed(&trim, sqlite3_last_insert_rowid(db));
        statement_put_number(&trim, EVIDENCE_ROWS_MAX);
        return statement_run(&trim);
}

int store_add_evidence(Store *store, const char *identity, const char *boot_id, CardEvent event,
                       ResetState from, ResetState to, const char *reason, uint64_t at_realtime_usec) {
        _cleanup_transaction_ Transaction transaction = { 0 };

        int r = transaction_begin(&transaction, store->db, /* write= */ true);
        if (r < 0)
                return r;

        _cleanup_statement_ Statement insert = statement_make(
                store->db, "INSERT INTO evidence (at_realtime_usec, identity, boot_id, event, from_state,"
                           " to_state, reason) VALUES (?,?,?,?,?,?,?)");
        statement_put_number(&insert, at_realtime_usec);
        statement_put_text(&insert, identity, IDENTITY_TEXT_SIZE);
        statement_put_text(&insert, boot_id, BOOT_ID_TEXT_SIZE);
        statement_put_text(&insert, card_event_to_string(event), ENUM_TEXT_SIZE);
        statement_put_text(&insert, reset_state_to_string(from), ENUM_TEXT_SIZE);
        statement_put_text(&insert, reset_state_to_string(to), ENUM_TEXT_SIZE);
        statement_put_text(&insert, reason, STORE_TEXT_SIZE);
        r = statement_run(&insert);
        if (r < 0)
                return r;
        r = evidence_trim(store->db);
        if (r < 0)
                return r;
        return transaction_commit(&transaction);
}
