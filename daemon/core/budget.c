/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whatever was not counted from the first boot on counts as used up: the price is a VM that is shut down once too often. */

#include "core/budget.h"

#include "base/macros.h"
#include "base/text.h"
#include "core/rule.h"

static bool all_counted(const Lease *lease) {
        if (lease->n_guest_boots == GUEST_BOOTS_UNKNOWN)
                return false;
        return lease->n_guest_boots > 0 || !lease->started;
}

Budget budget_of(const Lease *lease, uint32_t limit, bool watched) {
        if (limit == GUEST_REBOOTS_UNLIMITED)
                return (Budget){ .counted = true };

        Budget budget = { .limited = true, .counted = true, .limit = limit, .left = limit };
        if (!lease_has_domain(lease))
                return budget;
        budget.counted = watched && all_counted(lease);
        uint32_t n_reboots = lease->n_guest_boots > 0 ? lease->n_guest_boots - 1 : 0;
        budget.left = budget.counted && n_reboots < limit ? limit - n_reboots : 0;
        return budget;
}

void budget_started(Lease *lease) {
        if (!lease->started && lease->n_guest_boots == 0)
                lease->n_guest_boots = 1;
        lease->started = true;
}

bool budget_reset(Lease *lease, usec_t at_usec) {
        if (at_usec < lease->since_usec || at_usec < budget_settled_usec(lease))
                return false;
        lease->last_reset_usec = at_usec;
        if (lease->n_guest_boots == 0)
                lease->n_guest_boots = GUEST_BOOTS_UNKNOWN; /* nobody has seen it start */
        else if (lease->n_guest_boots < GUEST_BOOTS_UNKNOWN)
                lease->n_guest_boots++;
        return true;
}

void budget_seen_running(Lease *lease, usec_t begun_usec) {
        if (!lease->started && lease->n_guest_boots == 0)
                lease->n_guest_boots = begun_usec <= lease->since_usec + FIRST_BOOT_USEC ? 1 : GUEST_BOOTS_UNKNOWN;
        lease->started = true;
}

void budget_watch_began(Lease *lease, usec_t begun_usec) {
        /* One that has not been seen yet is waited for: its start, or the first list that has it. */
        if (lease->n_guest_boots > 0 && begun_usec > lease->since_usec + FIRST_BOOT_USEC)
                lease->n_guest_boots = GUEST_BOOTS_UNKNOWN;
}

usec_t budget_settled_usec(const Lease *lease) {
        return lease->last_reset_usec == 0 ? 0 : lease->last_reset_usec + RESETS_OF_ONE_REBOOT_USEC;
}

GuestEnd guest_end_of_reason(const char *reason) {
        static const char *const clean[] = { "shutdown", "migrated", "saved", "from-snapshot" };
        static const char *const dirty[] = { "destroyed", "crashed", "failed", "daemon" };

        for (size_t i = 0; i < ELEMENTSOF(clean); i++)
                if (streq(reason, clean[i]))
                        return GUEST_END_CLEAN;
        for (size_t i = 0; i < ELEMENTSOF(dirty); i++)
                if (streq(reason, dirty[i]))
                        return GUEST_END_DIRTY;
        return GUEST_END_UNKNOWN;
}
