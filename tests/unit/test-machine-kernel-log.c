/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "machine/kernel-log.h"

#include <sys/syscall.h>

#include "base/address.h"
#include "check-main.h"
#include "machine-tree.h"

static KernelLogRecord parse(const char *text) {
        KernelLogRecord record;

        ck_assert_int_eq(kernel_log_parse(text, strlen(text), &record), 0);
        return record;
}

START_TEST(test_parse) {
        KernelLogRecord record = parse("6,1021,4230112,-;amdgpu 0000:03:00.0: amdgpu: finishing device.\n"
                                       " SUBSYSTEM=pci\n DEVICE=+pci:0000:03:00.0\n");

        ck_assert_uint_eq(record.sequence, 1021);
        ck_assert_uint_eq(record.at_usec, 4230112);
        ck_assert(record.has_address);
        ck_assert(!record.from_user_space);
        ck_assert_str_eq(ADDRESS_TEXT(record.address), "0000:03:00.0");
        ck_assert_str_eq(record.text, "amdgpu 0000:03:00.0: amdgpu: finishing device.");

        /* More fields behind the flags, an escape, no newline at the end. */
        record = parse("30,7,18446744073709551615,c,caller=T1;systemd[1]: a\\x0ab; c");
        ck_assert_uint_eq(record.at_usec, UINT64_MAX);
        ck_assert(record.from_user_space);
        ck_assert(!record.has_address);
        ck_assert_str_eq(record.text, "systemd[1]: a\\x0ab; c");

        ck_assert_str_eq(parse("6,0,0,-;\n").text, "");
}
END_TEST

static const struct {
        const char *text;
        const char *address; /* NULL: none */
} address_cases[] = {
        { "6,1,1,-;vfio-pci 0000:01:00.0: enabling device (0002 -> 0003)", "0000:01:00.0" },
        { "6,1,1,-;vfio_bar_restore: 0000:C2:00.0 reset recovery - restoring bars", "0000:c2:00.0" },
        { "6,1,1,-;pci 10000:e1:00.0: not ready 1023ms", "10000:e1:00.0" },
        { "6,1,1,-;reset of (0000:01:00.1).", "0000:01:00.1" },
        { "6,1,1,-;reset of 0000:01:00.1.", "0000:01:00.1" },
        { "6,1,1,-;at dead:beef 0000:01:00.1", "0000:01:00.1" },
        /* The dictionary is the better witness. */
        { "6,1,1,-;about 0000:01:00.0\n SUBSYSTEM=pci\n DEVICE=+pci:0000:02:00.0\n", "0000:02:00.0" },
        { "6,1,1,-;pci_bus 0000:00: root bus resource\n SUBSYSTEM=pci_bus\n DEVICE=+pci_bus:0000:00\n",
          NULL },
        { "6,1,1,-;no address\n DEVICE=+pci:0000:02:00.0-and-more\n", NULL },
        { "6,1,1,-;no address\n DEVICE=c226:0\n", NULL },
        { "6,1,1,-;at 01:00.0 or 0000:01:00.8 or 0000:01:20.0 or 0000:01:00", NULL },
        { "6,1,1,-;x0000:01:00.0 0000:01:00.0x 0:0000:01:00.0 0000:01:00.0:1", NULL },
        { "6,1,1,-;mac 00:11:22:33:44:55 time 12:30:45.1 ::::....", NULL },
        { "6,1,1,-;0000:01:00.", NULL },
};

START_TEST(test_parse_address) {
        KernelLogRecord record = parse(address_cases[_i].text);

        ck_assert_msg(record.has_address == !!address_cases[_i].address, "%s", address_cases[_i].text);
        if (record.has_address)
                ck_assert_str_eq(ADDRESS_TEXT(record.address), address_cases[_i].address);
}
END_TEST

static const char *const bad_cases[] = {
        "",
        "6",
        "6,",
        "6,1,1",
        "6,1,1,",
        "6,1,1,-",
        "6,1,1,-\n;x",
        ",1,1,-;x",
        "6,,1,-;x",
        "-6,1,1,-;x",
        "6,1,18446744073709551616,-;x",
        "6 ,1,1,-;x",
        " 6,1,1,-;x",
        "6,0x1,1,-;x",
        " DEVICE=+pci:0000:01:00.0",
        "\xff\xfe\x00",
};

START_TEST(test_parse_bad) {
        KernelLogRecord record = { .sequence = 4711 };

        ck_assert_msg(kernel_log_parse(bad_cases[_i], strlen(bad_cases[_i]), &record) == -EBADMSG, "'%s'",
                      bad_cases[_i]);
        ck_assert_uint_eq(record.sequence, 4711);
}
END_TEST

