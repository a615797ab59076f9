/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Everything the kernel shows of a function, as it shows it. */

#include "check-main.h"

#include <string.h>

#include "base/text.h"
#include "fake-sys.h"

#define DEVICE "/sys/bus/pci/devices/0000:01:00.0"

static int survey(HelperReply *reply) {
        HelperRequest request = fake_request(HELPER_SURVEY);

        return fake_run(&request, reply);
}

START_TEST(test_every_field) {
        uint8_t config[CONFIG_SPACE_SIZE];
        HelperReply reply;

        ck_assert_int_eq(survey(&reply), 0);
        ck_assert_str_eq(reply.driver_override, "(null)");
        ck_assert_str_eq(reply.power_control, "on");
        ck_assert_str_eq(reply.d3cold_allowed, "1");
        ck_assert_str_eq(reply.power_state, "D0");
        ck_assert_uint_eq(reply.config_locked, 0);
        ck_assert_uint_eq(reply.config_size, CONFIG_SPACE_SIZE);
        fake_config(config);
        ck_assert_int_eq(memcmp(reply.config, config, sizeof(config)), 0);
        ck_assert_uint_eq(fake.n_writes, 0);
}
END_TEST

START_TEST(test_missing_attributes_are_empty) {
        HelperReply reply;

        fake_remove(DEVICE "/d3cold_allowed");
        fake_remove(DEVICE "/power_state");
        fake_remove(DEVICE "/driver_override");
        ck_assert_int_eq(survey(&reply), 0);
        ck_assert_str_eq(reply.driver_override, "");
        ck_assert_str_eq(reply.d3cold_allowed, "");
        ck_assert_str_eq(reply.power_state, "");
        ck_assert_str_eq(reply.power_control, "on");
}
END_TEST

START_TEST(test_other_sizes) {
        uint8_t config[CONFIG_SPACE_SIZE];
        HelperReply reply;

        fake_config(config);
        fake_write_bytes(DEVICE "/config", config, 256);
        ck_assert_int_eq(survey(&reply), 0);
        ck_assert_uint_eq(reply.config_size, 256);
        fake_write_bytes(DEVICE "/config", config, 64);
        ck_assert_int_eq(survey(&reply), 0);
        ck_assert_uint_eq(reply.config_size, 64);
}
END_TEST

START_TEST(test_dead_card_is_surveyed) {
        uint8_t ones[CONFIG_SPACE_SIZE];
        HelperReply reply;

        memset(ones, 0xff, sizeof(ones));
        fake_write_bytes(DEVICE "/config", ones, sizeof(ones));
        ck_assert_int_eq(survey(&reply), 0);
        ck_assert_uint_eq(reply.config[0], 0xff);
}
END_TEST

START_TEST(test_failures) {
        HelperRequest gone = fake_request(HELPER_SURVEY);
        char long_value[200];
        HelperReply reply;

        gone.address.function = 7;
        ck_assert_int_eq(fake_run(&gone, &reply), -ENODEV);
        memset(long_value, 'x', sizeof(long_value) - 1);
        long_value[sizeof(long_value) - 1] = '\0';
        fake_write(DEVICE "/driver_override", "%s", long_value);
        ck_assert_int_eq(survey(&reply), -ENOBUFS);
        ck_assert_ptr_nonnull(strstr(reply.message, "driver_override"));
        fake_write(DEVICE "/driver_override", "vfio-pci\n");
        ck_assert_int_eq(survey(&reply), 0);
        ck_assert_str_eq(reply.driver_override, "vfio-pci");
        fake_remove(DEVICE "/config");
        ck_assert_int_eq(survey(&reply), -ENOENT);
}
END_TEST

static const struct {
        const char *text;
        uint8_t locked;
} lockdown[] = {
        { "[none] integrity confidentiality\n", 0 },
        { "none [integrity] confidentiality\n", 1 },
        { "none integrity [confidentiality]\n", 1 },
};

START_TEST(test_lockdown) {
        HelperReply reply;

        fake_write("/sys/kernel/security/lockdown", "%s", lockdown[_i].text);
        ck_assert_int_eq(survey(&reply), 0);
        ck_assert_uint_eq(reply.config_locked, lockdown[_i].locked);
}
END_TEST

static Suite *suite(void) {
        Suite *s = suite_create("helper-survey");
        TCase *t = tcase_create("survey");

        tcase_add_checked_fixture(t, fake_setup, fake_teardown);
        tcase_add_test(t, test_every_field);
        tcase_add_test(t, test_missing_attributes_are_empty);
        tcase_add_test(t, test_other_sizes);
        tcase_add_test(t, test_dead_card_is_surveyed);
        tcase_add_test(t, test_failures);
        tcase_add_loop_test(t, test_lockdown, 0, ELEMENTSOF(lockdown));
        suite_add_tcase(s, t);
        return s;
}
CHECK_MAIN(suite)
