/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which registers a family's reset may write. */

#include "check-main.h"

#include "core/reset-register.h"

START_TEST(test_every_entry_is_usable) {
        size_t n;
        const ResetRegister *list = reset_register_list(&n);

        ck_assert_uint_gt(n, 0);
        for (size_t i = 0; i < n; i++) {
                ck_assert_uint_ge(list[i].offset, 0x40);
                ck_assert_uint_le(list[i].offset, 0xfc);
                ck_assert_uint_eq(list[i].offset % 4, 0);
                ck_assert_ptr_nonnull(list[i].source);
                ck_assert_ptr_eq(reset_register_find(list[i].vendor_id, list[i].offset, list[i].value), &list[i]);
        }
}
END_TEST

START_TEST(test_nothing_but_the_known_write) {
        ck_assert_ptr_nonnull(reset_register_find(0x1002, 0x7c, 0x39d5e86b));
        ck_assert_ptr_null(reset_register_find(0x1002, 0x7c, 0x39d5e86a));
        ck_assert_ptr_null(reset_register_find(0x1002, 0x7c, 0));
        ck_assert_ptr_null(reset_register_find(0x1002, 0x78, 0x39d5e86b));
        ck_assert_ptr_null(reset_register_find(0x1002, 0x1007c, 0x39d5e86b));
        ck_assert_ptr_null(reset_register_find(0x10de, 0x7c, 0x39d5e86b));
        ck_assert_ptr_null(reset_register_find(0, 0x7c, 0x39d5e86b));
}
END_TEST

static Suite *suite(void) {
        Suite *s = suite_create("core-reset-register");
        TCase *c = tcase_create("reset-register");

        tcase_add_test(c, test_every_entry_is_usable);
        tcase_add_test(c, test_nothing_but_the_known_write);
        suite_add_tcase(s, c);
        return s;
}
CHECK_MAIN(suite)
