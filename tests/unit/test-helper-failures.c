/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every call into the C library that a request makes fails once: the reply says so in words, or the request did
 * without; and the same request works afterwards.
 */

#include "check-main.h"
#include "failing-calls.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include "base/text.h"
#include "core/config-space.h"
#include "good-requests.h"
#include "helper/protocol.h"

#define DEVICE "/sys/bus/pci/devices/0000:01:00.0"

FAILING_CALL(int, access, -1, (const char *path, int mode), (path, mode))
FAILING_CALL(int, clock_gettime, -1, (clockid_t clock, struct timespec *now), (clock, now))
FAILING_CALL(int, clock_nanosleep, failing.error,
             (clockid_t clock, int flags, const struct timespec *until, struct timespec *left),
             (clock, flags, until, left))
FAILING_CALL(int, fstat, -1, (int fd, struct stat *st), (fd, st))
FAILING_CALL(void *, mmap, MAP_FAILED, (void *at, size_t size, int protection, int flags, int fd, off_t offset),
             (at, size, protection, flags, fd, offset))
FAILING_CALL(DIR *, opendir, NULL, (const char *path), (path))
FAILING_CALL(int, poll, -1, (struct pollfd * fds, nfds_t n, int timeout_msec), (fds, n, timeout_msec))
FAILING_CALL(ssize_t, pread, -1, (int fd, void *data, size_t size, off_t offset), (fd, data, size, offset))
FAILING_CALL(ssize_t, pwrite, -1, (int fd, const void *data, size_t size, off_t offset), (fd, data, size, offset))
FAILING_CALL(ssize_t, read, -1, (int fd, void *data, size_t size), (fd, data, size))
FAILING_CALL(ssize_t, readlink, -1, (const char *path, char *target, size_t size), (path, target, size))
FAILING_CALL(ssize_t, recv, -1, (int fd, void *data, size_t size, int flags), (fd, data, size, flags))
FAILING_CALL(ssize_t, send, -1, (int fd, const void *data, size_t size, int flags), (fd, data, size, flags))

/* Only vendor-reset is asked so, and there is none. */
int __wrap_ioctl(int fd, unsigned long number, ...);
int __wrap_ioctl(int fd, unsigned long number, ...) {
        return failing_is_due("ioctl") ? -1 : 0;
}

/* Only capget() and capset() are called by number, with two arguments. */
long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);
long __wrap_syscall(long number, ...) {
        va_list ap;

        va_start(ap, number);
        void *first = va_arg(ap, void *), *second = va_arg(ap, void *);
        va_end(ap);
        ck_assert(number == SYS_capget || number == SYS_capset);
        return failing_is_due("syscall") ? -1 : __real_syscall(number, first, second);
}

static int fail_write(FakeSys *sys, const char *path, const char *value) {
        return failing_is_due("write") ? failing.error : 0;
}

static int fail_open(FakeSys *sys, const char *path) {
        return failing_is_due("open") ? failing.error : 0;
}

/* What is behind every index. */
static void make_bar(void) {
        static uint8_t bar[0x10000];

        bar[0x204] = 0x02;
        fake_write_bytes(DEVICE "/resource5", bar, sizeof(bar));
        fake_write(DEVICE "/reset_method", "flr\n");
        fake_write(DEVICE "/reset", "%s", "");
        fake_write("/dev/vendor_reset", "%s", "");
}

static void setup(void) {
        fake_setup();
        make_bar();
}

/* A machine of its own for each run. */
static void start_over(void) {
        fake_teardown();
        setup();
        fake.on_write = fail_write;
        fake.on_any_open = fail_open;
}

static HelperRequest short_delay(void) {
        HelperRequest request = delay();

        request.delay_usec = 1;
        return request;
}

static HelperRequest short_group(void) {
        HelperRequest request = group();

        request.timeout_usec = 1;
        return request;
}

static HelperRequest alive(void) {
        return fake_request(HELPER_ALIVE);
}

static HelperRequest methods(void) {
        HelperRequest request = attribute();

        (void) text_copy(request.attribute, sizeof(request.attribute), "reset_method");
        (void) text_copy(request.text, sizeof(request.text), "flr");
        return request;
}

static HelperRequest verify_saved(void) {
        HelperRequest request = save();
        HelperReply reply;

        ck_assert_int_eq(fake_run(&request, &reply), 0);
        return fake_request_with_registers(HELPER_VERIFY_CONFIG);
}

static HelperRequest (*const request_table[])(void) = {
        attribute,     write_config,    short_delay,    alive,          save,         restore, verify_saved, short_group,
        check_register, poll_register, write_register, differ_register, function_reset, vendor_reset, d3hot, methods,
};

static const int error_table[] = { EIO, EINTR };

START_TEST(test_one_call_fails) {
        int error = error_table[(size_t) _i % ELEMENTSOF(error_table)];
        unsigned n_failed = 0;
        bool met = true;

        for (unsigned at = 1; met; at++) {
                HelperReply reply;
                start_over();
                HelperRequest request = request_table[(size_t) _i / ELEMENTSOF(error_table)]();

                failing_arm(error, at);
                int r = fake_run(&request, &reply);
                met = failing_disarm();
                if (r < 0) {
                        ck_assert(met);
                        ck_assert_msg(r == -error, "%s: %s", failing.name, strerror(-r));
                        ck_assert_msg(strstr(reply.message, strerror(error)), "%s: %s", failing.name, reply.message);
                        n_failed++;
                }
                ck_assert_int_eq(fake_run(&request, &reply), 0);
                ck_assert_uint_lt(at, 1000);
        }
        ck_assert_uint_gt(n_failed, 0);
}
END_TEST

