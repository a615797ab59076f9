/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which files there are, and where links lead: the layout of sysfs, as far as anybody looks at it. */

#include "node.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

Node *tree_root;
static Node *devices, *bus_devices, *iommu_groups, *vfio;

static Node *add(Node *parent, const char *name, NodeKind kind, mode_t mode) {
        Node *node = calloc(1, sizeof(*node));

        if (!node)
                abort();
        (void) snprintf(node->name, sizeof(node->name), "%s", name);
        node->kind = kind;
        node->mode = mode;
        node->parent = parent;
        if (parent) {
                Node **last = &parent->children;
                while (*last)
                        last = &(*last)->next;
                *last = node;
        }
        return node;
}

Node *node_child(const Node *folder, const char *name) {
        for (Node *node = folder->children; node; node = node->next)
                if (strcmp(node->name, name) == 0)
                        return node;
        return NULL;
}

Node *node_add_folder(Node *parent, const char *name) {
        Node *node = node_child(parent, name);

        return node ? node : add(parent, name, NODE_FOLDER, S_IFDIR | 0755);
}

Node *node_add_path(Node *parent, const char *path) {
        char copy[128], *rest = copy;

        (void) snprintf(copy, sizeof(copy), "%s", path);
        for (char *name; (name = strsep(&rest, "/"));)
                parent = node_add_folder(parent, name);
        return parent;
}

void node_add_link(Node *parent, const char *name, const char *format, ...) {
        Node *node = add(parent, name, NODE_LINK, S_IFLNK | 0777);
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(node->text, sizeof(node->text), format, ap);
        va_end(ap);
}

Node *node_add_file(Node *parent, const char *name, mode_t mode, Attribute attribute, Function *function) {
        Node *node = add(parent, name, NODE_FILE, S_IFREG | mode);

        node->attribute = attribute;
        node->function = function;
        return node;
}

void node_add_text(Node *parent, const char *name, const char *format, ...) {
        Node *node = node_add_file(parent, name, 0444, ATTRIBUTE_CONSTANT, NULL);
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(node->text, sizeof(node->text), format, ap);
        va_end(ap);
}

static void mark_gone(Node *node) {
        node->gone = true;
        for (Node *child = node->children; child; child = child->next)
                mark_gone(child);
}

void node_drop(Node *parent, const char *name) {
        for (Node **at = &parent->children; *at; at = &(*at)->next)
                if (strcmp((*at)->name, name) == 0) {
                        Node *node = *at;
                        *at = node->next;
                        node->next = NULL;
                        mark_gone(node);
                        return;
                }
}

const char *node_file_name(const Node *node, char *buffer, size_t size) {
        bool nested = node->function && node->parent && strcmp(node->parent->name, node->function->name) != 0;

        if (node->attribute == ATTRIBUTE_GROUP)
                (void) snprintf(buffer, size, "vfio/%s", node->name);
        else
                (void) snprintf(buffer, size, "%s%s%s", nested ? node->parent->name : "", nested ? "/" : "", node->name);
        return buffer;
}

/* --- functions --- */

void function_path(const Function *function, char *buffer, size_t size) {
        const Card *card = function->card;

        if (card)
                (void) snprintf(buffer, size, "devices/pci0000:00/%s/%s", card->port.name, function->name);
        else
                (void) snprintf(buffer, size, "devices/pci0000:00/%s", function->name);
}

static const char *way_up(const Function *function) {
        return function->card ? "../../../.." : "../../..";
}

static void add_identity(Node *folder, Function *function) {
        uint32_t class_code = function->class_code;

        node_add_text(folder, "vendor", "0x%04x\n", function->vendor);
        node_add_text(folder, "device", "0x%04x\n", function->device);
        node_add_text(folder, "subsystem_vendor", "0x%04x\n", function->subvendor);
        node_add_text(folder, "subsystem_device", "0x%04x\n", function->subdevice);
        node_add_text(folder, "class", "0x%06x\n", class_code);
        node_add_text(folder, "revision", "0x%02x\n", function->revision);
        node_add_text(folder, "modalias", "pci:v%08Xd%08Xsv%08Xsd%08Xbc%02Xsc%02Xi%02X\n", function->vendor, function->device,
                 function->subvendor, function->subdevice, class_code >> 16, class_code >> 8 & 0xff, class_code & 0xff);
        if (class_code >> 8 == 0x0300)
                node_add_text(folder, "boot_vga", "%d\n", function->boot_display);
}

