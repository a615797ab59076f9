/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Outcomes() of org.gpuswitch1.Manager. For everybody: nothing in it tells one machine or person from another. */

#include "api/bus-internal.h"

#include <string.h>

#include "base/text.h"
#include "gpuswitch/names.h"

#define ID_TEXT_SIZE 5U

static const char *id_text(uint16_t id, char buffer[static ID_TEXT_SIZE]) {
        (void) text_format(buffer, ID_TEXT_SIZE, "%04x", id);
        return buffer;
}

static int append_outcome(const ResetOutcome *outcome, void *userdata) {
        char vendor[ID_TEXT_SIZE], device[ID_TEXT_SIZE], subsystem_vendor[ID_TEXT_SIZE], subsystem_device[ID_TEXT_SIZE];

        return sd_bus_message_append(
                userdata, "a{sv}", 10, "vendor_id", "s", id_text(outcome->vendor_id, vendor), "device_id", "s",
                id_text(outcome->device_id, device), "subsystem_vendor_id", "s",
                id_text(outcome->subsystem_vendor_id, subsystem_vendor), "subsystem_device_id", "s",
                id_text(outcome->subsystem_device_id, subsystem_device), "family", "s", outcome->family, "kernel", "s",
                outcome->kernel, "method", "s", outcome->method, "tries", "t", outcome->n_tries, "successes", "t",
                outcome->n_successes, "failures", "t", outcome->n_failures);
}

int bus_method_outcomes(sd_bus_message *message, void *userdata, sd_bus_error *ret_error) {
        const ApiBus *bus = userdata;
        sd_bus_message *reply = NULL;

        int r = sd_bus_message_new_method_return(message, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "a{sv}");
        if (r >= 0) {
                r = bus->operations->each_outcome(append_outcome, reply, bus->userdata);
                if (r < 0)
                        (void) sd_bus_error_setf(ret_error, GPUSWITCH_ERROR_FAILED,
                                                 "what has come of resets could not be read in " GPUSWITCH_STORE_PATH ": %s",
                                                 strerror(-r));
        }
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r >= 0)
                r = sd_bus_send(NULL, reply, NULL);
        sd_bus_message_unref(reply);
        return r < 0 ? r : 1;
}
