/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The report is meant to leave the machine, so what is in it is named here, key by key: whatever else a daemon may tell
 * one day stays.
 */

#include <stdio.h>

#include "base/text.h"
#include "client/bus.h"
#include "client/json.h"
#include "client/quirks.h"
#include "gpuswitch/names.h"

static const char *const report_keys[] = {
        "vendor_id", "device_id", "subsystem_vendor_id", "subsystem_device_id", "family", "kernel", "method",
        "tries",     "successes", "failures",
};

static int outcomes_fetch(sd_bus *bus, json_object **ret_outcomes, sd_bus_error *reterr) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;

        int r = sd_bus_call_method(bus, GPUSWITCH_BUS_NAME, GPUSWITCH_BUS_PATH, GPUSWITCH_MANAGER_INTERFACE, "Outcomes",
                                   reterr, &reply, "");
        if (r < 0)
                return r;
        r = sd_bus_message_has_signature(reply, "aa{sv}") ? value_to_json(reply, ret_outcomes) : -EBADMSG;
        return r < 0 ? sd_bus_error_set_errno(reterr, r) : 0;
}

static int add_entry(json_object *list, json_object *outcome) {
        json_object *entry = json_object_new_object(), *value;

        if (!entry || json_object_array_add(list, entry) < 0) {
                json_object_put(entry);
                return -ENOMEM;
        }
        for (size_t i = 0; i < ELEMENTSOF(report_keys); i++)
                if (json_object_object_get_ex(outcome, report_keys[i], &value) &&
                    json_object_object_add(entry, report_keys[i], json_object_get(value)) < 0)
                        return -ENOMEM;
        return 0;
}

static int make_report(json_object *outcomes, json_object **ret_report) {
        _cleanup_(json_object_putp) json_object *report = json_object_new_object();
        json_object *list = json_object_new_array();
        int r = 0;

        if (!report || json_object_object_add(report, "gpuswitch", json_object_new_string(GPUSWITCH_VERSION)) < 0 ||
            json_object_object_add(report, "outcomes", list) < 0) {
                json_object_put(list);
                return -ENOMEM;
        }
        for (size_t i = 0; r >= 0 && i < json_object_array_length(outcomes); i++)
                r = add_entry(list, json_object_array_get_idx(outcomes, i));
        if (r >= 0)
                *ret_report = TAKE_PTR(report);
        return r;
}

ExitStatus quirks_report(const Options *options) {
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(json_object_putp) json_object *outcomes = NULL, *report = NULL;

        int r = bus_connect(options, &bus);
        if (r < 0)
                return bus_fail_connect(options, r);
        r = outcomes_fetch(bus, &outcomes, &error);
        if (r < 0)
                return bus_fail(options, &error, r);
        r = make_report(outcomes, &report);
        if (r < 0) {
                fprintf(stderr, "cannot make the report: %s\n", strerror(-r));
                return EXIT_REFUSED;
        }
        print_json(stdout, report);
        return EXIT_DONE;
}
