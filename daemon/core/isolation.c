/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kernel's own judgement is in the groups; what is said here is why they may be as they are. Where a port has no ACS, the
 * kernel may know that its chipset keeps devices apart all the same (linux drivers/pci/quirks.c, pci_dev_acs_enabled), so "none"
 * explains a group and is no verdict.
 *
 * Port types: PCI Express 5.0, 7.5.3.2. Aliases: linux drivers/pci/search.c, pci_for_each_dma_alias().
 */

#include "core/isolation.h"

#include <assert.h>
#include <stdio.h>

#include "base/address.h"
#include "base/text.h"
#include "core/config-space.h"
#include "core/viability.h"

#define CAP_ID_EXPRESS 0x10U
#define EXT_CAP_ID_ACS 0x000dU
#define HEADER_MULTIFUNCTION 0x80U

/* The parts of @path that are addresses, but for the last, which is the card's own. */
static void add_ports(const char *path, Isolation *isolation) {
        char part[ATTRIBUTE_VALUE_SIZE];
        PciAddress address;

        for (const char *end; (end = strchr(path, '/')); path = end + 1) {
                size_t n = (size_t) (end - path);
                if (n == 0 || n >= sizeof(part))
                        continue;
                memcpy(part, path, n);
                part[n] = '\0';
                if (address_parse(part, &address) < 0)
                        continue;
                if (isolation->n_ports == PORTS_MAX) {
                        isolation->more_ports = true;
                        return;
                }
                isolation->ports[isolation->n_ports++] = (PortFacts){ .address = address };
        }
}

static void add_group(int32_t number, Isolation *isolation) {
        for (size_t i = 0; i < isolation->n_groups; i++)
                if (isolation->groups[i].number == number)
                        return;
        if (number >= 0)
                isolation->groups[isolation->n_groups++].number = number;
}

void isolation_init(const CardFacts *card, Isolation *ret_isolation) {
        memset(ret_isolation, 0, sizeof(*ret_isolation));
        ret_isolation->card = *card;
        add_ports(card->slot_path, ret_isolation);
        for (size_t i = 0; i < card->n_functions; i++)
                add_group(card->functions[i].iommu_group, ret_isolation);
}

static PortKind port_kind(const uint8_t *config, size_t size) {
        uint16_t express = config_find_capability(config, size, CAP_ID_EXPRESS);

        if (!express || express + 4U > size)
                return PORT_PCI;
        switch (config[express + 2U] >> 4) {
        case 0x4:
                return PORT_ROOT;
        case 0x5:
                return PORT_SWITCH_UP;
        case 0x6:
                return PORT_SWITCH_DOWN;
        case 0x7:
                return PORT_EXPRESS_TO_PCI;
        case 0x8:
                return PORT_PCI_TO_EXPRESS;
        default:
                return PORT_UNKNOWN;
        }
}

static void take_acs(PortFacts *port, const uint8_t *config, size_t size) {
        bool is_upstream = port->kind == PORT_SWITCH_UP;

        if (port->kind == PORT_UNKNOWN)
                return;
        /* Conventional PCI has none, and bridges to and from it have no use for it. */
        if (port->kind != PORT_ROOT && port->kind != PORT_SWITCH_DOWN && !is_upstream) {
                port->acs = ACS_NONE;
                port->acs_missing = ACS_ISOLATION;
                return;
        }
        if (is_upstream && !(config[0x0e] & HEADER_MULTIFUNCTION)) {
                port->acs = ACS_NOT_NEEDED;
                return;
        }
        if (size < CONFIG_SPACE_SIZE)
                return;
        uint16_t acs = config_find_extended(config, size, EXT_CAP_ID_ACS);
        if (!acs || acs + 8U > size) {
                port->acs = ACS_NONE;
                port->acs_missing = ACS_ISOLATION;
                return;
        }
        /* What it cannot control it does always (linux drivers/pci/pci.c, pci_acs_flags_enabled()). */
        uint16_t can = (uint16_t) (config[acs + 4U] | config[acs + 5U] << 8);
        uint16_t does = (uint16_t) (config[acs + 6U] | config[acs + 7U] << 8);
        port->acs_missing = (uint16_t) (ACS_ISOLATION & can & ~does);
        port->acs = port->acs_missing ? ACS_INCOMPLETE : ACS_COMPLETE;
}

