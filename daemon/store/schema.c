/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A migration is a function that is written once and never changed again; a new version appends one.
 *
 * Words are kept as text and times in microseconds, for people with sqlite3. Constraints are few on
 * purpose: the integrity check sees them at open, and one bad row must cost one card its history,
 * not all cards the whole file. Only what the room could not work around is constrained: the keys
 * by which a bad row is still found and ended.
 */

#include "store/schema.h"

#include <assert.h>
#include <stdio.h>

#include "base/text.h"
#include "store/internal.h"
#include "store/statement.h"

/* STRICT: a column holds what it says, also in a file that somebody else wrote to. */
static int schema_to_1(sqlite3 *db) {
        static const char sql[] =
                "CREATE TABLE card ("
                " n INTEGER PRIMARY KEY," /* the card that was saved last has the highest */
                " identity TEXT NOT NULL UNIQUE,"
                " address TEXT NOT NULL,"
                " boot_id TEXT NOT NULL,"
                " state TEXT NOT NULL,"
                " after_driver_ran INTEGER NOT NULL,"
                " log_sequence INTEGER NOT NULL,"
                " owner TEXT NOT NULL,"
                " driver TEXT NOT NULL,"
                " home_known INTEGER NOT NULL,"
                " home_functions INTEGER NOT NULL"
                ") STRICT;"
                "CREATE TABLE home_function ("
                " identity TEXT NOT NULL REFERENCES card (identity) ON DELETE CASCADE,"
                " position INTEGER NOT NULL,"
                " address TEXT NOT NULL,"
                " driver TEXT NOT NULL,"
                " driver_override TEXT NOT NULL,"
                " power_control TEXT NOT NULL,"
                " d3cold_allowed TEXT NOT NULL,"
                " PRIMARY KEY (identity, position)"
                ") STRICT, WITHOUT ROWID;"
                "CREATE TABLE lease ("
                " identity TEXT NOT NULL PRIMARY KEY REFERENCES card (identity) ON DELETE CASCADE,"
                " by_hand INTEGER NOT NULL,"
                " domain_uuid TEXT NOT NULL,"
                " domain_name TEXT NOT NULL,"
                " started INTEGER NOT NULL,"
                " unguarded INTEGER NOT NULL,"
                " since_usec INTEGER NOT NULL," /* CLOCK_MONOTONIC of the card's boot_id */
                " guest_boots INTEGER NOT NULL"
                ") STRICT, WITHOUT ROWID;"
                "CREATE TABLE evidence ("
                " n INTEGER PRIMARY KEY,"
                " at_realtime_usec INTEGER NOT NULL,"
                " identity TEXT NOT NULL,"
                " boot_id TEXT NOT NULL,"
                " event TEXT NOT NULL,"
                " from_state TEXT NOT NULL,"
                " to_state TEXT NOT NULL,"
                " reason TEXT NOT NULL"
                ") STRICT;"
                "CREATE TABLE operation ("
                " n INTEGER PRIMARY KEY CHECK (n > 0),"
                " id TEXT NOT NULL UNIQUE"
                "  CHECK (length(id) BETWEEN 1 AND 36 AND length(id) = length(CAST(id AS BLOB))),"
                " boot_id TEXT NOT NULL,"
                " identity TEXT NOT NULL,"
                " address TEXT NOT NULL,"
                " domain_uuid TEXT NOT NULL,"
                " domain_name TEXT NOT NULL,"
                " undoing INTEGER NOT NULL,"
                " started INTEGER NOT NULL,"
                " helper_pid INTEGER NOT NULL,"
                " helper_start_time INTEGER NOT NULL," /* field 22 of /proc/PID/stat */
                " direction TEXT NOT NULL,"
                " guard TEXT NOT NULL,"
                " runs_recipe INTEGER NOT NULL,"
                " steps INTEGER NOT NULL"
                ") STRICT;"
                "CREATE TABLE operation_step ("
                " operation TEXT NOT NULL REFERENCES operation (id) ON DELETE CASCADE,"
                " position INTEGER NOT NULL,"
                " kind TEXT NOT NULL,"
                " address TEXT NOT NULL,"
                " text TEXT NOT NULL,"
                " text_before TEXT NOT NULL,"
                " is_recipe INTEGER NOT NULL,"
                " iommu_group INTEGER NOT NULL,"
                " config_offset TEXT NOT NULL,"
                " config_value TEXT NOT NULL,"
                " delay_usec INTEGER,"   /* NULL: without end */
                " timeout_usec INTEGER," /* NULL: none */
                " registers TEXT NOT NULL,"
                " PRIMARY KEY (operation, position)"
                ") STRICT, WITHOUT ROWID;"
                "CREATE TABLE outcome ("
                " n INTEGER PRIMARY KEY,"
                " at_realtime_usec INTEGER NOT NULL,"
                " operation TEXT NOT NULL,"
                " boot_id TEXT NOT NULL,"
                " identity TEXT NOT NULL,"
                " address TEXT NOT NULL,"
                " domain_uuid TEXT NOT NULL,"
                " domain_name TEXT NOT NULL,"
                " direction TEXT NOT NULL,"
                " undoing INTEGER NOT NULL,"
                " started INTEGER NOT NULL,"
                " steps INTEGER NOT NULL,"
                " outcome TEXT NOT NULL,"
                " detail TEXT NOT NULL"
                ") STRICT;";

        return store_execute(db, sql);
}

