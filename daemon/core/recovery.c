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

bool recovery_asks_group(const CardFacts *card, const RecoveryFacts *facts) {
        /* A way home asks by its first step. */
        return card_owner(card) == OWNER_GUEST && !facts->helper_alive &&
               (facts->undoing || (facts->direction == DIRECTION_GUEST && facts->n_done > 0));
}

RecoveryAction recovery_decide(const CardFacts *card, const RecoveryFacts *facts, const char **ret_reason) {
        if (facts->helper_alive) {
                *ret_reason = "its helper has not come back from the step in hand";
                return RECOVERY_STUCK;
        }
        if (facts->direction == DIRECTION_HOST && !facts->undoing) {
                *ret_reason = "the GPU belongs to the host again";
                return RECOVERY_FINISH;
        }
        if (facts->n_done == 0 && !facts->undoing) {
                *ret_reason = "no step of it had begun";
                return RECOVERY_NOTHING;
        }
        if (card_owner(card) == OWNER_GUEST && facts->group == RECOVERY_GROUP_HELD) {
                *ret_reason = "a virtual machine has the GPU by now";
                return RECOVERY_NOTHING;
        }
        *ret_reason = facts->undoing ? "its way back was not complete" : "nobody waits for it any more";
        return RECOVERY_UNDO;
}

/* What the machine shows, as far as the decision looks at it. */
static const char *shown(const CardFacts *card, const RecoveryFacts *facts, char *buffer, size_t size) {
        const char *driver = card->functions[0].driver;
        const char *group = "";

        if (recovery_asks_group(card, facts))
                group = facts->group == RECOVERY_GROUP_HELD   ? ", and a process has its vfio group open"
                        : facts->group == RECOVERY_GROUP_FREE ? ", and nobody has its vfio group open"
                                                              : ", and its vfio group could not be asked";
        (void) text_format(buffer, size, "%s has the GPU%s", isempty(driver) ? "no driver" : driver, group);
        return buffer;
}

const char *recovery_describe(const CardFacts *card, const RecoveryFacts *facts, RecoveryAction action,
                              const char *reason, char *buffer, size_t size) {
        static const char *const verdicts[_RECOVERY_ACTION_MAX] = {
                [RECOVERY_NOTHING] = "nothing is left to do",
                [RECOVERY_FINISH] = "it is finished",
                [RECOVERY_UNDO] = "everything is put back",
                [RECOVERY_STUCK] = "nobody else acts on it for now",
        };
        const char *what = facts->undoing                           ? "the way back of a switch that had failed"
                           : facts->direction == DIRECTION_GUEST ? "a way to the guest"
                                                                  : "a way home";
        char machine[DRIVER_NAME_SIZE + 96];

        assert(action >= 0 && action < _RECOVERY_ACTION_MAX);
        (void) text_format(buffer, size,
                           "the record says: %s, step %zu of %zu; the machine shows: %s; so %s, because %s", what,
                           facts->n_done, facts->n_steps, shown(card, facts, machine, sizeof(machine)),
                           verdicts[action], reason);
        return buffer;
}
