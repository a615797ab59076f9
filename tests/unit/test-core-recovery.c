/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a dead daemon left behind: every direction, owner, progress and holder, written out. */

#include "core/recovery.h"

#include <signal.h>

#include "base/text.h"
#include "card-fixture.h"
#include "check-main.h"

#define N_STEPS 12

typedef struct Row {
        const char *display_driver;
        RecoveryFacts facts;
        RecoveryAction action;
} Row;

#define TO_GUEST(done, ...)                                                                                  \
        { .direction = DIRECTION_GUEST, .n_done = (done), .n_steps = N_STEPS, __VA_ARGS__ }
#define TO_HOST(done, ...)                                                                                   \
        { .direction = DIRECTION_HOST, .n_done = (done), .n_steps = N_STEPS, __VA_ARGS__ }

static const Row rows[] = {
        /* Nothing had begun. */
        { "amdgpu", TO_GUEST(0), RECOVERY_NOTHING },
        { "vfio-pci", TO_GUEST(0), RECOVERY_NOTHING },
        { "vfio-pci", TO_HOST(0), RECOVERY_NOTHING },
        { "", TO_HOST(0), RECOVERY_NOTHING },

        /* On its way to the guest, and no VM has it: back. */
        { "amdgpu", TO_GUEST(1), RECOVERY_UNDO },
        { "", TO_GUEST(6), RECOVERY_UNDO },
        { "pci-stub", TO_GUEST(6), RECOVERY_UNDO },
        { "vfio-pci", TO_GUEST(11), RECOVERY_UNDO },
        { "vfio-pci", TO_GUEST(N_STEPS), RECOVERY_UNDO },
        { "amdgpu", TO_GUEST(6, .undoing = true), RECOVERY_UNDO },
        { "", TO_GUEST(6, .undoing = true), RECOVERY_UNDO },
        { "vfio-pci", TO_GUEST(6, .undoing = true), RECOVERY_UNDO },
        /* The group is held, but the display function is not what the guest driver has: nobody's VM. */
        { "", TO_GUEST(6, .group_held = true), RECOVERY_UNDO },
        { "amdgpu", TO_GUEST(3, .group_held = true), RECOVERY_UNDO },

        /* The VM has it already: leave it alone. */
        { "vfio-pci", TO_GUEST(N_STEPS, .group_held = true), RECOVERY_NOTHING },
        { "vfio-pci", TO_GUEST(11, .group_held = true), RECOVERY_NOTHING },
        { "mlx5_vfio_pci", TO_GUEST(N_STEPS, .group_held = true), RECOVERY_NOTHING },

        /* A way home is finished, from wherever it is. */
        { "vfio-pci", TO_HOST(1), RECOVERY_FINISH },
        { "", TO_HOST(4), RECOVERY_FINISH },
        { "amdgpu", TO_HOST(8), RECOVERY_FINISH },
        { "amdgpu", TO_HOST(N_STEPS), RECOVERY_FINISH },
        { "vfio-pci", TO_HOST(3, .undoing = true), RECOVERY_FINISH },

        /* One actor per card: while the old helper lives nobody else touches it, whatever else is true. */
        { "amdgpu", TO_GUEST(0, .helper_alive = true), RECOVERY_STUCK },
        { "amdgpu", TO_GUEST(3, .helper_alive = true), RECOVERY_STUCK },
        { "vfio-pci", TO_GUEST(N_STEPS, .helper_alive = true, .group_held = true), RECOVERY_STUCK },
        { "", TO_GUEST(5, .helper_alive = true, .undoing = true), RECOVERY_STUCK },
        { "vfio-pci", TO_HOST(0, .helper_alive = true), RECOVERY_STUCK },
        { "vfio-pci", TO_HOST(2, .helper_alive = true), RECOVERY_STUCK },
};

START_TEST(test_row) {
        CardFacts card = fixture_polaris();
        const char *reason = NULL;

        fixture_put(&card, 0, rows[_i].display_driver, "");
        RecoveryAction action = recovery_decide(&card, &rows[_i].facts, &reason);
        ck_assert_str_eq(recovery_action_to_string(action), recovery_action_to_string(rows[_i].action));
        ck_assert(!isempty(reason));
}
END_TEST

START_TEST(test_names) {
        ck_assert_str_eq(recovery_action_to_string(RECOVERY_NOTHING), "nothing");
        ck_assert_str_eq(recovery_action_to_string(RECOVERY_FINISH), "finish");
        ck_assert_str_eq(recovery_action_to_string(RECOVERY_UNDO), "undo");
        ck_assert_str_eq(recovery_action_to_string(RECOVERY_STUCK), "stuck");
}
END_TEST

START_TEST(test_outside_aborts) {
        (void) recovery_action_to_string(_RECOVERY_ACTION_MAX);
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("core-recovery");
        TCase *tcase = tcase_create("recovery");

        tcase_add_loop_test(tcase, test_row, 0, (int) ELEMENTSOF(rows));
        tcase_add_test(tcase, test_names);
        tcase_add_test_raise_signal(tcase, test_outside_aborts, SIGABRT);
        suite_add_tcase(suite, tcase);
        return suite;
}

CHECK_MAIN(make_suite)
