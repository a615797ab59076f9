/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A card is kept as the JSON that `status --json` prints, and its fields are views into that: so
 * a property that a newer daemon adds shows up in JSON, in `monitor` and in `log` without any change here.
 */

#include "client/gpu.h"

#include <stdlib.h>

#include "base/address.h"
#include "base/text.h"
#include "client/json.h"
#include "client/timestamp.h"
#include "gpuswitch/names.h"

/* The order of keys in the output; what is not named here follows behind. */
static const char *const key_order[] = {
        "address", "name",        "vendor_id", "device_id", "reset_state", "owner",     "stuck",
        "family",  "iommu_group", "domain",    "operation", "guard",       "functions",
};

static void null_if_empty(json_object *object, const char *key) {
        json_object *value = member_of_type(object, key, json_type_object);

        if (value && json_object_object_length(value) == 0)
                (void) json_object_object_add(object, key, NULL);
}

static void tidy_functions(json_object *functions) {
        for (size_t i = 0; functions && i < json_object_array_length(functions); i++) {
                json_object *function = json_object_array_get_idx(functions, i);
                json_object *driver = member_of_type(function, "driver", json_type_string);
                if (driver && json_object_get_string_len(driver) == 0)
                        (void) json_object_object_add(function, "driver", NULL);
        }
}

/* Times as every other verb has them, and null for a state that was not known. */
static void tidy_evidence(json_object *evidence) {
        char when[TIMESTAMP_TEXT_SIZE];

        for (size_t i = 0; evidence && i < json_object_array_length(evidence); i++) {
                json_object *entry = json_object_array_get_idx(evidence, i);
                json_object *old_state = member_of_type(entry, "old_state", json_type_string);
                int64_t usec = member_number(entry, "time_usec", -1);
                if (usec >= 0)
                        (void) json_object_object_add(entry, "time",
                                                      json_object_new_string(timestamp_utc((usec_t) usec, when)));
                if (old_state && json_object_get_string_len(old_state) == 0)
                        (void) json_object_object_add(entry, "old_state", NULL);
        }
}

void gpu_tidy(json_object *properties) {
        null_if_empty(properties, "domain");
        null_if_empty(properties, "operation");
        null_if_empty(properties, "stuck_detail");
        if (member_number(properties, "iommu_group", 0) < 0)
                (void) json_object_object_add(properties, "iommu_group", NULL);
        if (member_number(properties, "reboots_left", 0) < 0)
                (void) json_object_object_add(properties, "reboots_left", NULL);

        tidy_functions(member_of_type(properties, "functions", json_type_array));
        tidy_functions(member_of_type(properties, "with", json_type_array));
        tidy_evidence(member_of_type(properties, "evidence", json_type_array));
}

/* A copy of @properties with the documented keys first. Members are shared. */
static json_object *in_order(json_object *properties) {
        json_object *ordered = json_object_new_object(), *value;

        if (!ordered)
                return NULL;
        for (size_t i = 0; i < ELEMENTSOF(key_order); i++)
                if (json_object_object_get_ex(properties, key_order[i], &value))
                        (void) json_object_object_add(ordered, key_order[i], json_object_get(value));
        json_object_object_foreach(properties, key, member) {
                if (!json_object_object_get_ex(ordered, key, NULL))
                        (void) json_object_object_add(ordered, key, json_object_get(member));
        }
        return ordered;
}

static int refresh_functions(const Gpu *gpu, const char *key, GpuFunction *ret_functions, size_t max, size_t *ret_n) {
        json_object *functions = member_of_type(gpu->json, key, json_type_array);
        size_t n = functions ? json_object_array_length(functions) : 0;

        if (n > max)
                return -EBADMSG;
        for (size_t i = 0; i < n; i++) {
                json_object *function = json_object_array_get_idx(functions, i);
                ret_functions[i] = (GpuFunction){
                        .address = member_text(function, "address"),
                        .role = member_text(function, "role"),
                        .driver = member_text(function, "driver"),
                };
        }
        *ret_n = n;
        return 0;
}

