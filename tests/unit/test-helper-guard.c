/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Naming a slot to gpuswitch-guard and taking it off its list again, where it is loaded, and where it is not. */

#include "check-main.h"

#include <string.h>

#include "base/text.h"
#include "fake-sys.h"
#include "gpuswitch/names.h"

#define GUARD GUARD_MODULE_FOLDER "/guard"
#define RELEASE GUARD_MODULE_FOLDER "/release"
#define GUARDED GUARD_MODULE_FOLDER "/guarded"

static bool module_is_deaf;

/* As the module does it. */
static int module(FakeSys *sys, const char *path, const char *value) {
        if (sys->state != 0)
                return sys->state;
        ck_assert_str_eq(value, "0000:01:00.0");
        if (streq(path, GUARD) && !module_is_deaf)
                fake_write(GUARDED, "0000:02:00.0\n%s\n", value);
        else if (streq(path, RELEASE) && !module_is_deaf)
                fake_write(GUARDED, "0000:02:00.0\n");
        else
                ck_assert_msg(module_is_deaf, "%s is written", path);
        return 0;
}

static void load_module(const char *guarded) {
        fake_write(GUARD, "%s", "");
        fake_write(RELEASE, "%s", "");
        fake_write(GUARDED, "%s", guarded);
        fake.on_write = module;
        fake.n_writes = 0;
        module_is_deaf = false;
}

static int set(HelperReply *reply) {
        HelperRequest request = fake_request(HELPER_GUARD_SET);

        return fake_run(&request, reply);
}

static int clear(HelperReply *reply) {
        HelperRequest request = fake_request(HELPER_GUARD_CLEAR);

        return fake_run(&request, reply);
}

START_TEST(test_set_and_clear) {
        char list[256];
        HelperReply reply;

        load_module("");
        ck_assert_int_eq(set(&reply), 0);
        ck_assert_uint_eq(fake.n_writes, 1);
        fake_read(GUARDED, list, sizeof(list));
        ck_assert_str_eq(list, "0000:02:00.0\n0000:01:00.0\n");
        /* Again: functions may have come since. */
        ck_assert_int_eq(set(&reply), 0);
        ck_assert_uint_eq(fake.n_writes, 2);
        ck_assert_int_eq(clear(&reply), 0);
        ck_assert_uint_eq(fake.n_writes, 3);
        fake_read(GUARDED, list, sizeof(list));
        ck_assert_str_eq(list, "0000:02:00.0\n");
        /* Again: there is nothing to take back. */
        ck_assert_int_eq(clear(&reply), 0);
        ck_assert_uint_eq(fake.n_writes, 3);
}
END_TEST

START_TEST(test_module_is_not_loaded) {
        HelperReply reply;

        ck_assert_int_eq(set(&reply), -ENOENT);
        ck_assert_ptr_nonnull(strstr(reply.message, "gpuswitch-guard is not loaded"));
        ck_assert_int_eq(clear(&reply), 0);
        ck_assert_uint_eq(fake.n_writes, 0);
}
END_TEST

START_TEST(test_module_refuses) {
        HelperReply reply;

        load_module("");
        fake.state = ENOSPC;
        ck_assert_int_eq(set(&reply), -ENOSPC);
        ck_assert_ptr_nonnull(strstr(reply.message, GUARD));
        load_module("0000:01:00.0\n");
        fake.state = EIO;
        ck_assert_int_eq(clear(&reply), -EIO);
        ck_assert_ptr_nonnull(strstr(reply.message, RELEASE));
}
END_TEST

/* What the module lists counts, not what the write returned. */
START_TEST(test_list_has_the_last_word) {
        HelperReply reply;

        load_module("0000:02:00.0\n");
        module_is_deaf = true;
        ck_assert_int_eq(set(&reply), -EIO);
        ck_assert_ptr_nonnull(strstr(reply.message, "does not list it"));
        load_module("0000:01:00.1\n");
        module_is_deaf = true;
        ck_assert_int_eq(clear(&reply), -EIO);
        ck_assert_ptr_nonnull(strstr(reply.message, "yet the module lists it"));
}
END_TEST

static int group_in_use(FakeSys *sys, const char *path) {
        return streq(path, "/dev/vfio/12") ? EBUSY : 0;
}

/* A guest's card is not left to the next bus reset. */
START_TEST(test_not_under_a_guest) {
        HelperReply reply;

        load_module("0000:01:00.0\n");
        fake_write("/dev/vfio/12", "%s", "");
        fake_bind("0000:01:00.0", "vfio-pci");
        fake.on_open = group_in_use;
        ck_assert_int_eq(clear(&reply), -EBUSY);
        ck_assert_uint_eq(fake.n_writes, 0);
        fake.on_open = NULL;
        ck_assert_int_eq(clear(&reply), 0);
        ck_assert_uint_eq(fake.n_writes, 1);

        /* The host has it: nobody asks for the group. */
        load_module("0000:01:00.0\n");
        fake_bind("0000:01:00.0", "amdgpu");
        fake.on_open = group_in_use;
        ck_assert_int_eq(clear(&reply), 0);
        ck_assert_uint_eq(fake.n_writes, 1);
}
END_TEST

START_TEST(test_function_has_left_the_bus) {
        HelperReply reply;

        load_module("0000:01:00.1\n");
        fake.helper->card.bus = 1;
        HelperRequest request = fake_request(HELPER_GUARD_CLEAR);
        char folder[256];
        (void) text_format(folder, sizeof(folder), "%s/sys/bus/pci/devices/0000:01:00.0", fake.root);
        char moved[300];
        (void) text_format(moved, sizeof(moved), "%s.gone", folder);
        ck_assert_int_eq(rename(folder, moved), 0);
        ck_assert_int_eq(fake_run(&request, &reply), 0);
        ck_assert_uint_eq(fake.n_writes, 1);
}
END_TEST

static Suite *suite(void) {
        Suite *s = suite_create("helper-guard");
        TCase *c = tcase_create("guard");

        tcase_add_checked_fixture(c, fake_setup, fake_teardown);
        tcase_add_test(c, test_set_and_clear);
        tcase_add_test(c, test_module_is_not_loaded);
        tcase_add_test(c, test_module_refuses);
        tcase_add_test(c, test_list_has_the_last_word);
        tcase_add_test(c, test_not_under_a_guest);
        tcase_add_test(c, test_function_has_left_the_bus);
        suite_add_tcase(s, c);
        return s;
}
CHECK_MAIN(suite)
