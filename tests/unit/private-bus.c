/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "private-bus.h"

#include <check.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/macros.h"
#include "base/text.h"

static const char bus_configuration[] =
        "<!DOCTYPE busconfig PUBLIC '-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN'\n"
        " 'http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd'>\n"
        "<busconfig><listen>unix:path=%s/bus</listen><servicedir>%s</servicedir>\n"
        "<policy context='default'><allow user='*'/><allow send_destination='*' eavesdrop='true'/><allow eavesdrop='true'/>"
        "<allow own='*'/></policy></busconfig>\n";

static void file_write(const PrivateBus *bus, const char *name, const char *format, ...) _printf_(3, 4);
static void file_write(const PrivateBus *bus, const char *name, const char *format, ...) {
        char path[128];
        va_list ap;

        ck_assert_int_eq(text_format(path, sizeof(path), "%s/%s", bus->folder, name), 0);
        FILE *f = fopen(path, "we");
        ck_assert_ptr_nonnull(f);
        va_start(ap, format);
        ck_assert_int_gt(vfprintf(f, format, ap), 0);
        va_end(ap);
        ck_assert_int_eq(fclose(f), 0);
}

static void become_bus(const PrivateBus *bus, int ready) {
        char configuration[128], ready_text[32];

        (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void) text_format(configuration, sizeof(configuration), "--config-file=%s/bus.conf", bus->folder);
        (void) text_format(ready_text, sizeof(ready_text), "--print-address=%d", ready);
        execlp("dbus-daemon", "dbus-daemon", configuration, "--nofork", "--nopidfile", ready_text,
               (char *) NULL);
        _exit(127);
}

void private_bus_start(PrivateBus *bus) {
        char address[256];
        int ready[2];

        strcpy(bus->folder, "/tmp/gpuswitch-bus-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(bus->folder));
        file_write(bus, "bus.conf", bus_configuration, bus->folder, bus->folder);
        file_write(bus, "org.gpuswitch1.service",
                   "[D-BUS Service]\nName=org.gpuswitch1\nExec=/usr/bin/touch %s/activated\n"
                   "User=root\n",
                   bus->folder);
        ck_assert_int_eq(pipe(ready), 0);
        ck_assert_int_ge(bus->pid = fork(), 0);
        if (bus->pid == 0)
                become_bus(bus, ready[1]);
        close(ready[1]);
        ck_assert_msg(read(ready[0], address, sizeof(address)) > 0, "dbus-daemon does not start");
        close(ready[0]);
        (void) text_format(address, sizeof(address), "unix:path=%s/bus", bus->folder);
        setenv("DBUS_SYSTEM_BUS_ADDRESS", address, true);
}

bool private_bus_has_activated(const PrivateBus *bus) {
        char path[128];

        (void) text_format(path, sizeof(path), "%s/activated", bus->folder);
        return access(path, F_OK) == 0;
}

void private_bus_stop(PrivateBus *bus) {
        static const char *const files[] = { "bus", "bus.conf", "org.gpuswitch1.service", "activated" };
        char path[128];

        kill(bus->pid, SIGKILL);
        waitpid(bus->pid, NULL, 0);
        for (size_t i = 0; i < ELEMENTSOF(files); i++) {
                (void) text_format(path, sizeof(path), "%s/%s", bus->folder, files[i]);
                (void) unlink(path);
        }
        (void) rmdir(bus->folder);
}
