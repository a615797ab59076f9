/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* No verb that touches a card by the back door does so while somebody has the vfio group of a function beside it. */

#include "check-main.h"

#include <string.h>

#include "base/text.h"
#include "good-requests.h"

#define DEVICE "/sys/bus/pci/devices/0000:01:00.0"
#define COMPANION "0000:01:00.1"
#define NODE "/dev/vfio/12"

static unsigned n_touched;
static uint8_t before[CONFIG_SPACE_SIZE];

static int touch(FakeSys *sys, const char *path, const char *value) {
        n_touched++;
        return 0;
}

static int look(FakeSys *sys, const char *path) {
        if (strstr(path, "/resource5") || strstr(path, "/dev/vendor_reset"))
                n_touched++;
        return 0;
}

static void must_be_untouched(void) {
        uint8_t after[CONFIG_SPACE_SIZE];

        ck_assert_uint_eq(n_touched, 0);
        fake_read_bytes(DEVICE "/config", after, sizeof(after));
        ck_assert_mem_eq(before, after, sizeof(after));
}

static int busy(FakeSys *sys, const char *path) {
        return streq(path, NODE) ? sys->state : 0;
}

static void setup(void) {
        fake_setup();
        fake_write("/dev/vendor_reset", "%s", "");
        fake_write(DEVICE "/resource5", "%s", "");
        fake_write(DEVICE "/reset_method", "flr\n");
        fake_write(DEVICE "/reset", "%s", "");
        fake_write(NODE, "%s", "");
        fake_bind(COMPANION, "vfio-pci");
        fake.on_open = busy;
        fake.on_write = touch;
        fake.on_look = look;
        n_touched = 0;
}

static HelperRequest (*const requests[])(void) = { write_config,    check_register, poll_register, write_register,
                                                  differ_register, function_reset, vendor_reset,  d3hot };

START_TEST(test_group_is_open) {
        HelperRequest request = requests[_i]();
        HelperReply reply;

        fake_read_bytes(DEVICE "/config", before, sizeof(before));
        fake_remove(NODE);
        (void) fake_holder("qemu-system-x86", NODE);
        fake.state = EBUSY;
        ck_assert_int_eq(fake_run(&request, &reply), -EBUSY);
        ck_assert_ptr_nonnull(strstr(reply.message, "qemu-system-x86"));
        must_be_untouched();
        fake.state = EPERM;
        ck_assert_int_eq(fake_run(&request, &reply), -EPERM);
        must_be_untouched();
        /* A variant driver is vfio as well. */
        fake.state = EBUSY;
        fake_make_folder("/sys/bus/pci/drivers/amd_vfio_pci");
        fake_bind(COMPANION, "amd_vfio_pci");
        ck_assert_int_eq(fake_run(&request, &reply), -EBUSY);
        must_be_untouched();
}
END_TEST

START_TEST(test_group_is_free) {
        HelperRequest request = requests[_i]();
        HelperReply reply;

        fake_read_bytes(DEVICE "/config", before, sizeof(before));
        ck_assert_int_ne(fake_run(&request, &reply), -EBUSY);
        /* And where nothing is on vfio nobody asks. */
        fake.state = EBUSY;
        fake_bind(COMPANION, "pci-stub");
        ck_assert_int_ne(fake_run(&request, &reply), -EBUSY);
}
END_TEST

/* Opened through its own node, in a group or without one. */
START_TEST(test_device_node_is_open) {
        HelperRequest request = requests[_i]();
        HelperReply reply;

        fake_read_bytes(DEVICE "/config", before, sizeof(before));
        fake_write("/sys/bus/pci/devices/" COMPANION "/vfio-dev/vfio0/dev", "%s\n",
                   fake_holder("qemu-system-x86", "/dev/vfio/devices/vfio0"));
        ck_assert_int_eq(fake_run(&request, &reply), -EBUSY);
        ck_assert_ptr_nonnull(strstr(reply.message, "/dev/vfio/devices/vfio0"));
        fake_remove("/sys/bus/pci/devices/" COMPANION "/iommu_group");
        ck_assert_int_eq(fake_run(&request, &reply), -EBUSY);
        ck_assert_ptr_nonnull(strstr(reply.message, "/dev/vfio/devices/vfio0"));
        must_be_untouched();
}
END_TEST

static Suite *suite(void) {
        Suite *s = suite_create("helper-idle");
        TCase *c = tcase_create("idle");

        tcase_add_checked_fixture(c, setup, fake_teardown);
        tcase_add_loop_test(c, test_group_is_open, 0, ELEMENTSOF(requests));
        tcase_add_loop_test(c, test_group_is_free, 0, ELEMENTSOF(requests));
        tcase_add_loop_test(c, test_device_node_is_open, 0, ELEMENTSOF(requests));
        suite_add_tcase(s, c);
        return s;
}
CHECK_MAIN(suite)
