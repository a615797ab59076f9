/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The hook without any daemon: its arguments, and what it decides from a made-up /sys. */

#include "check-main.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/macros.h"
#include "base/text.h"
#include "client/hook-fallback.h"
#include "client/hook-input.h"
#include "client/libvirt-hook.h"
#include "gpuswitch/names.h"

#define UUID "4dea22b3-1d52-d8f3-2516-782e98ab3fa0"
#define HOSTDEV(bus)                                                                                         \
        "<hostdev mode='subsystem' type='pci'><source><address bus='" bus "'/></source></hostdev>"
#define DOMAIN(devices) "<domain><name>vm</name><uuid>" UUID "</uuid><devices>" devices "</devices></domain>"

static char root[] = "/tmp/gpuswitch-hook-XXXXXX";
static char *const prepare_arguments[] = { (char *) "vm", (char *) "prepare", (char *) "begin", (char *) "-",
                                           NULL };

static void add_device(const char *address, const char *class_code, const char *driver) {
        char path[256], target[256];

        snprintf(path, sizeof(path), "%s/sys/bus/pci/devices/%s", root, address);
        ck_assert_int_eq(mkdir(path, 0755), 0);
        if (class_code) {
                snprintf(path, sizeof(path), "%s/sys/bus/pci/devices/%s/class", root, address);
                FILE *f = fopen(path, "we");
                ck_assert_ptr_nonnull(f);
                fputs(class_code, f);
                fclose(f);
        }
        if (driver) {
                snprintf(path, sizeof(path), "%s/sys/bus/pci/devices/%s/driver", root, address);
                snprintf(target, sizeof(target), "../../../../bus/pci/drivers/%s", driver);
                ck_assert_int_eq(symlink(target, path), 0);
        }
}

static void set_up(void) {
        static const char *const folders[] = { "", "/sys", "/sys/bus", "/sys/bus/pci",
                                               "/sys/bus/pci/devices" };
        char path[256];

        ck_assert_ptr_nonnull(mkdtemp(root));
        for (size_t i = 1; i < ELEMENTSOF(folders); i++) {
                snprintf(path, sizeof(path), "%s%s", root, folders[i]);
                ck_assert_int_eq(mkdir(path, 0755), 0);
        }
        add_device("0000:01:00.0", "0x030000\n", "amdgpu");
        add_device("0000:02:00.0", "0x030200\n", "vfio-pci");
        add_device("0000:03:00.0", "0x020000\n", "e1000e");
        add_device("0000:04:00.0", "0x038000\n", NULL);
        add_device("0000:05:00.0", "garbage\n", NULL);
        add_device("0000:06:00.0", "0x030200\n", "nvgrace_gpu_vfio_pci");
        add_device("0000:08:00.0", "", NULL);
        setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/gpuswitch-test", 1);
}

static void tear_down(void) {
        char command[128];

        snprintf(command, sizeof(command), "rm -r '%s'", root);
        ck_assert_int_eq(system(command), 0);
}

/* Runs the hook with @xml on its stdin and returns what it says on stderr. */
static ExitStatus run_hook(char *const *arguments, const char *xml, bool privileged, char *said,
                           size_t size) {
        char in_name[] = "/tmp/gpuswitch-xml-XXXXXX", err_name[] = "/tmp/gpuswitch-err-XXXXXX";
        _cleanup_close_ int in = mkostemp(in_name, O_CLOEXEC), err = mkostemp(err_name, O_CLOEXEC);
        HookCall call = hook_call_parse((char **) arguments);

        ck_assert_int_eq(unlink(in_name) + unlink(err_name), 0);
        ck_assert_int_eq(write(in, xml, strlen(xml)), (ssize_t) strlen(xml));
        ck_assert_int_eq(lseek(in, 0, SEEK_SET), 0);
        int saved = dup(STDERR_FILENO);
        dup2(err, STDERR_FILENO);
        ExitStatus status = hook_run(&call, in, root, privileged);
        dup2(saved, STDERR_FILENO);
        close(saved);
        ssize_t n = pread(err, said, size - 1, 0);
        ck_assert_int_ge(n, 0);
        said[n] = '\0';
        return status;
}

