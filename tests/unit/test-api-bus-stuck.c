/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the bus shows of a stuck card, and that it is signalled. */

#include "api-fixture.h"

#include <string.h>

#include "base/macros.h"

static sd_bus *caller;

static void setup(void) {
        api_fixture_setup();
        caller = api_caller(0);
        api_watch_changes(caller);
}

static void teardown(void) {
        (void) api_caller_leaves(caller);
        api_fixture_teardown();
}

static void become_stuck(void) {
        StuckView *detail = &api_fixture.stuck_detail;

        api_fixture.stuck = true;
        *detail = (StuckView){ .function = { .bus = 1 }, .since_usec = UINT64_C(1700000000000001), .pid = 637,
                               .n_holders = 1, .n_help = 2 };
        strcpy(detail->step, "unbind 0000:01:00.0 from amdgpu");
        strcpy(detail->action, "write 0000:01:00.0 to /sys/bus/pci/drivers/amdgpu/unbind");
        strcpy(detail->kernel_function, "amdgpu_pci_remove");
        strcpy(detail->kernel_stack, "amdgpu_pci_remove < pci_device_remove");
        strcpy(detail->holders[0], "mpv (pid 812) has /dev/dri/card1 open");
        strcpy(detail->help[0], "First.");
        strcpy(detail->help[1], "Second.");
        api_bus_gpu_changed(api_fixture.bus, (PciAddress){ .bus = 1 });
}

static void expect_texts(sd_bus_message *message, const char *key, const char *const *expected, size_t n) {
        const char *name;

        ck_assert_int_gt(sd_bus_message_enter_container(message, 'e', "sv"), 0);
        ck_assert_int_gt(sd_bus_message_read(message, "s", &name), 0);
        ck_assert_str_eq(name, key);
        ck_assert_int_gt(sd_bus_message_enter_container(message, 'v', "as"), 0);
        ck_assert_int_gt(sd_bus_message_enter_container(message, 'a', "s"), 0);
        for (size_t i = 0; i < n; i++) {
                const char *text;
                ck_assert_int_gt(sd_bus_message_read(message, "s", &text), 0);
                ck_assert_str_eq(text, expected[i]);
        }
        for (int i = 0; i < 3; i++)
                ck_assert_int_ge(sd_bus_message_exit_container(message), 0); /* -EBUSY if there were more */
}

START_TEST(test_detail) {
        static const char *const holders[] = { "mpv (pid 812) has /dev/dri/card1 open" };
        static const char *const help[] = { "First.", "Second." };
        const char *since, *pid;
        uint64_t usec;
        int32_t number;

        become_stuck();
        sd_bus_message *reply = api_get(caller, "StuckDetail", "a{sv}");
        ck_assert_int_gt(sd_bus_message_enter_container(reply, 'a', "{sv}"), 0);
        api_expect_text(reply, "step", "unbind 0000:01:00.0 from amdgpu");
        api_expect_text(reply, "action", "write 0000:01:00.0 to /sys/bus/pci/drivers/amdgpu/unbind");
        api_expect_text(reply, "function", "0000:01:00.0");
        ck_assert_int_gt(sd_bus_message_read(reply, "{sv}{sv}", &since, "t", &usec, &pid, "i", &number), 0);
        ck_assert_str_eq(since, "since_usec");
        ck_assert_uint_eq(usec, UINT64_C(1700000000000001));
        ck_assert_str_eq(pid, "pid");
        ck_assert_int_eq(number, 637);
        api_expect_text(reply, "kernel_function", "amdgpu_pci_remove");
        api_expect_text(reply, "kernel_stack", "amdgpu_pci_remove < pci_device_remove");
        expect_texts(reply, "holders", holders, 1);
        expect_texts(reply, "help", help, 2);
        ck_assert_int_eq(sd_bus_message_at_end(reply, false), 1);
        sd_bus_message_unref(reply);
}
END_TEST

START_TEST(test_not_stuck) {
        sd_bus_message *reply = api_get(caller, "StuckDetail", "a{sv}");

        ck_assert_int_eq(sd_bus_message_enter_container(reply, 'a', "{sv}"), 1);
        ck_assert_int_eq(sd_bus_message_at_end(reply, false), 1);
        sd_bus_message_unref(reply);
}
END_TEST

START_TEST(test_signals) {
        sd_bus_message_unref(api_get(caller, "Stuck", "b")); /* the match is in force */
        become_stuck();
        api_run_until_equal(&api_fixture.n_signals, 1);
        ck_assert_str_eq(api_fixture.signalled, "Stuck StuckDetail ");

        /* Where it hangs may change; what has not changed is not signalled. */
        strcpy(api_fixture.stuck_detail.kernel_function, "msleep");
        api_bus_gpu_changed(api_fixture.bus, (PciAddress){ .bus = 1 });
        api_bus_gpu_changed(api_fixture.bus, (PciAddress){ .bus = 1 });
        api_run_until_equal(&api_fixture.n_signals, 2);
        ck_assert_str_eq(api_fixture.signalled, "StuckDetail ");

        api_fixture.stuck = false;
        memset(&api_fixture.stuck_detail, 0, sizeof(api_fixture.stuck_detail));
        api_bus_gpu_changed(api_fixture.bus, (PciAddress){ .bus = 1 });
        api_run_until_equal(&api_fixture.n_signals, 3);
        ck_assert_str_eq(api_fixture.signalled, "Stuck StuckDetail ");
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("api/bus-stuck");
        TCase *tests = tcase_create("bus-stuck");

        tcase_set_timeout(tests, 60);
        tcase_add_checked_fixture(tests, setup, teardown);
        tcase_add_test(tests, test_detail);
        tcase_add_test(tests, test_not_stuck);
        tcase_add_test(tests, test_signals);
        suite_add_tcase(suite, tests);
        return suite;
}

API_MAIN(make_suite)
