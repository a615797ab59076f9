/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Connection and objects. A broken connection is noticed by the Disconnected signal, which sd-bus sends itself.
 */

#include "api/bus-internal.h"

#include <assert.h>
#include <string.h>

#include "base/address.h"
#include "base/enum-text.h"
#include "base/text.h"
#include "gpuswitch/names.h"

#define RETRY_FIRST_USEC (USEC_PER_SEC / 4)
#define RETRY_LAST_USEC (30 * USEC_PER_SEC)

#define LOGIND "org.freedesktop.login1"

static int bus_connect(ApiBus *bus);
static void bus_retry(ApiBus *bus);

static int object_export(GpuObject *object) {
        int r = sd_bus_add_object_vtable(object->bus->connection, &object->slot, object->path,
                                         GPUSWITCH_GPU_INTERFACE, gpu_vtable, object);
        if (r < 0)
                return r;
        return sd_bus_emit_object_added(object->bus->connection, object->path);
}

void bus_watcher_left(ApiBus *bus, const char *name) {
        if (isempty(bus->watcher) || (name && !streq(bus->watcher, name)))
                return;
        bus->watcher[0] = '\0';
        bus->operations->watch_ended(bus->userdata);
}

static void bus_drop(ApiBus *bus) {
        bus_requests_left(bus, NULL);
        bus->operations->prepare_for_sleep(false, bus->userdata); /* nobody would tell the end of it */
        bus_watcher_left(bus, NULL);
        for (size_t i = 0; i < bus->n_objects; i++)
                bus->objects[i].slot = sd_bus_slot_unref(bus->objects[i].slot);
        if (bus->connection) {
                (void) sd_bus_detach_event(bus->connection);
                bus->connection = sd_bus_close_unref(bus->connection);
        }
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata) {
        ApiBus *bus = userdata;

        bus->retry = sd_event_source_disable_unref(bus->retry);
        if (bus_connect(bus) < 0)
                bus_retry(bus);
        return 0;
}

static void bus_retry(ApiBus *bus) {
        bus_drop(bus);
        (void) sd_event_add_time_relative(bus->event, &bus->retry, CLOCK_MONOTONIC, bus->retry_usec, 0, on_retry, bus);
        bus->retry_usec = MIN_OF(bus->retry_usec * 2, RETRY_LAST_USEC);
}

static int on_disconnected(sd_bus_message *message, void *userdata, sd_bus_error *ret_error) {
        ApiBus *bus = userdata;

        if (!bus->retry)
                bus_retry(bus);
        return 0;
}

/* Somebody has left the bus, if it is the bus that says so: to us alone anybody could. */
static int on_name_gone(sd_bus_message *message, void *userdata, sd_bus_error *ret_error) {
        ApiBus *bus = userdata;
        const char *name;

        if (sd_bus_message_get_destination(message) || sd_bus_message_read(message, "s", &name) < 0)
                return 0;
        bus_requests_left(bus, name);
        bus_watcher_left(bus, name);
        if (streq(name, LOGIND))
                bus->operations->prepare_for_sleep(false, bus->userdata);
        return 0;
}

/* The bus sees to it that a broadcast comes from logind. To us alone anybody could send one. */
static int on_prepare_for_sleep(sd_bus_message *message, void *userdata, sd_bus_error *ret_error) {
        ApiBus *bus = userdata;
        int begin;

        if (!sd_bus_message_get_destination(message) && sd_bus_message_read(message, "b", &begin) >= 0)
                bus->operations->prepare_for_sleep(begin, bus->userdata);
        return 0;
}

static int bus_connect(ApiBus *bus) {
        int r = sd_bus_open_system(&bus->connection);
        if (r < 0)
                return r;
        r = sd_bus_match_signal_async(bus->connection, NULL, NULL, "/org/freedesktop/DBus/Local",
                                      "org.freedesktop.DBus.Local", "Disconnected", on_disconnected, NULL, bus);
        if (r >= 0)
                r = sd_bus_add_match_async(bus->connection, NULL,
                                           "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
                                           "interface='org.freedesktop.DBus',member='NameOwnerChanged',arg2=''",
                                           on_name_gone, NULL, bus);
        if (r >= 0)
                r = sd_bus_match_signal_async(bus->connection, NULL, LOGIND, "/org/freedesktop/login1", LOGIND ".Manager",
                                              "PrepareForSleep", on_prepare_for_sleep, NULL, bus);
        if (r >= 0)
                r = sd_bus_add_object_manager(bus->connection, NULL, GPUSWITCH_BUS_PATH);
        if (r >= 0)
                r = sd_bus_add_object_vtable(bus->connection, NULL, GPUSWITCH_BUS_PATH, GPUSWITCH_MANAGER_INTERFACE,
                                             manager_vtable, bus);
        for (size_t i = 0; r >= 0 && i < bus->n_objects; i++)
                r = object_export(&bus->objects[i]);
        if (r >= 0)
                r = sd_bus_attach_event(bus->connection, bus->event, SD_EVENT_PRIORITY_NORMAL);
        if (r >= 0)
                r = sd_bus_request_name(bus->connection, GPUSWITCH_BUS_NAME, 0);
        if (r < 0) {
                bus_drop(bus);
                return r;
        }
        bus->retry_usec = RETRY_FIRST_USEC;
        return 0;
}

