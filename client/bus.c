/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Errors come from four places: our daemon (org.gpuswitch1.Error.*: a verdict), the bus and systemd
 * while they look for or start the daemon, polkit, and this end of the connection, whose errnos
 * sd-bus turns into names (sd-bus-errors(3)).
 */

#include "client/bus.h"

#include <stdio.h>
#include <string.h>

#include "base/macros.h"
#include "base/text.h"
#include "client/printable.h"
#include "gpuswitch/names.h"

int bus_connect(const Options *options, sd_bus **ret_bus) {
        _cleanup_(sd_bus_unrefp) sd_bus *bus = NULL;
        int r;

        if (options->host)
                r = sd_bus_open_system_remote(&bus, options->host);
        else if (options->machine)
                r = sd_bus_open_system_machine(&bus, options->machine);
        else
                r = sd_bus_open_system(&bus);
        if (r < 0)
                return r;
        r = sd_bus_set_allow_interactive_authorization(bus, true);
        if (r < 0)
                return r;
        *ret_bus = TAKE_PTR(bus);
        return 0;
}

bool bus_error_is_verdict(const sd_bus_error *error) {
        return error->name && text_starts_with(error->name, GPUSWITCH_ERROR_PREFIX);
}

bool bus_error_is_unreachable(const sd_bus_error *error) {
        static const char *const names[] = {
                SD_BUS_ERROR_SERVICE_UNKNOWN,
                SD_BUS_ERROR_NAME_HAS_NO_OWNER,
                SD_BUS_ERROR_NO_REPLY,
                SD_BUS_ERROR_TIMEOUT,
                SD_BUS_ERROR_NO_SERVER,
                SD_BUS_ERROR_NO_NETWORK,
                SD_BUS_ERROR_DISCONNECTED,
                SD_BUS_ERROR_IO_ERROR,
                SD_BUS_ERROR_BAD_ADDRESS,
                SD_BUS_ERROR_AUTH_FAILED,
                "org.freedesktop.DBus.Error.TimedOut",
                "System.Error.EPIPE",
                "System.Error.ENOTCONN",
                "System.Error.ECONNRESET",
                "System.Error.ESHUTDOWN",
                "System.Error.ECONNREFUSED",
                "System.Error.ECONNABORTED",
                "System.Error.EHOSTUNREACH",
                "System.Error.ENETUNREACH",
        };

        if (!error->name)
                return false;
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                if (streq(names[i], error->name))
                        return true;
        /* systemd's own names come through the bus when it cannot start the unit: masked, no such unit, ...
         */
        return text_starts_with(error->name, "org.freedesktop.DBus.Error.Spawn.") ||
               text_starts_with(error->name, "org.freedesktop.systemd1.");
}

static void say_where_to_look(const Options *options) {
        if (!options->host && !options->machine)
                fputs("`systemctl status gpuswitchd` says more.\n", stderr);
}

ExitStatus bus_fail_connect(const Options *options, int r) {
        const char *whose = options->host ? options->host : options->machine;

        fprintf(stderr, "gpuswitchd cannot be reached: no connection to the system bus%s%s: %s\n",
                whose ? " of " : "", whose ? whose : "", strerror(-r));
        say_where_to_look(options);
        return EXIT_UNREACHABLE;
}

ExitStatus bus_fail(const Options *options, const sd_bus_error *error, int r) {
        const char *message = error->message ? error->message : error->name ? error->name : strerror(-r);
        bool unreachable = bus_error_is_unreachable(error);

        if (unreachable)
                fputs("gpuswitchd cannot be reached: ", stderr);
        else if (sd_bus_error_has_name(error, SD_BUS_ERROR_ACCESS_DENIED) ||
                 sd_bus_error_has_name(error, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED))
                fputs("not allowed: ", stderr);
        else if (sd_bus_error_has_name(error, SD_BUS_ERROR_LIMITS_EXCEEDED))
                fputs("too much at once: ", stderr);
        else if (!bus_error_is_verdict(error))
                fputs("no proper answer from gpuswitchd: ", stderr);
        printable_put(stderr, message);
        fputc('\n', stderr);
        if (unreachable)
                say_where_to_look(options);
        return unreachable ? EXIT_UNREACHABLE : EXIT_REFUSED;
}
