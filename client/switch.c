/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * to-guest, to-host, reset and recover. The method's reply comes when the switch is over; until then the card's
 * Operation property tells how far it is. Leaving early cancels nothing, and that is said.
 */

#include <signal.h>
#include <stdio.h>
#include <systemd/sd-event.h>

#include "base/text.h"
#include "client/bus.h"
#include "client/json.h"
#include "client/progress.h"
#include "client/session.h"
#include "gpuswitch/deadlines.h"
#include "gpuswitch/names.h"
#include "gpuswitch/types.h"

typedef struct Switch {
        Session session;
        sd_event *event;
        Progress progress;
        char *path; /* of the card */
        const char *method;
        char address[PCI_ADDRESS_TEXT_SIZE];
        bool done; /* there was a reply, and it was no error */
        sd_bus_error error;
        int interrupted; /* the signal, 0: none */
} Switch;

static void switch_done(Switch *self) {
        progress_end(&self->progress);
        session_close(&self->session);
        sd_event_unref(self->event);
        sd_bus_error_free(&self->error);
        free(self->path);
}

static int on_properties_changed(sd_bus_message *message, void *userdata, sd_bus_error *reterr) {
        _cleanup_(json_object_putp) json_object *changed = NULL;
        Switch *self = userdata;
        const char *interface = NULL;

        if (sd_bus_message_read_basic(message, 's', &interface) < 0 ||
            !streq(interface, GPUSWITCH_GPU_INTERFACE) || properties_to_json(message, &changed) < 0)
                return 0;
        gpu_tidy(changed);
        progress_show(&self->progress, member_of_type(changed, "operation", json_type_object));
        return 0;
}

static int on_reply(sd_bus_message *reply, void *userdata, sd_bus_error *reterr) {
        Switch *self = userdata;

        if (sd_bus_message_is_method_error(reply, NULL))
                (void) sd_bus_error_copy(&self->error, sd_bus_message_get_error(reply));
        else
                self->done = true;
        return 0;
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata) {
        Switch *self = userdata;

        self->interrupted = (int) info->ssi_signo;
        return 0;
}

static int watch_signals(Switch *self) {
        static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
        sigset_t set;

        sigemptyset(&set);
        for (size_t i = 0; i < ELEMENTSOF(signals); i++)
                sigaddset(&set, signals[i]);
        if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
                return -errno;
        for (size_t i = 0; i < ELEMENTSOF(signals); i++) {
                int r = sd_event_add_signal(self->event, NULL, signals[i], on_signal, self);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int start_call(Switch *self, const char *method, const char *option) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL;
        sd_bus *bus = self->session.bus;

        self->method = method;
        int r = sd_bus_match_signal(bus, NULL, GPUSWITCH_BUS_NAME, self->path,
                                    "org.freedesktop.DBus.Properties", "PropertiesChanged",
                                    on_properties_changed, self);
        if (r < 0)
                return r;
        r = sd_bus_message_new_method_call(bus, &call, GPUSWITCH_BUS_NAME, self->path,
                                           GPUSWITCH_GPU_INTERFACE, method);
        if (r < 0)
                return r;
        r = option ? sd_bus_message_append(call, "a{sv}", 1, option, "b", 1) : sd_bus_message_append(call, "a{sv}", 0);
        if (r < 0)
                return r;
        return sd_bus_call_async(bus, NULL, call, on_reply, self, CALL_TIMEOUT_USEC);
}

/*
 * Runs until the reply or a signal. When the connection breaks, sd-bus makes an error reply itself.
 * sd_event_exit() is not used, as it would close the connection, which the report still needs.
 */
static int run(Switch *self, const char *method, const char *option) {
        int r = sd_event_new(&self->event);
        if (r < 0)
                return r;
        r = watch_signals(self);
        if (r < 0)
                return r;
        r = sd_bus_attach_event(self->session.bus, self->event, SD_EVENT_PRIORITY_NORMAL);
        if (r < 0)
                return r;
        r = start_call(self, method, option);
        while (r >= 0 && !self->done && !self->interrupted && !sd_bus_error_is_set(&self->error))
                r = sd_event_run(self->event, UINT64_MAX);
        (void) sd_bus_detach_event(self->session.bus);
        return r;
}

static void print_result_json(const Switch *self, const Gpu *gpu, const char *result) {
        _cleanup_(json_object_putp) json_object *object = json_object_new_object();

        if (!object)
                return;
        (void) json_object_object_add(object, "result", json_object_new_string(result));
        (void) json_object_object_add(object, "address", json_object_new_string(self->address));
        if (self->error.name) {
                (void) json_object_object_add(object, "error", json_object_new_string(self->error.name));
                (void) json_object_object_add(
                        object, "message",
                        json_object_new_string(self->error.message ? self->error.message : ""));
        }
        if (gpu)
                (void) json_object_object_add(object, "gpu", json_object_get(gpu->json));
        print_json(stdout, object);
}

/* A card that a look has not brought back: what else its family lists. */
static void put_recoveries(const Gpu *gpu) {
        if (!streq(gpu->reset_state, "failed") && !streq(gpu->reset_state, "prefail") &&
            !streq(gpu->reset_state, "unknown"))
                return;
        for (size_t i = 0; gpu->recoveries && i < json_object_array_length(gpu->recoveries); i++) {
                const char *name = json_object_get_string(json_object_array_get_idx(gpu->recoveries, i));
                if (streq(name, "suspend") || streq(name, "rescan"))
                        printf("Its family also lists: gpuswitchctl recover %s --%s\n", gpu->address, name);
        }
}

/* What has come of it. That the switch is done stays true when the daemon cannot be asked any more. */
static ExitStatus report_done(Switch *self, const char *what) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        const Gpu *gpu = NULL;

        gpu_list_done(&self->session.list);
        if (gpu_list_fetch(self->session.bus, /* auto_start= */ false, &self->session.list, &error) >= 0)
                gpu = gpu_list_find(&self->session.list, self->path);
        if (self->session.options->json)
                print_result_json(self, gpu, "done");
        else if (!gpu)
                printf("%s is %s.\n", self->address, what);
        else
                printf("%s is %s: owner %s, driver %s, reset state %s.\n", self->address, what, gpu->owner,
                       gpu->n_functions == 0 || isempty(gpu->functions[0].driver) ? "none"
                                                                                  : gpu->functions[0].driver,
                       gpu->reset_state);
        if (gpu && !self->session.options->json && self->method && streq(self->method, "Recover"))
                put_recoveries(gpu);
        return EXIT_DONE;
}

