/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Tells the daemon by D-Bus, in order, one call at a time. The bus connection runs on libvirt's event loop.
 *
 * The daemon is never started by this: while its name has no owner, events wait in a bounded queue. Whenever
 * the name gets an owner, the events that waited are told first, then since when we listen without a gap, then a
 * full list of the running domains.
 */

#include <stdbool.h>
#include <systemd/sd-bus.h>

#include "gpuswitch/deadlines.h"
#include "gpuswitch/limits.h"

#define NOTIFIER_EVENTS_MAX 512U
#define NOTIFIER_DETAIL_SIZE 256U

typedef struct Notifier Notifier;

typedef struct NotifierHandler {
        /* Appends begun_usec and the running domains (ta(ssas)) to a call of SyncDomains(). Negative: there
         * is no list now, and no list is sent until notifier_request_sync(). */
        int (*append_domains)(sd_bus_message *message, void *userdata);
        /* The daemon's name has got an owner, or has none any more. */
        void (*daemon_changed)(bool present, void *userdata);
        /* The daemon wants the domain to be stopped by its next reboot. */
        void (*reboots_used_up)(const char *uuid, void *userdata);
        /* The bus has gone, nothing works any more. */
        void (*bus_lost)(int error, void *userdata);
} NotifierHandler;

/**
 * notifier_new() - connect to the system bus ($DBUS_SYSTEM_BUS_ADDRESS)
 * @handler: borrowed for as long as the notifier lives
 *
 * libvirt's event loop must be registered. Return: 0, or what sd_bus_open_system() says; -ENOMEM.
 */
int notifier_new(const NotifierHandler *handler, void *userdata, Notifier **ret_notifier);

/** notifier_free() - what waits is dropped. NULL is allowed. Returns NULL. */
Notifier *notifier_free(Notifier *notifier);

/**
 * notifier_event() - tell one DomainEvent()
 * @event:  DOMAIN_EVENT_..., not copied
 * @detail: cut when it does not fit
 *
 * Over NOTIFIER_EVENTS_MAX all waiting events are dropped, and a full list is told in their place, with a watch that
 * begins now.
 */
void notifier_event(Notifier *notifier, const char *uuid, const char *event, const char *detail);

/** notifier_watch_began() - tell, behind all events that wait, that every event from @begun_usec on is told. */
void notifier_watch_began(Notifier *notifier, usec_t begun_usec);

/** notifier_watch_ended() - tell, behind all events that wait, that nothing is heard until notifier_watch_began(). */
void notifier_watch_ended(Notifier *notifier);

/** notifier_request_sync() - tell the running domains, behind all events that wait. The list is made at that
 * time. */
void notifier_request_sync(Notifier *notifier);

/** notifier_daemon_present() - does the daemon's name have an owner? */
bool notifier_daemon_present(const Notifier *notifier);
