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

static void add_process(unsigned pid, const char *command) {
        char path[512], full[512], target[512];

        (void) text_format(path, sizeof(path), "/proc/%u/fd", pid);
        fake_make_folder(path);
        (void) text_format(path, sizeof(path), "/proc/%u/comm", pid);
        fake_write(path, "%s\n", command);
        (void) text_format(full, sizeof(full), "%s/proc/4711/fd/17", fake.root);
        ssize_t n = readlink(full, target, sizeof(target) - 1);
        ck_assert_int_gt(n, 0);
        target[n] = '\0';
        (void) text_format(full, sizeof(full), "%s/proc/%u/fd/3", fake.root, pid);
        ck_assert_int_eq(symlink(target, full), 0);
}

/* Over HOLDERS_MAX a report says that it is not all; each name in it is whole. */
START_TEST(test_more_holders_than_a_report_names) {
        char path[512];
        HelperReply reply;

        fake_write(CONTROL "/dev", "%s\n", fake_holder("pipewire", "/dev/snd/controlC0"));
        (void) text_format(path, sizeof(path), "%s" CONTROL "/subsystem", fake.root);
        ck_assert_int_eq(symlink("../../../../../class/sound", path), 0);
        add_process(6000, "mpv");
        ck_assert_int_eq(ask(1, &reply), -EBUSY);
        ck_assert_ptr_null(strstr(reply.message, "perhaps more"));
        for (unsigned i = 2; i <= HOLDERS_MAX; i++)
                add_process(5000 + i, "aplay");
        ck_assert_int_eq(ask(1, &reply), -EBUSY);
        ck_assert_str_eq(reply.message + strlen(reply.message) - strlen(" open; and perhaps more"),
                         " open; and perhaps more");
}
END_TEST

static Suite *suite(void) {
        Suite *s = suite_create("helper-nodes");
        TCase *t = tcase_create("nodes");

        tcase_add_checked_fixture(t, fake_setup, fake_teardown);
        tcase_add_test(t, test_nodes);
        tcase_add_test(t, test_more_holders_than_a_report_names);
        suite_add_tcase(s, t);
        return s;
}
CHECK_MAIN(suite)
