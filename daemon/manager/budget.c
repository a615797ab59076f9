/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Guest reboots of a card that bears only a few, and how its guests end.
 *
 * libvirt can make a stop of a reboot before it happens, but only virtwatch may ask it to: it is asked by a signal, and
 * answers by an event. A stop that is asked for while a reboot still goes on would hit the firmware's own reset of that
 * very reboot, so it waits until that is over.
 */

#include <string.h>

#include "base/address.h"
#include "base/text.h"
#include "gpuswitch/names.h"
#include "log/log.h"
#include "manager/internal.h"

static Budget card_budget(const Card *card) {
        return budget_of(&card->lease, card->rule.guest_reboots, card->manager->watched);
}

static bool has_domain(const Card *card, const char *uuid) {
        return lease_has_domain(&card->lease) && streq(card->lease.domain_uuid, uuid);
}

/* --- in words --- */

static void describe_none(const Card *card, const Budget *budget, char *buffer, size_t size) {
        const char *name = card->lease.domain_name;

        if (budget->counted)
                (void) text_format(buffer, size, "none of %u left", budget->limit);
        else
                (void) text_format(buffer, size, "all %u count as used up, since gpuswitch-virtwatch %s", budget->limit,
                                   card->manager->watched ? "was not there for all of this run"
                                                        : "is not there, or has no connection to libvirt");
        if (card->reboot_stops)
                (void) text_append(buffer, size, ": at the next one libvirt stops virtual machine '%s' instead", name);
        else
                (void) text_append(buffer, size, ": after the next one virtual machine '%s' has no working card", name);
        if (!isempty(card->stop_problem))
                (void) text_append(buffer, size, ", and libvirt cannot stop it instead (%s)", card->stop_problem);
        (void) text_append(buffer, size, "; shut it down and start it anew");
        if (budget->limit > 0)
                (void) text_append(buffer, size, " to have %u again", budget->limit);
}

static void budget_describe(const Card *card, char *buffer, size_t size) {
        Budget budget = card_budget(card);

        buffer[0] = '\0';
        if (!budget.limited)
                return;
        if (!lease_has_domain(&card->lease))
                (void) text_format(buffer, size, "%u in one run of a virtual machine%s%s", budget.limit,
                                   isempty(card->stopped_text) ? "" : "; ", card->stopped_text);
        else if (budget.left == 0)
                describe_none(card, &budget, buffer, size);
        else
                (void) text_format(buffer, size, "%u of %u left", budget.left, budget.limit);
        if (budget.left == 1 && lease_has_domain(&card->lease))
                (void) text_append(buffer, size, "; shut virtual machine '%s' down and start it anew to have %u again",
                                   card->lease.domain_name, budget.limit);
}

void budget_view(const Card *card, GpuView *view) {
        Budget budget = card_budget(card);

        view->reboots_left = budget.limited ? (int32_t) budget.left : -1;
        view->reboot_stops = card->reboot_stops;
        budget_describe(card, view->reboots, sizeof(view->reboots));
}

static void log_budget(const Card *card, const char *message_id, const char *domain, const char *text) {
        LogField fields[] = { { LOG_FIELD_GPU, ADDRESS_TEXT(card->address) },
                              { LOG_FIELD_DOMAIN, domain },
                              { LOG_FIELD_REASON, text } };

        log_entry(LOG_WARNING, message_id, fields, ELEMENTSOF(fields), "GPU %s (family %s): guest reboots: %s",
                  ADDRESS_TEXT(card->address), card->rule.family, text);
}

static void warn(const Card *card, const char *message_id) {
        char text[MESSAGE_TEXT_SIZE];

        budget_describe(card, text, sizeof(text));
        log_budget(card, message_id, card->lease.domain_name, text);
}

/* --- what follows from the number --- */

static void ask_for_stop(Card *card);

static int on_settled(sd_event_source *source, uint64_t usec, void *userdata) {
        Card *card = userdata;

        card->budget_timer = sd_event_source_disable_unref(card->budget_timer);
        Budget budget = card_budget(card);
        if (budget.limited && budget.left == 0)
                ask_for_stop(card);
        return 0;
}

static void ask_for_stop(Card *card) {
        Manager *manager = card->manager;
        usec_t settled_usec = budget_settled_usec(&card->lease);

        if (card->reboot_stops || card->budget_timer || !card->lease.started)
                return;
        if (settled_usec > now_monotonic_usec() &&
            sd_event_add_time(manager->event, &card->budget_timer, CLOCK_MONOTONIC, settled_usec, 0, on_settled, card) >= 0)
                return;
        if (manager->bus)
                api_bus_reboots_used_up(manager->bus, card->lease.domain_uuid);
}

void budget_look(Card *card) {
        Budget budget = card_budget(card);

        if (!budget.limited || !card->lease.started)
                return;
        if (budget.left == 1 && card->warned_left != 1)
                warn(card, MESSAGE_ID_LAST_REBOOT);
        else if (budget.left == 0 && card->warned_left != 0)
                warn(card, MESSAGE_ID_REBOOTS_USED_UP);
        card->warned_left = budget.left;
        if (budget.left == 0)
                ask_for_stop(card);
        card_publish(card);
}

