/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A helper that does not come back. It cannot be killed (state D), so it is only watched: the card is marked,
 * everything else is served, and when the helper is gone the card is looked at afresh.
 */

#include <string.h>

#include "base/address.h"
#include "base/text.h"
#include "gpuswitch/names.h"
#include "log/log.h"
#include "machine/system.h"
#include "manager/internal.h"

void card_stuck_refusal(const Card *card, Refusal *ret_refusal) {
        (void) refusal_set(ret_refusal, REFUSAL_STUCK, card->address, card->stuck_reason, "see gpuswitchctl status");
        ret_refusal->state = card->state;
}

static void log_stuck(const Card *card) {
        LogField fields[] = { { LOG_FIELD_GPU, ADDRESS_TEXT(card->address) },
                              { LOG_FIELD_REASON, card->stuck_reason },
                              { LOG_FIELD_DOMAIN, card->lease.domain_name } };

        log_entry(LOG_CRIT, MESSAGE_ID_CARD_STUCK, fields, ELEMENTSOF(fields), "GPU %s is stuck: %s",
                  ADDRESS_TEXT(card->address), card->stuck_reason);
}

/* What the operation was doing, as the store has it. */
static StoredOperation *unfinished_of(const Operation *operation) {
        bool back = operation->phase == OPERATION_UNDOING || operation->phase == OPERATION_TAIL;

        if (!operation->recorded)
                return NULL;
        StoredOperation *stored = calloc(1, sizeof(*stored));
        if (!stored)
                return NULL;
        (void) text_copy(stored->id, sizeof(stored->id), operation->id);
        (void) text_copy(stored->domain_uuid, sizeof(stored->domain_uuid), operation->domain_uuid);
        (void) text_copy(stored->domain_name, sizeof(stored->domain_name), operation->domain_name);
        stored->address = operation->card->address;
        stored->undoing = back;
        stored->n_started = operation->index + 1;
        stored->plan = back ? operation->back : operation->plan;
        return stored;
}

void card_stuck(Card *card, Operation *operation, const char *step) {
        char where[512];
        Refusal refusal;

        card->stuck = true;
        card->stuck_run = TAKE_PTR(operation->run);
        run_set_userdata(card->stuck_run, card);
        free(card->unfinished);
        card->unfinished = unfinished_of(operation);

        pid_t pid = run_helper_pid(card->stuck_run);
        process_where("", pid, where, sizeof(where));
        (void) text_format(card->stuck_reason, sizeof(card->stuck_reason),
                           "'%s' hangs in the kernel since %llu s (helper pid %d%s%s)", step,
                           (unsigned long long) ((now_monotonic_usec() - run_step_begun_usec(card->stuck_run)) /
                                                 USEC_PER_SEC),
                           pid, isempty(where) ? "" : ", ", where);
        log_stuck(card);
        card_stuck_refusal(card, &refusal);
        operation_finish(operation, &refusal);
}

void stuck_look_again(Card *card, StoredOperation *unfinished) {
        LogField fields[] = { { LOG_FIELD_GPU, ADDRESS_TEXT(card->address) } };
        bool was_stuck = card->stuck;

        card->stuck_run = run_free(card->stuck_run);
        card->stuck_watch = sd_event_source_disable_unref(card->stuck_watch);
        card->stuck_timer = sd_event_source_disable_unref(card->stuck_timer);
        card->stuck = false;
        card->stuck_reason[0] = '\0';
        if (was_stuck)
                log_entry(LOG_NOTICE, MESSAGE_ID_CARD_UNSTUCK, fields, ELEMENTSOF(fields),
                          "GPU %s: the helper that hung has come back; looking at the card afresh",
                          ADDRESS_TEXT(card->address));
        card_observe(card, "a helper that hung has come back");
        if (unfinished == card->unfinished)
                card->unfinished = NULL;
        if (unfinished)
                recover_operation(card, unfinished);
        else {
                card_publish(card);
                manager_card_idle(card);
        }
}
