/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What may be asked of a device that goes along with the card, and what of it is for the card alone. */

#include "check-main.h"

#include <string.h>

#include "base/text.h"
#include "fake-sys.h"
#include "helper/protocol.h"

#define NVME "/sys/bus/pci/devices/0000:05:00.0"
#define OWN_METHODS "/sys/bus/pci/devices/0000:01:00.0/reset_method"

static HelperReply reply;

static void setup(void) {
        uint8_t config[CONFIG_SPACE_SIZE];

        fake_setup();
        fake_config(config);
        fake_write_bytes(NVME "/config", config, sizeof(config));
        fake_write(NVME "/class", "0x010802\n");
        fake_write(NVME "/driver_override", "(null)\n");
        fake_write(NVME "/power/control", "on\n");
        fake_write(NVME "/d3cold_allowed", "1\n");
        fake_write(NVME "/power_state", "D0\n");
        fake_write(NVME "/reset_method", "device_specific flr bus");
        fake_write("/sys/bus/pci/drivers/nvme/bind", "%s", "");
        fake_write("/sys/bus/pci/drivers/nvme/unbind", "%s", "");
        fake_bind("0000:05:00.0", "nvme");
        fake.helper->fellows[fake.helper->n_fellows++] = (PciAddress){ .bus = 9 };
        fake.helper->fellows[fake.helper->n_fellows++] = (PciAddress){ .bus = 5 };
}

static HelperRequest request_to(HelperVerb verb) {
        HelperRequest request = fake_request(verb);

        request.address = (PciAddress){ .bus = 5 };
        return request;
}

static int write_attribute(const char *attribute, const char *text) {
        HelperRequest request = request_to(HELPER_WRITE_ATTRIBUTE);

        (void) text_copy(request.attribute, sizeof(request.attribute), attribute);
        (void) text_copy(request.text, sizeof(request.text), text);
        return fake_run(&request, &reply);
}

static int kernel(FakeSys *sys, const char *path, const char *value) {
        if (streq(path, "/sys/bus/pci/drivers/nvme/unbind"))
                fake_bind(value, "");
        else if (streq(path, "/sys/bus/pci/drivers/vfio-pci/bind"))
                fake_bind(value, "vfio-pci");
        return 0;
}

START_TEST(test_changes_owner) {
        HelperRequest unbind = request_to(HELPER_UNBIND), bind = request_to(HELPER_BIND), survey = request_to(HELPER_SURVEY);
        char driver[DRIVER_NAME_SIZE], text[64];

        ck_assert_int_eq(fake_run(&survey, &reply), 0);
        ck_assert_str_eq(reply.reset_method, "device_specific flr bus");
        ck_assert_int_eq(write_attribute("driver_override", "vfio-pci"), 0);
        ck_assert_int_eq(write_attribute("d3cold_allowed", "0"), 0);
        fake.on_write = kernel;
        (void) text_copy(unbind.text, sizeof(unbind.text), "nvme");
        ck_assert_int_eq(fake_run(&unbind, &reply), 0);
        (void) text_copy(bind.text, sizeof(bind.text), "vfio-pci");
        ck_assert_int_eq(fake_run(&bind, &reply), 0);
        fake_bound("0000:05:00.0", driver);
        ck_assert_str_eq(driver, "vfio-pci");
        fake_read(NVME "/driver_override", text, sizeof(text));
        ck_assert_str_eq(text, "vfio-pci");
}
END_TEST

/* A write replaces, as an attribute does it. */
static int replace(FakeSys *sys, const char *path, const char *value) {
        fake_remove(path);
        fake_write(path, "%s", value);
        return 0;
}

