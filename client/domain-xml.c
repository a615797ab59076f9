/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libvirt gives the hook the live definition (virDomainDefFormat()). A host's PCI device stands in
 * it as <hostdev mode='subsystem' type='pci'> or as <interface type='hostdev'>, both with
 * <source><address domain= bus= slot= function=/></source>, numbers in hexadecimal. By hand
 * written XML may have them in decimal or octal; libvirt reads them as C does, and so does this.
 */

#include "client/domain-xml.h"

#include <libxml/parser.h>
#include <stdarg.h>
#include <stdbool.h>

#include "base/address.h"
#include "base/text.h"

DEFINE_CLEANUP(xmlParserCtxtPtr, xmlFreeParserCtxt)
DEFINE_CLEANUP(xmlDocPtr, xmlFreeDoc)

static inline void xml_text_free(xmlChar **text) {
        if (*text)
                xmlFree(*text);
}
#define _cleanup_xml_text_ _cleanup_(xml_text_free)

/* Where the reason of a failure goes. */
typedef struct Fault {
        char *text;
        size_t size;
} Fault;

static _printf_(3, 4) int fail_at(const Fault *fault, const xmlNode *node, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        int n = vsnprintf(fault->text, fault->size, format, ap);
        va_end(ap);
        if (node && n >= 0)
                (void) text_append(fault->text, fault->size, " (line %ld of the XML)", xmlGetLineNo(node));
        return -EINVAL;
}

static bool is_element(const xmlNode *node, const char *name) {
        return node->type == XML_ELEMENT_NODE && !node->ns && streq((const char *) node->name, name);
}

static const xmlNode *child(const xmlNode *parent, const char *name) {
        for (const xmlNode *node = parent->children; node; node = node->next)
                if (is_element(node, name))
                        return node;
        return NULL;
}

static xmlChar *attribute(const xmlNode *node, const char *name) {
        return xmlGetNoNsProp(node, (const xmlChar *) name);
}

static bool attribute_is(const xmlNode *node, const char *name, const char *expected, bool by_default) {
        _cleanup_xml_text_ xmlChar *value = attribute(node, name);

        return value ? streq((const char *) value, expected) : by_default;
}

/* 0x10, 16 and 020 are the same number. */
static int parse_number(const char *text, uint64_t *ret_value) {
        if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
                return text_to_uint64(text, 16, ret_value);
        return text_to_uint64(text, text[0] == '0' && text[1] ? 8 : 10, ret_value);
}

/* An attribute that is missing is 0, as libvirt has it. */
static int read_number(const xmlNode *node, const char *name, uint64_t max, uint64_t *ret_value,
                       const Fault *fault) {
        _cleanup_xml_text_ xmlChar *text = attribute(node, name);

        *ret_value = 0;
        if (!text)
                return 0;
        if (parse_number((const char *) text, ret_value) < 0 || *ret_value > max)
                return fail_at(fault, node, "%s='%.32s' in a PCI address is no number from 0 to %#llx", name,
                               (const char *) text, (unsigned long long) max);
        return 0;
}

static int read_address(const xmlNode *device, PciAddress *ret_address, const Fault *fault) {
        const xmlNode *source = child(device, "source"), *node = source ? child(source, "address") : NULL;
        uint64_t domain, bus, slot, function;

        if (!node)
                return fail_at(fault, device, "a PCI <%s> has no source address",
                               (const char *) device->name);
        if (read_number(node, "domain", UINT32_MAX, &domain, fault) < 0 ||
            read_number(node, "bus", 0xff, &bus, fault) < 0 ||
            read_number(node, "slot", 31, &slot, fault) < 0 ||
            read_number(node, "function", 7, &function, fault) < 0)
                return -EINVAL;
        *ret_address = (PciAddress){
                .domain = (uint32_t) domain,
                .bus = (uint8_t) bus,
                .slot = (uint8_t) slot,
                .function = (uint8_t) function,
        };
        return 0;
}

static int add_address(DomainXml *domain, const xmlNode *device, const Fault *fault) {
        PciAddress address;

        int r = read_address(device, &address, fault);
        if (r < 0)
                return r;
        for (size_t i = 0; i < domain->n_addresses; i++)
                if (address_equal(domain->addresses[i], address))
                        return 0;
        if (domain->n_addresses >= DOMAIN_ADDRESSES_MAX) {
                (void) fail_at(fault, device, "more than %u PCI devices of the host", DOMAIN_ADDRESSES_MAX);
                return -E2BIG;
        }
        domain->addresses[domain->n_addresses++] = address;
        return 0;
}

