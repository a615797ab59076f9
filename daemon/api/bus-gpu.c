/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * org.gpuswitch1.GPU: one object per card. Properties are read from the view at each read, and signalled when
 * the view differs from the one signalled last.
 */

#include "api/bus-internal.h"

#include <stddef.h>
#include <string.h>

#include "base/address.h"
#include "base/enum-text.h"
#include "base/text.h"
#include "gpuswitch/names.h"

/* Each property with the part of the view that it shows. */
static const struct {
        const char *name;
        size_t offset;
        size_t size;
} property_parts[] = {
#define PART(name, first, last) \
        { name, offsetof(GpuView, first), offsetof(GpuView, last) + sizeof(((GpuView *) 0)->last) - offsetof(GpuView, first) }
        PART("Name", name, name),
        PART("ResetState", reset_state, reset_state),
        PART("Reason", reason, reason),
        PART("Evidence", n_evidence, n_evidence),
        PART("Owner", owner, owner),
        PART("Stuck", stuck, stuck),
        PART("StuckReason", stuck_reason, stuck_reason),
        PART("StuckDetail", stuck_detail, stuck_detail),
        PART("Family", family, family),
        PART("IommuGroup", iommu_group, iommu_group),
        PART("Domain", domain_name, domain_uuid),
        PART("LeasedByHand", leased_by_hand, leased_by_hand),
        PART("Operation", operation, operation),
        PART("Guard", guard, guard),
        PART("ReturnTo", return_to, return_to),
        PART("RebootsLeft", reboots_left, reboots_left),
        PART("RebootStops", reboot_stops, reboot_stops),
        PART("Reboots", reboots, reboots),
        PART("Recoveries", recovers_by_suspend, recovers_by_rescan),
        PART("Functions", n_functions, functions),
        PART("With", n_fellows, fellows),
#undef PART
};

int gpu_properties_changed(GpuObject *object, const GpuView *next) {
        char *names[ELEMENTSOF(property_parts) + 1] = { NULL };
        size_t n = 0;

        for (size_t i = 0; i < ELEMENTSOF(property_parts); i++)
                if (memcmp((const char *) &object->shown + property_parts[i].offset,
                           (const char *) next + property_parts[i].offset, property_parts[i].size) != 0)
                        names[n++] = (char *) property_parts[i].name;
        object->shown = *next;
        if (n == 0 || !object->bus->connection)
                return 0;
        return sd_bus_emit_properties_changed_strv(object->bus->connection, object->path, GPUSWITCH_GPU_INTERFACE,
                                                   names);
}

