/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A hang in words for people: what hangs, and what is known to help. Pure. */

#include "api/view.h"
#include "core/plan.h"

/* Seen from outside while a card is stuck; @view has the rest. */
typedef struct StuckFacts {
        const Step *step;  /* what was asked of the helper; NULL: to look at the card */
        PciAddress card;
        FunctionRole role; /* of step->address */
} StuckFacts;

/**
 * stuck_words() - fill in step, action, function and help of @view
 * @view: since when, where in the kernel and who holds the nodes are set already
 */
void stuck_words(const StuckFacts *facts, StuckView *view);

/** stuck_circumstances() - "since 2026-11-21 08:20:31 UTC, in amdgpu_pci_remove, helper pid 637". Returns @buffer. */
const char *stuck_circumstances(const StuckView *view, char *buffer, size_t size);

/** stuck_sentence() - "unbind ...: write ... has not come back (since ...)". Returns @buffer. */
const char *stuck_sentence(const StuckView *view, char *buffer, size_t size);

/* Two lines for the console of a machine that may be about to go down with a stuck card. */
#define STUCK_CONSOLE_LINES 2U
/** stuck_console_line() - line @index. Returns @buffer. */
const char *stuck_console_line(const StuckView *view, size_t index, char *buffer, size_t size);
