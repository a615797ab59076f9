/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Why a card is in the state it is in: one row per event, the oldest go. */

#include "base/enum-text.h"
#include "base/text.h"
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
        statement_put_text(&insert, evidence_event_to_string(event), ENUM_TEXT_SIZE);
        statement_put_text(&insert, evidence_state_to_string(from), ENUM_TEXT_SIZE);
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

static void evidence_take(Statement *get, const char *boot_id, Evidence *ret_evidence) {
        char row_boot_id[BOOT_ID_TEXT_SIZE], event[ENUM_TEXT_SIZE], from[ENUM_TEXT_SIZE], reason[STORE_TEXT_SIZE];

        *ret_evidence = (Evidence){ .at_realtime_usec = statement_take_number(get, INT64_MAX) };
        statement_take_field(get, row_boot_id);
        statement_take_field(get, event);
        statement_take_field(get, from);
        ret_evidence->to = statement_take_enum(get, reset_state_from_string);
        statement_take_field(get, reason);
        ret_evidence->this_boot = streq(row_boot_id, boot_id);
        if (evidence_event_from_string(event, &ret_evidence->event) < 0 ||
            evidence_state_from_string(from, &ret_evidence->from) < 0)
                statement_fail(get, -EBADMSG);
        /* A cut may fall inside of a character. */
        (void) text_format(ret_evidence->reason, sizeof(ret_evidence->reason), "%s", reason);
        (void) text_make_utf8(ret_evidence->reason);
}

int store_load_evidence(Store *store, const char *identity, const char *boot_id, EvidenceList *ret_list) {
        _cleanup_statement_ Statement get = statement_make(
                store->db, "SELECT at_realtime_usec, boot_id, event, from_state, to_state, reason FROM evidence"
                           " WHERE identity = ? ORDER BY n DESC");
        Evidence last[EVIDENCE_SHOWN_MAX];
        size_t n = 0;
        int r = 1;

        statement_put_text(&get, identity, IDENTITY_TEXT_SIZE);
        while (n < EVIDENCE_SHOWN_MAX && (r = statement_next(&get)) > 0) {
                evidence_take(&get, boot_id, &last[n]);
                if (statement_skip_bad(&get))
                        continue;
                if (get.error < 0)
                        return get.error;
                n += evidence_is_shown(&last[n]);
        }
        if (r < 0)
                return r;
        *ret_list = (EvidenceList){ 0 };
        while (n > 0)
                (void) evidence_add(ret_list, &last[--n]);
        return 0;
}