int gpu_refresh(Gpu *gpu) {
        json_object *json = gpu->json, *domain = member_of_type(json, "domain", json_type_object);

        gpu->address = member_text(json, "address");
        gpu->name = member_text(json, "name");
        gpu->reset_state = member_text(json, "reset_state");
        gpu->reason = member_text(json, "reason");
        gpu->owner = member_text(json, "owner");
        gpu->family = member_text(json, "family");
        gpu->guard = member_text(json, "guard");
        gpu->stuck_reason = member_text(json, "stuck_reason");
        gpu->return_to = member_text(json, "return_to");
        gpu->reboots = member_text(json, "reboots");
        gpu->stuck = member_flag(json, "stuck");
        gpu->leased_by_hand = member_flag(json, "leased_by_hand");
        gpu->iommu_group = member_number(json, "iommu_group", -1);
        gpu->domain_name = member_text(domain, "name");
        gpu->domain_uuid = member_text(domain, "uuid");
        gpu->operation = member_of_type(json, "operation", json_type_object);
        gpu->stuck_detail = member_of_type(json, "stuck_detail", json_type_object);
        gpu->recoveries = member_of_type(json, "recoveries", json_type_array);
        gpu->evidence = member_of_type(json, "evidence", json_type_array);
        if (address_parse(gpu->address, &gpu->pci) < 0)
                return -EBADMSG;
        int r = refresh_functions(gpu, "functions", gpu->functions, FUNCTIONS_MAX, &gpu->n_functions);
        return r < 0 ? r : refresh_functions(gpu, "with", gpu->fellows, FELLOWS_MAX, &gpu->n_fellows);
}

int gpu_init(Gpu *gpu, const char *path, json_object *properties) {
        *gpu = (Gpu){ 0 };
        gpu_tidy(properties);
        gpu->json = in_order(properties);
        json_object_put(properties);
        gpu->path = strdup(path);
        int r = gpu->json && gpu->path ? gpu_refresh(gpu) : -ENOMEM;
        if (r < 0)
                gpu_done(gpu);
        return r;
}

void gpu_done(Gpu *gpu) {
        free(gpu->path);
        json_object_put(gpu->json);
        *gpu = (Gpu){ 0 };
}

void gpu_list_done(GpuList *list) {
        while (list->n_gpus > 0)
                gpu_done(&list->gpus[--list->n_gpus]);
}

Gpu *gpu_list_find(GpuList *list, const char *path) {
        for (size_t i = 0; i < list->n_gpus; i++)
                if (streq(list->gpus[i].path, path))
                        return &list->gpus[i];
        return NULL;
}

bool gpu_list_remove(GpuList *list, const char *path) {
        Gpu *gpu = gpu_list_find(list, path);

        if (!gpu)
                return false;
        gpu_done(gpu);
        size_t behind = list->n_gpus - (size_t) (gpu - list->gpus) - 1;
        memmove(gpu, gpu + 1, behind * sizeof(*gpu));
        list->n_gpus--;
        return true;
}

/* Takes @gpu over into its place in the order of addresses. */
static int insert(GpuList *list, const Gpu *gpu) {
        size_t at = 0;

        if (list->n_gpus >= CARDS_MAX)
                return -E2BIG;
        while (at < list->n_gpus && address_compare(list->gpus[at].pci, gpu->pci) < 0)
                at++;
        memmove(&list->gpus[at + 1], &list->gpus[at], (list->n_gpus - at) * sizeof(*gpu));
        list->gpus[at] = *gpu;
        list->n_gpus++;
        return 0;
}

static int add_properties(GpuList *list, const char *path, json_object *properties) {
        Gpu gpu;

        (void) gpu_list_remove(list, path);
        int r = gpu_init(&gpu, path, properties);
        if (r < 0)
                return r;
        r = insert(list, &gpu);
        if (r < 0)
                gpu_done(&gpu);
        return r;
}

int gpu_list_add(GpuList *list, const char *path, sd_bus_message *interfaces) {
        int added = 0, r;

        r = sd_bus_message_enter_container(interfaces, 'a', "{sa{sv}}");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(interfaces, 'e', "sa{sv}")) > 0) {
                const char *interface = NULL;
                json_object *properties = NULL;

                r = sd_bus_message_read_basic(interfaces, 's', &interface);
                if (r < 0)
                        return r;
                if (streq(interface, GPUSWITCH_GPU_INTERFACE)) {
                        r = properties_to_json(interfaces, &properties);
                        if (r >= 0)
                                r = add_properties(list, path, properties);
                        added = 1;
                } else
                        r = sd_bus_message_skip(interfaces, "a{sv}");
                if (r < 0)
                        return r;
                r = sd_bus_message_exit_container(interfaces);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;
        r = sd_bus_message_exit_container(interfaces);
        return r < 0 ? r : added;
}

