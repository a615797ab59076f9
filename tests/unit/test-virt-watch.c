/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * virtwatch as a whole but for its main(): libvirt's test driver at one end (test:///default is one machine
 * for all connections of a process), a manager of our own on a private bus at the other.
 *
 * The test driver sends no REBOOT, no DEVICE_REMOVED and is never lost. Those callbacks are caught at
 * registration, and called from here as libvirt would.
 */

#include <dlfcn.h>
#include <signal.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/macros.h"
#include "base/text.h"
#include "check-main.h"
#include "fake-manager.h"
#include "gpuswitch/names.h"
#include "log/log.h"
#include "private-bus.h"
#include "virt/watch.h"

#define UUID "4dea22b3-1d52-d8f3-2516-782e98ab3fa0"
#define HOSTDEV(function, alias)                                                                             \
        "<hostdev mode='subsystem' type='pci' managed='yes'><source><address domain='0x0000' bus='0x01' "    \
        "slot='0x00' function='" function "'/></source><alias name='" alias "'/></hostdev>"
#define DOMAIN_XML                                                                                           \
        "<domain type='test'><name>gpu</name><uuid>" UUID "</uuid><memory>1024</memory>"                     \
        "<os><type>hvm</type></os><devices>" HOSTDEV("0x0", "ua-gpu")                                        \
                HOSTDEV("0x1", "ua-audio") "</devices></domain>"
#define WAIT_MS 20000

static PrivateBus bus;
static FakeManager manager;
static Watch watch;
static virConnectPtr control;

/* What libvirt would call. */
static virConnectDomainEventGenericCallback callbacks[64];
static void *callback_userdata;
static virConnectCloseFunc close_callback;
static void *close_userdata;
static int n_registered;

int virConnectDomainEventRegisterAny(virConnectPtr connect, virDomainPtr domain, int id,
                                     virConnectDomainEventGenericCallback callback, void *userdata,
                                     virFreeCallback free_callback) {
        int (*real)(virConnectPtr, virDomainPtr, int, virConnectDomainEventGenericCallback, void *,
                    virFreeCallback);

        *(void **) &real = dlsym(RTLD_NEXT, "virConnectDomainEventRegisterAny");
        callbacks[id] = callback;
        callback_userdata = userdata;
        n_registered++;
        return real(connect, domain, id, callback, userdata, free_callback);
}

int virConnectDomainEventDeregisterAny(virConnectPtr connect, int id) {
        int (*real)(virConnectPtr, int);

        *(void **) &real = dlsym(RTLD_NEXT, "virConnectDomainEventDeregisterAny");
        n_registered--;
        return real(connect, id);
}

int virConnectRegisterCloseCallback(virConnectPtr connect, virConnectCloseFunc callback, void *userdata,
                                    virFreeCallback free_callback) {
        close_callback = callback;
        close_userdata = userdata;
        return 0;
}

static void on_deadline(int timer, void *userdata) {
        bool *over = userdata;

        *over = true;
}

static void on_line_readable(int handle, int fd, int events, void *userdata) {
        bool *readable = userdata;

        *readable = true;
}

/* Runs libvirt's loop until the manager has written its next line. */
static const char *next_line(void) {
        static char line[4096];
        bool over = false, readable = false;
        size_t n = 0;

        int timer = virEventAddTimeout(WAIT_MS, on_deadline, &over, NULL);
        int handle = virEventAddHandle(manager.lines, VIR_EVENT_HANDLE_READABLE, on_line_readable, &readable,
                                       NULL);
        while (!readable && !over)
                ck_assert_int_eq(virEventRunDefaultImpl(), 0);
        virEventRemoveTimeout(timer);
        virEventRemoveHandle(handle);
        ck_assert_msg(readable, "the manager was told nothing");
        while (n < sizeof(line) - 1 && read(manager.lines, &line[n], 1) == 1 && line[n] != '\n')
                n++;
        line[n] = '\0';
        return line;
}

