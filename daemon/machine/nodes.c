/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Two walks: below the function's folder for device numbers, then over all descriptors of all processes.
 *
 * A descriptor's link is read first, and only one that names something in a /dev is looked at by
 * statx(): following a link to a file on a network file system could wait for a dead server for ever.
 * A process in a chroot shows "/srv/root/dev/snd/...", so the folders snd and dri count wherever they are.
 */

#include "machine/nodes.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/text.h"
#include "machine/attribute.h"
#include "machine/function.h"

#define NODES_MAX 128U    /* of one function: sound cards have up to 32 PCM devices in each direction */
#define FOLDERS_MAX 4096U /* visited below one function */
#define DELETED " (deleted)"
#define DEPTH_MAX 6U      /* FUNCTION/usb1/1-1/1-1:1.0/sound/card1/controlC1 */

typedef struct NodeSet {
        size_t n;
        dev_t numbers[NODES_MAX];
        size_t n_folders;
        const char *gone; /* instead of numbers: removed nodes of that folder in /dev */
} NodeSet;

/* "116:5" */
static int device_number_parse(const char *text, dev_t *ret_number) {
        char major_text[16];
        uint64_t major_number, minor_number;
        const char *colon = strchr(text, ':');

        if (!colon || (size_t) (colon - text) >= sizeof(major_text))
                return -EINVAL;
        memcpy(major_text, text, (size_t) (colon - text));
        major_text[colon - text] = '\0';
        if (text_to_uint64(major_text, 10, &major_number) < 0 ||
            text_to_uint64(colon + 1, 10, &minor_number) < 0)
                return -EINVAL;
        if (major_number > UINT32_MAX || minor_number > UINT32_MAX)
                return -ERANGE;
        *ret_number = makedev((unsigned) major_number, (unsigned) minor_number);
        return 0;
}

/* Adds the node that the folder @dir stands for, if it stands for one of ours. */
static int node_set_add(NodeSet *set, int dir) {
        char subsystem[32], text[32];
        dev_t number;

        if (attribute_read(dir, "dev", text, sizeof(text)) < 0 || device_number_parse(text, &number) < 0)
                return 0;
        if (link_read_name(dir, "subsystem", subsystem, sizeof(subsystem)) < 0)
                return 0;
        if (!streq(subsystem, "sound") && !streq(subsystem, "drm"))
                return 0;
        if (set->n >= NODES_MAX)
                return -E2BIG;
        set->numbers[set->n++] = number;
        return 0;
}

