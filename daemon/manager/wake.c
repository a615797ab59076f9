/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a sleep of the machine did to the cards. Loss of power is proven by the kernel log alone (core/sleep.h), whoever sent
 * the machine to sleep; that the card answers, by a look at it. Between the two, events go on: they are of the time after
 * the loss, and are counted again from fresh on.
 */

#include <string.h>

#include "base/address.h"
#include "base/text.h"
#include "log/log.h"
#include "manager/internal.h"

static bool is_moving(const Card *card) {
        return card->stuck || card->unfinished || card->stuck_watch ||
               (card->operation && operation_moves(card->operation));
}

static void say(Card *card, const char *text) {
        (void) text_copy(card->reason, sizeof(card->reason), text);
        card_note(card, CARD_EVENT_NOTED, text);
        card_publish(card);
}

/* It lost its power, and it answers: what came since is counted from fresh on. */
static void confirmed(Card *card) {
        Wake wake = card->wake;

        card->wake = (Wake){ 0 };
        card->after_driver_ran = false;
        card_event(card, CARD_EVENT_COLD_START, "the machine slept (S3) and lost its power, and the card answers");
        if (wake.bound) {
                card->after_driver_ran = card_runs_after_driver(card, wake.driver);
                card_event(card, CARD_EVENT_HOST_BIND, "its driver has woken it up");
        } else if (wake.guest)
                card_event(card, CARD_EVENT_GUEST_OPEN, "its virtual machine has woken up with it");
        for (size_t i = 0; i < wake.n_since; i++)
                card_event(card, wake.since[i], "since the machine woke up");
}

static void on_looked(Operation *operation, const Refusal *refusal, void *userdata) {
        Card *card = operation->card;
        bool dead = false;

        for (size_t i = 0; i < card->facts.n_functions; i++)
                dead |= !card->facts.functions[i].survey.valid || card->facts.functions[i].survey.config_dead;
        if (card->wake.pending && !refusal && !dead)
                confirmed(card);
        else if (card->wake.pending && !dead)
                say(card, "the machine slept and lost its power, but whether the card answers could not be seen");
        card->wake = (Wake){ 0 };
        suspend_looked(card);
}

void wake_look(Card *card) {
        Operation *operation;

        if (!card->wake.pending || card_is_taken(card) || card->stuck)
                return;
        int r = operation_start(card, &(OperationStart){ .look_only = true, .question = true, .ended = on_looked }, &operation);
        if (r >= 0)
                return;
        card->wake = (Wake){ 0 };
        log_error("GPU %s: could not look at it after the sleep: %s", ADDRESS_TEXT(card->address), strerror(-r));
        suspend_looked(card);
}

void wake_note_event(Card *card, CardEvent event) {
        Wake *wake = &card->wake;

        if (!wake->pending || event == CARD_EVENT_NOTED)
                return;
        if (wake->n_since == ELEMENTSOF(wake->since))
                *wake = (Wake){ 0 }; /* nothing gets better */
        else
                wake->since[wake->n_since++] = event;
}

void wake_power_lost(Card *card) {
        if (is_moving(card)) {
                card_note(card, CARD_EVENT_NOTED, "the machine slept in the middle of a switch; that it lost its power counts for nothing");
                suspend_looked(card);
                return;
        }
        if (card->state == RESET_STATE_FRESH) {
                (void) card_save(card); /* there is nothing to gain; but see below */
                suspend_looked(card);
                return;
        }
        card->wake = (Wake){
                .pending = true,
                .bound = driver_is_host(card->facts.functions[0].driver),
                .guest = lease_has_domain(&card->lease),
        };
        (void) text_copy(card->wake.driver, sizeof(card->wake.driver), card->facts.functions[0].driver);
        (void) card_save(card); /* the next daemon must not count this sleep again */
        wake_look(card);
}

void wake_hibernated(Card *card) {
        card_note(card, CARD_EVENT_HISTORY_GAP, "the machine hibernated, and what the kernel that woke it did to the card is not known");
}

void wake_unproven(Card *card, bool deep) {
        if (card->state == RESET_STATE_FRESH || card->state == RESET_STATE_TOUCHED)
                return;
        say(card, deep ? "the machine slept, but no loss of power is proven (the firmware did not wake it up)"
                       : "the machine slept, but no loss of power is proven (s2idle)");
}
