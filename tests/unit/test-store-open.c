/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opening what is there, whatever it is: used, set aside whole, or left alone. */

#include <glob.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>

#include "check-main.h"
#include "store-fixture.h"
#include "store/schema.h"

/* Exit code of a child that may not do what the test needs. */
#define EXIT_NOT_ALLOWED 77

typedef struct Bytes {
        char *data;
        size_t size;
} Bytes;

static void bytes_done(Bytes *bytes) {
        free(bytes->data);
}
#define _cleanup_bytes_ _cleanup_(bytes_done)

static Bytes file_bytes(const char *path) {
        _cleanup_fclose_ FILE *f = fopen(path, "re");
        Bytes bytes = { 0 };

        ck_assert_ptr_nonnull(f);
        FILE *memory = open_memstream(&bytes.data, &bytes.size);
        for (int c; (c = fgetc(f)) != EOF;)
                fputc(c, memory);
        fclose(memory);
        return bytes;
}

static void file_write(const char *path, const void *data, size_t size) {
        FILE *f = fopen(path, "we");

        ck_assert_ptr_nonnull(f);
        ck_assert_uint_eq(fwrite(data, 1, size, f), size);
        ck_assert_int_eq(fclose(f), 0);
}

static void assert_bytes(const char *path, const Bytes *expected) {
        _cleanup_bytes_ Bytes found = file_bytes(path);

        ck_assert_uint_eq(found.size, expected->size);
        ck_assert_int_eq(memcmp(found.data, expected->data, found.size), 0);
}

static const char *beside(const char *suffix) {
        static char buffers[4][sizeof(fixture_path) + 64];
        static unsigned n;
        char *buffer = buffers[n++ % ELEMENTSOF(buffers)];

        snprintf(buffer, sizeof(buffers[0]), "%s%s", fixture_path, suffix);
        return buffer;
}

static size_t count_files(const char *pattern) {
        glob_t found = { 0 };

        (void) glob(beside(pattern), 0, NULL, &found);
        size_t n = found.gl_pathc;
        globfree(&found);
        return n;
}

static mode_t mode_of(const char *path) {
        struct stat st;

        ck_assert_int_eq(stat(path, &st), 0);
        return st.st_mode & 07777;
}

/* A store with two cards, closed; three pages at least. */
static void make_store(void) {
        StoredCard card = sample_card("card"), other = sample_card("other");
        Store *store = fixture_open();

        ck_assert_int_eq(store_save_card(store, &card), 0);
        ck_assert_int_eq(store_save_card(store, &other), 0);
        store_free(store);
}

/* The same, as a daemon that was killed leaves it: all of it in the log. */
static void make_killed_store(void) {
        pid_t pid = fork();
        if (pid == 0) {
                StoredCard card = sample_card("card");
                Store *store = NULL;
                char *aside = NULL;
                if (store_open(fixture_path, &store, &aside) < 0 || store_save_card(store, &card) < 0)
                        _exit(1);
                (void) raise(SIGKILL);
        }
        int status;
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert(WIFSIGNALED(status));
        ck_assert_int_eq(access(beside("-wal"), F_OK), 0);
}

/* Changes the store as a person would who has it open while the daemon is killed: in the log only. */
static void log_sql(const char *sql) {
        sqlite3 *db = NULL;

        ck_assert_int_eq(sqlite3_open(fixture_path, &db), SQLITE_OK);
        (void) sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        ck_assert_int_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
        ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}

/* Of no use, by what is in the log. */
static void make_broken_killed_store(void) {
        make_killed_store();
        log_sql("PRAGMA user_version = -3");
}

static void assert_store_works(void) {
        StoredCard card = sample_card("card"), loaded;
        Store *store = NULL;
        char *aside = NULL;

        ck_assert_int_eq(store_open(fixture_path, &store, &aside), 0);
        ck_assert_int_eq(store_save_card(store, &card), 0);
        ck_assert_int_eq(store_load_card(store, "card", &loaded), 0);
        assert_card_equal(&card, &loaded);
        store_free(store);
        free(aside);
}

