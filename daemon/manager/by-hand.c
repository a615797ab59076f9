/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a person asks for. */

#include <string.h>

#include "base/address.h"
#include "base/text.h"
#include "manager/domain-request.h"

/* The card of @address, or the answer that there is none. */
static Card *find_card(Manager *manager, Request *request, PciAddress address) {
        Card *card = manager_card(manager, address);
        Refusal refusal;

        if (card)
                return card;
        (void) refusal_set(&refusal, REFUSAL_NO_SUCH_DEVICE, address, NULL, NULL);
        request_refuse(request, &refusal);
        return NULL;
}

/* Is somebody acting on the card? Then @request has its answer. */
static bool answer_if_busy(Card *card, Request *request) {
        Refusal refusal;
        char what[512];

        if (card->stuck)
                card_stuck_refusal(card, &refusal);
        else if (card->operation) {
                operation_describe(card->operation, what, sizeof(what));
                (void) refusal_set(&refusal, REFUSAL_BUSY, card->address, what, NULL);
        } else if (card_is_taken(card))
                (void) refusal_set(&refusal, REFUSAL_BUSY, card->address,
                                   "what an earlier daemon left unfinished is being recovered", NULL);
        else if (lease_has_domain(&card->lease) && domain_request_find(card->manager, card->lease.domain_uuid)) {
                /* It waits for the card to be idle; anything that begins now would go ahead of it, again and again. */
                (void) text_format(what, sizeof(what), "virtual machine '%s' is being started with it",
                                   card->lease.domain_name);
                (void) refusal_set(&refusal, REFUSAL_BUSY, card->address, what, NULL);
        } else
                return false;
        request_refuse(request, &refusal);
        return true;
}

/* A running operation with the same goal is joined. */
static bool joined(Card *card, Direction direction, Request *request) {
        Operation *operation = card->operation;

        if (!operation || operation->question || operation->cancelled || operation->direction != direction ||
            operation->phase == OPERATION_UNDOING)
                return false;
        /* These leave the card where it is. */
        if (operation->reset || operation->rescan)
                return false;
        operation_wait(operation, request);
        return true;
}

static void start(Card *card, const OperationStart *start, Request *request) {
        Operation *operation;
        Refusal refusal;

        int r = operation_start(card, start, &operation);
        if (r >= 0) {
                operation_wait(operation, request);
                return;
        }
        (void) refusal_set(&refusal, REFUSAL_STEP_FAILED, card->address, "begin the switch", strerror(-r));
        request_refuse(request, &refusal);
}

void by_hand_to_guest(Request *request, PciAddress address, void *userdata) {
        Card *card = find_card(userdata, request, address);

        if (!card)
                return;
        if (joined(card, DIRECTION_GUEST, request)) {
                card->operation->claimed = true;
                return;
        }
        if (answer_if_busy(card, request))
                return;
        if (lease_has_domain(&card->lease)) {
                /* A virtual machine has it already: from now on it stays behind that as well. */
                card->lease.by_hand = true;
                (void) card_save(card);
                card_publish(card);
                request_done(request);
                return;
        }
        card->wants_home = false;
        start(card, &(OperationStart){ .direction = DIRECTION_GUEST, .by_hand = true, .claimed = true }, request);
}

void by_hand_to_host(Request *request, PciAddress address, void *userdata) {
        Card *card = find_card(userdata, request, address);
        Refusal refusal;

        if (!card)
                return;
        if (lease_check_to_host(&card->lease, card->address, &refusal) != 0) {
                request_refuse(request, &refusal);
                return;
        }
        if (joined(card, DIRECTION_HOST, request)) {
                card->lease.by_hand = false;
                return;
        }
        if (answer_if_busy(card, request))
                return;
        card->lease.by_hand = false;
        card->wants_home = false;
        start(card, &(OperationStart){ .direction = DIRECTION_HOST, .by_hand = true }, request);
}

void by_hand_plan(Request *request, PciAddress address, Direction direction, void *userdata) {
        Card *card = find_card(userdata, request, address);

        if (!card || answer_if_busy(card, request))
                return;
        start(card, &(OperationStart){ .direction = direction, .question = true }, request);
}

void by_hand_isolation(Request *request, PciAddress address, void *userdata) {
        Card *card = find_card(userdata, request, address);

        if (!card || answer_if_busy(card, request))
                return;
        start(card, &(OperationStart){ .look_only = true, .question = true, .isolation = true }, request);
}

static void on_looked(Operation *operation, const Refusal *refusal, void *userdata) {
        Card *card = operation->card;

        if (!refusal && card->state == RESET_STATE_FAILED && !card->facts.functions[0].survey.config_dead)
                card_event(card, CARD_EVENT_CONFIG_ALIVE, "it answers again");
}

/* The links are read again when it has ended: a driver that the kernel chose meanwhile is an event of its own. */
static void on_found_again(Operation *operation, const Refusal *refusal, void *userdata) {
        Card *card = operation->card;

        if (!operation->recorded)
                return;
        card_count_outcome(card, "remove-rescan", OUTCOME_TRIED);
        card_count_outcome(card, "remove-rescan", refusal ? OUTCOME_FAILED : OUTCOME_SUCCEEDED);
        if (refusal)
                return;
        card->lease.by_hand = false; /* what a person had put on vfio-pci is a new device without a driver */
        card->home_incomplete = false;
        if (card->state == RESET_STATE_FAILED)
                card_event(card, CARD_EVENT_CONFIG_ALIVE, "it was taken off its bus and found again, and answers");
        else
                card_note(card, CARD_EVENT_NOTED, "it was taken off its bus and found again");
}

/* Does its family list this? Else @request has its answer. */
static bool is_listed(const Card *card, Request *request, bool listed, const char *what) {
        Refusal refusal;

        if (listed)
                return true;
        (void) refusal_set(&refusal, REFUSAL_RECOVERY_UNLISTED, card->address, what, NULL);
        request_refuse(request, &refusal);
        return false;
}

void by_hand_recover(Request *request, PciAddress address, RecoverBy by, void *userdata) {
        Card *card = find_card(userdata, request, address);
        Refusal refusal;

        if (!card || answer_if_busy(card, request))
                return;
        if (by == RECOVER_SUSPEND) {
                if (is_listed(card, request, card->rule.recovery.suspend_usec > 0, "a suspend"))
                        suspend_recover(card, request);
                return;
        }
        if (by == RECOVER_RESCAN) {
                if (!is_listed(card, request, card->rule.recovery.remove_rescan, "remove and rescan"))
                        return;
                if (lease_check_to_host(&card->lease, card->address, &refusal) != 0) {
                        request_refuse(request, &refusal);
                        return;
                }
                start(card, &(OperationStart){ .direction = DIRECTION_GUEST, .by_hand = true, .rescan = true,
                                               .ended = on_found_again }, request);
                return;
        }
        start(card, &(OperationStart){ .look_only = true, .question = true, .ended = on_looked }, request);
}

void by_hand_reset(Request *request, PciAddress address, void *userdata) {
        Card *card = find_card(userdata, request, address);
        Refusal refusal;

        if (!card || answer_if_busy(card, request))
                return;
        if (lease_check_to_host(&card->lease, card->address, &refusal) != 0) {
                request_refuse(request, &refusal);
                return;
        }
        start(card, &(OperationStart){ .direction = DIRECTION_GUEST, .by_hand = true, .reset = true }, request);
}
