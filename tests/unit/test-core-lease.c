/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who has a claim: VMs exclude each other, a person's claim may be borrowed, late events end nothing. */

#include "core/lease.h"

#include <string.h>

#include "base/address.h"
#include "base/text.h"
#include "check-main.h"

#define A "aaaaaaaa-0000-4000-8000-000000000001"
#define B "bbbbbbbb-0000-4000-8000-000000000002"

static const PciAddress card = { 0, 1, 0, 0 };

static Lease leased(const char *uuid, const char *name, usec_t since_usec) {
        Lease lease = { 0 };

        lease_take_domain(&lease, uuid, name, since_usec);
        return lease;
}

START_TEST(test_free) {
        Lease lease = { 0 };
        Refusal refusal = { 0 };

        ck_assert(!lease_is_held(&lease));
        ck_assert(!lease_has_domain(&lease));
        ck_assert_int_eq(lease_check_domain(&lease, card, A, &refusal), 0);
        ck_assert_int_eq(lease_check_to_host(&lease, card, &refusal), 0);
        ck_assert_int_eq((int) refusal.code, REFUSAL_NONE);
        ck_assert(!lease_drop_domain(&lease, A));
        ck_assert(!lease_drop_domain(&lease, ""));
        ck_assert(!lease_ends_on_stopped(&lease, A));
        ck_assert(!lease_ends_on_stopped(&lease, ""));
        ck_assert(!lease_ends_on_sync(&lease, USEC_INFINITY));
}
END_TEST

START_TEST(test_take) {
        Lease lease = { .started = true, .n_guest_boots = 7, .unguarded = true };

        lease_take_domain(&lease, A, "win11", 1000);
        ck_assert(lease_is_held(&lease));
        ck_assert(lease_has_domain(&lease));
        ck_assert_str_eq(lease.domain_uuid, A);
        ck_assert_str_eq(lease.domain_name, "win11");
        ck_assert(!lease.unguarded);
        ck_assert_uint_eq(lease.since_usec, 1000);
        /* A new run: nobody has seen it start, nobody has counted a boot. */
        ck_assert(!lease.started);
        ck_assert_uint_eq(lease.n_guest_boots, 0);
        ck_assert(!lease.by_hand);
}
END_TEST

/* VM B, with A's card in its XML, is refused while A has it; A may again. */
START_TEST(test_one_domain) {
        Lease lease = leased(A, "win11", 1000);
        Refusal refusal = { 0 };

        ck_assert_int_eq(lease_check_domain(&lease, card, A, &refusal), 0);
        ck_assert_int_eq(lease_check_domain(&lease, card, B, &refusal), E_REFUSED);
        ck_assert_int_eq((int) refusal.code, REFUSAL_LEASED);
        ck_assert(address_equal(refusal.address, card));
        ck_assert_str_eq(refusal.subject, "win11");
        ck_assert_str_eq(refusal.detail, A);
}
END_TEST

/* libvirt fires `release` for a refused start too, with another VM's card in the XML. */
START_TEST(test_drop) {
        Lease lease = leased(A, "win11", 1000);

        ck_assert(!lease_drop_domain(&lease, B));
        ck_assert(!lease_drop_domain(&lease, ""));
        ck_assert_str_eq(lease.domain_uuid, A);
        ck_assert(lease_drop_domain(&lease, A));
        ck_assert(!lease_is_held(&lease));
        ck_assert_str_eq(lease.domain_name, "");
        ck_assert_uint_eq(lease.since_usec, 0);
        ck_assert(!lease_drop_domain(&lease, A));
}
END_TEST

