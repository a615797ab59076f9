/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Plays udev: sends messages of udev's form (systemd's device-monitor.c) to udev's multicast group of
 * a network namespace of the test's own, and sees what the monitor makes of them.
 */

#include "machine/uevents.h"

#include <fcntl.h>
#include <linux/netlink.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/address.h"
#include "base/text.h"
#include "check-main.h"
#include "machine-sandbox.h"
#include "udev-message.h"

typedef struct Message {
        char bytes[4096];
        size_t n;
} Message;

_printf_(2, 3) static void message_add(Message *message, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        int n = vsnprintf(message->bytes + message->n, sizeof(message->bytes) - message->n, format, ap);
        va_end(ap);
        ck_assert(n > 0 && message->n + (size_t) n < sizeof(message->bytes));
        message->n += (size_t) n + 1;
}

static void send_uevent(int fd, const char *action, const char *subsystem, const char *name,
                        uint64_t sequence, const char *driver) {
        struct sockaddr_nl udev = { .nl_family = AF_NETLINK, .nl_groups = UDEV_GROUP };
        Message message = { .n = sizeof(UdevHeader) };
        UdevHeader header = udev_header(subsystem);

        message_add(&message, "ACTION=%s", action);
        message_add(&message, "DEVPATH=/devices/pci0000:00/0000:00:01.0/%s", name);
        message_add(&message, "SUBSYSTEM=%s", subsystem);
        message_add(&message, "SEQNUM=%llu", (unsigned long long) sequence);
        if (driver)
                message_add(&message, "DRIVER=%s", driver);
        header.properties_size = (uint32_t) (message.n - sizeof(header));
        memcpy(message.bytes, &header, sizeof(header));
        ck_assert_int_eq(sendto(fd, message.bytes, message.n, 0, (struct sockaddr *) &udev, sizeof(udev)),
                         (ssize_t) message.n);
}

typedef struct Seen {
        size_t n;
        Uevent uevents[16];
} Seen;

static void on_uevent(const Uevent *uevent, void *userdata) {
        Seen *seen = userdata;

        ck_assert_uint_lt(seen->n, ELEMENTSOF(seen->uevents));
        seen->uevents[seen->n++] = *uevent;
}

