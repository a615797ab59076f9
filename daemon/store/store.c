/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Opening: nothing is written to a file before it is known to be ours, whole and not newer than us.
 * Until then a close does not checkpoint either, so that a file that is left alone or set aside
 * stays byte for byte what it was.
 *
 * WAL with synchronous=NORMAL: a commit is a write() without fsync(). It survives the death of this
 * process at any instruction, and after a power loss the file is whole and at most seconds old.
 */

#include "store/store.h"

#include <stdlib.h>

#include "base/address.h"
#include "base/text.h"
#include "store/internal.h"
#include "store/schema.h"
#include "store/statement.h"

void sqlite_closep(sqlite3 **db) {
        (void) sqlite3_close(*db);
}

int store_execute(sqlite3 *db, const char *sql) {
        return error_of_sqlite(db, sqlite3_exec(db, sql, NULL, NULL, NULL));
}

int transaction_begin(Transaction *transaction, sqlite3 *db, bool write) {
        if (!sqlite3_get_autocommit(db))
                return 0; /* a part of the one that is open */
        int r = store_execute(db, write ? "BEGIN IMMEDIATE" : "BEGIN");
        if (r < 0)
                return r;
        transaction->db = db;
        return 0;
}

int transaction_commit(Transaction *transaction) {
        if (!transaction->db)
                return 0;
        int r = store_execute(transaction->db, "COMMIT");
        if (r < 0)
                return r; /* transaction_done() rolls back */
        transaction->db = NULL;
        return 0;
}

void transaction_done(Transaction *transaction) {
        /* SQLite rolls back by itself after some errors. */
        if (transaction->db && !sqlite3_get_autocommit(transaction->db))
                (void) store_execute(transaction->db, "ROLLBACK");
        transaction->db = NULL;
}

bool address_makes_sense(PciAddress address) {
        PciAddress again;

        return address_parse(ADDRESS_TEXT(address), &again) >= 0 && address_equal(address, again);
}

bool domain_uuid_makes_sense(const char *uuid) {
        return isempty(uuid) || text_is_uuid(uuid);
}

/* A read that fails at open is a file that cannot be used, too; later it is just an error. */
static int error_at_open(sqlite3 *db, int error) {
        int code = sqlite3_extended_errcode(db);

        if (error == -EIO && (code == SQLITE_IOERR_READ || code == SQLITE_IOERR_CORRUPTFS))
                return -EBADMSG;
        return error;
}

static int check_integrity(sqlite3 *db) {
        _cleanup_statement_ Statement get = statement_make(db, "PRAGMA quick_check(1)");
        char verdict[STORE_TEXT_SIZE];

        int r = statement_next(&get);
        if (r < 0)
                return r;
        statement_take_field(&get, verdict);
        if (get.error < 0)
                return get.error;
        return streq(verdict, "ok") ? 0 : -EBADMSG;
}

/* Checkpoint at close, or not: then the log stays as it is. */
static int set_checkpoint_on_close(sqlite3 *db, bool on) {
        return error_of_sqlite(db, sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, !on, NULL));
}

/* Nothing here touches the file. */
static int connection_prepare(sqlite3 *db) {
        /* SQLite falls back to reading only, without a word. */
        if (sqlite3_db_readonly(db, "main") != 0)
                return -EROFS;
        (void) sqlite3_busy_timeout(db, STORE_BUSY_TIMEOUT_MSEC);
        /* Views and triggers that somebody put into the file get no rights. */
        (void) sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
        (void) sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
        int r = set_checkpoint_on_close(db, false);
        if (r < 0)
                return r;
        return store_execute(db, "PRAGMA foreign_keys = ON; PRAGMA cell_size_check = ON;"
                                 "PRAGMA synchronous = NORMAL; PRAGMA cache_size = -128;");
}

/* Reads only: is the file ours, whole, and of a version that can be had? */
static int connection_check(sqlite3 *db) {
        int version;

        int r = schema_version(db, &version);
        if (r < 0)
                return r;
        if (version > schema_newest())
                return -EPROTONOSUPPORT;
        r = check_integrity(db);
        if (r < 0)
                return r;
        if (version > 0)
                return schema_check(db, version);
        r = schema_is_empty(db);
        return r < 0 ? r : r > 0 ? 0 : -EBADMSG;
}

static int connection_begin(sqlite3 *db) {
        /* 256 pages of 4096 bytes: the log is written back before it takes more room than the limit leaves it. */
        int r = store_execute(db, "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 256;"
                                  "PRAGMA journal_size_limit = 1048576;");
        if (r < 0)
                return r;
        r = schema_update(db);
        if (r < 0)
                return r;
        r = schema_check(db, schema_newest());
        if (r < 0)
                return r;
        return set_checkpoint_on_close(db, true);
}

/* -EBADMSG: the file cannot be used. */
static int connection_open(const char *path, sqlite3 **ret_db) {
        _cleanup_(sqlite_closep) sqlite3 *db = NULL;

        int r = files_check(path);
        if (r < 0)
                return r;
        r = files_create(path);
        if (r < 0)
                return r;
        int code = sqlite3_open_v2(path, &db,
                                   SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
        r = error_of_sqlite(db, code);
        if (r >= 0)
                r = connection_prepare(db);
        if (r >= 0)
                r = connection_check(db);
        if (r >= 0)
                r = connection_begin(db);
        if (r < 0)
                return error_at_open(db, r);
        *ret_db = TAKE_PTR(db);
        return 0;
}

/* A new store in place of one that cannot be used; if there can be none, everything is as before. */
static int connection_replace(const char *path, sqlite3 **ret_db, char **ret_set_aside) {
        _cleanup_free_ char *aside = NULL;

        int r = set_aside(path, &aside);
        if (r < 0)
                return r;
        r = connection_open(path, ret_db);
        if (r < 0) {
                (void) set_aside_revert(path, aside);
                return r;
        }
        *ret_set_aside = TAKE_PTR(aside);
        return 0;
}

/* 1: no card has been saved yet. */
static int connection_is_new(sqlite3 *db) {
        _cleanup_statement_ Statement get = statement_make(db, "SELECT 1 FROM card LIMIT 1");

        int r = statement_next(&get);
        return r < 0 ? r : r == 0;
}

int store_open(const char *path, Store **ret_store, char **ret_set_aside) {
        _cleanup_(sqlite_closep) sqlite3 *db = NULL;
        _cleanup_free_ char *resolved = NULL, *aside = NULL;

        int r = files_resolve(path, &resolved);
        if (r < 0)
                return r;
        r = connection_open(resolved, &db);
        if (r == -EBADMSG)
                r = connection_replace(resolved, &db, &aside);
        if (r < 0)
                return r;
        /* A daemon that died between setting a file aside and saying so must not make history vanish: it is
         * told again until the new store has a history of its own. */
        if (!aside) {
                r = connection_is_new(db);
                if (r > 0)
                        r = set_aside_latest(resolved, &aside);
                if (r < 0)
                        return r;
        }
        Store *store = malloc(sizeof(*store));
        if (!store)
                return -ENOMEM;
        *store = (Store){ .db = TAKE_PTR(db) };
        *ret_store = store;
        *ret_set_aside = TAKE_PTR(aside);
        return 0;
}

Store *store_free(Store *store) {
        if (store) {
                (void) sqlite3_close(store->db);
                free(store);
        }
        return NULL;
}
