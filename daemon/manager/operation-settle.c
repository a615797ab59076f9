/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Home is never taken from a driver that is still loading: an operation on a card that no driver has had in this
 * boot first waits, bounded, until udev has nothing more to do (it removes /run/udev/queue then).
 */

#include <sys/inotify.h>
#include <sys/stat.h>

#include "base/text.h"
#include "manager/internal.h"

#define UDEV_RUN_DIR "/run/udev"
#define UDEV_QUEUE UDEV_RUN_DIR "/queue"

static bool udev_is_busy(void) {
        struct stat st;

        return stat(UDEV_QUEUE, &st) >= 0;
}

static void settled(Operation *operation) {
        operation->settle_source = sd_event_source_disable_unref(operation->settle_source);
        operation->wait_timer = sd_event_source_disable_unref(operation->wait_timer);
        operation_survey(operation);
}

static int on_udev_queue(sd_event_source *source, const struct inotify_event *event, void *userdata) {
        if (!udev_is_busy())
                settled(userdata);
        return 0;
}

static int on_settle_timeout(sd_event_source *source, uint64_t usec, void *userdata) {
        settled(userdata);
        return 0;
}

static int on_settle_now(sd_event_source *source, void *userdata) {
        settled(userdata);
        return 0;
}

/* A card without driver while udev is still at work may be about to get one: that one is its home. */
int operation_settle(Operation *operation) {
        Card *card = operation->card;
        sd_event *event = card->manager->event;

        operation->phase = OPERATION_SETTLING;
        if (operation->direction == DIRECTION_GUEST && !operation->question && !card->seen_bound &&
            isempty(card->facts.functions[0].driver) && udev_is_busy()) {
                int r = sd_event_add_inotify(event, &operation->settle_source, UDEV_RUN_DIR, IN_DELETE, on_udev_queue,
                                             operation);
                if (r >= 0)
                        r = sd_event_add_time_relative(event, &operation->wait_timer, CLOCK_MONOTONIC,
                                                       HOME_SETTLE_TIMEOUT_USEC, 0, on_settle_timeout, operation);
                if (r >= 0 && udev_is_busy())
                        return 0;
                operation->wait_timer = sd_event_source_disable_unref(operation->wait_timer);
                operation->settle_source = sd_event_source_disable_unref(operation->settle_source);
        }
        /* From the loop, so that whoever starts an operation can note it down before it ends. */
        return sd_event_add_defer(event, &operation->settle_source, on_settle_now, operation);
}
