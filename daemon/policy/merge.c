/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One rule out of all files. A family is taken as a whole, from the entry that means the card most
 * closely, of equally close ones the administrator's; two of one rank do not come so far (contest.h). Policy is merged key
 * by key; of equally close entries the later wins. policy_rule() and policy_origin() ask the same functions, so
 * that they cannot disagree.
 */

#include "policy/policy.h"

#include "base/address.h"
#include "base/text.h"
#include "policy/contest.h"
#include "policy/model.h"

#define ORIGIN_BUILT_IN "built-in"

/* NULL: no family means this card. @ret_match: number of the match by which it does */
static const Family *best_family(const Policy *policy, const CardFacts *card, size_t *ret_match) {
        const Family *best = NULL;
        MatchLevel best_level = MATCH_NOT;

        for (size_t i = 0; i < policy->n_families; i++) {
                const Family *family = &policy->families[i];
                for (size_t k = 0; k < family->n_matches; k++) {
                        MatchLevel level = match_card(&family->matches[k], card);
                        if (level > best_level || (best && level == best_level && family->rank > best->rank)) {
                                best = family;
                                best_level = level;
                                *ret_match = k;
                        }
                }
        }
        return best;
}

/* How closely the family that counts means the card. */
static MatchLevel family_level(const Family *family, size_t match) {
        return family ? family->matches[match].level : MATCH_NOT;
}

/* The entry whose @word holds for this card, or NULL. */
static const PolicyCard *best_card(const Policy *policy, const CardFacts *card, CardWord word) {
        const PolicyCard *best = NULL;
        MatchLevel best_level = MATCH_ALL;

        for (size_t i = 0; i < policy->n_cards; i++) {
                const PolicyCard *entry = &policy->cards[i];
                MatchLevel level = entry->says[word] ? match_card(&entry->match, card) : MATCH_NOT;
                if (level >= best_level) {
                        best = entry;
                        best_level = level;
                }
        }
        return best;
}

void policy_rule(const Policy *policy, const CardFacts *card, Rule *ret_rule) {
        size_t match = 0;
        const Family *family = best_family(policy, card, &match);
        const PolicyCard *entry;
        Rule rule = RULE_GENERIC;
        Contest contest;

        if (family) {
                (void) text_copy(rule.family, sizeof(rule.family), family->name);
                rule.bus_reset = family->bus_reset;
                rule.kernel_guard = family->kernel_guard;
                rule.state = family->state;
                memcpy(rule.recipes, family->recipes, sizeof(rule.recipes));
                rule.recovery = family->recovery;
                rule.guest_reboots = family->guest_reboots;
        }
        if (contest_of(policy, card, family, family_level(family, match), &contest)) {
                rule.bus_reset = contest.bus_reset;
                rule.state = contest.state;
                rule.kernel_guard = KERNEL_GUARD_NONE;
                rule.guest_reboots = contest.guest_reboots;
                rule.is_withheld = true;
                memset(rule.recipes, 0, sizeof(rule.recipes));
                rule.recovery = (Recovery){ 0 };
        }
        if ((entry = best_card(policy, card, CARD_WORD_NAME)))
                (void) text_copy(rule.name, sizeof(rule.name), entry->name);
        if ((entry = best_card(policy, card, CARD_WORD_RETURN)))
                rule.return_to = entry->return_to;
        if ((entry = best_card(policy, card, CARD_WORD_AUTOMATIC)))
                rule.automatic = entry->automatic;
        if ((entry = best_card(policy, card, CARD_WORD_ALLOW))) {
                rule.allow_holders = entry->allow_holders;
                rule.allow_lockdown = entry->allow_lockdown;
                rule.allow_experimental = entry->allow_experimental;
        }
        /* Policy has no word for the opposite, so this can only be stricter. */
        if (best_card(policy, card, CARD_WORD_BUS_RESET))
                rule.bus_reset = BUS_RESET_FORBIDDEN;
        if ((entry = best_card(policy, card, CARD_WORD_WITH))) {
                rule.n_fellows = entry->n_fellows;
                for (size_t i = 0; i < entry->n_fellows; i++)
                        rule.fellows[i].address = entry->fellows[i];
        }
        rule.configuration_broken = !isempty(policy->problems.broken_file);
        (void) text_copy(rule.broken_file, sizeof(rule.broken_file), policy->problems.broken_file);
        *ret_rule = rule;
}

