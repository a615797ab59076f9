/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every call into the C library that opening a store makes fails once, for every shape that the files may have:
 * the open says so or does without, and what was in the files is still there, under one name or the other.
 */

#include <dirent.h>
#include <stdarg.h>
#include <time.h>

#include "check-main.h"
#include "failing-calls.h"
#include "store-files.h"

FAILING_CALL(int, access, -1, (const char *path, int mode), (path, mode))
FAILING_CALL(int, chmod, -1, (const char *path, mode_t mode), (path, mode))
FAILING_CALL(int, fstat, -1, (int fd, struct stat *st), (fd, st))
FAILING_CALL(int, fsync, -1, (int fd), (fd))
FAILING_CALL(struct tm *, gmtime_r, NULL, (const time_t *at, struct tm *tm), (at, tm))
FAILING_CALL(int, lstat, -1, (const char *path, struct stat *st), (path, st))
FAILING_CALL(void *, malloc, NULL, (size_t size), (size))
FAILING_CALL(int, mkdir, -1, (const char *path, mode_t mode), (path, mode))
FAILING_CALL(DIR *, opendir, NULL, (const char *path), (path))
FAILING_CALL(ssize_t, read, -1, (int fd, void *data, size_t size), (fd, data, size))
FAILING_CALL(struct dirent *, readdir, NULL, (DIR * dir), (dir))
FAILING_CALL(char *, realpath, NULL, (const char *path, char *resolved), (path, resolved))
FAILING_CALL(int, rename, -1, (const char *from, const char *to), (from, to))
FAILING_CALL(int, stat, -1, (const char *path, struct stat *st), (path, st))
FAILING_CALL(size_t, strftime, 0, (char *text, size_t size, const char *format, const struct tm *tm),
             (text, size, format, tm))
FAILING_CALL(char *, strdup, NULL, (const char *text), (text))
FAILING_CALL(int, unlink, -1, (const char *path), (path))

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...) {
        va_list ap;

        va_start(ap, flags);
        mode_t mode = (flags & O_CREAT) != 0 ? va_arg(ap, mode_t) : 0;
        va_end(ap);
        return failing_is_due("open") ? -1 : __real_open(path, flags, mode);
}

int __wrap_asprintf(char **ret, const char *format, ...) _printf_(2, 3);
int __wrap_asprintf(char **ret, const char *format, ...) {
        va_list ap;

        *ret = NULL;
        if (failing_is_due("asprintf"))
                return -1;
        va_start(ap, format);
        int n = vasprintf(ret, format, ap);
        va_end(ap);
        return n;
}

/* A clock that stands still, where a test wants that. */
static time_t fixed_time;

time_t __real_time(time_t *ret);
time_t __wrap_time(time_t *ret);
time_t __wrap_time(time_t *ret) {
        return fixed_time > 0 ? fixed_time : __real_time(ret);
}

/* Shapes of the files. A card named "card" is in all that are whole. */

static void make_nothing(void) {
}


static void make_broken(void) {
        make_store();
        make_text();
}

static void make_open_to_all(void) {
        make_store();
        ck_assert_int_eq(chmod(fixture_path, 0644), 0);
}

/* An empty new store beside one that was set aside, as a daemon leaves it that died before it said so. */
static void make_untold(void) {
        Store *store = NULL;
        char *aside = NULL;

        make_broken();
        /* Older ones, and what is none. */
        file_write(beside(".broken-20200101-000000"), "", 0);
        file_write(beside(".broken-20200101-000000-wal"), "", 0);
        file_write(beside(".broken-20200102-000000"), "", 0);
        file_write(beside(".broken-20190101-000000"), "", 0);
        ck_assert_int_eq(store_open(fixture_path, &store, &aside), 0);
        ck_assert_ptr_nonnull(aside);
        free(aside);
        store_free(store);
}

