/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A reset through the kernel's own methods, and the attribute that says which they are. */

#include "check-main.h"

#include <string.h>

#include "base/text.h"
#include "fake-sys.h"

#define DEVICE "/sys/bus/pci/devices/0000:01:00.0"
#define METHODS DEVICE "/reset_method"
#define RESET DEVICE "/reset"

static char asked[64];
static unsigned n_resets;

/* A kernel that takes what it is told, resets, or (state: an errno) does not. */
static int take_write(FakeSys *sys, const char *path, const char *value) {
        if (streq(path, RESET)) {
                ck_assert_str_eq(value, "1");
                n_resets++;
                return sys->state;
        }
        ck_assert_str_eq(path, METHODS);
        (void) text_copy(asked, sizeof(asked), value);
        if (sys->state != 0)
                return sys->state;
        fake_write(METHODS, "%s", ""); /* the file is no longer than what is written now */
        return 0;
}

static void setup(void) {
        fake_setup();
        fake_write(METHODS, "flr\n");
        fake_write(RESET, "%s", "");
        fake.on_write = take_write;
        asked[0] = '\0';
        n_resets = 0;
}

static int reset(const char *method, HelperReply *reply) {
        HelperRequest request = fake_request(HELPER_FUNCTION_RESET);

        ck_assert_int_eq(text_copy(request.text, sizeof(request.text), method), 0);
        return fake_run(&request, reply);
}

static int set_methods(const char *list, HelperReply *reply) {
        HelperRequest request = fake_request(HELPER_WRITE_ATTRIBUTE);

        (void) text_copy(request.attribute, sizeof(request.attribute), "reset_method");
        ck_assert_int_eq(text_copy(request.text, sizeof(request.text), list), 0);
        return fake_run(&request, reply);
}

static const char *const good[] = { "flr", "af_flr", "pm", "acpi", "device_specific" };

START_TEST(test_reset) {
        HelperReply reply;

        fake_write(METHODS, "%s\n", good[_i]);
        ck_assert_int_eq(reset(good[_i], &reply), 0);
        ck_assert_uint_eq(n_resets, 1);
        fake.state = ENOTTY;
        ck_assert_int_eq(reset(good[_i], &reply), -ENOTTY);
        ck_assert_ptr_nonnull(strstr(reply.message, "cannot write '1' to "));
}
END_TEST

static const char *const bad[] = { "bus", "cxl_bus", "", "default", "flr bus", "flr ", "FLR", "fl", "flrs", "pm\n" };

START_TEST(test_never_a_bus_reset) {
        HelperReply reply;

        fake_write(METHODS, "%s\n", bad[_i]);
        ck_assert_int_eq(reset(bad[_i], &reply), -EINVAL);
        ck_assert_ptr_nonnull(text_starts_with(reply.message, "refused by the helper's rule 'reset-method'"));
        ck_assert_uint_eq(n_resets, 0);
}
END_TEST

static const char *const others[] = { "flr bus", "bus flr", "pm", "", "flr flr", "device_specific flr" };

START_TEST(test_only_if_it_is_all_there_is) {
        HelperReply reply;

        fake_write(METHODS, "%s\n", others[_i]);
        ck_assert_int_eq(reset("flr", &reply), -EBUSY);
        ck_assert_ptr_nonnull(strstr(reply.message, "not only 'flr'"));
        ck_assert_uint_eq(n_resets, 0);
}
END_TEST

/* Before 5.15 the kernel does not say what it would do. */
START_TEST(test_old_kernel) {
        HelperReply reply;

        fake_remove(METHODS);
        ck_assert_int_eq(reset("flr", &reply), -EOPNOTSUPP);
        ck_assert_ptr_nonnull(strstr(reply.message, "a bus reset could be what happens"));
        ck_assert_int_eq(set_methods("flr", &reply), -EOPNOTSUPP);
        ck_assert_uint_eq(n_resets, 0);
        ck_assert_uint_eq(fake.n_writes, 0);
}
END_TEST

static void bound(void) {
        fake_bind("0000:01:00.0", "vfio-pci");
}
static void beside_a_host_driver(void) {
        fake_bind("0000:01:00.1", "snd_hda_intel");
}
static void msix_on(void) {
        uint8_t config[CONFIG_SPACE_SIZE];

        fake_config(config);
        config[0xa3] |= 0x80;
        fake_write_bytes(DEVICE "/config", config, sizeof(config));
}
static void gone(void) {
        fake_remove(RESET);
}

static const struct {
        void (*spoil)(void);
        int error;
        const char *words;
} obstacles[] = {
        { bound, -EBUSY, "0000:01:00.0 is bound to vfio-pci" },
        { beside_a_host_driver, -EBUSY, "0000:01:00.1 is bound to snd_hda_intel" },
        { msix_on, -EBUSY, "MSI-X" },
        { gone, -ENOENT, "/reset" },
};

