/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What ports say of themselves, with the bytes of real ones, and what groups are made of. */

#include "core/isolation.h"

#include <string.h>

#include "base/address.h"
#include "base/text.h"
#include "check-main.h"

static uint8_t config[CONFIG_SPACE_SIZE];

static void put16(size_t offset, uint16_t value) {
        config[offset] = (uint8_t) value;
        config[offset + 1] = (uint8_t) (value >> 8);
}

/*
 * A bridge as lspci -xxxx shows it, without what nobody looks at: type 1 header, PCI Express capability at 0x40 with @flags
 * (0x0142: root port with a slot, 0x0052: upstream, 0x0162: downstream, 0x0071: bridge to PCI), Advanced Error
 * Reporting at 0x100, ACS at @acs where there is one.
 */
static void make_port(uint16_t flags, uint16_t acs, uint16_t can, uint16_t does) {
        memset(config, 0, sizeof(config));
        put16(0x00, 0x8086);
        put16(0x02, 0x1901);
        put16(0x06, 0x0010);
        config[0x0e] = 0x81;
        config[0x34] = 0x40;
        config[0x40] = 0x10;
        put16(0x42, flags);
        put16(0x100, 0x0001);
        put16(0x102, (uint16_t) (acs << 4 | 1));
        if (!acs)
                return;
        put16(acs, 0x000d);
        put16(acs + 2U, 0x0001);
        put16(acs + 4U, can);
        put16(acs + 6U, does);
}

static void expect_port(size_t size, PortKind kind, AcsState acs, uint16_t missing, bool is_alias) {
        PortFacts port = { 0 };

        isolation_take_port(&port, config, size, "");
        ck_assert_int_eq(port.kind, kind);
        ck_assert_int_eq(port.acs, acs);
        ck_assert_uint_eq(port.acs_missing, missing);
        ck_assert_int_eq(port.is_alias, is_alias);
        ck_assert_int_eq(isempty(port.problem), kind != PORT_UNKNOWN);
}

START_TEST(root_ports) {
        /* Xeon E5: SV, TB, RR, CR, UF can be controlled, and are as the kernel sets them */
        make_port(0x0142, 0x110, 0x001f, 0x001d);
        expect_port(4096, PORT_ROOT, ACS_COMPLETE, 0, false);
        /* The same with nothing set: the kernel was not asked to (no IOMMU in use). */
        make_port(0x0142, 0x110, 0x001f, 0x0000);
        expect_port(4096, PORT_ROOT, ACS_INCOMPLETE, ACS_ISOLATION, false);
        make_port(0x0142, 0x110, 0x001f, 0x0015);
        expect_port(4096, PORT_ROOT, ACS_INCOMPLETE, ACS_COMPLETION_REDIRECT, false);
        /* What cannot be controlled is always so. */
        make_port(0x0142, 0x110, 0x0001, 0x0001);
        expect_port(4096, PORT_ROOT, ACS_COMPLETE, 0, false);
        /* Client processors: none */
        make_port(0x0142, 0, 0, 0);
        expect_port(4096, PORT_ROOT, ACS_NONE, ACS_ISOLATION, false);
        /* Only 256 bytes: it may have one */
        make_port(0x0142, 0x110, 0x001f, 0x001d);
        expect_port(256, PORT_ROOT, ACS_UNKNOWN, 0, false);
}
END_TEST

/* A capability that begins in the last dword has no control register. */
START_TEST(acs_at_the_end) {
        make_port(0x0142, 0, 0, 0);
        put16(0x102, 0xffc1);
        put16(0xffc, 0x000d);
        put16(0xffe, 0x0001);
        expect_port(4096, PORT_ROOT, ACS_NONE, ACS_ISOLATION, false);
}
END_TEST

