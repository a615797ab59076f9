/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "client/session.h"

#include <stdio.h>

#include "base/text.h"
#include "client/bus.h"
#include "client/printable.h"
#include "gpuswitch/names.h"

/* A broken file stops automatic switching, so it is said wherever a person looks. No answer is no fault. */
static void warn_of_problems(sd_bus *bus) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        const char *problem = NULL;

        int r = sd_bus_get_property(bus, GPUSWITCH_BUS_NAME, GPUSWITCH_BUS_PATH, GPUSWITCH_MANAGER_INTERFACE,
                                    "Problems", NULL, &reply, "as");
        if (r < 0 || sd_bus_message_enter_container(reply, 'a', "s") < 0)
                return;
        while (sd_bus_message_read_basic(reply, 's', &problem) > 0) {
                fputs("warning: ", stderr);
                printable_put(stderr, problem);
                fputc('\n', stderr);
        }
}

ExitStatus session_open(Session *session, const Options *options) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

        *session = (Session){ .options = options };
        int r = bus_connect(options, &session->bus);
        if (r < 0)
                return bus_fail_connect(options, r);
        r = gpu_list_fetch(session->bus, /* auto_start= */ true, &session->list, &error);
        if (r < 0)
                return bus_fail(options, &error, r);
        warn_of_problems(session->bus);
        return EXIT_DONE;
}

void session_close(Session *session) {
        gpu_list_done(&session->list);
        sd_bus_flush_close_unref(session->bus);
        *session = (Session){ 0 };
}

ExitStatus session_gpu(Session *session, const char *argument, const Gpu **ret_gpu) {
        char why[MESSAGE_TEXT_SIZE];

        int r = gpu_resolve(&session->list, argument, ret_gpu, why, sizeof(why));
        if (r >= 0)
                return EXIT_DONE;
        printable_put(stderr, why);
        fputc('\n', stderr);
        return EXIT_REFUSED;
}
