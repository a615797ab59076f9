/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libvirt gives QEMU a /dev of its own, where the same device has another inode: only the device number
 * counts. But following a link to somebody's file on a dead network mount could wait for ever, so the link is
 * read first, and only what looks like a vfio node is followed.
 */

#include "helper/open-files.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/text.h"
#include "helper/files.h"

static void closedirp(DIR **d) {
        if (*d)
                (void) closedir(*d);
}

static bool descriptor_is(int fds, const char *name, dev_t device) {
        char target[PATH_MAX];
        struct statx found;
        ssize_t n = readlinkat(fds, name, target, sizeof(target) - 1);

        if (n < 0)
                return false;
        target[n] = '\0';
        if (!strstr(target, "/vfio/") ||
            statx(fds, name, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, STATX_TYPE, &found) < 0)
                return false;
        return S_ISCHR(found.stx_mode) && makedev(found.stx_rdev_major, found.stx_rdev_minor) == device;
}

/* Does the process have the device open? A process that ends meanwhile has not. */
static bool process_has(const char *proc, const char *pid, dev_t device) {
        char path[PATH_TEXT_SIZE];

        if (text_format(path, sizeof(path), "%s/%s/fd", proc, pid) < 0)
                return false;
        _cleanup_(closedirp) DIR *dir = opendir(path);
        if (!dir)
                return false;
        const struct dirent *entry;
        while ((entry = readdir(dir)))
                if (descriptor_is(dirfd(dir), entry->d_name, device))
                        return true;
        return false;
}

int open_files_find(const Helper *helper, dev_t device, const char *name, Holder *ret_holder) {
        char proc[PATH_TEXT_SIZE], comm[PATH_TEXT_SIZE];
        int r = root_path(helper, "/proc", proc);

        if (r < 0)
                return r;
        _cleanup_(closedirp) DIR *dir = opendir(proc);
        if (!dir)
                return -errno;
        const struct dirent *entry;
        while ((entry = readdir(dir))) {
                uint64_t pid;
                if (text_to_uint64(entry->d_name, 10, &pid) < 0 || pid > INT32_MAX || (pid_t) pid == getpid())
                        continue;
                if (!process_has(proc, entry->d_name, device))
                        continue;
                *ret_holder = (Holder){ .pid = (pid_t) pid };
                if (text_format(comm, sizeof(comm), "%s/%s/comm", proc, entry->d_name) == 0)
                        (void) file_read(comm, ret_holder->command, sizeof(ret_holder->command));
                (void) text_copy(ret_holder->node, sizeof(ret_holder->node), name);
                return 1;
        }
        return 0;
}
