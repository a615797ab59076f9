/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Devices that are no graphics cards: an NVMe controller, a wireless card, a network card, each alone in a slot of its own.
 * Of their resets some are their end, which is what the quirks of such devices are about (policy/quirks/20-devices.json).
 */

#include "node.h"

#include <stdlib.h>
#include <string.h>

struct FellowKind {
        const char *name;
        struct cm_kind model;
        const char *resets; /* that the kernel has for it: pci_reset_fn_methods[] */
        const char *deadly; /* of these */
        const char *interface; /* of a network card: what its names begin with */
};

static const FellowKind kinds[] = {
        /* pci_dev_specific_reset(): nvme_disable_and_flr(). A bare FLR leaves it hanging. */
        { .name = "nvme", .model = { .name = "970 EVO", .id = { { 0x144d, 0xa804, 0x144d, 0xa801, 0x010802, 0 } } },
          .resets = "device_specific flr bus", .deadly = "flr bus" },
        /* quirk_no_bus_reset(), so the kernel does not offer it */
        { .name = "wireless", .model = { .name = "QCA6174", .id = { { 0x168c, 0x003e, 0x1a56, 0x1535, 0x028000, 0x32 } } },
          .resets = "", .deadly = "bus", .interface = "wlan" },
        { .name = "nic", .model = { .name = "82574L", .id = { { 0x8086, 0x10d3, 0x8086, 0xa01f, 0x020000, 0 } } },
          .resets = "flr bus", .deadly = "", .interface = "eth" },
};

const char *const fellow_resets[SIM_RESETS_MAX] = { "device_specific", "flr", "bus" };

static Node *class_block, *class_net, *class_nvme, *virtual_block;

bool fellow_add(const char *name) {
        const char *methods = strchr(name, ':');
        size_t n = methods ? (size_t) (methods - name) : strlen(name);

        for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
                if (strncmp(kinds[i].name, name, n) == 0 && kinds[i].name[n] == '\0') {
                        Card *card = machine_add_slot(&kinds[i].model, 1, true);
                        card->fellow = &kinds[i];
                        (void) snprintf(card->offered, sizeof(card->offered), "%s", methods ? methods + 1 : kinds[i].resets);
                        for (char *c = card->offered; *c; c++)
                                *c = *c == ',' ? ' ' : *c;
                        return true;
                }
        return false;
}

/* __pci_reset_function_locked(): the first that is listed. Where there is none, vfio resets the bus, if the kernel lets it. */
int fellow_reset(Function *function) {
        Card *card = function->card;
        const char *method = function->reset_methods[0] ? function->reset_methods : strstr(card->offered, "bus");

        for (size_t i = 0; method && i < SIM_RESETS_MAX; i++) {
                size_t n = strlen(fellow_resets[i]);
                if (strncmp(method, fellow_resets[i], n) != 0 || (method[n] != ' ' && method[n] != '\0'))
                        continue;
                card->resets[i]++;
                if (strstr(card->fellow->deadly, fellow_resets[i]))
                        cm_card_set_state(&card->model, CM_FAILED, fellow_resets[i]);
                return 0;
        }
        return -ENOTTY;
}

/* --- what its driver has in /sys --- */

/* A device of a class: its folder below the function's, and the link to it in the folder of the class. */
static Node *add_class_device(Function *function, const char *path, Node *class_folder) {
        char up[64] = "", from_root[128];
        Node *node = node_add_path(function->folder, path);
        const char *name = strrchr(path, '/') + 1;

        for (const Node *at = node; at->parent && at->parent->parent; at = at->parent)
                (void) strncat(up, "../", sizeof(up) - strlen(up) - 1);
        function_path(function, from_root, sizeof(from_root));
        node_add_link(node, "subsystem", "%sclass/%s", up, class_folder->name);
        node_drop(class_folder, name);
        node_add_link(class_folder, name, "../../%s/%s", from_root, path);
        return node;
}

