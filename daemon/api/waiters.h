/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Callers that wait for the same verdict. At most WAITERS_MAX; one more is told so, and the verdict comes without it. */

#include "api/operations.h"

typedef struct Waiters {
        size_t n;
        Request *requests[WAITERS_MAX];
} Waiters;

/**
 * waiters_add() - @request gets the verdict when it comes; over WAITERS_MAX its answer is LimitsExceeded. Takes it over.
 * @waiters: must stay where it is while somebody waits
 * @address: of the card that the verdict is about
 */
void waiters_add(Waiters *waiters, Request *request, PciAddress address);
/** waiters_remove() - its caller has left. @request is given back; nothing happens where it does not wait. */
void waiters_remove(Request *request);

/* The verdict. Frees the requests; nobody waits any more. */
void waiters_done(Waiters *waiters);
void waiters_plan(Waiters *waiters, const Plan *plan);
void waiters_isolation(Waiters *waiters, const Isolation *isolation);
void waiters_refuse(Waiters *waiters, const Refusal *refusal);