/* What was there before is remembered for each device, also of the same function number. */
START_TEST(test_methods) {
        HelperRequest of_card = fake_request(HELPER_WRITE_ATTRIBUTE);
        char text[64];

        fake.on_write = replace;
        fake_write(OWN_METHODS, "bus");
        ck_assert_int_eq(write_attribute("reset_method", "device_specific"), 0);
        fake_read(NVME "/reset_method", text, sizeof(text));
        ck_assert_str_eq(text, "device_specific");
        ck_assert_str_eq(fake.helper->reset_methods[0], "");
        (void) text_copy(of_card.attribute, sizeof(of_card.attribute), "reset_method");
        (void) text_copy(of_card.text, sizeof(of_card.text), "flr");
        ck_assert_int_eq(fake_run(&of_card, &reply), 0);
        ck_assert_str_eq(fake.helper->reset_methods[0], "bus");
        ck_assert_int_eq(write_attribute("reset_method", "bus"), -EINVAL);
        ck_assert_ptr_nonnull(strstr(reply.message, "rule 'reset-method'"));
}
END_TEST

static const HelperVerb forbidden[] = {
        HELPER_NODES_FREE,     HELPER_ALIVE,          HELPER_SAVE_CONFIG,     HELPER_WRITE_CONFIG,   HELPER_DELAY,
        HELPER_RESTORE_CONFIG, HELPER_VERIFY_CONFIG,  HELPER_CHECK_REGISTER,  HELPER_POLL_REGISTER,  HELPER_WRITE_REGISTER,
        HELPER_DIFFER_REGISTER, HELPER_FUNCTION_RESET, HELPER_VENDOR_RESET,   HELPER_D3HOT,          HELPER_GUARD_SET,
        HELPER_GUARD_CLEAR,    HELPER_READ_GROUP,     HELPER_WAKE_ALARM,      HELPER_REMOVE_RESCAN,
};

START_TEST(test_not_its_business) {
        HelperRequest request = request_to(forbidden[_i]);

        ck_assert_int_eq(fake_run(&request, &reply), -EINVAL);
        ck_assert_msg(strstr(reply.message, "rule 'fellow'") && strstr(reply.message, "0000:05:00.0"), "%s", reply.message);
        ck_assert_uint_eq(fake.n_writes, 0);
        ck_assert_uint_eq(fake.n_opens, 0);
}
END_TEST

static const char *const classes[] = { "0x030000", "0x038000", "0x060400", "0x060100" };

START_TEST(test_never_of_that_class) {
        fake_write(NVME "/class", "%s\n", classes[_i]);
        ck_assert_int_eq(write_attribute("driver_override", "vfio-pci"), -EINVAL);
        ck_assert_msg(strstr(reply.message, "rule 'fellow'") && strstr(reply.message, classes[_i]), "%s", reply.message);
        ck_assert_uint_eq(fake.n_writes, 0);
}
END_TEST

static const PciAddress others[] = { { .bus = 6 }, { .bus = 5, .function = 1 }, { .bus = 5, .slot = 1 }, { .domain = 1, .bus = 5 } };

/* The one function that was named, and no other of its slot. */
START_TEST(test_nobody_else) {
        HelperRequest request = request_to(HELPER_SURVEY);

        request.address = others[_i];
        ck_assert_int_eq(fake_run(&request, &reply), -EINVAL);
        ck_assert_ptr_nonnull(strstr(reply.message, "rule 'slot'"));
}
END_TEST

START_TEST(test_gone) {
        HelperRequest request = request_to(HELPER_SURVEY);

        request.address.bus = 9;
        ck_assert_int_lt(fake_run(&request, &reply), 0);
        ck_assert_ptr_null(strstr(reply.message, "rule"));
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("helper/fellow");
        TCase *tc = tcase_create("fellow");

        tcase_add_checked_fixture(tc, setup, fake_teardown);
        tcase_add_test(tc, test_changes_owner);
        tcase_add_test(tc, test_methods);
        tcase_add_loop_test(tc, test_not_its_business, 0, (int) ELEMENTSOF(forbidden));
        tcase_add_loop_test(tc, test_never_of_that_class, 0, (int) ELEMENTSOF(classes));
        tcase_add_loop_test(tc, test_nobody_else, 0, (int) ELEMENTSOF(others));
        tcase_add_test(tc, test_gone);
        suite_add_tcase(suite, tc);
        return suite;
}

CHECK_MAIN(make_suite)
