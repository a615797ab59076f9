/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A value is one write() of its own: the kernel sees each write as a whole value, and takes an empty one for
 * nothing at all (sysfs_kf_write()). So there is no buffering, no retry, and no empty write.
 */

#include "helper/files.h"

#include <assert.h>
#include <fcntl.h>

#include "base/address.h"
#include "base/text.h"
#include "helper/protocol.h"

int root_path(const Helper *helper, const char *path, char ret_path[static PATH_TEXT_SIZE]) {
        int r = text_format(ret_path, PATH_TEXT_SIZE, "%s%s", helper->root, path);

        return r < 0 ? -ENAMETOOLONG : 0;
}

int device_path(const Helper *helper, PciAddress address, const char *name,
                char ret_path[static PATH_TEXT_SIZE]) {
        int r = text_format(ret_path, PATH_TEXT_SIZE, "%s/sys/bus/pci/devices/%s%s%s", helper->root,
                            ADDRESS_TEXT(address), isempty(name) ? "" : "/", name);

        return r < 0 ? -ENAMETOOLONG : 0;
}

int file_read(const char *path, char *buffer, size_t size) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        char text[4096 + 1]; /* an attribute is a page at most */
        size_t n = 0;

        if (fd < 0)
                return -errno;
        while (n < sizeof(text)) {
                ssize_t k = read(fd, text + n, sizeof(text) - n);
                if (k < 0)
                        return -errno;
                if (k == 0)
                        break;
                n += (size_t) k;
        }
        if (n == sizeof(text))
                return -ENOBUFS;
        text[n] = '\0';
        return text_copy(buffer, size, text_chomp(text));
}

int file_write(const char *path, const char *value, HelperReply *reply) {
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
        size_t size = strlen(value);
        const char *shown = streq(value, "\n") ? "\\n" : value;

        assert(size > 0);
        if (fd < 0) {
                int r = -errno;
                return reply_fail(reply, r, "cannot open %s to write '%s': %s", path, shown, strerror(-r));
        }
        ssize_t n = write(fd, value, size);
        if (n < 0) {
                int r = -errno;
                return reply_fail(reply, r, "cannot write '%s' to %s: %s", shown, path, strerror(-r));
        }
        if ((size_t) n != size)
                return reply_fail(reply, -EIO, "only %zd bytes of '%s' were written to %s", n, shown, path);
        return 0;
}

int bound_driver(const Helper *helper, PciAddress address, char ret_driver[static DRIVER_NAME_SIZE],
                 HelperReply *reply) {
        char path[PATH_TEXT_SIZE], target[4096];
        int r = device_path(helper, address, "driver", path);

        if (r < 0)
                return reply_fail(reply, r, "the path of %s is too long", ADDRESS_TEXT(address));
        ssize_t n = readlink(path, target, sizeof(target) - 1);
        if (n < 0 && errno == ENOENT) {
                (void) device_path(helper, address, "", path);
                if (access(path, F_OK) < 0) {
                        r = -errno;
                        if (r != -ENOENT)
                                return reply_fail(reply, r, "cannot look at %s: %s", path, strerror(-r));
                        return reply_fail(reply, -ENODEV, "there is no %s: the function is not on the bus",
                                          path);
                }
                ret_driver[0] = '\0';
                return 0;
        }
        if (n < 0) {
                r = -errno;
                return reply_fail(reply, r, "cannot read the link %s: %s", path, strerror(-r));
        }
        target[n] = '\0';
        const char *slash = strrchr(target, '/');
        r = text_copy(ret_driver, DRIVER_NAME_SIZE, slash ? slash + 1 : target);
        return r < 0 ? reply_fail(reply, r, "the driver's name in %s is too long", path) : 0;
}