/* One namespace with one partition. */
static void add_disk(Function *function) {
        unsigned n = function->card->model.index;
        char path[64];

        (void) snprintf(path, sizeof(path), "nvme/nvme%u", n);
        node_add_text(add_class_device(function, path, class_nvme), "state", "live\n");
        for (unsigned partition = 0; partition < 2; partition++) {
                (void) snprintf(path, sizeof(path), partition ? "nvme/nvme%u/nvme%un1/nvme%un1p1" : "nvme/nvme%u/nvme%un1", n, n, n);
                Node *node = add_class_device(function, path, class_block);
                node_add_text(node, "dev", "259:%u\n", 200 + 2 * n + partition);
                node_add_text(node, "size", "%u\n", 1000000 - partition * 2048);
                if (partition)
                        node_add_text(node, "partition", "1\n");
                (void) node_add_folder(node, "holders");
        }
}

static void add_interface(Function *function, const char *name) {
        char path[64];

        (void) snprintf(path, sizeof(path), "net/%s%u", name, function->card->model.index);
        Node *node = add_class_device(function, path, class_net);
        node_add_text(node, "address", "02:00:00:00:00:%02x\n", function->card->model.index);
        node_add_text(node, "operstate", "down\n");
        node_add_text(node, "flags", "0x1002\n");
}

void fellow_bound(Function *function) {
        if (function->card->fellow->interface)
                add_interface(function, function->card->fellow->interface);
        else
                add_disk(function);
}

/* Links that lead below the function's folder. */
static void drop_links(Node *class_folder, const Function *function) {
        for (Node *at = class_folder->children, *next; at; at = next) {
                next = at->next;
                if (strstr(at->text, function->name))
                        node_drop(class_folder, at->name);
        }
}

void fellow_unbound(Function *function) {
        drop_links(class_block, function);
        drop_links(class_net, function);
        drop_links(class_nvme, function);
        node_drop(function->folder, "nvme");
        node_drop(function->folder, "net");
}

void fellow_tree_init(Node *sys) {
        class_block = node_add_path(sys, "class/block");
        class_net = node_add_path(sys, "class/net");
        class_nvme = node_add_path(sys, "class/nvme");
        virtual_block = node_add_path(sys, "devices/virtual/block");
}

/* --- what the host does with it --- */

static Node *find_below(Node *folder, const char *name) {
        Node *found = node_child(folder, name);

        for (Node *child = folder->children; child && !found; child = child->next)
                found = find_below(child, name);
        return found;
}

/* A volume of the device mapper on its partition, or none any more. */
static bool use_holder(Function *function, const char *name) {
        char partition[32];

        (void) snprintf(partition, sizeof(partition), "nvme%un1p1", function->card->model.index);
        Node *disk = find_below(function->folder, partition), *holders = disk ? node_child(disk, "holders") : NULL;
        if (!holders)
                return false;
        while (holders->children)
                node_drop(holders, holders->children->name);
        node_drop(virtual_block, "dm-0");
        node_drop(class_block, "dm-0");
        if (strcmp(name, "none") == 0)
                return true;
        node_add_link(holders, "dm-0", "../../../../../../../../virtual/block/dm-0");
        node_add_link(class_block, "dm-0", "../../devices/virtual/block/dm-0");
        Node *volume = node_add_folder(virtual_block, "dm-0");
        node_add_text(volume, "dev", "253:0\n");
        node_add_text(node_add_folder(volume, "dm"), "name", "%s\n", name);
        (void) node_add_folder(volume, "holders");
        node_add_link(volume, "subsystem", "../../../../class/block");
        return true;
}

bool fellow_use(Function *function, const char *use) {
        static const char holder[] = "holder ", link[] = "link ";
        Node *state = function->folder ? find_below(function->folder, "operstate") : NULL;

        if (strncmp(use, holder, sizeof(holder) - 1) == 0)
                return function->folder && use_holder(function, use + sizeof(holder) - 1);
        if (!state || strncmp(use, link, sizeof(link) - 1) != 0)
                return false;
        (void) snprintf(state->text, sizeof(state->text), "%s\n", use + sizeof(link) - 1);
        return true;
}
