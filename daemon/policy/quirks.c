/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A quirk that makes a card look safer than it is costs the card. So a family may only make the base
 * table worse, and one that can come to prefail has to forbid the bus reset.
 */

#include "policy/quirks.h"

#include "base/enum-text.h"
#include "base/text.h"
#include "policy/advice.h"
#include "policy/check.h"
#include "policy/contest.h"
#include "policy/devices.h"
#include "policy/recipe.h"

static ResetState state_or(json_object *object, const char *key, ResetState base) {
        const char *text = member_value_string(object, key);

        /* "no-change" is no state: then the cell gets the invalid one, which is the base of quirk_reset_ok and
         * dirty_guest_end. */
        return text ? reset_state_from_string(text) : base;
}

static int state_read(Report *report, const Place *place, json_object *object, Family *family) {
        json_object *line = member_value(object, "reset_line_is_prefail");
        ResetStateRule *state = &family->state;
        const char *cell = NULL;

        state->touched_host_bind = state_or(object, "touched_host_bind", state->touched_host_bind);
        state->prefail_bus_reset = state_or(object, "prefail_bus_reset", state->prefail_bus_reset);
        state->recipe_ok = state_or(object, "quirk_reset_ok", state->recipe_ok);
        state->dirty_guest_end = state_or(object, "dirty_guest_end", state->dirty_guest_end);
        if (line)
                state->reset_line_is_prefail = json_object_get_boolean(line);
        family->has_state = json_object_object_length(object) > 0;
        if (reset_state_rule_check(state, &cell) < 0) {
                Place at_cell = place_key(place, cell), at = place_key(&at_cell, "value");
                return report_meaning(report, &at, "a family may only make the base table worse, not better");
        }
        return 0;
}

static int match_read(Report *report, const Place *place, json_object *object, CardMatch *ret_match) {
        Place at = place_key(place, "subsystem");

        if (match_parse_id(member_string(object, "id"), member_string(object, "subsystem"), ret_match) < 0)
                return report_meaning(report, &at, "needs an id without \"*\" beside it");
        return 0;
}

/* No two entries of one file may mean the same cards: which of them would win is nobody's intention. */
static int check_claim(Report *report, const Place *place, const Family *families, size_t n_families,
                       const Family *family, const CardMatch *match) {
        for (size_t i = 0; i < family->n_matches; i++)
                if (match_equal(&family->matches[i], match))
                        return report_meaning(report, place, "is there twice");
        for (size_t k = 0; k < n_families; k++)
                for (size_t i = 0; i < families[k].n_matches; i++)
                        if (match_equal(&families[k].matches[i], match))
                                return report_meaning(report, place,
                                                      "family \"%s\" of this file has this id already",
                                                      families[k].name);
        return 0;
}

static void matches_read(Report *report, const Place *place, json_object *list, const Family *families,
                         size_t n_families, Family *family) {
        for (size_t i = 0; i < json_object_array_length(list); i++) {
                Place at = place_index(place, i);
                CardMatch match;
                if (match_read(report, &at, json_object_array_get_idx(list, i), &match) != 0 ||
                    check_claim(report, &at, families, n_families, family, &match) != 0)
                        continue;
                family->match_lines[family->n_matches] = spots_line(report->spots, at.text);
                family->matches[family->n_matches++] = match;
        }
}

bool quirks_can_be_prefail(const ResetStateRule *state) {
        return state->touched_host_bind == RESET_STATE_PREFAIL || state->recipe_ok == RESET_STATE_PREFAIL ||
               state->dirty_guest_end == RESET_STATE_PREFAIL || state->reset_line_is_prefail;
}

/* Every fault is looked for. @families: those of the same file that are read already. */
static void family_read(Report *report, const Place *place, json_object *object, const Family *families,
                        size_t n_families, Family *family) {
        json_object *state = member(object, "state"), *reset = member(object, "reset");
        json_object *reboots = member_value(object, "guest_reboots");
        Place at_match = place_key(place, "match"), at_state = place_key(place, "state");
        Place at_reset = place_key(place, "reset"), at_bus_reset = place_key(place, "bus_reset");

        *family = (Family){ .state = RESET_STATE_RULE_BASE, .guest_reboots = GUEST_REBOOTS_UNLIMITED };
        (void) text_copy(family->origin, sizeof(family->origin), report->file);
        family->place = *place;
        family->line = spots_line(report->spots, place->text);
        family->rank = report->rank;
        (void) text_copy(family->confidence, sizeof(family->confidence), member_value_string(object, "confidence") ?: "");
        (void) text_copy(family->name, sizeof(family->name), member_string(object, "family"));
        family->bus_reset = bus_reset_wish_from_string(member_value_string(object, "bus_reset"));
        if (member(object, "kernel_guard"))
                family->kernel_guard = kernel_guard_from_string(member_value_string(object, "kernel_guard"));
        if (reboots)
                family->guest_reboots = (uint32_t) json_object_get_int64(reboots);
        matches_read(report, &at_match, member(object, "match"), families, n_families, family);
        if (state)
                (void) state_read(report, &at_state, state, family);
        if (quirks_can_be_prefail(&family->state) && family->bus_reset != BUS_RESET_FORBIDDEN)
                (void) report_meaning(report, &at_bus_reset,
                                      "has to be \"forbidden\": by its \"state\" this family can be in prefail");
        if (family->kernel_guard != KERNEL_GUARD_NONE && family->bus_reset != BUS_RESET_FORBIDDEN)
                (void) report_meaning(report, &at_bus_reset,
                                      "has to be \"forbidden\": by its \"kernel_guard\" the kernel resets no bus of this family");
        if (reset)
                (void) recipes_read(report, &at_reset, reset, family);
}

int quirks_read(Policy *policy, Report *report, json_object *root) {
        json_object *list = member(root, "families");
        size_t n = json_object_array_length(list), before = policy->n_families;
        Place at_list = place_key(&(Place){ 0 }, "families");
        Family *families;

        if (n > FAMILIES_MAX - before)
                return report_meaning(report, &at_list, "more than %u families in all files", FAMILIES_MAX);
        if (n == 0)
                return devices_read(policy, report, member(root, "devices"));
        families = reallocarray(policy->families, before + n, sizeof(*families));
        if (!families)
                return -ENOMEM;
        policy->families = families;
        for (size_t i = 0; i < n; i++) {
                Place at = place_index(&at_list, i);
                family_read(report, &at, json_object_array_get_idx(list, i), families + before, i,
                            &families[before + i]);
        }
        if (report->n_faults > 0)
                return POLICY_E_REFUSED;
        for (size_t i = 0; i < n; i++) {
                Place at = place_index(&at_list, i);
                if (contests_find(policy, report, &at, &families[before + i]) < 0)
                        return -ENOMEM;
        }
        if (report->n_faults > 0)
                return POLICY_E_REFUSED;
        int r = devices_read(policy, report, member(root, "devices"));
        if (r != 0)
                return r;
        for (size_t i = 0; i < n; i++) {
                r = advice_read(policy, before + i, member(json_object_array_get_idx(list, i), "advice"));
                if (r < 0)
                        return r;
        }
        policy->n_families = before + n;
        return 0;
}
