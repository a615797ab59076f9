/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of the D-Bus coat share. */

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "api/bus.h"
#include "api/request.h"
#include "base/macros.h"
#include "gpuswitch/limits.h"

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
        void *userdata;
        size_t n_objects;
        GpuObject objects[CARDS_MAX];
};

/* A caller on the bus. */
typedef struct BusRequest {
        Request request; /* first: the coat's part of Request */
        ApiBus *bus;
        sd_bus_message *message;
        PciAddress address;
} BusRequest;

/** bus_request_new() - a Request for @message; NULL when out of memory. */
BusRequest *bus_request_new(ApiBus *bus, sd_bus_message *message, PciAddress address);

extern const sd_bus_vtable gpu_vtable[];
extern const sd_bus_vtable manager_vtable[];

/** gpu_properties_changed() - signal the properties in which @next differs from what was shown. */
int gpu_properties_changed(GpuObject *object, const GpuView *next);

/** plan_append() - a plan as aa{sv}. */
int plan_append(sd_bus_message *reply, const Plan *plan);
