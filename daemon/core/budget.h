/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Reboots of a guest inside one QEMU process: some cards bear only a few of them (Rule.guest_reboots), and the end of
 * the process restores them. And how a guest ended.
 */

#include <stdbool.h>
#include <stdint.h>

#include "core/lease.h"

/* A reset within this time after one that counted is the firmware's own: SeaBIOS answers a reset by the guest with a
 * second one (lab: 0.6 s later). No guest gets as far as its driver in that time. */
#define RESETS_OF_ONE_REBOOT_USEC (5 * USEC_PER_SEC)
/* A guest that was there so shortly before somebody began to count has not rebooted: virtwatch cannot hear of the
 * machines that libvirt starts at boot, since libvirt lets nobody in before it is done with them. */
#define FIRST_BOOT_USEC (30 * USEC_PER_SEC)

typedef struct Budget {
        bool limited; /* false: as many as it likes, and nothing else here means anything */
        bool counted; /* somebody has counted all of them, and still does; else none is left */
        uint32_t limit;
        uint32_t left;
} Budget;

/** budget_of() - @limit: Rule.guest_reboots; @watched: virtwatch is there to count */
Budget budget_of(const Lease *lease, uint32_t limit, bool watched);

/** budget_started() - virtwatch has seen the domain start. */
void budget_started(Lease *lease);
/** budget_reset() - the guest was reset at @at_usec (CLOCK_MONOTONIC). True: that begins a reboot; false: it is part of
 * the last one, the same told twice, or of a run before this one. */
bool budget_reset(Lease *lease, usec_t at_usec);
/** budget_seen_running() - the domain is in a listing that began at @begun_usec. */
void budget_seen_running(Lease *lease, usec_t begun_usec);
/** budget_watch_began() - resets have been told without a gap since @begun_usec, and perhaps not before. */
void budget_watch_began(Lease *lease, usec_t begun_usec);
/** budget_settled_usec() - from then on a reset is a new reboot: not before may a reset be made to mean something else. */
usec_t budget_settled_usec(const Lease *lease);

typedef enum GuestEnd {
        GUEST_END_CLEAN,
        GUEST_END_DIRTY,   /* nobody has put the card to rest */
        GUEST_END_UNKNOWN, /* libvirt before 10.5 tells its hook nothing */
} GuestEnd;

/** guest_end_of_reason() - of libvirt's word for why a domain is shut off */
GuestEnd guest_end_of_reason(const char *reason);
