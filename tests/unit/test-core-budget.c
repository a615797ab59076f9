/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How many reboots are left, told from what virtwatch says in every order that can happen. */

#include "core/budget.h"

#include "check-main.h"
#include "core/rule.h"

#define VM "4dea22b3-1d52-d8f3-2516-782e98ab3fa0"
#define BEGUN (1000 * USEC_PER_SEC) /* of the claim */
#define AT(seconds) (BEGUN + (seconds) *USEC_PER_SEC)

static Lease lease;

static void setup(void) {
        lease = (Lease){ 0 };
        lease_take_domain(&lease, VM, "bumpy", BEGUN);
}

static void expect_left(uint32_t left) {
        Budget budget = budget_of(&lease, 2, true);

        ck_assert(budget.limited);
        ck_assert(budget.counted);
        ck_assert_uint_eq(budget.limit, 2);
        ck_assert_uint_eq(budget.left, left);
}

static void expect_not_counted(void) {
        Budget budget = budget_of(&lease, 2, true);

        ck_assert(budget.limited);
        ck_assert(!budget.counted);
        ck_assert_uint_eq(budget.left, 0);
}

START_TEST(two_reboots_and_no_more) {
        expect_left(2);
        budget_started(&lease);
        expect_left(2);
        ck_assert(budget_reset(&lease, AT(100)));
        expect_left(1);
        ck_assert(budget_reset(&lease, AT(200)));
        expect_left(0);
        ck_assert(budget_reset(&lease, AT(300)));
        expect_left(0);
        /* The next QEMU process has all of them again. */
        ck_assert(lease_drop_domain(&lease, VM));
        expect_left(2);
        lease_take_domain(&lease, VM, "bumpy", AT(400));
        budget_started(&lease);
        expect_left(2);
        ck_assert(budget_reset(&lease, AT(401)));
        expect_left(1);
}
END_TEST

START_TEST(limits) {
        budget_started(&lease);
        ck_assert(!budget_of(&lease, GUEST_REBOOTS_UNLIMITED, false).limited);
        ck_assert_uint_eq(budget_of(&lease, 0, true).left, 0);
        ck_assert(budget_of(&lease, 0, true).counted);
        ck_assert_uint_eq(budget_of(&lease, 1, true).left, 1);
        ck_assert_uint_eq(budget_of(&lease, 1000, true).left, 1000);
}
END_TEST

/* SeaBIOS answers a reset by the guest with one of its own. */
START_TEST(resets_of_one_reboot) {
        budget_started(&lease);
        ck_assert_uint_eq(budget_settled_usec(&lease), 0);
        ck_assert(budget_reset(&lease, AT(100)));
        ck_assert_uint_eq(budget_settled_usec(&lease), AT(105));
        ck_assert(!budget_reset(&lease, AT(100))); /* told twice */
        ck_assert(!budget_reset(&lease, AT(101)));
        ck_assert(!budget_reset(&lease, AT(104)));
        ck_assert(!budget_reset(&lease, AT(50)));
        expect_left(1);
        /* The time runs from the first of them: a guest that resets itself for ever is not one reboot. */
        ck_assert(budget_reset(&lease, AT(105)));
        expect_left(0);
}
END_TEST

START_TEST(reset_of_the_run_before) {
        budget_started(&lease);
        ck_assert(!budget_reset(&lease, BEGUN - 1));
        expect_left(2);
}
END_TEST

START_TEST(told_twice_that_it_has_started) {
        budget_started(&lease);
        budget_started(&lease);
        expect_left(2);
        ck_assert(budget_reset(&lease, AT(10)));
        budget_started(&lease);
        expect_left(1);
}
END_TEST

START_TEST(nobody_saw_it_start) {
        ck_assert(budget_reset(&lease, AT(60)));
        expect_not_counted();
        ck_assert(budget_reset(&lease, AT(70))); /* no number comes out of it again */
        expect_not_counted();
        budget_started(&lease);
        expect_not_counted();
}
END_TEST