static void add_attributes(Node *folder, Function *function) {
        (void) node_add_file(folder, "config", 0644, ATTRIBUTE_CONFIG, function);
        (void) node_add_file(folder, "driver_override", 0644, ATTRIBUTE_OVERRIDE, function);
        (void) node_add_file(folder, "d3cold_allowed", 0644, ATTRIBUTE_D3COLD, function);
        (void) node_add_file(folder, "power_state", 0444, ATTRIBUTE_POWER_STATE, function);
        (void) node_add_file(folder, "rescan", 0200, ATTRIBUTE_RESCAN, function);
        (void) node_add_file(folder, "remove", 0200, ATTRIBUTE_REMOVE, function);
        /* Asked once, while the functions behind it are not there yet: so function 0 has what it can never do. */
        reset_methods_init(function);
        if (function->reset_methods[0]) {
                (void) node_add_file(folder, "reset", 0200, ATTRIBUTE_RESET, function);
                (void) node_add_file(folder, "reset_method", 0644, ATTRIBUTE_RESET_METHOD, function);
        }
        (void) node_add_file(node_add_folder(folder, "power"), "control", 0644, ATTRIBUTE_POWER_CONTROL, function);
}

void tree_add_function(Function *function) {
        char path[128], number[16];

        function_path(function, path, sizeof(path));
        Node *folder = node_add_path(devices->parent, path);
        function->folder = folder;
        add_identity(folder, function);
        add_attributes(folder, function);
        node_add_link(folder, "subsystem", "%s/bus/pci", way_up(function));
        (void) snprintf(number, sizeof(number), "%d", function->group);
        node_add_link(folder, "iommu_group", "%s/kernel/iommu_groups/%s", way_up(function), number);
        node_add_link(node_add_folder(node_add_folder(iommu_groups, number), "devices"), function->name, "../../../../%s", path);
        node_add_link(bus_devices, function->name, "../../../%s", path);
        if (function->driver)
                tree_driver_bound(function);
}

void tree_remove_function(Function *function) {
        char number[16];

        (void) snprintf(number, sizeof(number), "%d", function->group);
        node_drop(node_child(node_child(iommu_groups, number), "devices"), function->name);
        if (!node_child(node_child(iommu_groups, number), "devices")->children)
                node_drop(iommu_groups, number);
        node_drop(bus_devices, function->name);
        node_drop(function->folder->parent, function->name);
        function->folder = NULL;
}

/* What a display or sound driver has in the function's folder; their nodes have numbers that nobody opens. */
static void add_class_device(Function *function, const char *subsystem, const char *folder, unsigned number,
                             unsigned major) {
        Node *node = node_add_path(function->folder, folder);

        node_add_text(node, "dev", "%u:%u\n", major, number);
        node_add_link(node, "subsystem", "../../../../../../../class/%s", subsystem);
}

void tree_driver_bound(Function *function) {
        char path[128], name[64];
        unsigned index = function->card ? function->card->model.index : 0;

        function_path(function, path, sizeof(path));
        node_add_link(function->folder, "driver", "%s/bus/pci/drivers/%s", way_up(function), function->driver->name);
        node_add_link(function->driver->folder, function->name, "../../../../%s", path);
        if (function->driver->kind == DRIVER_GPU) {
                (void) snprintf(name, sizeof(name), "drm/card%u", index);
                add_class_device(function, "drm", name, index, 226);
                (void) snprintf(name, sizeof(name), "drm/renderD%u", 128 + index);
                add_class_device(function, "drm", name, 128 + index, 226);
        } else if (function->driver->kind == DRIVER_SOUND) {
                (void) snprintf(name, sizeof(name), "sound/card%u/controlC%u", index, index);
                add_class_device(function, "sound", name, 32 * index, 116);
        } else if (function->driver->kind == DRIVER_FELLOW)
                fellow_bound(function);
}

