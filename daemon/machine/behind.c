/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Looked at from the class: its links lead to the devices, and a device is behind the function when its path goes through
 * the function's folder. So nothing has to be known of what is in between (hosts, USB hubs, virtio), and no folder of a
 * device is walked. One kind of disk is elsewhere: where the kernel has NVMe multipath, the disk lies in a folder of the
 * subsystem, which is no part of the PCI device and links to its controllers.
 */

#include "machine/behind.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>

#include "base/address.h"
#include "base/text.h"
#include "machine/attribute.h"
#include "machine/function.h"

#define SUBSYSTEMS "/sys/class/nvme-subsystem"

static bool is_behind(const Behind *behind, const char *path) {
        for (size_t i = 0; i < behind->n; i++) {
                const char *rest = text_starts_with(path, behind->places[i]);
                if (rest && *rest == '/')
                        return true;
        }
        return false;
}

/* 1: the subsystem in the folder @path has a controller that is behind the function. */
static int has_controller(const Behind *behind, const char *path) {
        _cleanup_(closedirp) DIR *folder = folder_open(AT_FDCWD, path);

        if (!folder)
                return function_is_gone(-errno) ? 0 : -errno;
        for (struct dirent *entry; (entry = readdir(folder));) {
                char link[PATH_MAX], target[PATH_MAX];
                if (!text_starts_with(entry->d_name, "nvme"))
                        continue;
                if (text_format(link, sizeof(link), "%s/%s", path, entry->d_name) < 0)
                        return -ENAMETOOLONG;
                if (!realpath(link, target)) {
                        if (!function_is_gone(-errno))
                                return -errno;
                } else if (is_behind(behind, target))
                        return 1;
        }
        return 0;
}

static int add_place(Behind *behind, const char *path) {
        if (behind->n >= BEHIND_PLACES_MAX)
                return -E2BIG;
        if (text_copy(behind->places[behind->n], BEHIND_PATH_SIZE, path) < 0)
                return -ENAMETOOLONG;
        behind->n++;
        return 0;
}

static int add_subsystems(Behind *behind) {
        char path[PATH_MAX], target[PATH_MAX];

        if (text_format(path, sizeof(path), "%s" SUBSYSTEMS, behind->root) < 0)
                return -ENAMETOOLONG;
        _cleanup_(closedirp) DIR *folder = folder_open(AT_FDCWD, path);
        if (!folder)
                return errno == ENOENT ? 0 : -errno;
        for (struct dirent *entry; (entry = readdir(folder));) {
                if (entry->d_name[0] == '.')
                        continue;
                if (text_format(path, sizeof(path), "%s" SUBSYSTEMS "/%s", behind->root, entry->d_name) < 0)
                        return -ENAMETOOLONG;
                int r = realpath(path, target) ? has_controller(behind, target) : -errno;
                if (r > 0)
                        r = add_place(behind, target);
                if (r < 0 && !function_is_gone(r))
                        return r;
        }
        return 0;
}

int behind_read(const char *root, PciAddress address, Behind *ret_behind) {
        char path[PATH_MAX], target[PATH_MAX];

        ret_behind->root = root;
        ret_behind->n = 0;
        if (text_format(path, sizeof(path), "%s/sys/bus/pci/devices/%s", root, ADDRESS_TEXT(address)) < 0)
                return -ENAMETOOLONG;
        if (!realpath(path, target))
                return function_is_gone(-errno) ? -ENODEV : -errno;
        int r = add_place(ret_behind, target);
        return r < 0 ? r : add_subsystems(ret_behind);
}

static int visit_one(const Behind *behind, const char *folder, const char *name, BehindVisit visit, void *userdata) {
        char path[PATH_MAX], target[PATH_MAX];

        if (text_format(path, sizeof(path), "%s/%s", folder, name) < 0)
                return -ENAMETOOLONG;
        if (!realpath(path, target))
                return function_is_gone(-errno) ? 0 : -errno;
        if (!is_behind(behind, target))
                return 0;
        _cleanup_close_ int dir = open(target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dir < 0)
                return function_is_gone(-errno) ? 0 : -errno;
        int r = visit(dir, name, userdata);
        return function_is_gone(r) ? 0 : r;
}

int behind_each(const Behind *behind, const char *class_name, BehindVisit visit, void *userdata) {
        struct dirent **entries;
        char path[PATH_MAX];
        int r = 0;

        if (text_format(path, sizeof(path), "%s/sys/class/%s", behind->root, class_name) < 0)
                return -ENAMETOOLONG;
        int n = scandir(path, &entries, NULL, versionsort);
        if (n < 0)
                return errno == ENOENT ? 0 : -errno;
        for (int i = 0; i < n; i++) {
                if (r == 0 && entries[i]->d_name[0] != '.')
                        r = visit_one(behind, path, entries[i]->d_name, visit, userdata);
                free(entries[i]);
        }
        free(entries);
        return r;
}
