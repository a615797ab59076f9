/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* READS: what gpuswitch needs to know of a libvirt domain, out of its XML. */

#include <stddef.h>

#include "gpuswitch/address.h"
#include "gpuswitch/limits.h"

#define DOMAIN_ALIAS_SIZE 64U /* with NUL */

typedef struct DomainDescription {
        char uuid[UUID_TEXT_SIZE];   /* lower case */
        char name[DOMAIN_NAME_SIZE]; /* UTF-8 */
        /* PCI devices of the host that the domain has: <hostdev mode='subsystem' type='pci'> and
         * <interface type='hostdev'>, each address once, in the order of the XML. */
        size_t n_addresses;
        PciAddress addresses[DOMAIN_ADDRESSES_MAX];
        /* libvirt's name of each device in a running domain; "" when the XML has none, or one that does not
         * fit: an alias only serves to find an address again, it never decides anything. */
        char aliases[DOMAIN_ADDRESSES_MAX][DOMAIN_ALIAS_SIZE];
} DomainDescription;

/**
 * domain_xml_parse() - read a domain's XML as libvirt gives it to hooks and by virDomainGetXMLDesc()
 * @text:           not necessarily terminated; from outside, nothing about it is trusted
 * @ret:            set only on success
 * @reterr_message: set only on failure: one line in printable ASCII, "line N: what is wrong" where there
 *                  is a line to name; cut when it does not fit
 *
 * No network, no file, no DTD is ever read: a document with a document type declaration is refused.
 *
 * Return: 0; -EBADMSG when it is no domain XML or an address is wrong; -E2BIG when it is over a limit
 * (size, length of the name, number of PCI devices); -ENOMEM.
 */
int domain_xml_parse(const char *text, size_t size, DomainDescription *ret, char *reterr_message,
                     size_t message_size);
