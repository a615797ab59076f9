/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Evidence: what was seen, in words, and never without end. */

#include "check-main.h"
#include "store-fixture.h"

#define BOOT_B "0b5a1c8e-5f1e-4c56-9d0a-2f6a1e1b0002"

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

static void add(const char *identity, const char *boot_id, CardEvent event, ResetState from, ResetState to,
                const char *reason, uint64_t at) {
        ck_assert_int_eq(store_add_evidence(store, identity, boot_id, event, from, to, reason, at), 0);
}

START_TEST(what_is_shown_comes_back_in_order) {
        EvidenceList list;

        add("card", BOOT_A, _CARD_EVENT_INVALID, _RESET_STATE_INVALID, RESET_STATE_FRESH, "first sight", 1);
        add("card", BOOT_A, CARD_EVENT_HOST_UNBIND, RESET_STATE_FRESH, RESET_STATE_TOUCHED, "link", 2);
        add("other", BOOT_A, CARD_EVENT_CONFIG_DEAD, RESET_STATE_FRESH, RESET_STATE_FAILED, "another card", 3);
        add("card", BOOT_A, CARD_EVENT_GUEST_OPEN, RESET_STATE_TOUCHED, RESET_STATE_TOUCHED, "changes nothing", 4);
        add("card", BOOT_B, CARD_EVENT_RECIPE_FAILED, RESET_STATE_FAILED, RESET_STATE_FAILED, "a failure", 5);
        ck_assert_int_eq(store_load_evidence(store, "card", BOOT_B, &list), 0);
        ck_assert_uint_eq(list.n, 3);
        ck_assert_uint_eq(list.entries[0].at_realtime_usec, 1);
        ck_assert_int_eq(list.entries[0].event, _CARD_EVENT_INVALID);
        ck_assert_int_eq(list.entries[0].from, _RESET_STATE_INVALID);
        ck_assert_int_eq(list.entries[0].to, RESET_STATE_FRESH);
        ck_assert_str_eq(list.entries[0].reason, "first sight");
        ck_assert(!list.entries[0].this_boot);
        ck_assert_int_eq(list.entries[1].event, CARD_EVENT_HOST_UNBIND);
        ck_assert_int_eq(list.entries[1].from, RESET_STATE_FRESH);
        ck_assert_str_eq(list.entries[2].reason, "a failure");
        ck_assert(list.entries[2].this_boot);

        ck_assert_int_eq(store_load_evidence(store, "nobody", BOOT_B, &list), 0);
        ck_assert_uint_eq(list.n, 0);
}
END_TEST

START_TEST(only_the_last_are_shown) {
        EvidenceList list;

        for (unsigned i = 0; i < EVIDENCE_SHOWN_MAX + 5; i++)
                add("card", BOOT_A, CARD_EVENT_HOST_UNBIND, i % 2 ? RESET_STATE_TOUCHED : RESET_STATE_FRESH,
                    i % 2 ? RESET_STATE_FRESH : RESET_STATE_TOUCHED, "", i);
        ck_assert_int_eq(store_load_evidence(store, "card", BOOT_A, &list), 0);
        ck_assert_uint_eq(list.n, EVIDENCE_SHOWN_MAX);
        ck_assert_uint_eq(list.entries[0].at_realtime_usec, 5);
        ck_assert_uint_eq(list.entries[EVIDENCE_SHOWN_MAX - 1].at_realtime_usec, EVIDENCE_SHOWN_MAX + 4);
}
END_TEST

/* The longest reason, of characters of three bytes: what is shown is cut between two of them. */
START_TEST(long_reason_is_cut_to_whole_characters) {
        char reason[STORE_TEXT_SIZE] = "";
        EvidenceList list;

        for (size_t i = 0; i + 3 < sizeof(reason); i += 3)
                memcpy(reason + i, "\u20ac", 4);
        add("card", BOOT_A, CARD_EVENT_HOST_UNBIND, RESET_STATE_FRESH, RESET_STATE_TOUCHED, reason, 1);
        ck_assert_int_eq(store_load_evidence(store, "card", BOOT_A, &list), 0);
        ck_assert_uint_eq(list.n, 1);
        ck_assert_uint_eq(strlen(list.entries[0].reason), EVIDENCE_REASON_SIZE - 1);
        ck_assert(text_is_utf8(list.entries[0].reason));
}
END_TEST

static const char *const bad_row_table[] = {
        "event = 'eaten'", "event = ''",
        "from_state = 'x'", "to_state = ''",
        "to_state = 'x'", "reason = CAST(x'ff' AS TEXT)",
        "at_realtime_usec = -1", "boot_id = hex(zeroblob(40))",
};

START_TEST(bad_rows_are_left_out) {
        char sql[128];
        EvidenceList list;

        add("card", BOOT_A, CARD_EVENT_HOST_UNBIND, RESET_STATE_FRESH, RESET_STATE_TOUCHED, "good", 1);
        add("card", BOOT_A, CARD_EVENT_HOST_BIND, RESET_STATE_TOUCHED, RESET_STATE_PREFAIL, "bad", 2);
        snprintf(sql, sizeof(sql), "UPDATE evidence SET %s WHERE reason = 'bad'", bad_row_table[_i]);
        fixture_sql(sql);
        ck_assert_int_eq(store_load_evidence(store, "card", BOOT_A, &list), 0);
        ck_assert_uint_eq(list.n, 1);
        ck_assert_str_eq(list.entries[0].reason, "good");
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
        tcase_add_test(test, what_is_shown_comes_back_in_order);
        tcase_add_test(test, only_the_last_are_shown);
        tcase_add_test(test, long_reason_is_cut_to_whole_characters);
        tcase_add_loop_test(test, bad_rows_are_left_out, 0, (int) ELEMENTSOF(bad_row_table));
        suite_add_tcase(suite, test);
        return suite;
}

CHECK_MAIN(evidence_suite)
