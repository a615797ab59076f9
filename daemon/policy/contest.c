/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A file that is refused is refused as a whole, but its ids are read once more, by hand and without trust in their form: a slip
 * in a family of the administrator's must not leave its cards to the entry which that family was to replace.
 */

#include "policy/contest.h"

#include "base/enum-text.h"
#include "base/text.h"
#include "policy/check.h"
#include "policy/keys.h"
#include "policy/quirks.h"

static ResetState worse(ResetState a, ResetState b) {
        static const int badness[_RESET_STATE_MAX] = {
                [RESET_STATE_FRESH] = 1,   [RESET_STATE_TOUCHED] = 2, [RESET_STATE_UNKNOWN] = 3,
                [RESET_STATE_PREFAIL] = 4, [RESET_STATE_FAILED] = 5,
        };

        return (a < 0 ? 0 : badness[a]) >= (b < 0 ? 0 : badness[b]) ? a : b;
}

/* @a becomes the worse of both. */
static void make_worse(Contest *a, BusResetWish bus_reset, const ResetStateRule *state, uint32_t guest_reboots) {
        if (bus_reset == BUS_RESET_FORBIDDEN)
                a->bus_reset = BUS_RESET_FORBIDDEN;
        a->state.touched_host_bind = worse(a->state.touched_host_bind, state->touched_host_bind);
        a->state.prefail_bus_reset = worse(a->state.prefail_bus_reset, state->prefail_bus_reset);
        a->state.recipe_ok = worse(a->state.recipe_ok, state->recipe_ok);
        a->state.dirty_guest_end = worse(a->state.dirty_guest_end, state->dirty_guest_end);
        a->state.reset_line_is_prefail |= state->reset_line_is_prefail;
        a->guest_reboots = MIN_OF(a->guest_reboots, guest_reboots);
}

static int contest_add(Policy *policy, const Contest *contest) {
        Contest *contests = reallocarray(policy->contests, policy->n_contests + 1, sizeof(*contests));

        if (!contests)
                return -ENOMEM;
        policy->contests = contests;
        contests[policy->n_contests++] = *contest;
        return 0;
}

/* Nobody can say which of the two is right about the bus reset, so it is kept away. */
static int contest_of_two(Policy *policy, const Family *a, const Family *b, const CardMatch *match) {
        Contest contest = {
                .match = *match,
                .rank = a->rank,
                .is_of_two = true,
                .bus_reset = BUS_RESET_FORBIDDEN,
                .state = a->state,
                .guest_reboots = a->guest_reboots,
        };

        make_worse(&contest, b->bus_reset, &b->state, b->guest_reboots);
        return contest_add(policy, &contest);
}

int contests_find(Policy *policy, Report *report, const Place *place, const Family *family) {
        for (size_t k = 0; k < policy->n_families; k++) {
                const Family *other = &policy->families[k];
                for (size_t i = 0; other->rank == family->rank && i < other->n_matches; i++)
                        for (size_t m = 0; m < family->n_matches; m++) {
                                Place at_match = place_key(place, "match"), at = place_index(&at_match, m);
                                if (!match_equal(&other->matches[i], &family->matches[m]))
                                        continue;
                                (void) report_meaning(report, &at,
                                                      "family \"%s\" of %s (line %zu) claims the same cards; until "
                                                      "one of the two files is mended, neither's reset is run",
                                                      other->name, other->origin, other->match_lines[i]);
                                if (contest_of_two(policy, other, family, &family->matches[m]) < 0)
                                        return -ENOMEM;
                        }
        }
        return 0;
}

/* A text of that format, or NULL. Return: 0, or -ENOMEM. */
static int read_text(json_object *object, const char *key, const KeyFormat *format, const char **ret) {
        json_object *value = member(object, key);

        *ret = NULL;
        if (!json_object_is_type(value, json_type_string))
                return 0;
        int r = key_format_matches(format, json_object_get_string(value));
        if (r > 0)
                *ret = json_object_get_string(value);
        return r < 0 ? r : 0;
}

