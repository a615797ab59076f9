/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Keeps a copy of all cards and prints what changes in it. Signals are subscribed to before the
 * first fetch, so nothing falls between. When the daemon goes the copy stays; when it is back all is
 * fetched again and compared, which shows what happened meanwhile. The daemon is started at the
 * beginning if need be, but never again: who stops it wants it stopped.
 */

#include <stdio.h>
#include <systemd/sd-event.h>

#include "base/text.h"
#include "client/bus.h"
#include "client/change.h"
#include "client/json.h"
#include "client/session.h"
#include "gpuswitch/names.h"

typedef struct Monitor {
        const Options *options; /* borrowed */
        sd_bus *bus;
        sd_event *event;
        GpuList list;
        bool gone;   /* the daemon left the bus after the first fetch */
        int failure; /* negative errno that ends the loop */
} Monitor;

static void monitor_done(Monitor *self) {
        gpu_list_done(&self->list);
        sd_bus_flush_close_unref(self->bus);
        sd_event_unref(self->event);
}

static int end_loop(Monitor *self, int r) {
        self->failure = r;
        return sd_event_exit(self->event, 0);
}

/* Makes the copy equal to @fetched, which is emptied. */
static int take_over(Monitor *self, GpuList *fetched) {
        bool as_json = self->options->json;
        int r = 0;

        for (size_t i = 0; i < self->list.n_gpus;) {
                if (gpu_list_find(fetched, self->list.gpus[i].path)) {
                        i++;
                        continue;
                }
                change_event(&self->list.gpus[i], "removed", as_json);
                (void) gpu_list_remove(&self->list, self->list.gpus[i].path);
        }
        for (size_t i = 0; r >= 0 && i < fetched->n_gpus; i++) {
                Gpu *known = gpu_list_find(&self->list, fetched->gpus[i].path);
                if (known)
                        r = change_apply(known, fetched->gpus[i].json, as_json);
                else
                        change_event(&fetched->gpus[i], "added", as_json);
        }
        gpu_list_done(&self->list);
        self->list = *fetched;
        *fetched = (GpuList){ 0 };
        return r;
}

static int fetch_again(Monitor *self) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        GpuList fetched;

        int r = gpu_list_fetch(self->bus, /* auto_start= */ false, &fetched, &error);
        /* Gone again already: its name will tell when to try the next time. */
        return r < 0 ? 0 : take_over(self, &fetched);
}

static int on_name_owner_changed(sd_bus_message *message, void *userdata, sd_bus_error *reterr) {
        const char *name = NULL, *old = NULL, *new = NULL;
        Monitor *self = userdata;

        int r = sd_bus_message_read(message, "sss", &name, &old, &new);
        if (r < 0 || !streq(name, GPUSWITCH_BUS_NAME))
                return 0;
        if (!isempty(old)) {
                change_event(NULL, "daemon-gone", self->options->json);
                self->gone = true;
        }
        /* Its coming because of our first fetch is no news. */
        if (isempty(new) || !self->gone)
                return 0;
        self->gone = false;
        change_event(NULL, "daemon-back", self->options->json);
        r = fetch_again(self);
        return r < 0 ? end_loop(self, r) : 0;
}

static int on_properties_changed(sd_bus_message *message, void *userdata, sd_bus_error *reterr) {
        _cleanup_(json_object_putp) json_object *changed = NULL;
        const char *interface = NULL;
        Monitor *self = userdata;
        Gpu *gpu = gpu_list_find(&self->list, sd_bus_message_get_path(message));

        if (!gpu || sd_bus_message_read_basic(message, 's', &interface) < 0 ||
            !streq(interface, GPUSWITCH_GPU_INTERFACE))
                return 0;
        int r = properties_to_json(message, &changed);
        if (r >= 0) {
                gpu_tidy(changed);
                r = change_apply(gpu, changed, self->options->json);
        }
        /* Properties that are said to have changed, without their values. */
        if (r >= 0 && sd_bus_message_enter_container(message, 'a', "s") > 0 &&
            sd_bus_message_at_end(message, /* complete= */ false) == 0)
                r = fetch_again(self);
        return r < 0 ? end_loop(self, r) : 0;
}

