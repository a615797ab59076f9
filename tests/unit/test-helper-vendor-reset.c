/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A reset by the kernel module vendor-reset, which is played by ioctl(). */

#include "check-main.h"

#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "fake-sys.h"

#define NODE "/dev/vendor_reset"

static struct {
        int answer;        /* errno, 0: it is done */
        unsigned n_busy;   /* times that somebody else has the lock before that */
        unsigned n_asked;
} module;

int __wrap_ioctl(int fd, unsigned long number, ...);
int __wrap_ioctl(int fd, unsigned long number, ...) {
        static const int expected[4] = { 1, 0x10, 0x01, 0x1e << 3 };
        va_list ap;

        va_start(ap, number);
        const int *request = va_arg(ap, const int *);
        va_end(ap);
        ck_assert_uint_eq(number, _IOW('r', 1, int[4]));
        ck_assert_mem_eq(request, expected, sizeof(expected));
        module.n_asked++;
        if (module.n_busy > 0) {
                module.n_busy--;
                errno = EAGAIN;
                return -1;
        }
        errno = module.answer;
        return module.answer == 0 ? 0 : -1;
}

/* A card whose address tells its parts apart. */
#define ADDRESS ((PciAddress){ .domain = 0x10, .bus = 0x01, .slot = 0x1e })
#define DEVICE "/sys/bus/pci/devices/0010:01:1e.0"

static void setup(void) {
        uint8_t config[CONFIG_SPACE_SIZE];

        fake_setup();
        fake.helper->card = ADDRESS;
        fake_config(config);
        fake_write_bytes(DEVICE "/config", config, sizeof(config));
        fake_write(DEVICE "/class", "0x030000\n");
        fake_write(NODE, "%s", "");
        module.answer = 0;
        module.n_busy = module.n_asked = 0;
}

static int run(HelperReply *reply) {
        HelperRequest request = fake_request(HELPER_VENDOR_RESET);

        request.address = ADDRESS;
        return fake_run(&request, reply);
}

START_TEST(test_done) {
        HelperReply reply;

        ck_assert_int_eq(run(&reply), 0);
        ck_assert_uint_eq(module.n_asked, 1);
}
END_TEST

static const struct {
        int answer, expected;
        const char *words;
} answers[] = {
        { EOPNOTSUPP, HELPER_NOT_APPLICABLE, "does not know 0010:01:1e.0" },
        { ENODEV, -ENODEV, "did not reset 0010:01:1e.0: No such device" },
        { ENOTTY, -ENOTTY, "did not reset 0010:01:1e.0" },
        { ETIMEDOUT, -ETIMEDOUT, "did not reset 0010:01:1e.0" },
        { EIO, -EIO, "did not reset 0010:01:1e.0" },
};

START_TEST(test_answers) {
        HelperReply reply;

        module.answer = answers[_i].answer;
        ck_assert_int_eq(run(&reply), answers[_i].expected);
        ck_assert_ptr_nonnull(strstr(reply.message, answers[_i].words));
        ck_assert_uint_eq(module.n_asked, 1);
}
END_TEST

START_TEST(test_lock_is_waited_for) {
        HelperRequest request = fake_request(HELPER_VENDOR_RESET);
        HelperReply reply;
        int pair[2];

        request.address = ADDRESS;
        request.timeout_usec = USEC_INFINITY;
        module.n_busy = 3;
        ck_assert_int_eq(fake_run(&request, &reply), 0);
        ck_assert_uint_eq(module.n_asked, 4);
        /* It has an end. */
        module.n_busy = UINT32_MAX;
        request.timeout_usec = 1;
        ck_assert_int_eq(fake_run(&request, &reply), -EBUSY);
        ck_assert_ptr_nonnull(strstr(reply.message, "somebody else holds its lock"));
        ck_assert_uint_ge(module.n_asked, 5);
        request.timeout_usec = USEC_INFINITY;
        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
        fake.helper->socket = pair[0];
        (void) close(pair[1]);
        ck_assert_int_eq(fake_run(&request, &reply), -ECANCELED);
        (void) close(pair[0]);
}
END_TEST

static int node_error(FakeSys *sys, const char *path) {
        return sys->state;
}

static const struct {
        int error, expected;
        const char *words;
} nodes[] = {
        { ENXIO, HELPER_NOT_APPLICABLE, "cannot open" },
        { ENODEV, HELPER_NOT_APPLICABLE, "cannot open" },
        { EPERM, -EPERM, "restart gpuswitchd.service" },
        { EACCES, -EACCES, "cannot open" },
};

START_TEST(test_node) {
        HelperReply reply;

        fake.on_open = node_error;
        fake.state = nodes[_i].error;
        ck_assert_int_eq(run(&reply), nodes[_i].expected);
        ck_assert_ptr_nonnull(strstr(reply.message, nodes[_i].words));
        fake.on_open = NULL;
        fake_remove(NODE);
        ck_assert_int_eq(run(&reply), HELPER_NOT_APPLICABLE);
        ck_assert_ptr_nonnull(strstr(reply.message, NODE));
        ck_assert_uint_eq(module.n_asked, 0);
}
END_TEST

START_TEST(test_bound) {
        HelperReply reply;

        fake_bind("0010:01:1e.0", "amdgpu");
        ck_assert_int_eq(run(&reply), -EBUSY);
        ck_assert_uint_eq(module.n_asked + fake.n_opens, 0);
}
END_TEST

static Suite *suite(void) {
        Suite *s = suite_create("helper-vendor-reset");
        TCase *t = tcase_create("vendor-reset");

        tcase_add_checked_fixture(t, setup, fake_teardown);
        tcase_add_test(t, test_done);
        tcase_add_loop_test(t, test_answers, 0, (int) ELEMENTSOF(answers));
        tcase_add_test(t, test_lock_is_waited_for);
        tcase_add_loop_test(t, test_node, 0, (int) ELEMENTSOF(nodes));
        tcase_add_test(t, test_bound);
        suite_add_tcase(s, t);
        return s;
}
CHECK_MAIN(suite)