/* Links are never followed: they lead out of the function, or in circles. */
static int node_set_walk(NodeSet *set, DIR *folder, unsigned depth) {
        for (struct dirent *entry; (entry = readdir(folder));) {
                if (entry->d_name[0] == '.' || (entry->d_type != DT_DIR && entry->d_type != DT_UNKNOWN))
                        continue;
                int fd =
                        openat(dirfd(folder), entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
                if (fd < 0)
                        continue;
                _cleanup_(closedirp) DIR *below = fdopendir(fd);
                if (!below) {
                        (void) close_fd(fd);
                        return -ENOMEM;
                }
                if (++set->n_folders > FOLDERS_MAX)
                        return -E2BIG;
                int r = node_set_add(set, dirfd(below));
                if (r >= 0 && depth < DEPTH_MAX)
                        r = node_set_walk(set, below, depth + 1);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int node_set_read(NodeSet *set, const char *root, PciAddress address) {
        _cleanup_close_ int dir = function_open(root, address);

        if (dir < 0)
                return function_is_gone(dir) ? -ENODEV : dir;
        _cleanup_(closedirp) DIR *folder = folder_open(dir, ".");
        return folder ? node_set_walk(set, folder, 1) : -errno;
}

static bool node_set_has(const NodeSet *set, dev_t number) {
        for (size_t i = 0; i < set->n; i++)
                if (set->numbers[i] == number)
                        return true;
        return false;
}

static bool link_is_node(const char *target) {
        return text_starts_with(target, "/dev/") || strstr(target, "/dev/snd/") ||
               strstr(target, "/dev/dri/");
}

/* "/dev/snd/pcmC1D0p (deleted)": the name is gone, or is another node's by now. Cuts that off. */
static bool link_is_gone_node(char *target, const char *subsystem) {
        char folder[16];
        char *end = strstr(target, DELETED);

        if (!end || end[strlen(DELETED)] != '\0' || text_format(folder, sizeof(folder), "/dev/%s/", subsystem) < 0 ||
            !strstr(target, folder))
                return false;
        *end = '\0';
        return true;
}

/* Is descriptor @name of the folder @fds one of the nodes? @ret_node: its name as the process sees it. */
static bool descriptor_is_node(int fds, const char *name, const NodeSet *set, char *ret_node, size_t size) {
        char target[PATH_MAX];
        struct statx facts;
        ssize_t n = readlinkat(fds, name, target, sizeof(target) - 1);

        if (n < 0)
                return false;
        target[n] = '\0';
        if (set->gone) {
                if (!link_is_gone_node(target, set->gone))
                        return false;
                (void) text_format(ret_node, size, "%s", text_make_printable(target));
                return true;
        }
        if (!link_is_node(target))
                return false;
        if (statx(fds, name, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_TYPE, &facts) < 0)
                return false;
        if (!S_ISCHR(facts.stx_mode) ||
            !node_set_has(set, makedev(facts.stx_rdev_major, facts.stx_rdev_minor)))
                return false;
        (void) text_format(ret_node, size, "%s", text_make_printable(target));
        return true;
}

static bool is_unit(const char *name, size_t n) {
        const char *const suffixes[] = { ".service", ".scope" };

        for (size_t i = 0; i < ELEMENTSOF(suffixes); i++) {
                size_t k = strlen(suffixes[i]);
                if (n > k && memcmp(name + n - k, suffixes[i], k) == 0)
                        return true;
        }
        return false;
}

/* The last component of @path (up to the end of its line) that names a unit. */
static void unit_of_path(const char *path, char *ret_unit, size_t size) {
        const char *end = path + strcspn(path, "\n");

        while (path < end) {
                size_t n = strcspn(path, "/\n");
                /* A name cut short could be another unit's. */
                if (is_unit(path, n) && n < size)
                        (void) text_format(ret_unit, size, "%.*s", (int) n, path);
                path += n + 1;
        }
}

/* Lines are "0::/PATH" (the unified hierarchy) or "N:CONTROLLERS:/PATH". systemd's own are 0 and
 * name=systemd. */
static void holder_read_unit(int dir, Holder *holder) {
        char text[4096];

        if (attribute_read_head(dir, "cgroup", text, sizeof(text)) < 0)
                return;
        for (const char *line = text; *line != '\0';) {
                const char *colon = strchr(line, ':');
                const char *path = colon ? text_starts_with(colon, "::/") : NULL;
                if (!path && colon)
                        path = text_starts_with(colon, ":name=systemd:/");
                if (path && holder->unit[0] == '\0')
                        unit_of_path(path, holder->unit, sizeof(holder->unit));
                line += strcspn(line, "\n");
                line += *line == '\n';
        }
        (void) text_make_printable(holder->unit);
}

/* 1: it has one of the nodes open. 0: it has not, or has ended. Negative: no right to know. */
static int holder_read(int proc, const char *name, const NodeSet *set, Holder *ret_holder) {
        Holder holder = { 0 };
        uint64_t pid;

        if (text_to_uint64(name, 10, &pid) < 0 || pid > INT_MAX || (pid_t) pid == getpid())
                return 0;
        holder.pid = (pid_t) pid;
        _cleanup_close_ int dir = openat(proc, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (dir < 0)
                return 0;
        _cleanup_(closedirp) DIR *folder = folder_open(dir, "fd");
        if (!folder)
                return errno == EACCES || errno == EPERM ? -EACCES : 0;

        bool found = false;
        for (struct dirent *entry; !found && (entry = readdir(folder));)
                found = descriptor_is_node(dirfd(folder), entry->d_name, set, holder.node,
                                           sizeof(holder.node));
        if (!found)
                return 0;
        if (attribute_read_head(dir, "comm", holder.command, sizeof(holder.command)) < 0)
                return 0;
        (void) text_make_printable(holder.command);
        holder_read_unit(dir, &holder);
        *ret_holder = holder;
        return 1;
}

static int holders_find(const char *root, const NodeSet *set, Holder ret_holders[static HOLDERS_MAX]) {
        char path[PATH_MAX];
        size_t n = 0;
        bool denied = false;

        if (text_format(path, sizeof(path), "%s/proc", root) < 0)
                return -ENAMETOOLONG;
        _cleanup_(closedirp) DIR *proc = opendir(path);
        if (!proc)
                return -errno;
        for (struct dirent *entry; n < HOLDERS_MAX && (entry = readdir(proc));) {
                int r = holder_read(dirfd(proc), entry->d_name, set, &ret_holders[n]);
                if (r < 0)
                        denied = true;
                else
                        n += (size_t) r;
        }
        /* "Nobody that I could see" is no answer to build an unbind on. */
        return n == 0 && denied ? -EACCES : (int) n;
}

int nodes_holders(const char *root, PciAddress address, Holder ret_holders[static HOLDERS_MAX]) {
        NodeSet set = { 0 };
        int r = node_set_read(&set, root, address);

        if (r < 0)
                return r;
        return set.n == 0 ? 0 : holders_find(root, &set, ret_holders);
}

int nodes_holders_of_gone(const char *root, const char *subsystem, Holder ret_holders[static HOLDERS_MAX]) {
        const NodeSet set = { .gone = subsystem };

        return holders_find(root, &set, ret_holders);
}

const char *holder_describe(const Holder *holder, char *buffer, size_t size) {
        bool has_unit = holder->unit[0] != '\0';

        (void) text_format(buffer, size, "%s (pid %d%s%s) has %s open", holder->command, (int) holder->pid,
                           has_unit ? ", " : "", holder->unit, holder->node);
        return buffer;
}