static int append_domain(sd_bus_message *reply, const GpuView *view) {
        int r = sd_bus_message_open_container(reply, 'a', "{sv}");

        if (r >= 0 && !isempty(view->domain_uuid))
                r = sd_bus_message_append(reply, "{sv}{sv}", "name", "s", view->domain_name, "uuid", "s",
                                          view->domain_uuid);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int append_operation(sd_bus_message *reply, const OperationView *operation) {
        int r = sd_bus_message_open_container(reply, 'a', "{sv}");

        if (r >= 0 && operation->running)
                r = sd_bus_message_append(reply, "{sv}{sv}{sv}{sv}{sv}{sv}{sv}", "id", "s", operation->id, "direction",
                                          "s", direction_to_string(operation->direction), "step", "u",
                                          (uint32_t) operation->step, "steps", "u", (uint32_t) operation->n_steps,
                                          "description", "s", operation->description, "undoing", "b",
                                          (int) operation->undoing, "domain", "s", operation->domain);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int append_texts(sd_bus_message *reply, const char *key, const char *texts, size_t size, size_t n) {
        int r = sd_bus_message_open_container(reply, 'e', "sv");

        if (r >= 0)
                r = sd_bus_message_append(reply, "s", key);
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'v', "as");
        if (r >= 0)
                r = sd_bus_message_open_container(reply, 'a', "s");
        for (size_t i = 0; r >= 0 && i < n; i++)
                r = sd_bus_message_append(reply, "s", texts + i * size);
        for (int i = 0; r >= 0 && i < 3; i++)
                r = sd_bus_message_close_container(reply);
        return r;
}

static int append_stuck_detail(sd_bus_message *reply, const GpuView *view) {
        const StuckView *detail = &view->stuck_detail;

        int r = sd_bus_message_open_container(reply, 'a', "{sv}");
        if (r >= 0 && view->stuck) {
                r = sd_bus_message_append(reply, "{sv}{sv}{sv}{sv}{sv}{sv}{sv}", "step", "s", detail->step, "action", "s",
                                          detail->action, "function", "s", ADDRESS_TEXT(detail->function), "since_usec",
                                          "t", (uint64_t) detail->since_usec, "pid", "i", detail->pid,
                                          "kernel_function", "s", detail->kernel_function, "kernel_stack", "s",
                                          detail->kernel_stack);
                if (r >= 0)
                        r = append_texts(reply, "holders", detail->holders[0], sizeof(detail->holders[0]),
                                         detail->n_holders);
                if (r >= 0)
                        r = append_texts(reply, "help", detail->help[0], sizeof(detail->help[0]), detail->n_help);
        }
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int append_functions(sd_bus_message *reply, const FunctionView *functions, size_t n) {
        int r = sd_bus_message_open_container(reply, 'a', "a{sv}");

        for (size_t i = 0; r >= 0 && i < n; i++)
                r = sd_bus_message_append(reply, "a{sv}", 3, "address", "s", ADDRESS_TEXT(functions[i].address), "role", "s",
                                          function_role_to_string(functions[i].role), "driver", "s", functions[i].driver);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int append_evidence(sd_bus_message *reply, const EvidenceList *list) {
        int r = sd_bus_message_open_container(reply, 'a', "a{sv}");

        for (size_t i = 0; r >= 0 && list && i < list->n; i++) {
                const Evidence *evidence = &list->entries[i];
                r = sd_bus_message_append(reply, "a{sv}", 6, "time_usec", "t", evidence->at_realtime_usec, "event", "s",
                                          evidence_event_to_string(evidence->event), "old_state", "s",
                                          evidence_state_to_string(evidence->from), "new_state", "s",
                                          evidence_state_to_string(evidence->to), "reason", "s", evidence->reason,
                                          "this_boot", "b", (int) evidence->this_boot);
        }
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int property_evidence(sd_bus *connection, const char *path, const char *interface, const char *property,
                             sd_bus_message *reply, void *userdata, sd_bus_error *ret_error) {
        const GpuObject *object = userdata;

        return append_evidence(reply, object->bus->operations->evidence(object->address, object->bus->userdata));
}

static int property_get(sd_bus *connection, const char *path, const char *interface, const char *property,
                        sd_bus_message *reply, void *userdata, sd_bus_error *ret_error) {
        GpuObject *object = userdata;
        GpuView view;
        char id[8];

        int r = object->bus->operations->view(object->address, &view, object->bus->userdata);
        if (r < 0)
                return r;
        if (streq(property, "Address"))
                return sd_bus_message_append(reply, "s", ADDRESS_TEXT(view.address));
        if (streq(property, "Name"))
                return sd_bus_message_append(reply, "s", view.name);
        if (streq(property, "VendorId") || streq(property, "DeviceId")) {
                (void) text_format(id, sizeof(id), "%04x", property[0] == 'V' ? view.vendor_id : view.device_id);
                return sd_bus_message_append(reply, "s", id);
        }
        if (streq(property, "ResetState"))
                return sd_bus_message_append(reply, "s", reset_state_to_string(view.reset_state));
        if (streq(property, "Reason"))
                return sd_bus_message_append(reply, "s", view.reason);
        if (streq(property, "Owner"))
                return sd_bus_message_append(reply, "s", owner_to_string(view.owner));
        if (streq(property, "Stuck"))
                return sd_bus_message_append(reply, "b", (int) view.stuck);
        if (streq(property, "StuckReason"))
                return sd_bus_message_append(reply, "s", view.stuck_reason);
        if (streq(property, "StuckDetail"))
                return append_stuck_detail(reply, &view);
        if (streq(property, "Family"))
                return sd_bus_message_append(reply, "s", view.family);
        if (streq(property, "IommuGroup"))
                return sd_bus_message_append(reply, "i", view.iommu_group);
        if (streq(property, "Domain"))
                return append_domain(reply, &view);
        if (streq(property, "LeasedByHand"))
                return sd_bus_message_append(reply, "b", (int) view.leased_by_hand);
        if (streq(property, "Operation"))
                return append_operation(reply, &view.operation);
        if (streq(property, "Guard"))
                return sd_bus_message_append(reply, "s", guard_to_string(view.guard));
        if (streq(property, "ReturnTo"))
                return sd_bus_message_append(reply, "s", return_to_to_string(view.return_to));
        if (streq(property, "RebootsLeft"))
                return sd_bus_message_append(reply, "i", view.reboots_left);
        if (streq(property, "RebootStops"))
                return sd_bus_message_append(reply, "b", (int) view.reboot_stops);
        if (streq(property, "Reboots"))
                return sd_bus_message_append(reply, "s", view.reboots);
        if (streq(property, "Recoveries")) {
                char *names[] = { (char *) "look", NULL, NULL, NULL };
                size_t n = 1;
                if (view.recovers_by_suspend)
                        names[n++] = (char *) "suspend";
                if (view.recovers_by_rescan)
                        names[n++] = (char *) "rescan";
                return sd_bus_message_append_strv(reply, names);
        }
        if (streq(property, "Functions"))
                return append_functions(reply, view.functions, view.n_functions);
        if (streq(property, "With"))
                return append_functions(reply, view.fellows, view.n_fellows);
        return -ENXIO;
}

/* The options dictionary; a key that nobody knows is the caller's mistake. Recover has "suspend" and "rescan", b, of which one
 * may be true. */
static int read_options(sd_bus_message *message, bool recovers, RecoverBy *ret_by, sd_bus_error *ret_error) {
        const char *key;
        int suspend = false, rescan = false;

        int r = sd_bus_message_enter_container(message, 'a', "{sv}");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(message, 'e', "sv")) > 0) {
                r = sd_bus_message_read(message, "s", &key);
                if (r < 0)
                        return r;
                bool is_suspend = streq(key, "suspend");
                if (!recovers || (!is_suspend && !streq(key, "rescan")))
                        return bus_bad_argument(ret_error, key, "option that is known");
                if (sd_bus_message_read(message, "v", "b", is_suspend ? &suspend : &rescan) < 0)
                        return bus_bad_argument(ret_error, key, "option of another type than b");
                r = sd_bus_message_exit_container(message);
                if (r < 0)
                        return r;
        }
        if (r >= 0 && suspend && rescan)
                return bus_bad_argument(ret_error, "suspend, rescan", "option of Recover: one of them at a time");
        *ret_by = suspend ? RECOVER_SUSPEND : rescan ? RECOVER_RESCAN : RECOVER_LOOK;
        return r < 0 ? r : sd_bus_message_exit_container(message);
}

static void on_switch_allowed(sd_bus_message *message, bool allowed, void *userdata) {
        BusRequest *request = userdata;
        const ApiOperations *operations = request->bus->operations;
        void *manager = request->bus->userdata;
        const char *member = sd_bus_message_get_member(message);

        if (!bus_request_allowed(request, allowed))
                return;
        if (streq(member, "ToGuest"))
                operations->to_guest(&request->request, request->address, manager);
        else if (streq(member, "ToHost"))
                operations->to_host(&request->request, request->address, manager);
        else if (streq(member, "Reset"))
                operations->reset(&request->request, request->address, manager);
        else
                operations->recover(&request->request, request->address, request->recover_by, manager);
}

static int method_switch(sd_bus_message *message, void *userdata, sd_bus_error *ret_error) {
        GpuObject *object = userdata;
        const char *member = sd_bus_message_get_member(message);
        BusRequest *request;
        bool recovers = streq(member, "Recover"), resets = recovers || streq(member, "Reset");
        RecoverBy by = RECOVER_LOOK;

        int r = read_options(message, recovers, &by, ret_error);
        if (r < 0)
                return r;
        r = bus_request_new(object->bus, message, REQUEST_OF_PERSON, object->address, ret_error, &request);
        if (r < 0)
                return r;
        request->recover_by = by;
        return bus_request_ask(request, resets ? POLKIT_ACTION_RESET : POLKIT_ACTION_SWITCH, on_switch_allowed);
}

static int method_plan(sd_bus_message *message, void *userdata, sd_bus_error *ret_error) {
        GpuObject *object = userdata;
        BusRequest *request;
        const char *to;

        int r = sd_bus_message_read(message, "s", &to);
        if (r < 0)
                return r;
        Direction direction = direction_from_string(to);
        if (direction < 0)
                return bus_bad_argument(ret_error, to, "direction: guest or host");
        r = bus_request_new(object->bus, message, REQUEST_OF_PERSON, object->address, ret_error, &request);
        if (r < 0)
                return r;
        object->bus->operations->plan(&request->request, object->address, direction, object->bus->userdata);
        return 1;
}

static int method_isolation(sd_bus_message *message, void *userdata, sd_bus_error *ret_error) {
        GpuObject *object = userdata;
        BusRequest *request;

        int r = bus_request_new(object->bus, message, REQUEST_OF_PERSON, object->address, ret_error, &request);
        if (r < 0)
                return r;
        object->bus->operations->isolation(&request->request, object->address, object->bus->userdata);
        return 1;
}

#define CHANGES SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE
#define CONSTANT SD_BUS_VTABLE_PROPERTY_CONST

const sd_bus_vtable gpu_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Address", "s", property_get, 0, CONSTANT),
        SD_BUS_PROPERTY("Name", "s", property_get, 0, CHANGES),
        SD_BUS_PROPERTY("VendorId", "s", property_get, 0, CONSTANT),
        SD_BUS_PROPERTY("DeviceId", "s", property_get, 0, CONSTANT),
        SD_BUS_PROPERTY("ResetState", "s", property_get, 0, CHANGES),
        SD_BUS_PROPERTY("Reason", "s", property_get, 0, CHANGES),
        SD_BUS_PROPERTY("Evidence", "aa{sv}", property_evidence, 0, CHANGES),
        SD_BUS_PROPERTY("Owner", "s", property_get, 0, CHANGES),
        SD_BUS_PROPERTY("Stuck", "b", property_get, 0, CHANGES),
        SD_BUS_PROPERTY("StuckReason", "s", property_get, 0, CHANGES),
        SD_BUS_PROPERTY("StuckDetail", "a{sv}", property_get, 0, CHANGES),
        SD_BUS_PROPERTY("Family", "s", property_get, 0, CHANGES),
        SD_BUS_PROPERTY("IommuGroup", "i", property_get, 0, CHANGES),
        SD_BUS_PROPERTY("Domain", "a{sv}", property_get, 0, CHANGES),
        SD_BUS_PROPERTY("LeasedByHand", "b", property_get, 0, CHANGES),
        SD_BUS_PROPERTY("Operation", "a{sv}", property_get, 0, CHANGES),
        SD_BUS_PROPERTY("Guard", "s", property_get, 0, CHANGES),
        SD_BUS_PROPERTY("ReturnTo", "s", property_get, 0, CHANGES),
        SD_BUS_PROPERTY("RebootsLeft", "i", property_get, 0, CHANGES),
        SD_BUS_PROPERTY("RebootStops", "b", property_get, 0, CHANGES),
        SD_BUS_PROPERTY("Reboots", "s", property_get, 0, CHANGES),
        SD_BUS_PROPERTY("Recoveries", "as", property_get, 0, CHANGES),
        SD_BUS_PROPERTY("Functions", "aa{sv}", property_get, 0, CHANGES),
        SD_BUS_PROPERTY("With", "aa{sv}", property_get, 0, CHANGES),
        SD_BUS_METHOD("ToGuest", "a{sv}", "", method_switch, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("ToHost", "a{sv}", "", method_switch, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Reset", "a{sv}", "", method_switch, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Recover", "a{sv}", "", method_switch, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Plan", "s", "aa{sv}", method_plan, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Advice", "", "aa{sv}", bus_method_advice, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Isolation", "", "a{sv}", method_isolation, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_SIGNAL("PrepareForSwitch", "sstb", 0),
        SD_BUS_VTABLE_END,
};
