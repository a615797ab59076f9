/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Migrations: forward only, one version at a time, each as a whole. Plus the words for SQLite's errors. */

#include "check-main.h"
#include "store-fixture.h"
#include "store/schema.h"
#include "store/statement.h"

static int make_1(sqlite3 *db) {
        return store_execute(db, "CREATE TABLE pet (name TEXT); INSERT INTO pet VALUES ('old')");
}

static int make_2(sqlite3 *db) {
        return store_execute(db, "ALTER TABLE pet ADD COLUMN age INTEGER; UPDATE pet SET age = 2");
}

static int make_3(sqlite3 *db) {
        return store_execute(db, "UPDATE pet SET age = age + 1, name = name || '3'");
}

static int fail_3(sqlite3 *db) {
        int r = store_execute(db, "UPDATE pet SET age = 99; CREATE TABLE half (done TEXT)");
        return r < 0 ? r : -ENOSPC;
}

static const SchemaMigration migrations[] = { make_1, make_2, make_3 };
static const SchemaMigration failing[] = { make_1, make_2, fail_3 };
static sqlite3 *db;

static void setup(void) {
        fixture_setup();
        snprintf(fixture_path, sizeof(fixture_path), "%s/x.db", fixture_folder);
        ck_assert_int_eq(sqlite3_open(fixture_path, &db), SQLITE_OK);
}

static void teardown(void) {
        ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
        fixture_teardown();
}

static int version(void) {
        int v = -1;

        ck_assert_int_eq(schema_version(db, &v), 0);
        return v;
}

START_TEST(empty_file_gets_all_versions) {
        ck_assert_int_eq(version(), 0);
        ck_assert_int_eq(schema_migrate(db, migrations, 3), 0);
        ck_assert_int_eq(version(), 3);
        ck_assert_str_eq(fixture_query("SELECT name || age FROM pet"), "old33");
}
END_TEST

START_TEST(older_file_gets_the_rest) {
        ck_assert_int_eq(schema_migrate(db, migrations, (size_t) _i), 0);
        ck_assert_int_eq(version(), _i);
        ck_assert_int_eq(schema_migrate(db, migrations, 3), 0);
        ck_assert_int_eq(version(), 3);
        ck_assert_str_eq(fixture_query("SELECT group_concat(name || age) FROM pet"), "old33");

        /* Nothing is done twice. */
        ck_assert_int_eq(schema_migrate(db, migrations, 3), 0);
        ck_assert_str_eq(fixture_query("SELECT group_concat(name || age) FROM pet"), "old33");
}
END_TEST

START_TEST(failure_leaves_a_whole_older_version) {
        ck_assert_int_eq(schema_migrate(db, failing, 3), -ENOSPC);
        ck_assert_int_eq(version(), 2);
        ck_assert_str_eq(fixture_query("SELECT name || age FROM pet"), "old2");
        ck_assert_str_eq(fixture_query("SELECT count(*) FROM sqlite_schema WHERE name = 'half'"), "0");
        ck_assert_int_eq(schema_migrate(db, migrations, 3), 0);
        ck_assert_str_eq(fixture_query("SELECT name || age FROM pet"), "old33");
}
END_TEST

START_TEST(newer_file_is_refused) {
        ck_assert_int_eq(schema_migrate(db, migrations, 3), 0);
        ck_assert_int_eq(schema_migrate(db, migrations, 2), -EPROTONOSUPPORT);
        ck_assert_int_eq(version(), 3);
}
END_TEST

START_TEST(tables_without_version_are_not_ours) {
        fixture_sql("CREATE TABLE other (x)");
        ck_assert_int_eq(schema_migrate(db, migrations, 3), -EBADMSG);
        ck_assert_str_eq(fixture_query("SELECT count(*) FROM sqlite_schema"), "1");
        fixture_sql("PRAGMA user_version = -1");
        ck_assert_int_eq(schema_migrate(db, migrations, 3), -EBADMSG);
}
END_TEST

START_TEST(own_schema_passes_its_check) {
        ck_assert_int_eq(schema_check(db, schema_newest()), -EBADMSG);
        ck_assert_int_eq(schema_update(db), 0);
        ck_assert_int_eq(version(), schema_newest());
        ck_assert_int_eq(schema_check(db, schema_newest()), 0);

        /* What a person adds beside it, or SQLite for itself, is none of ours. */
        fixture_sql("CREATE TABLE notes (x); CREATE INDEX i ON evidence (identity); ANALYZE");
        ck_assert_int_eq(schema_check(db, schema_newest()), 0);
        fixture_sql("ALTER TABLE lease RENAME COLUMN by_hand TO by_foot");
        ck_assert_int_eq(schema_check(db, schema_newest()), -EBADMSG);
}
END_TEST

