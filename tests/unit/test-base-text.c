/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fixed buffers: what does not fit is reported, and nothing is ever written behind the end. */

#include "base/text.h"

#include "check-main.h"

#define CANARY 'Z'

/* A buffer whose bytes behind the first @size must stay as they are. */
typedef struct Guarded {
        char text[16];
} Guarded;

static Guarded guarded(void) {
        Guarded g;

        memset(g.text, CANARY, sizeof(g.text));
        return g;
}

static void assert_untouched_from(const Guarded *g, size_t size) {
        for (size_t i = size; i < sizeof(g->text); i++)
                ck_assert_msg(g->text[i] == CANARY, "byte %zu behind a buffer of %zu was written", i, size);
}

START_TEST(test_copy) {
        Guarded g = guarded();

        ck_assert_int_eq(text_copy(g.text, 8, "1234567"), 0);
        ck_assert_str_eq(g.text, "1234567");
        assert_untouched_from(&g, 8);

        ck_assert_int_eq(text_copy(g.text, 8, "12345678"), -ENOBUFS);
        ck_assert_str_eq(g.text, "");
        assert_untouched_from(&g, 8);

        ck_assert_int_eq(text_copy(g.text, 8, ""), 0);
        ck_assert_str_eq(g.text, "");

        g = guarded();
        ck_assert_int_eq(text_copy(g.text, 1, ""), 0);
        ck_assert_int_eq(text_copy(g.text, 1, "a"), -ENOBUFS);
        assert_untouched_from(&g, 1);
}
END_TEST

START_TEST(test_format) {
        Guarded g = guarded();

        ck_assert_int_eq(text_format(g.text, 8, "%s-%d", "abcd", 12), 0);
        ck_assert_str_eq(g.text, "abcd-12");
        ck_assert_int_eq(text_format(g.text, 8, "%s-%d", "abcd", 123), -ENOBUFS);
        ck_assert_str_eq(g.text, "abcd-12"); /* cut, and terminated */
        assert_untouched_from(&g, 8);
}
END_TEST

START_TEST(test_append) {
        Guarded g = guarded();

        g.text[0] = '\0';
        ck_assert_int_eq(text_append(g.text, 8, "%s", "abc"), 0);
        ck_assert_int_eq(text_append(g.text, 8, "%d", 1234), 0);
        ck_assert_str_eq(g.text, "abc1234");
        ck_assert_int_eq(text_append(g.text, 8, "%s", ""), 0);
        ck_assert_int_eq(text_append(g.text, 8, "%s", "x"), -ENOBUFS);
        ck_assert_str_eq(g.text, "abc1234");
        assert_untouched_from(&g, 8);

        g.text[5] = '\0';
        ck_assert_int_eq(text_append(g.text, 8, "%s", "wxyz"), -ENOBUFS);
        ck_assert_str_eq(g.text, "abc12wx");

        /* A buffer without its end is not walked out of. */
        g = guarded();
        ck_assert_int_eq(text_append(g.text, 8, "x"), -ENOBUFS);
        assert_untouched_from(&g, 0);
}
END_TEST