START_TEST(test_parse_any_bytes) {
        static const char head[] = "6,1,1,-;";
        KernelLogRecord record;
        unsigned seed = 1;

        /* Exact sizes on the heap, so that the sanitizer sees a byte too far. */
        for (size_t size = 0; size < 1200; size++) {
                _cleanup_free_ char *bytes = malloc(size + 1);
                for (size_t i = 0; i < size; i++) {
                        seed = seed * 1103515245 + 12345;
                        bytes[i] = (char) (seed >> 16);
                }
                (void) kernel_log_parse(bytes, size, &record);
                memcpy(bytes, head, MIN_OF(size, sizeof(head) - 1));
                if (kernel_log_parse(bytes, size, &record) < 0)
                        continue;
                bool printable = true;
                for (const char *p = record.text; *p != '\0'; p++)
                        printable = printable && *p >= 0x20 && *p <= 0x7e;
                ck_assert(printable);
        }

        char text[8192];
        memset(text, 'a', sizeof(text));
        memcpy(text, head, sizeof(head) - 1);
        memcpy(text + sizeof(text) - 28, "\n DEVICE=+pci:0000:01:00.0\n", 27);
        ck_assert_int_eq(kernel_log_parse(text, sizeof(text) - 1, &record), 0);
        ck_assert_uint_eq(strlen(record.text), sizeof(record.text) - 1);
        ck_assert(record.has_address);

        ck_assert_int_eq(kernel_log_parse("6,1,1,-;a\0b", 11, &record), 0);
        ck_assert_str_eq(record.text, "a?b");
}
END_TEST

/* reading */

static int next_read_error; /* of the next read() only */

/* The program's own read(), so that the one that kernel_log_read() calls can fail as the device's does. */
ssize_t read(int fd, void *buffer, size_t size) {
        if (next_read_error != 0) {
                errno = next_read_error;
                next_read_error = 0;
                return -1;
        }
        return syscall(SYS_read, fd, buffer, size);
}

typedef struct Seen {
        size_t n;
        uint64_t sequences[16];
        char last[512];
} Seen;

static void on_record(const KernelLogRecord *record, void *userdata) {
        Seen *seen = userdata;

        ck_assert_uint_lt(seen->n, ELEMENTSOF(seen->sequences));
        seen->sequences[seen->n++] = record->sequence;
        strcpy(seen->last, record->text);
}

static KernelLog *open_log(const char *name) {
        char path[PATH_MAX];
        KernelLog *log;

        ck_assert_int_eq(text_format(path, sizeof(path), "%s/%s", tree_root, name), 0);
        ck_assert_int_eq(kernel_log_open(path, &log), 0);
        ck_assert_int_ge(kernel_log_fd(log), 0);
        return log;
}

START_TEST(test_read_file) {
        Seen seen = { 0 };
        bool gap = true;

        tree_write("kmsg", "5,0,0,-;Linux version\n6,1,0,-;first\n SUBSYSTEM=pci\n DEVICE=+pci:0000:01:00.0\n"
                           "6,2,9,-;last\n");
        _cleanup_(kernel_log_freep) KernelLog *log = open_log("kmsg");
        ck_assert_int_eq(kernel_log_read(log, on_record, &seen, &gap), 0);
        ck_assert_uint_eq(seen.n, 3);
        ck_assert_uint_eq(seen.sequences[2], 2);
        ck_assert_str_eq(seen.last, "last");
        ck_assert(!gap);
        ck_assert_int_eq(kernel_log_read(log, on_record, &seen, &gap), 0);
        ck_assert_uint_eq(seen.n, 3);
        ck_assert(!gap);
}
END_TEST

static const struct {
        const char *text;
        size_t n;
} gap_cases[] = {
        { "6,1,0,-;the ring has lost record 0\n", 1 },
        { "6,0,0,-;one\n6,2,0,-;three\n", 2 },
        { "6,0,0,-;one\nno record\n6,1,0,-;two\n", 2 },
};

START_TEST(test_read_gap) {
        Seen seen = { 0 };
        bool gap = false;

        tree_write("kmsg", "%s", gap_cases[_i].text);
        _cleanup_(kernel_log_freep) KernelLog *log = open_log("kmsg");
        ck_assert_int_eq(kernel_log_read(log, on_record, &seen, &gap), 0);
        ck_assert_uint_eq(seen.n, gap_cases[_i].n);
        ck_assert(gap);
        ck_assert_int_eq(kernel_log_read(log, on_record, &seen, &gap), 0);
        ck_assert(!gap);
}
END_TEST

