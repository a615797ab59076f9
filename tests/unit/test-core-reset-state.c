/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The whole state machine, every state with every event, for the base rule and for Polaris. Both tables are
 * written out from the design (section 4) by hand; nothing in them is computed.
 */

#include "core/reset-state.h"

#include <signal.h>

#include "base/enum-text.h"
#include "base/text.h"
#include "card-fixture.h"
#include "check-main.h"

#define FRESH RESET_STATE_FRESH
#define TOUCHED RESET_STATE_TOUCHED
#define PREFAIL RESET_STATE_PREFAIL
#define FAILED RESET_STATE_FAILED
#define UNKNOWN RESET_STATE_UNKNOWN
#define NO_CHANGE _RESET_STATE_INVALID

typedef struct Row {
        CardEvent event;
        const char *name;
        ResetState next[_RESET_STATE_MAX]; /* from fresh, touched, prefail, failed, unknown */
} Row;

/* clang-format off */
static const Row base_table[_CARD_EVENT_MAX] = {
        /* event                                               fresh    touched  prefail  failed   unknown */
        { CARD_EVENT_HOST_BIND,     "host-bind",          {    FRESH,   TOUCHED, PREFAIL, FAILED,  UNKNOWN } },
        { CARD_EVENT_HOST_UNBIND,   "host-unbind",        {    TOUCHED, TOUCHED, PREFAIL, FAILED,  UNKNOWN } },
        { CARD_EVENT_GUEST_OPEN,    "guest-open",         {    TOUCHED, TOUCHED, PREFAIL, FAILED,  UNKNOWN } },
        { CARD_EVENT_GUEST_DIRTY,   "guest-dirty",        {    FRESH,   TOUCHED, PREFAIL, FAILED,  UNKNOWN } },
        { CARD_EVENT_BUS_RESET,     "bus-reset",          {    FRESH,   TOUCHED, FAILED,  FAILED,  UNKNOWN } },
        { CARD_EVENT_RECIPE_OK,     "quirk-reset-ok",     {    FRESH,   TOUCHED, PREFAIL, FAILED,  UNKNOWN } },
        { CARD_EVENT_RECIPE_FAILED, "quirk-reset-failed", {    FAILED,  FAILED,  FAILED,  FAILED,  FAILED  } },
        { CARD_EVENT_RESET_LINE,    "reset-line",         {    FRESH,   TOUCHED, PREFAIL, FAILED,  UNKNOWN } },
        { CARD_EVENT_CHIP_RUNNING,  "chip-running",       {    TOUCHED, TOUCHED, PREFAIL, FAILED,  UNKNOWN } },
        { CARD_EVENT_CONFIG_DEAD,   "config-dead",        {    FAILED,  FAILED,  FAILED,  FAILED,  FAILED  } },
        { CARD_EVENT_CONFIG_ALIVE,  "config-alive",       {    FRESH,   TOUCHED, PREFAIL, UNKNOWN, UNKNOWN } },
        { CARD_EVENT_COLD_START,    "cold-start",         {    FRESH,   FRESH,   FRESH,   FRESH,   FRESH   } },
        { CARD_EVENT_HISTORY_GAP,   "history-gap",        {    UNKNOWN, UNKNOWN, PREFAIL, FAILED,  UNKNOWN } },
        { CARD_EVENT_WEDGED,        "wedged",             {    UNKNOWN, UNKNOWN, PREFAIL, FAILED,  UNKNOWN } },
        { CARD_EVENT_NOTED,         "noted",              {    FRESH,   TOUCHED, PREFAIL, FAILED,  UNKNOWN } },
};

