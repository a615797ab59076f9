/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A file that cannot be used: renamed with everything that belongs to it, never lost, never kept quiet. */

#include "check-main.h"
#include "store-files.h"

/* Ways for a file to be of no use. Each starts from a store with cards. */

static void make_noise(void) {
        char noise[70000];
        uint32_t x = 1;

        for (size_t i = 0; i < sizeof(noise); i++)
                noise[i] = (char) ((x = x * 1664525 + 1013904223) >> 24);
        file_write(fixture_path, noise, sizeof(noise));
}

static void overwrite(off_t offset, int c, size_t n) {
        _cleanup_close_ int fd = open(fixture_path, O_WRONLY | O_CLOEXEC);

        ck_assert_int_ge(fd, 0);
        for (size_t i = 0; i < n; i++)
                ck_assert_int_eq(pwrite(fd, &(char){ (char) c }, 1, offset + (off_t) i), 1);
}

static void make_noise_behind_header(void) {
        overwrite(100, 0xa5, 4000);
}

static void make_broken_page(void) {
        overwrite(4096, 0xff, 4096);
}

static void make_zeroed_page(void) {
        overwrite(4096, 0, 4096);
}

static void make_other_magic(void) {
        overwrite(0, 'X', 4);
}

static void make_other_page_size(void) {
        overwrite(16, 3, 1);
}

static void make_truncated(void) {
        struct stat st;

        ck_assert_int_eq(stat(fixture_path, &st), 0);
        ck_assert_int_eq(truncate(fixture_path, st.st_size / 2), 0);
}

static void make_header_only(void) {
        ck_assert_int_eq(truncate(fixture_path, 100), 0);
}

static void make_one_byte(void) {
        ck_assert_int_eq(truncate(fixture_path, 1), 0);
}

static void make_huge(void) {
        ck_assert_int_eq(truncate(fixture_path, (off_t) STORE_FILE_SIZE_MAX + 4096), 0);
}

static void make_foreign(void) {
        ck_assert_int_eq(unlink(fixture_path), 0);
        fixture_sql("CREATE TABLE places (url TEXT); INSERT INTO places VALUES ('x')");
}

static void make_no_tables(void) {
        ck_assert_int_eq(unlink(fixture_path), 0);
        fixture_sql("PRAGMA user_version = 3");
}

static void make_older_without_tables(void) {
        ck_assert_int_eq(unlink(fixture_path), 0);
        fixture_sql("PRAGMA user_version = 1");
}

static void make_missing_table(void) {
        fixture_sql("DROP TABLE outcome");
}

static void make_missing_column(void) {
        fixture_sql("ALTER TABLE card DROP COLUMN driver");
}

static void make_other_column(void) {
        fixture_sql("ALTER TABLE evidence ADD COLUMN mood TEXT NOT NULL DEFAULT ''");
}

static void make_negative_version(void) {
        fixture_sql("PRAGMA user_version = -3");
}

static void make_version_0_with_tables(void) {
        fixture_sql("PRAGMA user_version = 0");
}

static void make_lost_id(void) {
        fixture_sql("PRAGMA ignore_check_constraints = ON; INSERT INTO operation VALUES"
                    " (1, '', '', '', '', '', '', 0, 0, 0, 0, '', '', 0, 0, 0)");
}

static void make_folder(void) {
        ck_assert_int_eq(unlink(fixture_path), 0);
        ck_assert_int_eq(mkdir(fixture_path, 0700), 0);
}

static void make_pipe(void) {
        ck_assert_int_eq(unlink(fixture_path), 0);
        ck_assert_int_eq(mkfifo(fixture_path, 0600), 0);
}

static void make_dangling_link(void) {
        ck_assert_int_eq(unlink(fixture_path), 0);
        ck_assert_int_eq(symlink("nowhere", fixture_path), 0);
}

static void make_log_without_file(void) {
        make_killed_store();
        ck_assert_int_eq(unlink(fixture_path), 0);
}

static void make_log_with_empty_file(void) {
        make_killed_store();
        ck_assert_int_eq(truncate(fixture_path, 0), 0);
}

