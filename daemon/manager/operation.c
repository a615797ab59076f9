/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One operation: settle, survey, plan, (wait for the others of a domain), record, run, and if need be undo.
 *
 * An operation belongs to its card. It ends in operation_finish() and nowhere else, which frees it.
 */

#include <string.h>
#include <systemd/sd-id128.h>

#include "base/address.h"
#include "base/enum-text.h"
#include "base/text.h"
#include "core/viability.h"
#include "gpuswitch/names.h"
#include "log/log.h"
#include "machine/fellow.h"
#include "machine/system.h"
#include "manager/internal.h"

void operation_describe(const Operation *operation, char *buffer, size_t size) {
        const char *to = operation->direction == DIRECTION_GUEST ? "to the guest" : "home";

        if (operation->question)
                (void) text_format(buffer, size, "a plan is being made");
        else if (operation->reset)
                (void) text_format(buffer, size, "it is being reset, by hand");
        else if (operation->rescan)
                (void) text_format(buffer, size, "it is being taken off its bus and looked for again, by hand");
        else if (!isempty(operation->domain_name))
                (void) text_format(buffer, size, "it is on its way %s for virtual machine '%s'", to,
                                   operation->domain_name);
        else
                (void) text_format(buffer, size, "it is on its way %s%s", to, operation->by_hand ? ", by hand" : "");
}

void operation_free(Operation *operation) {
        sleep_let_go(operation);
        run_free(operation->run);
        sd_event_source_disable_unref(operation->settle_source);
        sd_event_source_disable_unref(operation->wait_timer);
        free(operation->isolation);
        waiters_refuse(&operation->waiters,
                       &(Refusal){ .code = REFUSAL_GOING_DOWN, .address = operation->card->address });
        free(operation);
}

void operation_wait(Operation *operation, Request *request) {
        waiters_add(&operation->waiters, request, operation->card->address);
}

static void log_end(const Operation *operation, const Refusal *refusal) {
        char text[2 * MESSAGE_TEXT_SIZE], what[512];
        const char *address = ADDRESS_TEXT(operation->card->address);

        operation_describe(operation, what, sizeof(what));
        if (!refusal) {
                log_info("GPU %s: arrived (%s)", address, what);
                return;
        }
        bool moved = operation->recorded;
        LogField fields[] = {
                { LOG_FIELD_GPU, address },
                { LOG_FIELD_STATE, reset_state_to_string(operation->card->state) },
                { LOG_FIELD_REASON, refusal_code_to_string(refusal->code) },
                { LOG_FIELD_DOMAIN, operation->domain_name },
                { LOG_FIELD_OPERATION, operation->id },
        };
        log_entry(moved ? LOG_ERR : LOG_WARNING, moved ? MESSAGE_ID_SWITCH_FAILED : MESSAGE_ID_SWITCH_REFUSED,
                  fields, ELEMENTSOF(fields), "%s", refusal_sentence(refusal, text, sizeof(text)));
}

void operation_finish(Operation *operation, const Refusal *refusal) {
        Card *card = operation->card;
        Refusal why;

        if (refusal)
                why = *refusal; /* it may live in the operation, or in a caller that goes */
        if (!operation->question)
                log_end(operation, refusal ? &why : NULL);
        if (!refusal && operation->claimed)
                card->lease.by_hand = true;
        if (operation->ended)
                operation->ended(operation, refusal ? &why : NULL, operation->userdata);
        if (operation->group && refusal)
                (void) lease_drop_domain(&card->lease, operation->domain_uuid);
        if (operation->recorded && !card->stuck)
                card_end_record(card, operation->id, refusal ? refusal_code_to_string(why.code) : "done",
                                refusal ? why.detail : "");
        card->operation = NULL;
        inhibit_ended(operation);
        card->uevent_horizon = uevent_sequence_now();
        if (operation->recorded)
                card_observe(card, "end of a switch");

        if (operation->group)
                domain_operation_ended(operation, refusal ? &why : NULL);
        if (!operation->question)
                (void) card_save(card);
        /* Nobody is told before it is on record: a claim by hand must not be lost between the two. */
        if (refusal)
                waiters_refuse(&operation->waiters, &why);
        else if (operation->isolation)
                waiters_isolation(&operation->waiters, operation->isolation);
        else if (operation->question && !operation->look_only)
                waiters_plan(&operation->waiters, &operation->plan);
        else
                waiters_done(&operation->waiters);
        card_publish(card);
        operation_free(operation);
        manager_card_idle(card);
}

/* A card that is lost stays where it is. What went along with it need not be lost, and the host may want it. */
static bool goes_without_card(Operation *operation, const Refusal *refusal) {
        const Card *card = operation->card;

        if (refusal->code != REFUSAL_CARD_FAILED || operation->direction != DIRECTION_HOST || operation->question)
                return false;
        plan_fellows_home(&card->facts, &card->home, &operation->plan);
        operation->without_card = operation->plan.n_steps > 0;
        operation->refusal = *refusal;
        return operation->without_card;
}