/* libvirt's machines that start at boot: the first that virtwatch hears of them is its list. */
START_TEST(listed_soon_after_its_start) {
        budget_seen_running(&lease, AT(30));
        expect_left(2);
        budget_seen_running(&lease, AT(1000));
        expect_left(2);
}
END_TEST

START_TEST(listed_late) {
        budget_seen_running(&lease, AT(30) + 1);
        expect_not_counted();
        budget_seen_running(&lease, AT(40));
        expect_not_counted();
}
END_TEST

START_TEST(watch_with_a_gap) {
        budget_watch_began(&lease, AT(500)); /* the start is still to come */
        expect_left(2);
        budget_started(&lease);
        budget_watch_began(&lease, BEGUN - 1); /* a daemon that was started anew is told again since when */
        budget_watch_began(&lease, AT(30));
        expect_left(2);
        budget_watch_began(&lease, AT(30) + 1);
        expect_not_counted();
}
END_TEST

START_TEST(nobody_watches) {
        budget_started(&lease);
        Budget budget = budget_of(&lease, 2, false);
        ck_assert(!budget.counted);
        ck_assert_uint_eq(budget.left, 0);
        /* Without a VM there is nothing to count. */
        ck_assert(lease_drop_domain(&lease, VM));
        ck_assert_uint_eq(budget_of(&lease, 2, false).left, 2);
        ck_assert(budget_of(&lease, 2, false).counted);
}
END_TEST

/* Started, and not even its first boot on record: a store of a version that did not count it. */
START_TEST(started_and_never_counted) {
        lease.started = true;
        expect_not_counted();
}
END_TEST

START_TEST(counts_do_not_wrap) {
        budget_started(&lease);
        lease.n_guest_boots = GUEST_BOOTS_UNKNOWN - 1;
        ck_assert_uint_eq(budget_of(&lease, 1000, true).left, 0);
        ck_assert(budget_reset(&lease, AT(1)));
        ck_assert(budget_reset(&lease, AT(11)));
        ck_assert_uint_eq(lease.n_guest_boots, GUEST_BOOTS_UNKNOWN);
        expect_not_counted();
}
END_TEST

static const struct {
        const char *reason;
        GuestEnd end;
} ends[] = {
        { "shutdown", GUEST_END_CLEAN },   { "migrated", GUEST_END_CLEAN },      { "saved", GUEST_END_CLEAN },
        { "destroyed", GUEST_END_DIRTY },  { "from-snapshot", GUEST_END_CLEAN }, { "crashed", GUEST_END_DIRTY },
        { "failed", GUEST_END_DIRTY },     { "daemon", GUEST_END_DIRTY },        { "-", GUEST_END_UNKNOWN },
        { "unknown", GUEST_END_UNKNOWN },  { "", GUEST_END_UNKNOWN },            { "destroyed ", GUEST_END_UNKNOWN },
};

START_TEST(ends_of_guests) {
        for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
                ck_assert_msg(guest_end_of_reason(ends[i].reason) == ends[i].end, "'%s'", ends[i].reason);
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("core-budget");
        TCase *tcase = tcase_create("all");

        tcase_add_checked_fixture(tcase, setup, NULL);
        tcase_add_test(tcase, two_reboots_and_no_more);
        tcase_add_test(tcase, limits);
        tcase_add_test(tcase, resets_of_one_reboot);
        tcase_add_test(tcase, reset_of_the_run_before);
        tcase_add_test(tcase, told_twice_that_it_has_started);
        tcase_add_test(tcase, nobody_saw_it_start);
        tcase_add_test(tcase, listed_soon_after_its_start);
        tcase_add_test(tcase, listed_late);
        tcase_add_test(tcase, watch_with_a_gap);
        tcase_add_test(tcase, nobody_watches);
        tcase_add_test(tcase, started_and_never_counted);
        tcase_add_test(tcase, counts_do_not_wrap);
        tcase_add_test(tcase, ends_of_guests);
        suite_add_tcase(suite, tcase);
        return suite;
}

CHECK_MAIN(make_suite)
