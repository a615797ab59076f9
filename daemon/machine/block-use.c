/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The disks and partitions behind the device come first, then each table of users is held to them. What is mounted is asked
 * of process 1: the daemon's own table lacks what ProtectHome= and TemporaryFileSystem= of its unit take away (systemd
 * unmounts /home for it), and /proc/PID/mountinfo is readable without the rights of ptrace. What only a container has
 * mounted is not in there either, but several file systems have a folder in /sys/fs for each disk that is mounted anywhere.
 */

#include "machine/block-use.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>

#include "base/text.h"
#include "machine/attribute.h"
#include "machine/function.h"

#define MOUNTS_MAX 100000U /* lines; what the kernel allows in one namespace: fs.mount-max */
#define TEXT_SHOWN 100     /* characters of a mount point or name */

typedef struct BlockDevice {
        char name[64];   /* in /sys: "nvme0n1p2", "cciss!c0d0" */
        char number[24]; /* "259:2" */
} BlockDevice;

typedef struct BlockSet {
        size_t n;
        BlockDevice devices[BLOCK_DEVICES_MAX];
} BlockSet;

static int visit_block(int dir, const char *name, void *userdata) {
        BlockSet *set = userdata;
        BlockDevice device;

        /* No number: one path of several to a disk of NVMe multipath, which nobody can open. */
        int r = attribute_read(dir, "dev", device.number, sizeof(device.number));
        if (r < 0)
                return r;
        if (text_copy(device.name, sizeof(device.name), name) < 0)
                return -ENAMETOOLONG;
        if (set->n >= BLOCK_DEVICES_MAX)
                return -E2BIG;
        set->devices[set->n++] = device;
        return 0;
}

/* "\040" and the like, as the kernel writes what would end a field. In place. */
static char *unescape(char *text) {
        char *to = text;

        for (const char *from = text; *from;) {
                bool octal = from[0] == '\\' && from[1] >= '0' && from[1] <= '3' && from[2] >= '0' && from[2] <= '7' &&
                             from[3] >= '0' && from[3] <= '7';
                *to++ = octal ? (char) ((from[1] - '0') * 64 + (from[2] - '0') * 8 + (from[3] - '0')) : *from;
                from += octal ? 4 : 1;
        }
        *to = '\0';
        return text;
}

/* Is @path the node of that device? A slash in a name is '!' in /sys. */
static bool is_node_of(const char *path, const BlockDevice *device) {
        const char *name = device->name;

        path = text_starts_with(path, "/dev/");
        if (!path)
                return false;
        while (*name && (*path == *name || (*path == '/' && *name == '!'))) {
                path++;
                name++;
        }
        return *name == '\0' && *path == '\0';
}

_printf_(2, 3) static int say(char use[static HOST_USE_SIZE], const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(use, HOST_USE_SIZE, format, ap);
        va_end(ap);
        return 1;
}

/* "36 35 259:2 / /mnt rw,noatime master:1 - ext4 /dev/nvme0n1p2 rw": behind the options as many words as there are, and a dash. */
static int mount_use(const BlockSet *set, char *line, char use[static HOST_USE_SIZE]) {
        char *rest = line, *fields[5], *word;

        for (size_t i = 0; i < ELEMENTSOF(fields); i++)
                if (!(fields[i] = strsep(&rest, " ")))
                        return -EBADMSG;
        do
                word = strsep(&rest, " ");
        while (word && !streq(word, "-"));
        char *type = strsep(&rest, " "), *source = strsep(&rest, " ");
        if (!type || !source)
                return -EBADMSG;
        (void) unescape(source);
        for (size_t i = 0; i < set->n; i++) {
                const BlockDevice *device = &set->devices[i];
                /* btrfs gives its subvolumes numbers of no device: known by their node. */
                if (!streq(fields[2], device->number) && !is_node_of(source, device))
                        continue;
                const char *point = unescape(fields[4]);
                return say(use, "file system %.*s%s on %s", TEXT_SHOWN, point, strlen(point) > TEXT_SHOWN ? "..." : "",
                           device->name);
        }
        return 0;
}

/* "/dev/nvme0n1p3    partition  8388604 0 -2"; the title of the table names no node */
static int swap_use(const BlockSet *set, char *line, char use[static HOST_USE_SIZE]) {
        line[strcspn(line, " \t")] = '\0';
        (void) unescape(line);
        for (size_t i = 0; i < set->n; i++)
                if (is_node_of(line, &set->devices[i]))
                        return say(use, "swap on %s", set->devices[i].name);
        return 0;
}

/* @line_use: asked of each line of the table */
static int table_use(const Behind *behind, const char *table, const BlockSet *set,
                     int (*line_use)(const BlockSet *set, char *line, char use[static HOST_USE_SIZE]),
                     char use[static HOST_USE_SIZE]) {
        _cleanup_free_ char *line = NULL;
        size_t size = 0, n_lines = 0;
        char path[PATH_MAX];
        int r = 0;

        if (text_format(path, sizeof(path), "%s/proc/%s", behind->root, table) < 0)
                return -ENAMETOOLONG;
        _cleanup_fclose_ FILE *file = fopen(path, "re");
        if (!file)
                return -errno;
        while (r == 0 && (errno = 0, getline(&line, &size, file)) >= 0) {
                line[strcspn(line, "\n")] = '\0';
                r = ++n_lines > MOUNTS_MAX ? -E2BIG : line_use(set, line, use);
        }
        return r == 0 && errno != 0 ? -errno : r;
}

