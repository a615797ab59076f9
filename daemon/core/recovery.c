/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "core/recovery.h"

#include <assert.h>

#include "base/text.h"

static const char *const recovery_action_table[_RECOVERY_ACTION_MAX] = {
        [RECOVERY_NOTHING] = "nothing",
        [RECOVERY_FINISH] = "finish",
        [RECOVERY_UNDO] = "undo",
        [RECOVERY_STUCK] = "stuck",
};

const char *recovery_action_to_string(RecoveryAction action) {
        assert(action >= 0 && action < _RECOVERY_ACTION_MAX);
        return recovery_action_table[action];
}

RecoveryAction recovery_decide(const CardFacts *card, const RecoveryFacts *facts, const char **ret_reason) {
        Owner owner = card_owner(card);

        if (facts->helper_alive) {
                *ret_reason = "its helper is still in a write that has not come back";
                return RECOVERY_STUCK;
        }
        if (facts->n_done == 0) {
                *ret_reason = "no step of it had begun";
                return RECOVERY_NOTHING;
        }
        if (facts->direction == DIRECTION_HOST) {
                *ret_reason = "the card was on its way home";
                return RECOVERY_FINISH;
        }
        if (owner == OWNER_GUEST && facts->group_held) {
                *ret_reason = "a virtual machine already has the card";
                return RECOVERY_NOTHING;
        }
        *ret_reason = facts->undoing ? "its roll-back was not complete" : "nobody waits for the card any more";
        return RECOVERY_UNDO;
}