void isolation_take_port(PortFacts *port, const uint8_t *config, size_t size, const char *problem) {
        (void) text_format(port->problem, sizeof(port->problem), "%s", problem);
        (void) text_make_utf8(port->problem);
        if (!isempty(problem))
                return;
        if (size < 256 || config_is_dead(config, size)) {
                (void) text_copy(port->problem, sizeof(port->problem),
                                 size < 256 ? "only the beginning of its configuration space can be read" : "it reads all ones");
                return;
        }
        port->kind = port_kind(config, size);
        take_acs(port, config, size);
        if (port->kind == PORT_UNKNOWN)
                (void) text_copy(port->problem, sizeof(port->problem), "it is of a kind that is no port");
        port->is_alias = port->kind == PORT_EXPRESS_TO_PCI || port->kind == PORT_PCI_TO_EXPRESS || port->kind == PORT_PCI;
}

/* "0x00000000fee00000 0x00000000feefffff msi" */
static void add_region(GroupFacts *group, const char *line) {
        unsigned long long first, last;
        char kind[24];

        if (sscanf(line, "%llx %llx %23s", &first, &last, kind) != 3)
                return;
        if (group->n_regions == RESERVED_REGIONS_MAX) {
                group->more_regions = true;
                return;
        }
        (void) text_format(group->regions[group->n_regions++], sizeof(group->regions[0]), "0x%llx-0x%llx %s", first, last,
                           kind);
}

void isolation_take_group(GroupFacts *group, const char *text, const char *problem) {
        char line[ATTRIBUTE_VALUE_SIZE];
        bool is_first = true;

        (void) text_format(group->problem, sizeof(group->problem), "%s", problem);
        (void) text_make_utf8(group->problem);
        while (isempty(problem) && *text) {
                size_t n = strcspn(text, "\n"), used = MIN_OF(n, sizeof(line) - 1);
                memcpy(line, text, used);
                line[used] = '\0';
                if (is_first)
                        (void) text_copy(group->type, sizeof(group->type), text_make_utf8(line));
                else
                        add_region(group, line);
                is_first = false;
                text += n + (text[n] == '\n');
        }
}

bool isolation_is_viable(const Isolation *isolation, int32_t number) {
        const CardFacts *card = &isolation->card;

        if (card->group_too_large)
                return false;
        for (size_t i = 0; i < card->n_group_members; i++)
                if (card->group_members[i].iommu_group == number && viability_member_blocks(&card->group_members[i]))
                        return false;
        return true;
}

const char *port_kind_to_string(PortKind kind) {
        static const char *const table[_PORT_KIND_MAX] = {
                [PORT_UNKNOWN] = "unknown",
                [PORT_ROOT] = "root-port",
                [PORT_SWITCH_UP] = "switch-upstream",
                [PORT_SWITCH_DOWN] = "switch-downstream",
                [PORT_EXPRESS_TO_PCI] = "express-to-pci",
                [PORT_PCI_TO_EXPRESS] = "pci-to-express",
                [PORT_PCI] = "pci-bridge",
        };

        assert(kind >= 0 && kind < _PORT_KIND_MAX);
        return table[kind];
}

const char *acs_state_to_string(AcsState state) {
        static const char *const table[_ACS_STATE_MAX] = {
                [ACS_UNKNOWN] = "unknown", [ACS_COMPLETE] = "complete",     [ACS_INCOMPLETE] = "incomplete",
                [ACS_NONE] = "none",       [ACS_NOT_NEEDED] = "not-needed",
        };

        assert(state >= 0 && state < _ACS_STATE_MAX);
        return table[state];
}

const char *acs_bit_to_string(uint16_t bit) {
        switch (bit) {
        case ACS_SOURCE_VALIDATION:
                return "source validation";
        case ACS_REQUEST_REDIRECT:
                return "request redirect";
        case ACS_COMPLETION_REDIRECT:
                return "completion redirect";
        case ACS_UPSTREAM_FORWARDING:
                return "upstream forwarding";
        default:
                assert(false);
                return "";
        }
}
