/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The order of events is the daemon's only way to know which of two runs of a domain has ended, so there is
 * one call at a time, and an event that met no daemon stays in front and is told again. It is told at least
 * once: of a daemon that died over it nobody knows whether it had been understood. Counting a guest's reboot
 * twice is on the safe side.
 *
 * The list of domains is made at the moment when it is sent. A list that waited behind events would be older
 * than they.
 */

#include "virt/notifier.h"

#include <libvirt/libvirt.h>
#include <poll.h>

#include "base/macros.h"
#include "base/text.h"
#include "clock/clock.h"
#include "gpuswitch/deadlines.h"
#include "gpuswitch/names.h"
#include "log/log.h"

#define CALL_ANSWER_TIMEOUT_USEC (60 * USEC_PER_SEC)
#define RETRY_DELAY_USEC USEC_PER_SEC
#define EVENT_ATTEMPTS_MAX 3U

/* What the outstanding call is. */
typedef enum Telling {
        TELLING_EVENT,
        TELLING_WATCH,
        TELLING_DOMAINS,
} Telling;

typedef struct Event {
        char uuid[UUID_TEXT_SIZE];
        const char *event;
        char detail[NOTIFIER_DETAIL_SIZE];
} Event;

struct Notifier {
        sd_bus *bus;
        const NotifierHandler *handler;
        void *userdata;
        sd_bus_slot *owner_match;
        sd_bus_slot *owner_query;
        sd_bus_slot *used_up_match;
        sd_bus_slot *call; /* the one outstanding call */
        int watch;         /* the bus's descriptor in libvirt's loop */
        int timer;         /* the bus's timeouts, retries, and 0 for "drive at once" */
        bool daemon_present;
        usec_t watch_begun_usec; /* 0: not listening yet */
        bool watch_wanted; /* that or since when is to be told */
        bool sync_wanted;
        Telling telling;
        usec_t retry_usec; /* CLOCK_MONOTONIC; 0: nothing to wait for */
        unsigned n_attempts;
        size_t first;
        size_t n_events; /* the first one is in the call while there is one that is TELLING_EVENT */
        Event events[NOTIFIER_EVENTS_MAX];
};

static int on_reply(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error);

static int call_new(Notifier *notifier, const char *method, sd_bus_message **ret_message) {
        int r = sd_bus_message_new_method_call(notifier->bus, ret_message, GPUSWITCH_BUS_NAME,
                                               GPUSWITCH_BUS_PATH, GPUSWITCH_MANAGER_INTERFACE, method);
        if (r < 0)
                return r;
        return sd_bus_message_set_auto_start(*ret_message, false);
}

static int call_event(Notifier *notifier) {
        const Event *event = &notifier->events[notifier->first];
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;

        int r = call_new(notifier, "DomainEvent", &message);
        if (r >= 0)
                r = sd_bus_message_append(message, "sss", event->uuid, event->event, event->detail);
        if (r >= 0)
                r = sd_bus_call_async(notifier->bus, &notifier->call, message, on_reply, notifier,
                                      CALL_ANSWER_TIMEOUT_USEC);
        notifier->telling = TELLING_EVENT;
        return r;
}

static int call_watch(Notifier *notifier) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        bool begun = notifier->watch_begun_usec > 0;

        notifier->watch_wanted = false;
        int r = call_new(notifier, begun ? "WatchBegan" : "WatchEnded", &message);
        if (r >= 0 && begun)
                r = sd_bus_message_append(message, "t", notifier->watch_begun_usec);
        if (r >= 0)
                r = sd_bus_call_async(notifier->bus, &notifier->call, message, on_reply, notifier,
                                      CALL_ANSWER_TIMEOUT_USEC);
        notifier->telling = TELLING_WATCH;
        return r;
}