START_TEST(folder_and_file_are_made_private) {
        umask(0);
        Store *store = fixture_open();
        StoredCard card = sample_card("card");

        ck_assert_int_eq(store_save_card(store, &card), 0);
        char folder[sizeof(fixture_folder) + 8];
        snprintf(folder, sizeof(folder), "%s/state", fixture_folder);
        ck_assert_uint_eq(mode_of(folder), 0700);
        ck_assert_uint_eq(mode_of(fixture_path), 0600);
        ck_assert_uint_eq(mode_of(beside("-wal")), 0600);
        ck_assert_uint_eq(mode_of(beside("-shm")), 0600);
        store_free(store);
        ck_assert_str_eq(fixture_query("PRAGMA journal_mode"), "wal");
        ck_assert_str_eq(fixture_query("PRAGMA user_version"), "1");

        ck_assert_int_eq(chmod(fixture_path, 0644), 0);
        store_free(fixture_open());
        ck_assert_uint_eq(mode_of(fixture_path), 0600);
}
END_TEST

START_TEST(empty_file_is_a_new_store) {
        store_free(fixture_open());
        file_write(fixture_path, "", 0);
        store_free(fixture_open());
        assert_store_works();
        ck_assert_uint_eq(count_files(".broken-*"), 0);
}
END_TEST

START_TEST(link_is_followed) {
        char target[sizeof(fixture_path)];

        store_free(fixture_open());
        snprintf(target, sizeof(target), "%s/elsewhere.db", fixture_folder);
        ck_assert_int_eq(rename(fixture_path, target), 0);
        ck_assert_int_eq(symlink(target, fixture_path), 0);
        assert_store_works();
        struct stat st;
        ck_assert_int_eq(lstat(fixture_path, &st), 0);
        ck_assert(S_ISLNK(st.st_mode));
}
END_TEST

/* Ways for a file to be of no use. Each starts from a store with cards. */

static void make_text(void) {
        file_write(fixture_path, "this is no database\n", 20);
}

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
                    " (1, '', '', '', '', '', '', 0, 0, 0, 0, '', '', 0, 0)");
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
        { "truncated", make_truncated },
        { "header only", make_header_only },
        { "one byte", make_one_byte },
        { "huge", make_huge },
        { "foreign", make_foreign },
        { "no tables", make_no_tables },
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

START_TEST(newer_file_is_left_alone) {
        const bool killed = _i == 1;
        _cleanup_bytes_ Bytes log = { 0 };
        Store *store = NULL;
        char *aside = NULL;

        if (killed)
                make_killed_store();
        else
                make_store();
        if (killed) {
                log_sql("PRAGMA user_version = 2");
                log = file_bytes(beside("-wal"));
        } else
                fixture_sql("PRAGMA user_version = 2; DROP TABLE card; CREATE TABLE card (future TEXT)");
        _cleanup_bytes_ Bytes file = file_bytes(fixture_path);

        for (unsigned i = 0; i < 3; i++) {
                ck_assert_int_eq(store_open(fixture_path, &store, &aside), -EPROTONOSUPPORT);
                ck_assert_ptr_null(store);
                ck_assert_ptr_null(aside);
                assert_bytes(fixture_path, &file);
                if (killed)
                        assert_bytes(beside("-wal"), &log);
        }
        ck_assert_uint_eq(count_files(".broken-*"), 0);
}
END_TEST

START_TEST(place_that_cannot_be) {
        char path[256];
        Store *store = NULL;
        char *aside = NULL;

        store_free(fixture_open());
        ck_assert_int_eq(store_open(beside("/x.db"), &store, &aside), -ENOTDIR);
        ck_assert_int_eq(store_open(beside("/x/y.db"), &store, &aside), -ENOTDIR);
        snprintf(path, sizeof(path), "%s/a/b/x.db", fixture_folder);
        ck_assert_int_eq(store_open(path, &store, &aside), -ENOENT);
        ck_assert_int_eq(store_open("/proc/x.db", &store, &aside), -ENOENT);
        snprintf(path, sizeof(path), "%s/", fixture_folder);
        ck_assert_int_eq(store_open(path, &store, &aside), -EISDIR);
        ck_assert_ptr_null(store);
        ck_assert_ptr_null(aside);
}
END_TEST

