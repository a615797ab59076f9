/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ids are those of the display function; the companions of its slot go along whatever they are. */

#include "policy/match.h"

#include "base/address.h"
#include "base/text.h"

/* "1002:67df"; the text is held to its format already. */
static int parse_pair(const char *text, uint16_t *ret_vendor, uint16_t *ret_device) {
        char half[5] = "";
        uint64_t vendor, device;

        if (strlen(text) != 9 || text[4] != ':')
                return -EINVAL;
        memcpy(half, text, 4);
        if (text_to_uint64(half, 16, &vendor) < 0 || text_to_uint64(text + 5, 16, &device) < 0)
                return -EINVAL;
        *ret_vendor = (uint16_t) vendor;
        *ret_device = (uint16_t) device;
        return 0;
}

int match_parse_id(const char *id, const char *subsystem, CardMatch *ret_match) {
        CardMatch match = { .level = MATCH_ID };
        char vendor_only[10];

        if (streq(id, "*:*"))
                match.level = MATCH_ALL;
        else if (strlen(id) == 6 && id[5] == '*') {
                match.level = MATCH_VENDOR;
                (void) text_format(vendor_only, sizeof(vendor_only), "%.5s0000", id);
                id = vendor_only;
        }
        if (match.level != MATCH_ALL && parse_pair(id, &match.vendor_id, &match.device_id) < 0)
                return -EINVAL;
        if (subsystem) {
                if (match.level != MATCH_ID ||
                    parse_pair(subsystem, &match.subsystem_vendor_id, &match.subsystem_device_id) < 0)
                        return -EINVAL;
                match.level = MATCH_SUBSYSTEM;
        }
        *ret_match = match;
        return 0;
}

int match_parse_address(const char *text, CardMatch *ret_match) {
        CardMatch match = { .level = MATCH_ADDRESS };
        int r = address_parse(text, &match.address);

        if (r < 0)
                return r;
        match.address.function = 0;
        *ret_match = match;
        return 0;
}

static bool same_id(const CardMatch *match, const FunctionFacts *function) {
        return match->vendor_id == function->vendor_id && match->device_id == function->device_id;
}

MatchLevel match_card(const CardMatch *match, const CardFacts *card) {
        const FunctionFacts *function = &card->functions[0];
        bool is_it = false;

        if (card->n_functions == 0)
                return MATCH_NOT;
        switch (match->level) {
        case MATCH_NOT:
                break;
        case MATCH_ALL:
                is_it = true;
                break;
        case MATCH_VENDOR:
                is_it = match->vendor_id == function->vendor_id;
                break;
        case MATCH_ID:
                is_it = same_id(match, function);
                break;
        case MATCH_SUBSYSTEM:
                is_it = same_id(match, function) &&
                        match->subsystem_vendor_id == function->subsystem_vendor_id &&
                        match->subsystem_device_id == function->subsystem_device_id;
                break;
        case MATCH_ADDRESS:
                is_it = address_same_slot(match->address, function->address);
                break;
        }
        return is_it ? match->level : MATCH_NOT;
}

bool match_equal(const CardMatch *a, const CardMatch *b) {
        return a->level == b->level && a->vendor_id == b->vendor_id && a->device_id == b->device_id &&
               a->subsystem_vendor_id == b->subsystem_vendor_id &&
               a->subsystem_device_id == b->subsystem_device_id && address_equal(a->address, b->address);
}

const char *match_text(const CardMatch *match, char *buffer, size_t size) {
        switch (match->level) {
        case MATCH_NOT:
                (void) text_copy(buffer, size, "");
                break;
        case MATCH_ALL:
                (void) text_copy(buffer, size, "*:*");
                break;
        case MATCH_VENDOR:
                (void) text_format(buffer, size, "%04x:*", match->vendor_id);
                break;
        case MATCH_ID:
                (void) text_format(buffer, size, "%04x:%04x", match->vendor_id, match->device_id);
                break;
        case MATCH_SUBSYSTEM:
                (void) text_format(buffer, size, "%04x:%04x:%04x:%04x", match->vendor_id, match->device_id,
                                   match->subsystem_vendor_id, match->subsystem_device_id);
                break;
        case MATCH_ADDRESS:
                (void) text_format(buffer, size, "%s", ADDRESS_TEXT(match->address));
                break;
        }
        return buffer;
}
