/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a dead daemon left behind. First its helper must be gone (it ends after the step in hand, because its
 * socket is closed); then core decides from record and facts.
 */

#include <string.h>

#include "base/address.h"
#include "base/text.h"
#include "core/recovery.h"
#include "gpuswitch/names.h"
#include "log/log.h"
#include "machine/system.h"
#include "manager/internal.h"

/* Finding out whether a virtual machine holds the vfio group: long enough for a close that is under way. */
#define GROUP_PROBE_TIMEOUT_USEC (2 * USEC_PER_SEC)

static void facts_of(const StoredOperation *stored, RecoveryGroup group, RecoveryFacts *ret_facts) {
        *ret_facts = (RecoveryFacts){
                .direction = stored->plan.direction,
                .n_done = stored->n_started,
                .n_steps = stored->plan.n_steps,
                .undoing = stored->undoing,
                .group = group,
        };
}

static void log_decision(const Card *card, const StoredOperation *stored, const RecoveryFacts *facts,
                         RecoveryAction action, const char *reason) {
        char text[MESSAGE_TEXT_SIZE];
        LogField fields[] = { { LOG_FIELD_GPU, ADDRESS_TEXT(card->address) },
                              { LOG_FIELD_OPERATION, stored->id },
                              { LOG_FIELD_DOMAIN, stored->domain_name },
                              { LOG_FIELD_REASON, reason } };

        log_entry(LOG_NOTICE, MESSAGE_ID_RECOVERED, fields, ELEMENTSOF(fields), "GPU %s: a switch was cut off: %s",
                  ADDRESS_TEXT(card->address),
                  recovery_describe(&card->facts, facts, action, reason, text, sizeof(text)));
}

/* Of a record that is of no card. */
static void end_record(Manager *manager, const char *id, const char *outcome, const char *detail) {
        int r = store_end_operation(manager->store, id, outcome, detail, now_realtime_usec());

        if (r < 0)
                log_error("Could not record the end of switch %s: %s", id, strerror(-r));
}

static void on_undone(Operation *operation, const Refusal *refusal, void *userdata) {
        Card *card = operation->card;

        (void) lease_drop_domain(&card->lease, operation->domain_uuid);
        if (!lease_is_held(&card->lease) && card->rule.return_to == RETURN_TO_HOST)
                card->wants_home = true;
}

/* A reset that may have begun counts as one that has, also where it was found not to apply: the record does not tell. */
static void count_recipe(Card *card, const StoredOperation *stored) {
        for (size_t i = 0; i < stored->n_started && !stored->undoing; i++)
                if (step_resets(&stored->plan.steps[i])) {
                        card_event(card, CARD_EVENT_RECIPE_OK, "the reset of its family was cut off");
                        return;
                }
}

/* The operation of the record, in hand again. NULL: no memory, which is said. */
static Operation *take_up(Card *card, const StoredOperation *stored) {
        Operation *operation = calloc(1, sizeof(*operation));

        if (!operation) {
                log_error("Out of memory while recovering GPU %s", ADDRESS_TEXT(card->address));
                return NULL;
        }
        operation->card = card;
        operation->direction = stored->plan.direction;
        operation->recorded = true;
        operation->plan = stored->plan;
        (void) text_copy(operation->id, sizeof(operation->id), stored->id);
        (void) text_copy(operation->domain_uuid, sizeof(operation->domain_uuid), stored->domain_uuid);
        (void) text_copy(operation->domain_name, sizeof(operation->domain_name), stored->domain_name);
        card->operation = operation;
        return operation;
}

/* Goes on with the record as an operation that is on its way back. */
static void run_back(Card *card, const StoredOperation *stored) {
        Operation *operation = take_up(card, stored);
        Refusal refusal;

        if (!operation)
                return;
        operation->ended = on_undone;
        (void) refusal_set(&operation->refusal, REFUSAL_STEP_FAILED, card->address, "finish a switch",
                           "it was cut off in the middle, and everything was put back");
        count_recipe(card, stored);
        if (stored->undoing) {
                operation->back = stored->plan; /* each of its steps may run twice */
                operation_run_back(operation, OPERATION_UNDOING);
        } else if (plan_undo(&stored->plan, stored->n_started, &operation->back, &refusal) != 0)
                operation_finish(operation, &refusal);
        else
                operation_run_back(operation, OPERATION_UNDOING);
}