static sd_event *start(Seen *seen, UeventMonitor **ret_monitor, int *ret_sender) {
        sd_event *event = NULL;

        ck_assert_int_eq(sandbox_enter(), 0);
        /* libsystemd looks for this file to see whether udev runs. */
        ck_assert_int_eq(mkdir("/run/udev", 0755), 0);
        close(open("/run/udev/control", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
        *ret_sender = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
        ck_assert_int_ge(*ret_sender, 0);
        ck_assert_int_eq(sd_event_new(&event), 0);
        ck_assert_int_eq(uevent_monitor_new(event, on_uevent, seen, ret_monitor), 0);
        return event;
}

/* Runs the loop until @n are there: as everything is in one socket, in order, later ones show what was
 * dropped. */
static void receive(sd_event *event, Seen *seen, size_t n) {
        while (seen->n < n)
                ck_assert_int_gt(sd_event_run(event, 5000000), 0);
        ck_assert_uint_eq(seen->n, n);
}

START_TEST(test_actions) {
        static const struct {
                const char *text;
                UeventAction action;
        } actions[] = {
                { "add", UEVENT_ADD },       { "remove", UEVENT_REMOVE }, { "bind", UEVENT_BIND },
                { "unbind", UEVENT_UNBIND }, { "change", UEVENT_CHANGE }, { "move", UEVENT_CHANGE },
        };
        Seen seen = { 0 };
        _cleanup_(uevent_monitor_freep) UeventMonitor *monitor = NULL;
        _cleanup_close_ int sender = -EBADF;
        _cleanup_(sd_event_unrefp) sd_event *event = start(&seen, &monitor, &sender);

        for (size_t i = 0; i < ELEMENTSOF(actions); i++)
                send_uevent(sender, actions[i].text, "pci", "0000:01:00.1", 100 + i, "vfio-pci");
        receive(event, &seen, ELEMENTSOF(actions));
        for (size_t i = 0; i < ELEMENTSOF(actions); i++) {
                ck_assert_int_eq(seen.uevents[i].action, actions[i].action);
                ck_assert_uint_eq(seen.uevents[i].sequence, 100 + i);
                ck_assert_str_eq(ADDRESS_TEXT(seen.uevents[i].address), "0000:01:00.1");
                ck_assert_str_eq(seen.uevents[i].driver, actions[i].action == UEVENT_BIND ? "vfio-pci" : "");
        }
}
END_TEST

static void send_drm(int fd, const char *action, const char *devpath, uint64_t sequence, const char *wedged) {
        struct sockaddr_nl udev = { .nl_family = AF_NETLINK, .nl_groups = UDEV_GROUP };
        Message message = { .n = sizeof(UdevHeader) };
        UdevHeader header = {
                .prefix = "libudev",
                .magic = htonl(0xfeedcafe),
                .header_size = sizeof(UdevHeader),
                .properties_offset = sizeof(UdevHeader),
                .subsystem_hash = htonl(murmur_hash("drm")),
                .devtype_hash = htonl(murmur_hash("drm_minor")),
        };

        message_add(&message, "ACTION=%s", action);
        message_add(&message, "DEVPATH=%s", devpath);
        message_add(&message, "SUBSYSTEM=drm");
        message_add(&message, "DEVTYPE=drm_minor");
        message_add(&message, "SEQNUM=%llu", (unsigned long long) sequence);
        message_add(&message, "MAJOR=226");
        message_add(&message, "MINOR=0");
        message_add(&message, "DEVNAME=/dev/dri/card0");
        if (wedged)
                message_add(&message, "WEDGED=%s", wedged);
        header.properties_size = (uint32_t) (message.n - sizeof(header));
        memcpy(message.bytes, &header, sizeof(header));
        ck_assert_int_eq(sendto(fd, message.bytes, message.n, 0, (struct sockaddr *) &udev, sizeof(udev)),
                         (ssize_t) message.n);
}

/* drm_dev_wedged_event() of 6.15: a change of the primary node. */
START_TEST(test_wedged) {
        static const char card[] = "/devices/pci0000:00/0000:00:01.0/0000:01:00.0/drm/card0";
        Seen seen = { 0 };
        _cleanup_(uevent_monitor_freep) UeventMonitor *monitor = NULL;
        _cleanup_close_ int sender = -EBADF;
        _cleanup_(sd_event_unrefp) sd_event *event = start(&seen, &monitor, &sender);

        send_drm(sender, "change", card, 1, NULL); /* a connector has changed */
        send_drm(sender, "add", card, 2, "rebind");
        send_drm(sender, "change", "/devices/platform/soc/gpu/drm/card0", 3, "rebind");
        send_drm(sender, "change", "/devices/virtual/drm/card0", 4, "rebind");
        send_drm(sender, "change", "/drm/card0", 5, "rebind");
        send_drm(sender, "change", card, 6, "rebind,bus-reset");
        send_drm(sender, "change", "/devices/pci10000:e0/10000:e1:00.0/drm/card0/card0-DP-1", 7, "none");
        receive(event, &seen, 2);
        ck_assert_int_eq(seen.uevents[0].action, UEVENT_WEDGED);
        ck_assert_uint_eq(seen.uevents[0].sequence, 6);
        ck_assert_str_eq(ADDRESS_TEXT(seen.uevents[0].address), "0000:01:00.0");
        ck_assert_uint_eq(seen.uevents[0].wedged, WEDGED_REBIND | WEDGED_BUS_RESET);
        ck_assert_uint_eq(seen.uevents[1].address.domain, 0x10000);
        ck_assert_uint_eq(seen.uevents[1].wedged, WEDGED_NONE);
}
END_TEST

static const struct {
        const char *text;
        unsigned wedged;
} words[] = {
        { "none", WEDGED_NONE },
        { "rebind", WEDGED_REBIND },
        { "bus-reset", WEDGED_BUS_RESET },
        { "vendor-specific", WEDGED_VENDOR_SPECIFIC },
        { "rebind,bus-reset", WEDGED_REBIND | WEDGED_BUS_RESET },
        { "none,rebind,vendor-specific", WEDGED_NONE | WEDGED_REBIND | WEDGED_VENDOR_SPECIFIC },
        { "unknown", WEDGED_UNKNOWN },
        { "", WEDGED_OTHER },
        { ",", WEDGED_OTHER },
        { "none,", WEDGED_NONE | WEDGED_OTHER },
        { "non", WEDGED_OTHER },
        { "none ", WEDGED_OTHER },
        { "power-cycle", WEDGED_OTHER },
        { "NONE", WEDGED_OTHER },
};

START_TEST(test_wedged_words) {
        ck_assert_msg(wedged_parse(words[_i].text) == words[_i].wedged, "%s: %x", words[_i].text,
                      wedged_parse(words[_i].text));
}
END_TEST

START_TEST(test_modules) {
        static const struct {
                const char *action, *name;
                bool seen;
        } modules[] = {
                { "add", "gpuswitch_guard", true },
                { "change", "gpuswitch_guard", false },
                { "add", "gpuswitch_guard2", false },
                { "add", "amdgpu", false },
                { "remove", "gpuswitch_guard", true },
                { "add", "vendor_reset", true },
                { "remove", "vendor_reset", true },
        };
        Seen seen = { 0 };
        _cleanup_(uevent_monitor_freep) UeventMonitor *monitor = NULL;
        _cleanup_close_ int sender = -EBADF;
        _cleanup_(sd_event_unrefp) sd_event *event = start(&seen, &monitor, &sender);
        size_t n = 0;

        for (size_t i = 0; i < ELEMENTSOF(modules); i++)
                send_uevent(sender, modules[i].action, "module", modules[i].name, i + 1, NULL);
        receive(event, &seen, 4);
        for (size_t i = 0; i < ELEMENTSOF(modules); i++)
                if (modules[i].seen) {
                        ck_assert_int_eq(seen.uevents[n].action, UEVENT_MODULE);
                        ck_assert_uint_eq(seen.uevents[n++].sequence, i + 1);
                }
}
END_TEST

START_TEST(test_others_are_left_out) {
        Seen seen = { 0 };
        _cleanup_(uevent_monitor_freep) UeventMonitor *monitor = NULL;
        _cleanup_close_ int sender = -EBADF;
        _cleanup_(sd_event_unrefp) sd_event *event = start(&seen, &monitor, &sender);
        char name[200];

        memset(name, 'x', sizeof(name) - 1);
        name[sizeof(name) - 1] = '\0';
        send_uevent(sender, "add", "pci_bus", "0000:01", 1, NULL);
        send_uevent(sender, "add", "drm", "0000:01:00.0", 2, NULL);
        send_uevent(sender, "add", "pci", "not-an-address", 3, NULL);
        ck_assert_int_eq(sendto(sender, "junk", 4, 0,
                                (struct sockaddr *) &(struct sockaddr_nl){ .nl_family = AF_NETLINK,
                                                                           .nl_groups = UDEV_GROUP },
                                sizeof(struct sockaddr_nl)),
                         4);
        send_uevent(sender, "bind", "pci", "10000:e1:00.0", 4, name);
        send_uevent(sender, "bind", "pci", "0000:01:00.0", 5, NULL);
        receive(event, &seen, 2);
        ck_assert_uint_eq(seen.uevents[0].sequence, 4);
        ck_assert_uint_eq(seen.uevents[0].address.domain, 0x10000);
        ck_assert_str_eq(seen.uevents[0].driver, "");
        ck_assert_uint_eq(seen.uevents[1].sequence, 5);
        ck_assert_str_eq(seen.uevents[1].driver, "");
}
END_TEST

START_TEST(test_freed_monitor_is_silent) {
        Seen seen = { 0 };
        UeventMonitor *monitor = NULL;
        _cleanup_close_ int sender = -EBADF;
        _cleanup_(sd_event_unrefp) sd_event *event = start(&seen, &monitor, &sender);

        send_uevent(sender, "add", "pci", "0000:01:00.0", 1, NULL);
        ck_assert_ptr_null(uevent_monitor_free(monitor));
        ck_assert_int_eq(sd_event_run(event, 0), 0);
        ck_assert_uint_eq(seen.n, 0);
        ck_assert_ptr_null(uevent_monitor_free(NULL));
}
END_TEST

START_TEST(test_sequence_now) {
        uint64_t sequence = uevent_sequence_now();

        ck_assert(sequence > 0 || access("/sys/kernel/uevent_seqnum", R_OK) < 0);
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("machine/uevents");
        TCase *tests = tcase_create("uevents");

        tcase_set_timeout(tests, 60); /* the machine may be busy */
        tcase_add_test(tests, test_actions);
        tcase_add_test(tests, test_wedged);
        tcase_add_loop_test(tests, test_wedged_words, 0, ELEMENTSOF(words));
        tcase_add_test(tests, test_modules);
        tcase_add_test(tests, test_others_are_left_out);
        tcase_add_test(tests, test_freed_monitor_is_silent);
        tcase_add_test(tests, test_sequence_now);
        suite_add_tcase(suite, tests);
        return suite;
}

CHECK_MAIN_SANDBOXED(make_suite)
