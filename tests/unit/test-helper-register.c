/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One register at a time: tests, masks, what stands in the way, and the real way through a file. */

#include "check-main.h"
#include "register-model.h"

#include <string.h>
#include <sys/socket.h>

#include "core/rule.h"
#include "helper/mmio.h"

#define RESOURCE "/sys/bus/pci/devices/0000:01:00.0/resource5"

static const HelperPlace clock_cntl = { 5, 0x200, 0x204, MODEL_CLOCK_CNTL }, pc = { 5, 0x200, 0x204, MODEL_PC },
                         misc = { 5, 0x200, 0x204, MODEL_MISC }, fuse = { 5, 0x200, 0x204, MODEL_FUSE },
                         memsize = { 5, 0, 0, MODEL_CONFIG_MEMSIZE };

static HelperRequest about(HelperVerb verb, HelperPlace place, uint32_t mask, uint32_t value) {
        HelperRequest request = fake_request(verb);

        request.place = place;
        request.mask = mask;
        request.value = value;
        return request;
}

static int test(HelperPlace place, uint32_t mask, RegisterTest how, uint32_t value, HelperReply *reply) {
        HelperRequest request = about(HELPER_CHECK_REGISTER, place, mask, value);

        request.test = how;
        return fake_run(&request, reply);
}

START_TEST(test_tests) {
        HelperReply reply;

        model.pc = 0x00020100;
        ck_assert_int_eq(test(pc, UINT32_MAX, REGISTER_EQUALS, 0x20100, &reply), 0);
        ck_assert_int_eq(test(pc, 0xff, REGISTER_EQUALS, 0, &reply), 0);
        ck_assert_int_eq(test(pc, UINT32_MAX, REGISTER_AT_LEAST, 0x20100, &reply), 0);
        ck_assert_int_eq(test(pc, UINT32_MAX, REGISTER_AT_LEAST, 0x200ff, &reply), 0);
        ck_assert_int_eq(test(pc, UINT32_MAX, REGISTER_DIFFERS, 0x20101, &reply), 0);
        ck_assert_int_eq(test(pc, UINT32_MAX, REGISTER_AT_LEAST, 0x20101, &reply), HELPER_NOT_APPLICABLE);
        ck_assert_str_eq(reply.message, "register SMC_PC_C of 0000:01:00.0 reads 0x00020100: under the mask 0xffffffff it "
                                        "is below 0x20101");
        ck_assert_int_eq(test(pc, 0xffff, REGISTER_AT_LEAST, 0x101, &reply), HELPER_NOT_APPLICABLE);
        ck_assert_int_eq(test(pc, 0xff00, REGISTER_EQUALS, 0x200, &reply), HELPER_NOT_APPLICABLE);
        ck_assert_ptr_nonnull(strstr(reply.message, "under the mask 0xff00 it is not 0x200"));
        ck_assert_int_eq(test(pc, 0x100, REGISTER_DIFFERS, 0x100, &reply), HELPER_NOT_APPLICABLE);
        ck_assert_ptr_nonnull(strstr(reply.message, "under the mask 0x100 it is nothing but 0x100"));
        ck_assert_int_eq(test(memsize, UINT32_MAX, REGISTER_EQUALS, MODEL_MEMSIZE, &reply), 0);
        ck_assert_uint_eq(model.n_writes, 0);
}
END_TEST

/* All ones pass no test, whatever it is. */
START_TEST(test_all_ones) {
        HelperRequest poll = about(HELPER_POLL_REGISTER, pc, UINT32_MAX, 0x20100);
        HelperReply reply;

        model.dead = MODEL_PC;
        for (int how = 0; how < _REGISTER_TEST_MAX; how++) {
                ck_assert_int_eq(test(pc, 0xff, how, how == REGISTER_DIFFERS ? 0 : 0xff, &reply), -ENXIO);
                ck_assert_ptr_nonnull(strstr(reply.message, "register SMC_PC_C of 0000:01:00.0 reads 0xffffffff, which is "
                                                            "all ones: it does not answer"));
                poll.test = (uint32_t) how;
                poll.timeout_usec = 50;
                ck_assert_int_eq(fake_run(&poll, &reply), -ETIMEDOUT);
                ck_assert_ptr_nonnull(strstr(reply.message, "all ones"));
        }
}
END_TEST