static int schema_to_2(sqlite3 *db) {
        static const char sql[] =
                /* CLOCK_BOOTTIME of the operation's boot_id; 0: no step yet, or version 1 did not note it */
                "ALTER TABLE operation ADD COLUMN step_begun_usec INTEGER NOT NULL DEFAULT 0;"
                /* Version 1 had "the XML lists a companion" here: such a guest is without guard, too. */
                "ALTER TABLE lease RENAME COLUMN unguarded TO unguarded_guest;"
                "ALTER TABLE card ADD COLUMN wants_home INTEGER NOT NULL DEFAULT 0;";

        return store_execute(db, sql);
}

static int schema_to_3(sqlite3 *db) {
        static const char sql[] =
                /* How a step of a reset gets at a register, as access-text.c writes it; "": the step is about none. */
                "ALTER TABLE operation_step ADD COLUMN access TEXT NOT NULL DEFAULT '';"
                "CREATE TABLE reset_outcome ("
                " n INTEGER PRIMARY KEY," /* the row that was counted in last has the highest */
                " vendor_id TEXT NOT NULL,"
                " device_id TEXT NOT NULL,"
                " subsystem_vendor_id TEXT NOT NULL,"
                " subsystem_device_id TEXT NOT NULL,"
                " family TEXT NOT NULL,"
                " kernel TEXT NOT NULL,"
                " method TEXT NOT NULL,"
                " tries INTEGER NOT NULL,"
                " successes INTEGER NOT NULL,"
                " failures INTEGER NOT NULL,"
                " UNIQUE (vendor_id, device_id, subsystem_vendor_id, subsystem_device_id, family, kernel, method)"
                ") STRICT;";

        return store_execute(db, sql);
}

static int schema_to_4(sqlite3 *db) {
        static const char sql[] =
                /* Of a device that goes along with the card; "": of a function of the card, or there is none. */
                "ALTER TABLE home_function ADD COLUMN reset_method TEXT NOT NULL DEFAULT '';";

        return store_execute(db, sql);
}

static const SchemaMigration migration_table[] = {
        schema_to_1,
        schema_to_2,
        schema_to_3,
        schema_to_4,
};

int schema_newest(void) {
        return (int) ELEMENTSOF(migration_table);
}

int schema_version(sqlite3 *db, int *ret_version) {
        _cleanup_statement_ Statement get = statement_make(db, "PRAGMA user_version");

        int r = statement_next(&get);
        if (r < 0)
                return r;
        int version = (int) statement_take_signed(&get, 0, INT32_MAX);
        if (get.error < 0)
                return get.error;
        *ret_version = version;
        return 0;
}

int schema_is_empty(sqlite3 *db) {
        _cleanup_statement_ Statement get = statement_make(db, "SELECT count(*) FROM sqlite_schema");

        int r = statement_next(&get);
        if (r < 0)
                return r;
        uint64_t n = statement_take_number(&get, INT64_MAX);
        return get.error < 0 ? get.error : n == 0;
}

static int schema_raise(sqlite3 *db, SchemaMigration migration, int version) {
        _cleanup_transaction_ Transaction transaction = { 0 };
        char sql[64];

        int r = transaction_begin(&transaction, db, /* write= */ true);
        if (r < 0)
                return r;
        r = migration(db);
        if (r < 0)
                return r;
        (void) text_format(sql, sizeof(sql), "PRAGMA user_version = %d", version);
        r = store_execute(db, sql);
        if (r < 0)
                return r;
        return transaction_commit(&transaction);
}

int schema_migrate(sqlite3 *db, const SchemaMigration *migrations, size_t n_migrations) {
        int version;

        int r = schema_version(db, &version);
        if (r < 0)
                return r;
        if ((size_t) version > n_migrations)
                return -EPROTONOSUPPORT;
        if (version == 0) {
                r = schema_is_empty(db);
                if (r <= 0)
                        return r < 0 ? r : -EBADMSG;
        }
        for (size_t i = (size_t) version; i < n_migrations; i++) {
                r = schema_raise(db, migrations[i], (int) i + 1);
                if (r < 0)
                        return r;
        }
        return 0;
}

int schema_update(sqlite3 *db) {
        return schema_migrate(db, migration_table, ELEMENTSOF(migration_table));
}

#define SHAPE_SQL                                                                                            \
        "SELECT coalesce(group_concat(name || ' ' || type || ' ' || \"notnull\" || ' ' || pk), '')"          \
        " FROM pragma_table_info(?1)"

/* The columns of a table as one text. */
static int table_shape(sqlite3 *db, const char *table, char *ret_shape, size_t size) {
        _cleanup_statement_ Statement get = statement_make(db, SHAPE_SQL);

        statement_put_text(&get, table, PATH_TEXT_SIZE);
        int r = statement_next(&get);
        if (r < 0)
                return r;
        statement_take_text(&get, ret_shape, size);
        return get.error;
}

int schema_check(sqlite3 *db, int version) {
        _cleanup_(sqlite_closep) sqlite3 *model = NULL;
        char table[PATH_TEXT_SIZE], wanted[4096], found[4096];

        assert(version > 0 && version <= schema_newest());
        /* What the tables have to be is what the migrations make: no second list that could differ. */
        int code = sqlite3_open_v2(":memory:", &model, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
        if (code != SQLITE_OK)
                return error_of_sqlite(model, code);
        int r = schema_migrate(model, migration_table, (size_t) version);
        if (r < 0)
                return r;

        _cleanup_statement_ Statement tables =
                statement_make(model, "SELECT name FROM sqlite_schema WHERE type = 'table'");
        while ((r = statement_next(&tables)) > 0) {
                statement_take_field(&tables, table);
                r = table_shape(model, table, wanted, sizeof(wanted));
                if (r < 0)
                        return r;
                r = table_shape(db, table, found, sizeof(found));
                if (r < 0)
                        return r;
                if (!streq(wanted, found))
                        return -EBADMSG;
        }
        return r;
}
