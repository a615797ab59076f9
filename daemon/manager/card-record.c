/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the store keeps of a card. What cannot be committed now is owed, and logged. */

#include <string.h>

#include "base/address.h"
#include "base/text.h"
#include "gpuswitch/names.h"
#include "log/log.h"
#include "manager/internal.h"

void card_store_failed(const Card *card, const char *what, int error) {
        LogField fields[] = { { LOG_FIELD_GPU, ADDRESS_TEXT(card->address) },
                              { LOG_FIELD_REASON, strerror(-error) },
                              { LOG_FIELD_OPERATION, card->operation ? card->operation->id : "" } };

        log_entry(LOG_ERR, MESSAGE_ID_STORE_FAILED, fields, ELEMENTSOF(fields),
                  "GPU %s: could not record %s in %s: %s", ADDRESS_TEXT(card->address), what,
                  card->manager->config->store_path, strerror(-error));
}

static int end_owed_record(Card *card) {
        if (isempty(card->unended_id))
                return 0;
        int r = store_end_operation(card->manager->store, card->unended_id, card->unended_outcome,
                                    "recorded later than it ended", now_realtime_usec());
        if (r < 0 && r != -ENOENT)
                return r;
        card->unended_id[0] = '\0';
        return 0;
}

/* What is kept of it. */
static void to_store(const Card *card, StoredCard *ret_stored) {
        *ret_stored = (StoredCard){
                .address = card->address,
                .state = card->state,
                .after_driver_ran = card->after_driver_ran,
                .log_sequence = card->log_sequence,
                .owner = card_owner(&card->facts),
                .home = card->home,
                .wants_home = card->wants_home,
                .lease = card->lease,
        };
        (void) text_copy(ret_stored->identity, sizeof(ret_stored->identity), card->identity);
        (void) text_copy(ret_stored->boot_id, sizeof(ret_stored->boot_id), card->manager->boot_id);
        (void) text_copy(ret_stored->driver, sizeof(ret_stored->driver), card->facts.functions[0].driver);
}

int card_begin_record(Card *card, const StoredOperation *operation) {
        Manager *manager = card->manager;
        StoredCard stored;

        to_store(card, &stored);
        int r = manager->store ? end_owed_record(card) : manager->store_error;
        if (r >= 0)
                r = store_begin_switch(manager->store, &stored, operation);
        if (r < 0)
                card_store_failed(card, "the switch that is about to begin", r);
        return r;
}

void card_end_record(Card *card, const char *id, const char *outcome, const char *detail) {
        StoredCard stored;

        to_store(card, &stored);
        int r = store_end_switch(card->manager->store, &stored, id, outcome, detail, now_realtime_usec());
        if (r >= 0)
                return;
        card_store_failed(card, "the end of its switch", r);
        (void) text_copy(card->unended_id, sizeof(card->unended_id), id);
        (void) text_copy(card->unended_outcome, sizeof(card->unended_outcome), outcome);
}

int card_save(Card *card) {
        Manager *manager = card->manager;
        StoredCard stored;

        to_store(card, &stored);
        int r = manager->store ? store_save_card(manager->store, &stored) : manager->store_error;
        if (r >= 0)
                r = end_owed_record(card);
        if (r < 0)
                card_store_failed(card, "what is known of it", r);
        return r;
}
