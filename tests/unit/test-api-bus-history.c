/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the bus shows of the past: on what a card's state is based, and what has come of resets. */

#include "api-fixture.h"

#include <string.h>

#include "base/macros.h"
#include "base/text.h"
#include "gpuswitch/names.h"

static sd_bus *caller;

static void setup(void) {
        api_fixture_setup();
        caller = api_caller(api_user(0)); /* nobody in particular */
        api_watch_changes(caller);
}

static void teardown(void) {
        (void) api_caller_leaves(caller);
        api_fixture_teardown();
}

static void happen(CardEvent event, ResetState from, ResetState to, bool this_boot, const char *reason) {
        Evidence evidence = { .at_realtime_usec = UINT64_C(1700000000000001), .event = event, .from = from, .to = to,
                              .this_boot = this_boot };

        strcpy(evidence.reason, reason);
        ck_assert(evidence_add(&api_fixture.evidence, &evidence));
        api_bus_gpu_changed(api_fixture.bus, (PciAddress){ .bus = 1 });
}

static void expect_entry(sd_bus_message *reply, const char *event, const char *old_state, const char *new_state,
                         const char *reason, bool this_boot) {
        const char *key;
        uint64_t usec;
        int flag;

        ck_assert_int_gt(sd_bus_message_enter_container(reply, 'a', "{sv}"), 0);
        ck_assert_int_gt(sd_bus_message_read(reply, "{sv}", &key, "t", &usec), 0);
        ck_assert_str_eq(key, "time_usec");
        ck_assert_uint_eq(usec, UINT64_C(1700000000000001));
        api_expect_text(reply, "event", event);
        api_expect_text(reply, "old_state", old_state);
        api_expect_text(reply, "new_state", new_state);
        api_expect_text(reply, "reason", reason);
        ck_assert_int_gt(sd_bus_message_read(reply, "{sv}", &key, "b", &flag), 0);
        ck_assert_str_eq(key, "this_boot");
        ck_assert_int_eq(flag, this_boot);
        ck_assert_int_ge(sd_bus_message_exit_container(reply), 0); /* -EBUSY if there were more */
}

START_TEST(test_evidence) {
        happen(_CARD_EVENT_INVALID, _RESET_STATE_INVALID, RESET_STATE_FRESH, false, "first sight");
        happen(CARD_EVENT_HOST_UNBIND, RESET_STATE_FRESH, RESET_STATE_TOUCHED, true, "link, größer");
        sd_bus_message *reply = api_get(caller, "Evidence", "aa{sv}");
        ck_assert_int_gt(sd_bus_message_enter_container(reply, 'a', "a{sv}"), 0);
        expect_entry(reply, "first-sight", "", "fresh", "first sight", false);
        expect_entry(reply, "host-unbind", "fresh", "touched", "link, größer", true);
        ck_assert_int_eq(sd_bus_message_at_end(reply, false), 1);
        sd_bus_message_unref(reply);
}
END_TEST

START_TEST(test_evidence_is_signalled) {
        sd_bus_message_unref(api_get(caller, "Stuck", "b")); /* the match is in force */
        for (unsigned i = 1; i <= EVIDENCE_SHOWN_MAX + 2; i++) {
                /* Also when the list is full and only its first entry goes. */
                happen(CARD_EVENT_HOST_BIND, RESET_STATE_TOUCHED, RESET_STATE_PREFAIL, true, "link");
                api_bus_gpu_changed(api_fixture.bus, (PciAddress){ .bus = 1 });
                api_run_until_equal(&api_fixture.n_signals, i);
                ck_assert_str_eq(api_fixture.signalled, "Evidence ");
        }
}
END_TEST

static void expect_advice(sd_bus_message *reply, const char *text, const char *xml, const char *source) {
        ck_assert_int_gt(sd_bus_message_enter_container(reply, 'a', "{sv}"), 0);
        api_expect_text(reply, "text", text);
        api_expect_text(reply, "xml", xml);
        api_expect_text(reply, "source", source);
        ck_assert_int_ge(sd_bus_message_exit_container(reply), 0);
}

