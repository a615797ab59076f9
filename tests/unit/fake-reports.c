/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "fake-reports.h"

#include <string.h>

/* 0000:02:00.0 */
static int is_big(sd_bus_message *message) {
        return strstr(sd_bus_message_get_path(message), "_3a02_3a") != NULL;
}

static int send_reply(sd_bus_message *reply, int r) {
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r >= 0)
                r = sd_bus_send(NULL, reply, NULL);
        sd_bus_message_unref(reply);
        return r < 0 ? r : 1;
}

int fake_advice(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        sd_bus_message *reply = NULL;

        int r = sd_bus_message_new_method_return(message, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "a{sv}");
        if (r >= 0 && is_big(message))
                r = sd_bus_message_append(reply, "a{sv}a{sv}", 3, "text", "s", "Give it \033[31ma ROM.", "xml", "s",
                                          "<rom file='x'/>", "source", "s", "a page", 3, "text", "s", "Take care.",
                                          "xml", "s", "", "source", "s", "a book");
        return send_reply(reply, r);
}
