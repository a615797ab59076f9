/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* These words are in the store, in journals and in people's scripts: they are written out here once more. */

#include "base/enum-text.h"

#include <signal.h>

#include "base/text.h"
#include "check-main.h"

/* Makes a test that holds the enum to its words, in both directions. */
#define ENUM_TEST(name, type, max, ...)                                                                      \
        START_TEST(test_##name) {                                                                            \
                static const char *const words[] = { __VA_ARGS__ };                                          \
                static const char *const strangers[] = { "", " ", "invalid", "max", "-1", "0" };             \
                ck_assert_uint_eq(ELEMENTSOF(words), (size_t) (max));                                        \
                for (size_t i = 0; i < ELEMENTSOF(words); i++) {                                             \
                        char longer[64];                                                                     \
                        ck_assert_str_eq(name##_to_string((type) i), words[i]);                              \
                        ck_assert_int_eq((int) name##_from_string(words[i]), (int) i);                       \
                        (void) text_format(longer, sizeof(longer), "%s ", words[i]);                         \
                        ck_assert_int_eq((int) name##_from_string(longer), -EINVAL);                         \
                        longer[0] = (char) (longer[0] - 'a' + 'A');                                          \
                        ck_assert_int_eq((int) name##_from_string(longer), -EINVAL);                         \
                }                                                                                            \
                for (size_t i = 0; i < ELEMENTSOF(strangers); i++)                                           \
                        ck_assert_int_eq((int) name##_from_string(strangers[i]), -EINVAL);                   \
        }                                                                                                    \
        END_TEST

ENUM_TEST(reset_state, ResetState, _RESET_STATE_MAX, "fresh", "touched", "prefail", "failed", "unknown")
ENUM_TEST(owner, Owner, _OWNER_MAX, "none", "host", "guest", "switching")
ENUM_TEST(function_role, FunctionRole, _FUNCTION_ROLE_MAX, "display", "audio", "usb", "ucsi", "other")
ENUM_TEST(bus_reset_wish, BusResetWish, _BUS_RESET_WISH_MAX, "wanted", "forbidden")
ENUM_TEST(kernel_guard, KernelGuard, _KERNEL_GUARD_MAX, "none", "always", "vendor-reset")
ENUM_TEST(guard, Guard, _GUARD_MAX, "none", "stub-companion", "pinned-companion", "guard-module", "kernel-flag")
ENUM_TEST(direction, Direction, _DIRECTION_MAX, "guest", "host")
ENUM_TEST(return_to, ReturnTo, _RETURN_TO_MAX, "host", "stay")

/* A value outside the enum is a programming error, caught also in release builds. */
START_TEST(test_outside_aborts) {
        (void) reset_state_to_string(_i == 0 ? _RESET_STATE_MAX : _RESET_STATE_INVALID);
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("base-enum-text");
        TCase *tcase = tcase_create("enum-text");

        tcase_add_test(tcase, test_reset_state);
        tcase_add_test(tcase, test_owner);
        tcase_add_test(tcase, test_function_role);
        tcase_add_test(tcase, test_bus_reset_wish);
        tcase_add_test(tcase, test_kernel_guard);
        tcase_add_test(tcase, test_guard);
        tcase_add_test(tcase, test_direction);
        tcase_add_test(tcase, test_return_to);
        tcase_add_loop_test_raise_signal(tcase, test_outside_aborts, SIGABRT, 0, 2);
        suite_add_tcase(suite, tcase);
        return suite;
}

CHECK_MAIN(make_suite)