static const Row polaris_table[_CARD_EVENT_MAX] = {
        /* event                                               fresh    touched  prefail  failed   unknown */
        { CARD_EVENT_HOST_BIND,     "host-bind",          {    FRESH,   PREFAIL, PREFAIL, FAILED,  UNKNOWN } },
        { CARD_EVENT_HOST_UNBIND,   "host-unbind",        {    TOUCHED, TOUCHED, PREFAIL, FAILED,  UNKNOWN } },
        { CARD_EVENT_GUEST_OPEN,    "guest-open",         {    TOUCHED, TOUCHED, PREFAIL, FAILED,  UNKNOWN } },
        { CARD_EVENT_GUEST_DIRTY,   "guest-dirty",        {    FRESH,   TOUCHED, PREFAIL, FAILED,  UNKNOWN } },
        { CARD_EVENT_BUS_RESET,     "bus-reset",          {    FRESH,   TOUCHED, FAILED,  FAILED,  UNKNOWN } },
        { CARD_EVENT_RECIPE_OK,     "quirk-reset-ok",     {    PREFAIL, PREFAIL, PREFAIL, FAILED,  PREFAIL } },
        { CARD_EVENT_RECIPE_FAILED, "quirk-reset-failed", {    FAILED,  FAILED,  FAILED,  FAILED,  FAILED  } },
        { CARD_EVENT_RESET_LINE,    "reset-line",         {    PREFAIL, PREFAIL, PREFAIL, FAILED,  PREFAIL } },
        { CARD_EVENT_CHIP_RUNNING,  "chip-running",       {    TOUCHED, TOUCHED, PREFAIL, FAILED,  PREFAIL } },
        { CARD_EVENT_CONFIG_DEAD,   "config-dead",        {    FAILED,  FAILED,  FAILED,  FAILED,  FAILED  } },
        { CARD_EVENT_CONFIG_ALIVE,  "config-alive",       {    FRESH,   TOUCHED, PREFAIL, UNKNOWN, UNKNOWN } },
        { CARD_EVENT_COLD_START,    "cold-start",         {    FRESH,   FRESH,   FRESH,   FRESH,   FRESH   } },
        { CARD_EVENT_HISTORY_GAP,   "history-gap",        {    UNKNOWN, UNKNOWN, PREFAIL, FAILED,  UNKNOWN } },
        { CARD_EVENT_WEDGED,        "wedged",             {    UNKNOWN, UNKNOWN, PREFAIL, FAILED,  UNKNOWN } },
        { CARD_EVENT_NOTED,         "noted",              {    FRESH,   TOUCHED, PREFAIL, FAILED,  UNKNOWN } },
};
/* clang-format on */

static void assert_row(const Row *row, const ResetStateRule *rule) {
        for (ResetState now = 0; now < _RESET_STATE_MAX; now++)
                ck_assert_msg(reset_state_next(now, rule, row->event) == row->next[now],
                              "%s + %s: %s, not %s", reset_state_to_string(now), row->name,
                              reset_state_to_string(reset_state_next(now, rule, row->event)),
                              reset_state_to_string(row->next[now]));
}

START_TEST(test_base_row) {
        ck_assert_int_eq((int) base_table[_i].event, _i); /* no event is missing, none is there twice */
        assert_row(&base_table[_i], &RESET_STATE_RULE_BASE);
}
END_TEST

START_TEST(test_polaris_row) {
        ResetStateRule rule = fixture_state_rule_polaris();

        ck_assert_int_eq((int) polaris_table[_i].event, _i);
        assert_row(&polaris_table[_i], &rule);
}
END_TEST

START_TEST(test_event_names) {
        for (CardEvent event = 0; event < _CARD_EVENT_MAX; event++) {
                ck_assert_str_eq(card_event_to_string(event), base_table[event].name);
                ck_assert_int_eq((int) card_event_from_string(base_table[event].name), (int) event);
        }
        ck_assert_int_eq((int) card_event_from_string("host-bind "), -EINVAL);
        ck_assert_int_eq((int) card_event_from_string(""), -EINVAL);
}
END_TEST

START_TEST(test_no_such_event_aborts) {
        (void) reset_state_next(FRESH, &RESET_STATE_RULE_BASE,
                                _i == 0 ? _CARD_EVENT_MAX : _CARD_EVENT_INVALID);
}
END_TEST

