/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * org.freedesktop.PolicyKit1.Authority.CheckAuthorization, asynchronously. A prompt waits for a person,
 * so the call has no deadline of its own: it ends when polkit answers or leaves the bus, or when the caller leaves.
 */

#include "api/polkit.h"

#include <inttypes.h>

#include "base/macros.h"
#include "base/text.h"
#include "gpuswitch/deadlines.h"

#define POLKIT_NAME "org.freedesktop.PolicyKit1"
#define POLKIT_PATH "/org/freedesktop/PolicyKit1/Authority"
#define POLKIT_INTERFACE "org.freedesktop.PolicyKit1.Authority"

struct PolkitQuery {
        sd_bus_message *message;
        sd_bus_slot *slot;
        char id[32]; /* by which polkit knows it; one number for each question of this process */
        bool answered;
        PolkitHandler handler;
        void *userdata;
};

static void deny(sd_bus_message *message, bool challenge) {
        if (challenge)
                (void) sd_bus_reply_method_errorf(message, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED,
                                                  "This needs authentication; run it as root, or in a session with a "
                                                  "polkit agent.");
        else
                (void) sd_bus_reply_method_errorf(message, SD_BUS_ERROR_ACCESS_DENIED,
                                                  "Not authorized; run it as root.");
}

static void polkit_cancel(PolkitQuery *query) {
        sd_bus *bus = sd_bus_message_get_bus(query->message);
        sd_bus_message *call = NULL;

        if (sd_bus_is_ready(bus) <= 0)
                return;
        int r = sd_bus_message_new_method_call(bus, &call, POLKIT_NAME, POLKIT_PATH, POLKIT_INTERFACE,
                                               "CancelCheckAuthorization");
        if (r >= 0)
                r = sd_bus_message_append(call, "s", query->id);
        if (r >= 0)
                (void) sd_bus_send(bus, call, NULL);
        sd_bus_message_unref(call);
}

PolkitQuery *polkit_query_free(PolkitQuery *query) {
        if (!query)
                return NULL;
        if (query->slot && !query->answered)
                polkit_cancel(query);
        sd_bus_slot_unref(query->slot);
        sd_bus_message_unref(query->message);
        free(query);
        return NULL;
}

static int on_answer(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error) {
        PolkitQuery *query = userdata;
        int allowed = 0, challenge = 0;

        query->answered = true;
        if (!sd_bus_message_is_method_error(reply, NULL) && sd_bus_message_enter_container(reply, 'r', "bba{ss}") > 0)
                (void) sd_bus_message_read(reply, "bb", &allowed, &challenge);
        if (!allowed)
                deny(query->message, challenge);
        query->handler(query->message, allowed, query->userdata);
        (void) polkit_query_free(query);
        return 0;
}

int polkit_check(sd_bus_message *message, uid_t uid, const char *action, PolkitHandler handler, void *userdata,
                 PolkitQuery **ret_query) {
        static uint64_t last_id = 0;
        sd_bus *bus = sd_bus_message_get_bus(message);
        sd_bus_message *call = NULL;

        if (uid == 0) {
                *ret_query = NULL;
                handler(message, true, userdata);
                return 0;
        }
        PolkitQuery *query = calloc(1, sizeof(*query));
        if (!query)
                return -ENOMEM;
        query->message = sd_bus_message_ref(message);
        query->handler = handler;
        query->userdata = userdata;
        (void) text_format(query->id, sizeof(query->id), "gpuswitch-%" PRIu64, ++last_id);

        int r = sd_bus_message_new_method_call(bus, &call, POLKIT_NAME, POLKIT_PATH, POLKIT_INTERFACE,
                                               "CheckAuthorization");
        if (r >= 0)
                r = sd_bus_message_append(
                        call, "(sa{sv})sa{ss}us", "system-bus-name", 1, "name", "s", sd_bus_message_get_sender(message),
                        action, 0, sd_bus_message_get_allow_interactive_authorization(message) > 0 ? 1 : 0, query->id);
        if (r >= 0)
                r = sd_bus_call_async(bus, &query->slot, call, on_answer, query, USEC_INFINITY);
        sd_bus_message_unref(call);
        if (r < 0) {
                (void) polkit_query_free(query);
                return r;
        }
        *ret_query = query;
        return 0;
}
