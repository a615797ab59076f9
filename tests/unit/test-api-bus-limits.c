/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How much one caller, one user, and all of them may ask of the daemon at once, and how large what they say may be. */

#include "api-fixture.h"

#include <string.h>

#include "base/macros.h"
#include "base/text.h"
#include "gpuswitch/names.h"

#define USER api_user(0)
#define LIMITS_EXCEEDED SD_BUS_ERROR_LIMITS_EXCEEDED

static Call calls[REQUESTS_MAX + START_REQUESTS_MAX];
static sd_bus *connections[64];
static size_t n_connections;

static void setup(void) {
        n_connections = 0;
        api_fixture_setup();
}

static void teardown(void) {
        for (size_t i = 0; i < n_connections; i++)
                (void) api_caller_leaves(connections[i]);
        api_fixture_teardown();
}

static sd_bus *connect_as(uid_t uid) {
        ck_assert_uint_lt(n_connections, ELEMENTSOF(connections));
        return connections[n_connections++] = api_caller(uid);
}

/* @n calls by one caller that get no answer. */
static void ask_plans(sd_bus *caller, size_t n) {
        static Call lost = { .held = true };
        size_t before = api_n_held();

        for (size_t i = 0; i < n; i++)
                api_call(caller, &lost, true, "Plan", "s", "guest");
        api_run_until_held(before + n);
}

static void ask_starts(sd_bus *caller, size_t n) {
        static Call lost = { .held = true };
        size_t before = api_n_held();

        for (size_t i = 0; i < n; i++)
                api_call(caller, &lost, false, "PrepareDomain", "ssas", FIXTURE_UUID, "vm", 1, "0000:01:00.0");
        api_run_until_held(before + n);
}

static void expect_limit(const Call *call, const char *whose, const char *number) {
        ck_assert(call->answered);
        ck_assert_str_eq(call->error, LIMITS_EXCEEDED);
        ck_assert_msg(strstr(call->text, whose) && strstr(call->text, number), "'%s' names not %s and %s", call->text,
                      whose, number);
}

START_TEST(test_one_caller) {
        sd_bus *caller = connect_as(USER);
        Call call = { 0 };

        ask_plans(caller, REQUESTS_PER_CALLER_MAX);
        api_call(caller, &call, true, "Plan", "s", "guest");
        api_answered(&call);
        expect_limit(&call, "this caller", "32");
        ask_plans(connect_as(USER), 1); /* another connection of the same user */
        waiters_done(&api_fixture.held[0]);
        ask_plans(caller, 1); /* after the answers there is room */
}
END_TEST

START_TEST(test_one_user) {
        Call call = { 0 };

        for (size_t i = 0; i < REQUESTS_PER_USER_MAX / REQUESTS_PER_CALLER_MAX; i++)
                ask_plans(connect_as(USER), REQUESTS_PER_CALLER_MAX);
        api_call(connect_as(USER), &call, true, "Plan", "s", "guest");
        api_answered(&call);
        expect_limit(&call, "this user", "64");
        ask_plans(connect_as(api_user(1)), 1);
}
END_TEST

/* Root and the starts of virtual machines have shares of their own. */
START_TEST(test_all_users) {
        sd_bus *root = connect_as(0);
        Call call = { 0 };

        for (size_t i = 0; i < REQUESTS_MAX / REQUESTS_PER_CALLER_MAX; i++)
                ask_plans(connect_as(api_user(i / 2)), REQUESTS_PER_CALLER_MAX);
        api_call(connect_as(api_user(5)), &call, true, "Plan", "s", "guest");
        api_answered(&call);
        expect_limit(&call, "all users together", "256");
        ask_plans(root, 1);
        ask_starts(root, 1);

        api_call(connect_as(api_user(5)), &call, true, "ToGuest", "a{sv}", 0);
        api_answered(&call);
        expect_limit(&call, "all users together", "256");
        ck_assert_uint_eq(api_fixture.n_questions, 0); /* and polkit is not troubled */
}
END_TEST

/* A release comes through when nothing else does: without it a card would stay with a guest that has gone. */
START_TEST(test_starts) {
        sd_bus *root = NULL;
        Call call = { 0 };

        for (size_t i = 0; i < START_REQUESTS_MAX / REQUESTS_PER_CALLER_MAX; i++)
                ask_starts(root = connect_as(0), REQUESTS_PER_CALLER_MAX);
        api_call(root, &call, false, "PrepareDomain", "ssas", FIXTURE_UUID, "vm", 0);
        api_answered(&call);
        expect_limit(&call, "this caller", "32");
        api_call(connect_as(0), &call, false, "PrepareDomain", "ssas", FIXTURE_UUID, "vm", 0);
        api_answered(&call);
        expect_limit(&call, "starts of virtual machines", "256");
        api_call(root, &call, false, "ReleaseDomain", "ss", FIXTURE_UUID, "stopped");
        api_answered(&call);
        ck_assert_str_eq(call.error, "");
        api_call(root, &call, false, "DomainEvent", "sss", FIXTURE_UUID, "stopped", "");
        api_answered(&call);
        ck_assert_str_eq(call.error, "");
        ask_plans(connect_as(USER), 1);
}
END_TEST

