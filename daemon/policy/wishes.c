/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An entry speaks only of the keys that it holds; the others are left to less specific entries. A name
 * means one card, so it needs an address, and no two addresses may have the same.
 */

#include "policy/wishes.h"

#include "base/address.h"
#include "base/enum-text.h"
#include "base/text.h"
#include "policy/check.h"

static int match_read(Report *report, const Place *place, json_object *value, CardMatch *ret_match) {
        if (json_object_is_type(value, json_type_string))
                return match_parse_id("*:*", NULL, ret_match);

        const char *address = member_string(value, "address"), *id = member_string(value, "id");
        const char *subsystem = member_string(value, "subsystem");
        Place at = place_key(place, "subsystem");
        if (!address == !id)
                return report_meaning(report, place, "needs either \"address\" or \"id\"");
        if (subsystem && (address || match_parse_id(id, subsystem, ret_match) < 0))
                return report_meaning(report, &at, "needs an id without \"*\" beside it");
        return address ? match_parse_address(address, ret_match) : match_parse_id(id, subsystem, ret_match);
}

static void allow_read(json_object *list, PolicyCard *card) {
        for (size_t i = 0; i < json_object_array_length(list); i++) {
                const char *word = json_object_get_string(json_object_array_get_idx(list, i));
                if (streq(word, "holders"))
                        card->allow_holders = true;
                else if (streq(word, "lockdown"))
                        card->allow_lockdown = true;
                else if (streq(word, "experimental"))
                        card->allow_experimental = true;
        }
}

static void words_read(json_object *object, PolicyCard *card) {
        static const char *const keys[_CARD_WORD_MAX] = {
                [CARD_WORD_NAME] = "name",           [CARD_WORD_RETURN] = "return",
                [CARD_WORD_AUTOMATIC] = "automatic", [CARD_WORD_ALLOW] = "allow",
                [CARD_WORD_BUS_RESET] = "bus_reset",
        };

        for (size_t i = 0; i < ELEMENTSOF(keys); i++)
                card->says[i] = json_object_object_get_ex(object, keys[i], NULL);
        if (card->says[CARD_WORD_NAME])
                (void) text_copy(card->name, sizeof(card->name), member_string(object, "name"));
        if (card->says[CARD_WORD_RETURN])
                card->return_to = return_to_from_string(member_string(object, "return"));
        if (card->says[CARD_WORD_AUTOMATIC])
                card->automatic = json_object_get_boolean(member(object, "automatic"));
        if (card->says[CARD_WORD_ALLOW])
                allow_read(member(object, "allow"), card);
}

/* @first: the first card of this file */
static int check_claim(Report *report, const Place *place, const Policy *policy, size_t first, size_t n_cards,
                       const PolicyCard *card) {
        Place at_match = place_key(place, "match"), at_name = place_key(place, "name");

        if (card->says[CARD_WORD_NAME] && card->match.level != MATCH_ADDRESS)
                return report_meaning(report, &at_name,
                                      "needs a match by address: two cards can have the same id");
        for (size_t i = 0; i < n_cards; i++) {
                const PolicyCard *other = &policy->cards[i];
                bool same_match = match_equal(&other->match, &card->match);
                if (i >= first && same_match)
                        return report_meaning(report, &at_match, "another entry of this file means the same");
                if (!same_match && card->says[CARD_WORD_NAME] && other->says[CARD_WORD_NAME] &&
                    streq(other->name, card->name))
                        return report_meaning(report, &at_name, "another card has this name: %s",
                                              ADDRESS_TEXT(other->match.address));
        }
        return 0;
}

static int card_read(Report *report, const Place *place, json_object *object, PolicyCard *card) {
        Place at_match = place_key(place, "match");

        *card = (PolicyCard){ .automatic = true };
        (void) text_copy(card->origin, sizeof(card->origin), report->file);
        card->place = *place;
        words_read(object, card);
        int r = match_read(report, &at_match, member(object, "match"), &card->match);
        /* What the format lets through and the parser does not. */
        return r < 0 ? report_meaning(report, &at_match, "means no card") : r;
}

int wishes_read(Policy *policy, Report *report, json_object *root) {
        json_object *list = member(root, "cards");
        size_t n = json_object_array_length(list), before = policy->n_cards;
        Place at_list = place_key(&(Place){ 0 }, "cards");
        PolicyCard *cards;

        if (n > POLICY_CARDS_MAX - before)
                return report_meaning(report, &at_list, "more than %u cards in all files", POLICY_CARDS_MAX);
        if (n == 0)
                return 0;
        cards = reallocarray(policy->cards, before + n, sizeof(*cards));
        if (!cards)
                return -ENOMEM;
        policy->cards = cards;
        for (size_t i = 0; i < n; i++) {
                Place at = place_index(&at_list, i);
                if (card_read(report, &at, json_object_array_get_idx(list, i), &cards[before + i]) == 0)
                        (void) check_claim(report, &at, policy, before, before + i, &cards[before + i]);
        }
        if (report->n_faults > 0)
                return POLICY_E_REFUSED;
        policy->n_cards = before + n;
        return 0;
}
