/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Builds libxml2's tree and walks it by hand: only /domain/{name,uuid} and the children of /domain/devices
 * count, because <metadata> may hold anything, and looks like anything.
 *
 * The tree is built without network, DTD and entities. A document type declaration stops the parser at once,
 * before any entity is defined, so there is nothing that could grow; without XML_PARSE_HUGE libxml2 itself
 * bounds depth (256) and the length of names and texts.
 *
 * When memory runs out, libxml2 may go on without the node or attribute that it could not make, and a card
 * that is left out is a VM that starts without anybody having prepared it. So whatever says "no memory",
 * anywhere, makes the whole document a failure.
 */

#include "domain/domain-xml.h"

#include <assert.h>
#include <ctype.h>
#include <libxml/parser.h>
#include <libxml/SAX2.h>
#include <libxml/parserInternals.h>
#include <libxml/tree.h>

#include "base/address.h"
#include "base/macros.h"
#include "base/text.h"

typedef struct Reader {
        DomainDescription domain;
        char *message;
        size_t message_size;
        bool have_uuid;
        bool have_name;
        bool out_of_memory;
} Reader;

DEFINE_CLEANUP(xmlParserCtxtPtr, xmlFreeParserCtxt)
DEFINE_CLEANUP(xmlDocPtr, xmlFreeDoc)

static inline void free_xml_text(xmlChar **text) {
        if (*text)
                xmlFree(*text);
}
#define _cleanup_xml_text_ _cleanup_(free_xml_text)

/* libxml2's messages quote the document: what a terminal would act on is not passed on. */
static void make_printable(char *s) {
        for (text_chomp(s); *s; s++)
                if ((unsigned char) *s < 0x20 || (unsigned char) *s > 0x7e)
                        *s = '?';
}

_printf_(4, 5) static int fail(Reader *reader, int error, long line, const char *format, ...) {
        va_list ap;

        reader->message[0] = '\0';
        if (line > 0)
                (void) text_format(reader->message, reader->message_size, "line %ld: ", line);
        size_t n = strlen(reader->message);
        va_start(ap, format);
        (void) vsnprintf(reader->message + n, reader->message_size - n, format, ap);
        va_end(ap);
        make_printable(reader->message);
        return error;
}

static bool is_element(const xmlNode *node, const char *name) {
        return node->type == XML_ELEMENT_NODE && !node->ns && streq((const char *) node->name, name);
}

static xmlNode *child(const xmlNode *parent, const char *name) {
        for (xmlNode *node = parent->children; node; node = node->next)
                if (is_element(node, name))
                        return node;
        return NULL;
}

/* NULL: it has none, or there is no memory, which is noted. */
static xmlChar *attribute(Reader *reader, xmlNode *node, const char *name) {
        xmlChar *text = xmlGetNoNsProp(node, (const xmlChar *) name);

        if (!text && xmlHasNsProp(node, (const xmlChar *) name, NULL))
                reader->out_of_memory = true;
        return text;
}

static bool attribute_is(Reader *reader, xmlNode *node, const char *name, const char *value) {
        _cleanup_xml_text_ xmlChar *text = attribute(reader, node, name);

        return text && streq((const char *) text, value);
}

/* As libvirt reads it (base 0 of strtoul()): 0x hex, leading 0 octal, else decimal; missing means 0. */
static int attribute_number(Reader *reader, xmlNode *node, const char *name, uint32_t max, uint32_t *ret) {
        _cleanup_xml_text_ xmlChar *text = attribute(reader, node, name);
        char *end = NULL;

        *ret = 0;
        if (!text)
                return 0;
        errno = 0;
        unsigned long value = strtoul((const char *) text, &end, 0);
        if (!isdigit(text[0]) || *end != '\0' || errno != 0)
                return fail(reader, -EBADMSG, xmlGetLineNo(node), "%s=\"%.32s\" of an address is no number",
                            name, text);
        if (value > max)
                return fail(reader, -EBADMSG, xmlGetLineNo(node), "%s=\"%.32s\" of an address is over 0x%x",
                            name, text, max);
        *ret = (uint32_t) value;
        return 0;
}