void tree_driver_unbound(Function *function, const Driver *driver) {
        node_drop(function->folder, "driver");
        node_drop(driver->folder, function->name);
        node_drop(function->folder, "drm");
        node_drop(function->folder, "sound");
        if (driver->kind == DRIVER_FELLOW)
                fellow_unbound(function);
}

/* /dev/vfio/N is there while a function of the group is on vfio-pci. */
void tree_update_groups(void) {
        char name[16];

        for (unsigned i = 0; i < machine.n_cards; i++)
                for (unsigned f = 0; f < machine.cards[i].n_functions; f++) {
                        int group = machine.cards[i].functions[f].group;
                        (void) snprintf(name, sizeof(name), "%d", group);
                        bool there = node_child(vfio, name) != NULL;
                        if (!there && group_is_vfio(group)) {
                                Node *node = node_add_file(vfio, name, 0600, ATTRIBUTE_GROUP, NULL);
                                node->number = group;
                        } else if (there && !group_is_vfio(group))
                                node_drop(vfio, name);
                }
}

/* --- all the rest --- */

static void add_one(Function *function, void *userdata) {
        tree_add_function(function);
}

static void add_drivers(Node *bus) {
        Node *folder = node_add_folder(bus, "drivers");

        for (size_t i = 0; i < n_drivers; i++) {
                Driver *driver = &drivers[i];
                if (!driver_find(driver->name))
                        continue;
                driver->folder = node_add_folder(folder, driver->name);
                node_add_file(driver->folder, "bind", 0200, ATTRIBUTE_BIND, NULL)->driver = driver;
                node_add_file(driver->folder, "unbind", 0200, ATTRIBUTE_UNBIND, NULL)->driver = driver;
        }
}

static void add_guard(Node *bus) {
        Node *folder = node_add_path(bus, "drivers/gpuswitch-guard");

        (void) node_add_file(folder, "guard", 0200, ATTRIBUTE_GUARD, NULL);
        (void) node_add_file(folder, "release", 0200, ATTRIBUTE_GUARD_RELEASE, NULL);
        (void) node_add_file(folder, "guarded", 0444, ATTRIBUTE_GUARDED, NULL);
}

void tree_init(void) {
        tree_root = add(NULL, "", NODE_FOLDER, S_IFDIR | 0755);
        Node *sys = node_add_folder(tree_root, "sys");
        Node *bus = node_add_path(sys, "bus/pci");

        devices = node_add_folder(sys, "devices");
        bus_devices = node_add_folder(bus, "devices");
        add_drivers(bus);
        if (machine.guard_loaded)
                add_guard(bus);
        (void) node_add_file(bus, "drivers_probe", 0200, ATTRIBUTE_PROBE, NULL);
        (void) node_add_file(bus, "drivers_autoprobe", 0644, ATTRIBUTE_AUTOPROBE, NULL);
        (void) node_add_file(bus, "rescan", 0200, ATTRIBUTE_RESCAN, NULL);
        (void) node_add_path(sys, "class/drm");
        (void) node_add_path(sys, "class/sound");
        fellow_tree_init(sys);
        (void) node_add_path(sys, "fs/cgroup");
        iommu_groups = node_add_path(sys, "kernel/iommu_groups");
        (void) node_add_file(node_child(sys, "kernel"), "uevent_seqnum", 0444, ATTRIBUTE_SEQNUM, NULL);
        (void) node_add_file(node_add_path(sys, "kernel/security"), "lockdown", 0644, ATTRIBUTE_LOCKDOWN, NULL);
        node_add_text(node_add_folder(sys, "power"), "state", "freeze mem disk\n");
        (void) node_add_file(node_child(sys, "power"), "mem_sleep", 0644, ATTRIBUTE_MEM_SLEEP, NULL);
        (void) node_add_file(node_add_path(sys, "class/rtc/rtc0"), "wakealarm", 0644, ATTRIBUTE_WAKE_ALARM, NULL);
        vfio = node_add_folder(tree_root, "vfio");
        (void) node_add_text(vfio, "vfio", "%s", "");
        (void) node_add_file(tree_root, "kmsg", 0644, ATTRIBUTE_LOG, NULL);
        machine_each(add_one, NULL);
        tree_update_groups();
}
