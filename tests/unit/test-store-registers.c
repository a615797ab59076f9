/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Registers as text: what is written is read, and nothing else is. */

#include "check-main.h"
#include "store-fixture.h"

START_TEST(written_text_is_read) {
        char buffer[REGISTERS_TEXT_SIZE];
        ConfigRegister registers[REGISTERS_MAX], again[REGISTERS_MAX];
        uint8_t n = 0;

        for (size_t i = 0; i < REGISTERS_MAX; i++)
                registers[i] = (ConfigRegister){ .offset = (uint16_t) (CONFIG_SPACE_SIZE - 4 - 4 * i),
                                                 .width = (uint8_t) (1 << i % 3),
                                                 .value = UINT32_MAX - (uint32_t) i };
        ck_assert_int_eq(registers_parse(registers_format(registers, _i, buffer), again, &n), 0);
        ck_assert_uint_eq(n, _i);
        for (int i = 0; i < _i; i++) {
                ck_assert_uint_eq(registers[i].offset, again[i].offset);
                ck_assert_uint_eq(registers[i].width, again[i].width);
                ck_assert_uint_eq(registers[i].value, again[i].value);
        }
}
END_TEST

START_TEST(text_looks_like_this) {
        const ConfigRegister registers[] = { { 0x10, 4, 0xe0000004 }, { 0x3c, 1, 0 }, { 0xffe, 2, 0xffff } };
        char buffer[REGISTERS_TEXT_SIZE];

        ck_assert_str_eq(registers_format(registers, 3, buffer),
                         "0x10/4=0xe0000004 0x3c/1=0x0 0xffe/2=0xffff");
        ck_assert_str_eq(registers_format(registers, 0, buffer), "");
}
END_TEST

START_TEST(other_text_is_refused) {
        static const char *const texts[] = {
                " ",
                "x",
                "0x10",
                "0x10/",
                "/4",
                "0x10/4",
                "0x10/4=",
                "0x10/4=1",
                "0x10/4=0x",
                "=0x1",
                "0x10=0x1",
                "0x10=0x1/4",
                "0x10/4=0x1 ",
                " 0x10/4=0x1",
                "0x10/4=0x1  0x14/4=0x1",
                "0x10/4=0x1,0x14/4=0x1",
                "10/4=0x1",
                "0x10/3=0x1",
                "0x10/8=0x1",
                "0x10/0=0x1",
                "0x11/2=0x1",
                "0x12/4=0x1",
                "0xffd/4=0x1",
                "0x1000/4=0x1",
                "0x10/+4=0x1",
                "0x-10/4=0x1",
                "0x10/4=0x-1",
                "0x10000010/4=0x1",
                "0x10/260=0x1",
                "0x10/4=0x100000000",
                "0x10/4=0x1\n",
                "0x/4=0x1",
                "0x 10/4=0x1",
                "0x10/4/4=0x1",
                "0x10/4=0x1=0x1",
                "0x0000000000010/4=0x000000000001",
        };
        ConfigRegister registers[REGISTERS_MAX];
        uint8_t n;

        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                ck_assert_msg(registers_parse(texts[i], registers, &n) == -EINVAL, "'%s' was taken",
                              texts[i]);
}
END_TEST

START_TEST(too_many_are_refused) {
        char text[(REGISTERS_MAX + 1) * sizeof("0x10/4=0x1 ")] = "";
        ConfigRegister registers[REGISTERS_MAX];
        uint8_t n;

        for (size_t i = 0; i < REGISTERS_MAX; i++)
                ck_assert_int_eq(text_append(text, sizeof(text), "%s0x10/4=0x1", i ? " " : ""), 0);
        ck_assert_int_eq(registers_parse(text, registers, &n), 0);
        ck_assert_int_eq(text_append(text, sizeof(text), " 0x10/4=0x1"), 0);
        ck_assert_int_eq(registers_parse(text, registers, &n), -EINVAL);
}
END_TEST

static Suite *registers_suite(void) {
        Suite *suite = suite_create("store registers");
        TCase *test = tcase_create("text");

        tcase_add_loop_test(test, written_text_is_read, 0, REGISTERS_MAX + 1);
        tcase_add_test(test, text_looks_like_this);
        tcase_add_test(test, other_text_is_refused);
        tcase_add_test(test, too_many_are_refused);
        suite_add_tcase(suite, test);
        return suite;
}

CHECK_MAIN(registers_suite)
