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
        bool asks; /* does it depend on whether a VM has the card? */
} Row;

#define TO_GUEST(done, ...)                                                                                  \
        { .direction = DIRECTION_GUEST, .n_done = (done), .n_steps = N_STEPS, __VA_ARGS__ }
#define TO_HOST(done, ...)                                                                                   \
        { .direction = DIRECTION_HOST, .n_done = (done), .n_steps = N_STEPS, __VA_ARGS__ }

static const Row rows[] = {
        /* Nothing had begun. */
        { "amdgpu", TO_GUEST(0), RECOVERY_NOTHING, false },
        { "vfio-pci", TO_GUEST(0), RECOVERY_NOTHING, false },
        { "vfio-pci", TO_GUEST(0, .group = RECOVERY_GROUP_HELD), RECOVERY_NOTHING, false },
        { "vfio-pci", TO_HOST(0), RECOVERY_FINISH, false }, /* the claim has ended with its record */
        { "", TO_HOST(0), RECOVERY_FINISH, false },

        /* On its way to the guest, and no VM has it: back. */
        { "amdgpu", TO_GUEST(1), RECOVERY_UNDO, false },
        { "", TO_GUEST(6), RECOVERY_UNDO, false },
        { "pci-stub", TO_GUEST(6), RECOVERY_UNDO, false },
        { "vfio-pci", TO_GUEST(11), RECOVERY_UNDO, true },
        { "vfio-pci", TO_GUEST(N_STEPS), RECOVERY_UNDO, true },
        /* Whether a VM has it is not known: its way back asks again before it takes anything away. */
        { "vfio-pci", TO_GUEST(N_STEPS, .group = RECOVERY_GROUP_UNKNOWN), RECOVERY_UNDO, true },
        /* The group is held, but the display function is not what the guest driver has: nobody's VM. */
        { "", TO_GUEST(6, .group = RECOVERY_GROUP_HELD), RECOVERY_UNDO, false },
        { "amdgpu", TO_GUEST(3, .group = RECOVERY_GROUP_HELD), RECOVERY_UNDO, false },

        /* The VM has it already: leave it alone. */
        { "vfio-pci", TO_GUEST(N_STEPS, .group = RECOVERY_GROUP_HELD), RECOVERY_NOTHING, true },
        { "vfio-pci", TO_GUEST(11, .group = RECOVERY_GROUP_HELD), RECOVERY_NOTHING, true },
        { "mlx5_vfio_pci", TO_GUEST(N_STEPS, .group = RECOVERY_GROUP_HELD), RECOVERY_NOTHING, true },

        /* A way home is finished, from wherever it is. */
        { "vfio-pci", TO_HOST(1), RECOVERY_FINISH, false },
        { "", TO_HOST(4), RECOVERY_FINISH, false },
        { "amdgpu", TO_HOST(8), RECOVERY_FINISH, false },
        { "amdgpu", TO_HOST(N_STEPS), RECOVERY_FINISH, false },

        /* A way back goes on, in both directions, also where no step of it had begun: the switch itself had. */
        { "amdgpu", TO_HOST(6, .undoing = true), RECOVERY_UNDO, false },
        { "", TO_HOST(6, .undoing = true), RECOVERY_UNDO, false },
        { "", TO_HOST(0, .undoing = true), RECOVERY_UNDO, false },
        { "vfio-pci", TO_HOST(0, .undoing = true), RECOVERY_UNDO, true },
        { "vfio-pci", TO_HOST(3, .undoing = true), RECOVERY_UNDO, true },
        { "amdgpu", TO_HOST(N_STEPS, .undoing = true), RECOVERY_UNDO, false },
        { "vfio-pci", TO_GUEST(0, .undoing = true), RECOVERY_UNDO, true },
        { "", TO_GUEST(2, .undoing = true), RECOVERY_UNDO, false },
        { "amdgpu", TO_GUEST(2, .undoing = true), RECOVERY_UNDO, false },
        /* ... unless a VM has it by now. */
        { "vfio-pci", TO_HOST(0, .undoing = true, .group = RECOVERY_GROUP_HELD), RECOVERY_NOTHING, true },
        { "vfio-pci", TO_GUEST(4, .undoing = true, .group = RECOVERY_GROUP_HELD), RECOVERY_NOTHING, true },
        { "vfio-pci", TO_HOST(4, .undoing = true, .group = RECOVERY_GROUP_UNKNOWN), RECOVERY_UNDO, true },

        /* One actor per card: while the old helper lives nobody else touches it, whatever else is true. */
        { "amdgpu", TO_GUEST(0, .helper_alive = true), RECOVERY_STUCK, false },
        { "amdgpu", TO_GUEST(3, .helper_alive = true), RECOVERY_STUCK, false },
        { "vfio-pci", TO_GUEST(N_STEPS, .helper_alive = true, .group = RECOVERY_GROUP_HELD), RECOVERY_STUCK, false },
        { "", TO_HOST(5, .helper_alive = true, .undoing = true), RECOVERY_STUCK, false },
        { "vfio-pci", TO_HOST(0, .helper_alive = true), RECOVERY_STUCK, false },
        { "vfio-pci", TO_HOST(2, .helper_alive = true), RECOVERY_STUCK, false },
};