/*
 * A way home goes on at the step that was begun last, which may run twice. Not with a plan from what is there now: when that
 * fails, its way back leads to the middle of this one.
 */
static void run_on(Card *card, const StoredOperation *stored) {
        Operation *operation = take_up(card, stored);

        if (!operation)
                return;
        operation->ended = home_ended;
        operation_run_plan(operation, stored->n_started - 1);
}

/* The claim that the operation was to serve: nobody waits for the card any more, unless a VM has it. */
static void drop_claim(Card *card, const StoredOperation *stored) {
        if (lease_drop_domain(&card->lease, stored->domain_uuid) && !lease_is_held(&card->lease) &&
            card->rule.return_to == RETURN_TO_HOST)
                card->wants_home = true;
}

static void recover_decided(Card *card, StoredOperation *stored, RecoveryGroup group) {
        RecoveryFacts facts;
        const char *reason;

        facts_of(stored, group, &facts);
        /* Which devices of other slots its steps may name is not in the record, and is in that of the card's home. */
        stored->plan.n_fellows = home_fellows(&card->home, stored->plan.fellows);
        RecoveryAction action = recovery_decide(&card->facts, &facts, &reason);
        log_decision(card, stored, &facts, action, reason);
        switch (action) {
        case RECOVERY_UNDO:
                run_back(card, stored);
                break;
        case RECOVERY_FINISH:
        case RECOVERY_NOTHING:
                if (action == RECOVERY_FINISH)
                        card->wants_home = true;
                if (facts.group != RECOVERY_GROUP_HELD)
                        drop_claim(card, stored);
                if (action == RECOVERY_FINISH && facts.n_done > 0 && card->state != RESET_STATE_FAILED)
                        run_on(card, stored);
                else
                        card_end_record(card, stored->id, "recovered", reason);
                break;
        case RECOVERY_STUCK:
        case _RECOVERY_ACTION_MAX:
                break;
        }
        free(stored);
        card_publish(card);
        if (!card->operation)
                manager_card_idle(card);
}

/* A helper of an earlier daemon still exists: nobody else acts on the card until it is gone. */
static bool wait_for_helper(Card *card, StoredOperation *stored) {
        RecoveryFacts facts;
        const char *reason;

        if (!stuck_watch_old_helper(card, stored))
                return false;
        facts_of(stored, RECOVERY_GROUP_UNKNOWN, &facts);
        facts.helper_alive = true;
        RecoveryAction action = recovery_decide(&card->facts, &facts, &reason);
        log_decision(card, stored, &facts, action, reason);
        return true;
}

static Step group_probe(const Card *card) {
        return (Step){ .kind = STEP_GROUP_FREE,
                       .address = card->address,
                       .iommu_group = card->facts.functions[0].iommu_group,
                       .timeout_usec = GROUP_PROBE_TIMEOUT_USEC };
}

static void on_group_probed(Run *run, const RunResult *result, void *userdata) {
        Card *card = userdata;

        if (result->end == RUN_END_STUCK) {
                Step probe = group_probe(card);
                card_probe_stuck(card, &probe);
                return;
        }
        card->stuck_run = run_free(card->stuck_run);
        StoredOperation *stored = TAKE_PTR(card->unfinished);
        /* One that the record does not name: the daemon died before it could note it down. */
        if (result->end == RUN_END_LOCKED && wait_for_helper(card, stored))
                return;
        if (result->end == RUN_END_DONE)
                recover_decided(card, stored, RECOVERY_GROUP_FREE);
        else if (result->end == RUN_END_STEP_FAILED && result->error == -EBUSY)
                recover_decided(card, stored, RECOVERY_GROUP_HELD);
        else
                recover_decided(card, stored, RECOVERY_GROUP_UNKNOWN);
}

