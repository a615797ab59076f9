/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Waiting until a card is out of everybody's hands. */

#include "check-main.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include "base/text.h"
#include "fake-sys.h"

#define NODE "/dev/vfio/12"

static void setup(void) {
        fake_setup();
        fake_write(NODE, "%s", "");
}

static int wait_group(usec_t timeout, HelperReply *reply) {
        HelperRequest request = fake_request(HELPER_GROUP_FREE);

        request.timeout_usec = timeout;
        return fake_run(&request, reply);
}

/* Busy until it has been asked `state` times. */
static int busy_for_a_while(FakeSys *sys, const char *path) {
        ck_assert_str_eq(path, NODE);
        return (int) sys->n_opens > sys->state ? 0 : EBUSY;
}

static int other_error(FakeSys *sys, const char *path) {
        return sys->state;
}

START_TEST(test_free) {
        HelperReply reply;

        ck_assert_int_eq(wait_group(0, &reply), 0);
        ck_assert_uint_eq(fake.n_opens, 1);
}
END_TEST

START_TEST(test_no_node_is_free) {
        HelperReply reply;

        fake_remove(NODE);
        ck_assert_int_eq(wait_group(0, &reply), 0);
}
END_TEST

START_TEST(test_no_driver_behind_the_node_is_free) {
        HelperReply reply;

        fake.on_open = other_error;
        fake.state = ENODEV;
        ck_assert_int_eq(wait_group(0, &reply), 0);
}
END_TEST

START_TEST(test_other_errors_are_told) {
        HelperReply reply;

        fake.on_open = other_error;
        fake.state = EPERM;
        ck_assert_int_eq(wait_group(60 * USEC_PER_SEC, &reply), -EPERM);
        ck_assert_ptr_nonnull(strstr(reply.message, NODE));
        ck_assert_uint_eq(fake.n_opens, 1);
}
END_TEST

START_TEST(test_becomes_free) {
        HelperReply reply;

        fake.on_open = busy_for_a_while;
        fake.state = 3;
        ck_assert_int_eq(wait_group(60 * USEC_PER_SEC, &reply), 0);
        ck_assert_uint_eq(fake.n_opens, 4);
        ck_assert_str_eq(reply.message, "");
}
END_TEST

START_TEST(test_stays_busy) {
        HelperReply reply;

        fake.on_open = busy_for_a_while;
        fake.state = 1000000;
        ck_assert_int_eq(wait_group(100 * USEC_PER_MSEC, &reply), -EBUSY);
        ck_assert_ptr_nonnull(strstr(reply.message, NODE));
        ck_assert_uint_ge(fake.n_opens, 3);
        /* 20, 40, then the rest: no busy waiting. */
        ck_assert_uint_le(fake.n_opens, 6);
}
END_TEST

/* Each failing open is followed by a close of somebody else's descriptor, which wakes us at once. */
static int busy_then_closed(FakeSys *sys, const char *path) {
        char full[512];

        if ((int) sys->n_opens > sys->state)
                return 0;
        (void) text_format(full, sizeof(full), "%s%s", sys->root, path);
        FILE *f = fopen(full, "re");
        ck_assert_ptr_nonnull(f);
        (void) fclose(f);
        return EBUSY;
}

START_TEST(test_close_wakes) {
        HelperReply reply;

        fake.on_open = busy_then_closed;
        fake.state = 40;
        /* Without the events 40 tries take over 12 s. */
        ck_assert_int_eq(wait_group(2 * USEC_PER_SEC, &reply), 0);
        ck_assert_uint_eq(fake.n_opens, 41);
}
END_TEST

START_TEST(test_given_up_when_the_daemon_leaves) {
        HelperReply reply;
        int pair[2];

        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
        fake.helper->socket = pair[1];
        fake.on_open = busy_for_a_while;
        fake.state = 1000000;
        ck_assert_int_eq(wait_group(50 * USEC_PER_MSEC, &reply), -EBUSY);
        ck_assert_int_eq(shutdown(pair[0], SHUT_WR), 0);
        ck_assert_int_eq(wait_group(GROUP_FREE_TIMEOUT_USEC, &reply), -ECANCELED);
        (void) close(pair[0]);
        ck_assert_int_eq(wait_group(GROUP_FREE_TIMEOUT_USEC, &reply), -ECANCELED);
        (void) close(pair[1]);
}
END_TEST

START_TEST(test_no_group) {
        HelperRequest request = fake_request(HELPER_GROUP_FREE);
        HelperReply reply;

        request.iommu_group = -1;
        ck_assert_int_eq(fake_run(&request, &reply), -EINVAL);
}
END_TEST

#define DEV "/sys/bus/pci/devices/0000:01:00.0/vfio-dev/vfio0/dev"

START_TEST(test_device_node_has_a_holder) {
        HelperReply reply;

        fake_write(DEV, "%s\n", fake_holder("qemu-system-x86", "/dev/vfio/devices/vfio0"));
        ck_assert_int_eq(wait_group(0, &reply), -EBUSY);
        ck_assert_ptr_nonnull(strstr(reply.message, "/dev/vfio/devices/vfio0"));
        ck_assert_ptr_nonnull(strstr(reply.message, "qemu-system-x86"));
        ck_assert_uint_eq(fake.n_opens, 0);
        /* Another device, and no number at all. */
        fake_write(DEV, "250:77\n");
        ck_assert_int_eq(wait_group(0, &reply), 0);
        fake_write(DEV, "garbage\n");
        ck_assert_int_eq(wait_group(0, &reply), 0);
}
END_TEST

START_TEST(test_group_holder_is_named) {
        HelperReply reply;

        fake_remove(NODE);
        (void) fake_holder("qemu-system-x86", NODE);
        fake.on_open = busy_for_a_while;
        fake.state = 1000000;
        ck_assert_int_eq(wait_group(0, &reply), -EBUSY);
        ck_assert_ptr_nonnull(strstr(reply.message, "qemu-system-x86"));
        ck_assert_ptr_nonnull(strstr(reply.message, "4711"));
}
END_TEST

START_TEST(test_other_files_are_not_followed) {
        HelperReply reply;

        /* The same device number behind a name that is no vfio node. */
        fake_write(DEV, "%s\n", fake_holder("bash", "/dev/tty7"));
        ck_assert_int_eq(wait_group(0, &reply), 0);
}
END_TEST

static Suite *suite(void) {
        Suite *s = suite_create("helper-group");
        TCase *t = tcase_create("group");

        tcase_add_checked_fixture(t, setup, fake_teardown);
        tcase_add_test(t, test_free);
        tcase_add_test(t, test_no_node_is_free);
        tcase_add_test(t, test_no_driver_behind_the_node_is_free);
        tcase_add_test(t, test_other_errors_are_told);
        tcase_add_test(t, test_becomes_free);
        tcase_add_test(t, test_stays_busy);
        tcase_add_test(t, test_close_wakes);
        tcase_add_test(t, test_given_up_when_the_daemon_leaves);
        tcase_add_test(t, test_no_group);
        tcase_add_test(t, test_device_node_has_a_holder);
        tcase_add_test(t, test_group_holder_is_named);
        tcase_add_test(t, test_other_files_are_not_followed);
        suite_add_tcase(s, t);
        return s;
}
CHECK_MAIN(suite)
