/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The running domains as libvirt last showed them, with their PCI devices. Kept because of the aliases: when
 * a device has been removed, libvirt names its alias, and the XML no longer knows which address that was.
 */

#include <libvirt/libvirt.h>
#include <stdbool.h>

#include "domain/domain-xml.h"
#include "gpuswitch/deadlines.h"

typedef struct DomainList {
        size_t n;
        DomainDescription *domains[DOMAINS_MAX]; /* owned */
} DomainList;

/** domain_list_done() - empty the list. */
void domain_list_done(DomainList *list);

/**
 * domain_list_read() - replace the list by what runs now
 * @ret_begun_usec: CLOCK_MONOTONIC just before libvirt was asked: set always
 *
 * Blocks while a hook of any domain runs. A domain whose XML cannot be read is in the list all the same, with
 * the devices it was last known to have: it runs, and "not in the list" means the end of a lease.
 *
 * Return: 0; -ENOTCONN when libvirt gives no whole list; -E2BIG when more than DOMAINS_MAX domains run;
 * -ENOMEM. On failure the list is as it was.
 */
int domain_list_read(DomainList *list, virConnectPtr connect, usec_t *ret_begun_usec);

/**
 * domain_list_read_one() - look at one domain again
 * @ret_changed: its devices are not those of before (a domain that is new to the list and has none: no
 * change)
 *
 * Return: 0; -ENOENT when the domain has gone (and left the list); -ENOTCONN, -EBADMSG when its XML cannot be
 * read; -E2BIG, -ENOMEM. On failure other than -ENOENT the list is as it was.
 */
int domain_list_read_one(DomainList *list, virDomainPtr domain, bool *ret_changed);

/** domain_list_find() - NULL when it is not in the list. */
const DomainDescription *domain_list_find(const DomainList *list, const char *uuid);

/** domain_list_remove() - the domain has ended. */
void domain_list_remove(DomainList *list, const char *uuid);

/**
 * domain_list_take_device() - the device has been removed from the domain
 *
 * Return: 0, and the device is no longer in the list; -ENOENT: no PCI device with this alias is known.
 */
int domain_list_take_device(DomainList *list, const char *uuid, const char *alias, PciAddress *ret_address);
