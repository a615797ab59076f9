/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The log has no line for an unbind, so one is inferred before every next use: a driver cannot
 * initialise a card, nor a guest open it, that another driver still has.
 */

#include "core/history.h"

#include <assert.h>

#include "base/text.h"

static const char *const log_fact_table[_LOG_FACT_MAX] = {
        [LOG_FACT_HOST_INIT] = "host-init",
        [LOG_FACT_RESET_LINE] = "reset-line",
        [LOG_FACT_GUEST_USE] = "guest-use",
        [LOG_FACT_DEAD] = "dead",
        [LOG_FACT_BUS_RESET] = "bus-reset",
        [LOG_FACT_BAR_RESTORE] = "bar-restore",
        [LOG_FACT_POWER] = "power",
        [LOG_FACT_POWER_LOSS] = "power-loss",
        [LOG_FACT_HIBERNATED] = "hibernated",
        [LOG_FACT_IN_USE] = "in-use",
};

const char *log_fact_to_string(LogFact fact) {
        assert(fact >= 0 && fact < _LOG_FACT_MAX);
        return log_fact_table[fact];
}

ResetState history_replay(const ResetStateRule *rule, const FirstSight *sight, const LogFact *facts, size_t n_facts) {
        bool hole = sight->store_lost || !sight->log_complete || (sight->stored_suspect && !sight->power_loss_proven);

        ResetState state = history_continue(rule, hole ? RESET_STATE_UNKNOWN : RESET_STATE_FRESH, /* bound_before= */ false,
                                            sight->host_driver_bound, facts, n_facts);
        /* What is missing may be behind a loss of power that is there. */
        return sight->log_complete ? state : reset_state_next(state, rule, CARD_EVENT_HISTORY_GAP);
}

/* Who has the card while the machine sleeps has it still when it wakes. */
static ResetState after_power_loss(const ResetStateRule *rule, ResetState state, bool bound, bool guest) {
        if (state == RESET_STATE_FAILED)
                return state;
        state = reset_state_next(state, rule, CARD_EVENT_COLD_START);
        if (bound)
                state = reset_state_next(state, rule, CARD_EVENT_HOST_BIND);
        return guest ? reset_state_next(state, rule, CARD_EVENT_GUEST_OPEN) : state;
}

ResetState history_continue(const ResetStateRule *rule, ResetState state, bool bound_before, bool bound_now,
                            const LogFact *facts, size_t n_facts) {
        bool bound = bound_before, guest = false;

        for (size_t i = 0; i < n_facts; i++) {
                switch (facts[i]) {
                case LOG_FACT_HOST_INIT:
                        if (bound)
                                state = reset_state_next(state, rule, CARD_EVENT_HOST_UNBIND);
                        state = reset_state_next(state, rule, CARD_EVENT_HOST_BIND);
                        bound = true;
                        guest = false;
                        break;
                case LOG_FACT_RESET_LINE:
                        state = reset_state_next(state, rule, CARD_EVENT_RESET_LINE);
                        break;
                case LOG_FACT_GUEST_USE:
                case LOG_FACT_BAR_RESTORE:
                        if (bound)
                                state = reset_state_next(state, rule, CARD_EVENT_HOST_UNBIND);
                        state = reset_state_next(state, rule, CARD_EVENT_GUEST_OPEN);
                        if (facts[i] == LOG_FACT_BAR_RESTORE)
                                state = reset_state_next(state, rule, CARD_EVENT_HISTORY_GAP);
                        bound = false;
                        guest = true;
                        break;
                case LOG_FACT_POWER_LOSS:
                        state = after_power_loss(rule, state, bound, guest);
                        break;
                case LOG_FACT_HIBERNATED:
                        state = reset_state_next(state, rule, CARD_EVENT_HISTORY_GAP);
                        break;
                case LOG_FACT_BUS_RESET:
                        state = reset_state_next(state, rule, CARD_EVENT_BUS_RESET);
                        break;
                case LOG_FACT_DEAD:
                        state = reset_state_next(state, rule, CARD_EVENT_CONFIG_DEAD);
                        break;
                case LOG_FACT_POWER:
                case LOG_FACT_IN_USE:
                        break;
                case _LOG_FACT_MAX:
                case _LOG_FACT_INVALID:
                        assert(!"no such log fact");
                }
        }

        /* A driver that has no line of its own in the log came or went after the last line. */
        if (bound_now && !bound)
                state = reset_state_next(state, rule, CARD_EVENT_HOST_BIND);
        else if (!bound_now && bound)
                state = reset_state_next(state, rule, CARD_EVENT_HOST_UNBIND);
        return state;
}

bool history_lost_power(const LogFact *facts, size_t n_facts) {
        for (size_t i = 0; i < n_facts; i++)
                if (facts[i] == LOG_FACT_POWER_LOSS)
                        return true;
        return false;
}

bool history_driver_ran(const FirstSight *sight, const LogFact *facts, size_t n_facts) {
        bool ran = false, bound = false;

        for (size_t i = 0; i < n_facts; i++)
                if (facts[i] == LOG_FACT_HOST_INIT)
                        ran = bound = true;
                else if (facts[i] == LOG_FACT_GUEST_USE || facts[i] == LOG_FACT_BAR_RESTORE)
                        bound = false;
                else if (facts[i] == LOG_FACT_POWER_LOSS)
                        ran = bound; /* a driver that has the card sets it up again */
        return ran || sight->host_driver_bound;
}
