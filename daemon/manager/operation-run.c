/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What happens while a plan runs: progress is committed before each step, links are read after it, a failed step
 * leads back. A step that was started counts as happened.
 *
 * A helper that is killed leaves its step in any state, and each step may run twice: another helper goes on from there
 * on the way home and back. A way to the guest is given up.
 */

#include <string.h>

#include "base/address.h"
#include "base/text.h"
#include "gpuswitch/names.h"
#include "log/log.h"
#include "manager/internal.h"

/* Whoever kills helpers may kill the next one, too. */
#define HELPERS_LOST_MAX 3U

static const Plan *plan_in_hand(const Operation *operation) {
        return operation->phase == OPERATION_RUNNING ? &operation->plan : &operation->back;
}

static int on_started(Run *run, pid_t pid, uint64_t start_time, void *userdata) {
        Operation *operation = userdata;
        Manager *manager = operation->card->manager;

        int r = store_set_helper(manager->store, operation->id, pid, start_time);
        if (r < 0) {
                card_store_failed(operation->card, "the helper of its switch", r);
                operation->store_error = r;
        }
        /* A way back goes on without a record: half-switched would be worse. */
        return operation->phase == OPERATION_RUNNING ? r : 0;
}

static bool binds_host(const Step *step) {
        return step->kind == STEP_PROBE || (step->kind == STEP_BIND && driver_is_host(step->text));
}

/* A way back that is run again after a death meets functions that are home: their drivers came behind the restore. */
static bool has_host_driver(const Card *card, PciAddress address) {
        const FunctionFacts *function = card_function(&card->facts, address);

        return function && driver_is_host(function->driver);
}

static int on_before_step(Run *run, size_t index, void *userdata) {
        Operation *operation = userdata;
        Card *card = operation->card;
        const Step *step = &plan_in_hand(operation)->steps[index];

        operation->index = index;
        /* Taking a card away from a running VM would block in the kernel. */
        if (operation->group_held && step->kind == STEP_UNBIND && driver_is_guest(step->text))
                return -EBUSY;
        if (operation->registers_lost && binds_host(step))
                return -ENXIO;
        int r = store_step_started(card->manager->store, operation->id, index, now_boottime_usec());
        if (r < 0) {
                card_store_failed(card, "the progress of its switch", r);
                operation->store_error = r;
                if (operation->phase == OPERATION_RUNNING)
                        return r;
        }
        if (step->is_recipe && operation->phase == OPERATION_RUNNING)
                operation_reset_step_begins(operation, index);
        card_publish(card);
        return 0;
}

static void on_after_step(Run *run, size_t index, int error, const char *message, void *userdata) {
        Operation *operation = userdata;
        Card *card = operation->card;
        const Step *step = &plan_in_hand(operation)->steps[index];
        char what[256];

        if (step->kind == STEP_GROUP_FREE && error < 0 && operation->phase != OPERATION_RUNNING)
                operation->group_held = true;
        if (step->kind == STEP_RESTORE_CONFIG && error < 0 && operation->phase != OPERATION_RUNNING &&
            !has_host_driver(card, step->address))
                operation->registers_lost = true;
        if (step->kind == STEP_BIND || step->kind == STEP_UNBIND || step->kind == STEP_PROBE ||
            step->kind == STEP_GUARD_SET || step->kind == STEP_GUARD_CLEAR)
                card_observe(card, step_describe(step, what, sizeof(what)));
        if (step->is_recipe && operation->phase == OPERATION_RUNNING)
                operation_reset_step_ended(operation, index, error, message);
        bool of_card = address_same_slot(step->address, card->address);
        bool reads_dead = error == -ENXIO && of_card && (step->kind == STEP_ALIVE || step->kind == STEP_BIND ||
                                              step->kind == STEP_PROBE || step->kind == STEP_VERIFY_CONFIG);
        if (reads_dead)
                card_event(card, CARD_EVENT_CONFIG_DEAD, "configuration space reads all ones");
        if (error == -ENXIO && step->kind == STEP_REMOVE_RESCAN)
                card_event(card, CARD_EVENT_CONFIG_DEAD, message);
}

/* The refusal that a failed step is. */
static void step_refusal(const Operation *operation, const RunResult *result, Refusal *ret_refusal) {
        const Step *step = &operation->plan.steps[result->index];
        const char *error = isempty(result->message) ? strerror(-result->error) : result->message;
        char what[256];

        if (operation->store_error < 0) {
                (void) refusal_set(ret_refusal, REFUSAL_STEP_FAILED, step->address,
                                   "record the progress of the switch in " GPUSWITCH_STORE_PATH,
                                   strerror(-operation->store_error));
        } else if (step->kind == STEP_NODES_FREE && result->error == -EBUSY) {
                const FunctionFacts *function = card_function(&operation->card->facts, step->address);
                bool sound = function && function->role == FUNCTION_ROLE_AUDIO;
                (void) refusal_set(ret_refusal, sound ? REFUSAL_SOUND_IN_USE : REFUSAL_DISPLAY_IN_USE, step->address,
                                   error, NULL);
        } else if (operation->card->state == RESET_STATE_FAILED && !operation->rescan)
                (void) refusal_set(ret_refusal, REFUSAL_CARD_FAILED, operation->card->address, NULL, NULL);
        else
                (void) refusal_set(ret_refusal, REFUSAL_STEP_FAILED, step->address,
                                   step_describe(step, what, sizeof(what)), error);
        ret_refusal->state = operation->card->state;
}

