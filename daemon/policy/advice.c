/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Advice is text that nobody acts on, so it is kept as the file had it, and whether it is for a card is found out when
 * somebody asks. It adds up over all entries that mean the card: what is true of every card with a ROM need not be said
 * again in each family.
 */

#include "policy/advice.h"

#include <assert.h>
#include <unistd.h>

#include "base/enum-text.h"
#include "base/text.h"
#include "policy/check.h"

#define COMMON_PAGE_SIZE 4096

static const char *const advice_when_table[_ADVICE_WHEN_MAX] = {
        [ADVICE_ALWAYS] = "always",         [ADVICE_BOOT_DISPLAY] = "boot-display", [ADVICE_ROOT_BUS] = "root-bus",
        [ADVICE_COMPANIONS] = "companions", [ADVICE_LARGE_PAGES] = "large-pages",
};

DECLARE_ENUM_TEXT(advice_when, AdviceWhen);
DEFINE_ENUM_TEXT(advice_when, AdviceWhen, advice_when_table)

int advice_read(Policy *policy, size_t family, json_object *list) {
        size_t n = list ? json_object_array_length(list) : 0;
        AdviceEntry *entries;

        if (n == 0)
                return 0;
        entries = reallocarray(policy->advice, policy->n_advice + n, sizeof(*entries));
        if (!entries)
                return -ENOMEM;
        policy->advice = entries;
        for (size_t i = 0; i < n; i++) {
                json_object *object = json_object_array_get_idx(list, i);
                const char *when = member_string(object, "when");
                entries[policy->n_advice++] = (AdviceEntry){
                        .family = family,
                        .when = when ? advice_when_from_string(when) : ADVICE_ALWAYS,
                        .object = json_object_get(object),
                };
        }
        return 0;
}

/* "/sys/devices/pci0000:00/0000:00:02.0": nothing between the root bus and the slot. */
static bool is_on_root_bus(const CardFacts *card) {
        const char *slot = strrchr(card->slot_path, '/');

        if (!slot)
                return false;
        while (slot > card->slot_path && slot[-1] != '/')
                slot--;
        return text_starts_with(slot, "pci") != NULL;
}

static bool applies(AdviceWhen when, const CardFacts *card) {
        switch (when) {
        case ADVICE_BOOT_DISPLAY:
                return card->n_functions > 0 && card->functions[0].is_boot_display;
        case ADVICE_ROOT_BUS:
                return is_on_root_bus(card);
        case ADVICE_COMPANIONS:
                return card->n_functions > 1;
        case ADVICE_LARGE_PAGES:
                return sysconf(_SC_PAGESIZE) > COMMON_PAGE_SIZE;
        case ADVICE_ALWAYS:
        case _ADVICE_WHEN_MAX:
                break;
        }
        return true;
}

static MatchLevel family_level(const Family *family, const CardFacts *card) {
        MatchLevel level = MATCH_NOT;

        for (size_t i = 0; i < family->n_matches; i++)
                level = MAX_OF(level, match_card(&family->matches[i], card));
        return level;
}

/* Has the administrator's folder an entry that means the card just as closely? Then the vendor's does not count. */
static bool is_replaced(const Policy *policy, const CardFacts *card, const Family *family, MatchLevel level) {
        for (size_t i = 0; i < policy->n_families; i++)
                if (policy->families[i].rank > family->rank && family_level(&policy->families[i], card) == level)
                        return true;
        return false;
}

bool policy_advice(const Policy *policy, const CardFacts *card, size_t index, PolicyAdvice *ret_advice) {
        for (MatchLevel level = MATCH_SUBSYSTEM; level > MATCH_NOT; level--)
                for (size_t i = 0; i < policy->n_advice; i++) {
                        const AdviceEntry *entry = &policy->advice[i];
                        const Family *family = &policy->families[entry->family];
                        if (family_level(family, card) != level || is_replaced(policy, card, family, level) || index-- > 0)
                                continue;
                        const char *xml = member_string(entry->object, "xml");
                        *ret_advice = (PolicyAdvice){
                                .text = member_string(entry->object, "text"),
                                .xml = xml ?: "",
                                .source = member_string(entry->object, "source"),
                                .family = family->name,
                                .when = entry->when,
                                .applies = applies(entry->when, card),
                        };
                        return true;
                }
        return false;
}
