/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "core/lease.h"

#include "base/text.h"

int lease_check_domain(const Lease *lease, PciAddress card, const char *uuid, Refusal *reterr_refusal) {
        if (!lease_has_domain(lease) || streq(lease->domain_uuid, uuid))
                return 0;
        return refusal_set(reterr_refusal, REFUSAL_LEASED, card, lease->domain_name, lease->domain_uuid);
}

void lease_take_domain(Lease *lease, const char *uuid, const char *name, usec_t now_usec) {
        (void) text_copy(lease->domain_uuid, sizeof(lease->domain_uuid), uuid);
        (void) text_format(lease->domain_name, sizeof(lease->domain_name), "%s", name);
        lease->started = false;
        lease->unguarded = false; /* it has not got the card yet */
        lease->since_usec = now_usec;
        lease->n_guest_boots = 0;
        lease->last_reset_usec = 0;
}

bool lease_drop_domain(Lease *lease, const char *uuid) {
        if (!lease_has_domain(lease) || !streq(lease->domain_uuid, uuid))
                return false;
        *lease = (Lease){ .by_hand = lease->by_hand };
        return true;
}

int lease_check_to_host(const Lease *lease, PciAddress card, Refusal *reterr_refusal) {
        if (!lease_has_domain(lease))
                return 0;
        return refusal_set(reterr_refusal, REFUSAL_LEASED, card, lease->domain_name, lease->domain_uuid);
}

bool lease_ends_on_stopped(const Lease *lease, const char *uuid) {
        return lease_has_domain(lease) && lease->started && streq(lease->domain_uuid, uuid);
}

bool lease_ends_on_sync(const Lease *lease, usec_t begun_usec) {
        return lease_has_domain(lease) && lease->since_usec < begun_usec;
}
