/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Nobody acts on these facts but where such a device goes along with a card, so they are kept as the file had them. */

#include "policy/devices.h"

#include <assert.h>

#include "base/enum-text.h"
#include "base/text.h"
#include "policy/check.h"

int devices_read(Policy *policy, Report *report, json_object *list) {
        size_t n = list ? json_object_array_length(list) : 0;
        Place at = place_key(&(Place){ 0 }, "devices");
        DeviceEntry *entries;

        if (n == 0)
                return 0;
        if (n > DEVICES_MAX - policy->n_devices)
                return report_meaning(report, &at, "more than %u devices in all files", DEVICES_MAX);
        entries = reallocarray(policy->devices, policy->n_devices + n, sizeof(*entries));
        if (!entries)
                return -ENOMEM;
        policy->devices = entries;
        for (size_t i = 0; i < n; i++) {
                DeviceEntry *entry = &entries[policy->n_devices++];
                *entry = (DeviceEntry){ .rank = report->rank,
                                        .object = json_object_get(json_object_array_get_idx(list, i)) };
                (void) text_copy(entry->origin, sizeof(entry->origin), report->file);
        }
        return 0;
}

static MatchLevel entry_level(const DeviceEntry *entry, const CardFacts *device) {
        json_object *matches = member(entry->object, "match");
        MatchLevel level = MATCH_NOT;

        for (size_t i = 0; i < json_object_array_length(matches); i++) {
                CardMatch match;
                if (match_parse_id(member_string(json_object_array_get_idx(matches, i), "id"), NULL, &match) == 0)
                        level = MAX_OF(level, match_card(&match, device));
        }
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
                if (level > best_level || (best && level == best_level && entry->rank >= best->rank)) {
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
