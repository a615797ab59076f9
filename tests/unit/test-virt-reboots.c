/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reboots: since when they are counted without a gap, and the one that has to become a stop. */

#include <dlfcn.h>
#include <libvirt/virterror.h>
#include <string.h>

#include "base/text.h"
#include "check-main.h"
#include "gpuswitch/names.h"
#include "watch-fixture.h"

/* A QEMU that cannot do it is played by a call that libvirt refuses. */
static bool stop_fails;
static char stop_error[NOTIFIER_DETAIL_SIZE];
static unsigned n_stops;

int virDomainSetLifecycleAction(virDomainPtr domain, unsigned type, unsigned action, unsigned flags) {
        int (*real)(virDomainPtr, unsigned, unsigned, unsigned);

        ck_assert_uint_eq(type, VIR_DOMAIN_LIFECYCLE_REBOOT);
        ck_assert_uint_eq(action, VIR_DOMAIN_LIFECYCLE_ACTION_DESTROY);
        ck_assert_uint_eq(flags, VIR_DOMAIN_AFFECT_LIVE);
        n_stops++;
        *(void **) &real = dlsym(RTLD_NEXT, "virDomainSetLifecycleAction");
        int r = real(domain, stop_fails ? 4711 : type, action, flags);
        if (r < 0)
                (void) text_format(stop_error, sizeof(stop_error), "%s", virGetLastErrorMessage());
        return r;
}

START_TEST(new_connection_is_a_new_watch) {
        watch_begin_told(MANAGER_TAKES);
        usec_t before_usec = now_usec();
        close_callback(connection_get(watch.connection), VIR_CONNECT_CLOSE_REASON_EOF, close_userdata);
        ck_assert_uint_ge(expect_watch(), before_usec);
        expect_sync(false);
        /* For a new daemon it is the same watch. */
        fake_manager_stop(&manager);
        fake_manager_start(&manager, MANAGER_TAKES);
        ck_assert_uint_lt(expect_watch(), now_usec());
        expect_sync(false);
}
END_TEST

START_TEST(no_reboot_is_left) {
        watch_begin_told(MANAGER_ASKS_FOR_STOP);
        virDomainPtr domain = domain_start();
        expect_event(DOMAIN_EVENT_STARTED, "booted");
        domain_reboots(domain);
        expect_reboot();
        expect_event(DOMAIN_EVENT_REBOOT_STOPS, "");
        ck_assert_uint_eq(n_stops, 1);
        char *xml = virDomainGetXMLDesc(domain, 0);
        ck_assert_ptr_nonnull(strstr(xml, "<on_reboot>destroy</on_reboot>"));
        free(xml);
        virDomainFree(domain);
}
END_TEST

START_TEST(libvirt_cannot_stop_it) {
        stop_fails = true;
        watch_begin_told(MANAGER_ASKS_FOR_STOP);
        virDomainPtr domain = domain_start();
        expect_event(DOMAIN_EVENT_STARTED, "booted");
        domain_reboots(domain);
        expect_reboot();
        const char *why = text_starts_with(next_line(), "DomainEvent " UUID " " DOMAIN_EVENT_REBOOT_DOES_NOT_STOP " ");
        ck_assert_uint_eq(n_stops, 1);
        ck_assert_ptr_nonnull(why);
        ck_assert_str_ne(stop_error, "");
        ck_assert_str_eq(why, stop_error);
        virDomainFree(domain);
}
END_TEST

START_TEST(asked_to_stop_what_has_ended) {
        watch_begin_told(MANAGER_ASKS_FOR_STOP);
        virDomainPtr domain = domain_start();
        expect_event(DOMAIN_EVENT_STARTED, "booted");
        domain_reboots(domain);
        domain_stop(domain); /* before the manager can ask */
        expect_reboot();
        expect_event(DOMAIN_EVENT_STOPPED, "destroyed");
        virDomainFree(domain);
        domain = domain_start();
        expect_event(DOMAIN_EVENT_STARTED, "booted");
        ck_assert_uint_eq(n_stops, 0);
        virDomainFree(domain);
}
END_TEST

START_TEST(asked_by_who_knows) {
        watch_begin_told(MANAGER_ASKS_IN_PRIVATE);
        virDomainPtr domain = domain_start();
        expect_event(DOMAIN_EVENT_STARTED, "booted");
        domain_reboots(domain);
        expect_reboot();
        domain_reboots(domain); /* behind the signal: what comes of that has come */
        expect_reboot();
        ck_assert_uint_eq(n_stops, 0);
        virDomainFree(domain);
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("virt-reboots");
        TCase *tests = tcase_create("all");

        tcase_add_checked_fixture(tests, watch_setup, watch_teardown);
        tcase_set_timeout(tests, 60);
        tcase_add_test(tests, new_connection_is_a_new_watch);
        tcase_add_test(tests, no_reboot_is_left);
        tcase_add_test(tests, libvirt_cannot_stop_it);
        tcase_add_test(tests, asked_to_stop_what_has_ended);
        tcase_add_test(tests, asked_by_who_knows);
        suite_add_tcase(suite, tests);
        return suite;
}

CHECK_MAIN(make_suite)