static usec_t now_usec(void) {
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (usec_t) now.tv_sec * USEC_PER_SEC + (usec_t) now.tv_nsec / 1000;
}

static void expect_event(const char *event, const char *detail) {
        char expected[256];

        (void) text_format(expected, sizeof(expected), "DomainEvent " UUID " %s %s", event, detail);
        ck_assert_str_eq(next_line(), expected);
}

/* The list that comes next; its time is a time of now. Order of domains is libvirt's. */
static void expect_sync(bool with_gpu) {
        static usec_t last_usec;
        const char *line = next_line(), *rest = text_starts_with(line, "SyncDomains ");
        unsigned long long begun_usec = 0;
        char domains[1024] = "";

        ck_assert_msg(rest && sscanf(rest, "%llu %1023[^\n]", &begun_usec, domains) == 2, "%s", line);
        ck_assert_msg(begun_usec >= last_usec && begun_usec <= now_usec(), "%llu", begun_usec);
        last_usec = begun_usec;
        ck_assert_ptr_nonnull(strstr(domains, "test="));
        ck_assert_msg(!with_gpu == !strstr(domains, "gpu=0000:01:00.0,0000:01:00.1"), "%s", line);
        ck_assert_msg(!with_gpu == !strstr(domains, "gpu="), "%s", line);
}

static virDomainPtr domain_start(void) {
        virDomainPtr domain = virDomainCreateXML(control, DOMAIN_XML, 0);

        ck_assert_ptr_nonnull(domain);
        return domain;
}

static void domain_stop(virDomainPtr domain) {
        ck_assert_int_eq(virDomainDestroy(domain), 0);
}

static void domain_reboots(virDomainPtr domain) {
        virConnectDomainEventGenericCallback callback = callbacks[VIR_DOMAIN_EVENT_ID_REBOOT];

        ck_assert_ptr_nonnull(callback);
        callback(control, domain, callback_userdata);
}

static void device_event(virDomainPtr domain, int id, const char *alias) {
        virConnectDomainEventDeviceRemovedCallback callback =
                (virConnectDomainEventDeviceRemovedCallback) (void (*)(void)) callbacks[id];

        ck_assert_ptr_nonnull(callback);
        callback(control, domain, alias, callback_userdata);
}

static void watch_begin(void) {
        watch.uri = "test:///default";
        ck_assert_int_eq(watch_start(&watch), 0);
}

/* A watch that is connected at both ends and has told its first list. */
static void watch_begin_told(FakeManagerMood mood) {
        fake_manager_start(&manager, mood);
        watch_begin();
        expect_sync(false);
}

static void on_libvirt_error(void *userdata, virErrorPtr error) {
}

static void setup(void) {
        log_init(false);
        private_bus_start(&bus);
        ck_assert_int_eq(virInitialize(), 0);
        ck_assert_int_eq(virEventRegisterDefaultImpl(), 0);
        virSetErrorFunc(NULL, on_libvirt_error);
        ck_assert_ptr_nonnull(control = virConnectOpen("test:///default"));
}

static void teardown(void) {
        watch_done(&watch);
        ck_assert_int_eq(n_registered, 0);
        fake_manager_stop(&manager);
        virConnectClose(control);
        bool activated = private_bus_has_activated(&bus);
        private_bus_stop(&bus);
        ck_assert_msg(!activated, "virtwatch made the bus start the daemon");
}

START_TEST(start_and_stop) {
        watch_begin_told(MANAGER_TAKES);
        virDomainPtr domain = domain_start();
        expect_event(DOMAIN_EVENT_STARTED, "booted");
        domain_reboots(domain);
        expect_event(DOMAIN_EVENT_REBOOTED, "guest");
        domain_stop(domain);
        expect_event(DOMAIN_EVENT_STOPPED, "destroyed");
        ck_assert_ptr_null(domain_list_find(&watch.domains, UUID));
        virDomainFree(domain);
}
END_TEST