/* However long the way to /sys is: the whole path or none, and never one that was cut. */
START_TEST(test_root_of_any_length) {
        HelperRequest request = request_table[_i]();
        char root[2 * PATH_TEXT_SIZE];
        size_t n_own = strlen(fake.root);
        unsigned n_good = 0, n_bad = 0;

        for (size_t n = n_own; n < PATH_TEXT_SIZE + 8; n++) {
                HelperReply reply;
                memset(root, '/', n);
                (void) strcpy(root + n - n_own, fake.root);
                fake.helper->root = root;
                int r = fake_run(&request, &reply);
                if (r == 0) {
                        ck_assert_uint_eq(n_bad, 0);
                        n_good++;
                } else {
                        ck_assert_int_eq(r, -ENAMETOOLONG);
                        ck_assert_ptr_nonnull(strstr(reply.message, "too long"));
                        n_bad++;
                }
        }
        ck_assert_uint_gt(n_good, 0);
        ck_assert_uint_gt(n_bad, 0);
}
END_TEST

START_TEST(test_function_is_gone) {
        HelperRequest request = write_config();
        HelperReply reply;

        request.address.function = 5;
        ck_assert_int_eq(fake_run(&request, &reply), -ENODEV);
        ck_assert_ptr_nonnull(strstr(reply.message, "not on the bus"));
}
END_TEST

START_TEST(test_config_space_has_shrunk) {
        HelperRequest request = verify_saved();
        uint8_t config[CONFIG_SPACE_SIZE];
        HelperReply reply;

        fake_config(config);
        fake_write_bytes(DEVICE "/config", config, 256);
        ck_assert_int_eq(fake_run(&request, &reply), -EIO);
        ck_assert_ptr_nonnull(strstr(reply.message, "has 256 bytes, had 4096"));
}
END_TEST

START_TEST(test_all_that_differs_is_named) {
        HelperRequest request = verify_saved();
        uint8_t config[CONFIG_SPACE_SIZE];
        HelperReply reply;

        fake_config(config);
        config[0xa3] |= 0x80; /* MSI-X is enabled */
        fake_write_bytes(DEVICE "/config", config, sizeof(config));
        ck_assert_int_eq(fake_run(&request, &reply), -EIO);
        ck_assert_str_eq(reply.message, "MSI-X of 0000:01:00.0 is enabled");
        config[0x02] ^= 1;
        fake_write_bytes(DEVICE "/config", config, sizeof(config));
        ck_assert_int_eq(fake_run(&request, &reply), -EIO);
        ck_assert_ptr_nonnull(strstr(reply.message, "device id"));
        ck_assert_ptr_nonnull(strstr(reply.message, "; MSI-X of 0000:01:00.0 is enabled"));
}
END_TEST

/* An interrupted call is made again; a peer that is gone is the end and no error. */
START_TEST(test_socket_fails) {
        HelperRequest request = fake_request(HELPER_ALIVE), received;
        HelperReply reply = { 0 };
        int pair[2];

        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
        ck_assert_int_eq(send(pair[0], &request, sizeof(request), 0), sizeof(request));
        failing_arm(EINTR, 1);
        ck_assert_int_eq(request_receive(pair[1], &received), 1);
        ck_assert(failing_disarm());
        failing_arm(ECONNRESET, 1);
        ck_assert_int_eq(request_receive(pair[1], &received), 0);
        failing_arm(EIO, 1);
        ck_assert_int_eq(request_receive(pair[1], &received), -EIO);
        failing_arm(EINTR, 1);
        ck_assert_int_eq(reply_send(pair[1], &reply), 0);
        ck_assert(failing_disarm());
        ck_assert_int_eq(recv(pair[0], &reply, sizeof(reply), MSG_DONTWAIT), sizeof(reply));
        ck_assert_int_eq(recv(pair[0], &reply, sizeof(reply), MSG_DONTWAIT), -1); /* sent once */

        /* What cannot be asked has not left. */
        ck_assert_int_eq(close(pair[0]), 0);
        ck_assert(peer_has_left(pair[1]));
        failing_arm(ENOMEM, 1);
        ck_assert(!peer_has_left(pair[1]));
        ck_assert(failing_disarm());
        ck_assert_int_eq(close(pair[1]), 0);
        ck_assert(!peer_has_left(pair[1]));
        ck_assert(!peer_has_left(-EBADF));
}
END_TEST

static Suite *suite(void) {
        Suite *s = suite_create("helper-failures");
        TCase *t = tcase_create("failures");

        tcase_set_timeout(t, 60);
        tcase_add_checked_fixture(t, setup, fake_teardown);
        tcase_add_loop_test(t, test_one_call_fails, 0, (int) (ELEMENTSOF(request_table) * ELEMENTSOF(error_table)));
        tcase_add_loop_test(t, test_root_of_any_length, 0, (int) ELEMENTSOF(request_table));
        tcase_add_test(t, test_function_is_gone);
        tcase_add_test(t, test_config_space_has_shrunk);
        tcase_add_test(t, test_all_that_differs_is_named);
        tcase_add_test(t, test_socket_fails);
        suite_add_tcase(s, t);
        return s;
}
CHECK_MAIN(suite)
