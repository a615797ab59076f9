/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * How well a card is kept apart from the rest of the machine: the ports between it and its root bus, and its IOMMU groups.
 * isolation_init() says what there is to be looked at, a helper looks, isolation_take_port() and _take_group() say what it means.
 */

#include "core/facts.h"

/* PCI Express 5.0, 7.7.8.3: what a port has to do for what is below it to be isolated. The kernel asks for the same
 * (linux drivers/iommu/iommu.c, REQ_ACS_FLAGS). */
#define ACS_SOURCE_VALIDATION 0x01U
#define ACS_REQUEST_REDIRECT 0x04U
#define ACS_COMPLETION_REDIRECT 0x08U
#define ACS_UPSTREAM_FORWARDING 0x10U
#define ACS_ISOLATION (ACS_SOURCE_VALIDATION | ACS_REQUEST_REDIRECT | ACS_COMPLETION_REDIRECT | ACS_UPSTREAM_FORWARDING)

typedef enum PortKind {
        PORT_UNKNOWN,         /* it could not be read */
        PORT_ROOT,
        PORT_SWITCH_UP,       /* of a switch, towards the root */
        PORT_SWITCH_DOWN,
        PORT_EXPRESS_TO_PCI,  /* below it is conventional PCI */
        PORT_PCI_TO_EXPRESS,
        PORT_PCI,             /* a conventional bridge */
        _PORT_KIND_MAX,
} PortKind;

typedef enum AcsState {
        ACS_UNKNOWN,          /* the port, or its extended configuration space, could not be read */
        ACS_COMPLETE,
        ACS_INCOMPLETE,       /* PortFacts.acs_missing is not in force */
        ACS_NONE,             /* no such capability */
        ACS_NOT_NEEDED,       /* upstream port that is the only function of its slot */
        _ACS_STATE_MAX,
} AcsState;

/* One bridge on the way from the root bus to the card. */
typedef struct PortFacts {
        PciAddress address;
        PortKind kind;
        AcsState acs;
        uint16_t acs_missing; /* ACS_..., of ACS_ISOLATION */
        bool is_alias;        /* DMA from below it may carry its requester id in place of the card's */
        char problem[128];    /* why it could not be read, or "" */
} PortFacts;

typedef struct GroupFacts {
        int32_t number;
        char type[ATTRIBUTE_VALUE_SIZE]; /* "DMA", "DMA-FQ", "identity", ...; "": not known */
        size_t n_regions;
        char regions[RESERVED_REGIONS_MAX][ATTRIBUTE_VALUE_SIZE]; /* "0xfee00000-0xfeefffff msi" */
        bool more_regions;
        char problem[128];
} GroupFacts;

typedef struct Isolation {
        CardFacts card; /* with the other members of its groups */
        size_t n_ports;
        PortFacts ports[PORTS_MAX]; /* from the root bus on */
        bool more_ports;
        size_t n_groups;
        GroupFacts groups[FUNCTIONS_MAX];
} Isolation;

/** isolation_init() - what there is to look at: the ports of the card's slot_path and the groups of its functions. */
void isolation_init(const CardFacts *card, Isolation *ret_isolation);

/**
 * isolation_take_port() - what a port's configuration space says of it
 * @problem: why there is none, then @size is 0; or ""
 */
void isolation_take_port(PortFacts *port, const uint8_t *config, size_t size, const char *problem);

/** isolation_take_group() - @text: its type, and in the lines below it what the kernel's reserved_regions has. */
void isolation_take_group(GroupFacts *group, const char *text, const char *problem);

/** isolation_is_viable() - can a guest have the group @number as it is? */
bool isolation_is_viable(const Isolation *isolation, int32_t number);

const char *port_kind_to_string(PortKind kind);
const char *acs_state_to_string(AcsState state);
/** acs_bit_to_string() - "source validation", ... of one bit of ACS_ISOLATION. */
const char *acs_bit_to_string(uint16_t bit);
