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

int fake_isolation(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        sd_bus_message *reply = NULL;

        if (!is_big(message))
                return sd_bus_error_set(error, SD_BUS_ERROR_UNKNOWN_METHOD, "no such method");
        int r = sd_bus_message_new_method_return(message, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_append(
                        reply, "{sv}{sv}{sv}{sv}", "more_ports", "b", 1, "more_members", "b", 1, "groups", "aa{sv}", 1, 7,
                        "number", "i", 15, "type", "s", "DMA-FQ", "viable", "b", 0, "more_regions", "b", 1, "problem", "s", "",
                        "reserved_regions", "as", 1, "0xfee00000-0xfeefffff msi", "members", "aa{sv}", 3, 4, "address", "s",
                        "0000:02:00.0", "class", "u", 0x030000, "driver", "s", "vfio-pci", "part", "s", "card", 4, "address",
                        "s", "0000:03:00.0", "class", "u", 0x010802, "driver", "s", "nvme", "part", "s", "blocks", 4, "address",
                        "s", "0000:00:01.0", "class", "u", 0x060400, "driver", "s", "", "part", "s", "passive", "ports",
                        "aa{sv}", 5, 6, "address", "s", "0000:00:01.0", "kind", "s", "root-port", "acs", "s", "incomplete",
                        "acs_missing", "as", 2, "source validation", "request redirect", "alias", "b", 0, "problem", "s", "",
                        6, "address", "s", "0000:01:00.0", "kind", "s", "switch-upstream", "acs", "s", "not-needed",
                        "acs_missing", "as", 0, "alias", "b", 0, "problem", "s", "", 6, "address", "s", "0000:01:01.0", "kind",
                        "s", "switch-downstream", "acs", "s", "none", "acs_missing", "as", 0, "alias", "b", 0, "problem", "s",
                        "", 6, "address", "s", "0000:01:02.0", "kind", "s", "express-to-pci", "acs", "s", "none",
                        "acs_missing", "as", 0, "alias", "b", 1, "problem", "s", "", 6, "address", "s", "0000:01:03.0", "kind",
                        "s", "unknown", "acs", "s", "unknown", "acs_missing", "as", 0, "alias", "b", 0, "problem", "s",
                        "it \033[31mreads all ones");
        return send_reply(reply, r);
}
