/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The store at the start. Without one (full disk, read-only folder) everything is read and shown and nothing is
 * switched, until there is one: then the manager is made anew, as a restart would, because what the store knows
 * (claims, histories, what was cut off) has to be known from the beginning.
 */

#include <string.h>

#include "gpuswitch/names.h"
#include "log/log.h"
#include "manager/internal.h"

#define LOOK_USEC (5 * USEC_PER_SEC)

static bool somebody_is_busy(const Manager *manager) {
        if (manager->requests)
                return true;
        for (size_t i = 0; i < manager->n_cards; i++)
                if (manager->cards[i]->operation || manager->cards[i]->stuck)
                        return true;
        return false;
}

static int on_look(sd_event_source *source, uint64_t usec, void *userdata) {
        Manager *manager = userdata;
        _cleanup_free_ char *set_aside = NULL;
        Store *store = NULL;

        if (!somebody_is_busy(manager) && store_open(manager->config->store_path, &store, &set_aside) >= 0) {
                store_free(store);
                log_notice("The store at %s can be used now: starting over with it", manager->config->store_path);
                return sd_event_exit(manager->event, MANAGER_START_OVER);
        }
        (void) sd_event_source_set_time_relative(source, LOOK_USEC);
        return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

void manager_open_store(Manager *manager) {
        _cleanup_free_ char *set_aside = NULL;

        int r = store_open(manager->config->store_path, &manager->store, &set_aside);
        if (set_aside)
                log_entry(LOG_ERR, MESSAGE_ID_STORE_SET_ASIDE, NULL, 0,
                          "The store could not be read and was set aside as %s; the history of every card of a family with "
                          "the reset bug counts as unknown", set_aside);
        manager->store_error = r;
        manager->history_lost = set_aside || r < 0;
        if (r >= 0)
                return;
        log_entry(LOG_ERR, MESSAGE_ID_NO_STORE, LOG_FIELDS({ LOG_FIELD_REASON, manager_store_problem(r) }),
                  "There is no store at %s (%s): no card is switched until that is mended",
                  manager->config->store_path, manager_store_problem(r));
        (void) sd_event_add_time_relative(manager->event, &manager->store_timer, CLOCK_MONOTONIC, LOOK_USEC, 0, on_look,
                                          manager);
}

const char *manager_store_problem(int error) {
        return error == -EPROTONOSUPPORT ? "it was written by a newer gpuswitchd" : strerror(-error);
}
