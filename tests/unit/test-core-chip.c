/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which registers a family's reset may touch. */

#include "check-main.h"

#include "core/chip.h"

START_TEST(test_every_config_register_is_usable) {
        size_t n;
        const ResetRegister *list = reset_register_list(&n);

        ck_assert_uint_gt(n, 0);
        for (size_t i = 0; i < n; i++) {
                ck_assert_uint_le(list[i].offset, 0xfc);
                ck_assert_uint_eq(list[i].offset % 4, 0);
                ck_assert_uint_ne(list[i].mask, 0);
                ck_assert_uint_eq(list[i].value & ~list[i].mask, 0);
                ck_assert_ptr_nonnull(list[i].source);
                ck_assert_ptr_eq(reset_register_find(list[i].chip, list[i].offset, list[i].mask, list[i].value),
                                 &list[i]);
        }
}
END_TEST

START_TEST(test_every_register_is_usable) {
        size_t n;
        const ChipRegister *list = chip_register_list(&n);

        ck_assert_uint_gt(n, 0);
        for (size_t i = 0; i < n; i++) {
                const RegisterPlace *place = &list[i].place;
                ck_assert_uint_lt(place->bar, 6);
                ck_assert_uint_eq((place->index_offset | place->data_offset | place->address) % 4, 0);
                ck_assert_int_eq(place->index_offset == 0, place->data_offset == 0);
                ck_assert_ptr_nonnull(list[i].source);
                ck_assert_ptr_eq(chip_register_find(list[i].chip, place), &list[i]);
                ck_assert_ptr_null(chip_register_find(CHIP_OTHER, place));
        }
}
END_TEST

START_TEST(test_nothing_but_the_known_writes) {
        const uint32_t all = UINT32_MAX;

        ck_assert_ptr_nonnull(reset_register_find(CHIP_VI, 0x7c, all, 0x39d5e86b));
        ck_assert_ptr_nonnull(reset_register_find(CHIP_CI, 0x7c, all, 0x39d5e86b));
        ck_assert_ptr_null(reset_register_find(CHIP_OTHER, 0x7c, all, 0x39d5e86b));
        ck_assert_ptr_null(reset_register_find(CHIP_VI, 0x7c, all, 0x39d5e86a));
        ck_assert_ptr_null(reset_register_find(CHIP_VI, 0x7c, 0xffff, 0xe86b));
        ck_assert_ptr_null(reset_register_find(CHIP_VI, 0x78, all, 0x39d5e86b));
        ck_assert_ptr_null(reset_register_find(CHIP_VI, 0x1007c, all, 0x39d5e86b));
        /* COMMAND: the three enables, in any value, and nothing else. */
        ck_assert_ptr_nonnull(reset_register_find(CHIP_VI, 0x04, 0x7, 0x2));
        ck_assert_ptr_nonnull(reset_register_find(CHIP_VI, 0x04, 0x2, 0x0));
        ck_assert_ptr_null(reset_register_find(CHIP_VI, 0x04, 0x2, 0x4));
        ck_assert_ptr_null(reset_register_find(CHIP_VI, 0x04, 0xf, 0x2));
        ck_assert_ptr_null(reset_register_find(CHIP_VI, 0x04, 0, 0));
}
END_TEST

/* The SMC of a VI chip is not where that of a CI chip is, and reading there would read something else. */
START_TEST(test_each_chip_has_its_own_pair) {
        RegisterPlace place = { .bar = 5, .index_offset = 0x200, .data_offset = 0x204, .address = 0x80000004 };

        ck_assert_ptr_nonnull(chip_register_find(CHIP_CI, &place));
        ck_assert_ptr_null(chip_register_find(CHIP_VI, &place));
        place.index_offset = 0x6b0;
        place.data_offset = 0x6b4;
        ck_assert_ptr_null(chip_register_find(CHIP_CI, &place));
        const ChipRegister *clock = chip_register_find(CHIP_VI, &place);
        ck_assert_ptr_nonnull(clock);
        ck_assert_uint_eq(clock->writable, 0);
        place.bar = 4;
        ck_assert_ptr_null(chip_register_find(CHIP_VI, &place));
        place = (RegisterPlace){ .bar = 5, .address = 0x8000 * 4 }; /* of the video encoder: hangs a cold card */
        ck_assert_ptr_null(chip_register_find(CHIP_VI, &place));
}
END_TEST

START_TEST(test_generation_by_id) {
        static const struct {
                uint16_t vendor, device;
                ChipGeneration chip;
        } cases[] = {
                { 0x1002, 0x6649, CHIP_CI },    { 0x1002, 0x67b0, CHIP_CI },    { 0x1002, 0x67df, CHIP_VI },
                { 0x1002, 0x67ef, CHIP_VI },    { 0x1002, 0x699f, CHIP_VI },    { 0x1002, 0x694c, CHIP_VI },
                { 0x1002, 0x692b, CHIP_VI },    { 0x1002, 0x692f, CHIP_OTHER }, { 0x1002, 0x7300, CHIP_VI },
                { 0x1002, 0x6900, CHIP_VI },    { 0x1002, 0x6fdf, CHIP_VI },    { 0x1002, 0x687f, CHIP_OTHER },
                { 0x1002, 0x731f, CHIP_OTHER }, { 0x1002, 0x66af, CHIP_OTHER }, { 0x10de, 0x67df, CHIP_OTHER },
                { 0, 0, CHIP_OTHER },           { 0x1002, 0xffff, CHIP_OTHER },
        };

        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
                ck_assert_int_eq((int) chip_generation(cases[i].vendor, cases[i].device), (int) cases[i].chip);
}
END_TEST

static Suite *suite(void) {
        Suite *s = suite_create("core-chip");
        TCase *c = tcase_create("chip");

        tcase_add_test(c, test_every_config_register_is_usable);
        tcase_add_test(c, test_every_register_is_usable);
        tcase_add_test(c, test_nothing_but_the_known_writes);
        tcase_add_test(c, test_each_chip_has_its_own_pair);
        tcase_add_test(c, test_generation_by_id);
        suite_add_tcase(s, c);
        return s;
}
CHECK_MAIN(suite)
