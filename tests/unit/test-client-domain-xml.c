/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "check-main.h"

#include "base/address.h"
#include "base/text.h"
#include "client/domain-xml.h"

#define UUID "4dea22b3-1d52-d8f3-2516-782e98ab3fa0"
#define HEAD "<domain type='kvm'>\n<name>vm</name>\n<uuid>" UUID "</uuid>\n"
#define DOMAIN(devices) HEAD "<devices>\n" devices "\n</devices>\n</domain>"
#define HOSTDEV(address) "<hostdev mode='subsystem' type='pci'><source>" address "</source></hostdev>"

static DomainXml domain;
static char why[MESSAGE_TEXT_SIZE];

static int parse(const char *text) {
        why[0] = '\0';
        memset(&domain, 0xee, sizeof(domain));
        return domain_xml_parse(text, strlen(text), &domain, why, sizeof(why));
}

/* As libvirt writes it for a running VM, with everything around that is no PCI device. */
static const char full[] =
        "<domain type='kvm' id='3' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>\n"
        "  <name>win &amp; 11</name>\n  <uuid>" UUID "</uuid>\n"
        "  <metadata><x:a xmlns:x='urn:x'><devices><hostdev mode='subsystem' "
        "type='pci'/></devices></x:a></metadata>\n"
        "  <sysinfo type='smbios'><uuid>00000000-0000-0000-0000-000000000000</uuid></sysinfo>\n"
        "  <devices>\n"
        "    <x:hostdev xmlns:x='urn:x' mode='subsystem' type='pci'/>\n"
        "    <hostdev mode='subsystem' type='pci' managed='yes'>\n      <driver name='vfio'/>\n"
        "      <source>\n        <address domain='0x0000' bus='0x06' slot='0x02' function='0x0'/>\n      "
        "</source>\n"
        "      <alias name='hostdev0'/>\n"
        "      <address type='pci' domain='0x0000' bus='0x07' slot='0x00' function='0x0'/>\n    </hostdev>\n"
        "    <hostdev mode='subsystem' type='pci'><source>"
        "<address domain='65536' bus='16' slot='037' function='07'/></source></hostdev>\n"
        "    <hostdev mode='subsystem' type='usb'><source><address bus='1' device='2'/></source></hostdev>\n"
        "    <hostdev mode='subsystem' type='mdev' model='vfio-pci'><source><address uuid='" UUID
        "'/></source></hostdev>\n"
        "    <hostdev mode='subsystem' type='scsi'><source><adapter name='scsi_host0'/></source></hostdev>\n"
        "    <hostdev mode='capabilities' type='misc'><source><char>/dev/x</char></source></hostdev>\n"
        "    <interface type='hostdev' managed='yes'><source>"
        "<address type='pci' domain='0x0000' bus='0xff' slot='0x1f' function='0x7'/></source></interface>\n"
        "    <interface type='bridge'><source bridge='br0'/></interface>\n"
        "    <disk type='nvme'><source type='pci'><address domain='0' bus='9' slot='0' "
        "function='0'/></source></disk>\n"
        "  </devices>\n  <qemu:commandline><qemu:arg value='x'/></qemu:commandline>\n</domain>\n";

START_TEST(reads_what_libvirt_writes) {
        static const char *const expected[] = { "0000:06:02.0", "10000:10:1f.7", "0000:ff:1f.7" };

        ck_assert_int_eq(parse(full), 0);
        ck_assert_str_eq(domain.name, "win & 11");
        ck_assert_str_eq(domain.uuid, UUID);
        ck_assert_uint_eq(domain.n_addresses, ELEMENTSOF(expected));
        for (size_t i = 0; i < ELEMENTSOF(expected); i++)
                ck_assert_str_eq(ADDRESS_TEXT(domain.addresses[i]), expected[i]);
}
END_TEST

START_TEST(few_words_are_enough) {
        ck_assert_int_eq(parse(HEAD "</domain>"), 0);
        ck_assert_uint_eq(domain.n_addresses, 0);
        /* Missing parts are 0 and a missing mode is subsystem, as in libvirt; a device named twice is one. */
        ck_assert_int_eq(
                parse(DOMAIN("<hostdev type='pci'><source><address bus='1'/></source></hostdev>" HOSTDEV(
                        "<address domain='0' bus='0x1' slot='0' function='00'/>"))),
                0);
        ck_assert_uint_eq(domain.n_addresses, 1);
        ck_assert_str_eq(ADDRESS_TEXT(domain.addresses[0]), "0000:01:00.0");
}
END_TEST