static int on_interfaces_added(sd_bus_message *message, void *userdata, sd_bus_error *reterr) {
        const char *path = NULL;
        Monitor *self = userdata;

        int r = sd_bus_message_read_basic(message, 'o', &path);
        if (r < 0)
                return 0;
        bool was_known = gpu_list_find(&self->list, path);
        r = gpu_list_add(&self->list, path, message);
        if (r < 0)
                return end_loop(self, r);
        if (r > 0 && !was_known)
                change_event(gpu_list_find(&self->list, path), "added", self->options->json);
        return 0;
}

static int on_interfaces_removed(sd_bus_message *message, void *userdata, sd_bus_error *reterr) {
        const char *path = NULL, *interface = NULL;
        Monitor *self = userdata;

        if (sd_bus_message_read_basic(message, 'o', &path) < 0 ||
            sd_bus_message_enter_container(message, 'a', "s") < 0)
                return 0;
        while (sd_bus_message_read_basic(message, 's', &interface) > 0) {
                Gpu *gpu = gpu_list_find(&self->list, path);
                if (!gpu || !streq(interface, GPUSWITCH_GPU_INTERFACE))
                        continue;
                change_event(gpu, "removed", self->options->json);
                (void) gpu_list_remove(&self->list, path);
        }
        return 0;
}

static int subscribe(Monitor *self) {
        int r = sd_bus_add_match(self->bus, NULL,
                                 "type='signal',sender='" GPUSWITCH_BUS_NAME
                                 "',interface='org.freedesktop.DBus.Properties',member='PropertiesChanged',"
                                 "path_namespace='" GPUSWITCH_GPU_PATH_PREFIX "'",
                                 on_properties_changed, self);
        if (r >= 0)
                r = sd_bus_match_signal(self->bus, NULL, GPUSWITCH_BUS_NAME, GPUSWITCH_BUS_PATH,
                                        "org.freedesktop.DBus.ObjectManager", "InterfacesAdded",
                                        on_interfaces_added, self);
        if (r >= 0)
                r = sd_bus_match_signal(self->bus, NULL, GPUSWITCH_BUS_NAME, GPUSWITCH_BUS_PATH,
                                        "org.freedesktop.DBus.ObjectManager", "InterfacesRemoved",
                                        on_interfaces_removed, self);
        if (r >= 0)
                r = sd_bus_add_match(self->bus, NULL,
                                     "type='signal',sender='org.freedesktop.DBus',"
                                     "interface='org.freedesktop.DBus',member='NameOwnerChanged',"
                                     "arg0='" GPUSWITCH_BUS_NAME "'",
                                     on_name_owner_changed, self);
        return r;
}

static int run(Monitor *self) {
        int r = sd_event_new(&self->event);
        if (r >= 0)
                r = sd_bus_attach_event(self->bus, self->event, SD_EVENT_PRIORITY_NORMAL);
        if (r >= 0)
                r = sd_bus_set_exit_on_disconnect(self->bus, true);
        if (r >= 0)
                r = sd_event_loop(self->event);
        (void) sd_bus_detach_event(self->bus);
        if (self->failure < 0)
                return self->failure;
        return r < 0 ? r : -ECONNRESET; /* the loop ends by itself only with the connection */
}

ExitStatus verb_monitor(const Options *options, char **arguments) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(monitor_done) Monitor self = { .options = options };

        int r = bus_connect(options, &self.bus);
        if (r < 0)
                return bus_fail_connect(options, r);
        r = subscribe(&self);
        if (r < 0)
                return bus_fail_connect(options, r);
        r = gpu_list_fetch(self.bus, /* auto_start= */ true, &self.list, &error);
        if (r < 0)
                return bus_fail(options, &error, r);
        r = run(&self);
        (void) sd_bus_error_set_errno(&error, r);
        return bus_fail(options, &error, r);
}
