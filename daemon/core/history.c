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
};

const char *log_fact_to_string(LogFact fact) {
        assert(fact >= 0 && fact < _LOG_FACT_MAX);
        return log_fact_table[fact];
}

ResetState history_replay(const ResetStateRule *rule, const FirstSight *sight, const LogFact *facts, size_t n_facts) {
        ResetState state = RESET_STATE_FRESH;
        bool bound = false;

        if (!sight->log_complete || (sight->stored_suspect && !sight->power_loss_proven))
                state = RESET_STATE_UNKNOWN;

        for (size_t i = 0; i < n_facts; i++) {
                switch (facts[i]) {
                case LOG_FACT_HOST_INIT:
                        if (bound)
                                state = reset_state_next(state, rule, CARD_EVENT_HOST_UNBIND);
                        state = reset_state_next(state, rule, CARD_EVENT_HOST_BIND);
                        bound = true;
                        break;
                case LOG_FACT_RESET_LINE:
                        state = reset_state_next(state, rule, CARD_EVENT_RESET_LINE);
                        break;
                case LOG_FACT_GUEST_USE:
                        if (bound)
                                state = reset_state_next(state, rule, CARD_EVENT_HOST_UNBIND);
                        state = reset_state_next(state, rule, CARD_EVENT_GUEST_OPEN);
                        bound = false;
                        break;
                case LOG_FACT_DEAD:
                        state = RESET_STATE_FAILED;
                        break;
                case _LOG_FACT_MAX:
                case _LOG_FACT_INVALID:
                        assert(!"no such log fact");
                }
        }

        /* Bound now, but the last thing that the log shows is a guest: a driver without a line of its own. */
        if (sight->host_driver_bound && !bound)
                state = reset_state_next(state, rule, CARD_EVENT_HOST_BIND);
        else if (!sight->host_driver_bound && bound)
                state = reset_state_next(state, rule, CARD_EVENT_HOST_UNBIND);
        return state;
}

bool history_driver_ran(const FirstSight *sight, const LogFact *facts, size_t n_facts) {
        if (sight->host_driver_bound)
                return true;
        for (size_t i = 0; i < n_facts; i++)
                if (facts[i] == LOG_FACT_HOST_INIT)
                        return true;
        return false;
}
