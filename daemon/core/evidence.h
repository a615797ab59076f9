/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a card's state is based on: the last of its transitions and failures, for people. It decides nothing.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/reset-state.h"
#include "gpuswitch/limits.h"

#define EVIDENCE_REASON_SIZE 256U

typedef struct Evidence {
        uint64_t at_realtime_usec;
        CardEvent event; /* _CARD_EVENT_INVALID: first sight in a boot */
        ResetState from; /* _RESET_STATE_INVALID: the card had never been seen before */
        ResetState to;
        bool this_boot;
        char reason[EVIDENCE_REASON_SIZE];
} Evidence;

/* The oldest first. */
typedef struct EvidenceList {
        size_t n;
        uint64_t n_ever; /* entries that were added, those that are gone included */
        Evidence entries[EVIDENCE_SHOWN_MAX];
} EvidenceList;

/** evidence_is_shown() - a transition, a failure, a guest's dirty end, or the first sight of a card; not what has changed nothing. */
bool evidence_is_shown(const Evidence *evidence);

/** evidence_add() - @evidence behind the others, unless it is not shown or only says the last one again; the oldest goes.
 * First sight that changes nothing is shown once in a boot. Return: was it added? */
bool evidence_add(EvidenceList *list, const Evidence *evidence);

/** evidence_event_to_string() - as card_event_to_string(), and "first-sight". */
const char *evidence_event_to_string(CardEvent event);
/** evidence_event_from_string() - 0 and the event; -EINVAL. */
int evidence_event_from_string(const char *text, CardEvent *ret_event);

/** evidence_state_to_string() - as reset_state_to_string(), and "" for a state that was not known. */
const char *evidence_state_to_string(ResetState state);
/** evidence_state_from_string() - 0 and the state; -EINVAL. */
int evidence_state_from_string(const char *text, ResetState *ret_state);
