/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A report on isolation in the form that goes over the bus. */

#include "api/bus-internal.h"

#include "base/address.h"
#include "base/text.h"
#include "core/viability.h"

/* Begins an entry of an a{sv} whose value is a list; close_list() ends it. */
static int open_list(sd_bus_message *reply, const char *key, const char *type) {
        char array[16];

        (void) text_format(array, sizeof(array), "a%s", type);
        int r = sd_bus_message_open_container(reply, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append(reply, "s", key);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'v', array);
        return r < 0 ? r : sd_bus_message_open_container(reply, 'a', type);
}

static int close_list(sd_bus_message *reply) {
        int r = 0;

        for (int i = 0; r >= 0 && i < 3; i++)
                r = sd_bus_message_close_container(reply);
        return r;
}

static int append_missing(sd_bus_message *reply, uint16_t missing) {
        int r = open_list(reply, "acs_missing", "s");

        for (uint16_t bit = 1; r >= 0 && bit <= ACS_ISOLATION; bit = (uint16_t) (bit << 1))
                if (missing & bit)
                        r = sd_bus_message_append(reply, "s", acs_bit_to_string(bit));
        return r < 0 ? r : close_list(reply);
}

static int append_port(sd_bus_message *reply, const PortFacts *port) {
        int r = sd_bus_message_open_container(reply, 'a', "{sv}");

        if (r >= 0)
                r = sd_bus_message_append(reply, "{sv}{sv}{sv}{sv}{sv}", "address", "s", ADDRESS_TEXT(port->address), "kind",
                                          "s", port_kind_to_string(port->kind), "acs", "s", acs_state_to_string(port->acs),
                                          "alias", "b", (int) port->is_alias, "problem", "s", port->problem);
        if (r >= 0)
                r = append_missing(reply, port->acs_missing);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

/* @part: "card", "blocks", "passive" (neither in the way nor of use) */
static int append_member(sd_bus_message *reply, PciAddress address, uint32_t class_code, const char *driver,
                         const char *part) {
        return sd_bus_message_append(reply, "a{sv}", 4, "address", "s", ADDRESS_TEXT(address), "class", "u", class_code,
                                     "driver", "s", driver, "part", "s", part);
}

static int append_members(sd_bus_message *reply, const CardFacts *card, int32_t group) {
        int r = open_list(reply, "members", "a{sv}");

        for (size_t i = 0; r >= 0 && i < card->n_functions; i++)
                if (card->functions[i].iommu_group == group)
                        r = append_member(reply, card->functions[i].address, card->functions[i].class_code,
                                          card->functions[i].driver, "card");
        for (size_t i = 0; r >= 0 && i < card->n_group_members; i++) {
                const GroupMember *member = &card->group_members[i];
                if (member->iommu_group == group)
                        r = append_member(reply, member->address, member->class_code, member->driver,
                                          viability_member_blocks(member) ? "blocks" : "passive");
        }
        return r < 0 ? r : close_list(reply);
}

static int append_regions(sd_bus_message *reply, const GroupFacts *group) {
        int r = open_list(reply, "reserved_regions", "s");

        for (size_t i = 0; r >= 0 && i < group->n_regions; i++)
                r = sd_bus_message_append(reply, "s", group->regions[i]);
        return r < 0 ? r : close_list(reply);
}

static int append_group(sd_bus_message *reply, const Isolation *isolation, const GroupFacts *group) {
        int r = sd_bus_message_open_container(reply, 'a', "{sv}");

        if (r >= 0)
                r = sd_bus_message_append(reply, "{sv}{sv}{sv}{sv}{sv}", "number", "i", group->number, "type", "s",
                                          group->type, "viable", "b", (int) isolation_is_viable(isolation, group->number),
                                          "more_regions", "b", (int) group->more_regions, "problem", "s", group->problem);
        if (r >= 0)
                r = append_members(reply, &isolation->card, group->number);
        if (r >= 0)
                r = append_regions(reply, group);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

int isolation_append(sd_bus_message *reply, const Isolation *isolation) {
        int r = sd_bus_message_open_container(reply, 'a', "{sv}");

        if (r >= 0)
                r = open_list(reply, "groups", "a{sv}");
        for (size_t i = 0; r >= 0 && i < isolation->n_groups; i++)
                r = append_group(reply, isolation, &isolation->groups[i]);
        if (r >= 0)
                r = close_list(reply);
        if (r >= 0)
                r = open_list(reply, "ports", "a{sv}");
        for (size_t i = 0; r >= 0 && i < isolation->n_ports; i++)
                r = append_port(reply, &isolation->ports[i]);
        if (r >= 0)
                r = close_list(reply);
        if (r >= 0)
                r = sd_bus_message_append(reply, "{sv}{sv}", "more_ports", "b", (int) isolation->more_ports, "more_members",
                                          "b", (int) isolation->card.group_too_large);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}