START_TEST(many_in_order) {
        watch_begin_told(MANAGER_TAKES);
        virDomainPtr domain = domain_start();
        for (unsigned i = 0; i < 100; i++)
                domain_reboots(domain);
        domain_stop(domain);
        virDomainFree(domain);
        domain = domain_start();
        /* libvirt tells starts and stops from its loop: the calls that were made from here came before. */
        for (unsigned i = 0; i < 100; i++)
                expect_event(DOMAIN_EVENT_REBOOTED, "guest");
        expect_event(DOMAIN_EVENT_STARTED, "booted");
        expect_event(DOMAIN_EVENT_STOPPED, "destroyed");
        expect_event(DOMAIN_EVENT_STARTED, "booted");
        virDomainFree(domain);
}
END_TEST

static const struct {
        int detail;
        const char *event;
        const char *text;
} stops[] = {
        { VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN, DOMAIN_EVENT_STOPPED, "shutdown" },
        { VIR_DOMAIN_EVENT_STOPPED_DESTROYED, DOMAIN_EVENT_STOPPED, "destroyed" },
        { VIR_DOMAIN_EVENT_STOPPED_CRASHED, DOMAIN_EVENT_CRASHED, "crashed" },
        { VIR_DOMAIN_EVENT_STOPPED_MIGRATED, DOMAIN_EVENT_STOPPED, "migrated" },
        { VIR_DOMAIN_EVENT_STOPPED_SAVED, DOMAIN_EVENT_STOPPED, "saved" },
        { VIR_DOMAIN_EVENT_STOPPED_FAILED, DOMAIN_EVENT_CRASHED, "failed" },
        { VIR_DOMAIN_EVENT_STOPPED_FROM_SNAPSHOT, DOMAIN_EVENT_STOPPED, "from-snapshot" },
        { 4711, DOMAIN_EVENT_STOPPED, "unknown" },
        { -1, DOMAIN_EVENT_STOPPED, "unknown" },
};

START_TEST(every_way_to_stop) {
        watch_begin_told(MANAGER_TAKES);
        virDomainPtr domain = domain_start();
        expect_event(DOMAIN_EVENT_STARTED, "booted");
        virConnectDomainEventCallback callback =
                (virConnectDomainEventCallback) (void (*)(void)) callbacks[VIR_DOMAIN_EVENT_ID_LIFECYCLE];
        /* No end: paused, and panicked with a QEMU that may live on. */
        callback(control, domain, VIR_DOMAIN_EVENT_SUSPENDED, 0, callback_userdata);
        callback(control, domain, VIR_DOMAIN_EVENT_CRASHED, VIR_DOMAIN_EVENT_CRASHED_PANICKED,
                 callback_userdata);
        for (size_t i = 0; i < ELEMENTSOF(stops); i++) {
                callback(control, domain, VIR_DOMAIN_EVENT_STOPPED, stops[i].detail, callback_userdata);
                expect_event(stops[i].event, stops[i].text);
        }
        virDomainFree(domain);
}
END_TEST

START_TEST(removed_device_by_its_alias) {
        watch_begin_told(MANAGER_TAKES);
        virDomainPtr domain = domain_start();
        expect_event(DOMAIN_EVENT_STARTED, "booted");
        device_event(domain, VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED, "ua-gpu");
        expect_event(DOMAIN_EVENT_DEVICE_REMOVED, "0000:01:00.0");
        device_event(domain, VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED, "net0"); /* nobody's business */
        device_event(domain, VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED, "ua-audio");
        expect_event(DOMAIN_EVENT_DEVICE_REMOVED, "0000:01:00.1");
        device_event(domain, VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED, "hostdev7"); /* never seen: look at all */
        expect_sync(true);
        /* The list knew them again, as the XML still has them. */
        device_event(domain, VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED, "ua-audio");
        expect_event(DOMAIN_EVENT_DEVICE_REMOVED, "0000:01:00.1");
        virDomainFree(domain);
}
END_TEST