static int call_sync(Notifier *notifier) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;

        notifier->sync_wanted = false;
        int r = call_new(notifier, "SyncDomains", &message);
        if (r < 0)
                return r;
        if (notifier->handler->append_domains(message, notifier->userdata) < 0)
                return 0;
        notifier->telling = TELLING_DOMAINS;
        return sd_bus_call_async(notifier->bus, &notifier->call, message, on_reply, notifier,
                                 CALL_ANSWER_TIMEOUT_USEC);
}

/* Sends what comes next, if it may. */
static int advance(Notifier *notifier) {
        if (notifier->call || !notifier->daemon_present)
                return 0;
        if (notifier->retry_usec > now_monotonic_usec())
                return 0;
        notifier->retry_usec = 0;
        if (notifier->n_events > 0)
                return call_event(notifier);
        if (notifier->watch_wanted)
                return call_watch(notifier);
        if (notifier->sync_wanted)
                return call_sync(notifier);
        return 0;
}

static void remove_first_event(Notifier *notifier) {
        notifier->first = (notifier->first + 1) % NOTIFIER_EVENTS_MAX;
        notifier->n_events--;
        notifier->n_attempts = 0;
}

/* Nobody was there to take the call. */
static bool is_no_daemon(const sd_bus_error *error) {
        return sd_bus_error_has_names(error, SD_BUS_ERROR_SERVICE_UNKNOWN, SD_BUS_ERROR_NAME_HAS_NO_OWNER);
}

/* The daemon ended, or was silent, over the call. */
static bool is_no_answer(const sd_bus_error *error) {
        return sd_bus_error_has_names(error, SD_BUS_ERROR_NO_REPLY, SD_BUS_ERROR_DISCONNECTED,
                                      SD_BUS_ERROR_TIMEOUT);
}

/* Is the call to be made again? An event that the daemon dies of each time is not. */
static bool wants_retry(Notifier *notifier, const sd_bus_error *error) {
        if (is_no_daemon(error))
                return true;
        return is_no_answer(error) &&
               (notifier->telling != TELLING_EVENT || ++notifier->n_attempts < EVENT_ATTEMPTS_MAX);
}

static const char *what_was_told(const Notifier *notifier) {
        switch (notifier->telling) {
        case TELLING_EVENT:
                return notifier->events[notifier->first].event;
        case TELLING_WATCH:
                return "since when we listen, or that we do not";
        case TELLING_DOMAINS:
                return "the list of domains";
        }
        return "";
}

static int on_reply(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error) {
        const sd_bus_error *error = sd_bus_message_get_error(reply);
        Notifier *notifier = userdata;

        notifier->call = sd_bus_slot_unref(notifier->call);
        if (error && wants_retry(notifier, error)) {
                notifier->retry_usec = now_monotonic_usec() + RETRY_DELAY_USEC;
                notifier->watch_wanted |= notifier->telling == TELLING_WATCH;
                notifier->sync_wanted |= notifier->telling == TELLING_DOMAINS;
                return 0;
        }
        if (error)
                log_warning("gpuswitchd did not take %s: %s", what_was_told(notifier),
                            error->message ? error->message : error->name);
        if (notifier->telling == TELLING_EVENT)
                remove_first_event(notifier);
        return 0;
}

static void set_daemon_present(Notifier *notifier, bool present) {
        notifier->daemon_present = present;
        notifier->retry_usec = 0;
        /* To one that has just come there is no end to be told. */
        notifier->watch_wanted = present && notifier->watch_begun_usec > 0;
        notifier->sync_wanted |= present;
        notifier->handler->daemon_changed(present, notifier->userdata);
}

static int on_name_owner_changed(sd_bus_message *signal, void *userdata, sd_bus_error *ret_error) {
        Notifier *notifier = userdata;
        const char *name, *old_owner, *new_owner;

        /* To us alone anybody could send one. */
        if (sd_bus_message_get_destination(signal))
                return 0;
        int r = sd_bus_message_read(signal, "sss", &name, &old_owner, &new_owner);
        if (r < 0 || !streq(name, GPUSWITCH_BUS_NAME))
                return r;
        /* The signal says it all: an answer about the time before it is no longer of interest. */
        notifier->owner_query = sd_bus_slot_unref(notifier->owner_query);
        set_daemon_present(notifier, !isempty(new_owner));
        return 0;
}