/* Its first commit has failed: nothing has been written to the card. */
static void not_begun(Operation *operation) {
        Refusal refusal;

        (void) refusal_set(&refusal, REFUSAL_STORE, operation->card->address,
                           manager_store_problem(operation->store_error), NULL);
        operation_finish(operation, operation->cancelled ? &operation->refusal : &refusal);
}

/* Bound by this plan, or at home when it was made: then only companions are on their way. */
static bool display_is_home(const Operation *operation, size_t n_done) {
        return !plan_before_host_bind(&operation->plan, n_done) ||
               driver_is_host(operation->card->facts.functions[0].driver);
}

static void forward_failed(Operation *operation, const RunResult *result) {
        Card *card = operation->card;
        const Step *step = &operation->plan.steps[result->index];

        if (operation->store_error < 0 && result->index == 0) {
                not_begun(operation);
                return;
        }

        /* A killed helper, or a commit that failed, says nothing about the card. */
        bool card_failed = result->end == RUN_END_STEP_FAILED && operation->store_error == 0;
        if (card_failed && step->is_recipe && !operation_reset_was_refused(operation, result->index, result->error))
                operation_reset_failed(operation, isempty(result->message) ? "the reset did not bring it back"
                                                                           : result->message);
        if (!operation->cancelled)
                step_refusal(operation, result, &operation->refusal);

        if (operation->direction == DIRECTION_HOST && card->state == RESET_STATE_FAILED) {
                /* Never bound again. A group that is not free is none to go on in. */
                plan_fellows_home(&card->facts, &card->home, &operation->back);
                if (step->kind != STEP_GROUP_FREE && operation->back.n_steps > 0)
                        operation_run_back(operation, OPERATION_TAIL);
                else
                        operation_finish(operation, &operation->refusal);
                return;
        }
        if (operation->direction == DIRECTION_HOST && display_is_home(operation, result->index)) {
                /* Taking it away again would only do harm. */
                size_t rest = result->index + 1;
                operation->back = operation->plan;
                operation->back.n_steps -= rest;
                memmove(operation->back.steps, operation->back.steps + rest, operation->back.n_steps * sizeof(Step));
                operation_run_back(operation, OPERATION_TAIL);
                return;
        }
        operation_undo(operation, result->index + 1);
}

static void start_run(Operation *operation, const Plan *plan, size_t first, bool keep_going);

bool operation_helper_lost(Operation *operation, const char *where, const char *how) {
        Card *card = operation->card;
        bool again = operation->n_helpers_lost++ < HELPERS_LOST_MAX;
        LogField fields[] = { { LOG_FIELD_GPU, ADDRESS_TEXT(card->address) },
                              { LOG_FIELD_OPERATION, operation->id },
                              { LOG_FIELD_REASON, how } };

        log_entry(LOG_WARNING, MESSAGE_ID_HELPER_DIED, fields, ELEMENTSOF(fields),
                  "GPU %s: the helper died (%s) where it was to %s; %s", ADDRESS_TEXT(card->address), how, where,
                  again ? "another one takes over" : "too many have died, this switch ends here");
        card_observe(card, "a helper has died");
        return again;
}

/* What it did in its last step is not known: each step may run twice. */
static bool taken_over(Operation *operation, const RunResult *result) {
        const Plan *plan = plan_in_hand(operation);
        bool forward = operation->phase == OPERATION_RUNNING;
        size_t index = result->index;
        char what[256] = "end";

        if (result->end != RUN_END_HELPER_DIED)
                return false;
        if (index < plan->n_steps)
                (void) step_describe(&plan->steps[index], what, sizeof(what));
        bool may = operation_helper_lost(operation, what, result->message);
        if (!may || (forward && (operation->direction == DIRECTION_GUEST || operation->cancelled)))
                return false;
        start_run(operation, plan, index, /* keep_going= */ !forward);
        return true;
}

