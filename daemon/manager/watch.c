/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Uevents: cards that come and go, drivers that other hands change, drivers that ask for help, and modules that guard.
 *
 * The traces of our own steps arrive here as well, late. Each operation leaves a horizon behind (the kernel's
 * sequence number at its end): what is older was seen step by step already.
 */

#include "base/address.h"
#include "base/text.h"
#include "gpuswitch/names.h"
#include "log/log.h"
#include "manager/internal.h"

static void log_other_hands(const Card *card, const char *driver) {
        LogField fields[] = { { LOG_FIELD_GPU, ADDRESS_TEXT(card->address) } };

        log_entry(LOG_NOTICE, MESSAGE_ID_OTHER_HANDS, fields, ELEMENTSOF(fields),
                  "GPU %s: somebody else changed its driver to %s; taken as it is", ADDRESS_TEXT(card->address),
                  isempty(driver) ? "none" : driver);
}

static void card_rebound(Card *card, const Uevent *uevent) {
        bool display = address_equal(uevent->address, card->address);
        char old[DRIVER_NAME_SIZE];

        if (card->operation || card->stuck || uevent->sequence <= card->uevent_horizon)
                return;
        (void) text_copy(old, sizeof(old), card->facts.functions[0].driver);
        /* Unbound and bound again before we looked: the link alone would hide it. */
        if (display && uevent->action == UEVENT_UNBIND)
                card_driver_seen_gone(card, "uevent");
        card_observe(card, "uevent");
        if (display && !streq(old, card->facts.functions[0].driver) && !isempty(old))
                log_other_hands(card, card->facts.functions[0].driver);
}

/* What goes along with a card is a function of none, and is shown with it. */
static void fellow_rebound(Manager *manager, const Uevent *uevent) {
        for (size_t i = 0; i < manager->n_cards; i++) {
                Card *card = manager->cards[i];
                for (size_t j = 0; j < card->facts.n_fellows; j++)
                        if (address_equal(card->facts.fellows[j].function.address, uevent->address)) {
                                card_rebound(card, uevent);
                                break;
                        }
        }
}

/* Its driver hangs. What it asks for is a hint for people, and not each card stands it. */
static void card_wedged(Card *card, unsigned wedged) {
        static const struct {
                WedgedMethod method;
                const char *words;
        } asks[] = {
                { WEDGED_REBIND, "to be unbound and bound again" },
                { WEDGED_BUS_RESET, "for a bus reset" },
                { WEDGED_VENDOR_SPECIFIC, "for what its vendor's documentation says" },
                { WEDGED_OTHER, "for something that gpuswitch does not know" },
        };
        char reason[sizeof(card->reason)] = "its driver says that it hung (WEDGED)";
        unsigned n = 0;

        if (wedged == WEDGED_NONE) {
                card_note(card, CARD_EVENT_NOTED, "its driver says that it hung and has recovered (WEDGED=none)");
                return;
        }
        for (size_t i = 0; i < ELEMENTSOF(asks); i++)
                if (wedged & asks[i].method)
                        (void) text_append(reason, sizeof(reason), "%s %s", n++ > 0 ? ", or" : " and asks",
                                           asks[i].words);
        if (wedged & WEDGED_UNKNOWN)
                (void) text_append(reason, sizeof(reason), "%s does not know what would help", n > 0 ? ", or" : " and");
        if (wedged & WEDGED_BUS_RESET && card->rule.bus_reset == BUS_RESET_FORBIDDEN)
                (void) text_append(reason, sizeof(reason), ", which can lose a card of its family");
        card_note(card, CARD_EVENT_WEDGED, reason);
        /* Prefail and failed keep their state, and this is what people have to know of it. */
        (void) text_copy(card->reason, sizeof(card->reason), reason);
        card_publish(card);
}

/* What guards a card may be another thing now, and what vendor-reset has said was said by that one. */
static void modules_changed(Manager *manager) {
        for (size_t i = 0; i < manager->n_cards; i++) {
                Card *card = manager->cards[i];
                card->vendor_reset_unknown = false;
                if (!card->operation && !card->stuck)
                        card_observe(card, "a kernel module has come or gone");
        }
}

void watch_uevent(const Uevent *uevent, void *userdata) {
        Manager *manager = userdata;
        Card *card = uevent->action == UEVENT_MODULE ? NULL : manager_card(manager, uevent->address);

        switch (uevent->action) {
        case UEVENT_BIND:
        case UEVENT_UNBIND:
                if (card)
                        card_rebound(card, uevent);
                else
                        fellow_rebound(manager, uevent);
                break;
        case UEVENT_ADD:
        case UEVENT_REMOVE:
                manager_rescan(manager);
                break;
        case UEVENT_WEDGED:
                if (card)
                        card_wedged(card, uevent->wedged);
                break;
        case UEVENT_MODULE:
                modules_changed(manager);
                break;
        case UEVENT_CHANGE:
                break;
        }
}
