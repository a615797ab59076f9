/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * org.gpuswitch1.Manager: what the libvirt hook and virtwatch say (inhibitors are in bus-inhibit.c). These six methods are for root only: they decide
 * about cards on the word of the caller. (The bus policy says the same; here it holds for any bus.)
 */

#include "api/bus-internal.h"

#include "base/address.h"
#include "base/text.h"
#include "gpuswitch/names.h"

static int check_uuid(const char *uuid, sd_bus_error *ret_error) {
        return text_is_uuid(uuid) ? 0 : bus_bad_argument(ret_error, uuid, "UUID");
}

/* Reads an array of strings as PCI addresses. */
static int read_addresses(sd_bus_message *message, PciAddress addresses[static DOMAIN_ADDRESSES_MAX], size_t *ret_n,
                          sd_bus_error *ret_error) {
        const char *text;
        size_t n = 0;

        int r = sd_bus_message_enter_container(message, 'a', "s");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_read(message, "s", &text)) > 0) {
                if (n == DOMAIN_ADDRESSES_MAX)
                        return sd_bus_error_setf(ret_error, GPUSWITCH_ERROR_BAD_ARGUMENT,
                                                 "more than %u PCI addresses in one domain", DOMAIN_ADDRESSES_MAX);
                if (address_parse(text, &addresses[n++]) < 0)
                        return bus_bad_argument(ret_error, text, "PCI address (0000:01:00.0)");
        }
        *ret_n = n;
        return r < 0 ? r : sd_bus_message_exit_container(message);
}

static int method_prepare_domain(sd_bus_message *message, void *userdata, sd_bus_error *ret_error) {
        ApiBus *bus = userdata;
        _cleanup_(bus_request_dropp) BusRequest *request = NULL;
        PciAddress addresses[DOMAIN_ADDRESSES_MAX];
        const char *uuid, *name;
        size_t n;

        int r = bus_request_new(bus, message, REQUEST_OF_START, (PciAddress){ 0 }, ret_error, &request);
        if (r >= 0)
                r = sd_bus_message_read(message, "ss", &uuid, &name);
        if (r >= 0)
                r = check_uuid(uuid, ret_error);
        if (r >= 0)
                r = bus_check_size(ret_error, name, DOMAIN_NAME_SIZE, "the name of the domain");
        if (r >= 0)
                r = read_addresses(message, addresses, &n, ret_error);
        if (r < 0)
                return r;
        bus->operations->prepare_domain(&TAKE_PTR(request)->request, uuid, name, addresses, n, bus->userdata);
        return 1;
}

static int method_release_domain(sd_bus_message *message, void *userdata, sd_bus_error *ret_error) {
        ApiBus *bus = userdata;
        _cleanup_(bus_request_dropp) BusRequest *request = NULL;
        const char *uuid, *reason;

        int r = bus_request_new(bus, message, REQUEST_OF_REPORT, (PciAddress){ 0 }, ret_error, &request);
        if (r >= 0)
                r = sd_bus_message_read(message, "ss", &uuid, &reason);
        if (r >= 0)
                r = check_uuid(uuid, ret_error);
        if (r >= 0)
                r = bus_check_size(ret_error, reason, MESSAGE_TEXT_SIZE, "the reason");
        if (r < 0)
                return r;
        bus->operations->release_domain(&TAKE_PTR(request)->request, uuid, reason, bus->userdata);
        return 1;
}

static int method_domain_event(sd_bus_message *message, void *userdata, sd_bus_error *ret_error) {
        ApiBus *bus = userdata;
        _cleanup_(bus_request_dropp) BusRequest *request = NULL;
        const char *uuid, *event, *detail;

        int r = bus_request_new(bus, message, REQUEST_OF_REPORT, (PciAddress){ 0 }, ret_error, &request);
        if (r >= 0)
                r = sd_bus_message_read(message, "sss", &uuid, &event, &detail);
        if (r >= 0)
                r = check_uuid(uuid, ret_error);
        if (r >= 0)
                r = bus_check_size(ret_error, detail, MESSAGE_TEXT_SIZE, "the detail");
        if (r < 0)
                return r;
        bus->operations->domain_event(&TAKE_PTR(request)->request, uuid, event, detail, bus->userdata);
        return 1;
}

static int read_running(sd_bus_message *message, RunningDomain *running, sd_bus_error *ret_error) {
        const char *uuid, *name;

        int r = sd_bus_message_read(message, "ss", &uuid, &name);
        if (r >= 0)
                r = check_uuid(uuid, ret_error);
        if (r >= 0)
                r = bus_check_size(ret_error, name, DOMAIN_NAME_SIZE, "the name of the domain");
        if (r >= 0)
                r = read_addresses(message, running->addresses, &running->n_addresses, ret_error);
        if (r < 0)
                return r;
        (void) text_copy(running->uuid, sizeof(running->uuid), uuid);
        (void) text_copy(running->name, sizeof(running->name), name);
        return sd_bus_message_exit_container(message);
}

