/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which cards and drivers there are. The cards are those of the VM lab (tests/vm/model/cards.h). */

#include "machine.h"
#include "cards.h"

#include <string.h>

Machine machine = { .stub_loaded = true, .autoprobe = true, .power_management = true, .control = -1 };

#define ID(vendor, device) ((uint32_t) (vendor) << 16 | (device))

Driver drivers[] = {
        { .name = "amdgpu", .kind = DRIVER_GPU, .ids = { ID(CM_AMD, CM_POLARIS) } },
        { .name = "nouveau", .kind = DRIVER_GPU, .ids = { ID(CM_NVIDIA, CM_PASCAL) } },
        { .name = "snd_hda_intel", .kind = DRIVER_SOUND, .ids = { ID(CM_AMD, CM_POLARIS_AUDIO), ID(CM_NVIDIA, CM_PASCAL_AUDIO) } },
        { .name = "nvme", .kind = DRIVER_FELLOW, .ids = { ID(0x144d, 0xa804) } },
        { .name = "ath10k_pci", .kind = DRIVER_FELLOW, .ids = { ID(0x168c, 0x003e) } },
        { .name = "e1000e", .kind = DRIVER_FELLOW, .ids = { ID(0x8086, 0x10d3) } },
        { .name = "vfio-pci", .kind = DRIVER_VFIO },
        { .name = "pci-stub", .kind = DRIVER_STUB },
        { .name = "pcieport", .kind = DRIVER_PORT, .ids = { ID(0x8086, 0x3420) } },
};
const size_t n_drivers = sizeof(drivers) / sizeof(drivers[0]);

const Driver *driver_find(const char *name) {
        for (size_t i = 0; i < n_drivers; i++)
                if (strcmp(drivers[i].name, name) == 0 && (drivers[i].kind != DRIVER_STUB || machine.stub_loaded))
                        return &drivers[i];
        return NULL;
}

static void make_function(Card *card, Function *function, unsigned index, const struct cm_identity *id, int group) {
        *function = (Function){
                .card = card,
                .index = index,
                .vendor = id->vendor,
                .device = id->device,
                .subvendor = id->subvendor,
                .subdevice = id->subdevice,
                .class_code = id->class,
                .revision = id->revision,
                .present = true,
                .d3cold_allowed = machine.power_management,
                .group = group,
        };
        (void) snprintf(function->name, sizeof(function->name), "0000:%02x:00.%x", card->bus & 0xff, index & 7);
        config_init(function);
}

Card *machine_add_slot(const struct cm_kind *kind, unsigned n, bool shared_group) {
        static const struct cm_identity port = { 0x8086, 0x3420, 0, 0, 0x060400, 0x02 };
        static int next_group = 1;
        Card *card = &machine.cards[machine.n_cards];

        card->bus = machine.n_cards + 1;
        card->slot_number = machine.n_cards + 4; /* of its port on the root bus */
        cm_card_init(&card->model, ++machine.n_cards, kind);
        card->model.temper = CM_STRICT;
        card->model.function0 = &card->model_device;

        make_function(card, &card->port, 0, &port, next_group++);
        card->port.card = NULL;
        (void) snprintf(card->port.name, sizeof(card->port.name), "0000:00:%02x.0", card->slot_number & 0x1f);
        card->port.driver = driver_find("pcieport");
        card->n_functions = n;
        for (unsigned i = 0; i < card->n_functions; i++) {
                make_function(card, &card->functions[i], i, &card->model.kind->id[i], next_group);
                if (!shared_group)
                        next_group++;
        }
        if (shared_group)
                next_group++;
        return card;
}

void machine_add_card(const char *kind, bool shared_group) {
        bool is_polaris = strcmp(kind, "polaris") == 0;
        Card *card = machine_add_slot(is_polaris ? &cm_polaris : &cm_pascal, CM_FUNCTIONS, shared_group);

        card->is_polaris = is_polaris;
        card->host_driver = driver_find(is_polaris ? "amdgpu" : "nouveau");
}

void machine_each(void (*call)(Function *function, void *userdata), void *userdata) {
        for (unsigned i = 0; i < machine.n_cards; i++) {
                call(&machine.cards[i].port, userdata);
                for (unsigned f = 0; f < machine.cards[i].n_functions; f++)
                        call(&machine.cards[i].functions[f], userdata);
        }
}

typedef struct Search {
        const char *name;
        size_t size;
        Function *found;
} Search;

static void match_name(Function *function, void *userdata) {
        Search *search = userdata;

        if (strlen(function->name) == search->size && memcmp(function->name, search->name, search->size) == 0)
                search->found = function;
}

Function *function_find_any(const char *name) {
        Search search = { .name = name, .size = strlen(name) };

        /* sysfs_streq(): one newline behind it is allowed. */
        if (search.size > 0 && name[search.size - 1] == '\n')
                search.size--;
        machine_each(match_name, &search);
        return search.found;
}

Function *function_find(const char *name) {
        Function *function = function_find_any(name);

        return function && function->present ? function : NULL;
}

bool function_is_dead(const Function *function) {
        return function->dead || (function->card && function->card->model.state == CM_FAILED);
}
