/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The main() of every unit test: a file defines its suite and says CHECK_MAIN(suite_function). */

#include <check.h>
#include <stdlib.h>

#define CHECK_MAIN(make_suite)                                          \
        int main(void) {                                                \
                SRunner *runner = srunner_create(make_suite());         \
                srunner_run_all(runner, CK_NORMAL);                     \
                int n_failed = srunner_ntests_failed(runner);           \
                srunner_free(runner);                                   \
                return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;     \
        }
