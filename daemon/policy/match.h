/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which card an entry means, and which of two entries means it more closely. */

#include "core/facts.h"

/* How closely an entry means a card. More is more specific. */
typedef enum MatchLevel {
        MATCH_NOT,
        MATCH_ALL,
        MATCH_VENDOR,
        MATCH_ID,
        MATCH_SUBSYSTEM,
        MATCH_ADDRESS,
} MatchLevel;

typedef struct CardMatch {
        MatchLevel level; /* which of the fields below count */
        uint16_t vendor_id;
        uint16_t device_id;
        uint16_t subsystem_vendor_id;
        uint16_t subsystem_device_id;
        PciAddress address; /* of function 0 */
} CardMatch;

/**
 * match_parse_id() - texts of the table's formats "id" and "subsystem"
 * @subsystem: or NULL
 *
 * Return: 0; -EINVAL when a subsystem stands beside an id that is not one device's.
 */
int match_parse_id(const char *id, const char *subsystem, CardMatch *ret_match);

/** match_parse_address() - a text of the format "address"; any function of the slot means the card. */
int match_parse_address(const char *text, CardMatch *ret_match);

/** match_card() - the match's level if it means this card, else MATCH_NOT. */
MatchLevel match_card(const CardMatch *match, const CardFacts *card);

/** match_text() - "1002:67df:1da2:e366", "1002:67df", "1002:*", "*:*", "0000:01:00.0". Returns @buffer. */
const char *match_text(const CardMatch *match, char *buffer, size_t size);

/** match_equal() - do both mean exactly the same cards? */
bool match_equal(const CardMatch *a, const CardMatch *b);
