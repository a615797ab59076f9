/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A folder that looks like the parts of /sys and /proc that the room reads: real folders below
 * sys/devices, and relative links to them, as the kernel makes them. One tree per test, in
 * `tree_root`; tree_setup() and tree_teardown() are its checked fixture.
 */

#include <check.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdarg.h>
#include <sys/stat.h>

#include "base/text.h"

static char tree_root[64];

static inline void tree_setup(void) {
        strcpy(tree_root, "/tmp/gpuswitch-tree-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(tree_root));
}

static int tree_remove_one(const char *path, const struct stat *facts, int kind, struct FTW *place) {
        return remove(path);
}

static inline void tree_teardown(void) {
        (void) nftw(tree_root, tree_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* Makes all folders that lead to @path below the root, and that one as well if @path ends with a slash. */
static inline void tree_folders(const char *path) {
        char full[PATH_MAX];

        ck_assert_int_eq(text_format(full, sizeof(full), "%s/%s", tree_root, path), 0);
        for (char *p = full + strlen(tree_root) + 1; *p != '\0'; p++) {
                if (*p != '/')
                        continue;
                *p = '\0';
                ck_assert(mkdir(full, 0755) == 0 || errno == EEXIST);
                *p = '/';
        }
}

static inline void tree_write_bytes(const char *path, const void *bytes, size_t n) {
        char full[PATH_MAX];

        tree_folders(path);
        ck_assert_int_eq(text_format(full, sizeof(full), "%s/%s", tree_root, path), 0);
        FILE *f = fopen(full, "we");
        ck_assert_ptr_nonnull(f);
        ck_assert_uint_eq(fwrite(bytes, 1, n, f), n);
        ck_assert_int_eq(fclose(f), 0);
}

_printf_(2, 3) static inline void tree_write(const char *path, const char *format, ...) {
        char text[4096];
        va_list ap;

        va_start(ap, format);
        int n = vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        ck_assert(n >= 0 && (size_t) n < sizeof(text));
        tree_write_bytes(path, text, (size_t) n);
}

static inline void tree_link_raw(const char *path, const char *target) {
        char full[PATH_MAX];

        tree_folders(path);
        ck_assert_int_eq(text_format(full, sizeof(full), "%s/%s", tree_root, path), 0);
        ck_assert_int_eq(symlink(target, full), 0);
}

/* A relative link from @path to @target, both below the root. */
static inline void tree_link(const char *path, const char *target) {
        char text[PATH_MAX] = "";

        for (const char *p = path; (p = strchr(p, '/')); p++)
                ck_assert_int_eq(text_append(text, sizeof(text), "../"), 0);
        ck_assert_int_eq(text_append(text, sizeof(text), "%s", target), 0);
        tree_link_raw(path, text);
}

static inline void tree_unlink(const char *path) {
        char full[PATH_MAX];

        ck_assert_int_eq(text_format(full, sizeof(full), "%s/%s", tree_root, path), 0);
        ck_assert_int_eq(unlink(full), 0);
}

typedef struct TreeDevice {
        const char *path;    /* below sys/devices: "pci0000:00/0000:00:01.0/0000:01:00.0" */
        unsigned class_code; /* 24 bits */
        unsigned vendor, device, subsystem_vendor, subsystem_device;
        const char *driver; /* NULL: none */
        int group;          /* 0: none; the tests number their groups from 1 */
} TreeDevice;

static inline const char *tree_device_name(const TreeDevice *device) {
        return strrchr(device->path, '/') + 1;
}

/* Formats a path of a file in the device's folder. For one use in an expression. */
#define TREE_FILE(device, file)                                                                              \
        ({                                                                                                   \
                static char _path_[PATH_MAX];                                                                \
                ck_assert_int_eq(                                                                            \
                        text_format(_path_, sizeof(_path_), "sys/devices/%s/%s", (device)->path, (file)),    \
                        0);                                                                                  \
                _path_;                                                                                      \
        })

static inline void tree_device(const TreeDevice *device) {
        char link[PATH_MAX], target[PATH_MAX];
        const char *name = tree_device_name(device);

        tree_write(TREE_FILE(device, "class"), "0x%06x\n", device->class_code);
        tree_write(TREE_FILE(device, "vendor"), "0x%04x\n", device->vendor);
        tree_write(TREE_FILE(device, "device"), "0x%04x\n", device->device);
        tree_write(TREE_FILE(device, "subsystem_vendor"), "0x%04x\n", device->subsystem_vendor);
        tree_write(TREE_FILE(device, "subsystem_device"), "0x%04x\n", device->subsystem_device);

        (void) text_format(link, sizeof(link), "sys/bus/pci/devices/%s", name);
        (void) text_format(target, sizeof(target), "sys/devices/%s", device->path);
        tree_link(link, target);
        if (device->driver) {
                (void) text_format(target, sizeof(target), "sys/bus/pci/drivers/%s/", device->driver);
                tree_folders(target);
                target[strlen(target) - 1] = '\0';
                tree_link(TREE_FILE(device, "driver"), target);
        }
        if (device->group > 0) {
                (void) text_format(target, sizeof(target), "sys/kernel/iommu_groups/%d", device->group);
                tree_link(TREE_FILE(device, "iommu_group"), target);
                (void) text_format(link, sizeof(link), "%s/devices/%s", target, name);
                (void) text_format(target, sizeof(target), "sys/devices/%s", device->path);
                tree_link(link, target);
        }
}