static const struct {
        const char *text;
        const char *complaint;
} bad[] = {
        { "", "empty" },
        { "nonsense", "line 1" },
        { "<domain>\n<a>\n</domain>", "line 3" },
        { "<network><uuid>" UUID "</uuid></network>", "not <domain>" },
        { "<d:domain xmlns:d='urn:x'/>", "not <domain>" },
        { "<domain><name>vm</name></domain>", "no <uuid>" },
        { "<domain><name>vm</name><uuid/></domain>", "no <uuid>" },
        { "<domain>\n<uuid>" UUID "x</uuid></domain>", "<uuid> is longer" },
        { "<domain><uuid>4dea22b3</uuid></domain>", "holds no UUID" },
        { "<domain><uuid>" UUID "</uuid></domain>", "no <name>" },
        { DOMAIN("<hostdev mode='subsystem' type='pci'/>"), "no source address (line 5" },
        { DOMAIN(HOSTDEV("")), "no source address" },
        { DOMAIN("<interface type='hostdev'><source dev='x'/></interface>"), "no source address" },
        { DOMAIN(HOSTDEV("<address bus='0x100'/>")), "bus='0x100'" },
        { DOMAIN(HOSTDEV("<address slot='32'/>")), "slot='32'" },
        { DOMAIN(HOSTDEV("<address function='8'/>")), "function='8'" },
        { DOMAIN(HOSTDEV("<address function='08'/>")), "function='08'" },
        { DOMAIN(HOSTDEV("<address bus='-1'/>")), "bus='-1'" },
        { DOMAIN(HOSTDEV("<address bus=''/>")), "bus=''" },
        { DOMAIN(HOSTDEV("<address bus='0x'/>")), "bus='0x'" },
        { DOMAIN(HOSTDEV("<address bus='ff'/>")), "bus='ff'" },
        { DOMAIN(HOSTDEV("<address domain='0x100000000'/>")), "domain='0x100000000'" },
        { DOMAIN(HOSTDEV("<address domain='99999999999999999999999'/>")), "domain='9999" },
        { "<!DOCTYPE domain>" HEAD "</domain>", "DOCTYPE" },
        { "<!DOCTYPE d [<!ENTITY n 'vm'>]><domain><name>&n;</name><uuid>" UUID "</uuid></domain>",
          "DOCTYPE" },
        { "<!DOCTYPE d SYSTEM 'file:///etc/passwd'><domain/>", "DOCTYPE" },
        { "<domain><name>&undeclared;</name><uuid>" UUID "</uuid></domain>", "undeclared" },
};

START_TEST(says_what_is_wrong) {
        ck_assert_int_eq(parse(bad[_i].text), -EINVAL);
        ck_assert_msg(strstr(why, bad[_i].complaint), "'%s' lacks '%s'", why, bad[_i].complaint);
        ck_assert_msg(!strchr(why, '\n'), "more than a line: '%s'", why);
        ck_assert_uint_eq(domain.n_addresses, (size_t) 0xeeeeeeeeeeeeeeee); /* untouched on failure */
}
END_TEST

START_TEST(limits_addresses) {
        char *text = NULL;
        size_t size = 0;
        FILE *f = open_memstream(&text, &size);

        for (unsigned n = DOMAIN_ADDRESSES_MAX; n <= DOMAIN_ADDRESSES_MAX + 1; n++) {
                rewind(f);
                fputs(HEAD "<devices>", f);
                for (unsigned i = 0; i < n; i++)
                        fprintf(f, HOSTDEV("<address bus='%u'/>"), i);
                fputs("</devices></domain>", f);
                fflush(f);
                if (n == DOMAIN_ADDRESSES_MAX) {
                        ck_assert_int_eq(parse(text), 0);
                        ck_assert_uint_eq(domain.n_addresses, n);
                } else {
                        ck_assert_int_eq(parse(text), -E2BIG);
                        ck_assert(strstr(why, "more than"));
                }
        }
        fclose(f);
        free(text);
}
END_TEST

