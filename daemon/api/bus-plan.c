/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A plan in the form that goes over the bus. */

#include "api/bus-internal.h"

#include "base/address.h"
#include "base/text.h"

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
        if (step->kind == STEP_BIND || step->kind == STEP_UNBIND || step->kind == STEP_PROBE ||
            step->kind == STEP_GUARD_SET || step->kind == STEP_GUARD_CLEAR)
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
