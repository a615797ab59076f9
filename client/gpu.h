/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The daemon's GPU objects, as the client sees them. */

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#include "gpuswitch/address.h"
#include "gpuswitch/limits.h"

/* Texts are borrowed from the Gpu's json, and "" where the daemon says nothing. */
typedef struct GpuFunction {
        const char *address;
        const char *role;
        const char *driver; /* "": none */
} GpuFunction;

typedef struct Gpu {
        char *path;        /* owned: of the bus object */
        json_object *json; /* owned: the card as `status --json` shows it; all texts below live in it */
        PciAddress pci;    /* of the display function */
        const char *address;
        const char *name;
        const char *reset_state;
        const char *reason; /* why the reset state is what it is */
        const char *owner;
        const char *family;
        const char *guard;
        const char *stuck_reason;
        const char *return_to;
        const char *reboots; /* how many a guest has left; "": no limit, or an older daemon */
        bool stuck;
        bool leased_by_hand;
        int64_t iommu_group;     /* -1: none */
        const char *domain_name; /* "": none */
        const char *domain_uuid;
        json_object *operation; /* borrowed, NULL: none */
        json_object *stuck_detail; /* borrowed, NULL: not stuck, or an older daemon */
        json_object *evidence; /* borrowed, NULL: an older daemon */
        json_object *recoveries; /* borrowed: "look", "suspend", "rescan"; NULL: an older daemon */
        size_t n_functions;
        GpuFunction functions[FUNCTIONS_MAX];
        size_t n_fellows;
        GpuFunction fellows[FELLOWS_MAX]; /* devices of other slots that go along */
} Gpu;

typedef struct GpuList {
        size_t n_gpus;
        Gpu gpus[CARDS_MAX]; /* in order of their addresses */
} GpuList;

/**
 * gpu_init() - a card from its properties
 * @properties: keys in snake_case; taken over, also on failure
 *
 * Empty values become what `status --json` promises (null). Return: 0; -EBADMSG when the address is missing
 * or none, or there are too many functions; -ENOMEM. On failure *@gpu needs no gpu_done().
 */
int gpu_init(Gpu *gpu, const char *path, json_object *properties);
void gpu_done(Gpu *gpu);

/** gpu_tidy() - the rules of `status --json` for empty values, on any subset of the properties. */
void gpu_tidy(json_object *properties);

/** gpu_refresh() - reads the texts anew after gpu->json was changed. Return: as gpu_init(). */
int gpu_refresh(Gpu *gpu);

/**
 * gpu_list_fetch() - all cards, from one GetManagedObjects()
 * @auto_start: have the bus start the daemon
 * @reterr: set on failure
 *
 * Return: 0 with *@ret_list to be freed by gpu_list_done(); negative errno.
 */
int gpu_list_fetch(sd_bus *bus, bool auto_start, GpuList *ret_list, sd_bus_error *reterr);
void gpu_list_done(GpuList *list);

/** gpu_list_add() - reads one object's a{sa{sv}} of interfaces. Return: 1 added, 0 it is no GPU, negative
 * errno. */
int gpu_list_add(GpuList *list, const char *path, sd_bus_message *interfaces);
/** gpu_list_remove() - Return: was it there? */
bool gpu_list_remove(GpuList *list, const char *path);
Gpu *gpu_list_find(GpuList *list, const char *path);

/**
 * gpu_resolve() - which card a person means
 * @argument: "0000:01:00.0", "01:00.0", or a name
 * @reterr: why not, and below it which cards there are; set on failure
 *
 * Return: 0 with *@ret_gpu borrowed from @list; -ENOENT; -ENOTUNIQ for a name of several cards.
 */
int gpu_resolve(const GpuList *list, const char *argument, const Gpu **ret_gpu, char *reterr, size_t size);