START_TEST(test_advice) {
        Call call = { 0 };

        api_call(caller, &call, true, "Advice", "");
        api_run_until(&call.answered);
        ck_assert_str_eq(call.error, "");
        ck_assert_int_gt(sd_bus_message_enter_container(call.reply, 'a', "a{sv}"), 0);
        expect_advice(call.reply, "Give it a ROM, größer.", "<rom file='x'/>", "a page");
        expect_advice(call.reply, "Take care.", "", "a book");
        ck_assert_int_eq(sd_bus_message_at_end(call.reply, false), 1);
        sd_bus_message_unref(call.reply);
        ck_assert_uint_eq(api_fixture.n_questions, 0); /* nobody is asked */
}
END_TEST

/* The value of @key in an a{sv}, as it stands in the message. */
static void enter(sd_bus_message *reply, const char *expected, const char *contents) {
        const char *key;

        ck_assert_int_gt(sd_bus_message_enter_container(reply, 'e', "sv"), 0);
        ck_assert_int_gt(sd_bus_message_read(reply, "s", &key), 0);
        ck_assert_str_eq(key, expected);
        ck_assert_int_gt(sd_bus_message_enter_container(reply, 'v', contents), 0);
        ck_assert_int_gt(sd_bus_message_enter_container(reply, 'a', contents + 1), 0);
}

static void leave(sd_bus_message *reply) {
        for (int i = 0; i < 3; i++)
                ck_assert_int_ge(sd_bus_message_exit_container(reply), 0);
}

static void expect_member(sd_bus_message *reply, const char *address, const char *part) {
        uint32_t class_code;
        const char *key;

        ck_assert_int_gt(sd_bus_message_enter_container(reply, 'a', "{sv}"), 0);
        api_expect_text(reply, "address", address);
        ck_assert_int_gt(sd_bus_message_read(reply, "{sv}", &key, "u", &class_code), 0);
        api_expect_text(reply, "driver", streq(part, "blocks") ? "nvme" : "");
        api_expect_text(reply, "part", part);
        ck_assert_int_ge(sd_bus_message_exit_container(reply), 0);
}

static void expect_group(sd_bus_message *reply) {
        const char *key, *region;
        int number, viable, more;

        ck_assert_int_gt(sd_bus_message_enter_container(reply, 'a', "{sv}"), 0);
        ck_assert_int_gt(sd_bus_message_read(reply, "{sv}", &key, "i", &number), 0);
        ck_assert_int_eq(number, 15);
        api_expect_text(reply, "type", "DMA");
        ck_assert_int_gt(sd_bus_message_read(reply, "{sv}{sv}", &key, "b", &viable, &key, "b", &more), 0);
        ck_assert_int_eq(viable, 0);
        api_expect_text(reply, "problem", "");
        enter(reply, "members", "aa{sv}");
        expect_member(reply, "0000:01:00.0", "card");
        expect_member(reply, "0000:02:00.0", "blocks");
        expect_member(reply, "0000:03:00.0", "passive");
        leave(reply);
        enter(reply, "reserved_regions", "as");
        ck_assert_int_gt(sd_bus_message_read(reply, "s", &region), 0);
        ck_assert_str_eq(region, "0xfee00000-0xfeefffff msi");
        leave(reply);
        ck_assert_int_ge(sd_bus_message_exit_container(reply), 0);
}

static void expect_port(sd_bus_message *reply) {
        const char *key, *missing;
        int alias;

        ck_assert_int_gt(sd_bus_message_enter_container(reply, 'a', "{sv}"), 0);
        api_expect_text(reply, "address", "0000:00:01.0");
        api_expect_text(reply, "kind", "root-port");
        api_expect_text(reply, "acs", "incomplete");
        ck_assert_int_gt(sd_bus_message_read(reply, "{sv}", &key, "b", &alias), 0);
        api_expect_text(reply, "problem", "");
        enter(reply, "acs_missing", "as");
        ck_assert_int_gt(sd_bus_message_read(reply, "s", &missing), 0);
        ck_assert_str_eq(missing, "source validation");
        ck_assert_int_gt(sd_bus_message_read(reply, "s", &missing), 0);
        ck_assert_str_eq(missing, "upstream forwarding");
        leave(reply);
        ck_assert_int_ge(sd_bus_message_exit_container(reply), 0);
}