static void make_log_of_noise(void) {
        char noise[5000];

        make_killed_store();
        memset(noise, 0xa5, sizeof(noise));
        file_write(beside("-wal"), noise, sizeof(noise));
}

static void make_log_a_folder(void) {
        ck_assert_int_eq(mkdir(beside("-wal"), 0700), 0);
}

static const struct {
        const char *name;
        void (*make)(void);
} unusable_table[] = {
        { "text", make_text },
        { "noise", make_noise },
        { "noise behind the header", make_noise_behind_header },
        { "broken page", make_broken_page },
        { "zeroed page", make_zeroed_page },
        { "other magic", make_other_magic },
        { "other page size", make_other_page_size },
        { "truncated", make_truncated },
        { "header only", make_header_only },
        { "one byte", make_one_byte },
        { "huge", make_huge },
        { "foreign", make_foreign },
        { "no tables", make_no_tables },
        { "older without tables", make_older_without_tables },
        { "missing table", make_missing_table },
        { "missing column", make_missing_column },
        { "other column", make_other_column },
        { "negative version", make_negative_version },
        { "version 0 with tables", make_version_0_with_tables },
        { "operation without id", make_lost_id },
        { "folder", make_folder },
        { "pipe", make_pipe },
        { "dangling link", make_dangling_link },
        { "log without file", make_log_without_file },
        { "log with empty file", make_log_with_empty_file },
        { "log of noise", make_log_of_noise },
        { "log is a folder", make_log_a_folder },
};

/* Small regular files only: what they were has to be what is set aside. */
static bool is_comparable(const char *path) {
        struct stat st;

        return lstat(path, &st) >= 0 && S_ISREG(st.st_mode) && st.st_size < STORE_FILE_SIZE_MAX;
}

START_TEST(unusable_file_is_set_aside) {
        _cleanup_bytes_ Bytes file = { 0 }, log = { 0 };
        char aside_log[sizeof(fixture_path) + 64];
        Store *store = NULL;
        char *aside = NULL;

        make_store();
        unusable_table[_i].make();
        bool has_file = is_comparable(fixture_path), has_log = is_comparable(beside("-wal"));
        if (has_file)
                file = file_bytes(fixture_path);
        if (has_log)
                log = file_bytes(beside("-wal"));

        int r = store_open(fixture_path, &store, &aside);
        ck_assert_msg(r == 0 && aside, "%s: %s, %s", unusable_table[_i].name, strerror(-r),
                      aside ? aside : "-");
        store_free(store);

        /* NAME.broken-YYYYMMDD-HHMMSS */
        const char *stamp = text_starts_with(aside, beside(".broken-"));
        ck_assert_ptr_nonnull(stamp);
        ck_assert_uint_eq(strlen(stamp), 15);
        ck_assert_uint_eq(strspn(stamp, "0123456789"), 8);
        ck_assert_int_eq(stamp[8], '-');
        ck_assert_uint_eq(strspn(stamp + 9, "0123456789"), 6);
        if (has_file)
                assert_bytes(aside, &file);
        snprintf(aside_log, sizeof(aside_log), "%s-wal", aside);
        if (has_log)
                assert_bytes(aside_log, &log);
        free(aside);
        assert_store_works();
        ck_assert_uint_eq(count_files(".broken-*[0-9]"),
                          unusable_table[_i].make == make_log_without_file ? 0 : 1);
}
END_TEST

/* With the log that a killed daemon has left: it stays with its file. */
START_TEST(unusable_file_keeps_its_log) {
        _cleanup_bytes_ Bytes file = { 0 }, log = { 0 };
        char path[sizeof(fixture_path) + 64];
        Store *store = NULL;
        char *aside = NULL;

        make_broken_killed_store();
        file = file_bytes(fixture_path);
        log = file_bytes(beside("-wal"));
        ck_assert_uint_gt(log.size, 4096);
        ck_assert_int_eq(store_open(fixture_path, &store, &aside), 0);
        store_free(store);
        ck_assert_ptr_nonnull(aside);
        assert_bytes(aside, &file);
        snprintf(path, sizeof(path), "%s-wal", aside);
        assert_bytes(path, &log);
        free(aside);
}
END_TEST

