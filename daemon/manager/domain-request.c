/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ends when none of its operations runs any more: then either every card has arrived, or the claims are dropped and
 * cards that did arrive go home again.
 */

#include <string.h>

#include "base/address.h"
#include "base/text.h"
#include "log/log.h"
#include "manager/domain-request.h"

struct DomainRequest {
        Manager *manager;
        DomainRequest *next;
        char uuid[UUID_TEXT_SIZE];
        char name[DOMAIN_NAME_SIZE];
        bool begun;  /* its operations have been started */
        bool failed;
        Refusal refusal;
        sd_event_source *deadline;
        Waiters waiters;
        size_t n_cards;
        DomainCard cards[];
};

static void domain_request_check_end(DomainRequest *running);

DomainRequest *domain_request_find(Manager *manager, const char *uuid) {
        for (DomainRequest *running = manager->requests; running; running = running->next)
                if (streq(running->uuid, uuid))
                        return running;
        return NULL;
}

Card *domain_request_card(const DomainRequest *running) {
        return running->cards[0].card;
}

void domain_request_join(DomainRequest *running, Request *request) {
        waiters_add(&running->waiters, request, running->cards[0].card->address);
}

static void domain_request_unlink(DomainRequest *running) {
        for (DomainRequest **p = &running->manager->requests; *p; p = &(*p)->next)
                if (*p == running) {
                        *p = running->next;
                        break;
                }
        sd_event_source_disable_unref(running->deadline);
        running->deadline = NULL;
}

void domain_request_forget(DomainRequest *running) {
        domain_request_unlink(running);
        waiters_refuse(&running->waiters,
                       &(Refusal){ .code = REFUSAL_GOING_DOWN, .address = running->cards[0].card->address });
        free(running);
}

/* Every operation has ended: the verdict. */
static void domain_request_end(DomainRequest *running) {
        domain_request_unlink(running);
        for (size_t i = 0; i < running->n_cards; i++) {
                DomainCard *mine = &running->cards[i];
                Card *card = mine->card;

                if (!running->failed) {
                        card_guest_got_it(card, card_guard_in_force(card) == GUARD_NONE, "a virtual machine has it");
                        budget_granted(card);
                        continue;
                }
                (void) lease_drop_domain(&card->lease, running->uuid);
                if (mine->was_going_home ||
                    (mine->arrived && !card->lease.by_hand && card->rule.return_to == RETURN_TO_HOST)) {
                        card->wants_home = true;
                        card->goes_back = mine->arrived;
                }
                (void) card_save(card);
                card_publish(card);
                manager_card_idle(card);
        }
        if (running->failed)
                waiters_refuse(&running->waiters, &running->refusal);
        else
                waiters_done(&running->waiters);
        free(running);
}

static bool any_operation(const DomainRequest *running) {
        for (size_t i = 0; i < running->n_cards; i++)
                if (running->cards[i].operation)
                        return true;
        return false;
}

static void domain_request_check_end(DomainRequest *running) {
        if (any_operation(running))
                return;
        if (!running->failed)
                for (size_t i = 0; i < running->n_cards; i++)
                        if (!running->cards[i].arrived)
                                return;
        domain_request_end(running);
}

void domain_request_fail(DomainRequest *running, const Refusal *why) {
        if (!running->failed) {
                running->failed = true;
                running->refusal = *why;
        }
        /* Ending the last operation frees the request: from here on only copies are used. */
        Operation *operations[DOMAIN_ADDRESSES_MAX];
        Refusal refusal = running->refusal;
        size_t n = 0;
        for (size_t i = 0; i < running->n_cards; i++)
                if (running->cards[i].operation && !running->cards[i].operation->cancelled)
                        operations[n++] = running->cards[i].operation;
        if (n == 0) {
                domain_request_check_end(running);
                return;
        }
        for (size_t i = 0; i < n; i++)
                operation_cancel(operations[i], &refusal);
}

void domain_operation_ended(Operation *operation, const Refusal *refusal) {
        DomainRequest *running = operation->group;

        for (size_t i = 0; i < running->n_cards; i++)
                if (running->cards[i].operation == operation) {
                        running->cards[i].operation = NULL;
                        running->cards[i].arrived = !refusal;
                }
        if (refusal && !running->failed)
                domain_request_fail(running, refusal);
        else
                domain_request_check_end(running);
}