static int read_address(Reader *reader, xmlNode *node, PciAddress *ret_address) {
        uint32_t domain, bus, slot, function;
        int r;

        if ((r = attribute_number(reader, node, "domain", UINT32_MAX, &domain)) < 0 ||
            (r = attribute_number(reader, node, "bus", UINT8_MAX, &bus)) < 0 ||
            (r = attribute_number(reader, node, "slot", 31, &slot)) < 0 ||
            (r = attribute_number(reader, node, "function", 7, &function)) < 0)
                return r;
        *ret_address = (PciAddress){
                .domain = domain,
                .bus = (uint8_t) bus,
                .slot = (uint8_t) slot,
                .function = (uint8_t) function,
        };
        return 0;
}

static void read_alias(Reader *reader, const xmlNode *device, char alias[static DOMAIN_ALIAS_SIZE]) {
        xmlNode *node = child(device, "alias");
        _cleanup_xml_text_ xmlChar *text = node ? attribute(reader, node, "name") : NULL;

        alias[0] = '\0';
        if (text)
                (void) text_copy(alias, DOMAIN_ALIAS_SIZE, (const char *) text);
}

static int read_device(Reader *reader, const xmlNode *device) {
        DomainDescription *domain = &reader->domain;
        const xmlNode *source = child(device, "source");
        xmlNode *node = source ? child(source, "address") : NULL;
        PciAddress address;

        if (!node)
                return fail(reader, -EBADMSG, xmlGetLineNo(device),
                            "<%s> without <source><address/></source>", device->name);
        int r = read_address(reader, node, &address);
        if (r < 0)
                return r;
        for (size_t i = 0; i < domain->n_addresses; i++)
                if (address_equal(domain->addresses[i], address))
                        return 0;
        if (domain->n_addresses >= DOMAIN_ADDRESSES_MAX)
                return fail(reader, -E2BIG, xmlGetLineNo(device), "more than %u PCI devices of the host",
                            DOMAIN_ADDRESSES_MAX);
        read_alias(reader, device, domain->aliases[domain->n_addresses]);
        domain->addresses[domain->n_addresses++] = address;
        return 0;
}

/* Of an interface the source's type is spelled out: its address may be one on USB. */
static bool is_interface_on_pci(Reader *reader, xmlNode *node) {
        if (!is_element(node, "interface") || !attribute_is(reader, node, "type", "hostdev"))
                return false;
        const xmlNode *source = child(node, "source");
        xmlNode *address = source ? child(source, "address") : NULL;
        return !address || attribute_is(reader, address, "type", "pci");
}

static bool is_hostdev_on_pci(Reader *reader, xmlNode *node) {
        if (!is_element(node, "hostdev") || !attribute_is(reader, node, "type", "pci"))
                return false;
        return !xmlHasProp(node, (const xmlChar *) "mode") || attribute_is(reader, node, "mode", "subsystem");
}