/* Too short for a database, but with a journal: one that was being made. */
static void make_begun(void) {
        make_store();
        ck_assert_int_eq(truncate(fixture_path, 100), 0);
        file_write(beside("-journal"), "", 0);
}

static void make_link(void) {
        make_store();
        ck_assert_int_eq(rename(fixture_path, beside("-elsewhere")), 0);
        ck_assert_int_eq(symlink("gpuswitch.db-elsewhere", fixture_path), 0);
}

static const struct {
        const char *name;
        void (*make)(void);
        bool has_card; /* it may be used as it is */
        bool broken;   /* it is set aside if nothing fails */
} shape_table[] = {
        { "nothing", make_nothing, false, false },
        { "whole", make_store, true, false },
        { "open to all", make_open_to_all, true, false },
        { "killed", make_killed_store, true, false },
        { "link", make_link, true, false },
        { "text", make_broken, false, true },
        { "broken by its log", make_broken_killed_store, false, true },
        { "untold", make_untold, false, true },
        { "begun", make_begun, false, true },
};

static void start_over(void) {
        fixture_teardown();
        fixture_setup();
}

/* What is there when nothing fails any more. */
static void assert_nothing_lost(size_t shape, bool may_be_aside, const char *failed) {
        StoredCard card;
        Store *store = NULL;
        char *aside = NULL;

        int r = store_open(fixture_path, &store, &aside);
        ck_assert_msg(r == 0, "%s, after %s: %s", shape_table[shape].name, failed, strerror(-r));
        if (shape_table[shape].broken)
                ck_assert_msg(aside, "%s, after %s", shape_table[shape].name, failed);
        if (shape_table[shape].has_card && !aside)
                ck_assert_msg(store_load_card(store, "card", &card) == 0, "%s, after %s",
                              shape_table[shape].name, failed);
        if (shape_table[shape].has_card && aside) {
                ck_assert_msg(may_be_aside, "%s, after %s", shape_table[shape].name, failed);
                store_free(store);
                /* The last one by name is the newest; its log, too, is beside it. */
                ck_assert_int_eq(rename(aside, beside("-again")), 0);
                free(aside);
                return;
        }
        store_free(store);
        free(aside);
}

static const int error_table[] = { EIO, ENOMEM };

START_TEST(one_call_fails) {
        size_t shape = (size_t) _i / ELEMENTSOF(error_table);
        int error = error_table[(size_t) _i % ELEMENTSOF(error_table)];
        unsigned n_failed = 0;
        bool met = true;

        for (unsigned at = 1; met; at++) {
                Store *store = NULL;
                char *aside = NULL;

                start_over();
                shape_table[shape].make();
                failing_arm(error, at);
                int r = store_open(fixture_path, &store, &aside);
                met = failing_disarm();
                const char *failed = failing.name ? failing.name : "nothing";
                if (r < 0) {
                        ck_assert(met);
                        ck_assert_ptr_null(aside);
                        ck_assert_msg(r == -error || r == -ENOMEM || r == -EINVAL, "%s, %s: %s",
                                      shape_table[shape].name, failed, strerror(-r));
                        n_failed++;
                }
                if (!met)
                        ck_assert(!!aside == shape_table[shape].broken);
                store_free(store);
                /* A log whose head cannot be read is a file that cannot be used. */
                bool may_be_aside = aside || streq(failed, "read");
                free(aside);
                assert_nothing_lost(shape, may_be_aside, failed);
        }
        ck_assert_uint_gt(n_failed, 0);
}
END_TEST

static bool is_at(const char *path, const char *suffix, const Bytes *expected) {
        char name[sizeof(fixture_path) + 64];

        snprintf(name, sizeof(name), "%s%s", path, suffix);
        if (access(name, F_OK) < 0)
                return false;
        _cleanup_bytes_ Bytes found = file_bytes(name);
        return found.size == expected->size && memcmp(found.data, expected->data, found.size) == 0;
}

