/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is kept of a card for people: on what its state is based, and what has come of its resets. Nothing is decided by
 * it, so that a store which does not take it stops no switch.
 */

#include <string.h>

#include "base/address.h"
#include "base/text.h"
#include "log/log.h"
#include "machine/system.h"
#include "manager/internal.h"

void card_load_history(Card *card, const StoredCard *known) {
        const Manager *manager = card->manager;

        if (known)
                card->last_known = known->state;
        if (!manager->store)
                return;
        int r = store_load_evidence(manager->store, card->identity, manager->boot_id, &card->evidence);
        if (r < 0)
                log_warning("GPU %s: could not read what its state was based on: %s", ADDRESS_TEXT(card->address),
                            strerror(-r));
}

/* Returns whether it is shown. */
static bool show(Card *card, CardEvent event, ResetState from, ResetState to, const char *reason, uint64_t at) {
        Evidence evidence = { .at_realtime_usec = at, .event = event, .from = from, .to = to, .this_boot = true };

        (void) text_format(evidence.reason, sizeof(evidence.reason), "%s", reason);
        (void) text_make_utf8(evidence.reason);
        return evidence_add(&card->evidence, &evidence);
}

static void keep(const Card *card, CardEvent event, ResetState from, ResetState to, const char *reason, uint64_t at) {
        const Manager *manager = card->manager;

        if (manager->store)
                (void) store_add_evidence(manager->store, card->identity, manager->boot_id, event, from, to, reason, at);
}

void card_note_evidence(Card *card, CardEvent event, ResetState from, ResetState to, const char *reason) {
        uint64_t now = now_realtime_usec();

        (void) show(card, event, from, to, reason, now);
        keep(card, event, from, to, reason, now);
}

void card_note_first_sight(Card *card, ResetState to, const char *reason) {
        uint64_t now = now_realtime_usec();

        /* A daemon that was only started again has nothing to add. */
        if (show(card, _CARD_EVENT_INVALID, card->last_known, to, reason, now))
                keep(card, _CARD_EVENT_INVALID, card->last_known, to, reason, now);
}

void card_count_outcome(const Card *card, const char *method, OutcomeResult result) {
        const FunctionFacts *display = &card->facts.functions[0];
        ResetOutcome key = {
                .vendor_id = display->vendor_id,
                .device_id = display->device_id,
                .subsystem_vendor_id = display->subsystem_vendor_id,
                .subsystem_device_id = display->subsystem_device_id,
        };

        (void) text_copy(key.family, sizeof(key.family), card->rule.family);
        (void) text_copy(key.method, sizeof(key.method), method);
        system_kernel_release(key.kernel);
        int r = card->manager->store ? store_count_outcome(card->manager->store, &key, result)
                                     : card->manager->store_error;
        if (r < 0)
                card_store_failed(card, "what has come of its reset", r);
}
