/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * org.freedesktop.PolicyKit1.Authority.CheckAuthorization, asynchronously. A prompt waits for a person,
 * so the call has no deadline of its own: it ends when polkit answers or leaves the bus.
 */

#include "api/polkit.h"

#include "base/macros.h"
#include "gpuswitch/deadlines.h"

typedef struct PolkitQuery {
        sd_bus_message *message;
        PolkitHandler handler;
        void *userdata;
} PolkitQuery;

static void query_free(void *p) {
        PolkitQuery *query = p;

        sd_bus_message_unref(query->message);
        free(query);
}

static void deny(sd_bus_message *message, bool challenge) {
        if (challenge)
                (void) sd_bus_reply_method_errorf(message, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED,
                                                  "This needs authentication; run it as root, or in a session with a "
                                                  "polkit agent.");
        else
                (void) sd_bus_reply_method_errorf(message, SD_BUS_ERROR_ACCESS_DENIED,
                                                  "Not authorized; run it as root.");
}

static int on_answer(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error) {
        PolkitQuery *query = userdata;
        int allowed = 0, challenge = 0;

        if (!sd_bus_message_is_method_error(reply, NULL) && sd_bus_message_enter_container(reply, 'r', "bba{ss}") > 0)
                (void) sd_bus_message_read(reply, "bb", &allowed, &challenge);
        if (!allowed)
                deny(query->message, challenge);
        query->handler(query->message, allowed, query->userdata);
        return 0;
}

static int sender_is_root(sd_bus_message *message) {
        sd_bus_creds *creds = NULL;
        uid_t uid = (uid_t) -1;

        int r = sd_bus_query_sender_creds(message, SD_BUS_CREDS_EUID, &creds);
        if (r >= 0)
                r = sd_bus_creds_get_euid(creds, &uid);
        sd_bus_creds_unref(creds);
        return r < 0 ? r : uid == 0;
}

int polkit_check(sd_bus_message *message, const char *action, PolkitHandler handler, void *userdata) {
        sd_bus *bus = sd_bus_message_get_bus(message);
        sd_bus_message *call = NULL;
        sd_bus_slot *slot = NULL;

        int r = sender_is_root(message);
        if (r < 0)
                return r;
        if (r > 0) {
                handler(message, true, userdata);
                return 0;
        }
        PolkitQuery *query = malloc(sizeof(*query));
        if (!query)
                return -ENOMEM;
        *query = (PolkitQuery){ sd_bus_message_ref(message), handler, userdata };

        r = sd_bus_message_new_method_call(bus, &call, "org.freedesktop.PolicyKit1",
                                           "/org/freedesktop/PolicyKit1/Authority",
                                           "org.freedesktop.PolicyKit1.Authority", "CheckAuthorization");
        if (r >= 0)
                r = sd_bus_message_append(
                        call, "(sa{sv})sa{ss}us", "system-bus-name", 1, "name", "s", sd_bus_message_get_sender(message),
                        action, 0, sd_bus_message_get_allow_interactive_authorization(message) > 0 ? 1 : 0, "");
        if (r >= 0)
                r = sd_bus_call_async(bus, &slot, call, on_answer, query, USEC_INFINITY);
        sd_bus_message_unref(call);
        if (r < 0) {
                query_free(query);
                return r;
        }
        (void) sd_bus_slot_set_destroy_callback(slot, query_free);
        (void) sd_bus_slot_set_floating(slot, 1);
        sd_bus_slot_unref(slot);
        return 0;
}
