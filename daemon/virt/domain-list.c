/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every libvirt call here blocks for as long as libvirt likes; that delays this process and nobody else. */

#include "virt/domain-list.h"

#include <libvirt/virterror.h>
#include <time.h>

#include "base/address.h"
#include "base/macros.h"
#include "base/text.h"
#include "clock/clock.h"
#include "log/log.h"

static void free_domains(virDomainPtr *domains, int n) {
        for (int i = 0; i < n; i++)
                virDomainFree(domains[i]);
        free(domains);
}

void domain_list_done(DomainList *list) {
        for (size_t i = 0; i < list->n; i++)
                free(list->domains[i]);
        list->n = 0;
}

static DomainDescription **find(const DomainList *list, const char *uuid) {
        for (size_t i = 0; i < list->n; i++)
                if (streq(list->domains[i]->uuid, uuid))
                        return (DomainDescription **) &list->domains[i];
        return NULL;
}

const DomainDescription *domain_list_find(const DomainList *list, const char *uuid) {
        DomainDescription **found = find(list, uuid);

        return found ? *found : NULL;
}

void domain_list_remove(DomainList *list, const char *uuid) {
        DomainDescription **found = find(list, uuid);

        if (!found)
                return;
        free(*found);
        *found = list->domains[--list->n];
}

/* 0; -ENOENT: it does not run any more; -ENOTCONN, -EBADMSG, -E2BIG, -ENOMEM. */
static int read_description(virDomainPtr domain, DomainDescription *ret) {
        char message[MESSAGE_TEXT_SIZE];

        /* Without the SECURE flag, which a read-only connection is not given. */
        _cleanup_free_ char *text = virDomainGetXMLDesc(domain, 0);
        if (!text)
                return virGetLastErrorCode() == VIR_ERR_NO_DOMAIN ? -ENOENT : -ENOTCONN;
        int r = domain_xml_parse(text, strlen(text), ret, message, sizeof(message));
        if (r < 0)
                log_warning("The XML of domain '%s' cannot be read: %s", virDomainGetName(domain), message);
        return r;
}

/* What is sure of a domain without its XML. */
static void describe_unread(virDomainPtr domain, const DomainDescription *before, DomainDescription *ret) {
        *ret = before ? *before : (DomainDescription){ 0 };
        (void) virDomainGetUUIDString(domain, ret->uuid);
        /* A name that was cut might end within a character; an UUID is a name as well. */
        if (text_copy(ret->name, sizeof(ret->name), virDomainGetName(domain)) < 0)
                (void) text_copy(ret->name, sizeof(ret->name), ret->uuid);
}

static int read_into(DomainList *fresh, const DomainList *before, virConnectPtr connect,
                     virDomainPtr domain) {
        char uuid[VIR_UUID_STRING_BUFLEN] = "";

        _cleanup_free_ DomainDescription *description = calloc(1, sizeof(*description));
        if (!description)
                return -ENOMEM;
        int r = read_description(domain, description);
        if (r == -ENOENT)
                return 0;
        if (r == -ENOMEM || (r == -ENOTCONN && virConnectIsAlive(connect) != 1))
                return r;
        if (virDomainGetUUIDString(domain, uuid) < 0)
                return -ENOTCONN;
        if (r < 0)
                describe_unread(domain, domain_list_find(before, uuid), description);
        fresh->domains[fresh->n++] = TAKE_PTR(description);
        return 0;
}

int domain_list_read(DomainList *list, virConnectPtr connect, usec_t *ret_begun_usec) {
        DomainList *fresh = calloc(1, sizeof(*fresh));
        virDomainPtr *domains = NULL;
        int r = 0;

        *ret_begun_usec = now_monotonic_usec();
        if (!fresh)
                return -ENOMEM;
        int n = virConnectListAllDomains(connect, &domains, VIR_CONNECT_LIST_DOMAINS_ACTIVE);
        if (n < 0)
                r = -ENOTCONN;
        else if ((unsigned) n > DOMAINS_MAX)
                r = -E2BIG;
        for (int i = 0; i < n && r >= 0; i++)
                r = read_into(fresh, list, connect, domains[i]);
        free_domains(domains, n);
        if (r >= 0) {
                DomainList old = *list;
                *list = *fresh;
                *fresh = old;
        }
        domain_list_done(fresh);
        free(fresh);
        return r;
}

static bool same_devices(const DomainDescription *a, const DomainDescription *b) {
        if (a->n_addresses != b->n_addresses)
                return false;
        for (size_t i = 0; i < a->n_addresses; i++)
                if (!address_equal(a->addresses[i], b->addresses[i]))
                        return false;
        return true;
}

int domain_list_read_one(DomainList *list, virDomainPtr domain, bool *ret_changed) {
        char uuid[VIR_UUID_STRING_BUFLEN] = "";

        _cleanup_free_ DomainDescription *description = calloc(1, sizeof(*description));
        if (!description)
                return -ENOMEM;
        int r = read_description(domain, description);
        if (r == -ENOENT && virDomainGetUUIDString(domain, uuid) >= 0)
                domain_list_remove(list, uuid);
        if (r < 0)
                return r;
        DomainDescription **found = find(list, description->uuid);
        if (!found && list->n >= DOMAINS_MAX)
                return -E2BIG;
        *ret_changed = found ? !same_devices(*found, description) : description->n_addresses > 0;
        if (!found)
                found = &list->domains[list->n++];
        else
                free(*found);
        *found = TAKE_PTR(description);
        return 0;
}

int domain_list_take_device(DomainList *list, const char *uuid, const char *alias, PciAddress *ret_address) {
        DomainDescription **found = find(list, uuid);

        for (size_t i = 0; found && i < (*found)->n_addresses; i++) {
                DomainDescription *domain = *found;
                if (isempty(alias) || !streq(domain->aliases[i], alias))
                        continue;
                *ret_address = domain->addresses[i];
                size_t n_behind = --domain->n_addresses - i;
                memmove(&domain->addresses[i], &domain->addresses[i + 1],
                        n_behind * sizeof(domain->addresses[0]));
                memmove(&domain->aliases[i], &domain->aliases[i + 1], n_behind * sizeof(domain->aliases[0]));
                return 0;
        }
        return -ENOENT;
}