static const struct {
        const char *arguments[6];
        HookAction expected;
} calls[] = {
        { { "vm", "prepare", "begin", "-" }, HOOK_PREPARE },
        { { "vm", "release", "end", "from snapshot" }, HOOK_RELEASE },
        { { "--help", "prepare", "begin", "-" }, HOOK_PREPARE },
        { { "vm", "start", "begin", "-" }, HOOK_IGNORE },
        { { "vm", "started", "begin", "-" }, HOOK_IGNORE },
        { { "vm", "stopped", "end", "-" }, HOOK_IGNORE },
        { { "vm", "migrate", "begin", "-" }, HOOK_IGNORE },
        { { "vm", "restore", "begin", "-" }, HOOK_IGNORE },
        { { "vm", "reconnect", "begin", "-" }, HOOK_IGNORE },
        { { "vm", "reconnect" }, HOOK_IGNORE },
        { { "vm", "reconnect", "begin", "-", "more" }, HOOK_IGNORE },
        { { "vm", "attach", "begin", "-" }, HOOK_IGNORE },
        { { "vm", "prepare", "end", "-" }, HOOK_IGNORE },
        { { "prepare", "vm", "begin", "-" }, HOOK_IGNORE },
        { { NULL }, HOOK_MISUSED },
        { { "vm" }, HOOK_MISUSED },
        { { "reconnect" }, HOOK_MISUSED },
        { { "vm", "prepare", "begin" }, HOOK_MISUSED },
        { { "vm", "prepare", "begin", "-", "more" }, HOOK_MISUSED },
};

START_TEST(knows_its_calls) {
        HookCall call = hook_call_parse((char **) calls[_i].arguments);

        ck_assert_int_eq(call.action, calls[_i].expected);
        if (call.action == HOOK_RELEASE)
                ck_assert_str_eq(call.reason, "from snapshot");
}
END_TEST

static const struct {
        const char *xml;
        bool privileged;
        ExitStatus expected;
        const char *says; /* "" when it has to be silent */
} starts[] = {
        /* root, and no daemon */
        { DOMAIN(""), true, EXIT_DONE, "" },
        { DOMAIN(HOSTDEV("3")), true, EXIT_DONE, "" },
        { DOMAIN(HOSTDEV("7")), true, EXIT_DONE, "" }, /* not there: libvirt's business */
        { DOMAIN(HOSTDEV("1")), true, EXIT_REFUSED, "GPU 0000:01:00.0 cannot be prepared" },
        { DOMAIN(HOSTDEV("2")), true, EXIT_REFUSED, "systemctl status gpuswitchd" },
        { DOMAIN(HOSTDEV("3") HOSTDEV("7") HOSTDEV("4")), true, EXIT_REFUSED, "0000:04:00.0" },
        { DOMAIN(HOSTDEV("5")), true, EXIT_REFUSED, "cannot tell whether 0000:05:00.0" },
        { DOMAIN(HOSTDEV("8")), true, EXIT_REFUSED, "cannot tell whether 0000:08:00.0" },
        { "<domain>\n<broken", true, EXIT_REFUSED, "line 2" },
        { "", true, EXIT_REFUSED, "its XML cannot be read: " },
        /* a user's session */
        { DOMAIN(""), false, EXIT_DONE, "" },
        { DOMAIN(HOSTDEV("3")), false, EXIT_DONE, "" },
        { DOMAIN(HOSTDEV("7")), false, EXIT_DONE, "" },
        { DOMAIN(HOSTDEV("2") HOSTDEV("6")), false, EXIT_DONE, "" },
        { DOMAIN(HOSTDEV("2") HOSTDEV("1")), false, EXIT_REFUSED, "gpuswitchctl to-guest 0000:01:00.0" },
        { DOMAIN(HOSTDEV("4")), false, EXIT_REFUSED, "driver: none" },
        { DOMAIN(HOSTDEV("5")), false, EXIT_REFUSED, "cannot tell" },
        { "<domain>", false, EXIT_REFUSED, "cannot be read" },
};