/* What the child's store_open() returned; EXIT_NOT_ALLOWED where there are no mount namespaces. */
static int open_on_read_only_mount(void) {
        Store *store = NULL;
        char *aside = NULL;
        pid_t pid = fork();
        if (pid == 0) {
                if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
                    mount(fixture_folder, fixture_folder, NULL, MS_BIND, NULL) < 0 ||
                    mount(NULL, fixture_folder, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) < 0)
                        _exit(EXIT_NOT_ALLOWED);
                _exit(-store_open(fixture_path, &store, &aside));
        }
        int status;
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert(WIFEXITED(status));
        return WEXITSTATUS(status);
}

START_TEST(read_only_place) {
        static void (*const make_table[])(void) = { make_store, make_killed_store, make_text };

        int r = open_on_read_only_mount();
        if (r == EXIT_NOT_ALLOWED)
                return;
        ck_assert_int_eq(r, EROFS);
        for (size_t i = 0; i < ELEMENTSOF(make_table); i++) {
                make_table[i]();
                _cleanup_bytes_ Bytes file = file_bytes(fixture_path);
                ck_assert_int_eq(open_on_read_only_mount(), EROFS);
                assert_bytes(fixture_path, &file);
        }
        ck_assert_uint_eq(count_files(".broken-*"), 0);
}
END_TEST

