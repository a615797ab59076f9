/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What may be written to which attribute, and how. */

#include "check-main.h"

#include <string.h>

#include "base/text.h"
#include "fake-sys.h"

#define OVERRIDE "/sys/bus/pci/devices/0000:01:00.0/driver_override"
#define CONTROL "/sys/bus/pci/devices/0000:01:00.0/power/control"
#define D3COLD "/sys/bus/pci/devices/0000:01:00.0/d3cold_allowed"

static char seen_path[256], seen_value[256];

static int remember(FakeSys *sys, const char *path, const char *value) {
        (void) text_copy(seen_path, sizeof(seen_path), path);
        (void) text_copy(seen_value, sizeof(seen_value), value);
        return sys->state;
}

static int write_attribute(const char *attribute, const char *text, HelperReply *reply) {
        HelperRequest request = fake_request(HELPER_WRITE_ATTRIBUTE);

        (void) text_copy(request.attribute, sizeof(request.attribute), attribute);
        (void) text_copy(request.text, sizeof(request.text), text);
        seen_path[0] = seen_value[0] = '\0';
        fake.n_writes = 0;
        fake.on_write = remember;
        return fake_run(&request, reply);
}

static const struct {
        const char *attribute, *text, *path, *value;
} allowed[] = {
        { "driver_override", "vfio-pci", OVERRIDE, "vfio-pci" },
        { "driver_override", "gpuswitch-none", OVERRIDE, "gpuswitch-none" },
        { "driver_override", "", OVERRIDE, "\n" },
        { "power/control", "on", CONTROL, "on" },
        { "power/control", "auto", CONTROL, "auto" },
        { "d3cold_allowed", "0", D3COLD, "0" },
        { "d3cold_allowed", "1", D3COLD, "1" },
};

START_TEST(test_writes_once) {
        HelperReply reply;

        ck_assert_int_eq(write_attribute(allowed[_i].attribute, allowed[_i].text, &reply), 0);
        ck_assert_uint_eq(fake.n_writes, 1);
        ck_assert_str_eq(seen_path, allowed[_i].path);
        ck_assert_str_eq(seen_value, allowed[_i].value);
}
END_TEST

static const struct {
        const char *attribute, *text;
} refused[] = {
        { "power/control", "" },
        { "power/control", "off" },
        { "power/control", "on\n" },
        { "d3cold_allowed", "" },
        { "d3cold_allowed", "2" },
        { "driver_override", "a b" },
        { "driver_override", "\n" },
        { "driver_override", "../vfio" },
        { "driver_override", "vfio.pci" },
        { "remove", "1" },
        { "reset", "1" },
        { "reset_method", "" },
        { "", "1" },
        { "../0000:02:00.0/remove", "1" },
        { "driver_override/", "vfio-pci" },
        { "power/control/..", "on" },
        { "config", "0" },
};

START_TEST(test_refuses) {
        HelperReply reply;

        ck_assert_int_eq(write_attribute(refused[_i].attribute, refused[_i].text, &reply), -EINVAL);
        ck_assert_uint_eq(fake.n_writes, 0);
}
END_TEST

START_TEST(test_names_file_value_and_reason) {
        char expected[MESSAGE_TEXT_SIZE];
        HelperReply reply;

        fake.state = EBUSY;
        ck_assert_int_eq(write_attribute("power/control", "auto", &reply), -EBUSY);
        (void) text_format(expected, sizeof(expected), "cannot write 'auto' to %s%s: %s", fake.root, CONTROL,
                           strerror(EBUSY));
        ck_assert_str_eq(reply.message, expected);
        ck_assert_int_eq(write_attribute("driver_override", "", &reply), -EBUSY);
        ck_assert_ptr_nonnull(strstr(reply.message, "cannot write '\\n' to "));
}
END_TEST

START_TEST(test_value_that_is_not_taken_whole) {
        HelperReply reply;

        fake.state = FAKE_SHORT_WRITE;
        ck_assert_int_eq(write_attribute("power/control", "auto", &reply), -EIO);
        ck_assert_uint_eq(fake.n_writes, 1);
}
END_TEST

START_TEST(test_missing_attribute_is_not_made) {
        HelperReply reply;

        fake_remove(D3COLD);
        ck_assert_int_eq(write_attribute("d3cold_allowed", "0", &reply), -ENOENT);
        ck_assert_uint_eq(fake.n_writes, 0);
        ck_assert_int_eq(write_attribute("d3cold_allowed", "0", &reply), -ENOENT);
}
END_TEST

static Suite *suite(void) {
        Suite *s = suite_create("helper-attribute");
        TCase *t = tcase_create("attribute");

        tcase_add_checked_fixture(t, fake_setup, fake_teardown);
        tcase_add_loop_test(t, test_writes_once, 0, ELEMENTSOF(allowed));
        tcase_add_loop_test(t, test_refuses, 0, ELEMENTSOF(refused));
        tcase_add_test(t, test_names_file_value_and_reason);
        tcase_add_test(t, test_value_that_is_not_taken_whole);
        tcase_add_test(t, test_missing_attribute_is_not_made);
        suite_add_tcase(s, t);
        return s;
}
CHECK_MAIN(suite)