START_TEST(test_poll) {
        HelperRequest request = about(HELPER_POLL_REGISTER, pc, UINT32_MAX, 0x30000);
        HelperReply reply;
        int pair[2];

        request.test = REGISTER_AT_LEAST;
        request.timeout_usec = 20 * USEC_PER_MSEC;
        ck_assert_int_eq(fake_run(&request, &reply), -ETIMEDOUT);
        ck_assert_str_eq(reply.message, "register SMC_PC_C of 0000:01:00.0 reads 0x00020100: under the mask 0xffffffff it "
                                        "is below 0x30000");
        ck_assert_uint_gt(model.n_reads, 1);
        /* Without time it is still looked at once. */
        model.n_reads = 0;
        request.timeout_usec = 0;
        ck_assert_int_eq(fake_run(&request, &reply), -ETIMEDOUT);
        ck_assert_uint_eq(model.n_reads, 1);
        model.pc = 0x30000;
        ck_assert_int_eq(fake_run(&request, &reply), 0);
        model.pc = 0;
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
        fake.helper->socket = pair[0];
        (void) close(pair[1]);
        request.timeout_usec = RESET_TIMEOUT_USEC;
        ck_assert_int_eq(fake_run(&request, &reply), -ECANCELED);
        (void) close(pair[0]);
}
END_TEST

START_TEST(test_write_keeps_the_other_bits) {
        HelperRequest request = about(HELPER_WRITE_REGISTER, misc, 0x2, 0x2);
        HelperReply reply;

        model.misc = 0xf0f0f0f0;
        ck_assert_int_eq(fake_run(&request, &reply), 0);
        ck_assert_uint_eq(model.misc, 0xf0f0f0f2);
        request.value = 0;
        ck_assert_int_eq(fake_run(&request, &reply), 0);
        ck_assert_uint_eq(model.misc, 0xf0f0f0f0);
        ck_assert_uint_eq(model.n_writes, 2);
}
END_TEST

START_TEST(test_differ) {
        HelperRequest request = about(HELPER_DIFFER_REGISTER, misc, 0x2, 0);
        HelperReply reply;

        request.other = fuse;
        request.other_mask = 0x40;
        for (unsigned i = 0; i < 4; i++) {
                model.fuse = (i & 1 ? 0x40 : 0) | 0xf00d00;
                model.misc = (i & 2 ? 0x2 : 0) | 0x80000001;
                model.n_writes = 0;
                ck_assert_int_eq(fake_run(&request, &reply), 0);
                ck_assert_uint_eq(model.n_writes, i == 0 || i == 3);
                ck_assert_uint_eq(model.misc, (i & 1 ? 0 : 0x2) | 0x80000001);
        }
}
END_TEST

