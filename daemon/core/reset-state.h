/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The state machine of a card's reset logic: what one event means for what is known of a card.
 *
 * The base table is fixed here. A family may change only the cells of ResetStateRule, and only for
 * the worse; reset_state_rule_check() holds quirk files to that. Source of the graph: the 2020
 * Polaris post (https://shatsky.github.io/posts/2020-01-22_linux-amdgpu-reset-bug-polaris-workaround.html).
 */

#include <stdbool.h>

#include "gpuswitch/types.h"

typedef enum CardEvent {
        CARD_EVENT_HOST_BIND,    /* the `driver` link now names a host driver */
        CARD_EVENT_HOST_UNBIND,  /* the `driver` link no longer names the host driver */
        CARD_EVENT_GUEST_OPEN,   /* a VM got the card */
        CARD_EVENT_GUEST_DIRTY,  /* its VM was destroyed, has crashed or failed: no guest driver put the card to rest */
        CARD_EVENT_BUS_RESET,    /* seen, or counted for guest time without a guard */
        CARD_EVENT_RECIPE_OK,    /* our reset ran and was verified */
        CARD_EVENT_RECIPE_FAILED,
        CARD_EVENT_RESET_LINE,   /* the host driver logged that it found the card already running */
        CARD_EVENT_CHIP_RUNNING, /* a register tells that a driver has been at work since power-up */
        CARD_EVENT_CONFIG_DEAD,  /* configuration space reads all ones in D0 */
        CARD_EVENT_CONFIG_ALIVE, /* configuration space answers */
        CARD_EVENT_COLD_START,   /* power loss is proven, and the card answers again */
        CARD_EVENT_HISTORY_GAP,  /* something happened that nobody saw */
        CARD_EVENT_WEDGED,       /* its driver says that it hangs and asks for help */
        CARD_EVENT_NOTED,        /* worth keeping; says nothing about the reset logic */
        _CARD_EVENT_MAX,
        _CARD_EVENT_INVALID = -EINVAL,
} CardEvent;

/* The cells that a family may change. */
typedef struct ResetStateRule {
        ResetState touched_host_bind;  /* base: touched. Polaris: prefail */
        ResetState prefail_bus_reset;  /* base: failed */
        /* What a verified recipe leaves behind; _RESET_STATE_INVALID: no change (base). */
        ResetState recipe_ok;
        /* What a dirty end of its VM leaves behind; _RESET_STATE_INVALID: no change (base). */
        ResetState dirty_guest_end;
        /* A reset line at a host bind means prefail (families with the bug). Base: false, no change. */
        bool reset_line_is_prefail;
} ResetStateRule;

#define RESET_STATE_RULE_BASE                                \
        ((ResetStateRule){ .touched_host_bind = RESET_STATE_TOUCHED, \
                           .prefail_bus_reset = RESET_STATE_FAILED,  \
                           .recipe_ok = _RESET_STATE_INVALID,        \
                           .dirty_guest_end = _RESET_STATE_INVALID })

/**
 * reset_state_next() - what @event means for a card that is in @now
 *
 * Pure. Always returns one of the five states.
 */
ResetState reset_state_next(ResetState now, const ResetStateRule *rule, CardEvent event);

/**
 * reset_state_rule_check() - may a family say this?
 * @reterr_cell: name of the offending cell (static); set only on failure
 *
 * Return: 0; -EINVAL when a cell would make things better than the base table.
 */
int reset_state_rule_check(const ResetStateRule *rule, const char **reterr_cell);

/** reset_state_needs_guard() - would a bus reset now lose (or maybe lose) the card?
 * @has_bug: the family is one whose bus reset can kill (bus_reset: forbidden); prefail needs one without it too */
bool reset_state_needs_guard(ResetState now, bool has_bug);

const char *card_event_to_string(CardEvent event);
CardEvent card_event_from_string(const char *text);