START_TEST(switches) {
        make_port(0x0052, 0, 0, 0);
        expect_port(4096, PORT_SWITCH_UP, ACS_NONE, ACS_ISOLATION, false); /* with other functions beside it */
        config[0x0e] = 0x01;
        expect_port(4096, PORT_SWITCH_UP, ACS_NOT_NEEDED, 0, false);
        make_port(0x0162, 0x148, 0x005f, 0x001d);
        expect_port(4096, PORT_SWITCH_DOWN, ACS_COMPLETE, 0, false);
}
END_TEST

START_TEST(bridges) {
        make_port(0x0071, 0, 0, 0);
        expect_port(4096, PORT_EXPRESS_TO_PCI, ACS_NONE, ACS_ISOLATION, true);
        make_port(0x0081, 0, 0, 0);
        expect_port(4096, PORT_PCI_TO_EXPRESS, ACS_NONE, ACS_ISOLATION, true);
        config[0x06] = 0; /* no capabilities at all */
        expect_port(256, PORT_PCI, ACS_NONE, ACS_ISOLATION, true);
}
END_TEST

START_TEST(no_port) {
        PortFacts port = { 0 };

        make_port(0x0002, 0, 0, 0); /* an endpoint */
        expect_port(4096, PORT_UNKNOWN, ACS_UNKNOWN, 0, false);
        make_port(0x0142, 0, 0, 0);
        expect_port(64, PORT_UNKNOWN, ACS_UNKNOWN, 0, false);
        memset(config, 0xff, sizeof(config));
        expect_port(4096, PORT_UNKNOWN, ACS_UNKNOWN, 0, false);
        isolation_take_port(&port, NULL, 0, "cannot read it, gr\xc3");
        ck_assert_str_eq(port.problem, "cannot read it, gr?");
        ck_assert_int_eq(port.kind, PORT_UNKNOWN);
}
END_TEST

static CardFacts card_at(const char *slot_path) {
        CardFacts card = { .n_functions = 3 };

        ck_assert_int_eq(text_copy(card.slot_path, sizeof(card.slot_path), slot_path), 0);
        card.functions[0].iommu_group = card.functions[1].iommu_group = 15;
        card.functions[2].iommu_group = -1;
        return card;
}

START_TEST(what_there_is) {
        static Isolation isolation;
        CardFacts card = card_at("/sys/devices/pci0000:00/0000:00:01.1/0000:01:00.0/0000:02:01.0/0000:03:00.0");

        isolation_init(&card, &isolation);
        ck_assert_uint_eq(isolation.n_ports, 3);
        ck_assert_str_eq(ADDRESS_TEXT(isolation.ports[0].address), "0000:00:01.1");
        ck_assert_str_eq(ADDRESS_TEXT(isolation.ports[2].address), "0000:02:01.0");
        ck_assert_uint_eq(isolation.n_groups, 1);
        ck_assert_int_eq(isolation.groups[0].number, 15);
        card = card_at("/sys/devices/pci0000:00/0000:00:02.0");
        card.functions[1].iommu_group = 16;
        isolation_init(&card, &isolation);
        ck_assert_uint_eq(isolation.n_ports, 0);
        ck_assert_uint_eq(isolation.n_groups, 2);
}
END_TEST

START_TEST(more_ports_than_are_reported) {
        static Isolation isolation;
        char path[64 * PATH_TEXT_SIZE] = "";

        /* slot_path has room for 17 ports. */
        for (unsigned i = 0; i <= PORTS_MAX; i++)
                ck_assert_int_eq(text_append(path, sizeof(path), "/0000:%02x:00.0", i), 0);
        CardFacts card = card_at(path);
        isolation_init(&card, &isolation);
        ck_assert_uint_eq(isolation.n_ports, PORTS_MAX);
        ck_assert(!isolation.more_ports); /* the last part is the card itself */
        ck_assert_int_eq(text_append(path, sizeof(path), "/0000:ff:00.0"), 0);
        card = card_at(path);
        isolation_init(&card, &isolation);
        ck_assert_uint_eq(isolation.n_ports, PORTS_MAX);
        ck_assert(isolation.more_ports);
}
END_TEST

