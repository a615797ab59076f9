/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ports and groups are read, and no others than those on the way to the card. */

#include "check-main.h"

#include <string.h>

#include "base/address.h"
#include "base/text.h"
#include "fake-sys.h"

#define DEVICES "/sys/bus/pci/devices"
#define ROOT_BUS "/sys/devices/pci0000:00"
#define GROUP "/sys/kernel/iommu_groups/12"

static void setup(void) {
        fake_setup();
        fake_move_below_port();
        fake_write(GROUP "/type", "DMA-FQ\n");
        fake_write(GROUP "/reserved_regions", "0x00000000fee00000 0x00000000feefffff msi\n0x0 0xfff direct\n");
}

static HelperRequest port_request(const char *address) {
        HelperRequest request = fake_request(HELPER_READ_PORT);

        ck_assert_int_eq(address_parse(address, &request.address), 0);
        return request;
}

START_TEST(a_port) {
        HelperRequest request = port_request("0000:00:01.0");
        HelperReply reply;

        ck_assert_int_eq(fake_run(&request, &reply), 0);
        ck_assert_uint_eq(reply.config_size, CONFIG_SPACE_SIZE);
        ck_assert_uint_eq(reply.config[2], 0x01);
        ck_assert_uint_eq(fake.n_writes, 0);
}
END_TEST

static void expect_refused(const char *address) {
        HelperRequest request = port_request(address);
        HelperReply reply;

        ck_assert_int_eq(fake_run(&request, &reply), -EINVAL);
        ck_assert_ptr_nonnull(strstr(reply.message, "'upstream'"));
        ck_assert_uint_eq(reply.config_size, 0);
}

START_TEST(no_other) {
        expect_refused("0000:00:02.0"); /* beside it */
        expect_refused("0000:00:01.1");
        expect_refused("0000:01:00.0"); /* the card itself */
        expect_refused("0000:01:00.1");
}
END_TEST

START_TEST(only_to_read) {
        HelperRequest request = port_request("0000:00:01.0");
        HelperReply reply;

        for (uint32_t verb = 1; verb < _HELPER_VERB_MAX; verb++) {
                request.verb = verb;
                if (verb == HELPER_READ_PORT)
                        continue;
                ck_assert_int_eq(fake_run(&request, &reply), -EINVAL);
                ck_assert_ptr_nonnull(strstr(reply.message, "'slot'"));
        }
        ck_assert_uint_eq(fake.n_writes, 0);
}
END_TEST

START_TEST(a_port_that_cannot_be_read) {
        uint8_t begin[64] = { 0x86, 0x80 };
        HelperRequest request = port_request("0000:00:01.0");
        HelperReply reply;

        fake_write_bytes(ROOT_BUS "/0000:00:01.0/config", begin, sizeof(begin));
        ck_assert_int_eq(fake_run(&request, &reply), -EPERM);
        fake_remove(ROOT_BUS "/0000:00:01.0/config");
        ck_assert_int_eq(fake_run(&request, &reply), -ENOENT);
        fake_remove(DEVICES "/0000:01:00.0");
        ck_assert_int_eq(fake_run(&request, &reply), -ENODEV);
        ck_assert_ptr_nonnull(strstr(reply.message, "0000:01:00.0"));
}
END_TEST

START_TEST(a_group) {
        HelperRequest request = fake_request(HELPER_READ_GROUP);
        HelperReply reply;

        ck_assert_int_eq(fake_run(&request, &reply), 0);
        ck_assert_str_eq(reply.message, "DMA-FQ\n0x00000000fee00000 0x00000000feefffff msi\n0x0 0xfff direct");
        fake_remove(GROUP "/type");
        fake_remove(GROUP "/reserved_regions");
        ck_assert_int_eq(fake_run(&request, &reply), 0);
        ck_assert_str_eq(reply.message, "\n");
        request.iommu_group = 13;
        ck_assert_int_eq(fake_run(&request, &reply), -EINVAL);
        ck_assert_ptr_nonnull(strstr(reply.message, "'group'"));
}
END_TEST

START_TEST(a_group_with_more_than_fits) {
        HelperRequest request = fake_request(HELPER_READ_GROUP);
        char regions[MESSAGE_TEXT_SIZE + 1];
        HelperReply reply;

        memset(regions, '0', sizeof(regions));
        fake_write_bytes(GROUP "/reserved_regions", regions, sizeof(regions));
        ck_assert_int_eq(fake_run(&request, &reply), -ENOBUFS);
        ck_assert_ptr_nonnull(strstr(reply.message, "reserved_regions"));
        memset(regions, 'D', sizeof(regions));
        fake_write_bytes(GROUP "/type", regions, sizeof(regions));
        ck_assert_int_eq(fake_run(&request, &reply), -ENOBUFS);
        ck_assert_ptr_nonnull(strstr(reply.message, "/type"));
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("helper-isolation");
        TCase *tcase = tcase_create("all");

        tcase_add_checked_fixture(tcase, setup, fake_teardown);
        tcase_add_test(tcase, a_port);
        tcase_add_test(tcase, no_other);
        tcase_add_test(tcase, only_to_read);
        tcase_add_test(tcase, a_port_that_cannot_be_read);
        tcase_add_test(tcase, a_group);
        tcase_add_test(tcase, a_group_with_more_than_fits);
        suite_add_tcase(suite, tcase);
        return suite;
}
CHECK_MAIN(make_suite)
