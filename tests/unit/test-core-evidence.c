/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is shown of a card's events: what has changed something, what went wrong, and each of it once. */

#include "core/evidence.h"

#include <string.h>

#include "base/text.h"
#include "check-main.h"

static Evidence made(CardEvent event, ResetState from, ResetState to, const char *reason) {
        Evidence evidence = { .event = event, .from = from, .to = to, .this_boot = true };

        (void) text_copy(evidence.reason, sizeof(evidence.reason), reason);
        return evidence;
}

static bool add(EvidenceList *list, CardEvent event, ResetState from, ResetState to, const char *reason) {
        Evidence evidence = made(event, from, to, reason);

        return evidence_add(list, &evidence);
}

START_TEST(test_shown) {
        CardEvent event = (CardEvent) _i;
        Evidence evidence = made(event, RESET_STATE_TOUCHED, RESET_STATE_TOUCHED, "x");

        ck_assert_int_eq(evidence_is_shown(&evidence),
                         event == CARD_EVENT_RECIPE_FAILED || event == CARD_EVENT_CONFIG_DEAD ||
                                 event == CARD_EVENT_GUEST_DIRTY || event == CARD_EVENT_WEDGED);
        evidence.to = RESET_STATE_PREFAIL;
        ck_assert(evidence_is_shown(&evidence));
}
END_TEST

START_TEST(test_limit) {
        EvidenceList list = { 0 };

        for (unsigned i = 0; i < EVIDENCE_SHOWN_MAX + 3; i++) {
                Evidence evidence = made(CARD_EVENT_HOST_BIND, RESET_STATE_TOUCHED, RESET_STATE_PREFAIL, "x");
                evidence.at_realtime_usec = i;
                ck_assert(evidence_add(&list, &evidence));
        }
        ck_assert_uint_eq(list.n, EVIDENCE_SHOWN_MAX);
        ck_assert_uint_eq(list.n_ever, EVIDENCE_SHOWN_MAX + 3);
        ck_assert_uint_eq(list.entries[0].at_realtime_usec, 3);
        ck_assert_uint_eq(list.entries[EVIDENCE_SHOWN_MAX - 1].at_realtime_usec, EVIDENCE_SHOWN_MAX + 2);
}
END_TEST

START_TEST(test_failures_are_not_repeated) {
        EvidenceList list = { 0 };

        ck_assert(add(&list, CARD_EVENT_CONFIG_DEAD, RESET_STATE_FAILED, RESET_STATE_FAILED, "all ones"));
        ck_assert(!add(&list, CARD_EVENT_CONFIG_DEAD, RESET_STATE_FAILED, RESET_STATE_FAILED, "all ones"));
        ck_assert(add(&list, CARD_EVENT_CONFIG_DEAD, RESET_STATE_FAILED, RESET_STATE_FAILED, "given up"));
        ck_assert(add(&list, CARD_EVENT_RECIPE_FAILED, RESET_STATE_FAILED, RESET_STATE_FAILED, "given up"));
        ck_assert(add(&list, CARD_EVENT_CONFIG_ALIVE, RESET_STATE_FAILED, RESET_STATE_UNKNOWN, "it answers"));
        /* The same once more is one more transition. */
        ck_assert(add(&list, CARD_EVENT_CONFIG_DEAD, RESET_STATE_UNKNOWN, RESET_STATE_FAILED, "given up"));
        ck_assert_uint_eq(list.n, 5);
        ck_assert_uint_eq(list.n_ever, 5);
}
END_TEST

START_TEST(test_first_sight_once_in_a_boot) {
        EvidenceList list = { 0 };
        Evidence earlier = made(_CARD_EVENT_INVALID, _RESET_STATE_INVALID, RESET_STATE_TOUCHED, "in the last boot");

        earlier.this_boot = false;
        ck_assert(evidence_add(&list, &earlier));
        ck_assert(add(&list, _CARD_EVENT_INVALID, RESET_STATE_TOUCHED, RESET_STATE_TOUCHED, "boot"));
        ck_assert(!add(&list, _CARD_EVENT_INVALID, RESET_STATE_TOUCHED, RESET_STATE_TOUCHED, "known"));
        ck_assert(add(&list, CARD_EVENT_HOST_BIND, RESET_STATE_TOUCHED, RESET_STATE_PREFAIL, "link"));
        ck_assert(!add(&list, _CARD_EVENT_INVALID, RESET_STATE_PREFAIL, RESET_STATE_PREFAIL, "known"));
        ck_assert(add(&list, _CARD_EVENT_INVALID, RESET_STATE_PREFAIL, RESET_STATE_UNKNOWN, "a gap"));
        ck_assert_uint_eq(list.n, 4);
}
END_TEST

START_TEST(test_words) {
        CardEvent event = CARD_EVENT_HOST_BIND;
        ResetState state = RESET_STATE_FRESH;

        for (int i = 0; i < _CARD_EVENT_MAX; i++) {
                ck_assert_int_eq(evidence_event_from_string(evidence_event_to_string((CardEvent) i), &event), 0);
                ck_assert_int_eq(event, i);
        }
        ck_assert_str_eq(evidence_event_to_string(_CARD_EVENT_INVALID), "first-sight");
        ck_assert_int_eq(evidence_event_from_string("first-sight", &event), 0);
        ck_assert_int_eq(event, _CARD_EVENT_INVALID);
        ck_assert_int_eq(evidence_event_from_string("", &event), -EINVAL);
        ck_assert_int_eq(evidence_event_from_string("eaten", &event), -EINVAL);

        for (int i = 0; i < _RESET_STATE_MAX; i++) {
                ck_assert_int_eq(evidence_state_from_string(evidence_state_to_string((ResetState) i), &state), 0);
                ck_assert_int_eq(state, i);
        }
        ck_assert_str_eq(evidence_state_to_string(_RESET_STATE_INVALID), "");
        ck_assert_int_eq(evidence_state_from_string("", &state), 0);
        ck_assert_int_eq(state, _RESET_STATE_INVALID);
        ck_assert_int_eq(evidence_state_from_string("eaten", &state), -EINVAL);
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("core/evidence");
        TCase *tests = tcase_create("evidence");

        tcase_add_loop_test(tests, test_shown, 0, _CARD_EVENT_MAX);
        tcase_add_test(tests, test_limit);
        tcase_add_test(tests, test_failures_are_not_repeated);
        tcase_add_test(tests, test_first_sight_once_in_a_boot);
        tcase_add_test(tests, test_words);
        suite_add_tcase(suite, tests);
        return suite;
}

CHECK_MAIN(make_suite)