static const char *family_origin(const Policy *policy, const CardFacts *card, const char *key) {
        size_t match = 0;
        const Family *family = best_family(policy, card, &match);

        if (!family || (streq(key, "state") && !family->has_state) ||
            (streq(key, "kernel_guard") && family->kernel_guard == KERNEL_GUARD_NONE) ||
            (streq(key, "guest_reboots") && family->guest_reboots == GUEST_REBOOTS_UNLIMITED) ||
            (streq(key, "reset") && family->recipes[0].n_steps == 0))
                return ORIGIN_BUILT_IN;
        return family->origin;
}

static const char *card_origin(const Policy *policy, const CardFacts *card, CardWord word) {
        const PolicyCard *entry = best_card(policy, card, word);

        return entry ? entry->origin : ORIGIN_BUILT_IN;
}

/* Of a card whose family forbids the bus reset anyway, the family is the reason. */
static const char *bus_reset_origin(const Policy *policy, const CardFacts *card) {
        size_t match = 0;
        const Family *family = best_family(policy, card, &match);
        const PolicyCard *entry = best_card(policy, card, CARD_WORD_BUS_RESET);

        if (entry && !(family && family->bus_reset == BUS_RESET_FORBIDDEN))
                return entry->origin;
        return family_origin(policy, card, "bus_reset");
}

const char *policy_origin(const Policy *policy, const CardFacts *card, const char *key) {
        if (streq(key, "bus_reset"))
                return bus_reset_origin(policy, card);
        if (streq(key, "family") || streq(key, "state") || streq(key, "reset") || streq(key, "kernel_guard") ||
            streq(key, "guest_reboots"))
                return family_origin(policy, card, key);
        if (streq(key, "return"))
                return card_origin(policy, card, CARD_WORD_RETURN);
        if (streq(key, "automatic"))
                return card_origin(policy, card, CARD_WORD_AUTOMATIC);
        if (streq(key, "allow"))
                return card_origin(policy, card, CARD_WORD_ALLOW);
        if (streq(key, "name"))
                return card_origin(policy, card, CARD_WORD_NAME);
        if (streq(key, "with"))
                return card_origin(policy, card, CARD_WORD_WITH);
        return NULL;
}

void policy_match(const Policy *policy, const CardFacts *card, PolicyMatch *ret_match) {
        static const char *const levels[] = {
                [MATCH_ALL] = "any card", [MATCH_VENDOR] = "vendor", [MATCH_ID] = "id", [MATCH_SUBSYSTEM] = "board",
        };
        size_t match = 0;
        const Family *family = best_family(policy, card, &match);
        Contest contest;
        bool is_withheld = contest_of(policy, card, family, family_level(family, match), &contest);

        *ret_match = (PolicyMatch){ .family = "generic", .file = ORIGIN_BUILT_IN, .level = levels[MATCH_ALL],
                                    .is_withheld = is_withheld };
        if (!family)
                return;
        *ret_match = (PolicyMatch){
                .family = family->name,
                .file = family->origin,
                .line = family->match_lines[match],
                .level = levels[family->matches[match].level],
                .is_contested = is_withheld && contest.is_of_two,
                .is_withheld = is_withheld,
        };
}

const Family *model_family(const Policy *policy, const CardFacts *card) {
        size_t match;

        return best_family(policy, card, &match);
}

const PolicyCard *model_card(const Policy *policy, const CardFacts *card, CardWord word) {
        return best_card(policy, card, word);
}

int policy_find_name(const Policy *policy, const char *name, PciAddress *ret_address) {
        for (size_t i = 0; i < policy->n_cards; i++) {
                const PolicyCard *entry = &policy->cards[i];
                CardFacts card = { .n_functions = 1 };
                if (!entry->says[CARD_WORD_NAME] || !streq(entry->name, name))
                        continue;
                /* A later file may have given this card another name. */
                card.functions[0].address = entry->match.address;
                if (best_card(policy, &card, CARD_WORD_NAME) != entry)
                        continue;
                *ret_address = entry->match.address;
                return 0;
        }
        return -ENOENT;
}