static void on_forward_ended(Run *run, const RunResult *result, void *userdata) {
        Operation *operation = userdata;
        Card *card = operation->card;

        if (result->end == RUN_END_STUCK) {
                card_stuck(card, operation, &operation->plan.steps[result->index]);
                return;
        }
        operation->run = run_free(operation->run);
        if (taken_over(operation, result))
                return;
        switch (result->end) {
        case RUN_END_DONE:
                if (operation->direction == DIRECTION_HOST && !operation->without_card)
                        card->home_incomplete = false;
                operation_finish(operation, operation->without_card ? &operation->refusal : NULL);
                break;
        case RUN_END_STEP_FAILED:
        case RUN_END_HELPER_DIED:
                forward_failed(operation, result);
                break;
        case RUN_END_STOPPED:
                operation_undo(operation, result->index);
                break;
        case RUN_END_LOCKED:
                (void) refusal_set(&operation->refusal, REFUSAL_BUSY, card->address,
                                   "another helper still acts on it, pid ", result->message);
                operation_finish(operation, &operation->refusal);
                break;
        case RUN_END_STUCK:
                break;
        }
}

static void on_back_ended(Run *run, const RunResult *result, void *userdata) {
        Operation *operation = userdata;
        Card *card = operation->card;

        if (result->end == RUN_END_STUCK) {
                card_stuck(card, operation, &operation->back.steps[result->index]);
                return;
        }
        operation->run = run_free(operation->run);
        if (operation->registers_lost && !operation->restored_again) {
                operation->restored_again = true;
                operation->registers_lost = false;
                log_warning("GPU %s: what its reset has wiped could not be put back (%s); trying once more",
                            ADDRESS_TEXT(card->address),
                            isempty(result->message) ? strerror(-result->error) : result->message);
                operation_run_back(operation, operation->phase);
                return;
        }
        operation->back_incomplete |= result->n_failed > 0;
        if (taken_over(operation, result))
                return;
        if (operation->registers_lost)
                operation_reset_failed(operation, "what its reset has wiped could not be put back");
        LogField fields[] = { { LOG_FIELD_GPU, ADDRESS_TEXT(card->address) },
                              { LOG_FIELD_OPERATION, operation->id } };
        bool incomplete = result->end != RUN_END_DONE || operation->back_incomplete;
        /* A tail runs because a step before it has failed. */
        card->home_incomplete |= incomplete || operation->phase == OPERATION_TAIL;
        if (incomplete)
                log_entry(LOG_ERR, MESSAGE_ID_ROLLED_BACK, fields, ELEMENTSOF(fields),
                          "GPU %s: not everything could be put back: %s", ADDRESS_TEXT(card->address),
                          isempty(result->message) ? strerror(-result->error) : result->message);
        else if (operation->phase == OPERATION_UNDOING)
                log_entry(LOG_NOTICE, MESSAGE_ID_ROLLED_BACK, fields, ELEMENTSOF(fields),
                          "GPU %s: everything is as it was before", ADDRESS_TEXT(card->address));
        operation_finish(operation, &operation->refusal);
}

static void on_returned(Run *run, void *userdata) {
        Card *card = userdata;

        stuck_look_again(card, card->unfinished);
}

static void start_run(Operation *operation, const Plan *plan, size_t first, bool keep_going) {
        static const RunHandlers forward = { on_started, on_before_step, on_after_step, on_forward_ended, on_returned };
        static const RunHandlers back = { on_started, on_before_step, on_after_step, on_back_ended, on_returned };
        Card *card = operation->card;
        const RunPaths paths = { card->manager->config->helper_path, card->manager->config->lock_dir };

        operation->index = first;
        sleep_hold(operation);
        int r = run_plan_from(card->manager->event, &paths, card->address, plan, first, keep_going,
                              keep_going ? &back : &forward, operation, &operation->run);
        if (r < 0) {
                log_error("GPU %s: could not start the helper: %s", ADDRESS_TEXT(card->address), strerror(-r));
                if (operation->refusal.code == REFUSAL_NONE)
                        (void) refusal_set(&operation->refusal, REFUSAL_STEP_FAILED, card->address,
                                           "start the helper", strerror(-r));
                operation_finish(operation, &operation->refusal);
                return;
        }
        card_publish(card);
}

void operation_run_plan(Operation *operation, size_t first) {
        operation->phase = OPERATION_RUNNING;
        start_run(operation, &operation->plan, first, /* keep_going= */ false);
}

void operation_run_back(Operation *operation, OperationPhase phase) {
        Card *card = operation->card;

        operation->phase = phase;
        if (operation->back.n_steps == 0) {
                operation_finish(operation, &operation->refusal);
                return;
        }
        int r = store_turn_operation(card->manager->store, operation->id, &operation->back);
        if (r < 0)
                card_store_failed(card, "that its switch is being undone", r);
        start_run(operation, &operation->back, 0, /* keep_going= */ true);
}

void operation_undo(Operation *operation, size_t n_started) {
        Refusal refusal;

        int r = plan_undo(&operation->plan, MIN_OF(n_started, operation->plan.n_steps), &operation->back, &refusal);
        if (r != 0) {
                log_error("GPU %s: no way back could be planned", ADDRESS_TEXT(operation->card->address));
                operation_finish(operation, &operation->refusal);
                return;
        }
        operation_run_back(operation, OPERATION_UNDOING);
}