static ExitStatus report(Switch *self, const char *what, int r) {
        progress_end(&self->progress);
        if (self->done)
                return report_done(self, what);
        if (self->interrupted) {
                fprintf(stderr,
                        "interrupted: the switch goes on without this command; "
                        "`gpuswitchctl status %s` shows how far it is\n",
                        self->address);
                return EXIT_REFUSED;
        }
        if (!sd_bus_error_is_set(&self->error))
                (void) sd_bus_error_set_errno(&self->error, r);
        ExitStatus status = bus_fail(self->session.options, &self->error, r);
        if (self->session.options->json)
                print_result_json(self, NULL, status == EXIT_UNREACHABLE ? "unreachable" : "refused");
        return status;
}

static ExitStatus prepare(Switch *self, const Options *options, const char *argument) {
        const Gpu *gpu = NULL;

        progress_init(&self->progress, stderr);
        ExitStatus status = session_open(&self->session, options);
        if (status == EXIT_DONE)
                status = session_gpu(&self->session, argument, &gpu);
        if (status != EXIT_DONE)
                return status;
        (void) text_copy(self->address, sizeof(self->address), gpu->address);
        self->path = strdup(gpu->path);
        if (!self->path) {
                fputs("out of memory\n", stderr);
                return EXIT_REFUSED;
        }
        progress_show(&self->progress, gpu->operation);
        return EXIT_DONE;
}

/* @what: what is true of the GPU when the call has succeeded */
static ExitStatus switch_to(const Options *options, const char *argument, const char *method, const char *option,
                            const char *what) {
        int interrupted;
        ExitStatus status;

        {
                _cleanup_(switch_done) Switch self = { 0 };

                status = prepare(&self, options, argument);
                if (status == EXIT_DONE) {
                        int r = run(&self, method, option);
                        status = report(&self, what, r);
                }
                interrupted = self.interrupted;
        }
        if (interrupted) { /* end as the shell expects it of a signal */
                sigset_t set;
                (void) fflush(NULL);
                (void) signal(interrupted, SIG_DFL);
                sigemptyset(&set);
                sigaddset(&set, interrupted);
                (void) raise(interrupted);
                (void) sigprocmask(SIG_UNBLOCK, &set, NULL);
        }
        return status;
}

ExitStatus verb_to_guest(const Options *options, char **arguments) {
        return switch_to(options, arguments[0], "ToGuest", NULL, "with the guest side");
}

ExitStatus verb_to_host(const Options *options, char **arguments) {
        return switch_to(options, arguments[0], "ToHost", NULL, "home");
}

ExitStatus verb_reset(const Options *options, char **arguments) {
        return switch_to(options, arguments[0], "Reset", NULL, "reset");
}

ExitStatus verb_recover(const Options *options, char **arguments) {
        if (options->rescan)
                return switch_to(options, arguments[0], "Recover", "rescan", "back on its bus");
        return switch_to(options, arguments[0], "Recover", options->suspend ? "suspend" : NULL, "looked at");
}
