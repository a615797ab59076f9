/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Domain XML: what libvirt writes, and what nobody should have written. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/macros.h"
#include "base/text.h"
#include "check-main.h"
#include "domain/domain-xml.h"

#define UUID "4dea22b3-1d52-d8f3-2516-782e98ab3fa0"
#define HEAD "<domain>\n<name>a</name>\n<uuid>" UUID "</uuid>\n"
#define HOSTDEV(source) "<hostdev mode='subsystem' type='pci'>" source "</hostdev>"
#define WITH(devices) HEAD "<devices>\n" devices "</devices></domain>"

static DomainDescription domain;
static char message[256];

static int parse(const char *text) {
        memset(&domain, 0xaa, sizeof(domain));
        strcpy(message, "untouched");
        return domain_xml_parse(text, strlen(text), &domain, message, sizeof(message));
}

static char *corpus_read(const char *name) {
        _cleanup_fclose_ FILE *f = NULL;
        char path[512];
        size_t size = 0;
        char *text = NULL;

        ck_assert_int_eq(
                text_format(path, sizeof(path), "%s/tests/unit/corpus/domain/%s", TEST_SOURCE_DIR, name), 0);
        ck_assert_ptr_nonnull(f = fopen(path, "re"));
        ck_assert_int_gt((int) getdelim(&text, &size, '\0', f), 0);
        return text;
}

START_TEST(running_domain) {
        _cleanup_free_ char *text = corpus_read("running.xml");

        ck_assert_int_eq(parse(text), 0);
        ck_assert_str_eq(domain.uuid, UUID);
        ck_assert_str_eq(domain.name, "win11");
        ck_assert_uint_eq(domain.n_addresses, 3);
        ck_assert_str_eq(ADDRESS_TEXT(domain.addresses[0]), "0000:01:00.0");
        ck_assert_str_eq(ADDRESS_TEXT(domain.addresses[1]), "10000:0a:1f.7");
        ck_assert_str_eq(ADDRESS_TEXT(domain.addresses[2]), "0000:03:10.2");
        ck_assert_str_eq(domain.aliases[0], "hostdev0");
        ck_assert_str_eq(domain.aliases[1], "ua-gpu-audio");
        ck_assert_str_eq(domain.aliases[2], "hostdev5");
        ck_assert_str_eq(message, "untouched");
}
END_TEST

/* Every prefix of a good document is a bad document, read without a byte too many. */
START_TEST(every_prefix_is_refused) {
        _cleanup_free_ char *text = corpus_read("running.xml");
        size_t size = strlen(text_chomp(text));

        for (size_t n = 0; n < size; n += n < 200 ? 1 : 7) {
                _cleanup_free_ char *exact = malloc(n + (n == 0));
                ck_assert_ptr_nonnull(exact);
                memcpy(exact, text, n);
                ck_assert_int_eq(domain_xml_parse(exact, n, &domain, message, sizeof(message)), -EBADMSG);
        }
        ck_assert_int_eq(domain_xml_parse(text, size, &domain, message, sizeof(message)), 0);
}
END_TEST

static const struct {
        const char *text;
        int result;
        const char *message; /* its beginning */
} refused[] = {
        { "", -EBADMSG, "" },
        { "no XML at all", -EBADMSG, "line 1: " },
        { "<domain>\n<name>a</nam>\n</domain>", -EBADMSG, "line 2: " },
        { "<domainsnapshot><name>a</name></domainsnapshot>", -EBADMSG,
          "line 1: the root is <domainsnapshot>, not <domain>" },
        { "<x:domain xmlns:x='urn:x'><name>a</name></x:domain>", -EBADMSG, "line 1: the root is" },
        { "<domain/>", -EBADMSG, "line 1: <domain> without <uuid>" },
        { "<domain>\n<uuid>" UUID "</uuid></domain>", -EBADMSG, "line 1: <domain> without <name>" },
        { "<domain>\n<name/><uuid>" UUID "</uuid></domain>", -EBADMSG, "line 2: <name> is empty" },
        { "<domain>\n<name>a</name>\n<uuid>" UUID "0</uuid></domain>", -EBADMSG,
          "line 3: <uuid> holds no UUID" },
        { "<domain><name>&unknown;</name></domain>", -EBADMSG, "line 1: " },
        { WITH(HOSTDEV("")), -EBADMSG, "line 5: <hostdev> without <source><address/></source>" },
        { WITH(HOSTDEV("<source/>")), -EBADMSG, "line 5: <hostdev> without" },
        { WITH(HOSTDEV("<address bus='1'/>")), -EBADMSG, "line 5: <hostdev> without" },
        { WITH("<interface type='hostdev'/>"), -EBADMSG, "line 5: <interface> without" },
        { WITH(HOSTDEV("<source>\n<address bus='0x100'/></source>")), -EBADMSG,
          "line 6: bus=\"0x100\" of an address is over 0xff" },
        { WITH(HOSTDEV("<source><address slot='32'/></source>")), -EBADMSG, "line 5: slot=\"32\"" },
        { WITH(HOSTDEV("<source><address function='0x8'/></source>")), -EBADMSG, "line 5: function=\"0x8\"" },
        { WITH(HOSTDEV("<source><address domain='0x100000000'/></source>")), -EBADMSG, "line 5: domain=" },
        { WITH(HOSTDEV("<source><address domain='99999999999999999999999'/></source>")), -EBADMSG,
          "line 5: domain=" },
        { WITH(HOSTDEV("<source><address bus=''/></source>")), -EBADMSG,
          "line 5: bus=\"\" of an address is no" },
        { WITH(HOSTDEV("<source><address bus='-1'/></source>")), -EBADMSG, "line 5: bus=\"-1\"" },
        { WITH(HOSTDEV("<source><address bus=' 1'/></source>")), -EBADMSG, "line 5: bus=\" 1\"" },
        { WITH(HOSTDEV("<source><address bus='1.0'/></source>")), -EBADMSG, "line 5: bus=\"1.0\"" },
        { WITH(HOSTDEV("<source><address bus='0xg'/></source>")), -EBADMSG, "line 5: bus=\"0xg\"" },
        /* What a terminal would obey does not get through. */
        { WITH(HOSTDEV("<source><address bus='\xc2\x9b"
                       "2J'/></source>")),
          -EBADMSG, "line 5: bus=\"??2J\"" },
};