static int on_name_owner(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error) {
        Notifier *notifier = userdata;

        notifier->owner_query = sd_bus_slot_unref(notifier->owner_query);
        if (!sd_bus_message_is_method_error(reply, NULL))
                set_daemon_present(notifier, true);
        return 0;
}

/* The bus sees to it that a broadcast comes from the daemon. To us alone anybody could send one. */
static int on_reboots_used_up(sd_bus_message *signal, void *userdata, sd_bus_error *ret_error) {
        Notifier *notifier = userdata;
        const char *uuid;

        if (sd_bus_message_get_destination(signal))
                return 0;
        int r = sd_bus_message_read(signal, "s", &uuid);
        if (r >= 0)
                notifier->handler->reboots_used_up(uuid, notifier->userdata);
        return r;
}

static int to_libvirt_events(int events) {
        return ((events & POLLIN) != 0 ? VIR_EVENT_HANDLE_READABLE : 0) |
               ((events & POLLOUT) != 0 ? VIR_EVENT_HANDLE_WRITABLE : 0);
}

/* Milliseconds until the next thing to do, rounded up; -1: nothing. */
static int next_timeout_ms(Notifier *notifier, usec_t bus_usec) {
        usec_t next = MIN_OF(bus_usec, notifier->retry_usec > 0 ? notifier->retry_usec : USEC_INFINITY);
        usec_t now = now_monotonic_usec();

        if (next == USEC_INFINITY)
                return -1;
        return next <= now ? 0
                           : (int) MIN_OF((next - now + USEC_PER_MSEC - 1) / USEC_PER_MSEC, (usec_t) 60000);
}

/* Does what can be done now, and tells libvirt's loop what to wait for. */
static void drive(Notifier *notifier) {
        usec_t bus_usec = USEC_INFINITY;
        int events = 0;

        int r = sd_bus_process(notifier->bus, NULL);
        while (r > 0)
                r = sd_bus_process(notifier->bus, NULL);
        if (r >= 0)
                r = advance(notifier);
        if (r >= 0)
                r = events = sd_bus_get_events(notifier->bus);
        if (r >= 0)
                r = sd_bus_get_timeout(notifier->bus, &bus_usec);
        if (r < 0) {
                virEventUpdateHandle(notifier->watch, 0);
                virEventUpdateTimeout(notifier->timer, -1);
                notifier->handler->bus_lost(r, notifier->userdata);
                return;
        }
        virEventUpdateHandle(notifier->watch, to_libvirt_events(events));
        virEventUpdateTimeout(notifier->timer, next_timeout_ms(notifier, bus_usec));
}

static void on_readiness(int watch, int fd, int events, void *userdata) {
        drive(userdata);
}

static void on_timer(int timer, void *userdata) {
        drive(userdata);
}

/* From inside a libvirt callback: not there, but from the loop. */
static void drive_soon(Notifier *notifier) {
        virEventUpdateTimeout(notifier->timer, 0);
}

static int follow_daemon(Notifier *notifier) {
        int r = sd_bus_add_match_async(
                notifier->bus, &notifier->owner_match,
                "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
                "interface='org.freedesktop.DBus',member='NameOwnerChanged',"
                "arg0='" GPUSWITCH_BUS_NAME "'",
                on_name_owner_changed, NULL, notifier);
        if (r >= 0)
                r = sd_bus_match_signal_async(notifier->bus, &notifier->used_up_match, GPUSWITCH_BUS_NAME,
                                              GPUSWITCH_BUS_PATH, GPUSWITCH_MANAGER_INTERFACE, "RebootsUsedUp",
                                              on_reboots_used_up, NULL, notifier);
        if (r < 0)
                return r;
        return sd_bus_call_method_async(notifier->bus, &notifier->owner_query, "org.freedesktop.DBus",
                                        "/org/freedesktop/DBus", "org.freedesktop.DBus", "GetNameOwner",
                                        on_name_owner, notifier, "s", GPUSWITCH_BUS_NAME);
}