int api_bus_new(sd_event *event, const ApiOperations *operations, Inhibitors *inhibitors, void *userdata,
                ApiBus **ret_bus) {
        _cleanup_(api_bus_freep) ApiBus *bus = calloc(1, sizeof(*bus));

        if (!bus)
                return -ENOMEM;
        bus->event = sd_event_ref(event);
        bus->operations = operations;
        bus->inhibitors = inhibitors;
        bus->userdata = userdata;
        bus->retry_usec = RETRY_FIRST_USEC;
        if (bus_connect(bus) < 0)
                bus_retry(bus);
        *ret_bus = TAKE_PTR(bus);
        return 0;
}

ApiBus *api_bus_free(ApiBus *bus) {
        if (!bus)
                return NULL;
        if (bus->connection)
                (void) sd_bus_flush(bus->connection);
        bus_drop(bus);
        sd_event_source_disable_unref(bus->retry);
        for (size_t i = 0; i < bus->n_objects; i++)
                free(bus->objects[i].path);
        sd_event_unref(bus->event);
        free(bus);
        return NULL;
}

static GpuObject *bus_object(ApiBus *bus, PciAddress address) {
        for (size_t i = 0; i < bus->n_objects; i++)
                if (address_equal(bus->objects[i].address, address))
                        return &bus->objects[i];
        return NULL;
}

void api_bus_gpu_added(ApiBus *bus, PciAddress address) {
        if (bus_object(bus, address))
                return;
        assert(bus->n_objects < CARDS_MAX); /* the manager takes on no more */
        GpuObject *object = &bus->objects[bus->n_objects];
        *object = (GpuObject){ .bus = bus, .address = address };
        if (sd_bus_path_encode(GPUSWITCH_GPU_PATH_PREFIX, ADDRESS_TEXT(address), &object->path) < 0)
                return;
        (void) bus->operations->view(address, &object->shown, bus->userdata);
        bus->n_objects++;
        if (bus->connection)
                (void) object_export(object);
}

void api_bus_gpu_removed(ApiBus *bus, PciAddress address) {
        GpuObject *object = bus_object(bus, address);

        if (!object)
                return;
        if (bus->connection)
                (void) sd_bus_emit_object_removed(bus->connection, object->path);
        sd_bus_slot_unref(object->slot);
        free(object->path);

        /* The vtable's userdata is the place in the array: the last one moves, so it is exported anew. */
        GpuObject *last = &bus->objects[--bus->n_objects];
        if (object == last)
                return;
        last->slot = sd_bus_slot_unref(last->slot);
        *object = *last;
        if (bus->connection)
                (void) sd_bus_add_object_vtable(bus->connection, &object->slot, object->path,
                                                GPUSWITCH_GPU_INTERFACE, gpu_vtable, object);
}

void api_bus_gpu_changed(ApiBus *bus, PciAddress address) {
        GpuObject *object = bus_object(bus, address);
        GpuView view;

        if (!object || bus->operations->view(address, &view, bus->userdata) < 0)
                return;
        (void) gpu_properties_changed(object, &view);
}

void api_bus_prepare_for_switch(ApiBus *bus, PciAddress address, Direction direction, usec_t deadline_usec, bool begin) {
        GpuObject *object = bus_object(bus, address);

        if (!object || !bus->connection)
                return;
        (void) sd_bus_emit_signal(bus->connection, object->path, GPUSWITCH_GPU_INTERFACE, "PrepareForSwitch", "sstb",
                                  ADDRESS_TEXT(address), direction_to_string(direction), deadline_usec, (int) begin);
}

void api_bus_reboots_used_up(ApiBus *bus, const char *uuid) {
        if (bus->connection)
                (void) sd_bus_emit_signal(bus->connection, GPUSWITCH_BUS_PATH, GPUSWITCH_MANAGER_INTERFACE,
                                          "RebootsUsedUp", "s", uuid);
}

sd_bus *api_bus_connection(ApiBus *bus) {
        return bus->connection;
}