START_TEST(added_device) {
        watch_begin_told(MANAGER_TAKES);
        virDomainPtr domain = domain_start();
        expect_event(DOMAIN_EVENT_STARTED, "booted");
        device_event(domain, VIR_DOMAIN_EVENT_ID_DEVICE_ADDED, "net1"); /* no PCI device more: no list */
        device_event(domain, VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED, "ua-gpu");
        expect_event(DOMAIN_EVENT_DEVICE_REMOVED, "0000:01:00.0");
        device_event(domain, VIR_DOMAIN_EVENT_ID_DEVICE_ADDED, "ua-gpu");
        expect_sync(true);
        virDomainFree(domain);
}
END_TEST

START_TEST(daemon_comes_later) {
        virDomainPtr domain = domain_start();

        watch_begin();
        /* Connected to libvirt, and no daemon. */
        while (!watch.events.n_callbacks)
                ck_assert_int_eq(virEventRunDefaultImpl(), 0);
        domain_reboots(domain);
        fake_manager_start(&manager, MANAGER_TAKES);
        expect_event(DOMAIN_EVENT_REBOOTED, "guest");
        expect_sync(true);
        virDomainFree(domain);
}
END_TEST

/* That nothing happens can only be seen by waiting a little; teardown() looks whether the bus had to start
 * it. */
START_TEST(daemon_is_never_started) {
        bool over = false;

        watch_begin();
        notifier_event(watch.notifier, UUID, DOMAIN_EVENT_STOPPED, "shutdown");
        int timer = virEventAddTimeout(500, on_deadline, &over, NULL);
        while (!over)
                ck_assert_int_eq(virEventRunDefaultImpl(), 0);
        virEventRemoveTimeout(timer);
        ck_assert(!private_bus_has_activated(&bus));
        fake_manager_start(&manager, MANAGER_TAKES);
        expect_event(DOMAIN_EVENT_STOPPED, "shutdown");
        expect_sync(false);
}
END_TEST

START_TEST(daemon_restarts) {
        watch_begin_told(MANAGER_TAKES);
        fake_manager_stop(&manager);
        virDomainPtr domain = domain_start();
        while (!domain_list_find(&watch.domains, UUID))
                ck_assert_int_eq(virEventRunDefaultImpl(), 0);
        fake_manager_start(&manager, MANAGER_TAKES);
        expect_event(DOMAIN_EVENT_STARTED, "booted");
        expect_sync(true);
        virDomainFree(domain);
}
END_TEST

START_TEST(event_that_nobody_answered_is_told_again) {
        watch_begin_told(MANAGER_DIES_OF_EVENTS);
        virDomainPtr domain = domain_start();
        expect_event(DOMAIN_EVENT_STARTED, "booted");
        domain_stop(domain);
        fake_manager_stop(&manager);
        fake_manager_start(&manager, MANAGER_TAKES);
        expect_event(DOMAIN_EVENT_STARTED, "booted");
        expect_event(DOMAIN_EVENT_STOPPED, "destroyed");
        expect_sync(false);
        virDomainFree(domain);
}
END_TEST

START_TEST(event_that_kills_is_given_up) {
        watch_begin_told(MANAGER_DIES_OF_EVENTS);
        virDomainPtr domain = domain_start();
        for (unsigned i = 0; i < 3; i++) {
                expect_event(DOMAIN_EVENT_STARTED, "booted");
                fake_manager_stop(&manager);
                fake_manager_start(&manager, i < 2 ? MANAGER_DIES_OF_EVENTS : MANAGER_TAKES);
        }
        expect_sync(true);
        virDomainFree(domain);
}
END_TEST

START_TEST(refused_event_is_not_told_again) {
        watch_begin_told(MANAGER_REFUSES_EVENTS);
        virDomainPtr domain = domain_start();
        expect_event(DOMAIN_EVENT_STARTED, "booted");
        domain_stop(domain);
        expect_event(DOMAIN_EVENT_STOPPED, "destroyed");
        virDomainFree(domain);
}
END_TEST