void budget_granted(Card *card) {
        Budget budget = card_budget(card);

        if (budget.limited && !budget.counted)
                log_notice("GPU %s: nobody counts the reboots of virtual machine '%s' yet: gpuswitch-virtwatch is not"
                           " there", ADDRESS_TEXT(card->address), card->lease.domain_name);
}

void budget_new_run(Card *card) {
        card->budget_timer = sd_event_source_disable_unref(card->budget_timer);
        card->warned_left = UINT32_MAX;
        card->reboot_stops = false;
        card->stop_problem[0] = '\0';
}

/* --- what virtwatch says --- */

static void rebooted(Card *card, const char *detail) {
        usec_t at_usec = now_monotonic_usec();
        Budget before = card_budget(card);
        uint64_t told_usec;

        if (text_to_uint64(detail, 10, &told_usec) >= 0)
                at_usec = MIN_OF(at_usec, (usec_t) told_usec);
        if (!budget_reset(&card->lease, at_usec))
                return;
        (void) card_save(card);
        if (before.limited && before.left == 0)
                log_budget(card, MESSAGE_ID_REBOOTS_USED_UP, card->lease.domain_name,
                           "there was another one, although none was left; if its screen stays black, stop the virtual"
                           " machine and start it anew");
        budget_look(card);
}

static void stop_answered(Card *card, bool stops, const char *detail) {
        bool is_news = card->reboot_stops != stops || (!stops && !streq(card->stop_problem, detail));

        card->reboot_stops = stops;
        (void) text_format(card->stop_problem, sizeof(card->stop_problem), "%s", stops ? "" : detail);
        if (is_news)
                warn(card, MESSAGE_ID_REBOOTS_USED_UP);
        card_publish(card);
}

bool budget_event(Card *card, const char *uuid, const char *event, const char *detail) {
        if (!has_domain(card, uuid))
                return false;
        if (streq(event, DOMAIN_EVENT_STARTED)) {
                budget_started(&card->lease);
                card->ended_uuid[0] = '\0';
                card->stopped_text[0] = '\0';
                (void) card_save(card);
                budget_look(card);
        } else if (streq(event, DOMAIN_EVENT_REBOOTED))
                rebooted(card, detail);
        else if (streq(event, DOMAIN_EVENT_REBOOT_STOPS) || streq(event, DOMAIN_EVENT_REBOOT_DOES_NOT_STOP))
                stop_answered(card, streq(event, DOMAIN_EVENT_REBOOT_STOPS), detail);
        else
                return false;
        return true;
}

void budget_watch(Request *request, usec_t begun_usec, void *userdata) {
        Manager *manager = userdata;

        if (begun_usec > now_monotonic_usec()) {
                request_bad_argument(request, "begun_usec lies in the future; it is a time of CLOCK_MONOTONIC");
                return;
        }
        request_done(request);
        manager->watched = true;
        for (size_t i = 0; i < manager->n_cards; i++) {
                Card *card = manager->cards[i];

                if (!lease_has_domain(&card->lease))
                        continue;
                budget_watch_began(&card->lease, begun_usec);
                (void) card_save(card);
                budget_look(card);
        }
}

void budget_watch_ended(void *userdata) {
        Manager *manager = userdata;

        manager->watched = false;
        for (size_t i = 0; i < manager->n_cards; i++)
                budget_look(manager->cards[i]);
}

/* --- how a guest ends --- */

/* libvirt's word for it is all there is to tell a reboot from a guest that has switched itself off. */
static void explain_stop(Card *card, const char *domain) {
        (void) text_format(card->stopped_text, sizeof(card->stopped_text),
                           "virtual machine '%s' has stopped with no reboot left: libvirt makes a stop of a reboot then,"
                           " after which the card would not work; start it anew", domain);
        log_budget(card, MESSAGE_ID_REBOOT_STOPPED, domain, card->stopped_text);
}

static void guest_ended(Card *card, const char *domain, bool rebooting_stopped, const char *reason) {
        GuestEnd end = guest_end_of_reason(reason);
        char text[DOMAIN_NAME_SIZE + 128];

        if (end == GUEST_END_DIRTY) {
                (void) text_format(text, sizeof(text), "virtual machine '%s' did not end by itself: %s", domain, reason);
                card_event(card, CARD_EVENT_GUEST_DIRTY, text);
        } else if (rebooting_stopped && streq(reason, "shutdown"))
                explain_stop(card, domain);
}

void budget_released(Card *card, const char *reason) {
        /* libvirt's word for a QEMU that did not even start: no guest had the card. */
        bool never_ran = !card->lease.started && streq(reason, "failed");

        if (never_ran)
                card->ended_uuid[0] = '\0';
        else if (guest_end_of_reason(reason) != GUEST_END_UNKNOWN)
                guest_ended(card, card->lease.domain_name, card->reboot_stops, reason);
        else {
                (void) text_copy(card->ended_uuid, sizeof(card->ended_uuid), card->lease.domain_uuid);
                (void) text_copy(card->ended_name, sizeof(card->ended_name), card->lease.domain_name);
                card->ended_rebooting = card->reboot_stops;
        }
        budget_new_run(card);
}

void budget_told_end(Card *card, const char *uuid, const char *reason) {
        if (isempty(card->ended_uuid) || !streq(card->ended_uuid, uuid))
                return;
        card->ended_uuid[0] = '\0';
        guest_ended(card, card->ended_name, card->ended_rebooting, reason);
        card_publish(card);
}