static int parse_managed_objects(sd_bus_message *reply, GpuList *list) {
        int r;

        r = sd_bus_message_enter_container(reply, 'a', "{oa{sa{sv}}}");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(reply, 'e', "oa{sa{sv}}")) > 0) {
                const char *path = NULL;

                r = sd_bus_message_read_basic(reply, 'o', &path);
                if (r < 0)
                        return r;
                r = gpu_list_add(list, path, reply);
                if (r < 0)
                        return r;
                r = sd_bus_message_exit_container(reply);
                if (r < 0)
                        return r;
        }
        return r < 0 ? r : sd_bus_message_exit_container(reply);
}

int gpu_list_fetch(sd_bus *bus, bool auto_start, GpuList *ret_list, sd_bus_error *reterr) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;

        int r = sd_bus_message_new_method_call(bus, &call, GPUSWITCH_BUS_NAME, GPUSWITCH_BUS_PATH,
                                               "org.freedesktop.DBus.ObjectManager", "GetManagedObjects");
        if (r >= 0)
                r = sd_bus_message_set_auto_start(call, auto_start);
        if (r < 0)
                return sd_bus_error_set_errno(reterr, r);
        r = sd_bus_call(bus, call, 0, reterr, &reply);
        if (r < 0)
                return r;
        *ret_list = (GpuList){ 0 };
        r = parse_managed_objects(reply, ret_list);
        if (r >= 0)
                return 0;
        gpu_list_done(ret_list);
        return sd_bus_error_set_errno(reterr, r);
}

/* Below the reason: what the person could have meant. */
static void append_choices(const GpuList *list, char *text, size_t size) {
        if (list->n_gpus == 0) {
                (void) text_append(text, size, "\nThis machine has no GPU.");
                return;
        }
        (void) text_append(text, size, "\nThere %s:", list->n_gpus == 1 ? "is" : "are");
        for (size_t i = 0; i < list->n_gpus; i++)
                (void) text_append(text, size, "%s %s%s%s%s", i > 0 ? "," : "", list->gpus[i].address,
                                   isempty(list->gpus[i].name) ? "" : " (", list->gpus[i].name,
                                   isempty(list->gpus[i].name) ? "" : ")");
}

static int resolve_address(const GpuList *list, PciAddress address, const Gpu **ret_gpu, char *reterr,
                           size_t size) {
        for (size_t i = 0; i < list->n_gpus; i++)
                if (address_equal(list->gpus[i].pci, address)) {
                        *ret_gpu = &list->gpus[i];
                        return 0;
                }
        (void) text_format(reterr, size, "no GPU %s", ADDRESS_TEXT(address));
        for (size_t i = 0; i < list->n_gpus; i++)
                if (address_same_slot(list->gpus[i].pci, address)) {
                        (void) text_append(reterr, size, ": the GPU in this slot is %s",
                                           list->gpus[i].address);
                        return -ENOENT;
                }
        append_choices(list, reterr, size);
        return -ENOENT;
}

int gpu_resolve(const GpuList *list, const char *argument, const Gpu **ret_gpu, char *reterr, size_t size) {
        const Gpu *found = NULL;
        PciAddress address;

        if (address_parse(argument, &address) >= 0)
                return resolve_address(list, address, ret_gpu, reterr, size);
        for (size_t i = 0; i < list->n_gpus; i++) {
                if (isempty(argument) || !streq(list->gpus[i].name, argument))
                        continue;
                if (found) {
                        (void) text_format(reterr, size, "more than one GPU is called '%s': use the address",
                                           argument);
                        append_choices(list, reterr, size);
                        return -ENOTUNIQ;
                }
                found = &list->gpus[i];
        }
        if (!found) {
                (void) text_format(reterr, size, "no GPU '%s'", argument);
                append_choices(list, reterr, size);
                return -ENOENT;
        }
        *ret_gpu = found;
        return 0;
}