START_TEST(too_many_events_become_a_list) {
        virDomainPtr domain = domain_start();

        watch_begin();
        while (!watch.events.n_callbacks)
                ck_assert_int_eq(virEventRunDefaultImpl(), 0);
        for (unsigned i = 0; i < NOTIFIER_EVENTS_MAX + 2; i++)
                domain_reboots(domain);
        fake_manager_start(&manager, MANAGER_TAKES);
        expect_event(DOMAIN_EVENT_REBOOTED, "guest");
        expect_event(DOMAIN_EVENT_REBOOTED, "guest");
        expect_sync(true);
        virDomainFree(domain);
}
END_TEST

START_TEST(libvirt_comes_back) {
        watch_begin_told(MANAGER_TAKES);
        virDomainPtr domain = domain_start();
        expect_event(DOMAIN_EVENT_STARTED, "booted");
        close_callback(connection_get(watch.connection), VIR_CONNECT_CLOSE_REASON_KEEPALIVE, close_userdata);
        ck_assert_ptr_null(connection_get(watch.connection));
        /* A list that is asked for meanwhile waits for the new connection. */
        notifier_request_sync(watch.notifier);
        expect_sync(true);
        ck_assert_int_eq(n_registered, (int) EVENT_IDS_MAX);
        domain_stop(domain);
        expect_event(DOMAIN_EVENT_STOPPED, "destroyed");
        virDomainFree(domain);
}
END_TEST

START_TEST(no_libvirt_at_all) {
        fake_manager_start(&manager, MANAGER_TAKES);
        watch.uri = "test:///there/is/no/such/file.xml";
        ck_assert_int_eq(watch_start(&watch), 0);
        while (!notifier_daemon_present(watch.notifier))
                ck_assert_int_eq(virEventRunDefaultImpl(), 0);
        notifier_event(watch.notifier, UUID, DOMAIN_EVENT_STOPPED, "shutdown");
        expect_event(DOMAIN_EVENT_STOPPED, "shutdown");
        ck_assert(!watch.failed);
}
END_TEST

START_TEST(bus_goes) {
        watch_begin_told(MANAGER_TAKES);
        kill(bus.pid, SIGKILL);
        while (!watch.failed)
                ck_assert_int_eq(virEventRunDefaultImpl(), 0);
}
END_TEST

START_TEST(back_off) {
        static const int delays[] = { 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000 };
        int delay = 0;

        for (size_t i = 0; i < ELEMENTSOF(delays); i++) {
                delay = connection_next_delay(delay);
                ck_assert_int_eq(delay, delays[i]);
        }
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("virt-watch");
        TCase *tests = tcase_create("virt-watch"), *pure = tcase_create("pure");

        tcase_add_checked_fixture(tests, setup, teardown);
        tcase_set_timeout(tests, 60);
        tcase_add_test(tests, start_and_stop);
        tcase_add_test(tests, many_in_order);
        tcase_add_test(tests, every_way_to_stop);
        tcase_add_test(tests, removed_device_by_its_alias);
        tcase_add_test(tests, added_device);
        tcase_add_test(tests, daemon_comes_later);
        tcase_add_test(tests, daemon_is_never_started);
        tcase_add_test(tests, daemon_restarts);
        tcase_add_test(tests, event_that_nobody_answered_is_told_again);
        tcase_add_test(tests, event_that_kills_is_given_up);
        tcase_add_test(tests, refused_event_is_not_told_again);
        tcase_add_test(tests, too_many_events_become_a_list);
        tcase_add_test(tests, libvirt_comes_back);
        tcase_add_test(tests, no_libvirt_at_all);
        tcase_add_test(tests, bus_goes);
        suite_add_tcase(suite, tests);
        tcase_add_test(pure, back_off);
        suite_add_tcase(suite, pure);
        return suite;
}

CHECK_MAIN(make_suite)
