/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How a step gets at a register, as text: what is written is read, and nothing else is. */

#include "check-main.h"
#include "store-fixture.h"

#define PLACE ((RegisterPlace){ .bar = 5, .index_offset = 0x6b0, .data_offset = 0x6b4, .address = 0x80000004 })

static const Step steps[] = {
        { .mask = 0 },
        { .mask = UINT32_MAX },
        { .test = REGISTER_AT_LEAST },
        { .place = PLACE },
        { .place = { .bar = 1 } },
        { .place = { .index_offset = 4 } },
        { .place = { .data_offset = 4 } },
        { .place = { .address = 4 } },
        { .other = PLACE },
        { .other = { .bar = 1 } },
        { .other = { .index_offset = 4 } },
        { .other = { .data_offset = 4 } },
        { .other = { .address = 4 } },
        { .other_mask = 0x40 },
        { .mask = 2, .test = REGISTER_DIFFERS, .place = PLACE, .other = PLACE, .other_mask = 0x40 },
};

START_TEST(written_text_is_read) {
        const Step *step = &steps[_i];
        char buffer[ACCESS_TEXT_SIZE];
        Step again = { 0 };

        ck_assert(access_makes_sense(step));
        ck_assert_int_eq(access_parse(access_format(step, buffer), &again), 0);
        ck_assert_int_eq(buffer[0] == '\0', _i == 0);
        ck_assert_uint_eq(again.mask, step->mask);
        ck_assert_int_eq((int) again.test, (int) step->test);
        ck_assert_uint_eq(again.other_mask, step->other_mask);
        ck_assert_mem_eq(&again.place, &step->place, sizeof(step->place));
        ck_assert_mem_eq(&again.other, &step->other, sizeof(step->other));
}
END_TEST

START_TEST(text_looks_like_this) {
        char buffer[ACCESS_TEXT_SIZE];

        ck_assert_str_eq(access_format(&steps[ELEMENTSOF(steps) - 1], buffer),
                         "2 1 5:6b0:6b4:80000004 40 5:6b0:6b4:80000004");
}
END_TEST

START_TEST(other_text_is_refused) {
        static const char *const texts[] = {
                " ",
                "x",
                "1",
                "1 0",
                "1 0 0:0:0:0",
                "1 0 0:0:0:0 0",
                "1 0 0:0:0:0 0 0:0:0",
                "1 3 0:0:0:0 0 0:0:0:0",
                "1 0 6:0:0:0 0 0:0:0:0",
                "1 0 0:0:0:0 0 6:0:0:0",
                "1 0 0:2:0:0 0 0:0:0:0",
                "1 0 0:0:2:0 0 0:0:0:0",
                "1 0 0:0:0:2 0 0:0:0:0",
                "1 0 0:0:0:0 0 0:2:0:0",
                "1 0 0:0:0:0 0 0:0:2:0",
                "1 0 0:0:0:0 0 0:0:0:2",
                "0 0 0:0:0:0 0 0:0:0:0", /* nothing is written as nothing */
                "01 0 0:0:0:0 0 0:0:0:0",
                "1 0 0:0:0:0 0 0:0:0:0 ",
                "1 0 0:0:0:0 0 0:0:0:0 1",
        };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                Step step = { 0 };
                ck_assert_msg(access_parse(texts[i], &step) == -EINVAL, "'%s' is read", texts[i]);
        }
}
END_TEST

START_TEST(what_makes_no_sense) {
        Step step = { .test = _REGISTER_TEST_MAX };

        ck_assert(!access_makes_sense(&step));
        step.test = _REGISTER_TEST_INVALID;
        ck_assert(!access_makes_sense(&step));
        step = (Step){ .place = { .bar = BARS_MAX } };
        ck_assert(!access_makes_sense(&step));
        step = (Step){ .other = { .bar = BARS_MAX } };
        ck_assert(!access_makes_sense(&step));
}
END_TEST

static Suite *suite(void) {
        Suite *s = suite_create("store-access");
        TCase *c = tcase_create("access");

        tcase_add_loop_test(c, written_text_is_read, 0, (int) ELEMENTSOF(steps));
        tcase_add_test(c, text_looks_like_this);
        tcase_add_test(c, other_text_is_refused);
        tcase_add_test(c, what_makes_no_sense);
        suite_add_tcase(s, c);
        return s;
}
CHECK_MAIN(suite)