/* What a failed new store has left goes, and the old files come back; where that fails, too, they are still there. */
START_TEST(one_call_of_the_way_back_fails) {
        bool met = true;

        for (unsigned at = 1; met; at++) {
                _cleanup_free_ char *aside = NULL;
                _cleanup_bytes_ Bytes file = { 0 }, log = { 0 };

                start_over();
                make_broken_killed_store();
                file = file_bytes(fixture_path);
                log = file_bytes(beside("-wal"));
                ck_assert_int_eq(set_aside(fixture_path, &aside), 0);
                make_text();
                failing_arm(EIO, at);
                int r = set_aside_revert(fixture_path, aside);
                met = failing_disarm();
                ck_assert(r == 0 || (met && (r == -EIO || r == -ENOMEM)));
                ck_assert(is_at(fixture_path, "", &file) || (r < 0 && is_at(aside, "", &file)));
                ck_assert(is_at(fixture_path, "-wal", &log) || (r < 0 && is_at(aside, "-wal", &log)));
        }
}
END_TEST

START_TEST(more_files_than_names) {
        Store *store = NULL;
        char *aside = NULL, name[64];

        make_broken();
        fixed_time = 1700000000;
        file_write(beside(".broken-20231114-221320-wal"), "", 0); /* a companion takes the name, too */
        for (unsigned i = 1; i < 1000; i++) {
                snprintf(name, sizeof(name), ".broken-20231114-221320.%u", i);
                file_write(beside(name), "", 0);
        }
        ck_assert_int_eq(store_open(fixture_path, &store, &aside), -EEXIST);
        ck_assert_ptr_null(aside);
        fixed_time++;
        ck_assert_int_eq(store_open(fixture_path, &store, &aside), 0);
        ck_assert_ptr_nonnull(strstr(aside, "20231114-221321"));
        free(aside);
        store_free(store);
}
END_TEST

START_TEST(relative_path) {
        Store *store = NULL;
        char *aside = NULL;

        ck_assert_int_eq(chdir(fixture_folder), 0);
        for (unsigned i = 0; i < 2; i++) {
                ck_assert_int_eq(store_open("here.db", &store, &aside), 0);
                ck_assert_ptr_null(aside);
                store_free(store);
        }
        file_write("here.db", "garbage", 7);
        ck_assert_int_eq(store_open("here.db", &store, &aside), 0);
        ck_assert_ptr_nonnull(aside);
        ck_assert_int_eq(aside[0], '/');
        free(aside);
        store_free(store);
        ck_assert_int_eq(store_open("", &store, &aside), -EISDIR);
        ck_assert_int_eq(chdir("/"), 0);
}
END_TEST

static int count_one(const StoredOperation *operation, void *userdata) {
        ++*(unsigned *) userdata;
        return 0;
}

START_TEST(no_memory_for_the_walk) {
        Store *store = fixture_open();
        unsigned n = 0;

        failing_arm(ENOMEM, 1);
        ck_assert_int_eq(store_each_operation(store, count_one, &n), -ENOMEM);
        ck_assert(failing_disarm());
        ck_assert_uint_eq(n, 0);
        ck_assert_int_eq(store_each_operation(store, count_one, &n), 0);
        store_free(store);
}
END_TEST

static Suite *system_calls_suite(void) {
        Suite *suite = suite_create("store system calls");
        TCase *test = tcase_create("system calls");

        tcase_set_timeout(test, 240);
        tcase_add_checked_fixture(test, fixture_setup, fixture_teardown);
        tcase_add_loop_test(test, one_call_fails, 0, (int) (ELEMENTSOF(shape_table) * ELEMENTSOF(error_table)));
        tcase_add_test(test, one_call_of_the_way_back_fails);
        tcase_add_test(test, more_files_than_names);
        tcase_add_test(test, relative_path);
        tcase_add_test(test, no_memory_for_the_walk);
        suite_add_tcase(suite, test);
        return suite;
}

CHECK_MAIN(system_calls_suite)