START_TEST(refused_with_its_line) {
        ck_assert_int_eq(parse(refused[_i].text), refused[_i].result);
        ck_assert_msg(text_starts_with(message, refused[_i].message), "%s: %s", refused[_i].text, message);
        for (const char *s = message; *s; s++)
                ck_assert_msg(*s >= 0x20 && *s <= 0x7e, "%s", message);
        ck_assert_int_eq(domain.uuid[0], (char) 0xaa);
}
END_TEST

START_TEST(no_document_type) {
        static const char *const files[] = { "entities.xml", "outside-entity.xml" };
        _cleanup_free_ char *text = corpus_read(files[_i]);

        ck_assert_int_eq(parse(text), -EBADMSG);
        ck_assert_ptr_nonnull(strstr(message, "document type declaration"));
}
END_TEST

START_TEST(truncated_file_names_its_line) {
        _cleanup_free_ char *text = corpus_read("truncated.xml");

        ck_assert_int_eq(parse(text), -EBADMSG);
        ck_assert_ptr_nonnull(text_starts_with(message, "line 7: "));
}
END_TEST

START_TEST(forms_of_an_address) {
        ck_assert_int_eq(parse(WITH(HOSTDEV("<source><address/></source>")
                                            HOSTDEV("<source><address bus='0X1f' slot='010'/></source>")
                                                    HOSTDEV("<source><address/></source>"))),
                         0);
        ck_assert_uint_eq(domain.n_addresses, 2); /* the third one is the first one again */
        ck_assert_str_eq(ADDRESS_TEXT(domain.addresses[0]), "0000:00:00.0");
        ck_assert_str_eq(ADDRESS_TEXT(domain.addresses[1]), "0000:1f:08.0");
        ck_assert_str_eq(domain.aliases[0], "");
}
END_TEST

START_TEST(limits) {
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        FILE *f = open_memstream(&text, &size);

        fprintf(f, HEAD "<devices>");
        for (unsigned i = 0; i < DOMAIN_ADDRESSES_MAX; i++)
                fprintf(f, HOSTDEV("<source><address bus='%u'/></source><alias name='%0*u'/>"), i,
                        i % 2 ? 64 : 63, i);
        long full = ftell(f);
        fprintf(f, "</devices></domain>");
        fflush(f);
        ck_assert_int_eq(parse(text), 0);
        ck_assert_uint_eq(domain.n_addresses, DOMAIN_ADDRESSES_MAX);
        ck_assert_uint_eq(strlen(domain.aliases[0]), 63);
        ck_assert_str_eq(domain.aliases[1], "");
        fseek(f, full, SEEK_SET);
        fprintf(f, HOSTDEV("<source><address bus='200'/></source>") "</devices></domain>");
        fclose(f);
        ck_assert_int_eq(parse(text), -E2BIG);
        ck_assert_str_eq(message, "line 4: more than 64 PCI devices of the host");
}
END_TEST

START_TEST(limit_of_size_and_name) {
        size_t size = DOMAIN_XML_SIZE_MAX + 1;
        _cleanup_free_ char *text = malloc(size + 1);
        char name[2048];

        ck_assert_ptr_nonnull(text);
        memset(text, ' ', size);
        ck_assert_int_eq(domain_xml_parse(text, size, &domain, message, sizeof(message)), -E2BIG);
        for (unsigned n = DOMAIN_NAME_SIZE - 1; n <= DOMAIN_NAME_SIZE; n++) {
                snprintf(name, sizeof(name), "<domain><name>%0*d</name><uuid>" UUID "</uuid></domain>",
                         (int) n, 0);
                ck_assert_int_eq(parse(name), n < DOMAIN_NAME_SIZE ? 0 : -E2BIG);
        }
        /* Deep nesting ends in an error, not on the stack. */
        for (size_t i = 0; i + 3 <= size; i += 3)
                memcpy(text + i, "<a>", 3);
        ck_assert_int_eq(domain_xml_parse(text, DOMAIN_XML_SIZE_MAX, &domain, message, sizeof(message)),
                         -EBADMSG);
}
END_TEST

START_TEST(small_message_buffer) {
        char small[8];

        ck_assert_int_eq(domain_xml_parse("<domain/>", 9, &domain, small, sizeof(small)), -EBADMSG);
        ck_assert_str_eq(small, "line 1:");
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("domain-xml");
        TCase *tests = tcase_create("domain-xml");

        tcase_add_test(tests, running_domain);
        tcase_add_test(tests, every_prefix_is_refused);
        tcase_add_loop_test(tests, refused_with_its_line, 0, (int) ELEMENTSOF(refused));
        tcase_add_loop_test(tests, no_document_type, 0, 2);
        tcase_add_test(tests, truncated_file_names_its_line);
        tcase_add_test(tests, forms_of_an_address);
        tcase_add_test(tests, limits);
        tcase_add_test(tests, limit_of_size_and_name);
        tcase_add_test(tests, small_message_buffer);
        suite_add_tcase(suite, tests);
        return suite;
}

CHECK_MAIN(make_suite)