START_TEST(test_obstacles) {
        HelperReply reply;

        obstacles[_i].spoil();
        ck_assert_int_eq(reset("flr", &reply), obstacles[_i].error);
        ck_assert_ptr_nonnull(strstr(reply.message, obstacles[_i].words));
        ck_assert_uint_eq(n_resets, 0);
}
END_TEST

START_TEST(test_methods) {
        HelperReply reply;

        fake_write(METHODS, "device_specific flr bus\n");
        ck_assert_int_eq(set_methods("flr", &reply), 0);
        ck_assert_str_eq(asked, "flr");
        ck_assert_int_eq(set_methods("device_specific flr bus", &reply), 0);
        ck_assert_str_eq(asked, "device_specific flr bus");
        /* What is there is not written again. */
        ck_assert_int_eq(set_methods("device_specific flr bus", &reply), 0);
        ck_assert_uint_eq(fake.n_writes, 2);
        ck_assert_int_eq(set_methods("device_specific acpi flr af_flr pm bus cxl_bus", &reply), 0);
        fake.state = EINVAL;
        ck_assert_int_eq(set_methods("pm", &reply), -EINVAL);
        ck_assert_ptr_nonnull(strstr(reply.message, "cannot write 'pm' to "));
}
END_TEST

static const char *const no_lists[] = { "",      "default", "flr,bus", "flr  bus", " flr", "flr ",
                                        "flr\n", "flr flr", "sbr",     "flr bus flr" };

START_TEST(test_no_methods) {
        HelperReply reply;

        ck_assert_int_eq(set_methods(no_lists[_i], &reply), -EINVAL);
        ck_assert_ptr_nonnull(text_starts_with(reply.message, "refused by the helper's rule 'value'"));
        ck_assert_uint_eq(fake.n_writes, 0);
}
END_TEST

/* A list of bus resets alone is put back where it was, and set nowhere else. */
START_TEST(test_bus_alone) {
        HelperReply reply;

        ck_assert_int_eq(set_methods("bus", &reply), -EINVAL);
        ck_assert_ptr_nonnull(text_starts_with(reply.message, "refused by the helper's rule 'reset-method'"));
        ck_assert_int_eq(set_methods("bus cxl_bus", &reply), -EINVAL);
        ck_assert_uint_eq(fake.n_writes, 0);
        fake_write(METHODS, "bus\n");
        ck_assert_int_eq(set_methods("bus", &reply), 0); /* it is so */
        ck_assert_uint_eq(fake.n_writes, 0);
        ck_assert_int_eq(set_methods("flr", &reply), 0);
        ck_assert_int_eq(set_methods("bus", &reply), 0);
        ck_assert_str_eq(asked, "bus");
        ck_assert_int_eq(set_methods("flr", &reply), 0);
        ck_assert_int_eq(set_methods("cxl_bus", &reply), -EINVAL);
}
END_TEST

static int forget(FakeSys *sys, const char *path, const char *value) {
        return 0;
}

static int take_other(FakeSys *sys, const char *path) {
        if (sys->n_writes > 0 && strstr(path, "/reset_method"))
                fake_write(METHODS, "flr bus\n");
        return 0;
}

START_TEST(test_methods_are_read_back) {
        HelperReply reply;

        fake_write(METHODS, "flr bus\n");
        fake.on_write = forget;
        fake.on_look = take_other; /* a kernel that keeps what it had */
        ck_assert_int_eq(set_methods("flr", &reply), -EIO);
        ck_assert_ptr_nonnull(strstr(reply.message, "'flr' was written to "));
        ck_assert_ptr_nonnull(strstr(reply.message, "it reads 'flr bus'"));
}
END_TEST

static Suite *suite(void) {
        Suite *s = suite_create("helper-function-reset");
        TCase *t = tcase_create("function-reset");

        tcase_add_checked_fixture(t, setup, fake_teardown);
        tcase_add_loop_test(t, test_reset, 0, (int) ELEMENTSOF(good));
        tcase_add_loop_test(t, test_never_a_bus_reset, 0, (int) ELEMENTSOF(bad));
        tcase_add_loop_test(t, test_only_if_it_is_all_there_is, 0, (int) ELEMENTSOF(others));
        tcase_add_test(t, test_old_kernel);
        tcase_add_loop_test(t, test_obstacles, 0, (int) ELEMENTSOF(obstacles));
        tcase_add_test(t, test_methods);
        tcase_add_loop_test(t, test_no_methods, 0, (int) ELEMENTSOF(no_lists));
        tcase_add_test(t, test_bus_alone);
        tcase_add_test(t, test_methods_are_read_back);
        suite_add_tcase(s, t);
        return s;
}
CHECK_MAIN(suite)
