/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inhibitors: by themselves, and as programs take and release them over the bus. */

#include "api-fixture.h"

#include <string.h>

#include "base/macros.h"
#include "base/text.h"
#include "gpuswitch/names.h"

static const PciAddress card = { .bus = 1 }, other_card = { .bus = 2 };
static sd_bus *caller;

static void setup(void) {
        api_fixture_setup();
        caller = api_caller(0);
}

static void teardown(void) {
        (void) api_caller_leaves(caller);
        api_fixture_teardown();
}

/* --- by themselves --- */

static int take(uid_t uid, InhibitMode mode, bool all, const char *who, int *ret_fd) {
        Inhibitor inhibitor = { .uid = uid, .mode = mode, .all = all, .card = card };

        (void) text_copy(inhibitor.who, sizeof(inhibitor.who), who);
        return inhibitors_take(api_fixture.inhibitors, &inhibitor, ret_fd);
}

static size_t n_inhibitors(void) {
        size_t n = 0;

        while (inhibitors_get(api_fixture.inhibitors, n))
                n++;
        return n;
}

START_TEST(test_limits) {
        int fds[INHIBITORS_MAX], fd = -EBADF;

        for (size_t i = 0; i < INHIBITORS_MAX; i++) {
                uid_t uid = (uid_t) (i / INHIBITORS_PER_USER_MAX);
                ck_assert_int_eq(take(uid, INHIBIT_DELAY, true, "x", &fds[i]), 0);
                if (i % INHIBITORS_PER_USER_MAX == INHIBITORS_PER_USER_MAX - 1)
                        ck_assert_int_eq(take(uid, INHIBIT_DELAY, true, "x", &fd), INHIBIT_E_USER_LIMIT);
        }
        ck_assert_int_eq(take(4711, INHIBIT_DELAY, true, "x", &fd), INHIBIT_E_LIMIT);
        ck_assert_uint_eq(n_inhibitors(), INHIBITORS_MAX);
        ck_assert_int_eq(fd, -EBADF);

        close(fds[17]);
        api_run_until_equal(&api_fixture.n_released, 1);
        ck_assert_int_eq(take(4711, INHIBIT_DELAY, true, "x", &fds[17]), 0);
        for (size_t i = 0; i < INHIBITORS_MAX; i++)
                close(fds[i]);
        api_run_until_equal(&api_fixture.n_released, INHIBITORS_MAX + 1);
        ck_assert_uint_eq(n_inhibitors(), 0);
}
END_TEST

/* The oldest that speaks of this card, or of all. */
START_TEST(test_find) {
        Inhibitors *inhibitors = api_fixture.inhibitors;
        int one, all, delay;

        ck_assert_ptr_null(inhibitors_find(inhibitors, card, INHIBIT_BLOCK));
        ck_assert_int_eq(take(1, INHIBIT_BLOCK, false, "one", &one), 0);
        ck_assert_int_eq(take(1, INHIBIT_BLOCK, true, "all", &all), 0);
        ck_assert_int_eq(take(1, INHIBIT_DELAY, false, "delay", &delay), 0);
        ck_assert_str_eq(inhibitors_find(inhibitors, card, INHIBIT_BLOCK)->who, "one");
        ck_assert_str_eq(inhibitors_find(inhibitors, other_card, INHIBIT_BLOCK)->who, "all");
        ck_assert_str_eq(inhibitors_find(inhibitors, card, INHIBIT_DELAY)->who, "delay");
        ck_assert_ptr_null(inhibitors_find(inhibitors, other_card, INHIBIT_DELAY));

        /* What is written does not release it; a second copy keeps it. */
        int copy = dup(one);
        ck_assert_int_eq(write(one, "xyz", 3), 3);
        close(one);
        close(all);
        api_run_until_equal(&api_fixture.n_released, 1);
        ck_assert_str_eq(inhibitors_find(inhibitors, card, INHIBIT_BLOCK)->who, "one");
        ck_assert_ptr_null(inhibitors_find(inhibitors, other_card, INHIBIT_BLOCK));
        close(copy);
        api_run_until_equal(&api_fixture.n_released, 2);
        ck_assert_ptr_null(inhibitors_find(inhibitors, card, INHIBIT_BLOCK));
        close(delay);
        api_run_until_equal(&api_fixture.n_released, 3);
}
END_TEST

/* --- over the bus --- */

/* Takes one; the descriptor is in the reply and lasts as long as that. */
static void inhibit(sd_bus *from, Call *call, const char *which, const char *mode) {
        api_call(from, call, false, "Inhibit", "ssss", which, "render farm", "a film", mode);
        api_run_until(&call->answered);
}

static void release(Call *call) {
        call->reply = sd_bus_message_unref(call->reply);
}

