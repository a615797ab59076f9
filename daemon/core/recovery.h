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
        RECOVERY_STUCK,   /* the helper that the operation left behind is still in a write: nobody acts until it is gone */
        _RECOVERY_ACTION_MAX,
} RecoveryAction;

/* What asking for the vfio group has shown; only asked where it matters. */
typedef enum RecoveryGroup {
        RECOVERY_GROUP_FREE,
        RECOVERY_GROUP_HELD,    /* somebody has it open: a VM runs */
        RECOVERY_GROUP_UNKNOWN, /* it could not be asked */
        _RECOVERY_GROUP_MAX,
} RecoveryGroup;

typedef struct RecoveryFacts {
        Direction direction;   /* where the recorded plan leads: the undo of a way to the guest leads to the host */
        size_t n_done;         /* steps that the record says were started */
        size_t n_steps;
        bool undoing;          /* the record says that it was on its way back already */
        bool helper_alive;     /* the recorded helper (pid and start time) still exists */
        RecoveryGroup group;
} RecoveryFacts;

/** recovery_asks_group() - does the decision depend on whether a VM has the card? */
bool recovery_asks_group(const CardFacts *card, const RecoveryFacts *facts);

/**
 * recovery_decide() - pure; @ret_reason is a static text for the journal, never NULL
 *
 * A way to the guest is undone unless a VM already has the card, a way home is finished, a way back is gone on
 * with. A way back whose plan has no step started yet is no operation that has not begun: what it undoes had.
 */
RecoveryAction recovery_decide(const CardFacts *card, const RecoveryFacts *facts, const char **ret_reason);
const char *recovery_action_to_string(RecoveryAction action);

/**
 * recovery_describe() - "the record says: a way to the guest, step 3 of 17; the machine shows: no driver has the
 * GPU; so everything is put back, because nobody waits for it any more"
 */
const char *recovery_describe(const CardFacts *card, const RecoveryFacts *facts, RecoveryAction action,
                              const char *reason, char *buffer, size_t size);
