/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Nobody acts on these facts but where such a device goes along with a card, so they are kept as the file had them. */

#include "policy/devices.h"

#include <assert.h>

#include "base/enum-text.h"
#include "base/text.h"
#include "policy/check.h"

/* Which entry of that rank has this id by now? NULL: none. */
static const DeviceEntry *find_claim(const Policy *policy, PolicyRank rank, const CardMatch *match) {
        for (size_t i = 0; i < policy->n_devices; i++) {
                const DeviceEntry *entry = &policy->devices[i];
                for (size_t k = 0; entry->rank == rank && k < entry->n_matches; k++)
                        if (match_equal(&entry->matches[k], match))
                                return entry;
        }
        return NULL;
}

/* No two entries of one folder may mean the same devices. @entry: the last of @policy, whose ids are still to be read */
static void matches_read(const Policy *policy, Report *report, const Place *place, DeviceEntry *entry) {
        Place at_match = place_key(place, "match");
        json_object *matches = member(entry->object, "match");

        for (size_t i = 0; i < json_object_array_length(matches); i++) {
                Place at = place_index(&at_match, i);
                CardMatch match;
                if (match_parse_id(member_string(json_object_array_get_idx(matches, i), "id"), NULL, &match) < 0)
                        continue;
                const DeviceEntry *other = find_claim(policy, entry->rank, &match);
                if (other)
                        (void) report_meaning(report, &at, "device \"%s\" of %s has this id already",
                                              member_string(other->object, "device"), other->origin);
                else
                        entry->matches[entry->n_matches++] = match;
        }
}

int devices_read(Policy *policy, Report *report, json_object *list) {
        size_t n = list ? json_object_array_length(list) : 0, before = policy->n_devices;
        Place at = place_key(&(Place){ 0 }, "devices");
        DeviceEntry *entries;

        if (n == 0)
                return 0;
        if (n > DEVICES_MAX - before)
                return report_meaning(report, &at, "more than %u devices in all files", DEVICES_MAX);
        entries = reallocarray(policy->devices, before + n, sizeof(*entries));
        if (!entries)
                return -ENOMEM;
        policy->devices = entries;
        for (size_t i = 0; i < n; i++) {
                json_object *object = json_object_array_get_idx(list, i);
                Place at_entry = place_index(&at, i);
                DeviceEntry *entry = &entries[policy->n_devices++];
                *entry = (DeviceEntry){ .rank = report->rank, .object = json_object_get(object) };
                (void) text_copy(entry->origin, sizeof(entry->origin), report->file);
                matches_read(policy, report, &at_entry, entry);
        }
        if (report->n_faults == 0)
                return 0;
        while (policy->n_devices > before)
                json_object_put(policy->devices[--policy->n_devices].object);
        return POLICY_E_REFUSED;
}

static MatchLevel entry_level(const DeviceEntry *entry, const CardFacts *device) {
        MatchLevel level = MATCH_NOT;

        for (size_t i = 0; i < entry->n_matches; i++)
                level = MAX_OF(level, match_card(&entry->matches[i], device));
        return level;
}

static const char *text_or_empty(const char *text) {
        return text ?: "";
}

bool policy_device(const Policy *policy, uint16_t vendor_id, uint16_t device_id, PolicyDevice *ret_device) {
        CardFacts device = { .n_functions = 1 };
        MatchLevel best_level = MATCH_NOT;
        const DeviceEntry *best = NULL;

        device.functions[0].vendor_id = vendor_id;
        device.functions[0].device_id = device_id;
        for (size_t i = 0; i < policy->n_devices; i++) {
                const DeviceEntry *entry = &policy->devices[i];
                MatchLevel level = entry_level(entry, &device);
                if (level > best_level || (best && level == best_level && entry->rank > best->rank)) {
                        best = entry;
                        best_level = level;
                }
        }
        if (!best)
                return false;
        json_object *bus_reset = member(best->object, "bus_reset");
        *ret_device = (PolicyDevice){
                .name = member_string(best->object, "device"),
                .file = best->origin,
                .reset = member_value_string(best->object, "reset"),
                .reset_source = member_string(member(best->object, "reset"), "source"),
                .bus_reset = text_or_empty(bus_reset ? member_value_string(best->object, "bus_reset") : NULL),
                .bus_reset_source = text_or_empty(bus_reset ? member_string(bus_reset, "source") : NULL),
                .note = text_or_empty(member_string(best->object, "note")),
        };
        return true;
}

void policy_fellow(const Policy *policy, uint16_t vendor_id, uint16_t device_id, FellowRule *fellow) {
        PolicyDevice device;

        *fellow = (FellowRule){ .address = fellow->address, .reset = DEVICE_RESET_UNKNOWN };
        if (!policy_device(policy, vendor_id, device_id, &device))
                return;
        (void) text_copy(fellow->device, sizeof(fellow->device), device.name);
        fellow->reset = device_reset_from_string(device.reset);
        assert(fellow->reset >= 0); /* the table of keys has let it through */
        fellow->bus_reset_forbidden = streq(device.bus_reset, bus_reset_wish_to_string(BUS_RESET_FORBIDDEN));
        (void) text_format(fellow->source, sizeof(fellow->source), "%s",
                           fellow->bus_reset_forbidden ? device.bus_reset_source : device.reset_source);
        (void) text_make_utf8(fellow->source);
}