void domain_operation_planned(Operation *operation) {
        DomainRequest *running = operation->group;
        bool all = true;

        for (size_t i = 0; i < running->n_cards; i++) {
                if (running->cards[i].operation == operation)
                        running->cards[i].planned = true;
                all &= running->cards[i].planned;
        }
        if (running->failed) {
                operation_cancel(operation, &running->refusal);
                return;
        }
        for (size_t i = 0; all && i < running->n_cards; i++)
                operation_execute(running->cards[i].operation);
}

static void domain_request_begin(DomainRequest *running) {
        Refusal refusal;

        running->begun = true;
        for (size_t i = 0; i < running->n_cards && !running->failed; i++) {
                DomainCard *mine = &running->cards[i];
                OperationStart start = {
                        .direction = DIRECTION_GUEST,
                        .domain_uuid = running->uuid,
                        .domain_name = running->name,
                        .lists_companion = mine->lists_companion,
                        .companion = mine->companion,
                        .group = running,
                };
                int r = operation_start(mine->card, &start, &mine->operation);
                if (r < 0) {
                        mine->operation = NULL;
                        (void) refusal_set(&refusal, REFUSAL_STEP_FAILED, mine->card->address, "begin the switch",
                                           strerror(-r));
                        domain_request_fail(running, &refusal);
                        return;
                }
        }
}

/* Begins as soon as nobody acts on its cards; a way home that no driver has seen yet is turned round. */
static void domain_request_proceed(DomainRequest *running) {
        Card *home_bound[DOMAIN_ADDRESSES_MAX];
        size_t n = 0;
        bool wait = false;
        Refusal refusal;

        for (size_t i = 0; i < running->n_cards; i++) {
                Card *card = running->cards[i].card;
                if (card->stuck) {
                        card_stuck_refusal(card, &refusal);
                        domain_request_fail(running, &refusal);
                        return;
                }
                wait |= card_is_taken(card);
                if (card->operation && operation_can_turn_round(card->operation))
                        home_bound[n++] = card;
        }
        if (!wait) {
                domain_request_begin(running);
                return;
        }
        for (size_t i = 0; i < n; i++) {
                (void) refusal_set(&refusal, REFUSAL_TURNED_ROUND, home_bound[i]->address, running->name, NULL);
                if (home_bound[i]->operation)
                        operation_cancel(home_bound[i]->operation, &refusal);
        }
}

void domain_requests_resume(Manager *manager) {
        DomainRequest *next;

        for (DomainRequest *running = manager->requests; running; running = next) {
                next = running->next;
                if (!running->begun)
                        domain_request_proceed(running);
        }
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata) {
        DomainRequest *running = userdata;
        Refusal refusal;
        char what[512] = "the time for a start is over";

        for (size_t i = 0; i < running->n_cards; i++)
                if (running->cards[i].card->operation)
                        operation_describe(running->cards[i].card->operation, what, sizeof(what));
        (void) refusal_set(&refusal, REFUSAL_TIMED_OUT, running->cards[0].card->address, what, NULL);
        domain_request_fail(running, &refusal);
        return 0;
}

int domain_request_new(Manager *manager, Request *request, const char *uuid, const char *name,
                       const DomainCard *cards, size_t n_cards) {
        DomainRequest *running = calloc(1, sizeof(*running) + n_cards * sizeof(DomainCard));

        if (!running)
                return -ENOMEM;
        running->manager = manager;
        running->n_cards = n_cards;
        memcpy(running->cards, cards, n_cards * sizeof(DomainCard));
        (void) text_copy(running->uuid, sizeof(running->uuid), uuid);
        (void) text_format(running->name, sizeof(running->name), "%s", name);
        int r = sd_event_add_time_relative(manager->event, &running->deadline, CLOCK_MONOTONIC, PREPARE_TIMEOUT_USEC, 0,
                                           on_deadline, running);
        if (r < 0) {
                free(running);
                return r;
        }
        domain_request_join(running, request);
        running->next = manager->requests;
        manager->requests = running;
        for (size_t i = 0; i < n_cards; i++) {
                Card *card = cards[i].card;
                running->cards[i].was_going_home =
                        card->wants_home || (card->operation && card->operation->direction == DIRECTION_HOST &&
                                             !card->operation->question);
                lease_take_domain(&card->lease, uuid, name, now_monotonic_usec());
                budget_new_run(card);
                card->wants_home = false;
                card_publish(card);
        }
        domain_request_proceed(running);
        return 0;
}
