/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opening: where a store can be, whose it is, and what a full disk does to it. */

#include <sched.h>
#include <sys/mount.h>

#include "check-main.h"
#include "store-files.h"

/* Exit code of a child that may not do what the test needs. */
#define EXIT_NOT_ALLOWED 77

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
        ck_assert_str_eq(fixture_query("PRAGMA user_version"), "4");

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
                log_sql("PRAGMA user_version = 1000");
                log = file_bytes(beside("-wal"));
        } else
                fixture_sql("PRAGMA user_version = 1000; DROP TABLE card; CREATE TABLE card (future TEXT)");
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

/* Not even its journal mode is changed. */
START_TEST(newer_file_without_log_is_left_alone) {
        Store *store = NULL;
        char *aside = NULL;

        make_store();
        fixture_sql("PRAGMA journal_mode = DELETE; PRAGMA user_version = 1000");
        _cleanup_bytes_ Bytes file = file_bytes(fixture_path);
        ck_assert_int_eq(store_open(fixture_path, &store, &aside), -EPROTONOSUPPORT);
        assert_bytes(fixture_path, &file);
        ck_assert_uint_eq(count_files("*"), 1);
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
                if ((unshare(CLONE_NEWNS) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
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
        ck_assert_msg(r != EXIT_NOT_ALLOWED, "this test needs a mount namespace: CAP_SYS_ADMIN, or user namespaces");
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
        tcase_add_loop_test(test, newer_file_is_left_alone, 0, 2);
        tcase_add_test(test, newer_file_without_log_is_left_alone);
        tcase_add_test(test, place_that_cannot_be);
        tcase_add_test(test, read_only_place);
        tcase_add_loop_test(test, no_room_for_a_new_store, 0, 20);
        tcase_add_test(test, file_gets_too_large);
        tcase_add_test(test, disk_gets_full);
        tcase_add_test(test, locked_by_somebody);
        tcase_add_test(test, free_takes_null);
        suite_add_tcase(suite, test);
        return suite;
}

CHECK_MAIN(open_suite)