static void operation_plan(Operation *operation) {
        Card *card = operation->card;
        MachineFacts machine;
        Refusal refusal;
        int r;

        system_facts("", &machine);
        machine.going_down = card->manager->going_down;
        if (operation->rescan)
                r = plan_recover(&card->facts, &operation->plan, &refusal);
        else if (operation->direction == DIRECTION_GUEST) {
                GuestRequest request = {
                        .state = card->state,
                        .after_driver_ran = card->after_driver_ran,
                        .lists_companion = operation->lists_companion,
                        .companion = operation->companion,
                        .vendor_reset_unknown = card->vendor_reset_unknown,
                        .by_hand = operation->by_hand || operation->question,
                };
                for (size_t i = 0; i < card->facts.n_fellows; i++)
                        fellow_read_use("", &card->facts.fellows[i]);
                r = operation->reset ? plan_reset(&card->facts, &machine, &card->rule, &request, &operation->plan,
                                                  &refusal)
                                     : plan_to_guest(&card->facts, &machine, &card->rule, &request,
                                                     &operation->plan, &refusal);
        } else if (machine.going_down)
                r = refusal_set(&refusal, REFUSAL_GOING_DOWN, card->address, NULL, NULL);
        else
                r = plan_to_host(&card->facts, &card->rule, card->state, &card->home, &operation->plan, &refusal);
        if (r != 0) {
                if (refusal.state < 0)
                        refusal.state = card->state;
                if (!goes_without_card(operation, &refusal)) {
                        operation_finish(operation, &refusal);
                        return;
                }
        }
        bool moves = operation->plan.n_steps > 0 && !operation->question;
        if (moves && sleep_refuses(card, &refusal)) {
                operation_finish(operation, &refusal);
                return;
        }
        if (moves && inhibit_refuses(operation, &refusal)) {
                operation_finish(operation, &refusal);
                return;
        }
        if (moves && inhibit_delays(operation))
                return;
        operation->phase = OPERATION_PLANNED;
        if (operation->question)
                operation_finish(operation, NULL);
        else if (operation->group)
                domain_operation_planned(operation);
        else
                operation_execute(operation);
}

/* Where the card is at home, if it is there now; else what is known already stays, and who joins it is added. */
static void note_home(Card *card) {
        const char *driver = card->facts.functions[0].driver;

        if (driver_is_host(driver) || (isempty(driver) && (card->seen_bound || !card->home.known)))
                home_note(&card->facts, card->home_incomplete, &card->home);
        else
                home_note_fellows(&card->facts, &card->home);
}

static void operation_begin(Operation *operation) {
        Card *card = operation->card;
        Manager *manager = card->manager;
        Refusal refusal;

        if (operation->plan.n_steps == 0) {
                operation_finish(operation, NULL); /* it is there already */
                return;
        }
        if (sleep_refuses(card, &refusal)) { /* it has waited for the other cards of its virtual machine, or for the loop */
                operation_finish(operation, &refusal);
                return;
        }
        if (operation->direction == DIRECTION_GUEST && !operation->reset && !operation->rescan)
                note_home(card);
        _cleanup_free_ StoredOperation *stored = calloc(1, sizeof(*stored));
        int r = stored ? 0 : -ENOMEM;
        if (r >= 0) {
                stored->address = card->address;
                (void) text_copy(stored->id, sizeof(stored->id), operation->id);
                (void) text_copy(stored->boot_id, sizeof(stored->boot_id), manager->boot_id);
                (void) text_copy(stored->identity, sizeof(stored->identity), card->identity);
                (void) text_copy(stored->domain_uuid, sizeof(stored->domain_uuid), operation->domain_uuid);
                (void) text_copy(stored->domain_name, sizeof(stored->domain_name), operation->domain_name);
                stored->plan = operation->plan;
                r = card_begin_record(card, stored);
        }
        if (r < 0) {
                (void) refusal_set(&refusal, REFUSAL_STORE, card->address, manager_store_problem(r), NULL);
                operation_finish(operation, &refusal);
                return;
        }
        operation->recorded = true;
        operation_run_plan(operation, 0);
}

static int on_execute(sd_event_source *source, void *userdata) {
        operation_begin(userdata);
        return 0;
}

void operation_execute(Operation *operation) {
        operation->settle_source = sd_event_source_disable_unref(operation->settle_source);
        int r = sd_event_add_defer(operation->card->manager->event, &operation->settle_source, on_execute, operation);
        if (r >= 0)
                return;
        (void) refusal_set(&operation->refusal, REFUSAL_STEP_FAILED, operation->card->address, "begin the switch",
                           strerror(-r));
        operation_finish(operation, &operation->refusal);
}