/* Stories of the 2020 post, as runs of events. */
static const struct {
        const char *story;
        CardEvent events[10];
        size_t n_events;
        ResetState base, polaris;
} stories[] = {
        { "first bind", { CARD_EVENT_HOST_BIND }, 1, FRESH, FRESH },
        { "first bind and unbind is safe",
          { CARD_EVENT_HOST_BIND, CARD_EVENT_HOST_UNBIND },
          2,
          TOUCHED,
          TOUCHED },
        { "a bus reset after it changes nothing",
          { CARD_EVENT_HOST_BIND, CARD_EVENT_HOST_UNBIND, CARD_EVENT_GUEST_OPEN, CARD_EVENT_BUS_RESET,
            CARD_EVENT_GUEST_OPEN, CARD_EVENT_BUS_RESET },
          6,
          TOUCHED,
          TOUCHED },
        { "second bind arms",
          { CARD_EVENT_HOST_BIND, CARD_EVENT_HOST_UNBIND, CARD_EVENT_HOST_BIND },
          3,
          TOUCHED,
          PREFAIL },
        { "unbind does not disarm",
          { CARD_EVENT_HOST_BIND, CARD_EVENT_HOST_UNBIND, CARD_EVENT_HOST_BIND, CARD_EVENT_HOST_UNBIND },
          4,
          TOUCHED,
          PREFAIL },
        { "and the next bus reset kills",
          { CARD_EVENT_HOST_BIND, CARD_EVENT_HOST_UNBIND, CARD_EVENT_HOST_BIND, CARD_EVENT_HOST_UNBIND,
            CARD_EVENT_GUEST_OPEN, CARD_EVENT_BUS_RESET },
          6,
          TOUCHED,
          FAILED },
        { "a dead card that answers again is not to be trusted",
          { CARD_EVENT_CONFIG_DEAD, CARD_EVENT_CONFIG_ALIVE, CARD_EVENT_HOST_BIND },
          3,
          UNKNOWN,
          UNKNOWN },
        { "the config reset may arm the card by itself",
          { CARD_EVENT_HOST_BIND, CARD_EVENT_HOST_UNBIND, CARD_EVENT_RECIPE_OK, CARD_EVENT_BUS_RESET },
          4,
          TOUCHED,
          FAILED },
        { "only power loss makes it new",
          { CARD_EVENT_HOST_BIND, CARD_EVENT_HOST_UNBIND, CARD_EVENT_HOST_BIND, CARD_EVENT_COLD_START,
            CARD_EVENT_BUS_RESET, CARD_EVENT_HOST_BIND },
          6,
          FRESH,
          FRESH },
        { "guest first, then host",
          { CARD_EVENT_GUEST_OPEN, CARD_EVENT_HOST_BIND, CARD_EVENT_BUS_RESET },
          3,
          TOUCHED,
          FAILED },
};

START_TEST(test_story) {
        ResetStateRule polaris = fixture_state_rule_polaris();
        ResetState state = FRESH, polaris_state = FRESH;

        for (size_t i = 0; i < stories[_i].n_events; i++) {
                state = reset_state_next(state, &RESET_STATE_RULE_BASE, stories[_i].events[i]);
                polaris_state = reset_state_next(polaris_state, &polaris, stories[_i].events[i]);
        }
        ck_assert_msg(state == stories[_i].base, "%s: %s", stories[_i].story, reset_state_to_string(state));
        ck_assert_msg(polaris_state == stories[_i].polaris, "%s, Polaris: %s", stories[_i].story,
                      reset_state_to_string(polaris_state));
}
END_TEST

/* What a family may say, cell by cell; better than the base is never allowed. */
static const struct {
        ResetStateRule rule;
        const char *bad_cell; /* NULL: allowed */
} rules[] = {
        { { TOUCHED, FAILED, NO_CHANGE, NO_CHANGE, false }, NULL },
        { { TOUCHED, FAILED, NO_CHANGE, NO_CHANGE, true }, NULL },
        { { PREFAIL, FAILED, PREFAIL, NO_CHANGE, true }, NULL },
        { { UNKNOWN, FAILED, UNKNOWN, NO_CHANGE, false }, NULL },
        { { FRESH, FAILED, NO_CHANGE, NO_CHANGE, false }, "touched_host_bind" },
        { { NO_CHANGE, FAILED, NO_CHANGE, NO_CHANGE, false }, "touched_host_bind" },
        { { _RESET_STATE_MAX, FAILED, NO_CHANGE, NO_CHANGE, false }, "touched_host_bind" },
        { { TOUCHED, FRESH, NO_CHANGE, NO_CHANGE, false }, "prefail_bus_reset" },
        { { TOUCHED, TOUCHED, NO_CHANGE, NO_CHANGE, false }, "prefail_bus_reset" },
        { { TOUCHED, PREFAIL, NO_CHANGE, NO_CHANGE, false }, "prefail_bus_reset" },
        { { TOUCHED, UNKNOWN, NO_CHANGE, NO_CHANGE, false }, "prefail_bus_reset" },
        { { TOUCHED, NO_CHANGE, NO_CHANGE, NO_CHANGE, false }, "prefail_bus_reset" },
        { { TOUCHED, FAILED, FRESH, NO_CHANGE, false }, "quirk_reset_ok" },
        { { TOUCHED, FAILED, TOUCHED, NO_CHANGE, false }, "quirk_reset_ok" },
        { { TOUCHED, FAILED, _RESET_STATE_MAX, NO_CHANGE, false }, "quirk_reset_ok" },
        { { TOUCHED, FAILED, NO_CHANGE, UNKNOWN, false }, NULL },
        { { TOUCHED, FAILED, NO_CHANGE, PREFAIL, false }, NULL },
        { { TOUCHED, FAILED, NO_CHANGE, FRESH, false }, "dirty_guest_end" },
        { { TOUCHED, FAILED, NO_CHANGE, TOUCHED, false }, "dirty_guest_end" },
        { { TOUCHED, FAILED, NO_CHANGE, FAILED, false }, "dirty_guest_end" },
        { { TOUCHED, FAILED, NO_CHANGE, _RESET_STATE_MAX, false }, "dirty_guest_end" },
};

