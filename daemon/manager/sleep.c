/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * logind's side of a sleep: no switch is cut in half by it, and none begins on the way there. What the sleep did to the
 * cards is not logind's to say, see wake.c.
 *
 * The delay lock is asked for with the first switch that moves and let go with the last one; an answer that comes too late is
 * let go at once. Without logind there is nobody to wait.
 */

#include <fcntl.h>
#include <string.h>

#include "base/macros.h"
#include "log/log.h"
#include "manager/internal.h"

#define ASK_TIMEOUT_USEC (5 * USEC_PER_SEC)

static void let_go(Manager *manager) {
        manager->sleep_lock = close_fd(manager->sleep_lock);
}

static void call_free(void *p) {
        Manager *manager = p;

        manager->sleep_lock_asked = false;
}

static int on_lock(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error) {
        Manager *manager = userdata;
        int fd;

        if (sd_bus_message_is_method_error(reply, NULL) || sd_bus_message_read(reply, "h", &fd) < 0)
                return 0; /* no logind: nothing would wait for us */
        let_go(manager);
        manager->sleep_lock = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (manager->n_moving == 0)
                let_go(manager);
        return 0;
}

static void ask_for_lock(Manager *manager) {
        sd_bus *bus = manager->bus ? api_bus_connection(manager->bus) : NULL;
        sd_bus_message *call = NULL;
        sd_bus_slot *slot = NULL;

        int r = bus ? sd_bus_message_new_method_call(bus, &call, "org.freedesktop.login1", "/org/freedesktop/login1",
                                                     "org.freedesktop.login1.Manager", "Inhibit")
                    : -ENOTCONN;
        if (r >= 0)
                r = sd_bus_message_append(call, "ssss", "sleep", "gpuswitchd", "A GPU is being switched", "delay");
        if (r >= 0)
                r = sd_bus_message_set_auto_start(call, 0);
        if (r >= 0)
                r = sd_bus_call_async(bus, &slot, call, on_lock, manager, ASK_TIMEOUT_USEC);
        sd_bus_message_unref(call);
        if (r < 0)
                return;
        manager->sleep_lock_asked = true;
        (void) sd_bus_slot_set_destroy_callback(slot, call_free);
        (void) sd_bus_slot_set_floating(slot, 1);
        sd_bus_slot_unref(slot);
}

void sleep_hold(Operation *operation) {
        Manager *manager = operation->card->manager;

        if (operation->holds_sleep)
                return;
        operation->holds_sleep = true;
        if (manager->n_moving++ == 0 && manager->sleep_lock < 0 && !manager->sleep_lock_asked)
                ask_for_lock(manager);
}

void sleep_let_go(Operation *operation) {
        Manager *manager = operation->card->manager;

        if (!operation->holds_sleep)
                return;
        operation->holds_sleep = false;
        if (--manager->n_moving == 0)
                let_go(manager);
}

bool sleep_refuses(const Card *card, Refusal *ret_refusal) {
        if (!card->manager->going_to_sleep && !card->manager->suspend)
                return false;
        (void) refusal_set(ret_refusal, REFUSAL_GOING_TO_SLEEP, card->address, NULL, NULL);
        return true;
}

void sleep_prepare(bool begin, void *userdata) {
        Manager *manager = userdata;

        if (manager->going_to_sleep == begin)
                return;
        manager->going_to_sleep = begin;
        log_info(begin ? "The machine is going to sleep, no switch begins until it is awake" : "The machine is awake again");
        for (size_t i = 0; !begin && i < manager->n_cards; i++)
                if (manager->cards[i]->wants_home)
                        manager_card_idle(manager->cards[i]);
}
