/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Who has a claim on a card. A domain's claim comes from the hook; a person's (`to-guest` by hand)
 * is one that domains may borrow and that only `to-host` ends.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/refusal.h"
#include "gpuswitch/deadlines.h"
#include "gpuswitch/limits.h"

typedef struct Lease {
        bool by_hand;                     /* a person keeps the card with the guests */
        char domain_uuid[UUID_TEXT_SIZE]; /* "": no domain */
        char domain_name[DOMAIN_NAME_SIZE];
        bool started;                     /* virtwatch has seen this run of the domain */
        bool unguarded;                   /* a guest has the card and nothing keeps a bus reset from it */
        usec_t since_usec;                /* CLOCK_MONOTONIC: when the domain's claim began */
        uint32_t n_guest_boots;           /* inside this QEMU process; 0: none was seen yet */
        usec_t last_reset_usec;           /* CLOCK_MONOTONIC: of the guest's last reboot; 0: none; not stored */
} Lease;

/* Lease.n_guest_boots: there was nobody who would have counted all of them. */
#define GUEST_BOOTS_UNKNOWN UINT32_MAX

static inline bool lease_has_domain(const Lease *lease) {
        return lease->domain_uuid[0] != '\0';
}

static inline bool lease_is_held(const Lease *lease) {
        return lease->by_hand || lease_has_domain(lease);
}

/** lease_check_domain() - may the domain claim the card? The same domain may again. 0 or E_REFUSED. */
int lease_check_domain(const Lease *lease, PciAddress card, const char *uuid, Refusal *reterr_refusal);

/** lease_take_domain() - give the claim; lease_check_domain() must have said yes. */
void lease_take_domain(Lease *lease, const char *uuid, const char *name, usec_t now_usec);

/** lease_drop_domain() - end the domain's claim. Returns true if it was that domain's. */
bool lease_drop_domain(Lease *lease, const char *uuid);

/** lease_check_to_host() - may a person send the card home? Not while a domain has it. 0 or E_REFUSED. */
int lease_check_to_host(const Lease *lease, PciAddress card, Refusal *reterr_refusal);

/** lease_ends_on_stopped() - does a `stopped` event of @uuid end the claim? Only of a run that was seen to
 * start: the event of the run before comes late. */
bool lease_ends_on_stopped(const Lease *lease, const char *uuid);

/** lease_ends_on_sync() - the domain is not among the running ones of a listing that began at @begun_usec. */
bool lease_ends_on_sync(const Lease *lease, usec_t begun_usec);