/* What waits for a person counts too, and goes from the screen with its caller. */
START_TEST(test_questions) {
        sd_bus *caller = connect_as(USER), *other;
        Call call = { 0 };

        for (size_t i = 0; i < REQUESTS_PER_CALLER_MAX; i++)
                api_call(caller, &calls[i], true, "ToGuest", "a{sv}", 0);
        api_run_until_equal(&api_fixture.n_questions, REQUESTS_PER_CALLER_MAX);
        ck_assert_str_eq(api_fixture.action, POLKIT_ACTION_SWITCH);
        api_call(caller, &call, false, "Reload", "");
        api_answered(&call);
        expect_limit(&call, "this caller", "32");
        n_connections--;
        (void) api_caller_leaves(caller);
        api_run_until_equal(&api_fixture.n_cancelled, REQUESTS_PER_CALLER_MAX);
        ck_assert_uint_eq(api_fixture.n_asked, 0);

        /* All of the user's room is there again. */
        for (size_t i = 0; i < REQUESTS_PER_USER_MAX / REQUESTS_PER_CALLER_MAX; i++)
                ask_plans(other = connect_as(USER), REQUESTS_PER_CALLER_MAX);
        api_call(other, &call, true, "Plan", "s", "guest");
        api_answered(&call);
        expect_limit(&call, "this caller", "32");
}
END_TEST

START_TEST(test_polkit_says_no_and_yes) {
        sd_bus *caller = connect_as(USER);
        Call call = { 0 };

        for (unsigned i = 1; i <= REQUESTS_PER_CALLER_MAX + 1; i++) {
                api_call(caller, &call, true, "Reset", "a{sv}", 0);
                api_run_until_equal(&api_fixture.n_questions, i);
                ck_assert_str_eq(api_fixture.action, POLKIT_ACTION_RESET);
                api_polkit_answer(false);
                api_answered(&call);
                ck_assert_str_eq(call.error, SD_BUS_ERROR_ACCESS_DENIED);
        }
        ck_assert_uint_eq(api_fixture.n_asked, 0);
        api_call(caller, &call, true, "Reset", "a{sv}", 0);
        api_run_until_equal(&api_fixture.n_questions, REQUESTS_PER_CALLER_MAX + 2);
        api_polkit_answer(true);
        api_run_until_held(1);
        waiters_done(&api_fixture.held[0]);
        api_answered(&call);
        ck_assert_str_eq(call.error, "");
        ck_assert_uint_eq(api_fixture.n_cancelled, 0);
}
END_TEST

/* The operation is the manager's and goes on; only who waited for it is forgotten. */
START_TEST(test_caller_leaves_the_manager) {
        sd_bus *caller = connect_as(USER), *other = connect_as(USER);

        ask_plans(other, 1);
        ask_plans(caller, 5);
        n_connections -= 2;
        (void) api_caller_leaves(caller);
        api_run_until_held(1);
        ck_assert_uint_eq(api_fixture.n_asked, 6);
        (void) api_caller_leaves(other);
        api_run_until_held(0);
}
END_TEST

START_TEST(test_domain_methods_are_for_root) {
        sd_bus *caller = connect_as(USER);
        Call call = { 0 };

        api_call(caller, &call, false, "ReleaseDomain", "ss", FIXTURE_UUID, "stopped");
        api_answered(&call);
        ck_assert_str_eq(call.error, SD_BUS_ERROR_ACCESS_DENIED);
        ck_assert_ptr_nonnull(strstr(call.text, "ReleaseDomain"));
        api_call(caller, &call, false, "PrepareDomain", "ssas", FIXTURE_UUID, "vm", 1, "0000:01:00.0");
        api_answered(&call);
        ck_assert_str_eq(call.error, SD_BUS_ERROR_ACCESS_DENIED);
        ck_assert_uint_eq(api_fixture.n_asked, 0);
}
END_TEST

static void expect_bad_argument(Call *call, const char *words) {
        api_answered(call);
        ck_assert_str_eq(call->error, GPUSWITCH_ERROR_BAD_ARGUMENT);
        ck_assert_msg(strstr(call->text, words), "'%s' is not in: %s", words, call->text);
        ck_assert_uint_lt(strlen(call->text), 256);
}

static sd_bus_message *new_call(sd_bus *caller, const char *member) {
        sd_bus_message *message = NULL;

        ck_assert_int_ge(sd_bus_message_new_method_call(caller, &message, GPUSWITCH_BUS_NAME, GPUSWITCH_BUS_PATH,
                                                        GPUSWITCH_MANAGER_INTERFACE, member), 0);
        return message;
}

