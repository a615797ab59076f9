/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What libvirt says when, as read in its source and seen in the lab:
 *  - QEMU killed or crashed is STOPPED with detail FAILED; STOPPED with CRASHED is a guest that panicked
 * under on_crash=destroy. Lifecycle CRASHED alone is a panic whose QEMU may live on (on_crash=preserve) with
 * the card in its hands: no end, so it is not told.
 *  - STOPPED comes after the `release` hook, STARTED after the `started` hook; a start that failed gives
 * neither.
 *  - REBOOT comes with every reset of the machine. SeaBIOS answers a guest's reset with one of its own, so that
 * most reboots give two (0.6 s apart in the lab).
 *  - A device's removal is told by its alias, when the XML has already lost it.
 */

#include "virt/events.h"

#include <inttypes.h>

#include "base/address.h"
#include "base/macros.h"
#include "base/text.h"
#include "clock/clock.h"
#include "gpuswitch/names.h"
#include "log/log.h"

static const char *const started_details[] = {
        [VIR_DOMAIN_EVENT_STARTED_BOOTED] = "booted",
        [VIR_DOMAIN_EVENT_STARTED_MIGRATED] = "migrated",
        [VIR_DOMAIN_EVENT_STARTED_RESTORED] = "restored",
        [VIR_DOMAIN_EVENT_STARTED_FROM_SNAPSHOT] = "from-snapshot",
        [VIR_DOMAIN_EVENT_STARTED_WAKEUP] = "wakeup",
};

static const char *const stopped_details[] = {
        [VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN] = "shutdown",
        [VIR_DOMAIN_EVENT_STOPPED_DESTROYED] = "destroyed",
        [VIR_DOMAIN_EVENT_STOPPED_CRASHED] = "crashed",
        [VIR_DOMAIN_EVENT_STOPPED_MIGRATED] = "migrated",
        [VIR_DOMAIN_EVENT_STOPPED_SAVED] = "saved",
        [VIR_DOMAIN_EVENT_STOPPED_FAILED] = "failed",
        [VIR_DOMAIN_EVENT_STOPPED_FROM_SNAPSHOT] = "from-snapshot",
};

static const char *detail_text(const char *const *table, size_t n, int detail) {
        return detail >= 0 && (size_t) detail < n && table[detail] ? table[detail] : "unknown";
}

static void on_started(Events *events, virDomainPtr domain, const char *uuid, int detail) {
        bool changed = false;

        notifier_event(events->notifier, uuid, DOMAIN_EVENT_STARTED,
                       detail_text(started_details, ELEMENTSOF(started_details), detail));
        if (domain_list_read_one(events->domains, domain, &changed) < 0)
                log_debug("Domain %s has started, but its devices cannot be read", uuid);
}

static void on_stopped(Events *events, const char *uuid, int detail) {
        bool crashed =
                detail == VIR_DOMAIN_EVENT_STOPPED_FAILED || detail == VIR_DOMAIN_EVENT_STOPPED_CRASHED;

        notifier_event(events->notifier, uuid, crashed ? DOMAIN_EVENT_CRASHED : DOMAIN_EVENT_STOPPED,
                       detail_text(stopped_details, ELEMENTSOF(stopped_details), detail));
        domain_list_remove(events->domains, uuid);
}

static int on_lifecycle(virConnectPtr connect, virDomainPtr domain, int event, int detail, void *userdata) {
        char uuid[VIR_UUID_STRING_BUFLEN];
        Events *events = userdata;

        if (virDomainGetUUIDString(domain, uuid) < 0)
                return 0;
        if (event == VIR_DOMAIN_EVENT_STARTED)
                on_started(events, domain, uuid, detail);
        else if (event == VIR_DOMAIN_EVENT_STOPPED)
                on_stopped(events, uuid, detail);
        return 0;
}

static void on_reboot(virConnectPtr connect, virDomainPtr domain, void *userdata) {
        char uuid[VIR_UUID_STRING_BUFLEN], at[NOTIFIER_DETAIL_SIZE];
        Events *events = userdata;

        /* The time tells the daemon which resets belong to one reboot, also if it hears of them later. */
        (void) text_format(at, sizeof(at), "%" PRIu64, now_monotonic_usec());
        if (virDomainGetUUIDString(domain, uuid) >= 0)
                notifier_event(events->notifier, uuid, DOMAIN_EVENT_REBOOTED, at);
}

/* Hot-plugging runs no hook, so a full list is the only way in which the daemon hears of a new device. */
static void on_device_added(virConnectPtr connect, virDomainPtr domain, const char *alias, void *userdata) {
        Events *events = userdata;
        bool changed = false;

        if (domain_list_read_one(events->domains, domain, &changed) < 0 || changed)
                notifier_request_sync(events->notifier);
}

static void on_device_removed(virConnectPtr connect, virDomainPtr domain, const char *alias, void *userdata) {
        char uuid[VIR_UUID_STRING_BUFLEN];
        Events *events = userdata;
        PciAddress address;

        if (virDomainGetUUIDString(domain, uuid) < 0 || !alias)
                return;
        if (domain_list_take_device(events->domains, uuid, alias, &address) >= 0)
                notifier_event(events->notifier, uuid, DOMAIN_EVENT_DEVICE_REMOVED, ADDRESS_TEXT(address));
        else if (text_starts_with(alias, "hostdev") || text_starts_with(alias, "ua-"))
                /* Perhaps one that was added and removed before we could look: the list is right in any case.
                 */
                notifier_request_sync(events->notifier);
}

int events_register(Events *events, virConnectPtr connect) {
        const struct {
                int id;
                virConnectDomainEventGenericCallback callback;
        } wanted[EVENT_IDS_MAX] = {
                { VIR_DOMAIN_EVENT_ID_LIFECYCLE, VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle) },
                { VIR_DOMAIN_EVENT_ID_REBOOT, VIR_DOMAIN_EVENT_CALLBACK(on_reboot) },
                { VIR_DOMAIN_EVENT_ID_DEVICE_ADDED, VIR_DOMAIN_EVENT_CALLBACK(on_device_added) },
                { VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED, VIR_DOMAIN_EVENT_CALLBACK(on_device_removed) },
        };

        events->n_callbacks = 0;
        for (size_t i = 0; i < EVENT_IDS_MAX; i++) {
                int id = virConnectDomainEventRegisterAny(connect, NULL, wanted[i].id, wanted[i].callback,
                                                          events, NULL);
                if (id < 0)
                        return -ENOTCONN;
                events->callback_ids[events->n_callbacks++] = id;
        }
        return 0;
}

void events_deregister(Events *events, virConnectPtr connect) {
        while (events->n_callbacks > 0)
                (void) virConnectDomainEventDeregisterAny(connect,
                                                          events->callback_ids[--events->n_callbacks]);
}