static void on_survey_ended(Run *run, const RunResult *result, void *userdata) {
        Operation *operation = userdata;
        Card *card = operation->card;
        Refusal refusal;

        if (result->end == RUN_END_HELPER_DIED && !operation->cancelled &&
            operation_helper_lost(operation, "look at the GPU", result->message)) {
                operation->run = run_free(operation->run);
                operation_survey(operation);
                return;
        }
        switch (result->end) {
        case RUN_END_DONE:
                if (operation->isolation)
                        *operation->isolation = *run_isolated(run);
                else
                        card_apply_survey(card, run_surveyed(run));
                operation->run = run_free(operation->run);
                if (operation->cancelled)
                        operation_finish(operation, &operation->refusal);
                else if (operation->look_only)
                        operation_finish(operation, NULL);
                else
                        operation_plan(operation);
                return;
        case RUN_END_STUCK:
                card_stuck(card, operation, NULL);
                return;
        case RUN_END_LOCKED:
                (void) refusal_set(&refusal, REFUSAL_BUSY, card->address, "another helper still acts on it, pid ",
                                   result->message);
                break;
        case RUN_END_STOPPED:
                refusal = operation->refusal;
                break;
        case RUN_END_STEP_FAILED:
        case RUN_END_HELPER_DIED:
                (void) refusal_set(&refusal, REFUSAL_STEP_FAILED, card->address, "look at the GPU",
                                   isempty(result->message) ? strerror(-result->error) : result->message);
                break;
        }
        operation_finish(operation, &refusal);
}

static void on_survey_returned(Run *run, void *userdata) {
        Card *card = userdata;

        stuck_look_again(card, NULL);
}

void operation_survey(Operation *operation) {
        static const RunHandlers handlers = { .ended = on_survey_ended, .returned = on_survey_returned };
        Card *card = operation->card;
        Refusal refusal;

        operation->phase = OPERATION_SURVEYING;
        card_observe(card, "link");
        const RunPaths paths = { card->manager->config->helper_path, card->manager->config->lock_dir };
        int r;
        if (operation->isolation) {
                isolation_init(&card->facts, operation->isolation);
                r = run_isolation(card->manager->event, &paths, operation->isolation, &handlers, operation, &operation->run);
        } else
                r = run_survey(card->manager->event, &paths, &card->facts, &handlers, operation, &operation->run);
        if (r >= 0)
                return;
        (void) refusal_set(&refusal, REFUSAL_STEP_FAILED, card->address, "start the helper", strerror(-r));
        operation_finish(operation, &refusal);
}

int operation_start(Card *card, const OperationStart *start, Operation **ret_operation) {
        sd_id128_t id;
        char text[SD_ID128_UUID_STRING_MAX];

        int r = sd_id128_randomize(&id);
        if (r < 0)
                return r;
        Operation *operation = calloc(1, sizeof(*operation));
        if (!operation)
                return -ENOMEM;
        operation->card = card;
        operation->direction = start->direction;
        operation->by_hand = start->by_hand;
        operation->claimed = start->claimed;
        operation->question = start->question;
        operation->look_only = start->look_only;
        if (start->isolation && !(operation->isolation = calloc(1, sizeof(*operation->isolation)))) {
                free(operation);
                return -ENOMEM;
        }
        operation->reset = start->reset;
        operation->rescan = start->rescan;
        operation->lists_companion = start->lists_companion;
        operation->companion = start->companion;
        operation->group = start->group;
        operation->ended = start->ended;
        operation->userdata = start->userdata;
        (void) text_copy(operation->id, sizeof(operation->id), sd_id128_to_uuid_string(id, text));
        (void) text_copy(operation->domain_uuid, sizeof(operation->domain_uuid), start->domain_uuid ?: "");
        (void) text_copy(operation->domain_name, sizeof(operation->domain_name), start->domain_name ?: "");

        r = operation_settle(operation);
        if (r < 0) {
                operation_free(operation);
                return r;
        }
        card->operation = operation;
        card_publish(card);
        *ret_operation = operation;
        return 0;
}

bool operation_can_turn_round(const Operation *operation) {
        if (operation->direction != DIRECTION_HOST || operation->cancelled)
                return false;
        if (operation->phase == OPERATION_UNDOING || operation->phase == OPERATION_TAIL)
                return false;
        return operation->phase != OPERATION_RUNNING ||
               plan_before_host_bind(&operation->plan, MIN_OF(operation->index + 1, operation->plan.n_steps));
}

bool operation_moves(const Operation *operation) {
        return operation->phase == OPERATION_RUNNING || operation->phase == OPERATION_UNDOING ||
               operation->phase == OPERATION_TAIL;
}

void operation_cancel(Operation *operation, const Refusal *why) {
        if (operation->cancelled)
                return;
        operation->cancelled = true;
        operation->refusal = *why;
        switch (operation->phase) {
        case OPERATION_SETTLING:
        case OPERATION_DELAYED:
        case OPERATION_PLANNED:
                operation_finish(operation, &operation->refusal);
                break;
        case OPERATION_SURVEYING:
        case OPERATION_RUNNING:
                run_stop(operation->run);
                break;
        case OPERATION_UNDOING: /* it is on its way back already */
        case OPERATION_TAIL:
                break;
        }
}