static int keep_match(Policy *policy, Contest *contest, json_object *object) {
        const KeySpec *id_key = key_find(OBJECT_FAMILY_MATCH, "id");
        const KeySpec *subsystem_key = key_find(OBJECT_FAMILY_MATCH, "subsystem");
        const char *id, *subsystem;

        int r = read_text(object, "id", id_key->format, &id);
        if (r == 0)
                r = read_text(object, "subsystem", subsystem_key->format, &subsystem);
        if (r < 0 || !id)
                return r;
        /* Of a board that cannot be told, all cards of the id. */
        if (match_parse_id(id, subsystem, &contest->match) < 0 && match_parse_id(id, NULL, &contest->match) < 0)
                return 0;
        return contest_add(policy, contest);
}

static ResetState read_state(json_object *state, const char *cell) {
        const char *text = member_value_string(state, cell);

        return text ? reset_state_from_string(text) : _RESET_STATE_INVALID;
}

/* What a refused family warns of; what it promises does not count. */
static Contest read_warnings(json_object *object, PolicyRank rank) {
        Contest contest = { .rank = rank, .bus_reset = BUS_RESET_WANTED, .state = RESET_STATE_RULE_BASE,
                            .guest_reboots = GUEST_REBOOTS_UNLIMITED };
        json_object *state = member(object, "state"), *reboots = member_value(object, "guest_reboots");
        const char *bus_reset = member_value_string(object, "bus_reset");
        ResetStateRule said = {
                .touched_host_bind = read_state(state, "touched_host_bind"),
                .prefail_bus_reset = read_state(state, "prefail_bus_reset"),
                .recipe_ok = read_state(state, "quirk_reset_ok"),
                .dirty_guest_end = read_state(state, "dirty_guest_end"),
                .reset_line_is_prefail = json_object_get_boolean(member_value(state, "reset_line_is_prefail")),
        };
        bool counts = json_object_is_type(reboots, json_type_int) && json_object_get_int64(reboots) >= 0 &&
                      json_object_get_int64(reboots) <= GUEST_REBOOTS_MAX;

        make_worse(&contest, bus_reset ? bus_reset_wish_from_string(bus_reset) : BUS_RESET_WANTED, &said,
                   counts ? (uint32_t) json_object_get_int64(reboots) : GUEST_REBOOTS_UNLIMITED);
        if (quirks_can_be_prefail(&contest.state))
                contest.bus_reset = BUS_RESET_FORBIDDEN;
        return contest;
}

static size_t list_length(json_object *list, size_t max) {
        return json_object_is_type(list, json_type_array) ? MIN_OF(json_object_array_length(list), max) : 0;
}

int contests_keep(Policy *policy, const Report *report, json_object *root) {
        json_object *families = member(root, "families");

        for (size_t i = 0; i < list_length(families, FAMILIES_MAX); i++) {
                json_object *family = json_object_array_get_idx(families, i), *matches = member(family, "match");
                Contest contest = read_warnings(family, report->rank);
                for (size_t k = 0; k < list_length(matches, FAMILY_IDS_MAX); k++) {
                        int r = keep_match(policy, &contest, json_object_array_get_idx(matches, k));
                        if (r < 0)
                                return r;
                }
        }
        return 0;
}

bool contest_of(const Policy *policy, const CardFacts *card, const Family *family, MatchLevel level, Contest *ret) {
        bool found = false;

        *ret = (Contest){ .state = RESET_STATE_RULE_BASE, .guest_reboots = GUEST_REBOOTS_UNLIMITED };
        if (family)
                *ret = (Contest){ .bus_reset = family->bus_reset, .state = family->state, .guest_reboots = family->guest_reboots };
        for (size_t i = 0; i < policy->n_contests; i++) {
                const Contest *contest = &policy->contests[i];
                MatchLevel means = match_card(&contest->match, card);
                if (means == MATCH_NOT || means < level || (means == level && family && contest->rank < family->rank))
                        continue;
                make_worse(ret, contest->bus_reset, &contest->state, contest->guest_reboots);
                ret->is_of_two |= contest->is_of_two;
                found = true;
        }
        return found;
}
