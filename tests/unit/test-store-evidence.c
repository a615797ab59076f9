/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Evidence: what was seen, in words, and never without end. */

#include "check-main.h"
#include "store-fixture.h"

static Store *store;

static void setup(void) {
        fixture_setup();
        store = fixture_open();
}

static void teardown(void) {
        store = store_free(store);
        fixture_teardown();
}

START_TEST(every_event_is_kept_in_words) {
        ck_assert_int_eq(store_add_evidence(store, "card", BOOT_A, (CardEvent) _i, RESET_STATE_TOUCHED,
                                            RESET_STATE_PREFAIL, "log: amdgpu PCI CONFIG reset",
                                            1700000000000000),
                         0);
        ck_assert_str_eq(
                fixture_query("SELECT at_realtime_usec || ' ' || identity || ' ' || boot_id || ' ' ||"
                              " from_state || ' ' || to_state || ' ' || reason FROM evidence"),
                "1700000000000000 card " BOOT_A " touched prefail log: amdgpu PCI CONFIG reset");
        ck_assert_int_eq(card_event_from_string(fixture_query("SELECT event FROM evidence")), _i);
}
END_TEST

START_TEST(evidence_is_limited) {
        for (unsigned i = 0; i < EVIDENCE_ROWS_MAX + 10; i++)
                ck_assert_int_eq(store_add_evidence(store, "card", BOOT_A, CARD_EVENT_HOST_BIND,
                                                    RESET_STATE_FRESH, RESET_STATE_FRESH, NULL, i),
                                 0);
        ck_assert_uint_eq((unsigned) atoi(fixture_query("SELECT count(*) FROM evidence")), EVIDENCE_ROWS_MAX);
        ck_assert_str_eq(fixture_query("SELECT min(at_realtime_usec) FROM evidence"), "10");
}
END_TEST

START_TEST(too_long_is_an_error) {
        char text[STORE_TEXT_SIZE + 1] = "";

        memset(text, 'x', STORE_TEXT_SIZE);
        ck_assert_int_eq(store_add_evidence(store, "card", BOOT_A, CARD_EVENT_HOST_BIND, RESET_STATE_FRESH,
                                            RESET_STATE_FRESH, text, 1),
                         -ENOBUFS);
        ck_assert_int_eq(store_add_evidence(store, text, BOOT_A, CARD_EVENT_HOST_BIND, RESET_STATE_FRESH,
                                            RESET_STATE_FRESH, "", 1),
                         -ENOBUFS);
        ck_assert_int_eq(store_add_evidence(store, "card", BOOT_A, CARD_EVENT_HOST_BIND, RESET_STATE_FRESH,
                                            RESET_STATE_FRESH, "", UINT64_MAX),
                         -ERANGE);
        ck_assert_str_eq(fixture_query("SELECT count(*) FROM evidence"), "0");
}
END_TEST

static Suite *evidence_suite(void) {
        Suite *suite = suite_create("store evidence");
        TCase *test = tcase_create("evidence");

        tcase_set_timeout(test, 60);
        tcase_add_checked_fixture(test, setup, teardown);
        tcase_add_loop_test(test, every_event_is_kept_in_words, 0, _CARD_EVENT_MAX);
        tcase_add_test(test, evidence_is_limited);
        tcase_add_test(test, too_long_is_an_error);
        suite_add_tcase(suite, test);
        return suite;
}

CHECK_MAIN(evidence_suite)
