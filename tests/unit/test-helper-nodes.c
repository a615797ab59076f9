/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Nothing is unbound under a process that has one of its nodes open. */

#include "check-main.h"

#include <string.h>

#include "base/text.h"
#include "fake-sys.h"

#define CONTROL "/sys/bus/pci/devices/0000:01:00.1/sound/card0/controlC0"

static int ask(uint8_t function, HelperReply *reply) {
        HelperRequest request = fake_request(HELPER_NODES_FREE);

        request.address.function = function;
        return fake_run(&request, reply);
}

START_TEST(test_nodes) {
        char path[512];
        HelperReply reply;

        ck_assert_int_eq(ask(1, &reply), 0);
        fake_write(CONTROL "/dev", "%s\n", fake_holder("pipewire", "/dev/snd/controlC0"));
        ck_assert_int_eq(ask(1, &reply), 0); /* of no subsystem that counts */
        (void) text_format(path, sizeof(path), "%s" CONTROL "/subsystem", fake.root);
        ck_assert_int_eq(symlink("../../../../../class/sound", path), 0);
        ck_assert_int_eq(ask(1, &reply), -EBUSY);
        ck_assert_ptr_nonnull(strstr(reply.message, "pipewire"));
        ck_assert_ptr_nonnull(strstr(reply.message, "4711"));
        ck_assert_ptr_nonnull(strstr(reply.message, "/dev/snd/controlC0"));
        ck_assert_int_eq(ask(0, &reply), 0); /* the other function */
        fake_remove("/proc/4711/fd/17");
        ck_assert_int_eq(ask(1, &reply), 0);
        ck_assert_int_eq(ask(5, &reply), -ENODEV);
        ck_assert_ptr_nonnull(strstr(reply.message, "0000:01:00.5"));
}
END_TEST

static Suite *suite(void) {
        Suite *s = suite_create("helper-nodes");
        TCase *t = tcase_create("nodes");

        tcase_add_checked_fixture(t, fake_setup, fake_teardown);
        tcase_add_test(t, test_nodes);
        suite_add_tcase(s, t);
        return s;
}
CHECK_MAIN(suite)