START_TEST(prepares_without_a_daemon) {
        char said[4096];

        ExitStatus status =
                run_hook(prepare_arguments, starts[_i].xml, starts[_i].privileged, said, sizeof(said));
        ck_assert_msg(status == starts[_i].expected, "%s: %d, %s", starts[_i].xml, status, said);
        ck_assert_msg(starts[_i].says[0] ? !!strstr(said, starts[_i].says) : said[0] == '\0', "it says '%s'",
                      said);
        if (said[0])
                ck_assert_ptr_nonnull(text_starts_with(said, "gpuswitch: VM 'vm' is not started: "));
}
END_TEST

START_TEST(release_never_fails) {
        static const char *const arguments[] = { "vm", "release", "end", "destroyed", NULL };
        char said[4096];

        ck_assert_int_eq(run_hook((char *const *) arguments, DOMAIN(HOSTDEV("1")), true, said, sizeof(said)),
                         0);
        ck_assert_ptr_nonnull(strstr(said, "could not be told"));
        ck_assert_int_eq(run_hook((char *const *) arguments, "<uuid>" UUID "</uu", true, said, sizeof(said)),
                         0);
        ck_assert_ptr_nonnull(strstr(said, "could not be told"));
        ck_assert_int_eq(run_hook((char *const *) arguments, DOMAIN(""), true, said, sizeof(said)), 0);
        ck_assert_str_eq(said, "");
        ck_assert_int_eq(run_hook((char *const *) arguments, "ruins", true, said, sizeof(said)), 0);
        ck_assert_str_eq(said, "");
        ck_assert_int_eq(run_hook((char *const *) arguments, DOMAIN(HOSTDEV("1")), false, said, sizeof(said)),
                         0);
        ck_assert_str_eq(said, "");
}
END_TEST

START_TEST(reads_no_more_than_the_limit) {
        char *large = malloc(DOMAIN_XML_SIZE_MAX + 2U), said[4096];

        memset(large, ' ', DOMAIN_XML_SIZE_MAX + 1U);
        large[DOMAIN_XML_SIZE_MAX + 1U] = '\0';
        ck_assert_int_eq(run_hook(prepare_arguments, large, true, said, sizeof(said)), EXIT_REFUSED);
        ck_assert_ptr_nonnull(strstr(said, strerror(E2BIG)));
        free(large);
}
END_TEST

START_TEST(finds_a_uuid_in_ruins) {
        static const char ruin[] = "<domain><uuid>4DEA22B3-1d52-d8f3-2516-782e98ab3fa0</uu",
                          end[] = "<uuid>" UUID, cut[] = "<uuid>4dea22b3-1d52";
        char uuid[UUID_TEXT_SIZE];

        ck_assert_int_eq(hook_find_uuid(ruin, sizeof(ruin) - 1, uuid), 0);
        ck_assert_str_eq(uuid, UUID);
        ck_assert_int_eq(hook_find_uuid(end, sizeof(end) - 1, uuid), 0);
        ck_assert_int_eq(hook_find_uuid(cut, sizeof(cut) - 1, uuid), -ENOENT);
        ck_assert_int_eq(hook_find_uuid("<uuid>", 6, uuid), -ENOENT);
        ck_assert_int_eq(hook_find_uuid("", 0, uuid), -ENOENT);
        ck_assert_int_eq(hook_find_uuid("<uuid>not a UUID but as long as one is</uuid>", 45, uuid), -ENOENT);
}
END_TEST

START_TEST(closed_stdin_is_refused) {
        HookCall call = hook_call_parse((char **) prepare_arguments);
        int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

        close(fd);
        ck_assert_int_eq(hook_run(&call, fd, root, true), EXIT_REFUSED);
}
END_TEST

static Suite *suite(void) {
        Suite *s = suite_create("client-hook");
        TCase *c = tcase_create("hook");

        tcase_set_timeout(c, 60);
        tcase_add_checked_fixture(c, set_up, tear_down);
        tcase_add_loop_test(c, knows_its_calls, 0, ELEMENTSOF(calls));
        tcase_add_loop_test(c, prepares_without_a_daemon, 0, ELEMENTSOF(starts));
        tcase_add_test(c, release_never_fails);
        tcase_add_test(c, reads_no_more_than_the_limit);
        tcase_add_test(c, finds_a_uuid_in_ruins);
        tcase_add_test(c, closed_stdin_is_refused);
        suite_add_tcase(s, c);
        return s;
}

CHECK_MAIN(suite)
