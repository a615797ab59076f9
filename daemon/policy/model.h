/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files said, before it is merged for a card. */

#include <json-c/json.h>

#include "policy/match.h"
#include "policy/problem.h"

typedef struct Family {
        char origin[PATH_TEXT_SIZE];
        Place place; /* in that file */
        size_t line; /* of its beginning */
        char name[FAMILY_NAME_SIZE];
        char confidence[8]; /* "" where it is not said */
        PolicyRank rank;
        CardMatch matches[FAMILY_IDS_MAX];
        size_t match_lines[FAMILY_IDS_MAX]; /* where in the file; 0: not known */
        size_t n_matches;
        BusResetWish bus_reset;
        KernelGuard kernel_guard;
        ResetStateRule state;
        bool has_state; /* at least one cell is given */
        Recipe recipes[RECIPES_MAX];
        Recovery recovery;
        uint32_t guest_reboots; /* or GUEST_REBOOTS_UNLIMITED */
} Family;

/* One piece of advice of a family. */
typedef struct AdviceEntry {
        size_t family;       /* its number */
        AdviceWhen when;
        json_object *object; /* owned: as the table of keys has it */
} AdviceEntry;

/* Of a card that a refused file means: the worst that is said of it. */
typedef struct Contest {
        CardMatch match;
        PolicyRank rank;
        bool is_of_two; /* refused because it claims what another file of its folder has */
        BusResetWish bus_reset;
        ResetStateRule state;
        uint32_t guest_reboots;
} Contest;

/* What one policy entry speaks of. */
typedef enum CardWord {
        CARD_WORD_NAME,
        CARD_WORD_RETURN,
        CARD_WORD_AUTOMATIC,
        CARD_WORD_ALLOW,
        CARD_WORD_BUS_RESET,
        CARD_WORD_WITH,
        _CARD_WORD_MAX,
} CardWord;

typedef struct PolicyCard {
        char origin[PATH_TEXT_SIZE];
        Place place; /* in that file */
        CardMatch match;
        bool says[_CARD_WORD_MAX]; /* which of the following are given */
        char name[CARD_NAME_SIZE];
        ReturnTo return_to;
        bool automatic;
        bool allow_holders;
        bool allow_lockdown;
        bool allow_experimental;
        size_t n_fellows;
        PciAddress fellows[FELLOWS_MAX];
} PolicyCard;

/** card_word_key() - the key of a policy entry that says it. */
const char *card_word_key(CardWord word);

/** model_family(), model_card() - what policy_rule() takes for a card: the family, and the entry whose @word holds. NULL: none. */
const Family *model_family(const Policy *policy, const CardFacts *card);
const PolicyCard *model_card(const Policy *policy, const CardFacts *card, CardWord word);

/* An entry about a device that is no GPU. */
typedef struct DeviceEntry {
        PolicyRank rank;
        char origin[PATH_TEXT_SIZE];
        json_object *object; /* owned: as the table of keys has it */
        CardMatch matches[FAMILY_IDS_MAX];
        size_t n_matches;
} DeviceEntry;

struct Policy {
        Problems problems;
        Family *families; /* in order of reading */
        size_t n_families;
        AdviceEntry *advice; /* in order of families */
        size_t n_advice;
        DeviceEntry *devices; /* in order of reading */
        size_t n_devices;
        Contest *contests; /* as many as there are ids in refused files at most */
        size_t n_contests;
        PolicyCard *cards;
        size_t n_cards;
};
