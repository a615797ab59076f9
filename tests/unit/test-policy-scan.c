/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The look through a text before json-c gets it. */

#include "check-main.h"

#include "base/text.h"
#include "policy/scan.h"

static int scan(const char *text, char *buffer, size_t size, ScanFault *fault) {
        ck_assert_int_eq(text_copy(buffer, size, text), 0);
        return scan_text(buffer, strlen(buffer), fault);
}

START_TEST(comments_become_blanks_in_place) {
        static const struct {
                const char *before, *after;
        } cases[] = {
                { "", "" },
                { "1//", "1  " },
                { "1//x\n2", "1   \n2" },
                { "/**/1", "    1" },
                { "/*\n*/1", "  \n  1" },
                { "/*/*/1", "     1" },
                { "/* // */1", "        1" },
                { "// /* \n1", "      \n1" },
                { "\"//\"", "\"//\"" },
                { "\"/*\" /*\"*/", "\"/*\"      " },
                { "\"\\\"/*\"//", "\"\\\"/*\"  " },
                { "\"\\\\\"//x", "\"\\\\\"   " },
        };
        ScanFault fault;
        char text[64];

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                ck_assert_int_eq(scan(cases[i].before, text, sizeof(text), &fault), 0);
                ck_assert_str_eq(text, cases[i].after);
        }
}
END_TEST

START_TEST(words_and_numbers) {
        static const char *const good[] = {
                "true", "false", "null", "0",    "-0",       "10",    "-1",
                "0.5",  "1e5",   "1E+5", "1e-5", "-10.25e3", "[1,2]", "{\"a\":1}"
        };
        static const char *const bad[] = { "NaN",  "nan",   "-NaN", "Infinity", "-Infinity", "inf",
                                           "True", "NULL",  "tru",  "truex",    "01",        "-",
                                           "+1",   ".5",    "1.",   "1e",       "1e+",       "1.e5",
                                           "0x1",  "1_000", "--1",  "1.2.3",    "e5",        "_" };
        ScanFault fault;
        char text[64];

        for (size_t i = 0; i < ELEMENTSOF(good); i++)
                ck_assert_msg(scan(good[i], text, sizeof(text), &fault) == 0, "%s", good[i]);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                ck_assert_msg(scan(bad[i], text, sizeof(text), &fault) == -EBADMSG, "%s", bad[i]);
}
END_TEST

START_TEST(keys_twice) {
        static const char *const good[] = {
                "{\"a\":1,\"b\":2}",
                "{\"a\":{\"a\":{\"a\":1}}}",
                "{\"a\":[{\"b\":1},{\"b\":1}],\"b\":2}",
                "{\"a\":\"a\",\"b\":\"a\"}",
                "{\"a\":1,\"A\":2,\"aa\":3,\"\":4}",
                "[\"a\",\"a\"]",
                "{\"x\":{\"a\":1},\"a\":{\"x\":1}}",
        };
        static const char *const bad[] = {
                "{\"a\":1,\"a\":2}",
                "{\"a\":1,\"b\":{\"c\":[1,{\"d\":2}]},\"a\":2}",
                "[{\"a\":[{\"b\":1,\"b\":1}]}]",
                "{\"\":1,\"\":2}",
                "{\"a\" /*\"b\"*/ :1, /* x */ \"a\":2}",
                "{\"\\u0061\":1}",
        };
        ScanFault fault;
        char text[128];

        for (size_t i = 0; i < ELEMENTSOF(good); i++)
                ck_assert_msg(scan(good[i], text, sizeof(text), &fault) == 0, "%s", good[i]);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                ck_assert_msg(scan(bad[i], text, sizeof(text), &fault) == -EBADMSG, "%s", bad[i]);
}
END_TEST

START_TEST(limits) {
        char text[4096] = "";
        ScanFault fault;

        for (unsigned int i = 0; i < DOCUMENT_DEPTH_MAX; i++)
                ck_assert_int_eq(text_append(text, sizeof(text), "%c", i % 2 ? '[' : '{'), 0);
        ck_assert_int_eq(scan_text(text, strlen(text), &fault), 0);
        ck_assert_int_eq(text_append(text, sizeof(text), "["), 0);
        ck_assert_int_eq(scan_text(text, strlen(text), &fault), -EBADMSG);
        ck_assert_uint_eq(fault.offset, DOCUMENT_DEPTH_MAX);

        text[0] = '\0';
        for (unsigned int i = 0; i < OBJECT_KEYS_MAX; i++)
                ck_assert_int_eq(text_append(text, sizeof(text), "%s\"k%u\":1", i ? "," : "{", i), 0);
        ck_assert_int_eq(scan_text(text, strlen(text), &fault), 0);
        ck_assert_int_eq(text_append(text, sizeof(text), ",\"one more\":1"), 0);
        ck_assert_int_eq(scan_text(text, strlen(text), &fault), -EBADMSG);
        ck_assert_ptr_nonnull(strstr(fault.text, "64 keys"));
}
END_TEST

/* As many keys as can be open at a time: each object on the way down is full. */
START_TEST(all_keys_that_can_be) {
        static char text[DOCUMENT_DEPTH_MAX * OBJECT_KEYS_MAX * 12];
        ScanFault fault;

        for (unsigned int depth = 0; depth < DOCUMENT_DEPTH_MAX; depth++)
                for (unsigned int i = 0; i < OBJECT_KEYS_MAX; i++)
                        ck_assert_int_eq(text_append(text, sizeof(text), "%s\"k%u\":", i ? "1," : "{", i), 0);
        ck_assert_int_eq(scan_text(text, strlen(text), &fault), 0);
}
END_TEST

START_TEST(bytes_that_are_no_text) {
        char nul[] = "{\"a\":\0 1}", in_string[] = "{\"a\0\":1}", form_feed[] = "{\f}",
             high[] = "{\xc3\xbc:1}";
        ScanFault fault;

        ck_assert_int_eq(scan_text(nul, sizeof(nul) - 1, &fault), -EBADMSG);
        ck_assert_uint_eq(fault.offset, 5);
        ck_assert_int_eq(scan_text(in_string, sizeof(in_string) - 1, &fault), -EBADMSG);
        ck_assert_int_eq(scan_text(form_feed, sizeof(form_feed) - 1, &fault), -EBADMSG);
        ck_assert_int_eq(scan_text(high, sizeof(high) - 1, &fault), -EBADMSG);
}
END_TEST

START_TEST(lines_are_counted_from_one) {
        const char *text = "a\nb\n\nc";

        ck_assert_uint_eq(scan_line(text, 6, 0), 1);
        ck_assert_uint_eq(scan_line(text, 6, 1), 1);
        ck_assert_uint_eq(scan_line(text, 6, 2), 2);
        ck_assert_uint_eq(scan_line(text, 6, 5), 4);
        ck_assert_uint_eq(scan_line(text, 6, 1000), 4);
        ck_assert_uint_eq(scan_line("", 0, 0), 1);
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("policy-scan");
        TCase *tcase = tcase_create("all");

        tcase_add_test(tcase, comments_become_blanks_in_place);
        tcase_add_test(tcase, words_and_numbers);
        tcase_add_test(tcase, keys_twice);
        tcase_add_test(tcase, limits);
        tcase_add_test(tcase, all_keys_that_can_be);
        tcase_add_test(tcase, bytes_that_are_no_text);
        tcase_add_test(tcase, lines_are_counted_from_one);
        suite_add_tcase(suite, tcase);
        return suite;
}

CHECK_MAIN(make_suite)
