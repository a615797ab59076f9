/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What libvirt's hook and virtwatch say about domains.
 *
 * A PrepareDomain is a DomainRequest: claims first (all cards or none), then it waits until nobody acts on its cards, then a
 * plan for each; only when every card has its plan does the first one move.
 */

#include <string.h>

#include "base/address.h"
#include "base/text.h"
#include "gpuswitch/names.h"
#include "log/log.h"
#include "manager/domain-request.h"

static bool lists_companion(const Card *card, const PciAddress *addresses, size_t n, PciAddress *ret_companion) {
        for (size_t i = 0; i < n; i++)
                if (address_same_slot(addresses[i], card->address) && !address_equal(addresses[i], card->address)) {
                        *ret_companion = addresses[i];
                        return true;
                }
        return false;
}

/* A GPU that is there and that we cannot take on: the start would go on without anybody who knows its state. */
static int refuse_not_managed(PciAddress address, int error, Refusal *reterr_refusal) {
        char why[128];

        if (error == -E2BIG)
                (void) text_format(why, sizeof(why), "this machine has more than %u GPUs, the most that it can look after",
                                   CARDS_MAX);
        else
                (void) text_format(why, sizeof(why), "%s", strerror(-error));
        return refusal_set(reterr_refusal, REFUSAL_NOT_MANAGED, address, why, NULL);
}

/* The cards that @addresses name, each once. What is no part of a card is none of our business. */
static int find_cards(Manager *manager, const PciAddress *addresses, size_t n, DomainCard *cards, size_t *ret_n,
                      Refusal *reterr_refusal) {
        size_t n_cards = 0;

        for (size_t i = 0; i < n; i++) {
                CardFacts facts;
                int r = cards_read("", addresses[i], &facts);
                Card *card = manager_card(manager, addresses[i]);
                bool seen = false;

                if (r == -ENODEV && !card)
                        return refusal_set(reterr_refusal, REFUSAL_NO_SUCH_DEVICE, addresses[i], NULL, NULL);
                if (r < 0 && !card)
                        return refuse_not_managed(addresses[i], r, reterr_refusal);
                if (!card && r == 0) {
                        r = manager_rescan(manager);
                        card = manager_card(manager, addresses[i]);
                        if (!card)
                                return refuse_not_managed(addresses[i], r < 0 ? r : -ENOMEM, reterr_refusal);
                }
                if (!card)
                        continue;
                for (size_t j = 0; j < n_cards; j++)
                        seen |= cards[j].card == card;
                if (seen)
                        continue;
                cards[n_cards] = (DomainCard){ .card = card };
                cards[n_cards].lists_companion = lists_companion(card, addresses, n, &cards[n_cards].companion);
                n_cards++;
        }
        *ret_n = n_cards;
        return 0;
}

static int check_claims(const DomainCard *cards, size_t n, const char *uuid, Refusal *reterr_refusal) {
        for (size_t i = 0; i < n; i++) {
                Card *card = cards[i].card;
                if (card->stuck) {
                        card_stuck_refusal(card, reterr_refusal);
                        return E_REFUSED;
                }
                int r = lease_check_domain(&card->lease, card->address, uuid, reterr_refusal);
                if (r != 0)
                        return r;
                if (card->state == RESET_STATE_FAILED)
                        return refusal_set(reterr_refusal, REFUSAL_CARD_FAILED, card->address, NULL, NULL);
        }
        return 0;
}

static void log_refused(const char *name, const Refusal *refusal) {
        char text[2 * MESSAGE_TEXT_SIZE];
        LogField fields[] = { { LOG_FIELD_GPU, ADDRESS_TEXT(refusal->address) },
                              { LOG_FIELD_DOMAIN, name },
                              { LOG_FIELD_REASON, refusal_code_to_string(refusal->code) } };

        log_entry(LOG_WARNING, MESSAGE_ID_SWITCH_REFUSED, fields, ELEMENTSOF(fields),
                  "Virtual machine '%s' was refused: %s", name, refusal_sentence(refusal, text, sizeof(text)));
}

void domain_prepare(Request *request, const char *uuid, const char *name, const PciAddress *addresses, size_t n,
                    void *userdata) {
        Manager *manager = userdata;
        DomainCard cards[DOMAIN_ADDRESSES_MAX];
        size_t n_cards = 0;
        Refusal refusal;

        DomainRequest *running = domain_request_find(manager, uuid);
        if (running) {
                domain_request_join(running, request);
                return;
        }
        int r = find_cards(manager, addresses, n, cards, &n_cards, &refusal);
        if (r == 0)
                r = check_claims(cards, n_cards, uuid, &refusal);
        if (r != 0) {
                log_refused(name, &refusal);
                request_refuse(request, &refusal);
                return;
        }
        if (n_cards == 0) {
                request_done(request);
                return;
        }
        r = domain_request_new(manager, request, uuid, name, cards, n_cards);
        if (r < 0) {
                (void) refusal_set(&refusal, REFUSAL_STEP_FAILED, cards[0].card->address, "begin the switch",
                                   strerror(-r));
                request_refuse(request, &refusal);
        }
}

/* The domain has let the card go; unless it was only detached, it has ended. */
static void release_card(Card *card, const char *reason, bool ended) {
        if (ended)
                budget_released(card, reason);
        else
                budget_new_run(card);
        /* A guard may also have been taken away meanwhile. */
        if (card->lease.unguarded ||
            (card_owner(&card->facts) == OWNER_GUEST && card_guard_in_force(card) == GUARD_NONE))
                card_event(card, CARD_EVENT_BUS_RESET, "guest time without a guard counts as a bus reset");
        home_release(card, reason);
}

