/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether virtwatch is there: by the bus's own word alone. */

#include "api-fixture.h"

#include <string.h>

#include "gpuswitch/names.h"

static sd_bus *watcher, *user;

static void setup(void) {
        api_fixture_setup();
        watcher = api_caller(0);
        user = api_caller(api_user(0));
}

static void teardown(void) {
        (void) api_caller_leaves(user);
        if (watcher)
                (void) api_caller_leaves(watcher);
        api_fixture_teardown();
}

static void begin(sd_bus *caller, Call *ret_call) {
        *ret_call = (Call){ 0 };
        api_call(caller, ret_call, false, "WatchBegan", "t", (uint64_t) 1);
        api_answered(ret_call);
}

START_TEST(test_comes_and_goes) {
        Call call;

        begin(user, &call);
        ck_assert_str_eq(call.error, SD_BUS_ERROR_ACCESS_DENIED);
        ck_assert(!api_fixture.watched);
        begin(watcher, &call);
        ck_assert_str_eq(call.error, "");
        ck_assert(api_fixture.watched);
        api_fixture.watch_ended = false;
        watcher = api_caller_leaves(watcher);
        api_run_until(&api_fixture.watch_ended);
        ck_assert(!api_fixture.watched);
}
END_TEST

START_TEST(test_says_that_it_hears_nothing) {
        sd_bus *other = api_caller(0);
        Call call = { 0 };

        begin(watcher, &call);
        api_fixture.watch_ended = false;
        call = (Call){ 0 };
        api_call(user, &call, false, "WatchEnded", "");
        api_answered(&call);
        ck_assert_str_eq(call.error, SD_BUS_ERROR_ACCESS_DENIED);
        call = (Call){ 0 };
        api_call(other, &call, false, "WatchEnded", "");
        api_answered(&call);
        ck_assert_str_eq(call.error, "");
        ck_assert(!api_fixture.watch_ended);
        for (unsigned i = 0; i < 2; i++) { /* said twice it is as well */
                call = (Call){ 0 };
                api_call(watcher, &call, false, "WatchEnded", "");
                api_answered(&call);
                ck_assert_str_eq(call.error, "");
                ck_assert(!api_fixture.watched);
        }
        begin(watcher, &call);
        ck_assert(api_fixture.watched);
        (void) api_caller_leaves(other);
}
END_TEST

/* A signal to one receiver needs no match there and asks for no privilege. */
START_TEST(test_nobody_else_can_say_that_it_went) {
        sd_bus_message *signal = NULL;
        const char *name;
        Call call;

        begin(watcher, &call);
        ck_assert_int_ge(sd_bus_get_unique_name(watcher, &name), 0);
        ck_assert_int_ge(sd_bus_message_new_signal(user, &signal, "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                                   "NameOwnerChanged"), 0);
        ck_assert_int_ge(sd_bus_message_append(signal, "sss", name, name, ""), 0);
        ck_assert_int_ge(sd_bus_send_to(user, signal, GPUSWITCH_BUS_NAME, NULL), 0);
        sd_bus_message_unref(signal);
        begin(user, &call); /* its answer comes behind what the signal has done */
        ck_assert(api_fixture.watched);
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("api-bus-watch");
        TCase *tcase = tcase_create("all");

        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_test(tcase, test_comes_and_goes);
        tcase_add_test(tcase, test_says_that_it_hears_nothing);
        tcase_add_test(tcase, test_nobody_else_can_say_that_it_went);
        suite_add_tcase(suite, tcase);
        return suite;
}

API_MAIN(make_suite)