START_TEST(test_isolation) {
        Isolation *isolation = &api_fixture.isolation;
        Call call = { 0 };

        isolation->card.n_functions = 1;
        isolation->card.functions[0].address.bus = 1;
        isolation->card.functions[0].iommu_group = 15;
        isolation->card.n_group_members = 2;
        isolation->card.group_members[0] = (GroupMember){ .address = { .bus = 2 }, .iommu_group = 15, .driver = "nvme" };
        isolation->card.group_members[1] = (GroupMember){ .address = { .bus = 3 }, .iommu_group = 15 };
        isolation->n_groups = 1;
        isolation->groups[0] = (GroupFacts){ .number = 15, .type = "DMA", .n_regions = 1,
                                             .regions = { "0xfee00000-0xfeefffff msi" } };
        isolation->n_ports = 1;
        isolation->ports[0] = (PortFacts){ .address = { .slot = 1 }, .kind = PORT_ROOT, .acs = ACS_INCOMPLETE,
                                           .acs_missing = ACS_SOURCE_VALIDATION | ACS_UPSTREAM_FORWARDING };
        api_call(caller, &call, true, "Isolation", "");
        api_run_until(&call.answered);
        ck_assert_str_eq(call.error, "");
        ck_assert_int_gt(sd_bus_message_enter_container(call.reply, 'a', "{sv}"), 0);
        enter(call.reply, "groups", "aa{sv}");
        expect_group(call.reply);
        leave(call.reply);
        enter(call.reply, "ports", "aa{sv}");
        expect_port(call.reply);
        leave(call.reply);
        sd_bus_message_unref(call.reply);
        ck_assert_uint_eq(api_fixture.n_questions, 0); /* nobody is asked */
}
END_TEST

START_TEST(test_outcomes) {
        size_t n = 0;
        Call call = { 0 };

        api_fixture.n_outcomes = RESET_OUTCOME_ROWS_MAX;
        api_call(caller, &call, false, "Outcomes", "");
        api_run_until(&call.answered);
        ck_assert_str_eq(call.error, "");
        ck_assert_int_gt(sd_bus_message_enter_container(call.reply, 'a', "a{sv}"), 0);
        for (; sd_bus_message_enter_container(call.reply, 'a', "{sv}") > 0; n++) {
                const char *tries, *successes, *failures;
                uint64_t n_tries, n_successes, n_failures;
                char family[FAMILY_NAME_SIZE] = "";

                memset(family, 'f', sizeof(family) - 1);
                api_expect_text(call.reply, "vendor_id", "0002");
                api_expect_text(call.reply, "device_id", "67df");
                api_expect_text(call.reply, "subsystem_vendor_id", "0000");
                api_expect_text(call.reply, "subsystem_device_id", "0000");
                api_expect_text(call.reply, "family", family);
                api_expect_text(call.reply, "kernel", "6.12");
                api_expect_text(call.reply, "method", "flr");
                ck_assert_int_gt(sd_bus_message_read(call.reply, "{sv}{sv}{sv}", &tries, "t", &n_tries, &successes, "t",
                                                     &n_successes, &failures, "t", &n_failures), 0);
                ck_assert_str_eq(tries, "tries");
                ck_assert_str_eq(successes, "successes");
                ck_assert_str_eq(failures, "failures");
                ck_assert_uint_eq(n_tries, n);
                ck_assert_uint_eq(n_successes, 0);
                ck_assert_uint_eq(n_failures, INT64_MAX);
                ck_assert_int_ge(sd_bus_message_exit_container(call.reply), 0);
        }
        ck_assert_uint_eq(n, RESET_OUTCOME_ROWS_MAX);
        sd_bus_message_unref(call.reply);
        ck_assert_uint_eq(api_fixture.n_questions, 0); /* nobody is asked */
}
END_TEST

START_TEST(test_outcomes_cannot_be_read) {
        Call call = { 0 };

        api_fixture.n_outcomes = 1;
        api_fixture.outcomes_error = -EIO;
        api_call(caller, &call, false, "Outcomes", "");
        api_answered(&call);
        ck_assert_str_eq(call.error, GPUSWITCH_ERROR_FAILED);
        ck_assert_str_eq(call.text, "what has come of resets could not be read in " GPUSWITCH_STORE_PATH
                                    ": Input/output error");
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("api/bus-history");
        TCase *tests = tcase_create("bus-history");

        tcase_set_timeout(tests, 60);
        tcase_add_checked_fixture(tests, setup, teardown);
        tcase_add_test(tests, test_evidence);
        tcase_add_test(tests, test_evidence_is_signalled);
        tcase_add_test(tests, test_advice);
        tcase_add_test(tests, test_isolation);
        tcase_add_test(tests, test_outcomes);
        tcase_add_test(tests, test_outcomes_cannot_be_read);
        suite_add_tcase(suite, tests);
        return suite;
}

API_MAIN(make_suite)
