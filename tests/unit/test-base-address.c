/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Addresses come from callers of the bus and from domain XML: what is not exactly an address is refused. */

#include "base/address.h"

#include <string.h>

#include "base/text.h"
#include "check-main.h"

static const struct {
        const char *text;
        PciAddress address;
        const char *formatted;
} accepted[] = {
        { "0000:01:00.0", { 0, 1, 0, 0 }, "0000:01:00.0" },
        { "01:00.0", { 0, 1, 0, 0 }, "0000:01:00.0" },
        { "0000:00:00.0", { 0, 0, 0, 0 }, "0000:00:00.0" },
        { "0000:ff:1f.7", { 0, 0xff, 31, 7 }, "0000:ff:1f.7" },
        { "ff:1f.7", { 0, 0xff, 31, 7 }, "0000:ff:1f.7" },
        { "0001:0A:1F.3", { 1, 0x0a, 31, 3 }, "0001:0a:1f.3" },
        { "abcd:ef:0a.1", { 0xabcd, 0xef, 10, 1 }, "abcd:ef:0a.1" },
        { "10000:01:00.0", { 0x10000, 1, 0, 0 }, "10000:01:00.0" },
        { "00010000:01:00.0", { 0x10000, 1, 0, 0 }, "10000:01:00.0" },
        { "FFFFFFFF:ff:1f.7", { 0xffffffff, 0xff, 31, 7 }, "ffffffff:ff:1f.7" },
};

START_TEST(test_parse_accepts) {
        char text[PCI_ADDRESS_TEXT_SIZE];
        PciAddress address = { 9, 9, 9, 9 };

        ck_assert_int_eq(address_parse(accepted[_i].text, &address), 0);
        ck_assert_uint_eq(address.domain, accepted[_i].address.domain);
        ck_assert_uint_eq(address.bus, accepted[_i].address.bus);
        ck_assert_uint_eq(address.slot, accepted[_i].address.slot);
        ck_assert_uint_eq(address.function, accepted[_i].address.function);
        ck_assert_str_eq(address_format(address, text), accepted[_i].formatted);
}
END_TEST

static const char *const refused[] = {
        "",
        ":",
        "::",
        ".",
        "::.",
        ":01:00.0",
        "01:00",
        "01:00.",
        "01.00.0",
        "0000:01:00",
        "0000:01:00.",
        "0000:01:00.8",  /* function above 7 */
        "0000:01:00.a",  /* the same in hex */
        "0000:01:00.00", /* one digit */
        "0000:01:20.0",  /* slot above 31 */
        "0000:01:ff.0",
        "0000:1:00.0", /* two digits each */
        "0000:001:00.0",
        "0000:01:0.0",
        "0000:01:000.0",
        "000:01:00.0", /* four digits at least */
        "0:01:00.0",
        "000000000:01:00.0", /* eight at most */
        "1ffffffff:01:00.0",
        "0000:01:00.0 ",
        " 0000:01:00.0",
        "0000:01:00.0\n",
        "0000:01:00.0.0",
        "0000:00:01:00.0",
        "0000-01-00.0",
        "0000:01-00.0",
        "0000:01:00:0",
        "0000:0g:00.0",
        "0x00:01:00.0",
        "+000:01:00.0",
        "-000:01:00.0",
        "0000:-1:00.0",
        "0000:01:00.-",
        "pci_0000_01_00_0",
        "../../etc/passwd",
        "0000:01:00.0/../x",
        "\xff\xff:01:00.0",
};

START_TEST(test_parse_refuses) {
        PciAddress address = { 9, 9, 9, 1 };

        ck_assert_msg(address_parse(refused[_i], &address) == -EINVAL, "\"%s\" is no address", refused[_i]);
        ck_assert_msg(address_equal(address, (PciAddress){ 9, 9, 9, 1 }), "\"%s\" wrote a result",
                      refused[_i]);
}
END_TEST

/* Every bus, slot and function there is survives being written and read. */
START_TEST(test_round_trip) {
        for (unsigned bus = 0; bus < 256; bus++)
                for (unsigned slot = 0; slot < 32; slot++)
                        for (unsigned function = 0; function < 8; function++) {
                                PciAddress a = { bus * 0x01010101U, (uint8_t) bus, (uint8_t) slot,
                                                 (uint8_t) function };
                                PciAddress b = { 0 };
                                if (address_parse(ADDRESS_TEXT(a), &b) != 0 || !address_equal(a, b))
                                        ck_abort_msg("%s is lost", ADDRESS_TEXT(a));
                        }
}
END_TEST

START_TEST(test_longest_fits) {
        const char *text = ADDRESS_TEXT(((PciAddress){ UINT32_MAX, UINT8_MAX, 31, 7 }));

        ck_assert_str_eq(text, "ffffffff:ff:1f.7");
        ck_assert_uint_lt(strlen(text), PCI_ADDRESS_TEXT_SIZE);
}
END_TEST

/* Ascending: each is less than all behind it. */
static const PciAddress ordered[] = {
        { 0, 0, 0, 0 },  { 0, 0, 0, 1 },       { 0, 0, 0, 7 },          { 0, 0, 1, 0 },
        { 0, 0, 31, 0 }, { 0, 1, 0, 0 },       { 0, 1, 0, 1 },          { 0, 255, 31, 7 },
        { 1, 0, 0, 0 },  { 0x10000, 0, 0, 0 }, { 0x80000000, 0, 0, 0 },
};

START_TEST(test_compare) {
        for (size_t i = 0; i < ELEMENTSOF(ordered); i++)
                for (size_t j = 0; j < ELEMENTSOF(ordered); j++) {
                        int order = address_compare(ordered[i], ordered[j]);
                        ck_assert_int_eq((order > 0) - (order < 0), (i > j) - (i < j));
                        ck_assert_int_eq(address_equal(ordered[i], ordered[j]), i == j);
                }
}
END_TEST

START_TEST(test_same_slot) {
        PciAddress a = { 0, 1, 2, 0 };

        ck_assert(address_same_slot(a, (PciAddress){ 0, 1, 2, 0 }));
        ck_assert(address_same_slot(a, (PciAddress){ 0, 1, 2, 7 }));
        ck_assert(!address_same_slot(a, (PciAddress){ 0, 1, 3, 0 }));
        ck_assert(!address_same_slot(a, (PciAddress){ 0, 2, 2, 0 }));
        ck_assert(!address_same_slot(a, (PciAddress){ 1, 1, 2, 0 }));
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("base-address");
        TCase *tcase = tcase_create("address");

        tcase_add_loop_test(tcase, test_parse_accepts, 0, (int) ELEMENTSOF(accepted));
        tcase_add_loop_test(tcase, test_parse_refuses, 0, (int) ELEMENTSOF(refused));
        tcase_add_test(tcase, test_round_trip);
        tcase_add_test(tcase, test_longest_fits);
        tcase_add_test(tcase, test_compare);
        tcase_add_test(tcase, test_same_slot);
        suite_add_tcase(suite, tcase);
        return suite;
}

CHECK_MAIN(make_suite)
