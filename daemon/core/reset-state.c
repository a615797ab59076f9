/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Each event has one small function's worth of rule, so the code reads as the table in the design
 * does. Everything that is not named is "no change".
 */

#include "core/reset-state.h"

#include <assert.h>

#include "base/enum-text.h"
#include "base/text.h"

static const char *const card_event_table[_CARD_EVENT_MAX] = {
        [CARD_EVENT_HOST_BIND] = "host-bind",
        [CARD_EVENT_HOST_UNBIND] = "host-unbind",
        [CARD_EVENT_GUEST_OPEN] = "guest-open",
        [CARD_EVENT_GUEST_DIRTY] = "guest-dirty",
        [CARD_EVENT_BUS_RESET] = "bus-reset",
        [CARD_EVENT_RECIPE_OK] = "quirk-reset-ok",
        [CARD_EVENT_RECIPE_FAILED] = "quirk-reset-failed",
        [CARD_EVENT_RESET_LINE] = "reset-line",
        [CARD_EVENT_CHIP_RUNNING] = "chip-running",
        [CARD_EVENT_CONFIG_DEAD] = "config-dead",
        [CARD_EVENT_CONFIG_ALIVE] = "config-alive",
        [CARD_EVENT_COLD_START] = "cold-start",
        [CARD_EVENT_HISTORY_GAP] = "history-gap",
        [CARD_EVENT_WEDGED] = "wedged",
        [CARD_EVENT_NOTED] = "noted",
};
DEFINE_ENUM_TEXT(card_event, CardEvent, card_event_table)

/* Nothing that is known to be worse than what the family says gets better by it. */
static ResetState after_dirty_end(ResetState now, const ResetStateRule *rule) {
        if (rule->dirty_guest_end == _RESET_STATE_INVALID || now == RESET_STATE_FAILED || now == RESET_STATE_PREFAIL)
                return now;
        return rule->dirty_guest_end;
}

ResetState reset_state_next(ResetState now, const ResetStateRule *rule, CardEvent event) {
        assert(now >= 0 && now < _RESET_STATE_MAX);

        switch (event) {
        case CARD_EVENT_HOST_BIND:
                return now == RESET_STATE_TOUCHED ? rule->touched_host_bind : now;
        case CARD_EVENT_HOST_UNBIND:
        case CARD_EVENT_GUEST_OPEN:
                return now == RESET_STATE_FRESH ? RESET_STATE_TOUCHED : now;
        case CARD_EVENT_GUEST_DIRTY:
                return after_dirty_end(now, rule);
        case CARD_EVENT_BUS_RESET:
                return now == RESET_STATE_PREFAIL ? rule->prefail_bus_reset : now;
        case CARD_EVENT_RECIPE_OK:
                /* A recipe on a card that is already lost changes nothing; only reading it does. */
                if (now == RESET_STATE_FAILED || rule->recipe_ok == _RESET_STATE_INVALID)
                        return now;
                return rule->recipe_ok;
        case CARD_EVENT_RECIPE_FAILED:
        case CARD_EVENT_CONFIG_DEAD:
                return RESET_STATE_FAILED;
        case CARD_EVENT_RESET_LINE:
                return rule->reset_line_is_prefail && now != RESET_STATE_FAILED ? RESET_STATE_PREFAIL : now;
        case CARD_EVENT_CHIP_RUNNING:
                /* The host driver takes exactly this for the reason of its reset line. */
                if (now == RESET_STATE_UNKNOWN && rule->reset_line_is_prefail)
                        return RESET_STATE_PREFAIL;
                return now == RESET_STATE_FRESH ? RESET_STATE_TOUCHED : now;
        case CARD_EVENT_CONFIG_ALIVE:
                return now == RESET_STATE_FAILED ? RESET_STATE_UNKNOWN : now;
        case CARD_EVENT_COLD_START:
                return RESET_STATE_FRESH;
        case CARD_EVENT_HISTORY_GAP:
        case CARD_EVENT_WEDGED: /* what its driver has tried by then is not known either */
                /* Prefail stays: a hole cannot make a known danger smaller. */
                return now == RESET_STATE_FAILED || now == RESET_STATE_PREFAIL ? now : RESET_STATE_UNKNOWN;
        case CARD_EVENT_NOTED:
                return now;
        case _CARD_EVENT_MAX:
        case _CARD_EVENT_INVALID:
                break;
        }
        assert(!"no such card event");
        return now;
}

int reset_state_rule_check(const ResetStateRule *rule, const char **reterr_cell) {
        if (rule->touched_host_bind != RESET_STATE_TOUCHED && rule->touched_host_bind != RESET_STATE_PREFAIL &&
            rule->touched_host_bind != RESET_STATE_UNKNOWN) {
                *reterr_cell = "touched_host_bind";
                return -EINVAL;
        }
        if (rule->prefail_bus_reset != RESET_STATE_FAILED) {
                *reterr_cell = "prefail_bus_reset";
                return -EINVAL;
        }
        if (rule->recipe_ok != _RESET_STATE_INVALID && rule->recipe_ok != RESET_STATE_PREFAIL &&
            rule->recipe_ok != RESET_STATE_UNKNOWN) {
                *reterr_cell = "quirk_reset_ok";
                return -EINVAL;
        }
        if (rule->dirty_guest_end != _RESET_STATE_INVALID && rule->dirty_guest_end != RESET_STATE_PREFAIL &&
            rule->dirty_guest_end != RESET_STATE_UNKNOWN) {
                *reterr_cell = "dirty_guest_end";
                return -EINVAL;
        }
        return 0;
}

bool reset_state_needs_guard(ResetState now, bool has_bug) {
        /* Prefail is a fact about this card, whatever its family is taken for since quirks were loaded anew. */
        return now == RESET_STATE_PREFAIL ||
               (has_bug && now != RESET_STATE_FRESH && now != RESET_STATE_TOUCHED);
}
