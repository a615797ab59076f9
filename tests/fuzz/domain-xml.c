/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A domain's XML, as hooks and virtwatch get it. */

#include <ctype.h>
#include <string.h>

#include "base/address.h"
#include "base/text.h"
#include "domain/domain-xml.h"
#include "fuzz.h"

static void add_domain(FuzzVerdict *verdict, const DomainDescription *domain) {
        verdict_add_field(verdict, domain->uuid);
        verdict_add_field(verdict, domain->name);
        fuzz_require(text_is_uuid(domain->uuid));
        for (const char *c = domain->uuid; *c; c++)
                fuzz_require(!isupper((unsigned char) *c));
        fuzz_require(!isempty(domain->name) && fuzz_is_utf8(domain->name));
        fuzz_require(domain->n_addresses <= DOMAIN_ADDRESSES_MAX);
        for (size_t i = 0; i < domain->n_addresses; i++) {
                PciAddress again;
                fuzz_require(address_parse(ADDRESS_TEXT(domain->addresses[i]), &again) == 0);
                fuzz_require(address_equal(again, domain->addresses[i]));
                for (size_t k = 0; k < i; k++)
                        fuzz_require(!address_equal(again, domain->addresses[k]), "listed twice");
                verdict_add(verdict, ADDRESS_TEXT(again), PCI_ADDRESS_TEXT_SIZE);
                verdict_add_field(verdict, domain->aliases[i]);
        }
}

void fuzz_input(const uint8_t *data, size_t size, FuzzVerdict *ret) {
        static DomainDescription domain;
        char message[MESSAGE_TEXT_SIZE] = "";

        int r = domain_xml_parse((const char *) data, size, &domain, message, sizeof(message));
        fuzz_require(r == 0 || r == -EBADMSG || r == -E2BIG || r == -ENOMEM, "%d", r);
        if (r == 0)
                return add_domain(ret, &domain);
        for (const char *c = message; *c; c++)
                fuzz_require(isprint((unsigned char) *c), "byte 0x%02x in a message", (unsigned char) *c);
        ret->error = r == -ENOMEM ? r : 0;
        verdict_refuse(ret, "%s", message);
}
