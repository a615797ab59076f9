/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A card is one row, with one for its lease and one for each function that its home knows of. It is
 * always written whole, and read as outside input: a row that makes no sense must not turn into a
 * state that lets a card be lost.
 */

#include "base/address.h"
#include "base/enum-text.h"
#include "base/text.h"
#include "store/internal.h"
#include "store/statement.h"

#define CARD_COLUMNS                                                                                         \
        "identity, address, boot_id, state, after_driver_ran, log_sequence, owner,"                          \
        " driver, home_known, home_functions, wants_home"
#define HOME_COLUMNS "identity, position, address, driver, driver_override, power_control, d3cold_allowed, reset_method"
#define LEASE_COLUMNS                                                                                        \
        "identity, by_hand, domain_uuid, domain_name, started, unguarded_guest, since_usec, guest_boots"

/* Functions of one slot, then what went along with them, each once. */
static bool home_makes_sense(const Home *home) {
        size_t n_fellows = 0;

        if (home->n_functions > PARTS_MAX || (home->known && home->n_functions == 0))
                return false;
        for (size_t i = 0; i < home->n_functions; i++) {
                bool fellow = !address_same_slot(home->functions[0].address, home->functions[i].address);
                n_fellows += fellow;
                if (!address_makes_sense(home->functions[i].address) || (!fellow && n_fellows > 0) || n_fellows > FELLOWS_MAX)
                        return false;
                for (size_t j = 0; j < i; j++)
                        if (address_equal(home->functions[i].address, home->functions[j].address))
                                return false;
        }
        return true;
}

static bool card_makes_sense(const StoredCard *card) {
        return !isempty(card->identity) && !isempty(card->boot_id) && address_makes_sense(card->address) &&
               home_makes_sense(&card->home) && domain_uuid_makes_sense(card->lease.domain_uuid);
}