static void given_up(DomainRequest *running) {
        Refusal refusal;

        (void) refusal_set(&refusal, REFUSAL_TIMED_OUT, domain_request_card(running)->address,
                           "libvirt has given the start up", NULL);
        domain_request_fail(running, &refusal);
}

void domain_release(Request *request, const char *uuid, const char *reason, void *userdata) {
        Manager *manager = userdata;
        DomainRequest *running = domain_request_find(manager, uuid);

        /* First the answer: libvirt waits for it with the domain's lock held. */
        request_done(request);
        if (running) {
                given_up(running);
                return;
        }
        for (size_t i = 0; i < manager->n_cards; i++) {
                Card *card = manager->cards[i];
                if (lease_has_domain(&card->lease) && streq(card->lease.domain_uuid, uuid))
                        release_card(card, reason, /* ended= */ true);
        }
}

static bool is_event(const char *event) {
        static const char *const events[] = { DOMAIN_EVENT_STARTED,        DOMAIN_EVENT_REBOOTED,
                                              DOMAIN_EVENT_STOPPED,        DOMAIN_EVENT_CRASHED,
                                              DOMAIN_EVENT_DEVICE_REMOVED, DOMAIN_EVENT_REBOOT_STOPS,
                                              DOMAIN_EVENT_REBOOT_DOES_NOT_STOP };

        for (size_t i = 0; i < ELEMENTSOF(events); i++)
                if (streq(event, events[i]))
                        return true;
        return false;
}

void domain_event(Request *request, const char *uuid, const char *event, const char *detail, void *userdata) {
        Manager *manager = userdata;
        PciAddress address;

        if (!is_event(event)) {
                request_bad_argument(request, "the event is none of started, rebooted, stopped, crashed, device-removed,"
                                              " reboot-stops, reboot-does-not-stop");
                return;
        }
        bool removed = streq(event, DOMAIN_EVENT_DEVICE_REMOVED);
        bool ended = streq(event, DOMAIN_EVENT_STOPPED) || streq(event, DOMAIN_EVENT_CRASHED);
        if (removed && address_parse(detail, &address) < 0) {
                request_bad_argument(request, "the detail of device-removed is the PCI address of the device");
                return;
        }
        request_done(request);
        for (size_t i = 0; i < manager->n_cards; i++) {
                Card *card = manager->cards[i];
                Lease *lease = &card->lease;

                if (ended)
                        budget_told_end(card, uuid, detail);
                if (!lease_has_domain(lease) || !streq(lease->domain_uuid, uuid) ||
                    budget_event(card, uuid, event, detail))
                        continue;
                if (removed && address_equal(address, card->address))
                        release_card(card, "detached from the running virtual machine", /* ended= */ false);
                else if (ended && lease_ends_on_stopped(lease, uuid) && !domain_request_find(manager, uuid))
                        release_card(card, detail, /* ended= */ true);
        }
}

/* A running domain that has a card nobody claims: it was started without us. */
static void adopt(Manager *manager, const RunningDomain *domain) {
        for (size_t i = 0; i < domain->n_addresses; i++) {
                Card *card = manager_card(manager, domain->addresses[i]);
                PciAddress companion;

                if (!card || card_is_taken(card) || lease_has_domain(&card->lease))
                        continue;
                card_observe(card, "a running virtual machine has it");
                if (card_owner(&card->facts) != OWNER_GUEST)
                        continue;
                Guard guard = card_guard_in_force(card);
                bool by_companion = guard == GUARD_STUB_COMPANION || guard == GUARD_PINNED_COMPANION;
                bool unguarded = guard == GUARD_NONE ||
                                 (by_companion &&
                                  lists_companion(card, domain->addresses, domain->n_addresses, &companion));
                lease_take_domain(&card->lease, domain->uuid, domain->name, now_monotonic_usec());
                budget_new_run(card);
                card->lease.started = true;
                card->lease.n_guest_boots = GUEST_BOOTS_UNKNOWN;
                card->wants_home = false;
                log_notice("GPU %s: virtual machine '%s' already runs with it", ADDRESS_TEXT(card->address),
                           domain->name);
                card_guest_got_it(card, unguarded, "a virtual machine was started without gpuswitch");
                budget_look(card);
        }
}

static const RunningDomain *running_find(const RunningDomain *running, size_t n, const char *uuid) {
        for (size_t i = 0; i < n; i++)
                if (streq(running[i].uuid, uuid))
                        return &running[i];
        return NULL;
}

static void seen_running(Card *card, usec_t begun_usec) {
        bool was_started = card->lease.started;

        budget_seen_running(&card->lease, begun_usec);
        if (!was_started)
                (void) card_save(card);
        budget_look(card);
}

/* A libvirt that lives lists a domain whose hook is running (and lets the list wait for it). One that was restarted
 * knows nothing of that start any more, and fires no release. */
void domain_sync(Request *request, usec_t begun_usec, const RunningDomain *running, size_t n, void *userdata) {
        Manager *manager = userdata;

        if (begun_usec > now_monotonic_usec()) {
                request_bad_argument(request, "begun_usec lies in the future; it is a time of CLOCK_MONOTONIC");
                return;
        }
        request_done(request);
        for (size_t i = 0; i < manager->n_cards; i++) {
                Card *card = manager->cards[i];
                Lease *lease = &card->lease;

                if (!lease_has_domain(lease))
                        continue;
                DomainRequest *request_of = domain_request_find(manager, lease->domain_uuid);
                if (running_find(running, n, lease->domain_uuid)) {
                        if (!request_of)
                                seen_running(card, begun_usec);
                } else if (!lease_ends_on_sync(lease, begun_usec))
                        continue;
                else if (request_of)
                        given_up(request_of);
                else
                        release_card(card, "it is not running any more", /* ended= */ true);
        }
        for (size_t i = 0; i < n; i++)
                adopt(manager, &running[i]);
}
