/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Advice() of org.gpuswitch1.GPU. It is a method and no property: it is long, and wanted by those only who ask for it. */

#include "api/bus-internal.h"

int bus_method_advice(sd_bus_message *message, void *userdata, sd_bus_error *ret_error) {
        const GpuObject *object = userdata;
        const ApiOperations *operations = object->bus->operations;
        sd_bus_message *reply = NULL;
        AdviceView advice;

        int r = sd_bus_message_new_method_return(message, &reply);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "a{sv}");
        for (size_t i = 0; r >= 0 && operations->advice(object->address, i, &advice, object->bus->userdata); i++)
                r = sd_bus_message_append(reply, "a{sv}", 3, "text", "s", advice.text, "xml", "s", advice.xml, "source",
                                          "s", advice.source);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        if (r >= 0)
                r = sd_bus_send(NULL, reply, NULL);
        sd_bus_message_unref(reply);
        return r < 0 ? r : 1;
}
