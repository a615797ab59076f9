/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Programs that hold switches back are asked when the plan is known to be possible and before its first step: nobody is
 * disturbed for a switch that would be refused anyway. Whoever has been waited for may have changed what the plan was made
 * from, so the card is looked at and planned for again.
 *
 * The daemon's own way home behind a virtual machine is not blocked: nothing else would bring the card back. What puts a
 * start back that came to nothing does not wait either.
 */

#include "base/address.h"
#include "base/text.h"
#include "log/log.h"
#include "manager/internal.h"

/* "'render farm' (pid 812, user 1000)" */
static void describe(const Inhibitor *inhibitor, char *buffer, size_t size) {
        char pid[32] = "";

        if (inhibitor->pid > 0)
                (void) text_format(pid, sizeof(pid), "pid %d, ", (int) inhibitor->pid);
        (void) text_format(buffer, size, "'%s' (%suser %u)", inhibitor->who, pid, inhibitor->uid);
}

/* What a person or a start of a virtual machine asks for; else it is the daemon's own way home. */
static bool is_asked_for(const Operation *operation) {
        return operation->by_hand || !isempty(operation->domain_uuid);
}

bool inhibit_refuses(const Operation *operation, Refusal *ret_refusal) {
        const Card *card = operation->card;
        char who[256];

        const Inhibitor *inhibitor = inhibitors_find(card->manager->inhibitors, card->address, INHIBIT_BLOCK);
        if (!is_asked_for(operation) || !inhibitor)
                return false;
        describe(inhibitor, who, sizeof(who));
        (void) refusal_set(ret_refusal, REFUSAL_INHIBITED, card->address, who, inhibitor->why);
        return true;
}

static void go_on(Operation *operation) {
        operation->wait_timer = sd_event_source_disable_unref(operation->wait_timer);
        operation->delay_over = true;
        operation_survey(operation);
}

static int on_delay_over(sd_event_source *source, uint64_t usec, void *userdata) {
        Operation *operation = userdata;
        Card *card = operation->card;
        char who[256] = "";

        const Inhibitor *inhibitor = inhibitors_find(card->manager->inhibitors, card->address, INHIBIT_DELAY);
        if (inhibitor)
                describe(inhibitor, who, sizeof(who));
        log_notice("GPU %s: the switch goes on, %s has not let go in time", ADDRESS_TEXT(card->address), who);
        go_on(operation);
        return 0;
}

bool inhibit_delays(Operation *operation) {
        Card *card = operation->card;
        Manager *manager = card->manager;
        usec_t deadline = now_monotonic_usec() + INHIBIT_DELAY_MAX_USEC;

        if (operation->delay_over || (card->goes_back && !is_asked_for(operation)) ||
            !inhibitors_find(manager->inhibitors, card->address, INHIBIT_DELAY))
                return false;
        operation->wait_timer = sd_event_source_disable_unref(operation->wait_timer);
        int r = sd_event_add_time(manager->event, &operation->wait_timer, CLOCK_MONOTONIC, deadline, 0, on_delay_over,
                                  operation);
        if (r < 0) {
                log_error("GPU %s: cannot wait for those who delay its switch: %s", ADDRESS_TEXT(card->address),
                          strerror(-r));
                return false;
        }
        operation->phase = OPERATION_DELAYED;
        operation->announced = true;
        api_bus_prepare_for_switch(manager->bus, card->address, operation->direction, deadline, true);
        card_publish(card);
        return true;
}

void inhibit_ended(const Operation *operation) {
        const Card *card = operation->card;

        if (operation->announced)
                api_bus_prepare_for_switch(card->manager->bus, card->address, operation->direction, 0, false);
}

void inhibit_describe_delay(const Operation *operation, char *buffer, size_t size) {
        const Card *card = operation->card;
        char who[256] = "those who delay it";

        const Inhibitor *inhibitor = inhibitors_find(card->manager->inhibitors, card->address, INHIBIT_DELAY);
        if (inhibitor)
                describe(inhibitor, who, sizeof(who));
        (void) text_format(buffer, size, "wait for %s", who);
}

void inhibit_released(void *userdata) {
        Manager *manager = userdata;

        for (size_t i = 0; i < manager->n_cards; i++) {
                Operation *operation = manager->cards[i]->operation;
                if (!operation || operation->phase != OPERATION_DELAYED)
                        continue;
                if (inhibitors_find(manager->inhibitors, manager->cards[i]->address, INHIBIT_DELAY))
                        card_publish(manager->cards[i]); /* somebody else now is who is waited for */
                else
                        go_on(operation);
        }
}