static int card_delete(sqlite3 *db, const char *identity) {
        /* Rows without a card would be in the way of the new ones, so that each table is asked. */
        static const char *const sql[] = {
                "DELETE FROM home_function WHERE identity = ?",
                "DELETE FROM lease WHERE identity = ?",
                "DELETE FROM card WHERE identity = ?",
        };

        for (size_t i = 0; i < ELEMENTSOF(sql); i++) {
                _cleanup_statement_ Statement delete = statement_make(db, sql[i]);
                statement_put_text(&delete, identity, IDENTITY_TEXT_SIZE);
                int r = statement_run(&delete);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int card_insert(sqlite3 *db, const StoredCard *card) {
        _cleanup_statement_ Statement insert =
                statement_make(db, "INSERT INTO card (" CARD_COLUMNS ") VALUES (?,?,?,?,?,?,?,?,?,?,?)");

        statement_put_field(&insert, card->identity);
        statement_put_address(&insert, card->address);
        statement_put_field(&insert, card->boot_id);
        statement_put_text(&insert, reset_state_to_string(card->state), ENUM_TEXT_SIZE);
        statement_put_number(&insert, card->after_driver_ran);
        statement_put_number(&insert, card->log_sequence);
        statement_put_text(&insert, owner_to_string(card->owner), ENUM_TEXT_SIZE);
        statement_put_field(&insert, card->driver);
        statement_put_number(&insert, card->home.known);
        statement_put_number(&insert, card->home.n_functions);
        statement_put_number(&insert, card->wants_home);
        return statement_run(&insert);
}

static int home_insert(sqlite3 *db, const char *identity, const Home *home) {
        _cleanup_statement_ Statement insert =
                statement_make(db, "INSERT INTO home_function (" HOME_COLUMNS ") VALUES (?,?,?,?,?,?,?,?)");

        for (size_t i = 0; i < home->n_functions; i++) {
                const HomeFunction *function = &home->functions[i];
                statement_put_text(&insert, identity, IDENTITY_TEXT_SIZE);
                statement_put_number(&insert, i);
                statement_put_address(&insert, function->address);
                statement_put_field(&insert, function->driver);
                statement_put_field(&insert, function->driver_override);
                statement_put_field(&insert, function->power_control);
                statement_put_field(&insert, function->d3cold_allowed);
                statement_put_field(&insert, function->reset_method);
                int r = statement_run(&insert);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int lease_insert(sqlite3 *db, const char *identity, const Lease *lease) {
        _cleanup_statement_ Statement insert =
                statement_make(db, "INSERT INTO lease (" LEASE_COLUMNS ") VALUES (?,?,?,?,?,?,?,?)");

        statement_put_text(&insert, identity, IDENTITY_TEXT_SIZE);
        statement_put_number(&insert, lease->by_hand);
        statement_put_field(&insert, lease->domain_uuid);
        statement_put_field(&insert, lease->domain_name);
        statement_put_number(&insert, lease->started);
        statement_put_number(&insert, lease->unguarded);
        statement_put_number(&insert, lease->since_usec);
        statement_put_number(&insert, lease->n_guest_boots);
        return statement_run(&insert);
}

static int cards_trim(sqlite3 *db) {
        _cleanup_statement_ Statement trim = statement_make(
                db, "DELETE FROM card WHERE n <= (SELECT n FROM card ORDER BY n DESC LIMIT 1 OFFSET ?)");

        statement_put_number(&trim, CARD_ROWS_MAX);
        return statement_run(&trim);
}

int store_save_card(Store *store, const StoredCard *card) {
        _cleanup_transaction_ Transaction transaction = { 0 };

        if (!card_makes_sense(card))
                return -EINVAL;
        int r = transaction_begin(&transaction, store->db, /* write= */ true);
        if (r < 0)
                return r;
        r = card_delete(store->db, card->identity);
        if (r < 0)
                return r;
        r = card_insert(store->db, card);
        if (r < 0)
                return r;
        r = home_insert(store->db, card->identity, &card->home);
        if (r < 0)
                return r;
        r = lease_insert(store->db, card->identity, &card->lease);
        if (r < 0)
                return r;
        r = cards_trim(store->db);
        if (r < 0)
                return r;
        return transaction_commit(&transaction);
}

static int card_select(sqlite3 *db, const char *identity, StoredCard *ret_card) {
        _cleanup_statement_ Statement get =
                statement_make(db, "SELECT " CARD_COLUMNS " FROM card WHERE identity = ?");

        statement_put_text(&get, identity, IDENTITY_TEXT_SIZE);
        int r = statement_next(&get);
        if (r <= 0)
                return r < 0 ? r : -ENOENT;
        statement_take_field(&get, ret_card->identity);
        ret_card->address = statement_take_address(&get);
        statement_take_field(&get, ret_card->boot_id);
        ret_card->state = statement_take_enum(&get, reset_state_from_string);
        ret_card->after_driver_ran = statement_take_flag(&get);
        ret_card->log_sequence = statement_take_number(&get, INT64_MAX);
        ret_card->owner = statement_take_enum(&get, owner_from_string);
        statement_take_field(&get, ret_card->driver);
        ret_card->home.known = statement_take_flag(&get);
        ret_card->home.n_functions = (size_t) statement_take_number(&get, PARTS_MAX);
        ret_card->wants_home = statement_take_flag(&get);
        return get.error;
}

static int home_select(sqlite3 *db, const char *identity, Home *home) {
        _cleanup_statement_ Statement get = statement_make(
                db, "SELECT " HOME_COLUMNS " FROM home_function WHERE identity = ? ORDER BY position");
        char owner[IDENTITY_TEXT_SIZE];
        size_t n = 0;
        int r;

        statement_put_text(&get, identity, IDENTITY_TEXT_SIZE);
        for (; (r = statement_next(&get)) > 0; n++) {
                if (n >= home->n_functions)
                        return -EBADMSG;
                HomeFunction *function = &home->functions[n];
                statement_take_field(&get, owner);
                if (statement_take_number(&get, PARTS_MAX) != n)
                        statement_fail(&get, -EBADMSG);
                function->address = statement_take_address(&get);
                statement_take_field(&get, function->driver);
                statement_take_field(&get, function->driver_override);
                statement_take_field(&get, function->power_control);
                statement_take_field(&get, function->d3cold_allowed);
                statement_take_field(&get, function->reset_method);
        }
        if (r < 0)
                return r;
        return n == home->n_functions ? 0 : -EBADMSG;
}

static int lease_select(sqlite3 *db, const char *identity, Lease *ret_lease) {
        _cleanup_statement_ Statement get =
                statement_make(db, "SELECT " LEASE_COLUMNS " FROM lease WHERE identity = ?");
        char owner[IDENTITY_TEXT_SIZE];

        statement_put_text(&get, identity, IDENTITY_TEXT_SIZE);
        int r = statement_next(&get);
        if (r <= 0)
                return r < 0 ? r : -EBADMSG;
        statement_take_field(&get, owner);
        ret_lease->by_hand = statement_take_flag(&get);
        statement_take_field(&get, ret_lease->domain_uuid);
        statement_take_field(&get, ret_lease->domain_name);
        ret_lease->started = statement_take_flag(&get);
        ret_lease->unguarded = statement_take_flag(&get);
        ret_lease->since_usec = statement_take_number(&get, INT64_MAX);
        ret_lease->n_guest_boots = (uint32_t) statement_take_number(&get, UINT32_MAX);
        return get.error;
}

int store_load_card(Store *store, const char *identity, StoredCard *ret_card) {
        _cleanup_transaction_ Transaction transaction = { 0 };
        StoredCard card = { 0 };

        if (strlen(identity) >= sizeof(card.identity))
                return -ENOENT;
        int r = transaction_begin(&transaction, store->db, /* write= */ false);
        if (r < 0)
                return r;
        r = card_select(store->db, identity, &card);
        if (r < 0)
                return r;
        r = home_select(store->db, identity, &card.home);
        if (r < 0)
                return r;
        r = lease_select(store->db, identity, &card.lease);
        if (r < 0)
                return r;
        r = transaction_commit(&transaction);
        if (r < 0)
                return r;
        if (!card_makes_sense(&card))
                return -EBADMSG;
        *ret_card = card;
        return 0;
}
