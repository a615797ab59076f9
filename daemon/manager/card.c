/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every change of what is known of a card goes through here, so that each is recorded, logged and signalled
 * exactly once and with its reason.
 */

#include <string.h>

#include "base/address.h"
#include "base/enum-text.h"
#include "base/text.h"
#include "gpuswitch/names.h"
#include "log/log.h"
#include "machine/guard.h"
#include "machine/system.h"
#include "manager/internal.h"

/* What goes along by policy; and while the card is away, what went along with it, whatever policy says by now. */
static size_t fellows_of(const Card *card, PciAddress addresses[static FELLOWS_MAX]) {
        size_t n = card_owner(&card->facts) != OWNER_HOST ? home_fellows(&card->home, addresses) : 0;

        for (size_t i = 0; i < card->rule.n_fellows; i++) {
                size_t j = 0;
                while (j < n && !address_equal(addresses[j], card->rule.fellows[i].address))
                        j++;
                if (j == n && n < FELLOWS_MAX)
                        addresses[n++] = card->rule.fellows[i].address;
        }
        return n;
}

static void fellow_rules(Card *card) {
        for (size_t i = 0; i < card->rule.n_fellows; i++) {
                FellowRule *rule = &card->rule.fellows[i];
                const FunctionFacts *function = card_part_at(&card->facts, rule->address);
                if (function)
                        policy_fellow(card->manager->policy, function->vendor_id, function->device_id, rule);
        }
}

static void take_surveys(CardFacts *card, const CardFacts *surveyed) {
        for (size_t i = 0; i < card_n_parts(card); i++) {
                FunctionFacts *part = card_part(card, i);
                const FunctionFacts *same = card_part_at(surveyed, part->address);
                if (same)
                        part->survey = same->survey;
        }
}

int card_look(Card *card) {
        PciAddress fellows[FELLOWS_MAX];
        CardFacts facts;

        int r = cards_read_with("", card->address, fellows, fellows_of(card, fellows), &facts);
        if (r != 0)
                return r;
        take_surveys(&facts, &card->facts);
        card->facts = facts;
        fellow_rules(card);
        return 0;
}

void card_load_rule(Card *card) {
        const Manager *manager = card->manager;

        policy_rule(manager->policy, &card->facts, &card->rule);
        fellow_rules(card);
        /* The shipped files speak of every card. Without them a card with the reset bug would pass for any other. */
        const char *origin = policy_origin(manager->policy, &card->facts, "family");
        if (!card->rule.configuration_broken && origin && streq(origin, "built-in")) {
                card->rule.configuration_broken = true;
                (void) text_format(card->rule.broken_file, sizeof(card->rule.broken_file), "%s",
                                   manager->config->quirks_dir_vendor);
                log_error("GPU %s: no quirk file speaks of it; the files of %s are missing",
                          ADDRESS_TEXT(card->address), manager->config->quirks_dir_vendor);
        }
}

Card *card_new(Manager *manager, const CardFacts *facts) {
        Card *card = calloc(1, sizeof(*card));

        if (!card)
                return NULL;
        card->manager = manager;
        card->address = facts->functions[0].address;
        card->facts = *facts;
        card->state = _RESET_STATE_INVALID;
        card->last_known = _RESET_STATE_INVALID;
        card->warned_left = UINT32_MAX;
        /* unique_id can be read only while amdgpu has the card; a key that comes and goes would lose the lease of a
         * running guest. Model and slot are always there. */
        CardFacts stable = *facts;
        stable.unique_id[0] = '\0';
        card_identity(&stable, card->identity);
        system_card_name(&facts->functions[0], card->name);
        card_load_rule(card);
        (void) card_look(card); /* gone again: the uevent says so */
        card->shown_owner = card_owner(facts);
        card->seen_bound = driver_is_host(facts->functions[0].driver);
        return card;
}

Card *card_free(Card *card) {
        if (!card)
                return NULL;
        if (card->operation)
                operation_free(card->operation);
        run_free(card->stuck_run);
        sd_event_source_disable_unref(card->home_timer);
        sd_event_source_disable_unref(card->budget_timer);
        sd_event_source_disable_unref(card->stuck_watch);
        sd_event_source_disable_unref(card->stuck_timer);
        free(card->unfinished);
        free(card);
        return NULL;
}

/* A change of state or owner: one entry, with what was and what is. */
static void log_change(const Card *card, const char *message_id, ResetState old_state, Owner old_owner,
                       const char *reason, const char *text) {
        LogField fields[] = {
                { LOG_FIELD_GPU, ADDRESS_TEXT(card->address) },
                { LOG_FIELD_STATE, reset_state_to_string(card->state) },
                { LOG_FIELD_OLD_STATE, old_state < 0 ? "" : reset_state_to_string(old_state) },
                { LOG_FIELD_OWNER, owner_to_string(card_owner_shown(card)) },
                { LOG_FIELD_OLD_OWNER, owner_to_string(old_owner) },
                { LOG_FIELD_REASON, reason },
                { LOG_FIELD_DOMAIN, card->lease.domain_name },
                { LOG_FIELD_OPERATION, card->operation ? card->operation->id : "" },
        };
        int priority = streq(message_id, MESSAGE_ID_CARD_FAILED)    ? LOG_ERR
                       : streq(message_id, MESSAGE_ID_STATE_CHANGED) ? LOG_NOTICE
                                                                     : LOG_INFO;

        log_entry(priority, message_id, fields, ELEMENTSOF(fields), "GPU %s: %s: %s", ADDRESS_TEXT(card->address), text,
                  reason);
}

