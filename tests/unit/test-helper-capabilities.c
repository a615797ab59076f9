/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is in force while an operation is at work, seen from inside its calls. As far as this process itself has it. */

#include "check-main.h"

#include <string.h>
#include <sys/prctl.h>

#include "base/text.h"
#include "core/config-space.h"
#include "good-requests.h"
#include "gpuswitch/names.h"
#include "helper/capabilities.h"
#include "helper/operations.h"

#define DEVICE "/sys/bus/pci/devices/0000:01:00.0"
#define EVERYTHING (CAPABILITIES_CONFIG | CAPABILITIES_PROCESSES | CAPABILITIES_GROUP)

static uint64_t own; /* permitted before anything was given up */
static const char *watched;
static uint64_t seen;
static unsigned n_seen;

static uint64_t of_status(const char *key) {
        _cleanup_fclose_ FILE *f = fopen("/proc/self/status", "re");
        char line[256];
        uint64_t value;

        ck_assert_ptr_nonnull(f);
        while (fgets(line, sizeof(line), f)) {
                const char *rest = text_starts_with(line, key);
                if (!rest)
                        continue;
                ck_assert_int_eq(text_to_uint64(text_chomp((char *) rest + strspn(rest, ":\t ")), 16, &value), 0);
                return value;
        }
        ck_abort_msg("/proc/self/status has no %s", key);
}

static int look(FakeSys *sys, const char *path) {
        if (strstr(path, watched)) {
                seen = of_status("CapEff");
                n_seen++;
        }
        return 0;
}

static int look_at_write(FakeSys *sys, const char *path, const char *value) {
        return look(sys, path);
}

static void setup(void) {
        fake_setup();
        own = of_status("CapPrm");
        n_seen = 0;
}

static HelperRequest request_for(HelperVerb verb) {
        if (verb >= HELPER_CHECK_REGISTER && verb <= HELPER_DIFFER_REGISTER)
                return about_register(verb);
        if (verb == HELPER_FUNCTION_RESET)
                return function_reset();
        HelperRequest request = fake_request(verb);
        ConfigRegister registers[REGISTERS_MAX];
        uint8_t config[CONFIG_SPACE_SIZE];

        (void) text_copy(request.attribute, sizeof(request.attribute), "power/control");
        (void) text_copy(request.text, sizeof(request.text), verb == HELPER_WRITE_ATTRIBUTE ? "on" : "vfio-pci");
        request.offset = 0x7c;
        request.value = verb == HELPER_WAKE_ALARM ? 10 : 0x39d5e86b;
        if (verb == HELPER_SAVE_CONFIG || verb == HELPER_RESTORE_CONFIG || verb == HELPER_VERIFY_CONFIG) {
                fake_read_bytes(DEVICE "/config", config, sizeof(config));
                request.n_registers = (uint32_t) config_registers(config, sizeof(config), registers);
                for (size_t i = 0; i < request.n_registers; i++)
                        request.registers[i] = (HelperRegister){ .offset = registers[i].offset,
                                                                 .width = registers[i].width,
                                                                 .value = registers[i].value };
        }
        return request;
}

/* Which file the operation opens or writes, and what has to be in force then. */
static const struct {
        HelperVerb verb;
        const char *file;
        bool is_written;
        uint64_t expected;
        const char *driver; /* that has the function */
} cases[] = {
        { HELPER_SURVEY, "/config", false, CAPABILITIES_CONFIG, "" },
        { HELPER_NODES_FREE, "/0000:01:00.0", false, CAPABILITIES_PROCESSES, "" },
        { HELPER_GROUP_FREE, "/dev/vfio/12", false, CAPABILITIES_GROUP, "" },
        { HELPER_ALIVE, "/config", false, 0, "" },
        { HELPER_WRITE_ATTRIBUTE, "/power/control", true, 0, "" },
        { HELPER_UNBIND, "/dev/vfio/12", false, CAPABILITIES_GROUP, "vfio-pci" },
        { HELPER_UNBIND, "/unbind", true, 0, "vfio-pci" },
        { HELPER_BIND, "/bind", true, 0, "" },
        { HELPER_PROBE, "/drivers_probe", true, 0, "" },
        { HELPER_SAVE_CONFIG, "/config", false, CAPABILITIES_CONFIG, "" },
        { HELPER_WRITE_CONFIG, "/dev/vfio/12", false, CAPABILITIES_GROUP, "" },
        { HELPER_WRITE_CONFIG, "/config", false, CAPABILITIES_CONFIG, "" },
        { HELPER_RESTORE_CONFIG, "/config", false, CAPABILITIES_CONFIG, "" },
        { HELPER_VERIFY_CONFIG, "/config", false, CAPABILITIES_CONFIG, "" },
        { HELPER_CHECK_REGISTER, "/config", false, CAPABILITIES_CONFIG, "" },
        { HELPER_CHECK_REGISTER, "/resource5", false, 0, "" },
        { HELPER_CHECK_REGISTER, "/dev/vfio/12", false, CAPABILITIES_GROUP, "" },
        { HELPER_POLL_REGISTER, "/resource5", false, 0, "" },
        { HELPER_WRITE_REGISTER, "/resource5", false, 0, "" },
        { HELPER_DIFFER_REGISTER, "/resource5", false, 0, "" },
        { HELPER_FUNCTION_RESET, "/dev/vfio/12", false, CAPABILITIES_GROUP, "" },
        { HELPER_FUNCTION_RESET, "/config", false, CAPABILITIES_CONFIG, "" },
        { HELPER_FUNCTION_RESET, "/reset", true, 0, "" },
        { HELPER_VENDOR_RESET, "/dev/vfio/12", false, CAPABILITIES_GROUP, "" },
        { HELPER_VENDOR_RESET, "/config", false, CAPABILITIES_CONFIG, "" },
        { HELPER_VENDOR_RESET, "/dev/vendor_reset", false, 0, "" },
        { HELPER_D3HOT, "/dev/vfio/12", false, CAPABILITIES_GROUP, "" },
        { HELPER_D3HOT, "/config", false, CAPABILITIES_CONFIG, "" },
        { HELPER_GUARD_SET, "/guard", true, 0, "" },
        { HELPER_GUARD_CLEAR, "/dev/vfio/12", false, CAPABILITIES_GROUP, "vfio-pci" },
        { HELPER_READ_GROUP, "/type", false, 0, "" },
        { HELPER_WAKE_ALARM, "/wakealarm", true, 0, "" },
        { HELPER_REMOVE_RESCAN, "/dev/vfio/12", false, CAPABILITIES_GROUP, "" },
        { HELPER_REMOVE_RESCAN, "/remove", true, 0, "" },
        { HELPER_REMOVE_RESCAN, "/rescan", true, 0, "" },
};

