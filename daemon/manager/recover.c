/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a dead daemon left behind. First its helper must be gone (it ends after the step in hand, because its
 * socket is closed); then core decides from record and facts.
 */

#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>

#include "base/address.h"
#include "base/text.h"
#include "core/recovery.h"
#include "gpuswitch/names.h"
#include "log/log.h"
#include "machine/system.h"
#include "manager/internal.h"

/* Finding out whether a virtual machine holds the vfio group: long enough for a close that is under way. */
#define GROUP_PROBE_TIMEOUT_USEC (2 * USEC_PER_SEC)

static bool watch_old_helper(Card *card, StoredOperation *stored);

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

/* A reset that may have begun counts as one that has. */
static void count_recipe(Card *card, const StoredOperation *stored) {
        for (size_t i = 0; i < stored->n_started && !stored->undoing; i++)
                if (stored->plan.steps[i].kind == STEP_WRITE_CONFIG) {
                        card_event(card, CARD_EVENT_RECIPE_OK, "the reset of its family was cut off");
                        return;
                }
}

/* Goes on with the record as an operation that is on its way back. */
static void run_back(Card *card, const StoredOperation *stored) {
        Operation *operation = calloc(1, sizeof(*operation));
        Refusal refusal;

        if (!operation) {
                log_error("Out of memory while recovering GPU %s", ADDRESS_TEXT(card->address));
                return;
        }
        operation->card = card;
        operation->direction = stored->plan.direction;
        operation->recorded = true;
        operation->plan = stored->plan;
        operation->ended = on_undone;
        (void) text_copy(operation->id, sizeof(operation->id), stored->id);
        (void) text_copy(operation->domain_uuid, sizeof(operation->domain_uuid), stored->domain_uuid);
        (void) text_copy(operation->domain_name, sizeof(operation->domain_name), stored->domain_name);
        (void) refusal_set(&operation->refusal, REFUSAL_STEP_FAILED, card->address, "finish a switch",
                           "the daemon ended in the middle of it; everything was put back");
        card->operation = operation;
        count_recipe(card, stored);
        if (stored->undoing) {
                operation->back = stored->plan; /* each of its steps may run twice */
                operation_run_back(operation, OPERATION_UNDOING);
        } else if (plan_undo(&stored->plan, stored->n_started, &operation->back, &refusal) != 0)
                operation_finish(operation, &refusal);
        else
                operation_run_back(operation, OPERATION_UNDOING);
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
                /* What is owed first: a kill in between leaves the record, and this is done again. */
                if (card_save(card) >= 0)
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

/* Whoever has the lock is a helper that the record does not name: the daemon died before it could note it down. */
static bool note_holder(StoredOperation *stored, const char *message) {
        long long pid;
        unsigned long long start_time;

        if (sscanf(message, "%lld %llu", &pid, &start_time) != 2 || pid <= 0 || pid > INT32_MAX)
                return false;
        stored->helper_pid = (pid_t) pid;
        stored->helper_start_time = start_time;
        return true;
}

static void probe_hangs(Card *card) {
        LogField fields[] = { { LOG_FIELD_GPU, ADDRESS_TEXT(card->address) } };

        card->stuck = true;
        (void) text_format(card->stuck_reason, sizeof(card->stuck_reason),
                           "asking for its vfio group hangs in the kernel (helper pid %d)",
                           run_helper_pid(card->stuck_run));
        log_entry(LOG_CRIT, MESSAGE_ID_CARD_STUCK, fields, ELEMENTSOF(fields), "GPU %s is stuck: %s",
                  ADDRESS_TEXT(card->address), card->stuck_reason);
        card_publish(card);
        manager_card_idle(card);
}

static void on_group_probed(Run *run, const RunResult *result, void *userdata) {
        Card *card = userdata;

        if (result->end == RUN_END_STUCK) {
                probe_hangs(card);
                return;
        }
        card->stuck_run = run_free(card->stuck_run);
        StoredOperation *stored = TAKE_PTR(card->unfinished);
        if (result->end == RUN_END_LOCKED && note_holder(stored, result->message) && watch_old_helper(card, stored))
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
        probe.steps[0] = (Step){ .kind = STEP_GROUP_FREE,
                                 .address = card->address,
                                 .iommu_group = card->facts.functions[0].iommu_group,
                                 .timeout_usec = GROUP_PROBE_TIMEOUT_USEC };
        if (run_plan(card->manager->event, &paths, card->address, &probe, false, &handlers, card, &card->stuck_run) < 0)
                recover_decided(card, stored, RECOVERY_GROUP_UNKNOWN);
        else
                card->unfinished = stored; /* nobody else acts meanwhile */
}

static int on_old_helper_gone(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Card *card = userdata;

        stuck_look_again(card, card->unfinished);
        return 0;
}

static int on_old_helper_late(sd_event_source *source, uint64_t usec, void *userdata) {
        Card *card = userdata;
        const StoredOperation *stored = card->unfinished;
        char where[512], what[256] = "a step";
        LogField fields[] = { { LOG_FIELD_GPU, ADDRESS_TEXT(card->address) },
                              { LOG_FIELD_OPERATION, stored->id } };

        if (stored->n_started > 0 && stored->n_started <= stored->plan.n_steps)
                step_describe(&stored->plan.steps[stored->n_started - 1], what, sizeof(what));
        process_where("", stored->helper_pid, where, sizeof(where));
        card->stuck = true;
        (void) text_format(card->stuck_reason, sizeof(card->stuck_reason),
                           "'%s' hangs in the kernel since before the daemon started (helper pid %d%s%s)", what,
                           stored->helper_pid, isempty(where) ? "" : ", ", where);
        log_entry(LOG_CRIT, MESSAGE_ID_CARD_STUCK, fields, ELEMENTSOF(fields), "GPU %s is stuck: %s",
                  ADDRESS_TEXT(card->address), card->stuck_reason);
        card_publish(card);
        manager_card_idle(card);
        return 0;
}

/* The helper of the record still exists: nobody else acts on the card until it is gone. */
static bool watch_old_helper(Card *card, StoredOperation *stored) {
        sd_event *event = card->manager->event;
        uint64_t start_time;

        if (stored->helper_pid <= 0 || process_start_time("", stored->helper_pid, &start_time) < 0 ||
            start_time != stored->helper_start_time)
                return false;
        _cleanup_close_ int fd = (int) syscall(SYS_pidfd_open, stored->helper_pid, 0);
        if (fd < 0)
                return false;
        if (sd_event_add_io(event, &card->stuck_watch, fd, EPOLLIN, on_old_helper_gone, card) < 0)
                return false;
        (void) sd_event_source_set_io_fd_own(card->stuck_watch, 1);
        TAKE_FD(fd);
        (void) sd_event_add_time_relative(event, &card->stuck_timer, CLOCK_MONOTONIC, BIND_TIMEOUT_USEC, 0,
                                          on_old_helper_late, card);
        card->unfinished = stored;
        RecoveryFacts facts;
        const char *reason;
        facts_of(stored, RECOVERY_GROUP_UNKNOWN, &facts);
        facts.helper_alive = true;
        RecoveryAction action = recovery_decide(&card->facts, &facts, &reason);
        log_decision(card, stored, &facts, action, reason);
        return true;
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
        if (!watch_old_helper(card, copy))
                recover_operation(card, copy);
        return 0;
}

void recover_all(Manager *manager) {
        int r = manager->store ? store_each_operation(manager->store, on_stored, manager) : 0;

        if (r < 0)
                log_error("Could not read what an earlier daemon left unfinished: %s", strerror(-r));
        /* Released, and the daemon died before the way home was on record. */
        for (size_t i = 0; i < manager->n_cards; i++)
                if (manager->cards[i]->wants_home)
                        manager_card_idle(manager->cards[i]);
}