START_TEST(test_chomp) {
        static const struct {
                const char *in, *out;
        } cases[] = {
                { "", "" },
                { "\n", "" },
                { "on\n", "on" },
                { "on", "on" },
                { " on \t\r\n", " on" },
                { "a b \n\n", "a b" },
                { " \t\r\n\v\f", "" },
                { "a\n b", "a\n b" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char buffer[32];
                ck_assert_int_eq(text_copy(buffer, sizeof(buffer), cases[i].in), 0);
                ck_assert_ptr_eq(text_chomp(buffer), buffer);
                ck_assert_str_eq(buffer, cases[i].out);
        }
        char high[] = "\xe9\n";
        ck_assert_str_eq(text_chomp(high), "\xe9");
}
END_TEST

START_TEST(test_starts_with) {
        const char *s = "vfio-pci";

        ck_assert_ptr_eq(text_starts_with(s, ""), s);
        ck_assert_ptr_eq(text_starts_with(s, "vfio"), s + 4);
        ck_assert_ptr_eq(text_starts_with(s, "vfio-pci"), s + 8);
        ck_assert_ptr_null(text_starts_with(s, "vfio-pci2"));
        ck_assert_ptr_null(text_starts_with(s, "Vfio"));
        ck_assert_ptr_null(text_starts_with("", "a"));
}
END_TEST

START_TEST(test_empty_and_equal) {
        ck_assert(isempty(NULL));
        ck_assert(isempty(""));
        ck_assert(!isempty(" "));
        ck_assert(streq("", ""));
        ck_assert(!streq("a", "A"));
        ck_assert(!streq("a", "ab"));
}
END_TEST

static const struct {
        const char *text;
        int base;
        int result;
        uint64_t value;
} numbers[] = {
        { "0", 10, 0, 0 },
        { "00012", 10, 0, 12 },
        { "18446744073709551615", 10, 0, UINT64_MAX },
        { "18446744073709551616", 10, -ERANGE, 0 },
        { "99999999999999999999999999", 10, -ERANGE, 0 },
        { "ff", 16, 0, 0xff },
        { "0xff", 16, 0, 0xff },
        { "0X1f", 16, 0, 0x1f },
        { "FFFFFFFFFFFFFFFF", 16, 0, UINT64_MAX },
        { "0x10000000000000000", 16, -ERANGE, 0 },
        { "", 10, -EINVAL, 0 },
        { "", 16, -EINVAL, 0 },
        { " 1", 10, -EINVAL, 0 },
        { "1 ", 10, -EINVAL, 0 },
        { "1\n", 10, -EINVAL, 0 },
        { "+1", 10, -EINVAL, 0 },
        { "-1", 10, -EINVAL, 0 },
        { "\t1", 16, -EINVAL, 0 },
        { "0x10", 10, -EINVAL, 0 },
        { "a", 10, -EINVAL, 0 },
        { "1a", 10, -EINVAL, 0 },
        { "0x", 16, -EINVAL, 0 },
        { "0xg", 16, -EINVAL, 0 },
        { "x1", 16, -EINVAL, 0 },
        { "1.0", 10, -EINVAL, 0 },
        { "1e3", 10, -EINVAL, 0 },
        { "\xd9\xa1", 10, -EINVAL, 0 }, /* a digit of another script */
};

START_TEST(test_to_uint64) {
        uint64_t value = 4711;

        ck_assert_int_eq(text_to_uint64(numbers[_i].text, numbers[_i].base, &value), numbers[_i].result);
        ck_assert_uint_eq(value, numbers[_i].result == 0 ? numbers[_i].value : 4711);
}
END_TEST

START_TEST(test_uuid) {
        static const char *const good[] = {
                "c1a4a8d6-6f0e-4a3b-9a52-0123456789ab",
                "C1A4A8D6-6F0E-4A3B-9A52-0123456789AB",
                "00000000-0000-0000-0000-000000000000",
        };
        static const char *const bad[] = {
                "",
                "c1a4a8d66f0e4a3b9a520123456789ab",
                "c1a4a8d6-6f0e-4a3b-9a52-0123456789a",
                "c1a4a8d6-6f0e-4a3b-9a52-0123456789abc",
                "c1a4a8d6-6f0e-4a3b-9a52-0123456789ab\n",
                "c1a4a8d6-6f0e-4a3b-9a52-0123456789ag",
                "c1a4a8d6-6f0e-4a3b-9a520-123456789ab",
                "c1a4a8d6-6f0e-4a3b-9a52+0123456789ab",
                "------------------------------------",
                "{1a4a8d6-6f0e-4a3b-9a52-0123456789a}",
        };

        for (size_t i = 0; i < ELEMENTSOF(good); i++)
                ck_assert_msg(text_is_uuid(good[i]), "%s", good[i]);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                ck_assert_msg(!text_is_uuid(bad[i]), "%s", bad[i]);
}
END_TEST

START_TEST(test_make_utf8) {
        static const struct {
                const char *text, *result;
        } texts[] = {
                { "", "" },
                { "gr\xc3\xb6\xc3\x9f" "er \xe2\x98\x82 \xf0\x9d\x84\x9e", "gr\xc3\xb6\xc3\x9f" "er \xe2\x98\x82 \xf0\x9d\x84\x9e" },
                { "cut \xc3", "cut ?" },
                { "cut \xe2\x98", "cut ??" },
                { "cut \xf0\x9d\x84", "cut ???" },
                { "\x80rest", "?rest" },
                { "overlong \xc0\xaf \xe0\x80\xaf \xf0\x80\x80\xaf", "overlong ?? ??? ????" },
                { "surrogate \xed\xa0\x80", "surrogate ???" },
                { "beyond \xf4\x90\x80\x80 \xff", "beyond ???? ?" },
        };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                char text[64];
                ck_assert_int_eq(text_copy(text, sizeof(text), texts[i].text), 0);
                ck_assert_int_eq(text_is_utf8(text), streq(texts[i].text, texts[i].result));
                ck_assert_str_eq(text_make_utf8(text), texts[i].result);
        }
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("base-text");
        TCase *tcase = tcase_create("text");

        tcase_add_test(tcase, test_copy);
        tcase_add_test(tcase, test_format);
        tcase_add_test(tcase, test_append);
        tcase_add_test(tcase, test_chomp);
        tcase_add_test(tcase, test_starts_with);
        tcase_add_test(tcase, test_empty_and_equal);
        tcase_add_loop_test(tcase, test_to_uint64, 0, (int) ELEMENTSOF(numbers));
        tcase_add_test(tcase, test_make_utf8);
        tcase_add_test(tcase, test_uuid);
        suite_add_tcase(suite, tcase);
        return suite;
}

CHECK_MAIN(make_suite)