int notifier_new(const NotifierHandler *handler, void *userdata, Notifier **ret_notifier) {
        Notifier *notifier = calloc(1, sizeof(*notifier));

        if (!notifier)
                return -ENOMEM;
        *notifier = (Notifier){ .handler = handler, .userdata = userdata, .watch = -1, .timer = -1 };
        int r = sd_bus_open_system(&notifier->bus);
        if (r >= 0)
                r = follow_daemon(notifier);
        if (r >= 0) {
                notifier->watch = virEventAddHandle(sd_bus_get_fd(notifier->bus), VIR_EVENT_HANDLE_READABLE,
                                                    on_readiness, notifier, NULL);
                notifier->timer = virEventAddTimeout(0, on_timer, notifier, NULL);
                if (notifier->watch < 0 || notifier->timer < 0)
                        r = -ENOMEM;
        }
        if (r < 0) {
                notifier_free(notifier);
                return r;
        }
        *ret_notifier = notifier;
        return 0;
}

Notifier *notifier_free(Notifier *notifier) {
        if (!notifier)
                return NULL;
        if (notifier->watch >= 0)
                (void) virEventRemoveHandle(notifier->watch);
        if (notifier->timer >= 0)
                (void) virEventRemoveTimeout(notifier->timer);
        sd_bus_slot_unref(notifier->call);
        sd_bus_slot_unref(notifier->owner_query);
        sd_bus_slot_unref(notifier->used_up_match);
        sd_bus_slot_unref(notifier->owner_match);
        sd_bus_close_unref(notifier->bus);
        free(notifier);
        return NULL;
}

static void drop_waiting_events(Notifier *notifier) {
        size_t n_kept = notifier->call && notifier->telling == TELLING_EVENT ? 1 : 0;

        log_warning(
                "Dropped %zu domain events that gpuswitchd did not take in time; the reboots of guests"
                " count as used up",
                notifier->n_events - n_kept);
        notifier->n_events = n_kept;
        notifier->sync_wanted = true;
        if (notifier->watch_begun_usec > 0)
                notifier_watch_began(notifier, now_monotonic_usec());
}

void notifier_event(Notifier *notifier, const char *uuid, const char *event, const char *detail) {
        if (notifier->n_events == NOTIFIER_EVENTS_MAX)
                drop_waiting_events(notifier);
        Event *slot = &notifier->events[(notifier->first + notifier->n_events++) % NOTIFIER_EVENTS_MAX];
        (void) text_copy(slot->uuid, sizeof(slot->uuid), uuid);
        slot->event = event;
        (void) text_format(slot->detail, sizeof(slot->detail), "%s", detail);
        (void) text_make_utf8(slot->detail); /* cut inside a character it could not be sent, and nothing behind it */
        drive_soon(notifier);
}

void notifier_watch_began(Notifier *notifier, usec_t begun_usec) {
        notifier->watch_begun_usec = begun_usec;
        notifier->watch_wanted = true;
        drive_soon(notifier);
}

void notifier_watch_ended(Notifier *notifier) {
        if (notifier->watch_begun_usec == 0)
                return;
        notifier->watch_begun_usec = 0;
        notifier->watch_wanted = notifier->daemon_present;
        drive_soon(notifier);
}

void notifier_request_sync(Notifier *notifier) {
        notifier->sync_wanted = true;
        drive_soon(notifier);
}

bool notifier_daemon_present(const Notifier *notifier) {
        return notifier->daemon_present;
}