START_TEST(test_rule_check) {
        const char *cell = NULL;
        int r = reset_state_rule_check(&rules[_i].rule, &cell);

        if (!rules[_i].bad_cell) {
                ck_assert_int_eq(r, 0);
                ck_assert_ptr_null(cell);
                return;
        }
        ck_assert_int_eq(r, -EINVAL);
        ck_assert_ptr_nonnull(cell);
        ck_assert_str_eq(cell, rules[_i].bad_cell);
}
END_TEST

START_TEST(test_shipped_rules_are_allowed) {
        ResetStateRule polaris = fixture_state_rule_polaris();
        const char *cell;

        ck_assert_int_eq(reset_state_rule_check(&RESET_STATE_RULE_BASE, &cell), 0);
        ck_assert_int_eq(reset_state_rule_check(&polaris, &cell), 0);
}
END_TEST

/* What the family says, but never better than what is known. */
START_TEST(test_dirty_guest_end) {
        static const ResetState after[][_RESET_STATE_MAX] = {
                [UNKNOWN] = { UNKNOWN, UNKNOWN, PREFAIL, FAILED, UNKNOWN },
                [PREFAIL] = { PREFAIL, PREFAIL, PREFAIL, FAILED, PREFAIL },
        };
        ResetStateRule rule = RESET_STATE_RULE_BASE;
        ResetState says = _i == 0 ? UNKNOWN : PREFAIL;

        rule.dirty_guest_end = says;
        for (ResetState now = 0; now < _RESET_STATE_MAX; now++)
                ck_assert_int_eq((int) reset_state_next(now, &rule, CARD_EVENT_GUEST_DIRTY), (int) after[says][now]);
}
END_TEST

START_TEST(test_needs_guard) {
        ck_assert(!reset_state_needs_guard(FRESH, true));
        ck_assert(!reset_state_needs_guard(TOUCHED, true));
        ck_assert(reset_state_needs_guard(PREFAIL, true));
        ck_assert(reset_state_needs_guard(UNKNOWN, true));
        ck_assert(!reset_state_needs_guard(FRESH, false));
        ck_assert(!reset_state_needs_guard(TOUCHED, false));
        ck_assert(!reset_state_needs_guard(UNKNOWN, false));
        /* Prefail means that a bus reset kills: so it is also after its quirk file was taken away. */
        ck_assert(reset_state_needs_guard(PREFAIL, false));
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("core-reset-state");
        TCase *tcase = tcase_create("reset-state");

        tcase_add_loop_test(tcase, test_base_row, 0, _CARD_EVENT_MAX);
        tcase_add_loop_test(tcase, test_polaris_row, 0, _CARD_EVENT_MAX);
        tcase_add_loop_test(tcase, test_dirty_guest_end, 0, 2);
        tcase_add_test(tcase, test_event_names);
        tcase_add_loop_test_raise_signal(tcase, test_no_such_event_aborts, SIGABRT, 0, 2);
        tcase_add_loop_test(tcase, test_story, 0, (int) ELEMENTSOF(stories));
        tcase_add_loop_test(tcase, test_rule_check, 0, (int) ELEMENTSOF(rules));
        tcase_add_test(tcase, test_shipped_rules_are_allowed);
        tcase_add_test(tcase, test_needs_guard);
        suite_add_tcase(suite, tcase);
        return suite;
}

CHECK_MAIN(make_suite)