static const struct {
        int code, error;
} error_table[] = {
        { SQLITE_OK, 0 },
        { SQLITE_ROW, 0 },
        { SQLITE_DONE, 0 },
        { SQLITE_FULL, -ENOSPC },
        { SQLITE_READONLY, -EROFS },
        { SQLITE_READONLY_DBMOVED, -EROFS },
        { SQLITE_IOERR, -EIO },
        { SQLITE_IOERR_WRITE, -EIO },
        { SQLITE_IOERR_READ, -EIO },
        { SQLITE_IOERR_NOMEM, -ENOMEM },
        { SQLITE_IOERR_SHORT_READ, -EBADMSG },
        { SQLITE_CANTOPEN, -ENOENT },
        { SQLITE_CORRUPT, -EBADMSG },
        { SQLITE_CORRUPT_INDEX, -EBADMSG },
        { SQLITE_NOTADB, -EBADMSG },
        { SQLITE_ERROR, -EBADMSG },
        { SQLITE_BUSY, -EBUSY },
        { SQLITE_BUSY_SNAPSHOT, -EBUSY },
        { SQLITE_LOCKED, -EBUSY },
        { SQLITE_NOMEM, -ENOMEM },
        { SQLITE_PERM, -EACCES },
        { SQLITE_CONSTRAINT_UNIQUE, -EEXIST },
        { SQLITE_CONSTRAINT_PRIMARYKEY, -EEXIST },
        { SQLITE_CONSTRAINT_CHECK, -EINVAL },
        { SQLITE_TOOBIG, -E2BIG },
        { SQLITE_MISUSE, -EINVAL },
};

START_TEST(codes_have_their_errno) {
        for (size_t i = 0; i < ELEMENTSOF(error_table); i++)
                ck_assert_msg(error_of_sqlite(NULL, error_table[i].code) == error_table[i].error, "%s (%d)",
                              sqlite3_errstr(error_table[i].code), error_table[i].code);
}
END_TEST

START_TEST(first_error_sticks) {
        _cleanup_statement_ Statement bad = statement_make(db, "SELECT nothing FROM nowhere");
        char text[4] = "abc";

        statement_put_text(&bad, "too long", 3);
        statement_put_number(&bad, UINT64_MAX);
        ck_assert_int_eq(statement_run(&bad), -EBADMSG);
        ck_assert_int_eq(statement_next(&bad), -EBADMSG);
        statement_take_field(&bad, text);
        ck_assert_str_eq(text, "");
        ck_assert_uint_eq(statement_take_number(&bad, 9), 0);
}
END_TEST

START_TEST(columns_are_checked) {
        _cleanup_statement_ Statement get = statement_make(db, "SELECT 'abcd', 7, NULL");
        char text[4];

        ck_assert_int_eq(statement_next(&get), 1);
        statement_take_field(&get, text);
        ck_assert_int_eq(get.error, -EBADMSG);
        get.error = 0;
        ck_assert_uint_eq(statement_take_number(&get, 6), 0);
        ck_assert_int_eq(get.error, -EBADMSG);
        get.error = 0;
        get.column = 1;
        ck_assert_uint_eq(statement_take_number(&get, 7), 7);
        ck_assert_uint_eq(statement_take_duration(&get), USEC_INFINITY);
        ck_assert_int_eq(get.error, 0);
        statement_take_field(&get, text); /* no such column */
        ck_assert_int_eq(get.error, -EBADMSG);
}
END_TEST

static Suite *schema_suite(void) {
        Suite *suite = suite_create("store schema");
        TCase *test = tcase_create("schema");

        tcase_add_checked_fixture(test, setup, teardown);
        tcase_add_test(test, empty_file_gets_all_versions);
        tcase_add_loop_test(test, older_file_gets_the_rest, 1, 4);
        tcase_add_test(test, failure_leaves_a_whole_older_version);
        tcase_add_test(test, newer_file_is_refused);
        tcase_add_test(test, tables_without_version_are_not_ours);
        tcase_add_test(test, own_schema_passes_its_check);
        tcase_add_test(test, codes_have_their_errno);
        tcase_add_test(test, first_error_sticks);
        tcase_add_test(test, columns_are_checked);
        suite_add_tcase(suite, test);
        return suite;
}

CHECK_MAIN(schema_suite)