static void on_probe_returned(Run *run, void *userdata) {
        Card *card = userdata;

        stuck_look_again(card, card->unfinished);
}

void recover_operation(Card *card, StoredOperation *stored) {
        static const RunHandlers handlers = { .ended = on_group_probed, .returned = on_probe_returned };
        const RunPaths paths = { card->manager->config->helper_path, card->manager->config->lock_dir };
        Plan probe = { .direction = DIRECTION_GUEST, .n_steps = 1 };
        RecoveryFacts facts;

        card_observe(card, "recovery");
        facts_of(stored, RECOVERY_GROUP_UNKNOWN, &facts);
        if (!recovery_asks_group(&card->facts, &facts)) {
                recover_decided(card, stored, RECOVERY_GROUP_UNKNOWN);
                return;
        }
        probe.steps[0] = group_probe(card);
        if (run_plan(card->manager->event, &paths, card->address, &probe, false, &handlers, card, &card->stuck_run) < 0)
                recover_decided(card, stored, RECOVERY_GROUP_UNKNOWN);
        else
                card->unfinished = stored; /* nobody else acts meanwhile */
}

/* A record that makes no sense may have been of any card, in the middle of anything. */
static void unreadable(Manager *manager, const StoredOperation *operation) {
        LogField fields[] = { { LOG_FIELD_OPERATION, operation->id } };

        log_entry(LOG_ERR, MESSAGE_ID_RECORD_UNREADABLE, fields, ELEMENTSOF(fields),
                  "The record of switch %s cannot be read; the history of every card has a hole", operation->id);
        for (size_t i = 0; i < manager->n_cards; i++)
                card_event(manager->cards[i], CARD_EVENT_HISTORY_GAP, "the record of a switch could not be read");
        end_record(manager, operation->id, "unreadable", "");
}

static int on_stored(const StoredOperation *operation, void *userdata) {
        Manager *manager = userdata;
        Card *card = manager_card(manager, operation->address);
        const char *void_because = NULL;

        if (isempty(operation->boot_id)) {
                unreadable(manager, operation);
                return 0;
        }
        if (!streq(operation->boot_id, manager->boot_id))
                void_because = "the machine was started anew since";
        else if (!card)
                void_because = "the card is not there any more"; /* and comes back without a trace of us */
        else if (card->unfinished || card->operation)
                void_because = "another switch of the card was cut off before it"; /* that one has what was found */
        if (void_because) {
                log_info("GPU %s: the record of a switch that was cut off is void: %s",
                         ADDRESS_TEXT(operation->address), void_because);
                end_record(manager, operation->id, "void", void_because);
                return 0;
        }
        StoredOperation *copy = malloc(sizeof(*copy));
        if (!copy)
                return -ENOMEM;
        *copy = *operation;
        if (!wait_for_helper(card, copy))
                recover_operation(card, copy);
        return 0;
}

void recover_all(Manager *manager) {
        int r = manager->store ? store_each_operation(manager->store, on_stored, manager) : 0;

        if (r < 0)
                log_error("Could not read what an earlier daemon left unfinished: %s", strerror(-r));
        /* A helper that only looked at a card, or whose record was lost. */
        for (size_t i = 0; i < manager->n_cards; i++)
                if (!card_is_taken(manager->cards[i]))
                        (void) stuck_watch_old_helper(manager->cards[i], NULL);
        /* At home, and the kernel still keeps bus resets from it: its way home has only that left to do. */
        for (size_t i = 0; i < manager->n_cards; i++) {
                Card *card = manager->cards[i];
                if (card->facts.module_guarded && card_owner(&card->facts) == OWNER_HOST && !card_is_taken(card) &&
                    !lease_is_held(&card->lease))
                        card->wants_home = true;
        }
        /* Released, and the daemon died before the way home was on record. */
        for (size_t i = 0; i < manager->n_cards; i++)
                if (manager->cards[i]->wants_home)
                        manager_card_idle(manager->cards[i]);
}