static void limit_file_size(rlim_t size) {
        struct rlimit limit = { .rlim_cur = size, .rlim_max = RLIM_INFINITY };

        ck_assert_ptr_ne(signal(SIGXFSZ, SIG_IGN), SIG_ERR);
        ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* SQLite knows ENOSPC; other reasons why there is no room are I/O errors to it. */
static bool is_no_room(int r) {
        return r == -ENOSPC || r == -EIO;
}

START_TEST(no_room_for_a_new_store) {
        Store *store = NULL;
        char *aside = NULL;

        limit_file_size((rlim_t) _i * 1024);
        ck_assert(is_no_room(store_open(fixture_path, &store, &aside)));
        ck_assert_ptr_null(aside);
        limit_file_size(RLIM_INFINITY);
        store_free(fixture_open());
        assert_store_works();
}
END_TEST

/* The old file is not given up for a new one that cannot be. */
START_TEST(no_room_to_replace_a_broken_one) {
        Store *store = NULL;
        char *aside = NULL;

        make_broken_killed_store();
        _cleanup_bytes_ Bytes file = file_bytes(fixture_path), log = file_bytes(beside("-wal"));
        limit_file_size((rlim_t) _i * 1024);
        ck_assert(is_no_room(store_open(fixture_path, &store, &aside)));
        limit_file_size(RLIM_INFINITY);
        ck_assert_ptr_null(aside);
        assert_bytes(fixture_path, &file);
        assert_bytes(beside("-wal"), &log);
        ck_assert_uint_eq(count_files(".broken-*"), 0);

        ck_assert_int_eq(store_open(fixture_path, &store, &aside), 0);
        ck_assert_ptr_nonnull(aside);
        free(aside);
        store_free(store);
}
END_TEST

/* @expected: what the calls in between return */
static void use_full_disk(void (*fill)(void), void (*clear)(void), bool (*expected)(int)) {
        StoredCard card = sample_card("card"), loaded;
        _cleanup_free_ StoredOperation *operation = sample_operation(OPERATION_A);
        _cleanup_collected_ Collected found = { 0 };

        Store *store = fixture_open();
        ck_assert_int_eq(store_save_card(store, &card), 0);
        fill();
        StoredCard changed = card;
        changed.state = RESET_STATE_FAILED;
        ck_assert(expected(store_save_card(store, &changed)));
        ck_assert(expected(store_begin_operation(store, operation)));
        ck_assert_int_eq(store_load_card(store, "card", &loaded), 0);
        assert_card_equal(&card, &loaded);
        clear();
        ck_assert_int_eq(store_save_card(store, &changed), 0);
        ck_assert_int_eq(store_begin_operation(store, operation), 0);
        store_free(store);

        store = fixture_open();
        ck_assert_int_eq(store_load_card(store, "card", &loaded), 0);
        assert_card_equal(&changed, &loaded);
        ck_assert_int_eq(store_each_operation(store, collect, &found), 0);
        ck_assert_uint_eq(found.n, 1);
        assert_operation_equal(operation, found.operations[0]);
        store_free(store);
}

static void fill_limit(void) {
        struct stat st;

        ck_assert_int_eq(stat(beside("-wal"), &st), 0);
        limit_file_size((rlim_t) st.st_size);
}

static void clear_limit(void) {
        limit_file_size(RLIM_INFINITY);
}

START_TEST(file_gets_too_large) {
        use_full_disk(fill_limit, clear_limit, is_no_room);
}
END_TEST

static void fill_disk(void) {
        static char block[1024];
        _cleanup_close_ int fd = open(beside("-filler"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

        ck_assert_int_ge(fd, 0);
        while (write(fd, block, sizeof(block)) > 0)
                ;
        ck_assert_int_eq(errno, ENOSPC);
}

static void clear_disk(void) {
        ck_assert_int_eq(unlink(beside("-filler")), 0);
}

static bool is_no_space(int r) {
        return r == -ENOSPC;
}

START_TEST(disk_gets_full) {
        if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
            mount("tmpfs", fixture_folder, "tmpfs", 0, "size=512k") < 0)
                return;
        use_full_disk(fill_disk, clear_disk, is_no_space);
        ck_assert_int_eq(umount(fixture_folder), 0);
}
END_TEST

/* A person with sqlite3 holds a lock. */
START_TEST(locked_by_somebody) {
        StoredCard card = sample_card("card"), loaded;
        sqlite3 *db = NULL;
        Store *store = fixture_open();

        ck_assert_int_eq(store_save_card(store, &card), 0);
        ck_assert_int_eq(sqlite3_open(fixture_path, &db), SQLITE_OK);
        ck_assert_int_eq(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
        ck_assert_int_eq(store_save_card(store, &card), -EBUSY);
        ck_assert_int_eq(store_load_card(store, "card", &loaded), 0);
        ck_assert_int_eq(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
        ck_assert_int_eq(store_save_card(store, &card), 0);
        ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
        store_free(store);
}
END_TEST

START_TEST(free_takes_null) {
        ck_assert_ptr_null(store_free(NULL));
}
END_TEST

static Suite *open_suite(void) {
        Suite *suite = suite_create("store open");
        TCase *test = tcase_create("open");

        tcase_set_timeout(test, 60);
        tcase_add_checked_fixture(test, fixture_setup, fixture_teardown);
        tcase_add_test(test, folder_and_file_are_made_private);
        tcase_add_test(test, empty_file_is_a_new_store);
        tcase_add_test(test, link_is_followed);
        tcase_add_loop_test(test, unusable_file_is_set_aside, 0, (int) ELEMENTSOF(unusable_table));
        tcase_add_test(test, unusable_file_keeps_its_log);
        tcase_add_test(test, each_set_aside_has_its_own_name);
        tcase_add_test(test, set_aside_is_told_until_a_card_is_saved);
        tcase_add_loop_test(test, newer_file_is_left_alone, 0, 2);
        tcase_add_test(test, place_that_cannot_be);
        tcase_add_test(test, read_only_place);
        tcase_add_loop_test(test, no_room_for_a_new_store, 0, 20);
        tcase_add_loop_test(test, no_room_to_replace_a_broken_one, 0, 20);
        tcase_add_test(test, file_gets_too_large);
        tcase_add_test(test, disk_gets_full);
        tcase_add_test(test, locked_by_somebody);
        tcase_add_test(test, free_takes_null);
        suite_add_tcase(suite, test);
        return suite;
}

CHECK_MAIN(open_suite)