static bool is_pci_device(const xmlNode *node) {
        if (is_element(node, "hostdev"))
                return attribute_is(node, "mode", "subsystem", /* by_default= */ true) &&
                       attribute_is(node, "type", "pci", /* by_default= */ false);
        return is_element(node, "interface") &&
               attribute_is(node, "type", "hostdev", /* by_default= */ false);
}

static int read_devices(const xmlNode *root, DomainXml *domain, const Fault *fault) {
        const xmlNode *devices = child(root, "devices");

        for (const xmlNode *node = devices ? devices->children : NULL; node; node = node->next) {
                if (!is_pci_device(node))
                        continue;
                int r = add_address(domain, node, fault);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int read_text(const xmlNode *root, const char *name, char *buffer, size_t size, const Fault *fault) {
        const xmlNode *node = child(root, name);
        _cleanup_xml_text_ xmlChar *text = node ? xmlNodeGetContent(node) : NULL;

        if (!text || isempty((const char *) text))
                return fail_at(fault, root, "the domain has no <%s>", name);
        if (text_copy(buffer, size, (const char *) text) < 0)
                return fail_at(fault, node, "<%s> is longer than %zu bytes", name, size - 1);
        return 0;
}

static int read_domain(const xmlNode *root, DomainXml *domain, const Fault *fault) {
        if (!root || !is_element(root, "domain"))
                return fail_at(fault, root, "the outermost element is not <domain>");
        int r = read_text(root, "uuid", domain->uuid, sizeof(domain->uuid), fault);
        if (r < 0)
                return r;
        if (!text_is_uuid(domain->uuid))
                return fail_at(fault, child(root, "uuid"), "<uuid> holds no UUID");
        r = read_text(root, "name", domain->name, sizeof(domain->name), fault);
        return r < 0 ? r : read_devices(root, domain, fault);
}

/* Stops at the first sign of a DOCTYPE, before anything in it is read. */
static void on_doctype(void *userdata, const xmlChar *name, const xmlChar *external_id,
                       const xmlChar *system_id) {
        xmlParserCtxtPtr context = userdata;

        *(bool *) context->_private = true;
        xmlStopParser(context);
}

static int fail_syntax(const Fault *fault, xmlParserCtxtPtr context) {
        const xmlError *error = xmlCtxtGetLastError(context);

        if (!error || !error->message)
                return fail_at(fault, NULL, "it is no XML");
        (void) text_format(fault->text, fault->size, "%s", error->message);
        text_chomp(fault->text);
        (void) text_append(fault->text, fault->size, " (line %d of the XML)", error->line);
        return -EINVAL;
}

int domain_xml_parse(const char *data, size_t size, DomainXml *ret_domain, char *reterr, size_t reterr_size) {
        _cleanup_(xmlFreeParserCtxtp) xmlParserCtxtPtr context = NULL;
        _cleanup_(xmlFreeDocp) xmlDocPtr document = NULL;
        const Fault fault = { reterr, reterr_size };
        bool has_doctype = false;
        DomainXml domain = { 0 };

        if (size == 0)
                return fail_at(&fault, NULL, "it is empty");
        if (size > DOMAIN_XML_SIZE_MAX) {
                (void) fail_at(&fault, NULL, "it is longer than %u bytes", DOMAIN_XML_SIZE_MAX);
                return -E2BIG;
        }
        context = xmlNewParserCtxt();
        if (!context) {
                (void) fail_at(&fault, NULL, "out of memory");
                return -ENOMEM;
        }
        context->_private = &has_doctype;
        context->sax->internalSubset = on_doctype;
        document = xmlCtxtReadMemory(context, data, (int) size, NULL, NULL,
                                     XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING |
                                             XML_PARSE_NOCDATA);
        if (has_doctype)
                return fail_at(&fault, NULL, "it has a DOCTYPE, which no domain has");
        if (!document)
                return fail_syntax(&fault, context);
        int r = read_domain(xmlDocGetRootElement(document), &domain, &fault);
        if (r >= 0)
                *ret_domain = domain;
        return r;
}

int domain_xml_find_uuid(const char *data, size_t size, char ret_uuid[static UUID_TEXT_SIZE]) {
        static const char tag[] = "<uuid>";
        const char *start = memmem(data, size, tag, sizeof(tag) - 1);
        char uuid[UUID_TEXT_SIZE] = "";

        if (!start)
                return -ENOENT;
        start += sizeof(tag) - 1;
        if ((size_t) (data + size - start) < sizeof(uuid) - 1)
                return -ENOENT;
        memcpy(uuid, start, sizeof(uuid) - 1);
        if (!text_is_uuid(uuid))
                return -ENOENT;
        return text_copy(ret_uuid, UUID_TEXT_SIZE, uuid);
}
