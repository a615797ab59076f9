/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What becomes of an operation that a dead daemon left behind: decided from record and facts. */

#include "core/facts.h"
#include "core/lease.h"
#include "core/plan.h"

typedef enum RecoveryAction {
        RECOVERY_NOTHING, /* the operation had reached its goal, or had not begun */
        RECOVERY_FINISH,  /* go on to the goal of the operation */
        RECOVERY_UNDO,    /* put back what was recorded */
        RECOVERY_STUCK,   /* the helper that the operation left behind still hangs in a write */
        _RECOVERY_ACTION_MAX,
} RecoveryAction;

typedef struct RecoveryFacts {
        Direction direction;
        size_t n_done;         /* steps that the record says were started */
        size_t n_steps;
        bool undoing;          /* the record says that it was on its way back already */
        bool helper_alive;     /* the recorded helper (pid and start time) still exists */
        bool group_held;       /* somebody has the vfio group open: a VM runs */
} RecoveryFacts;

/**
 * recovery_decide() - pure; @ret_reason is a static text for the journal, never NULL
 *
 * A way to the guest is undone unless a VM already has the card; a way home is finished.
 */
RecoveryAction recovery_decide(const CardFacts *card, const RecoveryFacts *facts, const char **ret_reason);
const char *recovery_action_to_string(RecoveryAction action);
