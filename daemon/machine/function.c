/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Read is only what the kernel answers without the device's lock and without waking the device, so
 * that it works beside a remove() that hangs. Not so: driver_override (before 6.12), config, and
 * sriov_numvfs (device_lock() before 6.9): virtual functions are counted by their links instead.
 */

#include "machine/function.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/address.h"
#include "base/text.h"
#include "machine/attribute.h"

int function_open(const char *root, PciAddress address) {
        char path[PATH_MAX];
        int r = text_format(path, sizeof(path), "%s/sys/bus/pci/devices/%s", root, ADDRESS_TEXT(address));

        if (r < 0)
                return -ENAMETOOLONG;
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
}

bool function_is_gone(int error) {
        /* No file any more, or a file that was open or found when its device went (kernfs). */
        return error == -ENOENT || error == -ENODEV || error == -ENXIO;
}

int function_class(int dir, uint32_t *ret_class) {
        uint64_t value;
        int r = attribute_read_uint(dir, "class", 16, 0xffffff, &value);

        if (r < 0)
                return r;
        *ret_class = (uint32_t) value;
        return 0;
}

int function_driver(int dir, char ret_driver[static DRIVER_NAME_SIZE]) {
        int r = link_read_name(dir, "driver", ret_driver, DRIVER_NAME_SIZE);

        if (r == -ENOENT) {
                ret_driver[0] = '\0';
                return 0;
        }
        return r;
}

bool function_is_virtual(int dir) {
        char target[NAME_MAX + 1];

        return link_read_name(dir, "physfn", target, sizeof(target)) >= 0;
}

static int function_ids(int dir, FunctionFacts *function) {
        const struct {
                const char *name;
                uint16_t *id;
        } ids[] = {
                { "vendor", &function->vendor_id },
                { "device", &function->device_id },
                { "subsystem_vendor", &function->subsystem_vendor_id },
                { "subsystem_device", &function->subsystem_device_id },
        };

        for (size_t i = 0; i < ELEMENTSOF(ids); i++) {
                uint64_t value;
                int r = attribute_read_uint(dir, ids[i].name, 16, UINT16_MAX, &value);
                if (r < 0)
                        return r;
                *ids[i].id = (uint16_t) value;
        }
        return 0;
}

static int function_group(int dir, int32_t *ret_group) {
        char name[32];
        uint64_t value;
        int r = link_read_name(dir, "iommu_group", name, sizeof(name));

        if (r == -ENOENT) {
                *ret_group = -1;
                return 0;
        }
        if (r < 0)
                return r;
        r = text_to_uint64(name, 10, &value);
        if (r < 0)
                return r;
        if (value > INT32_MAX)
                return -ERANGE;
        *ret_group = (int32_t) value;
        return 0;
}

static bool attribute_is_one(int dir, const char *name) {
        uint64_t value;

        return attribute_read_uint(dir, name, 10, 1, &value) >= 0 && value == 1;
}

/*
 * boot_vga is the VGA arbiter's default device, which since 2026 need not be the one that shows the
 * boot; boot_display (first an attribute of the PCI device, then of the DRM card) is the newer sign.
 */
static bool function_is_boot_display(int dir) {
        if (attribute_is_one(dir, "boot_vga") || attribute_is_one(dir, "boot_display"))
                return true;

        _cleanup_(closedirp) DIR *drm = folder_open(dir, "drm");
        if (!drm)
                return false;
        for (struct dirent *entry; (entry = readdir(drm));) {
                char name[NAME_MAX + sizeof("/boot_display")];
                if (text_starts_with(entry->d_name, "card") &&
                    text_format(name, sizeof(name), "%s/boot_display", entry->d_name) >= 0 &&
                    attribute_is_one(dirfd(drm), name))
                        return true;
        }
        return false;
}

/* The links virtfn0, virtfn1, ... are there as long as the virtual functions are. */
static int function_count_virtual(int dir, uint16_t *ret_n) {
        _cleanup_(closedirp) DIR *folder = folder_open(dir, ".");
        uint16_t n = 0;

        if (!folder)
                return -errno;
        for (struct dirent *entry; (entry = readdir(folder));) {
                const char *number = text_starts_with(entry->d_name, "virtfn");
                uint64_t index;
                if (number && text_to_uint64(number, 10, &index) >= 0 && n < UINT16_MAX)
                        n++;
        }
        *ret_n = n;
        return 0;
}

#define RESOURCE_IO 0x100U     /* IORESOURCE_IO of the kernel's include/linux/ioport.h */
#define RESOURCE_MEMORY 0x200U /* IORESOURCE_MEM */

/* Each line is "START END FLAGS", a BAR each in their order, other windows behind them; all zero: there is none. */
static int function_bars(int dir, uint64_t ret_sizes[static BARS_MAX]) {
        char text[4096];
        char *rest = text;

        memset(ret_sizes, 0, BARS_MAX * sizeof(*ret_sizes));
        int r = attribute_read(dir, "resource", text, sizeof(text));
        if (r < 0)
                return r == -ENOENT ? 0 : r;
        for (size_t i = 0; i < BARS_MAX; i++) {
                uint64_t start, end, flags;
                const char *line = strsep(&rest, "\n");
                if (!line || sscanf(line, "%" SCNx64 " %" SCNx64 " %" SCNx64, &start, &end, &flags) != 3)
                        return 0;
                if ((flags & (RESOURCE_IO | RESOURCE_MEMORY)) == RESOURCE_MEMORY && end > start)
                        ret_sizes[i] = end - start + 1;
        }
        return 0;
}

int function_read(int dir, PciAddress address, FunctionFacts *ret_function) {
        FunctionFacts function = { .address = address };
        int r = function_class(dir, &function.class_code);

        if (r < 0)
                return r;
        r = function_ids(dir, &function);
        if (r < 0)
                return r;
        r = function_group(dir, &function.iommu_group);
        if (r < 0)
                return r;
        r = function_driver(dir, function.driver);
        if (r < 0)
                return r;
        r = function_count_virtual(dir, &function.n_virtual_functions);
        if (r < 0)
                return r;
        r = function_bars(dir, function.bar_sizes);
        if (r < 0)
                return r;
        function.role = role_of_class(function.class_code);
        function.is_boot_display = function.role == FUNCTION_ROLE_DISPLAY && function_is_boot_display(dir);
        *ret_function = function;
        return 0;
}
