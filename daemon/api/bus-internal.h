/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of the D-Bus coat share. */

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "api/bus.h"
#include "api/polkit.h"
#include "api/request.h"
#include "base/macros.h"
#include "gpuswitch/limits.h"

typedef struct BusRequest BusRequest;

#define WATCHER_NAME_SIZE 64U /* a bus gives ":1.N" */

/* One exported card. */
typedef struct GpuObject {
        ApiBus *bus;
        PciAddress address;
        char *path;
        sd_bus_slot *slot;
        GpuView shown; /* the last view that was signalled */
} GpuObject;

struct ApiBus {
        sd_event *event;
        sd_bus *connection;
        sd_event_source *retry;
        usec_t retry_usec;
        const ApiOperations *operations;
        Inhibitors *inhibitors;
        void *userdata;
        BusRequest *requests; /* callers that wait */
        char watcher[WATCHER_NAME_SIZE]; /* unique name of the last caller of WatchBegan(), "": it has left, or called WatchEnded() */
        size_t n_objects;
        GpuObject objects[CARDS_MAX];
};

/* What a call is counted as. */
typedef enum RequestKind {
        REQUEST_OF_PERSON,
        REQUEST_OF_START,  /* PrepareDomain; root only, counted by itself */
        REQUEST_OF_REPORT, /* what has happened to a domain; root only, answered at once and never over a limit */
} RequestKind;

/* A caller on the bus. */
struct BusRequest {
        Request request; /* first: the coat's part of Request */
        ApiBus *bus;
        BusRequest *next;
        sd_bus_message *message;
        RequestKind kind;
        uid_t uid;
        PciAddress address;
        RecoverBy recover_by; /* the options of Recover */
        PolkitQuery *query; /* while polkit is asked */
};

/**
 * bus_request_new() - a Request for @message, if the caller may have one more
 *
 * Return: 0, or negative errno with *@ret_error set where there is more to say: AccessDenied (not root), LimitsExceeded.
 */
int bus_request_new(ApiBus *bus, sd_bus_message *message, RequestKind kind, PciAddress address,
                    sd_bus_error *ret_error, BusRequest **ret_request);
/** bus_request_drop() - free it without an answer (the caller has one already, or has left). Returns NULL. */
BusRequest *bus_request_drop(BusRequest *request);
DEFINE_CLEANUP(BusRequest *, bus_request_drop)
/** bus_request_ask() - ask polkit; takes @request over. Result as a method's: 1, or negative errno. */
int bus_request_ask(BusRequest *request, const char *action, PolkitHandler handler);
/** bus_request_allowed() - the first thing in a PolkitHandler. When false, @request is gone. */
bool bus_request_allowed(BusRequest *request, bool allowed);
/** bus_requests_left() - @sender has left the bus; NULL: everybody has, the bus is gone. */
void bus_requests_left(ApiBus *bus, const char *sender);
/** bus_watcher_left() - the same for who watches libvirt; nothing where @sender is somebody else. */
void bus_watcher_left(ApiBus *bus, const char *sender);
/** bus_sender_uid() - 0 or negative errno. */
int bus_sender_uid(sd_bus_message *message, uid_t *ret_uid);

extern const sd_bus_vtable gpu_vtable[];
extern const sd_bus_vtable manager_vtable[];

/* bus-inhibit.c */
int bus_method_inhibit(sd_bus_message *message, void *userdata, sd_bus_error *ret_error);
int bus_method_list_inhibitors(sd_bus_message *message, void *userdata, sd_bus_error *ret_error);

/* bus-outcomes.c */
int bus_method_outcomes(sd_bus_message *message, void *userdata, sd_bus_error *ret_error);

/* bus-advice.c */
int bus_method_advice(sd_bus_message *message, void *userdata, sd_bus_error *ret_error);

/** gpu_properties_changed() - signal the properties in which @next differs from what was shown. */
int gpu_properties_changed(GpuObject *object, const GpuView *next);

/** bus_bad_argument() - BadArgument: "'@value' is no @what", cut to what a person reads. Returns its negative errno. */
int bus_bad_argument(sd_bus_error *ret_error, const char *value, const char *what);

/** bus_check_size() - BadArgument: "@what has N bytes, more than M" for a text that does not fit into @size with its NUL: too
 * long is an error, since a cut could fall inside of a character. 0 or negative errno. */
int bus_check_size(sd_bus_error *ret_error, const char *text, size_t size, const char *what);

/** isolation_append() - the report on a card's isolation as a{sv}. */
int isolation_append(sd_bus_message *reply, const Isolation *isolation);

/** plan_append() - a plan as aa{sv}. */
int plan_append(sd_bus_message *reply, const Plan *plan);
