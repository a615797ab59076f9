/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Into D3hot and back. */

#include "check-main.h"
#include "register-model.h"

#include <string.h>

static int run(HelperReply *reply) {
        HelperRequest request = fake_request(HELPER_D3HOT);

        return fake_run(&request, reply);
}

START_TEST(test_there_and_back) {
        HelperReply reply;

        model_set_config(0, MODEL_PMCSR, 2, 0x8100); /* a PME is pending, and may be sent */
        ck_assert_int_eq(run(&reply), 0);
        ck_assert_uint_eq(model.n_resets, 1);
        ck_assert_uint_eq(model_config(0, MODEL_PMCSR, 2), 0x0100); /* a one would clear what is pending */
        ck_assert_uint_eq(model_config(0, 0x24, 4), 0);
}
END_TEST

START_TEST(test_does_not_apply) {
        HelperReply reply;

        model_set_config(0, MODEL_PMCSR, 2, 0x0008);
        ck_assert_int_eq(run(&reply), HELPER_NOT_APPLICABLE);
        ck_assert_ptr_nonnull(strstr(reply.message, "No_Soft_Reset: 0x0008 at 0x54"));
        model_set_config(0, 0x34, 1, 0x58);
        ck_assert_int_eq(run(&reply), HELPER_NOT_APPLICABLE);
        ck_assert_str_eq(reply.message, "0000:01:00.0 has no power management capability");
        /* One whose register would be beyond the 256 bytes. */
        model_set_config(0, 0x34, 1, 0xfc);
        model_set_config(0, 0xfc, 2, 0x0001);
        model_set_config(0, 0x100, 4, 0);
        ck_assert_int_eq(run(&reply), HELPER_NOT_APPLICABLE);
        ck_assert_uint_eq(model.n_resets, 0);
}
END_TEST

START_TEST(test_does_not_wake_up) {
        HelperReply reply;

        model.stubborn = MODEL_PMCSR;
        ck_assert_int_eq(run(&reply), -EIO);
        ck_assert_str_eq(reply.message, "0000:01:00.0 is still in power state D3");
}
END_TEST

static void bound(void) {
        fake_bind("0000:01:00.0", "amdgpu");
}
static void beside_a_host_driver(void) {
        fake_bind("0000:01:00.1", "snd_hda_intel");
}
static void msix_on(void) {
        model_set_config(0, 0xa2, 2, 0x8000);
}
static void dead(void) {
        model_set_config(0, 0, 4, UINT32_MAX);
}
static void no_display(void) {
        model_set_config(0, 0x0b, 1, 0x04);
}

static const struct {
        void (*spoil)(void);
        int error;
} obstacles[] = {
        { bound, -EBUSY }, { beside_a_host_driver, -EBUSY }, { msix_on, -EBUSY }, { dead, -ENXIO }, { no_display, -EINVAL },
};

START_TEST(test_obstacles) {
        HelperReply reply;

        obstacles[_i].spoil();
        ck_assert_int_eq(run(&reply), obstacles[_i].error);
        ck_assert_uint_eq(model.n_resets, 0);
        ck_assert_uint_eq(model_config(0, MODEL_PMCSR, 2), 0);
}
END_TEST

static Suite *suite(void) {
        Suite *s = suite_create("helper-power");
        TCase *t = tcase_create("power");

        tcase_add_checked_fixture(t, model_setup_vi, fake_teardown);
        tcase_add_test(t, test_there_and_back);
        tcase_add_test(t, test_does_not_apply);
        tcase_add_test(t, test_does_not_wake_up);
        tcase_add_loop_test(t, test_obstacles, 0, (int) ELEMENTSOF(obstacles));
        suite_add_tcase(s, t);
        return s;
}
CHECK_MAIN(suite)