static void start_with_addresses(sd_bus *caller, Call *call, unsigned n) {
        sd_bus_message *message = new_call(caller, "PrepareDomain");

        ck_assert_int_ge(sd_bus_message_append(message, "ss", FIXTURE_UUID, "vm"), 0);
        ck_assert_int_ge(sd_bus_message_open_container(message, 'a', "s"), 0);
        for (unsigned i = 0; i < n; i++)
                ck_assert_int_ge(sd_bus_message_append(message, "s", "0000:01:00.0"), 0);
        ck_assert_int_ge(sd_bus_message_close_container(message), 0);
        api_send(caller, call, message);
}

START_TEST(test_addresses_of_a_domain) {
        sd_bus *root = connect_as(0);
        Call call = { 0 }, kept = { .held = true };

        start_with_addresses(root, &call, DOMAIN_ADDRESSES_MAX + 1);
        expect_bad_argument(&call, "more than 64 PCI addresses");
        ck_assert_uint_eq(api_fixture.n_asked, 0);
        start_with_addresses(root, &kept, DOMAIN_ADDRESSES_MAX);
        api_run_until_held(1);
}
END_TEST

static void sync_with_domains(sd_bus *caller, Call *call, unsigned n, const char *name) {
        sd_bus_message *message = new_call(caller, "SyncDomains");

        ck_assert_int_ge(sd_bus_message_append(message, "t", (uint64_t) 1), 0);
        ck_assert_int_ge(sd_bus_message_open_container(message, 'a', "(ssas)"), 0);
        for (unsigned i = 0; i < n; i++)
                ck_assert_int_ge(sd_bus_message_append(message, "(ssas)", FIXTURE_UUID, name, 1, "0000:01:00.0"), 0);
        ck_assert_int_ge(sd_bus_message_close_container(message), 0);
        api_send(caller, call, message);
}

START_TEST(test_domains_in_a_list) {
        sd_bus *root = connect_as(0);
        Call call = { 0 };

        sync_with_domains(root, &call, DOMAINS_MAX + 1, "vm");
        expect_bad_argument(&call, "more than 1024 domains");
        ck_assert_uint_eq(api_fixture.n_asked, 0);
        sync_with_domains(root, &call, DOMAINS_MAX, "vm");
        api_answered(&call);
        ck_assert_str_eq(call.error, "");
        ck_assert_uint_eq(api_fixture.n_running, DOMAINS_MAX);
}
END_TEST

/* Text that is kept in fixed room, and text that only comes back in a message. */
START_TEST(test_long_texts) {
        static char name[DOMAIN_NAME_SIZE + 1], reason[MESSAGE_TEXT_SIZE + 1];
        sd_bus *root = connect_as(0);
        Call call = { 0 }, kept = { .held = true };

        memset(name, 'n', DOMAIN_NAME_SIZE);
        memset(reason, 'r', MESSAGE_TEXT_SIZE);
        api_call(root, &call, false, "PrepareDomain", "ssas", FIXTURE_UUID, name, 0);
        expect_bad_argument(&call, "name of the domain has 256 bytes, more than 255");
        sync_with_domains(root, &call, 1, name);
        expect_bad_argument(&call, "name of the domain has 256 bytes");
        api_call(root, &call, false, "ReleaseDomain", "ss", FIXTURE_UUID, reason);
        expect_bad_argument(&call, "reason has 1024 bytes, more than 1023");
        api_call(root, &call, false, "DomainEvent", "sss", FIXTURE_UUID, "stopped", reason);
        expect_bad_argument(&call, "detail has 1024 bytes");
        api_call(root, &call, false, "ReleaseDomain", "ss", reason, "");
        expect_bad_argument(&call, "is no UUID");
        api_call(root, &call, true, "Plan", "s", reason);
        expect_bad_argument(&call, "is no direction");
        api_call(root, &call, true, "ToHost", "a{sv}", 1, reason, "b", 1);
        expect_bad_argument(&call, "is no option");
        ck_assert_uint_eq(api_fixture.n_asked, 0);

        name[DOMAIN_NAME_SIZE - 1] = '\0';
        api_call(root, &kept, false, "PrepareDomain", "ssas", FIXTURE_UUID, name, 0);
        api_run_until_held(1);
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("api-bus-limits");
        TCase *tcase = tcase_create("limits");

        tcase_set_timeout(tcase, 60);
        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_test(tcase, test_one_caller);
        tcase_add_test(tcase, test_one_user);
        tcase_add_test(tcase, test_all_users);
        tcase_add_test(tcase, test_starts);
        tcase_add_test(tcase, test_questions);
        tcase_add_test(tcase, test_polkit_says_no_and_yes);
        tcase_add_test(tcase, test_caller_leaves_the_manager);
        tcase_add_test(tcase, test_domain_methods_are_for_root);
        tcase_add_test(tcase, test_addresses_of_a_domain);
        tcase_add_test(tcase, test_domains_in_a_list);
        tcase_add_test(tcase, test_long_texts);
        suite_add_tcase(suite, tcase);
        return suite;
}
API_MAIN(make_suite)