/* `to-guest` by hand: VMs may borrow the card one after the other, and only `to-host` ends it. */
START_TEST(test_by_hand) {
        Lease lease = { .by_hand = true };
        Refusal refusal = { 0 };

        ck_assert(lease_is_held(&lease));
        ck_assert(!lease_has_domain(&lease));
        ck_assert_int_eq(lease_check_domain(&lease, card, A, &refusal), 0);
        ck_assert_int_eq(lease_check_to_host(&lease, card, &refusal), 0);

        lease_take_domain(&lease, A, "win11", 1000);
        ck_assert(lease.by_hand);
        lease.unguarded = true;
        ck_assert_int_eq(lease_check_domain(&lease, card, B, &refusal), E_REFUSED);
        ck_assert_int_eq(lease_check_to_host(&lease, card, &refusal), E_REFUSED);
        ck_assert_int_eq((int) refusal.code, REFUSAL_LEASED);
        ck_assert_str_eq(refusal.subject, "win11");

        ck_assert(lease_drop_domain(&lease, A));
        ck_assert(lease.by_hand);
        ck_assert(lease_is_held(&lease));
        ck_assert(!lease.unguarded);
        ck_assert_int_eq(lease_check_domain(&lease, card, B, &refusal), 0);
        ck_assert_int_eq(lease_check_to_host(&lease, card, &refusal), 0);
}
END_TEST

START_TEST(test_to_host_while_domain_runs) {
        Lease lease = leased(A, "win11", 1000);
        Refusal refusal = { 0 };

        ck_assert_int_eq(lease_check_to_host(&lease, card, &refusal), E_REFUSED);
        ck_assert_str_eq(refusal.detail, A);
        ck_assert(lease_has_domain(&lease)); /* a check changes nothing */
}
END_TEST

/* The `stopped` event of the run before comes after the next `prepare`: it must not end that. */
START_TEST(test_stopped) {
        Lease lease = leased(A, "win11", 1000);

        ck_assert(!lease_ends_on_stopped(&lease, A));
        lease.started = true;
        ck_assert(lease_ends_on_stopped(&lease, A));
        ck_assert(!lease_ends_on_stopped(&lease, B));
        ck_assert(!lease_ends_on_stopped(&lease, ""));
        lease_take_domain(&lease, A, "win11", 2000);
        ck_assert(!lease_ends_on_stopped(&lease, A));
}
END_TEST

/* "Not running" in a listing ends only claims that are older than its beginning. */
START_TEST(test_sync) {
        Lease lease = leased(A, "win11", 1000);

        ck_assert(!lease_ends_on_sync(&lease, 0));
        ck_assert(!lease_ends_on_sync(&lease, 999));
        ck_assert(!lease_ends_on_sync(&lease, 1000));
        ck_assert(lease_ends_on_sync(&lease, 1001));
        ck_assert(lease_ends_on_sync(&lease, USEC_INFINITY));

        Lease by_hand = { .by_hand = true };
        ck_assert(!lease_ends_on_sync(&by_hand, USEC_INFINITY));
}
END_TEST

/* A name that is too long is cut; who has the claim is not in doubt. */
START_TEST(test_long_name) {
        char name[2 * DOMAIN_NAME_SIZE];

        memset(name, 'n', sizeof(name));
        name[sizeof(name) - 1] = '\0';
        Lease lease = leased(A, name, 1);
        ck_assert_str_eq(lease.domain_uuid, A);
        ck_assert_uint_eq(strlen(lease.domain_name), DOMAIN_NAME_SIZE - 1);
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("core-lease");
        TCase *tcase = tcase_create("lease");

        tcase_add_test(tcase, test_free);
        tcase_add_test(tcase, test_take);
        tcase_add_test(tcase, test_one_domain);
        tcase_add_test(tcase, test_drop);
        tcase_add_test(tcase, test_by_hand);
        tcase_add_test(tcase, test_to_host_while_domain_runs);
        tcase_add_test(tcase, test_stopped);
        tcase_add_test(tcase, test_sync);
        tcase_add_test(tcase, test_long_name);
        suite_add_tcase(suite, tcase);
        return suite;
}

CHECK_MAIN(make_suite)
