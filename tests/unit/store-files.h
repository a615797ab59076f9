/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* For tests that look at the store's files from outside: their bytes, their names, their limits. */

#include <glob.h>
#include <signal.h>
#include <sys/resource.h>

#include "store-fixture.h"

typedef struct Bytes {
        char *data;
        size_t size;
} Bytes;

static _unused_ void bytes_done(Bytes *bytes) {
        free(bytes->data);
}
#define _cleanup_bytes_ _cleanup_(bytes_done)

static _unused_ Bytes file_bytes(const char *path) {
        _cleanup_fclose_ FILE *f = fopen(path, "re");
        Bytes bytes = { 0 };

        ck_assert_ptr_nonnull(f);
        FILE *memory = open_memstream(&bytes.data, &bytes.size);
        for (int c; (c = fgetc(f)) != EOF;)
                fputc(c, memory);
        fclose(memory);
        return bytes;
}

static _unused_ void file_write(const char *path, const void *data, size_t size) {
        FILE *f = fopen(path, "we");

        ck_assert_ptr_nonnull(f);
        ck_assert_uint_eq(fwrite(data, 1, size, f), size);
        ck_assert_int_eq(fclose(f), 0);
}

static _unused_ void assert_bytes(const char *path, const Bytes *expected) {
        _cleanup_bytes_ Bytes found = file_bytes(path);

        ck_assert_uint_eq(found.size, expected->size);
        ck_assert_int_eq(memcmp(found.data, expected->data, found.size), 0);
}

static _unused_ const char *beside(const char *suffix) {
        static char buffers[4][sizeof(fixture_path) + 64];
        static unsigned n;
        char *buffer = buffers[n++ % ELEMENTSOF(buffers)];

        snprintf(buffer, sizeof(buffers[0]), "%s%s", fixture_path, suffix);
        return buffer;
}

static _unused_ size_t count_files(const char *pattern) {
        glob_t found = { 0 };

        (void) glob(beside(pattern), 0, NULL, &found);
        size_t n = found.gl_pathc;
        globfree(&found);
        return n;
}

static _unused_ mode_t mode_of(const char *path) {
        struct stat st;

        ck_assert_int_eq(stat(path, &st), 0);
        return st.st_mode & 07777;
}

/* A store with two cards, closed; three pages at least. */
static _unused_ void make_store(void) {
        StoredCard card = sample_card("card"), other = sample_card("other");
        Store *store = fixture_open();

        ck_assert_int_eq(store_save_card(store, &card), 0);
        ck_assert_int_eq(store_save_card(store, &other), 0);
        store_free(store);
}

/* The same, as a daemon that was killed leaves it: all of it in the log. */
static _unused_ void make_killed_store(void) {
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
static _unused_ void log_sql(const char *sql) {
        sqlite3 *db = NULL;

        ck_assert_int_eq(sqlite3_open(fixture_path, &db), SQLITE_OK);
        (void) sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
        ck_assert_int_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
        ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}

/* Of no use, by what is in the log. */
static _unused_ void make_broken_killed_store(void) {
        make_killed_store();
        log_sql("PRAGMA user_version = -3");
}

static _unused_ void make_text(void) {
        file_write(fixture_path, "this is no database\n", 20);
}

static _unused_ void assert_store_works(void) {
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

static _unused_ void limit_file_size(rlim_t size) {
        struct rlimit limit = { .rlim_cur = size, .rlim_max = RLIM_INFINITY };

        ck_assert_ptr_ne(signal(SIGXFSZ, SIG_IGN), SIG_ERR);
        ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* SQLite knows ENOSPC; other reasons why there is no room are I/O errors to it. */
static _unused_ bool is_no_room(int r) {
        return r == -ENOSPC || r == -EIO;
}
