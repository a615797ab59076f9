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

/* Two folders settle it, two files of one folder do not; nor do two entries of one file, or one that has an id twice. */
START_TEST(one_id_is_claimed_once) {
        const char *folders[] = { fixture.vendor, fixture.admin };

        for (size_t i = 0; i < ELEMENTSOF(folders); i++) {
                write_devices(folders[i], "50.json", i == 0 ? "kernel" : "none", 1);
                write_devices(folders[i], "60.json", "flr", 2);
                ck_assert_str_eq(reset_of(0), i == 0 ? "kernel" : "none");
                const PolicyProblem *problem = policy_problem(fixture.loaded, 0);
                ck_assert_str_eq(problem->where, "/devices/0/match/0");
                ck_assert_str_eq(problem->file, fixture_path(folders[i], "60.json"));
                ck_assert_uint_eq(problem->line, 1);
                ck_assert_ptr_nonnull(strstr(problem->text, "50.json has this id already"));
                ck_assert_ptr_null(policy_problem(fixture.loaded, 1));
                ck_assert_str_eq(reset_of(1), "unknown");
                ck_assert_int_eq(unlink(fixture_path(folders[i], "60.json")), 0);
        }
        fixture_write(fixture.admin, "60.json",
                      "{\"version\":1,\"families\":[],\"devices\":["
                      "{\"device\":\"a\",\"match\":[{\"id\":\"144d:0007\"},{\"id\":\"144D:0007\"}],\"reset\":{\"value\":\"flr\",\"source\":\"t\"}},"
                      "{\"device\":\"b\",\"match\":[{\"id\":\"144d:0007\"}],\"reset\":{\"value\":\"none\",\"source\":\"t\"}}]}");
        ck_assert_str_eq(reset_of(7), "unknown");
        ck_assert_str_eq(policy_problem(fixture.loaded, 0)->where, "/devices/0/match/1");
        ck_assert_str_eq(policy_problem(fixture.loaded, 1)->where, "/devices/1/match/0");
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

static FellowRule fellow_of(uint16_t vendor_id, uint16_t device_id) {
        FellowRule fellow = { .address = { .bus = 5, .function = 3 }, .device = "what was there before", .bus_reset_forbidden = true };

        memset(fellow.source, 'x', sizeof(fellow.source));
        policy_fellow(fixture.loaded, vendor_id, device_id, &fellow);
        ck_assert(address_equal(fellow.address, (PciAddress){ .bus = 5, .function = 3 }));
        return fellow;
}

START_TEST(rules_of_fellows) {
        fixture.dirs.quirks_vendor = TEST_SOURCE_DIR "/policy/quirks";
        fixture_load(&fixture);
        FellowRule fellow = fellow_of(0x144d, 0xa804);
        ck_assert_str_eq(fellow.device, "samsung-nvme");
        ck_assert_int_eq((int) fellow.reset, DEVICE_RESET_KERNEL);
        ck_assert(!fellow.bus_reset_forbidden);
        ck_assert_ptr_nonnull(strstr(fellow.source, "nvme_disable_and_flr"));
        fellow = fellow_of(0x168c, 0x0030);
        ck_assert_int_eq((int) fellow.reset, DEVICE_RESET_NONE);
        ck_assert(fellow.bus_reset_forbidden);
        ck_assert_ptr_nonnull(strstr(fellow.source, "quirk_no_bus_reset"));
        fellow = fellow_of(0x1b21, 0x1242);
        ck_assert_str_eq(fellow.device, "");
        ck_assert_int_eq((int) fellow.reset, DEVICE_RESET_UNKNOWN);
        ck_assert(!fellow.bus_reset_forbidden);
        ck_assert_str_eq(fellow.source, "");
}
END_TEST

/* The source that is shown is that of the fact that counts most, and one that is too long is cut between characters. */
START_TEST(sources_of_fellows) {
        static const char form[] = "{\"version\":1,\"families\":[],\"devices\":[{\"device\":\"mine\",\"match\":[{\"id\":\"144d:*\"}],"
                                   "\"reset\":{\"value\":\"flr\",\"source\":\"of reset %s\"},"
                                   "\"bus_reset\":{\"value\":\"%s\",\"source\":\"of bus reset\"}}]}";
        char text[2048], many[801] = "";

        snprintf(text, sizeof(text), form, "", "forbidden");
        fixture_write(fixture.admin, "10.json", text);
        fixture_load(&fixture);
        FellowRule fellow = fellow_of(0x144d, 1);
        ck_assert_int_eq((int) fellow.reset, DEVICE_RESET_FLR);
        ck_assert(fellow.bus_reset_forbidden);
        ck_assert_str_eq(fellow.source, "of bus reset");

        for (size_t i = 0; i < 400; i++)
                strcat(many, "\u00e9");
        snprintf(text, sizeof(text), form, many, "wanted");
        fixture_write(fixture.admin, "10.json", text);
        fixture_load(&fixture);
        fellow = fellow_of(0x144d, 1);
        ck_assert(!fellow.bus_reset_forbidden);
        ck_assert_ptr_nonnull(text_starts_with(fellow.source, "of reset \u00e9"));
        ck_assert_uint_eq(strlen(fellow.source), sizeof(fellow.source) - 1);
        ck_assert(text_is_utf8(fellow.source));
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("policy-devices");
        TCase *tcase = tcase_create("all");

        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_test(tcase, administrator_wins);
        tcase_add_test(tcase, one_id_is_claimed_once);
        tcase_add_test(tcase, have_a_limit);
        tcase_add_test(tcase, shipped);
        tcase_add_test(tcase, rules_of_fellows);
        tcase_add_test(tcase, sources_of_fellows);
        suite_add_tcase(suite, tcase);
        return suite;
}
CHECK_MAIN(make_suite)
