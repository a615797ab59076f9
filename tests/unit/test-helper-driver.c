/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bind, unbind and probe, against a kernel that behaves, fails, and lies. */

#include "check-main.h"

#include <string.h>

#include "base/text.h"
#include "fake-sys.h"

enum { BEHAVES, FAILS, DOES_NOTHING, OTHER_HANDS, ALREADY_DONE };

static const char gpu[] = "0000:01:00.0";

/* What drivers/base/bus.c does with a write to bind, unbind and drivers_probe. */
static int kernel(FakeSys *sys, const char *path, const char *value) {
        char driver[DRIVER_NAME_SIZE] = "", file[32] = "";

        if (streq(path, "/sys/bus/pci/drivers_probe"))
                (void) text_copy(driver, sizeof(driver), "amdgpu");
        else if (sscanf(path, "/sys/bus/pci/drivers/%63[^/]/%31s", driver, file) != 2)
                return EINVAL;
        switch (sys->state) {
        case BEHAVES:
                fake_bind(value, streq(file, "unbind") ? "" : driver);
                return 0;
        case FAILS:
                return EBUSY;
        case OTHER_HANDS:
                fake_bind(value, "snd_hda_intel");
                return 0;
        case ALREADY_DONE:
                fake_bind(value, "");
                return ENODEV;
        default:
                return 0;
        }
}

static int ask(HelperVerb verb, const char *driver, int behaviour, HelperReply *reply) {
        HelperRequest request = fake_request(verb);

        (void) text_copy(request.text, sizeof(request.text), driver);
        fake.on_write = kernel;
        fake.state = behaviour;
        fake.n_writes = 0;
        return fake_run(&request, reply);
}

static void assert_bound(const char *driver) {
        char bound[DRIVER_NAME_SIZE];

        fake_bound(gpu, bound);
        ck_assert_str_eq(bound, driver);
}

static void kill_card(void) {
        uint8_t ones[CONFIG_SPACE_SIZE];

        memset(ones, 0xff, sizeof(ones));
        fake_write_bytes("/sys/bus/pci/devices/0000:01:00.0/config", ones, sizeof(ones));
}

START_TEST(test_unbind) {
        HelperReply reply;
        char written[64];

        fake_bind(gpu, "amdgpu");
        ck_assert_int_eq(ask(HELPER_UNBIND, "amdgpu", BEHAVES, &reply), 0);
        assert_bound("");
        ck_assert_uint_eq(fake.n_writes, 1);
        fake_read("/sys/bus/pci/drivers/amdgpu/unbind", written, sizeof(written));
        ck_assert_str_eq(written, gpu);
}
END_TEST

START_TEST(test_unbind_of_unbound_writes_nothing) {
        HelperReply reply;

        ck_assert_int_eq(ask(HELPER_UNBIND, "amdgpu", BEHAVES, &reply), 0);
        ck_assert_uint_eq(fake.n_writes, 0);
}
END_TEST

START_TEST(test_unbind_from_another_driver_is_refused) {
        HelperReply reply;

        fake_bind(gpu, "vfio-pci");
        ck_assert_int_eq(ask(HELPER_UNBIND, "amdgpu", BEHAVES, &reply), -EBUSY);
        ck_assert_uint_eq(fake.n_writes, 0);
        ck_assert_ptr_nonnull(strstr(reply.message, "vfio-pci"));
}
END_TEST

START_TEST(test_unbind_is_verified) {
        HelperReply reply;

        fake_bind(gpu, "amdgpu");
        ck_assert_int_eq(ask(HELPER_UNBIND, "amdgpu", DOES_NOTHING, &reply), -EIO);
        ck_assert_int_eq(ask(HELPER_UNBIND, "amdgpu", OTHER_HANDS, &reply), -EIO);
        ck_assert_ptr_nonnull(strstr(reply.message, "snd_hda_intel"));
}
END_TEST

START_TEST(test_unbind_that_somebody_else_did) {
        HelperReply reply;

        fake_bind(gpu, "amdgpu");
        ck_assert_int_eq(ask(HELPER_UNBIND, "amdgpu", ALREADY_DONE, &reply), 0);
        ck_assert_str_eq(reply.message, "");
}
END_TEST

static int always_busy(FakeSys *sys, const char *path) {
        ck_assert_str_eq(path, "/dev/vfio/12");
        return EBUSY;
}

START_TEST(test_unbind_under_a_running_guest_is_refused) {
        HelperReply reply;

        fake_bind(gpu, "vfio-pci");
        fake.on_open = always_busy;
        ck_assert_int_eq(ask(HELPER_UNBIND, "vfio-pci", BEHAVES, &reply), -EBUSY);
        ck_assert_uint_eq(fake.n_writes, 0);
        assert_bound("vfio-pci");
        fake.on_open = NULL;
        ck_assert_int_eq(ask(HELPER_UNBIND, "vfio-pci", BEHAVES, &reply), 0);
        assert_bound("");
}
END_TEST

START_TEST(test_unbind_error) {
        HelperReply reply;

        fake_bind(gpu, "amdgpu");
        ck_assert_int_eq(ask(HELPER_UNBIND, "amdgpu", FAILS, &reply), -EBUSY);
        ck_assert_ptr_nonnull(strstr(reply.message, "cannot write '0000:01:00.0' to "));
        ck_assert_ptr_nonnull(strstr(reply.message, "/sys/bus/pci/drivers/amdgpu/unbind: "));
}
END_TEST