static void bound(void) {
        fake_bind("0000:01:00.0", "vfio-pci");
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
static void asleep(void) {
        model_set_config(0, MODEL_PMCSR, 2, 3);
}
static void no_decoding(void) {
        model_set_config(0, 0x04, 2, 0x0405);
}
static void no_address(void) {
        model_set_config(0, 0x24, 4, 0);
}
static void no_bar(void) {
        fake_remove(RESOURCE);
}
static void locked_down(void) {
        fake.state = EPERM;
}
static void unreadable(void) {
        fake.state = EACCES;
}
static void short_bar(void) {
        fake_write(RESOURCE, "%s", "512 bytes are too few for a pair at 0x204");
}

static const struct {
        void (*spoil)(void);
        int error;
        const char *words;
} obstacles[] = {
        { bound, -EBUSY, "0000:01:00.0 is bound to vfio-pci" },
        { beside_a_host_driver, -EBUSY, "0000:01:00.1 is bound to snd_hda_intel" },
        { msix_on, -EBUSY, "MSI-X of 0000:01:00.0 is enabled" },
        { dead, -ENXIO, "0000:01:00.0 reads all ones" },
        { asleep, -EIO, "0000:01:00.0 is in power state D3" },
        { no_decoding, -EIO, "memory decoding of 0000:01:00.0 is off" },
        { no_address, -EIO, "BAR 5 of 0000:01:00.0 has no address" },
        { no_bar, -ENODEV, "0000:01:00.0 has no BAR 5" },
        { locked_down, -EPERM, "kernel lockdown" },
        { unreadable, -EACCES, "cannot open" },
        { short_bar, -ERANGE, "BAR 5 of 0000:01:00.0 has 41 bytes, at least 520 are needed" },
};

static int refuse_resource(FakeSys *sys, const char *path) {
        return strstr(path, "/resource5") ? sys->state : 0;
}

START_TEST(test_obstacles) {
        static const HelperVerb verbs[] = { HELPER_CHECK_REGISTER, HELPER_POLL_REGISTER, HELPER_WRITE_REGISTER,
                                            HELPER_DIFFER_REGISTER };

        obstacles[_i].spoil();
        fake.on_any_open = refuse_resource;
        for (size_t i = 0; i < ELEMENTSOF(verbs); i++) {
                HelperRequest request = about(verbs[i], clock_cntl, 0x1, 0x1);
                HelperReply reply;
                request.other = fuse;
                request.other_mask = 0x40;
                ck_assert_int_eq(fake_run(&request, &reply), obstacles[_i].error);
                ck_assert_msg(strstr(reply.message, obstacles[_i].words) != NULL, "%s", reply.message);
                ck_assert_uint_eq(model.n_reads + model.n_writes + model.n_resets, 0);
        }
}
END_TEST

uint32_t __real_mmio_read(const Mmio *mmio, size_t offset);
void __real_mmio_write(const Mmio *mmio, size_t offset, uint32_t value);

/* The seam itself, with a plain file for the BAR. */
START_TEST(test_mapped_file) {
        static uint8_t bytes[MODEL_BAR_SIZE];
        HelperReply reply;
        Mmio mmio = { 0 };

        bytes[0x5428] = 0x78;
        bytes[0x542b] = 0x12;
        fake_write_bytes(RESOURCE, bytes, sizeof(bytes));
        ck_assert_int_eq(mmio_open(fake.helper, (PciAddress){ .bus = 1 }, 5, 0x542c, &mmio, &reply), 0);
        ck_assert_uint_eq(__real_mmio_read(&mmio, 0x5428), 0x12000078);
        __real_mmio_write(&mmio, 0x6b0, 0x80000004);
        ck_assert_uint_eq(__real_mmio_read(&mmio, 0x6b0), 0x80000004);
        mmio_close(&mmio);
        mmio_close(&mmio);
        fake_read_bytes(RESOURCE, bytes, sizeof(bytes));
        ck_assert_uint_eq(bytes[0x6b0], 0x04);
        ck_assert_uint_eq(bytes[0x6b3], 0x80);
        ck_assert_int_eq(mmio_open(fake.helper, (PciAddress){ .bus = 1 }, 5, sizeof(bytes), &mmio, &reply), 0);
        mmio_close(&mmio);
        ck_assert_int_eq(mmio_open(fake.helper, (PciAddress){ .bus = 1 }, 5, sizeof(bytes) + 1, &mmio, &reply), -ERANGE);
        ck_assert_int_eq(mmio_open(fake.helper, (PciAddress){ .bus = 1 }, 0, 4, &mmio, &reply), -ENODEV);
}
END_TEST

static Suite *suite(void) {
        Suite *s = suite_create("helper-register");
        TCase *t = tcase_create("register");

        tcase_add_checked_fixture(t, model_setup_ci, fake_teardown);
        tcase_add_test(t, test_tests);
        tcase_add_test(t, test_all_ones);
        tcase_add_test(t, test_poll);
        tcase_add_test(t, test_write_keeps_the_other_bits);
        tcase_add_test(t, test_differ);
        tcase_add_loop_test(t, test_obstacles, 0, (int) ELEMENTSOF(obstacles));
        tcase_add_test(t, test_mapped_file);
        suite_add_tcase(s, t);
        return s;
}
CHECK_MAIN(suite)
