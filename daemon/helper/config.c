/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kernel turns each aligned read or write of 1, 2 or 4 bytes of /sys/.../config into exactly one access
 * of that width (pci_write_config()), so plain pread() and pwrite() say what reaches the device, and strace
 * shows it. Reading resumes a function in D3cold, and waits while a reset is going on.
 */

#include "helper/config.h"

#include <assert.h>
#include <fcntl.h>
#include <string.h>

#include "base/address.h"
#include "base/macros.h"
#include "base/text.h"
#include "core/config-space.h"
#include "helper/files.h"
#include "helper/operations.h"
#include "helper/protocol.h"

int config_open(const Helper *helper, PciAddress address, int flags, HelperReply *reply) {
        char path[PATH_TEXT_SIZE];

        if (device_path(helper, address, "config", path) < 0)
                return reply_fail(reply, -ENAMETOOLONG, "the path of %s is too long", ADDRESS_TEXT(address));
        int fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0) {
                int r = -errno;
                return reply_fail(reply, r, "cannot open %s: %s", path, strerror(-r));
        }
        return fd;
}

static int read_at(int fd, uint8_t *bytes, size_t size, size_t *ret_size) {
        size_t n = 0;

        while (n < size) {
                ssize_t k = pread(fd, bytes + n, size - n, (off_t) n);
                if (k < 0)
                        return -errno;
                if (k == 0)
                        break;
                n += (size_t) k;
        }
        *ret_size = n;
        return 0;
}

int config_read(int fd, PciAddress address, uint8_t ret_bytes[static CONFIG_SPACE_SIZE], size_t *ret_size,
                HelperReply *reply) {
        size_t size = 0;
        int r = read_at(fd, ret_bytes, CONFIG_SPACE_SIZE, &size);

        if (r == 0 && config_is_dead(ret_bytes, size))
                r = read_at(fd, ret_bytes, CONFIG_SPACE_SIZE, &size);
        if (r < 0)
                return reply_fail(reply, r, "cannot read the configuration space of %s: %s",
                                  ADDRESS_TEXT(address), strerror(-r));
        *ret_size = size;
        return 0;
}

int config_read_whole(const Helper *helper, PciAddress address, uint8_t ret_bytes[static CONFIG_SPACE_SIZE],
                      size_t *ret_size, HelperReply *reply) {
        _cleanup_close_ int fd = config_open(helper, address, O_RDONLY, reply);

        if (fd < 0)
                return fd;
        int r = config_read(fd, address, ret_bytes, ret_size, reply);
        if (r < 0)
                return r;
        if (config_is_dead(ret_bytes, *ret_size))
                return reply_fail(reply, -ENXIO, "%s reads all ones", ADDRESS_TEXT(address));
        if (*ret_size < 256)
                return reply_fail(reply, -EPERM,
                                  "only %zu bytes of the configuration space of %s can be read: "
                                  "CAP_SYS_ADMIN is missing",
                                  *ret_size, ADDRESS_TEXT(address));
        return 0;
}

int config_write(int fd, PciAddress address, size_t offset, size_t width, uint32_t value,
                 HelperReply *reply) {
        uint8_t bytes[4];

        assert(width == 1 || width == 2 || width == 4);
        /* PCI is little endian, whatever the host is. */
        for (size_t i = 0; i < sizeof(bytes); i++)
                bytes[i] = (uint8_t) (value >> 8 * i);
        ssize_t n = pwrite(fd, bytes, width, (off_t) offset);
        if (n == (ssize_t) width)
                return 0;
        int r = n < 0 ? -errno : -EIO;
        /* Those two say that nothing was begun (exec, manager), which is not known of a write that was made. */
        return reply_fail(reply, r == -EBUSY || r == -EINVAL ? -EIO : r,
                          "cannot write 0x%0*x to offset 0x%zx of the configuration space of %s: %s",
                          (int) width * 2, value, offset, ADDRESS_TEXT(address), strerror(-r));
}

uint32_t config_value(const uint8_t *bytes, size_t offset, size_t width) {
        uint32_t value = 0;

        for (size_t i = 0; i < width; i++)
                value |= (uint32_t) bytes[offset + i] << 8 * i;
        return value;
}

int config_check_alive(const Helper *helper, PciAddress address, HelperReply *reply) {
        char path[PATH_TEXT_SIZE], power[ATTRIBUTE_VALUE_SIZE] = "";
        uint8_t id[4];
        size_t size = 0;

        _cleanup_close_ int fd = config_open(helper, address, O_RDONLY, reply);
        if (fd < 0)
                return fd;
        int r = read_at(fd, id, sizeof(id), &size);
        /* The first read resumes; only the second one is about a function that is awake. */
        if (r == 0 && config_is_dead(id, size))
                r = read_at(fd, id, sizeof(id), &size);
        if (r < 0)
                return reply_fail(reply, r, "cannot read the configuration space of %s: %s",
                                  ADDRESS_TEXT(address), strerror(-r));
        if (!config_is_dead(id, size))
                return 0;
        if (device_path(helper, address, "power_state", path) == 0)
                (void) file_read(path, power, sizeof(power));
        return reply_fail(reply, -ENXIO, "%s does not answer: its configuration space reads all ones%s%s%s",
                          ADDRESS_TEXT(address), isempty(power) ? "" : " (power state ", power,
                          isempty(power) ? "" : ")");
}

int operation_alive(Helper *helper, const HelperRequest *request, HelperReply *reply) {
        return config_check_alive(helper, request->address, reply);
}