static int read_devices(Reader *reader, const xmlNode *devices) {
        for (xmlNode *node = devices->children; node; node = node->next) {
                if (!is_hostdev_on_pci(reader, node) && !is_interface_on_pci(reader, node))
                        continue;
                int r = read_device(reader, node);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int read_uuid(Reader *reader, const xmlNode *node) {
        _cleanup_xml_text_ xmlChar *text = xmlNodeGetContent(node);

        if (!text || !text_is_uuid((const char *) text))
                return fail(reader, -EBADMSG, xmlGetLineNo(node), "<uuid> holds no UUID");
        for (size_t i = 0; i < UUID_TEXT_SIZE; i++)
                reader->domain.uuid[i] = (char) tolower(text[i]);
        reader->have_uuid = true;
        return 0;
}

static int read_name(Reader *reader, const xmlNode *node) {
        _cleanup_xml_text_ xmlChar *text = xmlNodeGetContent(node);

        if (!text || text[0] == '\0')
                return fail(reader, -EBADMSG, xmlGetLineNo(node), "<name> is empty");
        if (text_copy(reader->domain.name, sizeof(reader->domain.name), (const char *) text) < 0)
                return fail(reader, -E2BIG, xmlGetLineNo(node), "<name> is longer than %u bytes",
                            DOMAIN_NAME_SIZE - 1);
        reader->have_name = true;
        return 0;
}

static int read_domain(Reader *reader, const xmlNode *root) {
        int r = 0;

        if (!is_element(root, "domain"))
                return fail(reader, -EBADMSG, xmlGetLineNo(root), "the root is <%.32s>%s, not <domain>",
                            root->name, root->ns ? " of another namespace" : "");
        for (const xmlNode *node = root->children; node && r >= 0; node = node->next) {
                if (is_element(node, "uuid") && !reader->have_uuid)
                        r = read_uuid(reader, node);
                else if (is_element(node, "name") && !reader->have_name)
                        r = read_name(reader, node);
                else if (is_element(node, "devices"))
                        r = read_devices(reader, node);
        }
        if (r < 0)
                return r;
        if (!reader->have_uuid || !reader->have_name)
                return fail(reader, -EBADMSG, xmlGetLineNo(root), "<domain> without <%s>",
                            reader->have_uuid ? "name" : "uuid");
        return 0;
}

/* Called instead of libxml2's printing to stderr; of the parser's own faults, its last error tells. */
static void on_error(void *userdata,
#if LIBXML_VERSION >= 21200
                     const xmlError *error
#else
                     xmlError *error
#endif
) {
        Reader *reader = userdata;

        reader->out_of_memory |= error->code == XML_ERR_NO_MEMORY;
}

/* libxml2 calls this at "<!DOCTYPE name", before it reads a single entity. */
static void on_document_type(void *context, const xmlChar *name, const xmlChar *id, const xmlChar *system) {
        xmlParserCtxt *parser = context;
        int *line = parser->_private;

        *line = xmlSAX2GetLineNumber(context);
        xmlStopParser(parser);
}

static int build_tree(Reader *reader, const char *text, size_t size, xmlDoc **ret_tree) {
        _cleanup_(xmlFreeParserCtxtp) xmlParserCtxtPtr parser = xmlNewParserCtxt();
        int document_type_line = 0;

        if (!parser || !parser->sax)
                return fail(reader, -ENOMEM, 0, "out of memory");
        parser->_private = &document_type_line;
        parser->sax->internalSubset = on_document_type;
        _cleanup_(xmlFreeDocp) xmlDocPtr tree = xmlCtxtReadMemory(
                parser, text, (int) size, NULL, NULL,
                XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NOCDATA);
        if (document_type_line > 0)
                return fail(reader, -EBADMSG, document_type_line,
                            "it has a document type declaration, which libvirt never writes");
        if (!tree || !xmlDocGetRootElement(tree)) {
                const xmlError *error = xmlCtxtGetLastError(parser);
                return fail(reader, error && error->code == XML_ERR_NO_MEMORY ? -ENOMEM : -EBADMSG,
                            error ? error->line : 0, "%.200s",
                            error && error->message ? error->message : "no XML document");
        }
        *ret_tree = TAKE_PTR(tree);
        return 0;
}

int domain_xml_parse(const char *text, size_t size, DomainDescription *ret, char *reterr_message,
                     size_t message_size) {
        Reader reader = { .message = reterr_message, .message_size = message_size };
        _cleanup_(xmlFreeDocp) xmlDocPtr tree = NULL;

        assert(message_size > 0);
        if (size > DOMAIN_XML_SIZE_MAX)
                return fail(&reader, -E2BIG, 0, "it is larger than %u bytes", DOMAIN_XML_SIZE_MAX);
        xmlSetStructuredErrorFunc(&reader, on_error);
        int r = build_tree(&reader, text, size, &tree);
        if (r >= 0)
                r = read_domain(&reader, xmlDocGetRootElement(tree));
        xmlSetStructuredErrorFunc(NULL, NULL);
        if (reader.out_of_memory)
                r = fail(&reader, -ENOMEM, 0, "out of memory");
        if (r >= 0)
                *ret = reader.domain;
        return r;
}
