/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the hook needs of a libvirt domain's XML. */

#include <stddef.h>

#include "gpuswitch/address.h"
#include "gpuswitch/limits.h"

typedef struct DomainXml {
        char uuid[UUID_TEXT_SIZE];
        char name[DOMAIN_NAME_SIZE];
        size_t n_addresses;
        PciAddress
                addresses[DOMAIN_ADDRESSES_MAX]; /* of the host's PCI devices that the VM gets, each once */
} DomainXml;

/**
 * domain_xml_parse() - read a domain's XML, trusting nothing in it
 * @data: need not end in NUL
 * @reterr: one sentence with the line where there is one; set on failure
 *
 * Documents with a DOCTYPE are refused: libvirt writes none, and entities come only by it.
 *
 * Return: 0; -EINVAL for anything that is no domain; -E2BIG over a limit; -ENOMEM.
 */
int domain_xml_parse(const char *data, size_t size, DomainXml *ret_domain, char *reterr, size_t reterr_size);

/**
 * domain_xml_find_uuid() - the first <uuid> in a text that may be no XML at all
 *
 * Return: 0, or -ENOENT.
 */
int domain_xml_find_uuid(const char *data, size_t size, char ret_uuid[static UUID_TEXT_SIZE]);
