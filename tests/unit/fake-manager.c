/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "fake-manager.h"

#include <check.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "base/macros.h"
#include "gpuswitch/names.h"

static FakeManagerMood mood;
static FILE *lines;

static void ask_for_stop(sd_bus_message *call, const char *uuid) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *signal = NULL;

        if (sd_bus_message_new_signal(sd_bus_message_get_bus(call), &signal, GPUSWITCH_BUS_PATH,
                                      GPUSWITCH_MANAGER_INTERFACE, "RebootsUsedUp") < 0 ||
            sd_bus_message_append(signal, "s", uuid) < 0 ||
            sd_bus_send_to(NULL, signal, mood == MANAGER_ASKS_IN_PRIVATE ? sd_bus_message_get_sender(call) : NULL,
                           NULL) < 0)
                _exit(1);
}

static int on_domain_event(sd_bus_message *message, void *userdata, sd_bus_error *ret_error) {
        const char *uuid, *event, *detail;

        int r = sd_bus_message_read(message, "sss", &uuid, &event, &detail);
        if (r < 0)
                return r;
        fprintf(lines, "DomainEvent %s %s %s\n", uuid, event, detail);
        fflush(lines);
        if (mood == MANAGER_DIES_OF_EVENTS)
                _exit(1);
        if (mood == MANAGER_REFUSES_EVENTS)
                return sd_bus_error_set(ret_error, GPUSWITCH_ERROR_FAILED, "not today");
        if (strcmp(event, DOMAIN_EVENT_REBOOTED) == 0 &&
            (mood == MANAGER_ASKS_FOR_STOP || mood == MANAGER_ASKS_IN_PRIVATE))
                ask_for_stop(message, uuid);
        return sd_bus_reply_method_return(message, "");
}

static int on_watch_began(sd_bus_message *message, void *userdata, sd_bus_error *ret_error) {
        uint64_t begun_usec;

        int r = sd_bus_message_read(message, "t", &begun_usec);
        if (r < 0)
                return r;
        fprintf(lines, "WatchBegan %" PRIu64 "\n", begun_usec);
        fflush(lines);
        return sd_bus_reply_method_return(message, "");
}

static int on_watch_ended(sd_bus_message *message, void *userdata, sd_bus_error *ret_error) {
        fprintf(lines, "WatchEnded\n");
        fflush(lines);
        return sd_bus_reply_method_return(message, "");
}

static int write_domain(sd_bus_message *message) {
        const char *uuid, *name, *address, *separator = "";

        int r = sd_bus_message_read(message, "ss", &uuid, &name);
        if (r >= 0)
                r = sd_bus_message_enter_container(message, 'a', "s");
        fprintf(lines, " %s=", name);
        for (; r >= 0 && (r = sd_bus_message_read(message, "s", &address)) > 0; separator = ",")
                fprintf(lines, "%s%s", separator, address);
        if (r >= 0)
                r = sd_bus_message_exit_container(message);
        return r < 0 ? r : sd_bus_message_exit_container(message);
}

static int on_sync_domains(sd_bus_message *message, void *userdata, sd_bus_error *ret_error) {
        uint64_t begun_usec;

        int r = sd_bus_message_read(message, "t", &begun_usec);
        fprintf(lines, "SyncDomains %" PRIu64, begun_usec);
        if (r >= 0)
                r = sd_bus_message_enter_container(message, 'a', "(ssas)");
        while (r >= 0 && (r = sd_bus_message_enter_container(message, 'r', "ssas")) > 0)
                r = write_domain(message);
        fprintf(lines, "\n");
        fflush(lines);
        return r < 0 ? r : sd_bus_reply_method_return(message, "");
}

static const sd_bus_vtable manager_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("DomainEvent", "sss", "", on_domain_event, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("SyncDomains", "ta(ssas)", "", on_sync_domains, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("WatchBegan", "t", "", on_watch_began, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("WatchEnded", "", "", on_watch_ended, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_SIGNAL("RebootsUsedUp", "s", 0),
        SD_BUS_VTABLE_END,
};

static void become_manager(int fd) {
        sd_bus *bus = NULL;

        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (!(lines = fdopen(fd, "w")) || sd_bus_open_system(&bus) < 0 ||
            sd_bus_add_object_vtable(bus, NULL, GPUSWITCH_BUS_PATH, GPUSWITCH_MANAGER_INTERFACE,
                                     manager_vtable, NULL) < 0 ||
            sd_bus_request_name(bus, GPUSWITCH_BUS_NAME, 0) < 0)
                _exit(1);
        fputc('\n', lines);
        fflush(lines);
        for (;;) {
                int r = sd_bus_process(bus, NULL);
                if (r == 0)
                        r = sd_bus_wait(bus, UINT64_MAX);
                if (r < 0)
                        _exit(1);
        }
}

void fake_manager_start(FakeManager *manager, FakeManagerMood manager_mood) {
        int pipe_fds[2];
        char ready;

        mood = manager_mood;
        ck_assert_int_eq(pipe(pipe_fds), 0);
        ck_assert_int_ge(manager->pid = fork(), 0);
        if (manager->pid == 0)
                become_manager(pipe_fds[1]);
        close(pipe_fds[1]);
        manager->lines = pipe_fds[0];
        ck_assert_msg(read(manager->lines, &ready, 1) == 1, "the manager does not start");
}

void fake_manager_stop(FakeManager *manager) {
        kill(manager->pid, SIGKILL);
        waitpid(manager->pid, NULL, 0);
        close(manager->lines);
}
