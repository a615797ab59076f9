/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Everything that turns values into what a person reads. */

#include "check-main.h"

#include "base/text.h"
#include "client/json.h"
#include "client/printable.h"
#include "client/progress.h"
#include "client/table.h"
#include "client/timestamp.h"

START_TEST(cleans_text) {
        static const char *const pairs[][2] = {
                { "plain", "plain" },
                { "two\nlines\tand a tab", "two\nlines\tand a tab" },
                { "\033[31mred\r\a\x7f", "?[31mred???" },
                { "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80" },
                { "\xc2\x9b"
                  "31m",
                  "??31m" }, /* CSI as one C1 character */
                { "cut\xe2\x82", "cut??" },
                { "\xff\xfe", "??" },
                { "\xc0\xaf\xe0\x80\xaf", "?????" }, /* overlong */
                { "\xed\xa0\x80", "???" },           /* a surrogate */
                { "\xf4\x90\x80\x80", "????" },      /* beyond Unicode */
                { "\xc3(", "?(" },
                { "", "" },
        };
        char text[64];

        for (size_t i = 0; i < ELEMENTSOF(pairs); i++) {
                ck_assert_int_eq(text_copy(text, sizeof(text), pairs[i][0]), 0);
                ck_assert_str_eq(printable_clean(text), pairs[i][1]);
        }
        ck_assert_int_eq(text_copy(text, sizeof(text), "a\nb\tc"), 0);
        ck_assert_str_eq(printable_line(text), "a b c");
        ck_assert_uint_eq(printable_width("\xc3\xa4\xe2\x82\xac!"), 3);
}
END_TEST

START_TEST(aligns_columns) {
        static const char *const headings[] = { "A", "LONG" };
        char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);
        Table table;

        ck_assert_int_eq(table_init(&table, headings, 2), 0);
        ck_assert_int_eq(table_row(&table), 0);
        ck_assert_int_eq(table_set(&table, 0, COLOUR_BAD, "%s", "\xc3\xa4\xc3\xb6\xc3\xbc"), 0);
        ck_assert_int_eq(table_set(&table, 1, COLOUR_PLAIN, "%s", ""), 0);
        ck_assert_int_eq(table_row(&table), 0);
        ck_assert_int_eq(table_set(&table, 1, COLOUR_PLAIN, "a\nb"), 0);
        table_print(&table, out);
        fclose(out);
        ck_assert_str_eq(text, "A    LONG\n\xc3\xa4\xc3\xb6\xc3\xbc  -\n-    a b\n");
        free(text);
        while (table_row(&table) == 0)
                ;
        ck_assert_uint_eq(table.n_rows, TABLE_ROWS_MAX);
        table_done(&table);
}
END_TEST

START_TEST(shows_each_step_once) {
        static const char *const operations[] = {
                "{\"direction\":\"guest\",\"step\":0,\"steps\":0,\"description\":\"look\"}",
                "{\"direction\":\"guest\",\"step\":1,\"steps\":2,\"description\":\"first\",\"undoing\":"
                "false}",
                "{\"direction\":\"guest\",\"step\":1,\"steps\":2,\"description\":\"first\",\"undoing\":"
                "false}",
                "{\"direction\":\"guest\",\"step\":2,\"steps\":2,\"description\":\"se\\u001bcond\\n\"}",
                "{\"direction\":\"guest\",\"step\":1,\"steps\":2,\"undoing\":true}",
        };
        char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);
        Progress progress;

        progress_init(&progress, out);
        ck_assert(!progress.live);
        progress_show(&progress, NULL);
        for (size_t i = 0; i < ELEMENTSOF(operations); i++) {
                json_object *operation = json_tokener_parse(operations[i]);
                progress_show(&progress, operation);
                json_object_put(operation);
        }
        progress_end(&progress);
        fclose(out);
        ck_assert_str_eq(
                text,
                "to guest: look\n[1/2] to guest: first\n[2/2] to guest: se?cond \n[1/2] undoing: to guest\n");
        free(text);
}
END_TEST

START_TEST(writes_times) {
        char buffer[TIMESTAMP_TEXT_SIZE];

        setenv("TZ", "UTC-1", 1);
        ck_assert_str_eq(timestamp_utc(1700000000000042, buffer), "2023-11-14T22:13:20.000042Z");
        ck_assert_str_eq(timestamp_local(1700000000000042, buffer), "2023-11-14 23:13:20");
}
END_TEST

static const struct {
        usec_t seconds;
        const char *text;
} ago_cases[] = {
        { 0, " (0 s ago)" },
        { 59, " (59 s ago)" },
        { 60, " (1 min ago)" },
        { 3599, " (59 min ago)" },
        { 3600 + 5 * 60, " (1 h 5 min ago)" },
        { 2 * 86400 + 3 * 3600, " (2 d 3 h ago)" },
};

START_TEST(says_how_long_ago) {
        const usec_t then = 1700000000 * USEC_PER_SEC;
        char buffer[TIMESTAMP_TEXT_SIZE];

        ck_assert_str_eq(timestamp_ago(then, then + ago_cases[_i].seconds * USEC_PER_SEC, buffer), ago_cases[_i].text);
        ck_assert_str_eq(timestamp_ago(then + 1, then, buffer), "");
}
END_TEST

static Suite *suite(void) {
        Suite *s = suite_create("client-text");
        TCase *c = tcase_create("text");

        tcase_add_test(c, cleans_text);
        tcase_add_test(c, aligns_columns);
        tcase_add_test(c, shows_each_step_once);
        tcase_add_test(c, writes_times);
        tcase_add_loop_test(c, says_how_long_ago, 0, ELEMENTSOF(ago_cases));
        suite_add_tcase(s, c);
        return s;
}

CHECK_MAIN(suite)