static int method_sync_domains(sd_bus_message *message, void *userdata, sd_bus_error *ret_error) {
        ApiBus *bus = userdata;
        _cleanup_(bus_request_dropp) BusRequest *request = NULL;
        _cleanup_free_ RunningDomain *running = NULL;
        uint64_t begun_usec;
        size_t n = 0;

        int r = bus_request_new(bus, message, REQUEST_OF_REPORT, (PciAddress){ 0 }, ret_error, &request);
        if (r >= 0)
                r = sd_bus_message_read(message, "t", &begun_usec);
        if (r >= 0)
                r = sd_bus_message_enter_container(message, 'a', "(ssas)");
        while (r >= 0 && (r = sd_bus_message_enter_container(message, 'r', "ssas")) > 0) {
                if (n == DOMAINS_MAX)
                        return sd_bus_error_setf(ret_error, GPUSWITCH_ERROR_BAD_ARGUMENT, "more than %u domains",
                                                 DOMAINS_MAX);
                RunningDomain *more = reallocarray(running, n + 1, sizeof(*running));
                if (!more)
                        return -ENOMEM;
                running = more;
                r = read_running(message, &running[n++], ret_error);
        }
        if (r < 0)
                return r;
        bus->operations->sync_domains(&TAKE_PTR(request)->request, begun_usec, running, n, bus->userdata);
        return 1;
}

static int method_watch_began(sd_bus_message *message, void *userdata, sd_bus_error *ret_error) {
        const char *sender = sd_bus_message_get_sender(message);
        ApiBus *bus = userdata;
        BusRequest *request;
        uint64_t begun_usec;

        int r = sd_bus_message_read(message, "t", &begun_usec);
        if (r >= 0)
                r = bus_request_new(bus, message, REQUEST_OF_REPORT, (PciAddress){ 0 }, ret_error, &request);
        if (r < 0)
                return r;
        /* Who has no name cannot be seen to leave. */
        if (text_format(bus->watcher, sizeof(bus->watcher), "%s", sender ? sender : "") < 0)
                bus->watcher[0] = '\0';
        bus->operations->watch_began(&request->request, begun_usec, bus->userdata);
        return 1;
}

/* virtwatch is there, and has no connection to libvirt. */
static int method_watch_ended(sd_bus_message *message, void *userdata, sd_bus_error *ret_error) {
        const char *sender = sd_bus_message_get_sender(message);
        ApiBus *bus = userdata;
        BusRequest *request;

        int r = bus_request_new(bus, message, REQUEST_OF_REPORT, (PciAddress){ 0 }, ret_error, &request);
        if (r < 0)
                return r;
        request_done(&request->request);
        bus_watcher_left(bus, sender ? sender : "");
        return 1;
}

static void on_reload_allowed(sd_bus_message *message, bool allowed, void *userdata) {
        BusRequest *request = userdata;

        if (bus_request_allowed(request, allowed))
                request->bus->operations->reload(&request->request, request->bus->userdata);
}

static int method_reload(sd_bus_message *message, void *userdata, sd_bus_error *ret_error) {
        BusRequest *request;

        int r = bus_request_new(userdata, message, REQUEST_OF_PERSON, (PciAddress){ 0 }, ret_error, &request);
        return r < 0 ? r : bus_request_ask(request, POLKIT_ACTION_MANAGE, on_reload_allowed);
}

static int property_problems(sd_bus *connection, const char *path, const char *interface, const char *property,
                             sd_bus_message *reply, void *userdata, sd_bus_error *ret_error) {
        ApiBus *bus = userdata;
        char text[MESSAGE_TEXT_SIZE];

        int r = sd_bus_message_open_container(reply, 'a', "s");
        for (size_t i = 0; r >= 0; i++) {
                const char *problem = bus->operations->problem(i, text, sizeof(text), bus->userdata);
                if (!problem)
                        break;
                r = sd_bus_message_append(reply, "s", problem);
        }
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

const sd_bus_vtable manager_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Problems", "as", property_problems, 0, 0),
        SD_BUS_METHOD("PrepareDomain", "ssas", "", method_prepare_domain, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("ReleaseDomain", "ss", "", method_release_domain, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("DomainEvent", "sss", "", method_domain_event, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("SyncDomains", "ta(ssas)", "", method_sync_domains, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("WatchBegan", "t", "", method_watch_began, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("WatchEnded", "", "", method_watch_ended, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_SIGNAL("RebootsUsedUp", "s", 0),
        SD_BUS_METHOD("Inhibit", "ssss", "h", bus_method_inhibit, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("ListInhibitors", "", "a(ssssuu)", bus_method_list_inhibitors, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Outcomes", "", "aa{sv}", bus_method_outcomes, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Reload", "", "", method_reload, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};
