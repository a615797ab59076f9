/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The files of the simulator: one tree, of which parts are mounted over /sys, /dev/vfio and /dev/kmsg. */

#include <sys/types.h>

#include "machine.h"

typedef enum NodeKind {
        NODE_FOLDER,
        NODE_LINK,
        NODE_FILE,
} NodeKind;

typedef enum Attribute {
        ATTRIBUTE_CONSTANT, /* Node.text */
        ATTRIBUTE_CONFIG,
        ATTRIBUTE_OVERRIDE,
        ATTRIBUTE_POWER_CONTROL,
        ATTRIBUTE_D3COLD,
        ATTRIBUTE_POWER_STATE,
        ATTRIBUTE_RESET,
        ATTRIBUTE_RESET_METHOD,
        ATTRIBUTE_REMOVE,
        ATTRIBUTE_RESCAN,
        ATTRIBUTE_BIND,
        ATTRIBUTE_UNBIND,
        ATTRIBUTE_PROBE,
        ATTRIBUTE_AUTOPROBE,
        ATTRIBUTE_SEQNUM,
        ATTRIBUTE_LOCKDOWN,
        ATTRIBUTE_GUARD,
        ATTRIBUTE_GUARD_RELEASE,
        ATTRIBUTE_GUARDED,
        ATTRIBUTE_MEM_SLEEP,
        ATTRIBUTE_WAKE_ALARM,
        ATTRIBUTE_GROUP,
        ATTRIBUTE_LOG,
} Attribute;

/* Never freed: the kernel may still hold one that is gone, and a machine lives for a second. */
struct Node {
        Node *parent, *children, *next;
        char name[SIM_NAME_SIZE];
        NodeKind kind;
        mode_t mode;
        Attribute attribute;
        Function *function;
        const Driver *driver;
        char text[128]; /* a link's target, or a constant */
        int number;     /* of a group */
        void *name_of_all; /* fuse.c's */
        bool gone;      /* no longer in the tree: who has it open gets ENODEV */
};

extern Node *tree_root;

Node *node_child(const Node *folder, const char *name);
/** node_name() - "driver_override", "power/control": as faults and records call it. */
const char *node_file_name(const Node *node, char *buffer, size_t size);

Node *node_add_folder(Node *parent, const char *name);
Node *node_add_path(Node *parent, const char *path);
Node *node_add_file(Node *parent, const char *name, mode_t mode, Attribute attribute, Function *function);
void node_add_link(Node *parent, const char *name, const char *format, ...) __attribute__((format(printf, 3, 4)));
void node_add_text(Node *parent, const char *name, const char *format, ...) __attribute__((format(printf, 3, 4)));
/** node_drop() - the child of that name and all below it, if there is one. */
void node_drop(Node *parent, const char *name);
/** function_path() - of its folder, from /sys on. */
void function_path(const Function *function, char *buffer, size_t size);

/* fellow.c: what its drivers have in the function's folder, and in /sys/class */
void fellow_tree_init(Node *sys);
void fellow_bound(Function *function);
void fellow_unbound(Function *function);

/** attribute_render() - what a read() gives. Return: bytes, or a negative errno. */
ssize_t attribute_render(const Node *node, char *buffer, size_t size);
/** attribute_store() - the effect of a write that calls no driver. Return: 0 or a negative errno. */
int attribute_store(Node *node, const char *value);
