/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a dead daemon left behind. First its helper must be gone (it ends after the step in hand, because its
 * socket is closed); then core decides from record and facts.
 */

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

/* One recovery that asks the group first. */
typedef struct Recovery {
        Card *card;
        StoredOperation *stored;
        Run *run;
} Recovery;

static void log_decision(const Card *card, const StoredOperation *stored, RecoveryAction action, const char *reason) {
        LogField fields[] = { { LOG_FIELD_GPU, ADDRESS_TEXT(card->address) },
                              { LOG_FIELD_OPERATION, stored->id },
                              { LOG_FIELD_DOMAIN, stored->domain_name },
                              { LOG_FIELD_REASON, reason } };

        log_entry(LOG_NOTICE, MESSAGE_ID_RECOVERED, fields, ELEMENTSOF(fields),
                  "GPU %s: a switch to the %s was cut off at step %zu of %zu; %s, because %s",
                  ADDRESS_TEXT(card->address), stored->plan.direction == DIRECTION_GUEST ? "guest" : "host",
                  stored->n_started, stored->plan.n_steps,
                  action == RECOVERY_UNDO     ? "putting everything back"
                  : action == RECOVERY_FINISH ? "finishing it"
                  : action == RECOVERY_STUCK  ? "the card is stuck"
                                              : "nothing to do",
                  reason);
}

static void end_record(Card *card, const StoredOperation *stored, const char *outcome) {
        int r = store_end_operation(card->manager->store, stored->id, outcome, "", now_realtime_usec());

        if (r < 0)
                log_error("GPU %s: could not record the end of a switch: %s", ADDRESS_TEXT(card->address), strerror(-r));
}

static void on_undone(Operation *operation, const Refusal *refusal, void *userdata) {
        Card *card = operation->card;

        (void) lease_drop_domain(&card->lease, operation->domain_uuid);
        if (!lease_is_held(&card->lease) && card->rule.return_to == RETURN_TO_HOST)
                card->wants_home = true;
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
        for (size_t i = 0; i < stored->n_started && i < stored->plan.n_steps; i++)
                if (stored->plan.steps[i].kind == STEP_WRITE_CONFIG && !stored->undoing)
                        card_event(card, CARD_EVENT_RECIPE_OK, "the reset of its family was cut off");

        if (stored->undoing) {
                operation->back = stored->plan; /* each of its steps may run twice */
                operation_run_back(operation, OPERATION_UNDOING);
        } else if (plan_undo(&stored->plan, stored->n_started, &operation->back, &refusal) != 0)
                operation_finish(operation, &refusal);
        else
                operation_run_back(operation, OPERATION_UNDOING);
}

static void recover_decided(Card *card, StoredOperation *stored, bool group_held) {
        RecoveryFacts facts = {
                .direction = stored->plan.direction,
                .n_done = stored->n_started,
                .n_steps = stored->plan.n_steps,
                .undoing = stored->undoing,
                .group_held = group_held,
        };
        const char *reason;

        RecoveryAction action = recovery_decide(&card->facts, &facts, &reason);
        if (stored->undoing && stored->n_started > 0)
                action = RECOVERY_UNDO;
        log_decision(card, stored, action, reason);
        switch (action) {
        case RECOVERY_UNDO:
                run_back(card, stored);
                break;
        case RECOVERY_FINISH:
                end_record(card, stored, "recovered");
                (void) lease_drop_domain(&card->lease, stored->domain_uuid);
                card->wants_home = true;
                break;
        case RECOVERY_NOTHING:
        case RECOVERY_STUCK:
        case _RECOVERY_ACTION_MAX:
                end_record(card, stored, "recovered");
                break;
        }
        free(stored);
        if (!card->operation)
                manager_card_idle(card);
}

static void on_group_probed(Run *run, const RunResult *result, void *userdata) {
        Recovery *recovery = userdata;
        Card *card = recovery->card;
        StoredOperation *stored = recovery->stored;
        bool held = result->end != RUN_END_DONE;

        card->stuck_run = run_free(card->stuck_run);
        card->unfinished = NULL;
        free(recovery);
        recover_decided(card, stored, held);
}

void recover_operation(Card *card, StoredOperation *stored) {
        static const RunHandlers handlers = { .ended = on_group_probed };
        const RunPaths paths = { card->manager->config->helper_path, card->manager->config->lock_dir };
        Plan probe = { .direction = DIRECTION_GUEST, .n_steps = 1 };

        card_observe(card, "recovery");
        const FunctionFacts *display = &card->facts.functions[0];
        if (card_owner(&card->facts) != OWNER_GUEST || stored->plan.direction != DIRECTION_GUEST) {
                recover_decided(card, stored, false);
                return;
        }
        probe.steps[0] = (Step){ .kind = STEP_GROUP_FREE,
                                 .address = card->address,
                                 .iommu_group = display->iommu_group,
                                 .timeout_usec = GROUP_PROBE_TIMEOUT_USEC };
        Recovery *recovery = malloc(sizeof(*recovery));
        if (recovery) {
                *recovery = (Recovery){ .card = card, .stored = stored };
                if (run_plan(card->manager->event, &paths, card->address, &probe, false, &handlers, recovery,
                             &card->stuck_run) >= 0) {
                        card->unfinished = stored; /* nobody else acts meanwhile */
                        return;
                }
                free(recovery);
        }
        recover_decided(card, stored, false);
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
        log_notice("GPU %s: the helper of an earlier daemon (pid %d) is still at work; waiting for it",
                   ADDRESS_TEXT(card->address), stored->helper_pid);
        return true;
}

/* A record that makes no sense may have been of any card, in the middle of anything. */
static void unreadable(Manager *manager, const StoredOperation *operation) {
        log_error("The record of switch %s cannot be read; the history of every card has a hole", operation->id);
        for (size_t i = 0; i < manager->n_cards; i++)
                card_event(manager->cards[i], CARD_EVENT_HISTORY_GAP, "the record of a switch could not be read");
        (void) store_end_operation(manager->store, operation->id, "unreadable", "", now_realtime_usec());
}

static int on_stored(const StoredOperation *operation, void *userdata) {
        Manager *manager = userdata;
        Card *card = manager_card(manager, operation->address);

        if (isempty(operation->boot_id)) {
                unreadable(manager, operation);
                return 0;
        }
        if (!card || card->unfinished || !streq(operation->boot_id, manager->boot_id)) {
                /* Of an earlier boot, or of a card that is gone: the power-up has made it void. */
                (void) store_end_operation(manager->store, operation->id, "void", "the machine was started anew",
                                           now_realtime_usec());
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
}
