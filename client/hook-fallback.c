/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Reads `class` and the `driver` link only: both are answered without any device lock
 * (drivers/pci/pci-sysfs.c), so a card whose driver hangs cannot hang the hook.
 */

#include "client/hook-fallback.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>

#include "base/address.h"
#include "base/text.h"
#include "gpuswitch/names.h"
#include "gpuswitch/types.h"

static int device_path(const char *sys_root, PciAddress address, const char *attribute, char *buffer,
                       size_t size) {
        return text_format(buffer, size, "%s/sys/bus/pci/devices/%s/%s", sys_root, ADDRESS_TEXT(address),
                           attribute);
}

/* Return: 1 display, 0 none, -ENOENT no such device, other negative errno. */
static int is_display(const char *sys_root, PciAddress address) {
        _cleanup_close_ int fd = -EBADF;
        char path[PATH_MAX], text[ATTRIBUTE_VALUE_SIZE];
        uint64_t class_code;

        int r = device_path(sys_root, address, "class", path, sizeof(path));
        if (r < 0)
                return r;
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        if (fd < 0)
                return -errno;
        ssize_t n = read(fd, text, sizeof(text) - 1);
        if (n < 0)
                return -errno;
        text[n] = '\0';
        r = text_to_uint64(text_chomp(text), 16, &class_code);
        return r < 0 ? r : class_code >> 16 == PCI_BASE_CLASS_DISPLAY;
}

/* The driver's name, "" without one. */
static int read_driver(const char *sys_root, PciAddress address, char *buffer, size_t size) {
        char path[PATH_MAX], target[PATH_MAX];

        int r = device_path(sys_root, address, "driver", path, sizeof(path));
        if (r < 0)
                return r;
        ssize_t n = readlink(path, target, sizeof(target) - 1);
        if (n < 0)
                return errno == ENOENT ? text_copy(buffer, size, "") : -errno;
        target[n] = '\0';
        const char *slash = strrchr(target, '/');
        return text_copy(buffer, size, slash ? slash + 1 : target);
}

/* Variant drivers have the words in their names: nvgrace_gpu_vfio_pci. */
static bool is_vfio(const char *driver) {
        return streq(driver, DRIVER_VFIO_PCI) || strstr(driver, "vfio_pci") || strstr(driver, "vfio-pci");
}

static HookVerdict refuse_unreadable(PciAddress address, int r, char *reterr, size_t size) {
        (void) text_format(reterr, size, "cannot tell whether %s is a GPU: %s", ADDRESS_TEXT(address),
                           strerror(-r));
        return HOOK_REFUSE;
}

HookVerdict hook_without_daemon(const DomainDescription *domain, const char *sys_root, const char *why,
                                char *reterr, size_t size) {
        for (size_t i = 0; i < domain->n_addresses; i++) {
                PciAddress address = domain->addresses[i];
                int r = is_display(sys_root, address);
                if (r == 0 || r == -ENOENT)
                        continue;
                if (r < 0)
                        return refuse_unreadable(address, r, reterr, size);
                (void) text_format(
                        reterr, size,
                        "GPU %s cannot be prepared for the VM because gpuswitchd cannot be reached: %s\n"
                        "See `systemctl status gpuswitchd`. To start VMs without gpuswitch, remove "
                        "/etc/libvirt/hooks/qemu.d/gpuswitch.",
                        ADDRESS_TEXT(address), why);
                return HOOK_REFUSE;
        }
        return HOOK_PASS;
}

HookVerdict hook_unprivileged(const DomainDescription *domain, const char *sys_root, char *reterr,
                              size_t size) {
        for (size_t i = 0; i < domain->n_addresses; i++) {
                PciAddress address = domain->addresses[i];
                char driver[DRIVER_NAME_SIZE] = "";
                int r = is_display(sys_root, address);
                if (r == 0 || r == -ENOENT)
                        continue;
                if (r > 0)
                        r = read_driver(sys_root, address, driver, sizeof(driver));
                if (r < 0)
                        return refuse_unreadable(address, r, reterr, size);
                if (is_vfio(driver))
                        continue;
                (void) text_format(
                        reterr, size,
                        "GPU %s is not ready for a VM (driver: %s), and a VM of a user's session cannot "
                        "switch it\nRun `gpuswitchctl to-guest %s` first.",
                        ADDRESS_TEXT(address), isempty(driver) ? "none" : driver, ADDRESS_TEXT(address));
                return HOOK_REFUSE;
        }
        return HOOK_PASS;
}