/* The first name in a folder, "" if there is none. */
static int first_name(const char *path, char *ret_name, size_t size) {
        struct dirent **entries;
        int r = 0;

        ret_name[0] = '\0';
        int n = scandir(path, &entries, NULL, versionsort);
        if (n < 0)
                return function_is_gone(-errno) ? 0 : -errno;
        for (int i = 0; i < n; i++) {
                if (r == 0 && isempty(ret_name) && entries[i]->d_name[0] != '.')
                        r = text_copy(ret_name, size, entries[i]->d_name);
                free(entries[i]);
        }
        free(entries);
        return r;
}

/* Device mapper, RAID, bcache: whoever is built upon it. The cache of a bcache has no holder, but a folder of that name. */
static int holder_use(const Behind *behind, const BlockDevice *device, char use[static HOST_USE_SIZE]) {
        char path[PATH_MAX], holder[64], title[TEXT_SHOWN];

        if (text_format(path, sizeof(path), "%s/sys/class/block/%s/holders", behind->root, device->name) < 0)
                return -ENAMETOOLONG;
        int r = first_name(path, holder, sizeof(holder));
        if (r < 0)
                return r;
        if (!isempty(holder)) {
                (void) text_format(path, sizeof(path), "%s/sys/class/block/%s/dm/name", behind->root, holder);
                if (attribute_read_head(AT_FDCWD, path, title, sizeof(title)) >= 0 && !isempty(title))
                        return say(use, "%s (%s) on %s", holder, title, device->name);
                return say(use, "%s on %s", holder, device->name);
        }
        (void) text_format(path, sizeof(path), "%s/sys/class/block/%s/bcache", behind->root, device->name);
        return access(path, F_OK) >= 0 ? say(use, "bcache on %s", device->name) : 0;
}

static int mounted_somewhere_use(const Behind *behind, const BlockDevice *device, char use[static HOST_USE_SIZE]) {
        static const char *const types[] = { "ext4", "xfs", "f2fs", "erofs" };
        char path[PATH_MAX];

        for (size_t i = 0; i < ELEMENTSOF(types); i++) {
                if (text_format(path, sizeof(path), "%s/sys/fs/%s/%s", behind->root, types[i], device->name) < 0)
                        return -ENAMETOOLONG;
                if (access(path, F_OK) >= 0)
                        return say(use, "%s file system on %s, mounted in a namespace of its own", types[i], device->name);
        }
        return 0;
}

/* A disk of a mounted btrfs volume of several: /sys/fs/btrfs/UUID/devices/NAME. */
static int btrfs_use(const Behind *behind, const BlockDevice *device, char use[static HOST_USE_SIZE]) {
        char path[PATH_MAX], label[TEXT_SHOWN];

        if (text_format(path, sizeof(path), "%s/sys/fs/btrfs", behind->root) < 0)
                return -ENAMETOOLONG;
        _cleanup_(closedirp) DIR *folder = folder_open(AT_FDCWD, path);
        if (!folder)
                return errno == ENOENT ? 0 : -errno;
        for (struct dirent *entry; (entry = readdir(folder));) {
                if (entry->d_name[0] == '.')
                        continue;
                (void) text_format(path, sizeof(path), "%s/devices/%s", entry->d_name, device->name);
                if (faccessat(dirfd(folder), path, F_OK, 0) < 0)
                        continue;
                (void) text_format(path, sizeof(path), "%s/label", entry->d_name);
                if (attribute_read_head(dirfd(folder), path, label, sizeof(label)) < 0 || isempty(label))
                        (void) text_format(label, sizeof(label), "%.64s", entry->d_name);
                return say(use, "btrfs volume %s on %s", label, device->name);
        }
        return 0;
}

/* ZFS tells sysfs nothing: what udev has read on the disk has to do, as long as the module is there to use it. */
static int zfs_use(const Behind *behind, const BlockDevice *device, char use[static HOST_USE_SIZE]) {
        _cleanup_free_ char *line = NULL;
        size_t size = 0;
        char path[PATH_MAX];

        if (text_format(path, sizeof(path), "%s/sys/module/zfs", behind->root) < 0)
                return -ENAMETOOLONG;
        if (access(path, F_OK) < 0)
                return 0;
        (void) text_format(path, sizeof(path), "%s/run/udev/data/b%s", behind->root, device->number);
        _cleanup_fclose_ FILE *file = fopen(path, "re");
        if (!file)
                return errno == ENOENT ? 0 : -errno;
        while ((errno = 0, getline(&line, &size, file)) >= 0)
                if (streq(text_chomp(line), "E:ID_FS_TYPE=zfs_member"))
                        return say(use, "ZFS on %s", device->name);
        return errno != 0 ? -errno : 0;
}

int block_use_read(const Behind *behind, char ret_use[static HOST_USE_SIZE]) {
        static int (*const uses[])(const Behind *, const BlockDevice *, char[static HOST_USE_SIZE]) = {
                holder_use, btrfs_use, mounted_somewhere_use, zfs_use,
        };
        BlockSet set = { 0 };

        int r = behind_each(behind, "block", visit_block, &set);
        if (r < 0 || set.n == 0)
                return r;
        r = table_use(behind, "1/mountinfo", &set, mount_use, ret_use);
        if (r == -ENOENT)
                return -EACCES; /* process 1 is always there, so it is hidden */
        if (r == 0) {
                r = table_use(behind, "swaps", &set, swap_use, ret_use);
                r = r == -ENOENT ? 0 : r; /* a kernel without swap */
        }
        for (size_t i = 0; i < ELEMENTSOF(uses) && r == 0; i++)
                for (size_t k = 0; k < set.n && r == 0; k++)
                        r = uses[i](behind, &set.devices[k], ret_use);
        return r;
}