START_TEST(each_set_aside_has_its_own_name) {
        for (unsigned i = 0; i < 5; i++) {
                Store *store = NULL;
                char *aside = NULL;
                store_free(fixture_open());
                file_write(fixture_path, "garbage", 7);
                ck_assert_int_eq(store_open(fixture_path, &store, &aside), 0);
                ck_assert_ptr_nonnull(aside);
                ck_assert_int_eq(access(aside, F_OK), 0);
                free(aside);
                StoredCard card = sample_card("card");
                ck_assert_int_eq(store_save_card(store, &card), 0);
                store_free(store);
                ck_assert_uint_eq(count_files(".broken-*"), i + 1);
        }
}
END_TEST

/* A daemon may die before it has said so. */
START_TEST(set_aside_is_told_until_a_card_is_saved) {
        StoredCard card = sample_card("card");
        char *first = NULL;
        Store *store = NULL;

        store_free(fixture_open());
        file_write(fixture_path, "garbage", 7);
        ck_assert_int_eq(store_open(fixture_path, &store, &first), 0);
        store_free(store);
        ck_assert_ptr_nonnull(first);
        for (unsigned i = 0; i < 3; i++) {
                char *again = NULL;
                if (i == 1) /* it had not even begun the new one */
                        ck_assert_int_eq(unlink(fixture_path), 0);
                ck_assert_int_eq(store_open(fixture_path, &store, &again), 0);
                ck_assert_str_eq(first, again);
                free(again);
                if (i == 2)
                        ck_assert_int_eq(store_save_card(store, &card), 0);
                store_free(store);
        }
        free(first);
        store_free(fixture_open());
}
END_TEST

/* The old file is not given up for a new one that cannot be. */
static void replace_without_room(rlim_t size, bool has_log) {
        _cleanup_bytes_ Bytes file = file_bytes(fixture_path), log = { 0 };
        Store *store = NULL;
        char *aside = NULL;

        if (has_log)
                log = file_bytes(beside("-wal"));
        limit_file_size(size);
        int r = store_open(fixture_path, &store, &aside);
        limit_file_size(RLIM_INFINITY);
        if (r == 0) { /* there is room by now */
                ck_assert_ptr_nonnull(aside);
                assert_bytes(aside, &file);
                free(aside);
                store_free(store);
                return;
        }
        ck_assert(is_no_room(r));
        ck_assert_ptr_null(aside);
        assert_bytes(fixture_path, &file);
        if (has_log)
                assert_bytes(beside("-wal"), &log);
        else
                ck_assert_uint_eq(count_files("*"), 1); /* nothing of the failed new one */
        ck_assert_uint_eq(count_files(".broken-*"), 0);

        ck_assert_int_eq(store_open(fixture_path, &store, &aside), 0);
        ck_assert_ptr_nonnull(aside);
        free(aside);
        store_free(store);
}

START_TEST(no_room_to_replace_text) {
        store_free(fixture_open());
        make_text();
        replace_without_room((rlim_t) _i * 4096, /* has_log= */ false);
}
END_TEST

/* From where the log of the old one can be read, which takes 32 KiB, to where the new one fits. */
START_TEST(no_room_to_replace_a_file_with_a_log) {
        make_broken_killed_store();
        replace_without_room((rlim_t) _i * 4096, /* has_log= */ true);
}
END_TEST

static Suite *set_aside_suite(void) {
        Suite *suite = suite_create("store set aside");
        TCase *test = tcase_create("set aside");

        tcase_set_timeout(test, 60);
        tcase_add_checked_fixture(test, fixture_setup, fixture_teardown);
        tcase_add_loop_test(test, unusable_file_is_set_aside, 0, (int) ELEMENTSOF(unusable_table));
        tcase_add_test(test, unusable_file_keeps_its_log);
        tcase_add_test(test, each_set_aside_has_its_own_name);
        tcase_add_test(test, set_aside_is_told_until_a_card_is_saved);
        tcase_add_loop_test(test, no_room_to_replace_text, 0, 12);
        tcase_add_loop_test(test, no_room_to_replace_a_file_with_a_log, 0, 12);
        suite_add_tcase(suite, test);
        return suite;
}

CHECK_MAIN(set_aside_suite)
