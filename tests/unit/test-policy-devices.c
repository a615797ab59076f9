/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is known of devices that are no GPUs. */

#include "check-main.h"

#include "base/text.h"
#include "policy-fixture.h"

static Fixture fixture;

static void setup(void) {
        fixture_init(&fixture);
}

static void teardown(void) {
        fixture_done(&fixture);
}

static void write_devices(const char *folder, const char *name, const char *reset, size_t n) {
        size_t size = 256 + n * 128;
        char *text = calloc(1, size);

        ck_assert_ptr_nonnull(text);
        ck_assert_int_eq(text_append(text, size, "{\"version\":1,\"families\":[],\"devices\":["), 0);
        for (size_t i = 0; i < n; i++)
                ck_assert_int_eq(text_append(text, size, "%s{\"device\":\"one\",\"match\":[{\"id\":\"144d:%04zx\"}],"
                                             "\"reset\":{\"value\":\"%s\",\"source\":\"a test\"}}", i ? "," : "", i, reset), 0);
        ck_assert_int_eq(text_append(text, size, "]}"), 0);
        fixture_write(folder, name, text);
        free(text);
}

static const char *reset_of(uint16_t device_id) {
        PolicyDevice device;

        return policy_device(fixture_load(&fixture), 0x144d, device_id, &device) ? device.reset : "unknown";
}

START_TEST(administrator_wins) {
        ck_assert_str_eq(reset_of(0), "unknown");
        write_devices(fixture.vendor, "50.json", "kernel", 1);
        ck_assert_str_eq(reset_of(0), "kernel");
        ck_assert_str_eq(reset_of(1), "unknown");
        write_devices(fixture.admin, "10.json", "none", 1);
        ck_assert_str_eq(reset_of(0), "none");
        ck_assert_ptr_null(policy_problem(fixture.loaded, 0));
}
END_TEST

START_TEST(have_a_limit) {
        write_devices(fixture.vendor, "10.json", "kernel", DEVICES_MAX);
        ck_assert_str_eq(reset_of(DEVICES_MAX - 1), "kernel");
        write_devices(fixture.vendor, "20.json", "flr", 1);
        ck_assert_str_eq(reset_of(0), "kernel");
        ck_assert_str_eq(policy_problem(fixture.loaded, 0)->where, "/devices");
}
END_TEST

START_TEST(shipped) {
        static const struct {
                uint16_t vendor, device;
                const char *reset, *bus_reset;
        } known[] = {
                { 0x144d, 0xa804, "kernel", "" },        { 0x144d, 0xa802, "kernel", "" },
                { 0x8086, 0x0953, "kernel", "" },        { 0x8086, 0x0a54, "kernel", "" },
                { 0x025e, 0xf1ac, "kernel", "" },        { 0x168c, 0x0030, "none", "forbidden" },
                { 0x168c, 0x0032, "none", "forbidden" }, { 0x168c, 0x0033, "none", "forbidden" },
                { 0x168c, 0x0034, "none", "forbidden" }, { 0x168c, 0x003c, "none", "forbidden" },
                { 0x168c, 0x003e, "none", "forbidden" }, { 0x177d, 0xa100, "none", "forbidden" },
                { 0x104c, 0xb005, "none", "forbidden" },
        };
        PolicyDevice device;

        fixture.dirs.quirks_vendor = TEST_SOURCE_DIR "/policy/quirks";
        const Policy *policy = fixture_load(&fixture);
        for (size_t i = 0; i < ELEMENTSOF(known); i++) {
                ck_assert(policy_device(policy, known[i].vendor, known[i].device, &device));
                ck_assert_str_eq(device.reset, known[i].reset);
                ck_assert_str_eq(device.bus_reset, known[i].bus_reset);
                ck_assert(isempty(device.bus_reset) == isempty(device.bus_reset_source));
        }
        ck_assert(!policy_device(policy, 0x1002, 0x67df, &device));
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("policy-devices");
        TCase *tcase = tcase_create("all");

        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_test(tcase, administrator_wins);
        tcase_add_test(tcase, have_a_limit);
        tcase_add_test(tcase, shipped);
        suite_add_tcase(suite, tcase);
        return suite;
}
CHECK_MAIN(make_suite)