START_TEST(groups) {
        GroupFacts group = { .number = 15 };
        char text[2048] = "DMA-FQ\n";

        isolation_take_group(&group, "DMA-FQ\n0x00000000fee00000 0x00000000feefffff msi\nnonsense\n"
                                     "0x000000fd00000000 0x000000ffffffffff reserved\n", "");
        ck_assert_str_eq(group.type, "DMA-FQ");
        ck_assert_uint_eq(group.n_regions, 2);
        ck_assert_str_eq(group.regions[0], "0xfee00000-0xfeefffff msi");
        ck_assert_str_eq(group.regions[1], "0xfd00000000-0xffffffffff reserved");
        ck_assert(!group.more_regions);
        group = (GroupFacts){ .number = 15 };
        for (size_t i = 0; i <= RESERVED_REGIONS_MAX; i++)
                ck_assert_int_eq(text_append(text, sizeof(text), "0x%zx000 0x%zxfff direct\n", i, i), 0);
        isolation_take_group(&group, text, "");
        ck_assert_uint_eq(group.n_regions, RESERVED_REGIONS_MAX);
        ck_assert(group.more_regions);
        group = (GroupFacts){ .number = 15 };
        isolation_take_group(&group, "\n", ""); /* a kernel that shows neither */
        ck_assert_str_eq(group.type, "");
        ck_assert_uint_eq(group.n_regions, 0);
        isolation_take_group(&group, "cannot read it", "cannot read it");
        ck_assert_str_eq(group.type, "");
        ck_assert_str_eq(group.problem, "cannot read it");
}
END_TEST

START_TEST(viable) {
        static Isolation isolation;
        CardFacts card = card_at("/sys/devices/pci0000:00/0000:00:02.0");

        card.n_group_members = 2;
        card.group_members[0] = (GroupMember){ .iommu_group = 15, .class_code = 0x060400, .driver = "pcieport" };
        card.group_members[1] = (GroupMember){ .iommu_group = 15, .class_code = 0x010802, .driver = "nvme" };
        isolation_init(&card, &isolation);
        ck_assert(!isolation_is_viable(&isolation, 15));
        ck_assert(isolation_is_viable(&isolation, 16)); /* it is in the other one */
        isolation.card.group_members[1].driver[0] = '\0';
        ck_assert(isolation_is_viable(&isolation, 15));
        isolation.card.group_too_large = true;
        ck_assert(!isolation_is_viable(&isolation, 15));
}
END_TEST

START_TEST(words) {
        for (PortKind kind = 0; kind < _PORT_KIND_MAX; kind++)
                ck_assert_int_gt((int) strlen(port_kind_to_string(kind)), 0);
        for (AcsState acs = 0; acs < _ACS_STATE_MAX; acs++)
                ck_assert_int_gt((int) strlen(acs_state_to_string(acs)), 0);
        ck_assert_str_eq(acs_bit_to_string(ACS_SOURCE_VALIDATION), "source validation");
        ck_assert_str_eq(acs_bit_to_string(ACS_REQUEST_REDIRECT), "request redirect");
        ck_assert_str_eq(acs_bit_to_string(ACS_COMPLETION_REDIRECT), "completion redirect");
        ck_assert_str_eq(acs_bit_to_string(ACS_UPSTREAM_FORWARDING), "upstream forwarding");
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("core-isolation");
        TCase *tcase = tcase_create("all");

        tcase_add_test(tcase, root_ports);
        tcase_add_test(tcase, acs_at_the_end);
        tcase_add_test(tcase, switches);
        tcase_add_test(tcase, bridges);
        tcase_add_test(tcase, no_port);
        tcase_add_test(tcase, what_there_is);
        tcase_add_test(tcase, more_ports_than_are_reported);
        tcase_add_test(tcase, groups);
        tcase_add_test(tcase, viable);
        tcase_add_test(tcase, words);
        suite_add_tcase(suite, tcase);
        return suite;
}
CHECK_MAIN(make_suite)