START_TEST(test_take_list_release) {
        const char *which, *who, *why, *mode;
        uint32_t uid, pid;
        Call call = { 0 }, list = { 0 };
        int fd;

        inhibit(caller, &call, "0000:01:00.1", "block");
        ck_assert_str_eq(call.error, "");
        ck_assert_int_gt(sd_bus_message_read(call.reply, "h", &fd), 0);
        ck_assert_int_ge(fd, 0);
        ck_assert_ptr_nonnull(inhibitors_find(api_fixture.inhibitors, card, INHIBIT_BLOCK));

        api_call(caller, &list, false, "ListInhibitors", "");
        api_run_until(&list.answered);
        ck_assert_int_gt(sd_bus_message_enter_container(list.reply, 'a', "(ssssuu)"), 0);
        ck_assert_int_gt(sd_bus_message_read(list.reply, "(ssssuu)", &which, &who, &why, &mode, &uid, &pid), 0);
        ck_assert_str_eq(which, "0000:01:00.0"); /* the card, whatever function was named */
        ck_assert_str_eq(who, "render farm");
        ck_assert_str_eq(why, "a film");
        ck_assert_str_eq(mode, "block");
        ck_assert_uint_eq(uid, 0);
        ck_assert_uint_eq(pid, (uint32_t) getpid());
        ck_assert_int_eq(sd_bus_message_at_end(list.reply, 0), 1);
        release(&list);

        release(&call);
        api_run_until_equal(&api_fixture.n_released, 1);
        ck_assert_uint_eq(n_inhibitors(), 0);
}
END_TEST

START_TEST(test_polkit) {
        sd_bus *user = api_caller(api_user(0));
        Call call = { 0 };

        api_call(user, &call, false, "Inhibit", "ssss", "", "render farm", "a film", "delay");
        api_run_until_equal(&api_fixture.n_questions, 1);
        ck_assert_str_eq(api_fixture.action, POLKIT_ACTION_INHIBIT_DELAY);
        ck_assert_uint_eq(n_inhibitors(), 0);
        api_polkit_answer(true);
        api_run_until(&call.answered);
        ck_assert_str_eq(call.error, "");
        const Inhibitor *taken = inhibitors_find(api_fixture.inhibitors, other_card, INHIBIT_DELAY);
        ck_assert_ptr_nonnull(taken);
        ck_assert_uint_eq(taken->uid, api_user(0));
        release(&call);
        api_run_until_equal(&api_fixture.n_released, 1);

        api_call(user, &call, false, "Inhibit", "ssss", "", "render farm", "a film", "block");
        api_run_until_equal(&api_fixture.n_questions, 2);
        ck_assert_str_eq(api_fixture.action, POLKIT_ACTION_INHIBIT_BLOCK);
        api_polkit_answer(false);
        api_answered(&call);
        ck_assert_str_eq(call.error, SD_BUS_ERROR_ACCESS_DENIED);
        ck_assert_uint_eq(n_inhibitors(), 0);
        (void) api_caller_leaves(user);
}
END_TEST

START_TEST(test_over_the_limit_on_the_bus) {
        static Call calls[INHIBITORS_PER_USER_MAX];
        sd_bus *second = api_caller(0), *user = api_caller(api_user(0));
        Call call = { 0 };

        for (size_t i = 0; i < INHIBITORS_PER_USER_MAX; i++) {
                inhibit(i % 2 ? caller : second, &calls[i], "", "delay");
                ck_assert_str_eq(calls[i].error, "");
        }
        api_call(second, &call, false, "Inhibit", "ssss", "", "one more", "to see", "delay");
        api_answered(&call);
        ck_assert_str_eq(call.error, SD_BUS_ERROR_LIMITS_EXCEEDED);
        ck_assert_ptr_nonnull(strstr(call.text, "this user has 16 inhibitors"));

        /* Another user has room. */
        api_call(user, &call, false, "Inhibit", "ssss", "", "render farm", "a film", "delay");
        api_run_until_equal(&api_fixture.n_questions, 1);
        api_polkit_answer(true);
        api_run_until(&call.answered);
        ck_assert_str_eq(call.error, "");
        ck_assert_uint_eq(n_inhibitors(), INHIBITORS_PER_USER_MAX + 1);

        release(&call);
        for (size_t i = 0; i < INHIBITORS_PER_USER_MAX; i++)
                release(&calls[i]);
        api_run_until_equal(&api_fixture.n_released, INHIBITORS_PER_USER_MAX + 1);
        (void) api_caller_leaves(second);
        (void) api_caller_leaves(user);
}
END_TEST

static char long_text[INHIBIT_TEXT_SIZE + 1];