START_TEST(test_bind) {
        HelperReply reply;

        ck_assert_int_eq(ask(HELPER_BIND, "vfio-pci", BEHAVES, &reply), 0);
        assert_bound("vfio-pci");
        ck_assert_uint_eq(fake.n_writes, 1);
        /* Again: there is nothing to do. */
        ck_assert_int_eq(ask(HELPER_BIND, "vfio-pci", BEHAVES, &reply), 0);
        ck_assert_uint_eq(fake.n_writes, 0);
        ck_assert_int_eq(ask(HELPER_BIND, "amdgpu", BEHAVES, &reply), -EBUSY);
        ck_assert_ptr_nonnull(strstr(reply.message, "vfio-pci"));
        ck_assert_uint_eq(fake.n_writes, 0);
}
END_TEST

START_TEST(test_bind_is_verified) {
        HelperReply reply;

        ck_assert_int_eq(ask(HELPER_BIND, "vfio-pci", DOES_NOTHING, &reply), -EIO);
        ck_assert_ptr_nonnull(strstr(reply.message, "no driver"));
        ck_assert_int_eq(ask(HELPER_BIND, "vfio-pci", OTHER_HANDS, &reply), -EIO);
        ck_assert_ptr_nonnull(strstr(reply.message, "snd_hda_intel"));
}
END_TEST

START_TEST(test_bind_without_module) {
        HelperReply reply;

        ck_assert_int_eq(ask(HELPER_BIND, "nouveau", BEHAVES, &reply), -ENOENT);
        ck_assert_ptr_nonnull(strstr(reply.message, "module nouveau"));
        ck_assert_uint_eq(fake.n_writes, 0);
}
END_TEST

START_TEST(test_dead_card_is_never_bound) {
        HelperReply reply;

        kill_card();
        ck_assert_int_eq(ask(HELPER_BIND, "amdgpu", BEHAVES, &reply), -ENXIO);
        ck_assert_ptr_nonnull(strstr(reply.message, "reads all ones"));
        ck_assert_int_eq(ask(HELPER_PROBE, "", BEHAVES, &reply), -ENXIO);
        ck_assert_ptr_nonnull(strstr(reply.message, "reads all ones"));
        ck_assert_uint_eq(fake.n_writes, 0);
        assert_bound("");
}
END_TEST

START_TEST(test_dead_card_can_be_unbound) {
        HelperReply reply;

        kill_card();
        fake_bind(gpu, "amdgpu");
        ck_assert_int_eq(ask(HELPER_UNBIND, "amdgpu", BEHAVES, &reply), 0);
}
END_TEST

static const char *const bad_names[] = { "",    "..", "a/b", "amdgpu\n", "../../devices/0000:01:00.0/driver",
                                         "a b", "ä" };

START_TEST(test_bad_driver_names) {
        HelperReply reply;

        fake_bind(gpu, "amdgpu");
        ck_assert_int_eq(ask(HELPER_UNBIND, bad_names[_i], BEHAVES, &reply), -EINVAL);
        ck_assert_int_eq(ask(HELPER_BIND, bad_names[_i], BEHAVES, &reply), -EINVAL);
        ck_assert_uint_eq(fake.n_writes, 0);
}
END_TEST

START_TEST(test_probe) {
        HelperReply reply;

        ck_assert_int_eq(ask(HELPER_PROBE, "", BEHAVES, &reply), 0);
        ck_assert_uint_eq(fake.n_writes, 1);
        assert_bound("amdgpu");
        ck_assert_int_eq(ask(HELPER_PROBE, "", BEHAVES, &reply), 0);
        ck_assert_uint_eq(fake.n_writes, 0);
}
END_TEST

START_TEST(test_probe_may_find_no_driver) {
        HelperReply reply;

        ck_assert_int_eq(ask(HELPER_PROBE, "", DOES_NOTHING, &reply), 0);
        assert_bound("");
}
END_TEST

START_TEST(test_function_that_is_gone) {
        HelperRequest request = fake_request(HELPER_BIND);
        HelperReply reply;

        request.address.function = 5;
        (void) text_copy(request.text, sizeof(request.text), "amdgpu");
        ck_assert_int_eq(fake_run(&request, &reply), -ENODEV);
        request.verb = HELPER_UNBIND;
        ck_assert_int_eq(fake_run(&request, &reply), -ENODEV);
}
END_TEST

static Suite *suite(void) {
        Suite *s = suite_create("helper-driver");
        TCase *t = tcase_create("driver");

        tcase_add_checked_fixture(t, fake_setup, fake_teardown);
        tcase_add_test(t, test_unbind);
        tcase_add_test(t, test_unbind_of_unbound_writes_nothing);
        tcase_add_test(t, test_unbind_from_another_driver_is_refused);
        tcase_add_test(t, test_unbind_is_verified);
        tcase_add_test(t, test_unbind_that_somebody_else_did);
        tcase_add_test(t, test_unbind_under_a_running_guest_is_refused);
        tcase_add_test(t, test_unbind_error);
        tcase_add_test(t, test_bind);
        tcase_add_test(t, test_bind_is_verified);
        tcase_add_test(t, test_bind_without_module);
        tcase_add_test(t, test_dead_card_is_never_bound);
        tcase_add_test(t, test_dead_card_can_be_unbound);
        tcase_add_loop_test(t, test_bad_driver_names, 0, ELEMENTSOF(bad_names));
        tcase_add_test(t, test_probe);
        tcase_add_test(t, test_probe_may_find_no_driver);
        tcase_add_test(t, test_function_that_is_gone);
        suite_add_tcase(s, t);
        return s;
}
CHECK_MAIN(suite)
