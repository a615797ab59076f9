/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bringing a card home after its guest, unless somebody wants it to stay. */

#include <string.h>

#include "base/address.h"
#include "base/text.h"
#include "gpuswitch/names.h"
#include "log/log.h"
#include "manager/internal.h"

/* A way home that cannot be recorded is owed until it can. */
#define HOME_RETRY_USEC (30 * USEC_PER_SEC)

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata) {
        Card *card = userdata;

        card->home_timer = sd_event_source_disable_unref(card->home_timer);
        manager_card_idle(card);
        return 0;
}

void home_ended(Operation *operation, const Refusal *refusal, void *userdata) {
        Card *card = operation->card;

        if (refusal && refusal->code == REFUSAL_STORE &&
            (card->home_timer || sd_event_add_time_relative(card->manager->event, &card->home_timer, CLOCK_MONOTONIC,
                                                            HOME_RETRY_USEC, 0, on_retry, card) >= 0))
                return;
        if (refusal && refusal->code == REFUSAL_GOING_TO_SLEEP)
                return; /* owed until the machine is awake, see sleep_prepare() */
        /* Also where it failed for another reason: another try at once would not change that. */
        card->wants_home = false;
        card->goes_back = false;
}

static void defer(Card *card) {
        LogField fields[] = { { LOG_FIELD_GPU, ADDRESS_TEXT(card->address) },
                              { LOG_FIELD_DOMAIN, card->released_by } };

        log_entry(LOG_NOTICE, MESSAGE_ID_RELEASE_DEFERRED, fields, ELEMENTSOF(fields),
                  "GPU %s: released while the system is going down; it stays on vfio-pci",
                  ADDRESS_TEXT(card->address));
        card->wants_home = false;
        (void) card_save(card);
        card_publish(card);
}

static void on_system_state(Card *card, bool going_down) {
        Operation *operation;

        card->manager->going_down |= going_down;
        if (!card->wants_home || lease_is_held(&card->lease) || card->stuck || card->operation)
                return; /* things have changed while systemd was asked */
        if (card->manager->going_down) {
                defer(card);
                return;
        }
        OperationStart start = { .direction = DIRECTION_HOST, .ended = home_ended };
        int r = operation_start(card, &start, &operation);
        if (r >= 0)
                return;
        card->wants_home = false;
        log_error("GPU %s: could not start its way home: %s", ADDRESS_TEXT(card->address), strerror(-r));
}

void home_go(Card *card) {
        /* Not by the display's driver alone: a daemon that died behind its bind has left the companions. */
        if (card->state == RESET_STATE_FAILED && card->facts.n_fellows == 0) {
                card->wants_home = false;
                (void) card_save(card);
                card_publish(card);
                return;
        }
        if (!card->manager->going_to_sleep && !card->manager->suspend)
                system_state_ask(card, on_system_state);
}

void home_release(Card *card, const char *why) {
        bool stays = card->lease.by_hand || card->rule.return_to == RETURN_TO_STAY;

        log_info("GPU %s: virtual machine '%s' has let it go (%s)%s", ADDRESS_TEXT(card->address),
                 card->lease.domain_name, why, stays ? "; it stays with the guests" : "");
        (void) text_copy(card->released_by, sizeof(card->released_by), card->lease.domain_name);
        (void) lease_drop_domain(&card->lease, card->lease.domain_uuid);
        if (stays) {
                (void) card_save(card);
                card_publish(card);
                return;
        }
        card->wants_home = true;
        card->goes_back = false;
        (void) card_save(card); /* until the way home is on record, a daemon that starts anew owes it */
        card_publish(card);
        if (!card->operation && !card->stuck)
                home_go(card);
}