static const struct {
        const char *card, *who, *why, *mode, *error, *words;
} bad[] = {
        { "", "w", "y", "stop", GPUSWITCH_ERROR_BAD_ARGUMENT, "'stop' is no mode: block or delay" },
        { "", "", "y", "block", GPUSWITCH_ERROR_BAD_ARGUMENT, "'who' is empty" },
        { "", "w", "", "block", GPUSWITCH_ERROR_BAD_ARGUMENT, "'why' is empty" },
        { "", "w\n", "y", "block", GPUSWITCH_ERROR_BAD_ARGUMENT, "'who' has a control character" },
        { "", "w", "\033[2J", "block", GPUSWITCH_ERROR_BAD_ARGUMENT, "'why' has a control character" },
        { "", long_text, "y", "block", GPUSWITCH_ERROR_BAD_ARGUMENT, "'who' has 128 bytes, more than 127" },
        { "", "w", long_text, "delay", GPUSWITCH_ERROR_BAD_ARGUMENT, "'why' has 128 bytes" },
        { "my-card", "w", "y", "block", GPUSWITCH_ERROR_BAD_ARGUMENT, "'my-card' is no PCI address" },
        { "0000:02:00.0", "w", "y", "block", GPUSWITCH_ERROR_NO_SUCH_GPU, "0000:02:00.0 is not a GPU" },
};

START_TEST(test_bad_arguments) {
        Call call = { 0 };

        memset(long_text, 'x', INHIBIT_TEXT_SIZE);
        api_call(caller, &call, false, "Inhibit", "ssss", bad[_i].card, bad[_i].who, bad[_i].why, bad[_i].mode);
        api_answered(&call);
        ck_assert_str_eq(call.error, bad[_i].error);
        ck_assert_msg(strstr(call.text, bad[_i].words), "'%s' is not in: %s", bad[_i].words, call.text);
        ck_assert_uint_eq(n_inhibitors(), 0);
}
END_TEST

/* --- the signal --- */

typedef struct Heard {
        unsigned n;
        char text[256];
} Heard;

static int on_prepare(sd_bus_message *message, void *userdata, sd_bus_error *ret_error) {
        const char *which, *to;
        Heard *heard = userdata;
        uint64_t deadline;
        int begin;

        ck_assert_int_gt(sd_bus_message_read(message, "sstb", &which, &to, &deadline, &begin), 0);
        ck_assert_str_eq(sd_bus_message_get_path(message), FIXTURE_GPU_PATH);
        ck_assert_int_eq(text_format(heard->text, sizeof(heard->text), "%s %s %u %d", which, to, (unsigned) deadline,
                                     begin), 0);
        heard->n++;
        return 0;
}

static int on_matched(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error) {
        *(bool *) userdata = true;
        return 0;
}

START_TEST(test_prepare_for_switch) {
        static bool matched;
        Heard heard = { 0 };
        sd_bus *listener = api_caller(api_user(0));

        matched = false;
        ck_assert_int_ge(sd_bus_add_match(listener, NULL,
                                          "type='signal',interface='org.gpuswitch1.GPU',member='PrepareForSwitch'",
                                          on_prepare, &heard), 0);
        ck_assert_int_ge(sd_bus_call_method_async(listener, NULL, "org.freedesktop.DBus", "/org/freedesktop/DBus",
                                                  "org.freedesktop.DBus", "GetId", on_matched, &matched, NULL), 0);
        api_run_until(&matched);
        api_bus_prepare_for_switch(api_fixture.bus, card, DIRECTION_GUEST, 12345, true);
        api_run_until_equal(&heard.n, 1);
        ck_assert_str_eq(heard.text, "0000:01:00.0 guest 12345 1");
        api_bus_prepare_for_switch(api_fixture.bus, other_card, DIRECTION_GUEST, 12345, true); /* there is none */
        api_bus_prepare_for_switch(api_fixture.bus, card, DIRECTION_HOST, 0, false);
        api_run_until_equal(&heard.n, 2);
        ck_assert_str_eq(heard.text, "0000:01:00.0 host 0 0");
        (void) api_caller_leaves(listener);
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("api-inhibitor");
        TCase *tcase = tcase_create("inhibitor");

        tcase_set_timeout(tcase, 60);
        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_test(tcase, test_limits);
        tcase_add_test(tcase, test_find);
        tcase_add_test(tcase, test_take_list_release);
        tcase_add_test(tcase, test_polkit);
        tcase_add_test(tcase, test_over_the_limit_on_the_bus);
        tcase_add_loop_test(tcase, test_bad_arguments, 0, (int) ELEMENTSOF(bad));
        tcase_add_test(tcase, test_prepare_for_switch);
        suite_add_tcase(suite, tcase);
        return suite;
}
API_MAIN(make_suite)