START_TEST(test_row) {
        CardFacts card = fixture_polaris();
        const char *reason = NULL;

        fixture_put(&card, 0, rows[_i].display_driver, "");
        RecoveryAction action = recovery_decide(&card, &rows[_i].facts, &reason);
        ck_assert_str_eq(recovery_action_to_string(action), recovery_action_to_string(rows[_i].action));
        ck_assert(!isempty(reason));
        ck_assert_int_eq(recovery_asks_group(&card, &rows[_i].facts), rows[_i].asks);
}
END_TEST

/* Where the group is not asked, what it would have said changes nothing. */
START_TEST(test_group_matters_where_asked) {
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                CardFacts card = fixture_polaris();
                RecoveryFacts facts = rows[i].facts;
                const char *reason = NULL;

                fixture_put(&card, 0, rows[i].display_driver, "");
                for (int group = 0; group < _RECOVERY_GROUP_MAX && !rows[i].asks; group++) {
                        facts.group = (RecoveryGroup) group;
                        ck_assert_int_eq(recovery_decide(&card, &facts, &reason), rows[i].action);
                }
        }
}
END_TEST

static const struct {
        const char *display_driver;
        RecoveryFacts facts;
        const char *text;
} sentences[] = {
        { "", TO_GUEST(3),
          "the record says: a way to the guest, step 3 of 12; the machine shows: no driver has the GPU; so everything "
          "is put back, because nobody waits for it any more" },
        { "vfio-pci", TO_GUEST(12, .group = RECOVERY_GROUP_HELD),
          "the record says: a way to the guest, step 12 of 12; the machine shows: vfio-pci has the GPU, and a process "
          "has its vfio group open; so nothing is left to do, because a virtual machine has the GPU by now" },
        { "vfio-pci", TO_HOST(1, .undoing = true),
          "the record says: the way back of a switch that had failed, step 1 of 12; the machine shows: vfio-pci has "
          "the GPU, and nobody has its vfio group open; so everything is put back, because its way back was not "
          "complete" },
        { "vfio-pci", TO_GUEST(9, .group = RECOVERY_GROUP_UNKNOWN),
          "the record says: a way to the guest, step 9 of 12; the machine shows: vfio-pci has the GPU, and its vfio "
          "group could not be asked; so everything is put back, because nobody waits for it any more" },
        { "amdgpu", TO_HOST(8),
          "the record says: a way home, step 8 of 12; the machine shows: amdgpu has the GPU; so it is finished, because "
          "the GPU belongs to the host again" },
        { "amdgpu", TO_GUEST(0),
          "the record says: a way to the guest, step 0 of 12; the machine shows: amdgpu has the GPU; so nothing is left "
          "to do, because no step of it had begun" },
        { "amdgpu", TO_GUEST(2, .helper_alive = true),
          "the record says: a way to the guest, step 2 of 12; the machine shows: amdgpu has the GPU; so nobody else acts "
          "on it for now, because its helper has not come back from the step in hand" },
};

START_TEST(test_sentence) {
        CardFacts card = fixture_polaris();
        const char *reason = NULL;
        char text[1024];

        fixture_put(&card, 0, sentences[_i].display_driver, "");
        RecoveryAction action = recovery_decide(&card, &sentences[_i].facts, &reason);
        ck_assert_str_eq(recovery_describe(&card, &sentences[_i].facts, action, reason, text, sizeof(text)),
                         sentences[_i].text);
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

START_TEST(test_describe_outside_aborts) {
        CardFacts card = fixture_polaris();
        char text[1024];

        (void) recovery_describe(&card, &(RecoveryFacts){ 0 }, _RECOVERY_ACTION_MAX, "", text, sizeof(text));
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("core-recovery");
        TCase *tcase = tcase_create("recovery");

        tcase_add_loop_test(tcase, test_row, 0, (int) ELEMENTSOF(rows));
        tcase_add_test(tcase, test_group_matters_where_asked);
        tcase_add_loop_test(tcase, test_sentence, 0, (int) ELEMENTSOF(sentences));
        tcase_add_test(tcase, test_names);
        tcase_add_test_raise_signal(tcase, test_outside_aborts, SIGABRT);
        tcase_add_test_raise_signal(tcase, test_describe_outside_aborts, SIGABRT);
        suite_add_tcase(suite, tcase);
        return suite;
}

CHECK_MAIN(make_suite)
