/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What reaches journald and what reaches stderr. This program's sd_journal_sendv() stands in for
 * libsystemd's. */

#define SD_JOURNAL_SUPPRESS_LOCATION

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>

#include "base/macros.h"
#include "base/text.h"
#include "check-main.h"
#include "gpuswitch/names.h"
#include "log/log.h"

static char sent[16][4096];
static size_t sent_lengths[16];
static int n_sent, n_calls, send_result;

int sd_journal_sendv(const struct iovec *iov, int n) {
        ck_assert_int_le(n, (int) ELEMENTSOF(sent));
        for (int i = 0; i < n; i++) {
                ck_assert_uint_lt(iov[i].iov_len, sizeof(sent[0]));
                memcpy(sent[i], iov[i].iov_base, iov[i].iov_len);
                sent[i][iov[i].iov_len] = '\0';
                sent_lengths[i] = iov[i].iov_len;
        }
        n_sent = n;
        n_calls++;
        return send_result;
}

/* Runs log_entry() lines with stderr in a file, and gives back what is in the file. */
static FILE *captured;
static int old_stderr = -EBADF;

static void capture_start(void) {
        fflush(stderr);
        ck_assert_ptr_nonnull(captured = tmpfile());
        ck_assert_int_ge(old_stderr = dup(STDERR_FILENO), 0);
        ck_assert_int_ge(dup2(fileno(captured), STDERR_FILENO), 0);
}

static const char *capture_stop(void) {
        static char text[8192];

        fflush(stderr);
        ck_assert_int_ge(dup2(old_stderr, STDERR_FILENO), 0);
        old_stderr = close_fd(old_stderr);
        rewind(captured);
        text[fread(text, 1, sizeof(text) - 1, captured)] = '\0';
        fclose(captured);
        return text;
}

START_TEST(all_fields_to_the_journal) {
        log_init(true);
        log_entry(LOG_NOTICE, MESSAGE_ID_STATE_CHANGED,
                  LOG_FIELDS({ LOG_FIELD_GPU, "0000:01:00.0" }, { LOG_FIELD_STATE, "touched" },
                             { LOG_FIELD_OLD_STATE, "fresh" }, { LOG_FIELD_OWNER, "guest" },
                             { LOG_FIELD_OLD_OWNER, "host" }, { LOG_FIELD_REASON, "a\nPRIORITY=0" },
                             { LOG_FIELD_DOMAIN, NULL }, { LOG_FIELD_OPERATION, "" }),
                  "%s is %s", "0000:01:00.0", "touched");
        static const char *const expected[] = {
                "MESSAGE=0000:01:00.0 is touched",
                "PRIORITY=5",
                ("MESSAGE_ID=" MESSAGE_ID_STATE_CHANGED),
                "GPUSWITCH_GPU=0000:01:00.0",
                "GPUSWITCH_STATE=touched",
                "GPUSWITCH_OLD_STATE=fresh",
                "GPUSWITCH_OWNER=guest",
                "GPUSWITCH_OLD_OWNER=host",
                "GPUSWITCH_REASON=a\nPRIORITY=0",
        };
        ck_assert_int_eq(n_sent, (int) ELEMENTSOF(expected));
        for (size_t i = 0; i < ELEMENTSOF(expected); i++)
                ck_assert_str_eq(sent[i], expected[i]);
}
END_TEST

START_TEST(domain_and_operation) {
        log_init(true);
        log_entry(LOG_ERR, NULL, LOG_FIELDS({ LOG_FIELD_OPERATION, "12" }, { LOG_FIELD_DOMAIN, "u" }), "x");
        ck_assert_int_eq(n_sent, 4);
        ck_assert_str_eq(sent[1], "PRIORITY=3");
        ck_assert_str_eq(sent[2], "GPUSWITCH_OPERATION=12");
        ck_assert_str_eq(sent[3], "GPUSWITCH_DOMAIN=u");
}
END_TEST

START_TEST(long_texts_are_cut) {
        static char text[10000];

        memset(text, 'x', sizeof(text) - 1);
        log_init(true);
        log_entry(LOG_INFO, NULL, LOG_FIELDS({ LOG_FIELD_REASON, text }), "%s", text);
        ck_assert_int_eq(n_sent, 3);
        ck_assert_uint_eq(sent_lengths[0], strlen("MESSAGE=") + 2047);
        ck_assert_uint_eq(sent_lengths[2], 64 + 1024 - 1);
}
END_TEST

START_TEST(stderr_without_journal) {
        log_init(false);
        capture_start();
        errno = ENOENT;
        log_warning("%d cards", 2);
        ck_assert_int_eq(errno, ENOENT);
        log_debug("not wanted");
        ck_assert_str_eq(capture_stop(), "2 cards\n");
        ck_assert_int_eq(n_calls, 0);
}
END_TEST

START_TEST(stderr_when_the_journal_fails) {
        log_init(true);
        send_result = -ENOBUFS;
        capture_start();
        log_error("lost?");
        ck_assert_str_eq(capture_stop(), "lost?\n");
        ck_assert_int_eq(n_calls, 1);
}
END_TEST

START_TEST(debug_by_environment) {
        setenv("GPUSWITCH_DEBUG", _i ? "1" : "0", true);
        log_init(true);
        log_debug("step");
        ck_assert_int_eq(n_calls, _i);
}
END_TEST

START_TEST(journal_is_recognized) {
        char stream[64];
        struct stat st;

        unsetenv("JOURNAL_STREAM");
        ck_assert(!log_has_journal());
        ck_assert_int_eq(fstat(STDERR_FILENO, &st), 0);
        snprintf(stream, sizeof(stream), "%ju:%ju", (uintmax_t) st.st_dev, (uintmax_t) st.st_ino);
        setenv("JOURNAL_STREAM", stream, true);
        ck_assert(log_has_journal());
        /* A program started from a unit's shell with 2>file. */
        capture_start();
        bool has = log_has_journal();
        (void) capture_stop();
        ck_assert(!has);
        setenv("JOURNAL_STREAM", "9:what", true);
        ck_assert(!log_has_journal());
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("log-entry");
        TCase *tests = tcase_create("log-entry");

        tcase_add_test(tests, all_fields_to_the_journal);
        tcase_add_test(tests, domain_and_operation);
        tcase_add_test(tests, long_texts_are_cut);
        tcase_add_test(tests, stderr_without_journal);
        tcase_add_test(tests, stderr_when_the_journal_fails);
        tcase_add_loop_test(tests, debug_by_environment, 0, 2);
        tcase_add_test(tests, journal_is_recognized);
        suite_add_tcase(suite, tests);
        return suite;
}

CHECK_MAIN(make_suite)