START_TEST(test_in_force) {
        HelperRequest request = request_for(cases[_i].verb), save = request_for(HELPER_SAVE_CONFIG);
        HelperReply reply;

        fake_write("/dev/vfio/12", "%s", "");
        fake_write("/dev/vendor_reset", "%s", "");
        fake_write(DEVICE "/resource5", "%s", "");
        fake_write(DEVICE "/reset_method", "flr\n");
        fake_write(DEVICE "/reset", "%s", "");
        fake_write(GUARD_MODULE_FOLDER "/guard", "%s", "");
        fake_write(GUARD_MODULE_FOLDER "/release", "%s", "");
        fake_write(GUARD_MODULE_FOLDER "/guarded", "0000:01:00.0\n");
        fake_write("/sys/class/rtc/rtc0/wakealarm", "%s", "");
        fake_write(DEVICE "/remove", "%s", "");
        fake_write("/sys/bus/pci/devices/0000:01:00.1/remove", "%s", "");
        fake_write("/sys/class/pci_bus/0000:01/rescan", "%s", "");
        fake_bind("0000:01:00.0", cases[_i].driver);
        fake_bind("0000:01:00.1", "vfio-pci");
        if (cases[_i].verb == HELPER_VERIFY_CONFIG)
                ck_assert_int_eq(fake_run(&save, &reply), 0);
        watched = cases[_i].file;
        if (cases[_i].is_written)
                fake.on_write = look_at_write;
        else
                fake.on_look = look;
        (void) fake_run(&request, &reply);
        ck_assert_uint_gt(n_seen, 0);
        ck_assert_uint_eq(seen, own & cases[_i].expected);
        /* Nothing between requests, and nothing lost for the next one. */
        ck_assert_uint_eq(of_status("CapEff"), 0);
        ck_assert_uint_eq(of_status("CapPrm"), own);
}
END_TEST

START_TEST(test_a_refused_request_gets_none) {
        HelperRequest request = fake_request(HELPER_SURVEY);
        HelperReply reply;

        ck_assert_int_eq(capabilities_use(0), 0);
        watched = "";
        fake.on_look = look;
        fake_write(DEVICE "/class", "0x020000\n");
        ck_assert_int_eq(fake_run(&request, &reply), -EINVAL);
        ck_assert_uint_eq(n_seen, 1); /* of `class` */
        ck_assert_uint_eq(seen, 0);
}
END_TEST

START_TEST(test_limit) {
        ck_assert_uint_eq(operations_capabilities(), EVERYTHING);
        ck_assert_int_eq(capabilities_limit(operations_capabilities()), 0);
        ck_assert_uint_eq(of_status("CapPrm"), own & EVERYTHING);
        ck_assert_uint_eq(of_status("CapEff"), 0);
        ck_assert_uint_eq(of_status("CapInh"), 0);
        ck_assert_uint_eq(of_status("CapAmb"), 0);
        ck_assert_int_eq(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 1);
        /* What is gone does not come back; what is left does. */
        ck_assert_int_eq(capabilities_use(UINT64_MAX), 0);
        ck_assert_uint_eq(of_status("CapEff"), own & EVERYTHING);
        ck_assert_int_eq(capabilities_limit(CAPABILITIES_CONFIG), 0);
        ck_assert_int_eq(capabilities_use(EVERYTHING), 0);
        ck_assert_uint_eq(of_status("CapEff"), own & CAPABILITIES_CONFIG);
}
END_TEST

static Suite *suite(void) {
        Suite *s = suite_create("helper-capabilities");
        TCase *c = tcase_create("capabilities");

        tcase_add_checked_fixture(c, setup, fake_teardown);
        tcase_add_loop_test(c, test_in_force, 0, ELEMENTSOF(cases));
        tcase_add_test(c, test_a_refused_request_gets_none);
        tcase_add_test(c, test_limit);
        suite_add_tcase(s, c);
        return s;
}
CHECK_MAIN(suite)
