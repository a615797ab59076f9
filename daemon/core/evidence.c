/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "core/evidence.h"

#include <string.h>

#include "base/enum-text.h"
#include "base/text.h"

#define FIRST_SIGHT "first-sight"

static bool is_first_sight(const Evidence *evidence) {
        return evidence->event == _CARD_EVENT_INVALID;
}

bool evidence_is_shown(const Evidence *evidence) {
        return evidence->from != evidence->to || is_first_sight(evidence) ||
               evidence->event == CARD_EVENT_RECIPE_FAILED || evidence->event == CARD_EVENT_CONFIG_DEAD ||
               evidence->event == CARD_EVENT_GUEST_DIRTY || evidence->event == CARD_EVENT_WEDGED;
}

/* A daemon that is started again sees the card for the first time, too: that is no news. */
static bool says_nothing_new(const EvidenceList *list, const Evidence *evidence) {
        const Evidence *last = list->n > 0 ? &list->entries[list->n - 1] : NULL;

        if (!last || evidence->from != evidence->to || last->this_boot != evidence->this_boot ||
            last->to != evidence->to)
                return false;
        return is_first_sight(evidence) ||
               (last->event == evidence->event && streq(last->reason, evidence->reason));
}

bool evidence_add(EvidenceList *list, const Evidence *evidence) {
        if (!evidence_is_shown(evidence) || says_nothing_new(list, evidence))
                return false;
        if (list->n == EVIDENCE_SHOWN_MAX) {
                memmove(list->entries, list->entries + 1, (EVIDENCE_SHOWN_MAX - 1) * sizeof(*evidence));
                list->n--;
        }
        list->entries[list->n++] = *evidence;
        list->n_ever++;
        return true;
}

const char *evidence_event_to_string(CardEvent event) {
        return event == _CARD_EVENT_INVALID ? FIRST_SIGHT : card_event_to_string(event);
}

int evidence_event_from_string(const char *text, CardEvent *ret_event) {
        CardEvent event = card_event_from_string(text);

        if (event < 0 && !streq(text, FIRST_SIGHT))
                return -EINVAL;
        *ret_event = event < 0 ? _CARD_EVENT_INVALID : event;
        return 0;
}

const char *evidence_state_to_string(ResetState state) {
        return state < 0 ? "" : reset_state_to_string(state);
}

int evidence_state_from_string(const char *text, ResetState *ret_state) {
        ResetState state = reset_state_from_string(text);

        if (state < 0 && !isempty(text))
                return -EINVAL;
        *ret_state = state < 0 ? _RESET_STATE_INVALID : state;
        return 0;
}
