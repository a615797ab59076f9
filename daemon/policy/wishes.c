/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An entry speaks only of the keys that it holds; the others are left to less specific entries. A name
 * means one card, so it needs an address, and no two addresses may have the same. The same is true of a device
 * that goes along; whose it is, is looked at when the whole file is known, since a file can give it to another card.
 */

#include "policy/wishes.h"

#include <assert.h>

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

const char *card_word_key(CardWord word) {
        static const char *const keys[_CARD_WORD_MAX] = {
                [CARD_WORD_NAME] = "name",           [CARD_WORD_RETURN] = "return",
                [CARD_WORD_AUTOMATIC] = "automatic", [CARD_WORD_ALLOW] = "allow",
                [CARD_WORD_BUS_RESET] = "bus_reset", [CARD_WORD_WITH] = "with",
        };

        assert(word >= 0 && word < _CARD_WORD_MAX);
        return keys[word];
}

static void words_read(json_object *object, PolicyCard *card) {
        for (CardWord word = 0; word < _CARD_WORD_MAX; word++)
                card->says[word] = json_object_object_get_ex(object, card_word_key(word), NULL);
        if (card->says[CARD_WORD_NAME])
                (void) text_copy(card->name, sizeof(card->name), member_string(object, "name"));
        if (card->says[CARD_WORD_RETURN])
                card->return_to = return_to_from_string(member_string(object, "return"));
        if (card->says[CARD_WORD_AUTOMATIC])
                card->automatic = json_object_get_boolean(member(object, "automatic"));
        if (card->says[CARD_WORD_ALLOW])
                allow_read(member(object, "allow"), card);
}

static bool has_fellow(const PolicyCard *card, PciAddress address) {
        for (size_t i = 0; i < card->n_fellows; i++)
                if (address_equal(card->fellows[i], address))
                        return true;
        return false;
}

/* @place: of the list */
static int fellows_read(Report *report, const Place *place, json_object *list, PolicyCard *card) {
        int r = 0;

        if (card->match.level != MATCH_ADDRESS)
                return report_meaning(report, place, "needs a match by address: two cards can have the same id, and a device "
                                      "goes along with one");
        for (size_t i = 0; i < json_object_array_length(list); i++) {
                const char *text = json_object_get_string(json_object_array_get_idx(list, i));
                Place at = place_index(place, i);
                PciAddress address;
                if (address_parse(text, &address) < 0)
                        r = report_meaning(report, &at, "is no PCI address");
                else if (address_same_slot(address, card->match.address))
                        r = report_meaning(report, &at, "is in the card's own slot, whose functions go along anyway");
                else if (has_fellow(card, address))
                        r = report_meaning(report, &at, "is there twice: %s", ADDRESS_TEXT(address));
                else
                        card->fellows[card->n_fellows++] = address;
        }
        return r;
}

/* Has a later entry for the same card a list of its own? */
static bool is_replaced(const PolicyCard *cards, size_t n_cards, size_t index) {
        for (size_t i = index + 1; i < n_cards; i++)
                if (cards[i].says[CARD_WORD_WITH] && match_equal(&cards[i].match, &cards[index].match))
                        return true;
        return false;
}

/* Is a device of card number @index one that another card has before it? */
static int check_fellows(Report *report, const PolicyCard *cards, size_t n_cards, size_t index) {
        const PolicyCard *card = &cards[index];
        Place at = place_key(&card->place, "with");

        for (size_t i = 0; i < index; i++) {
                if (match_equal(&cards[i].match, &card->match) || is_replaced(cards, n_cards, i))
                        continue;
                for (size_t k = 0; k < card->n_fellows; k++)
                        if (has_fellow(&cards[i], card->fellows[k]))
                                return report_meaning(report, &at, "%s goes along with another card, %s, by %s",
                                                      ADDRESS_TEXT(card->fellows[k]), ADDRESS_TEXT(cards[i].match.address),
                                                      cards[i].origin);
        }
        return 0;
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
        Place at_match = place_key(place, "match"), at_with = place_key(place, "with");

        *card = (PolicyCard){ .automatic = true };
        (void) text_copy(card->origin, sizeof(card->origin), report->file);
        card->place = *place;
        words_read(object, card);
        int r = match_read(report, &at_match, member(object, "match"), &card->match);
        /* What the format lets through and the parser does not. */
        if (r < 0)
                return report_meaning(report, &at_match, "means no card");
        return r == 0 && card->says[CARD_WORD_WITH] ? fellows_read(report, &at_with, member(object, "with"), card) : r;
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
        for (size_t i = before; i < before + n; i++)
                (void) check_fellows(report, cards, before + n, i);
        if (report->n_faults > 0)
                return POLICY_E_REFUSED;
        policy->n_cards = before + n;
        return 0;
}
