/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the report means, in sentences: a person who looks at a group that is too large wants to know what the others are, and
 * which port is the reason.
 */

#include "client/isolation.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/text.h"
#include "client/field.h"
#include "client/json.h"
#include "client/printable.h"
#include "gpuswitch/deadlines.h"
#include "gpuswitch/names.h"

#define TEXT_SIZE 512U

static json_object *problem_new(const char *text) {
        json_object *object = json_object_new_object();

        if (object)
                (void) json_object_object_add(object, "problem", json_object_new_string(text));
        return object;
}

json_object *isolation_fetch(sd_bus *bus, const Gpu *gpu) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        json_object *isolation = NULL;

        int r = sd_bus_message_new_method_call(bus, &call, GPUSWITCH_BUS_NAME, gpu->path, GPUSWITCH_GPU_INTERFACE,
                                               "Isolation");
        /* A helper looks, and waits for whoever has a port. */
        if (r >= 0)
                r = sd_bus_call(bus, call, CALL_TIMEOUT_USEC, &error, &reply);
        if (r >= 0 && sd_bus_message_has_signature(reply, "a{sv}") && value_to_json(reply, &isolation) >= 0)
                return isolation;
        return problem_new(sd_bus_error_has_name(&error, SD_BUS_ERROR_UNKNOWN_METHOD)
                                   ? "this daemon cannot tell"
                                   : error.message ?: "the daemon's answer cannot be read");
}

static size_t list_length(json_object *list) {
        return list ? json_object_array_length(list) : 0;
}

static json_object *list_of(json_object *object, const char *key) {
        return member_of_type(object, key, json_type_array);
}

static void put_member(json_object *member, bool colour_on) {
        const char *part = member_text(member, "part"), *driver = member_text(member, "driver");
        char text[TEXT_SIZE];

        if (streq(part, "card"))
                return;
        (void) text_format(text, sizeof(text), "with %s, class 0x%06" PRIx64 ", %s%s%s", member_text(member, "address"),
                           (uint64_t) member_number(member, "class", 0), isempty(driver) ? "no driver" : "driver ",
                           isempty(driver) ? "" : driver,
                           streq(part, "blocks") ? ": no guest can have the group while the host uses it" : "");
        field_line(colour_on, "", streq(part, "blocks") ? COLOUR_BAD : COLOUR_PLAIN, text);
}

static void put_group(json_object *group, bool colour_on) {
        json_object *members = list_of(group, "members"), *regions = list_of(group, "reserved_regions");
        const char *type = member_text(group, "type"), *problem = member_text(group, "problem");
        bool viable = member_flag(group, "viable");
        char text[TEXT_SIZE];
        size_t n_others = 0;

        for (size_t i = 0; i < list_length(members); i++)
                n_others += !streq(member_text(json_object_array_get_idx(members, i), "part"), "card");
        (void) text_format(text, sizeof(text), "%" PRId64 "%s%s%s, %s, %s", member_number(group, "number", -1),
                           isempty(type) ? "" : " (", isempty(type) ? "" : type, isempty(type) ? "" : ")",
                           n_others == 0 ? "the card alone" : "shared with other devices",
                           viable ? "a guest can have it" : "no guest can have it as it is");
        field_line(colour_on, "IOMMU group", viable ? COLOUR_PLAIN : COLOUR_BAD, text);
        for (size_t i = 0; i < list_length(members); i++)
                put_member(json_object_array_get_idx(members, i), colour_on);
        for (size_t i = 0; i < list_length(regions); i++) {
                (void) text_format(text, sizeof(text), "reserved: %s",
                                   json_object_get_string(json_object_array_get_idx(regions, i)));
                field_line(colour_on, "", COLOUR_PLAIN, text);
        }
        if (member_flag(group, "more_regions"))
                field_line(colour_on, "", COLOUR_PLAIN, "and more reserved regions");
        if (isempty(problem))
                return;
        (void) text_format(text, sizeof(text), "its type and reserved regions are not known: %s", problem);
        field_line(colour_on, "", COLOUR_PLAIN, text);
}

static const char *kind_text(const char *kind) {
        static const struct {
                const char *kind, *text;
        } kinds[] = {
                { "root-port", "root port" },
                { "switch-upstream", "upper port of a switch" },
                { "switch-downstream", "lower port of a switch" },
                { "express-to-pci", "bridge from PCI Express to PCI" },
                { "pci-to-express", "bridge from PCI to PCI Express" },
                { "pci-bridge", "PCI bridge" },
        };

        for (size_t i = 0; i < ELEMENTSOF(kinds); i++)
                if (streq(kinds[i].kind, kind))
                        return kinds[i].text;
        return "port";
}

static void put_acs(json_object *port, char *text, size_t size) {
        json_object *missing = list_of(port, "acs_missing");
        const char *acs = member_text(port, "acs");

        if (streq(acs, "complete"))
                (void) text_append(text, size, ": ACS keeps apart what is below it");
        else if (streq(acs, "none") && !member_flag(port, "alias"))
                (void) text_append(text, size, ": no ACS, so devices below it may reach each other, unless the kernel knows its "
                                               "chipset to prevent that");
        else if (streq(acs, "incomplete")) {
                (void) text_append(text, size, ": ACS is not complete, it lacks ");
                for (size_t i = 0; i < list_length(missing); i++)
                        (void) text_append(text, size, "%s%s", i ? ", " : "",
                                           json_object_get_string(json_object_array_get_idx(missing, i)));
        } else if (streq(acs, "unknown") && isempty(member_text(port, "problem")))
                (void) text_append(text, size, ": whether it has ACS cannot be read");
}

static void put_port(json_object *port, const char *label, bool colour_on) {
        const char *problem = member_text(port, "problem");
        char text[TEXT_SIZE];

        (void) text_format(text, sizeof(text), "%s, %s", member_text(port, "address"), kind_text(member_text(port, "kind")));
        put_acs(port, text, sizeof(text));
        if (member_flag(port, "alias"))
                (void) text_append(text, sizeof(text), ": the IOMMU sees its id in place of those of the devices below it, "
                                                       "which so are one group");
        if (!isempty(problem))
                (void) text_append(text, sizeof(text), ": nothing is known of it: %s", problem);
        field_line(colour_on, label, COLOUR_PLAIN, text);
}

void isolation_put(json_object *isolation, bool colour_on) {
        json_object *groups = list_of(isolation, "groups"), *ports = list_of(isolation, "ports");
        char text[TEXT_SIZE];

        if (!isempty(member_text(isolation, "problem"))) {
                (void) text_format(text, sizeof(text), "not known: %s", member_text(isolation, "problem"));
                text[strcspn(text, "\n")] = '\0';
                field_line(colour_on, "Isolation", COLOUR_PLAIN, text);
                return;
        }
        for (size_t i = 0; i < list_length(groups); i++)
                put_group(json_object_array_get_idx(groups, i), colour_on);
        if (groups && list_length(groups) == 0)
                field_line(colour_on, "IOMMU group", COLOUR_BAD, "none: the IOMMU is off, or this machine has none");
        if (member_flag(isolation, "more_members"))
                field_line(colour_on, "", COLOUR_BAD, "and more devices than can be looked at");
        for (size_t i = 0; i < list_length(ports); i++)
                put_port(json_object_array_get_idx(ports, i), i == 0 ? "Way up" : "", colour_on);
        if (ports && list_length(ports) == 0)
                field_line(colour_on, "Way up", COLOUR_PLAIN, "it is on a root bus");
        if (member_flag(isolation, "more_ports"))
                field_line(colour_on, "", COLOUR_PLAIN, "and more ports");
}