void card_set_state(Card *card, ResetState state, const char *reason) {
        ResetState old = card->state;
        char text[128];

        (void) text_format(card->reason, sizeof(card->reason), "%s", reason);
        card->state = state;
        if (old < 0)
                card_note_first_sight(card, state, reason);
        if (state == old)
                return;
        card->n_notes = 0;
        card->noted[0] = '\0';
        (void) text_format(text, sizeof(text), "reset state is %s (was %s)", reset_state_to_string(state),
                           old < 0 ? "not known yet" : reset_state_to_string(old));
        log_change(card, state == RESET_STATE_FAILED ? MESSAGE_ID_CARD_FAILED : MESSAGE_ID_STATE_CHANGED, old,
                   card->shown_owner, reason, text);
}

void card_event(Card *card, CardEvent event, const char *reason) {
        ResetState old = card->state, next = reset_state_next(old, &card->rule.state, event);

        wake_note_event(card, event);
        card_note_evidence(card, event, old, next, reason);
        if (next != old)
                card_set_state(card, next, reason);
        (void) card_save(card);
        card_publish(card);
}

void card_note(Card *card, CardEvent event, const char *reason) {
        bool changes = reset_state_next(card->state, &card->rule.state, event) != card->state;
        char noted[sizeof(card->noted)];

        (void) text_format(noted, sizeof(noted), "%s: %s", card_event_to_string(event), reason);
        if (!changes && (streq(noted, card->noted) || card->n_notes == NOTES_MAX)) {
                wake_note_event(card, event);
                return;
        }
        card_event(card, event, reason);
        if (changes)
                return;
        (void) text_copy(card->noted, sizeof(card->noted), noted);
        card->n_notes++;
}

bool card_runs_after_driver(const Card *card, const char *driver) {
        for (size_t i = 0; i < RECIPES_MAX && card->rule.recipes[i].n_steps > 0; i++) {
                const char *after = card->rule.recipes[i].after_driver;
                if (isempty(after) || streq(after, driver))
                        return true;
        }
        return card->rule.recipes[0].n_steps == 0;
}

/* The display function's driver went from @old to what the facts say now. */
static void driver_changed(Card *card, const char *old, const char *reason) {
        const char *now = card->facts.functions[0].driver;
        char text[256];

        if (streq(old, now))
                return;
        (void) text_format(text, sizeof(text), "driver %s -> %s (%s)", isempty(old) ? "none" : old,
                           isempty(now) ? "none" : now, reason);
        if (driver_is_host(old))
                card_event(card, CARD_EVENT_HOST_UNBIND, text);
        if (driver_is_host(now)) {
                card->seen_bound = true;
                card->after_driver_ran |= card_runs_after_driver(card, now);
                card_event(card, CARD_EVENT_HOST_BIND, text);
        }
}

void card_observe(Card *card, const char *reason) {
        char old[DRIVER_NAME_SIZE];

        (void) text_copy(old, sizeof(old), card->facts.functions[0].driver);
        if (card_look(card) != 0)
                return; /* gone: the uevent says so */
        driver_changed(card, old, reason);
        card_publish(card);
}

void card_driver_seen_gone(Card *card, const char *reason) {
        char old[DRIVER_NAME_SIZE];

        (void) text_copy(old, sizeof(old), card->facts.functions[0].driver);
        card->facts.functions[0].driver[0] = '\0';
        driver_changed(card, old, reason);
}

void card_apply_survey(Card *card, const CardFacts *surveyed) {
        bool dead = false;

        take_surveys(&card->facts, surveyed);
        for (size_t i = 0; i < surveyed->n_functions; i++)
                dead |= surveyed->functions[i].survey.config_dead;
        if (dead && card->state != RESET_STATE_FAILED)
                card_event(card, CARD_EVENT_CONFIG_DEAD, "configuration space reads all ones");
}

Guard card_guard_in_force(const Card *card) {
        MachineFacts machine;

        system_facts("", &machine);
        return card_guard_now(&card->facts, guard_names_slot("", card->address), &machine, &card->rule);
}

void card_guest_got_it(Card *card, bool unguarded, const char *reason) {
        card->lease.unguarded = unguarded;
        card_event(card, CARD_EVENT_GUEST_OPEN, reason);
        if (unguarded && card_guard_in_force(card) == GUARD_NONE)
                card_event(card, CARD_EVENT_BUS_RESET, "guest time without a guard counts as a bus reset");
}

void card_publish(Card *card) {
        Owner owner = card_owner_shown(card), old = card->shown_owner;

        if (card->state < 0)
                return; /* not introduced yet */
        if (owner != old) {
                char text[128], reason[512];
                card->shown_owner = owner;
                if (card->operation)
                        operation_describe(card->operation, reason, sizeof(reason));
                else
                        (void) text_format(reason, sizeof(reason), "its driver is %s",
                                           isempty(card->facts.functions[0].driver)
                                                   ? "none"
                                                   : card->facts.functions[0].driver);
                (void) text_format(text, sizeof(text), "owner is %s (was %s)", owner_to_string(owner),
                                   owner_to_string(old));
                log_change(card, MESSAGE_ID_OWNER_CHANGED, card->state, old, reason, text);
        }
        if (card->manager->bus)
                api_bus_gpu_changed(card->manager->bus, card->address);
}
