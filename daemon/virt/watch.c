/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A new connection: listen first, then make the list, so that nothing falls between the two. What is told
 * twice by that (in the list and as an event) does no harm.
 */

#include "virt/watch.h"

#include <libvirt/virterror.h>
#include <systemd/sd-daemon.h>

#include "base/address.h"
#include "base/macros.h"
#include "clock/clock.h"
#include "gpuswitch/names.h"
#include "log/log.h"
#include "virt/reboot-stop.h"

static void tell_status(Watch *watch, bool connected) {
        (void) sd_notifyf(
                false, "STATUS=%s %s; gpuswitchd %s", connected ? "Watching" : "Waiting for", watch->uri,
                watch->notifier && notifier_daemon_present(watch->notifier) ? "is told" : "is not there");
}

/* The list is made now. 0, or negative: there is none. */
static int read_domains(Watch *watch, virConnectPtr connect, usec_t *ret_begun_usec) {
        int r = domain_list_read(&watch->domains, connect, ret_begun_usec);
        if (r == -E2BIG)
                log_warning("More than %u domains run: gpuswitchd gets no list of them", DOMAINS_MAX);
        else if (r < 0)
                log_warning("libvirt gave no list of the running domains: %s", virGetLastErrorMessage());
        return r;
}

static int on_connected(virConnectPtr connect, void *userdata) {
        Watch *watch = userdata;
        usec_t begun_usec;

        int r = events_register(&watch->events, connect);
        if (r < 0)
                return r;
        notifier_watch_began(watch->notifier, now_monotonic_usec());
        if (notifier_daemon_present(watch->notifier))
                notifier_request_sync(watch->notifier); /* which makes the list */
        else
                /* For the aliases alone: the daemon gets its list when it comes. */
                (void) read_domains(watch, connect, &begun_usec);
        tell_status(watch, true);
        return 0;
}

static void on_closing(virConnectPtr connect, void *userdata) {
        Watch *watch = userdata;

        events_deregister(&watch->events, connect);
        notifier_watch_ended(watch->notifier);
        tell_status(watch, false);
}

static int append_domain(sd_bus_message *message, const DomainDescription *domain) {
        int r = sd_bus_message_open_container(message, 'r', "ssas");
        if (r >= 0)
                r = sd_bus_message_append(message, "ss", domain->uuid, domain->name);
        if (r >= 0)
                r = sd_bus_message_open_container(message, 'a', "s");
        for (size_t i = 0; i < domain->n_addresses && r >= 0; i++)
                r = sd_bus_message_append(message, "s", ADDRESS_TEXT(domain->addresses[i]));
        if (r >= 0)
                r = sd_bus_message_close_container(message);
        return r < 0 ? r : sd_bus_message_close_container(message);
}

static int on_append_domains(sd_bus_message *message, void *userdata) {
        Watch *watch = userdata;
        usec_t begun_usec;

        virConnectPtr connect = watch->connection ? connection_get(watch->connection) : NULL;
        if (!connect)
                return -ENOTCONN;
        int r = read_domains(watch, connect, &begun_usec);
        if (r == -ENOTCONN)
                /* The list is made when there is a new connection; it is not left out. */
                connection_renew(watch->connection);
        if (r >= 0)
                r = sd_bus_message_append(message, "t", begun_usec);
        if (r >= 0)
                r = sd_bus_message_open_container(message, 'a', "(ssas)");
        for (size_t i = 0; i < watch->domains.n && r >= 0; i++)
                r = append_domain(message, watch->domains.domains[i]);
        return r < 0 ? r : sd_bus_message_close_container(message);
}

static void on_daemon_changed(bool present, void *userdata) {
        Watch *watch = userdata;

        log_info(present ? "gpuswitchd is there" : "gpuswitchd has gone: domain events wait for it");
        tell_status(watch, watch->connection && connection_get(watch->connection));
}

static void on_reboots_used_up(const char *uuid, void *userdata) {
        char why[NOTIFIER_DETAIL_SIZE];
        Watch *watch = userdata;

        int r = reboot_stop(watch->uri, uuid, why, sizeof(why));
        if (r == -ENOENT)
                return; /* it has ended meanwhile */
        if (r < 0)
                log_warning("libvirt does not take that domain %s is to stop at its next reboot: %s", uuid, why);
        else
                log_notice("No reboot is left for domain %s: libvirt stops it at its next one", uuid);
        notifier_event(watch->notifier, uuid,
                       r < 0 ? DOMAIN_EVENT_REBOOT_DOES_NOT_STOP : DOMAIN_EVENT_REBOOT_STOPS, r < 0 ? why : "");
}

static void on_bus_lost(int error, void *userdata) {
        Watch *watch = userdata;

        if (!watch->failed)
                log_error("The system bus has gone: %s", strerror(-error));
        watch->failed = true;
}

int watch_start(Watch *watch) {
        static const ConnectionHandler connection_handler = { on_connected, on_closing };
        static const NotifierHandler notifier_handler = { on_append_domains, on_daemon_changed, on_reboots_used_up,
                                                          on_bus_lost };

        int r = notifier_new(&notifier_handler, watch, &watch->notifier);
        if (r < 0)
                return r;
        watch->events.domains = &watch->domains;
        watch->events.notifier = watch->notifier;
        return connection_new(watch->uri, &connection_handler, watch, &watch->connection);
}

void watch_done(Watch *watch) {
        watch->connection = connection_free(watch->connection);
        watch->notifier = notifier_free(watch->notifier);
        domain_list_done(&watch->domains);
}