/* A pipe in packet mode gives one record per read(), and blocks (or not) like the device. */
START_TEST(test_read_packets) {
        static char record[8192];
        int fds[2];
        char path[64];
        Seen seen = { 0 };
        bool gap = true;
        _cleanup_(kernel_log_freep) KernelLog *log = NULL;

        ck_assert_int_eq(pipe2(fds, O_CLOEXEC | O_DIRECT), 0);
        (void) text_format(path, sizeof(path), "/proc/self/fd/%d", fds[0]);
        ck_assert_int_eq(kernel_log_open(path, &log), 0);
        ck_assert_int_eq(kernel_log_read(log, on_record, &seen, &gap), 0);
        ck_assert_uint_eq(seen.n, 0);
        ck_assert(!gap);

        memset(record, 'x', sizeof(record));
        memcpy(record, "6,1,7,-;long ", 13);
        ck_assert_int_eq(write(fds[1], "6,0,5,-;two\n DEVICE=+pci:0000:01:00.0\n", 38), 38);
        /* Longer than PIPE_BUF is more than one packet: 4096 it is. */
        ck_assert_int_eq(write(fds[1], record, 4096), 4096);
        ck_assert_int_eq(kernel_log_read(log, on_record, &seen, &gap), 0);
        ck_assert_uint_eq(seen.n, 2);
        ck_assert_uint_eq(strlen(seen.last), 511);
        ck_assert(!gap);

        ck_assert_int_eq(write(fds[1], "6,9,9,-;later\n", 14), 14);
        ck_assert_int_eq(kernel_log_read(log, on_record, &seen, &gap), 0);
        ck_assert_str_eq(seen.last, "later");
        ck_assert(gap);
        close(fds[0]);
        close(fds[1]);
}
END_TEST

START_TEST(test_read_errors) {
        Seen seen = { 0 };
        bool gap = false;

        tree_write("kmsg", "5,0,0,-;Linux version\n6,1,0,-;second\n");
        _cleanup_(kernel_log_freep) KernelLog *log = open_log("kmsg");
        next_read_error = EINTR;
        ck_assert_int_eq(kernel_log_read(log, on_record, &seen, &gap), 0);
        ck_assert_uint_eq(seen.n, 2);
        ck_assert(!gap);

        /* The ring has gone round: the device says so once, and goes on with what it has. */
        tree_write("kmsg", "5,0,0,-;Linux version\n6,1,0,-;second\n6,2,0,-;third\n");
        next_read_error = EPIPE;
        ck_assert_int_eq(kernel_log_read(log, on_record, &seen, &gap), 0);
        ck_assert_uint_eq(seen.n, 3);
        ck_assert_str_eq(seen.last, "third");
        ck_assert(gap);

        next_read_error = EAGAIN;
        ck_assert_int_eq(kernel_log_read(log, on_record, &seen, &gap), 0);
        ck_assert(!gap);
        next_read_error = EIO;
        ck_assert_int_eq(kernel_log_read(log, on_record, &seen, &gap), -EIO);
}
END_TEST

START_TEST(test_open_missing) {
        KernelLog *log = NULL;

        ck_assert_int_eq(kernel_log_open("/nonexistent/kmsg", &log), -ENOENT);
        ck_assert_ptr_null(log);
        ck_assert_ptr_null(kernel_log_free(NULL));
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("machine/kernel-log");
        TCase *tests = tcase_create("kernel-log");

        tcase_set_timeout(tests, 60); /* the machine may be busy */
        tcase_add_checked_fixture(tests, tree_setup, tree_teardown);
        tcase_add_test(tests, test_parse);
        tcase_add_loop_test(tests, test_parse_address, 0, ELEMENTSOF(address_cases));
        tcase_add_loop_test(tests, test_parse_bad, 0, ELEMENTSOF(bad_cases));
        tcase_add_test(tests, test_parse_any_bytes);
        tcase_add_test(tests, test_read_file);
        tcase_add_loop_test(tests, test_read_gap, 0, ELEMENTSOF(gap_cases));
        tcase_add_test(tests, test_read_packets);
        tcase_add_test(tests, test_read_errors);
        tcase_add_test(tests, test_open_missing);
        suite_add_tcase(suite, tests);
        return suite;
}

CHECK_MAIN(make_suite)
