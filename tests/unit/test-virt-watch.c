/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What virtwatch tells of what libvirt says, and when; to a daemon that comes, goes, refuses or dies of it. */

#include <signal.h>

#include "base/macros.h"
#include "base/text.h"
#include "check-main.h"
#include "gpuswitch/names.h"
#include "watch-fixture.h"

START_TEST(start_and_stop) {
        watch_begin_told(MANAGER_TAKES);
        virDomainPtr domain = domain_start();
        expect_event(DOMAIN_EVENT_STARTED, "booted");
        domain_reboots(domain);
        expect_reboot();
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
                expect_reboot();
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
        expect_reboot();
        expect_watch();
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
        expect_watch();
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
        expect_watch();
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
        expect_watch();
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
        expect_watch();
        expect_sync(true);
        virDomainFree(domain);
}
END_TEST

/* libvirt speaks the language of its own daemon. */
START_TEST(detail_is_cut_inside_a_character) {
        char detail[NOTIFIER_DETAIL_SIZE + 9] = "";

        for (size_t i = 0; i + 2 < sizeof(detail); i += 2)
                memcpy(&detail[i], "ä", 2);
        watch_begin_told(MANAGER_TAKES);
        notifier_event(watch.notifier, UUID, DOMAIN_EVENT_REBOOT_DOES_NOT_STOP, detail);
        const char *line = next_line();
        ck_assert_msg(strlen(line) > 4 && streq(line + strlen(line) - 3, "ä?"), "%s", line);
        notifier_event(watch.notifier, UUID, DOMAIN_EVENT_STOPPED, "shutdown");
        expect_event(DOMAIN_EVENT_STOPPED, "shutdown");
        ck_assert(!watch.failed);
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
        expect_reboot();
        expect_reboot();
        expect_watch();
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
        expect_watch();
        expect_sync(true);
        ck_assert_int_eq(n_registered, (int) EVENT_IDS_MAX);
        domain_stop(domain);
        expect_event(DOMAIN_EVENT_STOPPED, "destroyed");
        virDomainFree(domain);
}
END_TEST

/* As long as libvirt is away nobody counts, and no daemon is told otherwise. */
START_TEST(libvirt_stays_away) {
        watch_begin_told(MANAGER_TAKES);
        libvirt_is_away = true;
        close_callback(connection_get(watch.connection), VIR_CONNECT_CLOSE_REASON_EOF, close_userdata);
        ck_assert_str_eq(next_line(), "WatchEnded");
        fake_manager_stop(&manager);
        fake_manager_start(&manager, MANAGER_TAKES);
        notifier_event(watch.notifier, UUID, DOMAIN_EVENT_STOPPED, "shutdown");
        expect_event(DOMAIN_EVENT_STOPPED, "shutdown");
        usec_t back_usec = now_usec();
        libvirt_is_away = false;
        ck_assert_uint_ge(expect_watch(), back_usec);
        expect_sync(false);
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

        tcase_add_checked_fixture(tests, watch_setup, watch_teardown);
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
        tcase_add_test(tests, detail_is_cut_inside_a_character);
        tcase_add_test(tests, refused_event_is_not_told_again);
        tcase_add_test(tests, too_many_events_become_a_list);
        tcase_add_test(tests, libvirt_comes_back);
        tcase_add_test(tests, libvirt_stays_away);
        tcase_add_test(tests, no_libvirt_at_all);
        tcase_add_test(tests, bus_goes);
        suite_add_tcase(suite, tests);
        tcase_add_test(pure, back_off);
        suite_add_tcase(suite, pure);
        return suite;
}

CHECK_MAIN(make_suite)