START_TEST(limits_names_and_size) {
        char name[2 * DOMAIN_NAME_SIZE] = "", text[4 * DOMAIN_NAME_SIZE];

        memset(name, 'n', DOMAIN_NAME_SIZE);
        snprintf(text, sizeof(text), "<domain><uuid>%s</uuid><name>%s</name></domain>", UUID, name);
        ck_assert_int_eq(parse(text), -EINVAL);
        ck_assert(strstr(why, "<name> is longer"));
        name[DOMAIN_NAME_SIZE - 1] = '\0';
        snprintf(text, sizeof(text), "<domain><uuid>%s</uuid><name>%s</name></domain>", UUID, name);
        ck_assert_int_eq(parse(text), 0);
        ck_assert_str_eq(domain.name, name);

        size_t size = DOMAIN_XML_SIZE_MAX + 1U;
        char *large = malloc(size);
        memset(large, ' ', size);
        ck_assert_int_eq(domain_xml_parse(large, size, &domain, why, sizeof(why)), -E2BIG);
        /* libxml2 has a limit of its own, which libvirt meets as well: a clear refusal, no crash. */
        memcpy(large, full, sizeof(full) - 1);
        ck_assert_int_eq(domain_xml_parse(large, size - 1, &domain, why, sizeof(why)), -EINVAL);
        ck_assert_str_ne(why, "");
        int r = domain_xml_parse(large, 8U << 20, &domain, why, sizeof(why));
        ck_assert_msg(r == 0, "%s", why);
        free(large);
}
END_TEST

/* Every beginning of a good document is a bad one, is never read beyond its end, and is refused. */
START_TEST(refuses_every_cut) {
        size_t end = strlen(full) - 1; /* without the last newline */

        for (size_t size = 0; size < end; size++) {
                char *exact = malloc(size ? size : 1);
                memcpy(exact, full, size);
                ck_assert_int_lt(domain_xml_parse(exact, size, &domain, why, sizeof(why)), 0);
                ck_assert_int_gt((int) strlen(why), 0);
                free(exact);
        }
        ck_assert_int_eq(domain_xml_parse(full, end, &domain, why, sizeof(why)), 0);
}
END_TEST

START_TEST(survives_every_changed_byte) {
        static const char replacements[] = { '\0', '<', '>', '&', '\'', (char) 0xff, '9' };
        char text[sizeof(full)];

        for (size_t at = 0; at < sizeof(full) - 1; at++)
                for (size_t i = 0; i < ELEMENTSOF(replacements); i++) {
                        memcpy(text, full, sizeof(full));
                        text[at] = replacements[i];
                        why[0] = '\0';
                        int r = domain_xml_parse(text, sizeof(full) - 1, &domain, why, sizeof(why));
                        ck_assert(r == 0 || why[0] != '\0');
                }
}
END_TEST

START_TEST(finds_a_uuid_in_ruins) {
        static const char ruin[] = "<domain><uuid>" UUID "</uu", end[] = "<uuid>" UUID,
                          cut[] = "<uuid>4dea22b3-1d52";
        char uuid[UUID_TEXT_SIZE];

        ck_assert_int_eq(domain_xml_find_uuid(ruin, sizeof(ruin) - 1, uuid), 0);
        ck_assert_str_eq(uuid, UUID);
        ck_assert_int_eq(domain_xml_find_uuid(end, sizeof(end) - 1, uuid), 0);
        ck_assert_int_eq(domain_xml_find_uuid(cut, sizeof(cut) - 1, uuid), -ENOENT);
        ck_assert_int_eq(domain_xml_find_uuid("<uuid>", 6, uuid), -ENOENT);
        ck_assert_int_eq(domain_xml_find_uuid("", 0, uuid), -ENOENT);
        ck_assert_int_eq(domain_xml_find_uuid("<uuid>not a UUID but as long as one is</uuid>", 45, uuid),
                         -ENOENT);
}
END_TEST

static Suite *suite(void) {
        Suite *s = suite_create("client-domain-xml");
        TCase *c = tcase_create("domain-xml");

        tcase_set_timeout(c, 60);
        tcase_add_test(c, reads_what_libvirt_writes);
        tcase_add_test(c, few_words_are_enough);
        tcase_add_loop_test(c, says_what_is_wrong, 0, ELEMENTSOF(bad));
        tcase_add_test(c, limits_addresses);
        tcase_add_test(c, limits_names_and_size);
        tcase_add_test(c, refuses_every_cut);
        tcase_add_test(c, survives_every_changed_byte);
        tcase_add_test(c, finds_a_uuid_in_ruins);
        suite_add_tcase(s, c);
        return s;
}

CHECK_MAIN(suite)
