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

void card_load_rule(Card *card) {
        const Manager *manager = card->manager;

        policy_rule(manager->policy, &card->facts, &card->rule);
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

void card_store_failed(const Card *card, const char *what, int error) {
        LogField fields[] = { { LOG_FIELD_GPU, ADDRESS_TEXT(card->address) },
                              { LOG_FIELD_REASON, strerror(-error) },
                              { LOG_FIELD_OPERATION, card->operation ? card->operation->id : "" } };

        log_entry(LOG_ERR, MESSAGE_ID_STORE_FAILED, fields, ELEMENTSOF(fields),
                  "GPU %s: could not record %s in %s: %s", ADDRESS_TEXT(card->address), what,
                  card->manager->config->store_path, strerror(-error));
}

static int end_owed_record(Card *card) {
        if (isempty(card->unended_id))
                return 0;
        int r = store_end_operation(card->manager->store, card->unended_id, card->unended_outcome,
                                    "recorded later than it ended", now_realtime_usec());
        if (r < 0 && r != -ENOENT)
                return r;
        card->unended_id[0] = '\0';
        return 0;
}

/* What is kept of it. */
static void to_store(const Card *card, StoredCard *ret_stored) {
        *ret_stored = (StoredCard){
                .address = card->address,
                .state = card->state,
                .after_driver_ran = card->after_driver_ran,
                .log_sequence = card->log_sequence,
                .owner = card_owner(&card->facts),
                .home = card->home,
                .wants_home = card->wants_home,
                .lease = card->lease,
        };
        (void) text_copy(ret_stored->identity, sizeof(ret_stored->identity), card->identity);
        (void) text_copy(ret_stored->boot_id, sizeof(ret_stored->boot_id), card->manager->boot_id);
        (void) text_copy(ret_stored->driver, sizeof(ret_stored->driver), card->facts.functions[0].driver);
}

int card_begin_record(Card *card, const StoredOperation *operation) {
        Manager *manager = card->manager;
        StoredCard stored;

        to_store(card, &stored);
        int r = manager->store ? end_owed_record(card) : manager->store_error;
        if (r >= 0)
                r = store_begin_switch(manager->store, &stored, operation);
        if (r < 0)
                card_store_failed(card, "the switch that is about to begin", r);
        return r;
}

void card_end_record(Card *card, const char *id, const char *outcome, const char *detail) {
        StoredCard stored;

        to_store(card, &stored);
        int r = store_end_switch(card->manager->store, &stored, id, outcome, detail, now_realtime_usec());
        if (r >= 0)
                return;
        card_store_failed(card, "the end of its switch", r);
        (void) text_copy(card->unended_id, sizeof(card->unended_id), id);
        (void) text_copy(card->unended_outcome, sizeof(card->unended_outcome), outcome);
}

int card_save(Card *card) {
        Manager *manager = card->manager;
        StoredCard stored;

        to_store(card, &stored);
        int r = manager->store ? store_save_card(manager->store, &stored) : manager->store_error;
        if (r >= 0)
                r = end_owed_record(card);
        if (r < 0)
                card_store_failed(card, "what is known of it", r);
        return r;
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
        CardFacts facts;
        char old[DRIVER_NAME_SIZE];

        if (cards_read("", card->address, &facts) != 0)
                return; /* gone: the uevent says so */
        for (size_t i = 0; i < facts.n_functions; i++) {
                const FunctionFacts *before = card_function(&card->facts, facts.functions[i].address);
                if (before)
                        facts.functions[i].survey = before->survey;
        }
        (void) text_copy(old, sizeof(old), card->facts.functions[0].driver);
        card->facts = facts;
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

        for (size_t i = 0; i < surveyed->n_functions; i++) {
                for (size_t j = 0; j < card->facts.n_functions; j++)
                        if (address_equal(card->facts.functions[j].address, surveyed->functions[i].address))
                                card->facts.functions[j].survey = surveyed->functions[i].survey;
                dead |= surveyed->functions[i].survey.config_dead;
        }
        if (dead && card->state != RESET_STATE_FAILED)
                card_event(card, CARD_EVENT_CONFIG_DEAD, "configuration space reads all ones");
}

Guard card_guard_in_force(const Card *card) {
        CardFacts facts = card->facts;
        MachineFacts machine;

        system_facts("", &machine);
        facts.module_guarded = guard_names_slot("", card->address);
        return card_guard(&facts, &machine, &card->rule);
}

void card_guest_got_it(Card *card, bool unguarded, const char *reason) {
        card->lease.unguarded = unguarded;
        card_event(card, CARD_EVENT_GUEST_OPEN, reason);
        if (unguarded && card_guard_in_force(card) == GUARD_NONE)
                card_event(card, CARD_EVENT_BUS_RESET, "guest time without a guard counts as a bus reset");
}

Owner card_owner_shown(const Card *card) {
        if (card->operation && !card->operation->question)
                return OWNER_SWITCHING;
        /* What an earlier daemon left, or a way home that is about to begin: not at rest. */
        if (!card->stuck && (card->unfinished || card->stuck_watch ||
                             (card->wants_home && !card->home_timer && !lease_is_held(&card->lease))))
                return OWNER_SWITCHING;
        /* Nobody can use a lost card, whatever driver it hangs on. */
        if (card->state == RESET_STATE_FAILED && !lease_has_domain(&card->lease))
                return OWNER_NONE;
        return card_owner(&card->facts);
}

static void view_operation(const Operation *operation, OperationView *view) {
        bool back = operation->phase == OPERATION_UNDOING || operation->phase == OPERATION_TAIL;
        const Plan *plan = back ? &operation->back : &operation->plan;
        bool steps = back || operation->phase == OPERATION_RUNNING;

        view->running = true;
        (void) text_copy(view->id, sizeof(view->id), operation->id);
        view->direction = operation->direction;
        view->undoing = operation->phase == OPERATION_UNDOING;
        (void) text_copy(view->domain, sizeof(view->domain), operation->domain_name);
        if (steps && operation->index < plan->n_steps) {
                view->step = (unsigned) operation->index + 1;
                view->n_steps = (unsigned) plan->n_steps;
                step_describe(&plan->steps[operation->index], view->description, sizeof(view->description));
        } else if (operation->phase == OPERATION_DELAYED)
                inhibit_describe_delay(operation, view->description, sizeof(view->description));
        else
                (void) text_copy(view->description, sizeof(view->description), "look at the card and plan");
}

void card_view(const Card *card, GpuView *ret_view) {
        const FunctionFacts *display = &card->facts.functions[0];

        /* Compared byte by byte by the bus coat: no padding may stay undefined. */
        memset(ret_view, 0, sizeof(*ret_view));
        ret_view->address = card->address;
        (void) text_copy(ret_view->name, sizeof(ret_view->name),
                         isempty(card->rule.name) ? card->name : card->rule.name);
        ret_view->vendor_id = display->vendor_id;
        ret_view->device_id = display->device_id;
        ret_view->reset_state = card->state;
        (void) text_copy(ret_view->reason, sizeof(ret_view->reason), card->reason);
        ret_view->n_evidence = card->evidence.n_ever;
        ret_view->owner = card_owner_shown(card);
        ret_view->stuck = card->stuck;
        (void) text_copy(ret_view->stuck_reason, sizeof(ret_view->stuck_reason), card->stuck_reason);
        memcpy(&ret_view->stuck_detail, &card->stuck_detail, sizeof(ret_view->stuck_detail));
        (void) text_copy(ret_view->family, sizeof(ret_view->family), card->rule.family);
        ret_view->iommu_group = display->iommu_group;
        (void) text_copy(ret_view->domain_name, sizeof(ret_view->domain_name), card->lease.domain_name);
        (void) text_copy(ret_view->domain_uuid, sizeof(ret_view->domain_uuid), card->lease.domain_uuid);
        ret_view->leased_by_hand = card->lease.by_hand;
        if (card->operation && !card->operation->question)
                view_operation(card->operation, &ret_view->operation);
        ret_view->guard = card_owner(&card->facts) == OWNER_GUEST ? card_guard_in_force(card) : GUARD_NONE;
        ret_view->return_to = card->rule.return_to;
        budget_view(card, ret_view);
        ret_view->n_functions = card->facts.n_functions;
        for (size_t i = 0; i < card->facts.n_functions; i++) {
                const FunctionFacts *function = &card->facts.functions[i];
                ret_view->functions[i].address = function->address;
                ret_view->functions[i].role = function->role;
                (void) text_copy(ret_view->functions[i].driver, sizeof(ret_view->functions[i].driver),
                                 function->driver);
        }
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
