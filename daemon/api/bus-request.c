/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Answering a caller on the bus, and a plan in the form that goes over it. */

#include "api/bus-internal.h"

#include "base/address.h"
#include "base/text.h"

static int bus_reply_done(Request *request) {
        return sd_bus_reply_method_return(((BusRequest *) request)->message, "");
}

static int bus_reply_error(Request *request, const char *error_name, const char *text) {
        return sd_bus_reply_method_errorf(((BusRequest *) request)->message, error_name, "%s", text);
}

static int bus_reply_plan(Request *request, const Plan *plan) {
        sd_bus_message *message = ((BusRequest *) request)->message, *reply = NULL;

        int r = sd_bus_message_new_method_return(message, &reply);
        if (r >= 0)
                r = plan_append(reply, plan);
        if (r >= 0)
                r = sd_bus_send(NULL, reply, NULL);
        sd_bus_message_unref(reply);
        return r;
}

static void bus_request_free(Request *request) {
        BusRequest *bus_request = (BusRequest *) request;

        sd_bus_message_unref(bus_request->message);
        free(bus_request);
}

static const RequestReply bus_request_reply = {
        .done = bus_reply_done,
        .plan = bus_reply_plan,
        .error = bus_reply_error,
        .free = bus_request_free,
};

BusRequest *bus_request_new(ApiBus *bus, sd_bus_message *message, PciAddress address) {
        BusRequest *request = malloc(sizeof(*request));

        if (request)
                *request = (BusRequest){
                        .request.reply = &bus_request_reply,
                        .bus = bus,
                        .message = sd_bus_message_ref(message),
                        .address = address,
                };
        return request;
}

static int append_registers(sd_bus_message *reply, const Step *step) {
        int r = sd_bus_message_open_container(reply, 'e', "sv");

        if (r >= 0)
                r = sd_bus_message_append(reply, "s", "registers");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "s");
        for (size_t i = 0; r >= 0 && i < step->n_registers; i++) {
                char text[32];
                (void) text_format(text, sizeof(text), "0x%04x/%u", step->registers[i].offset,
                                   step->registers[i].width);
                r = sd_bus_message_append(reply, "s", text);
        }
        for (int i = 0; r >= 0 && i < 3; i++)
                r = sd_bus_message_close_container(reply);
        return r;
}

/* What is written, as it would be typed: a config dword in hex, an address for bind and unbind. */
static void step_value(const Step *step, char value[static ATTRIBUTE_VALUE_SIZE]) {
        value[0] = '\0';
        if (step->kind == STEP_BIND || step->kind == STEP_UNBIND || step->kind == STEP_PROBE)
                (void) text_format(value, ATTRIBUTE_VALUE_SIZE, "%s", ADDRESS_TEXT(step->address));
        else if (step->kind == STEP_WRITE_CONFIG)
                (void) text_format(value, ATTRIBUTE_VALUE_SIZE, "0x%08x", step->value);
        else if (step_writes(step))
                (void) text_format(value, ATTRIBUTE_VALUE_SIZE, "%s", step->text);
}

static int step_append(sd_bus_message *reply, const Step *step) {
        char path[PATH_TEXT_SIZE], value[ATTRIBUTE_VALUE_SIZE], description[256];

        step_value(step, value);
        int r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0)
                r = sd_bus_message_append(
                        reply, "{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}", "action", "s", step_kind_to_string(step->kind),
                        "function", "s", ADDRESS_TEXT(step->address), "path", "s", step_path(step, path), "value", "s",
                        value, "offset", "u", (uint32_t) step->offset, "writes", "b", (int) step_writes(step),
                        "description", "s", step_describe(step, description, sizeof(description)), "timeout_usec", "t",
                        (uint64_t) step->timeout_usec);
        if (r >= 0)
                r = append_registers(reply, step);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r;
}

int plan_append(sd_bus_message *reply, const Plan *plan) {
        int r = sd_bus_message_open_container(reply, 'a', "a{sv}");

        for (size_t i = 0; r >= 0 && i < plan->n_steps; i++)
                r = step_append(reply, &plan->steps[i]);
        if (r >= 0)
                r = sd_bus_message_close_container(reply);
        return r;
}
