/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Listens to what udev sends on after its rules have run, not to the kernel's own messages: a device
 * that has just come must not be touched while udev still loads its driver.
 *
 * libsystemd makes a monitor that never says anything, without an error, if /run/udev/control is
 * missing: the daemon has to be started after systemd-udevd.
 */

#include "machine/uevents.h"

#include <fcntl.h>
#include <systemd/sd-device.h>

#include "base/address.h"
#include "base/text.h"
#include "machine/attribute.h"

/* A rescan of a big machine sends thousands at once; what does not fit is lost without a word. */
#define RECEIVE_BUFFER_SIZE (8U * 1024U * 1024U)

struct UeventMonitor {
        sd_device_monitor *monitor;
        UeventHandler handler;
        void *userdata;
};

unsigned wedged_parse(const char *text) {
        /* drm_get_wedge_recovery() and drm_dev_wedged_event() in drivers/gpu/drm/drm_drv.c */
        static const struct {
                const char *word;
                WedgedMethod method;
        } methods[] = {
                { "none", WEDGED_NONE },
                { "rebind", WEDGED_REBIND },
                { "bus-reset", WEDGED_BUS_RESET },
                { "vendor-specific", WEDGED_VENDOR_SPECIFIC },
                { "unknown", WEDGED_UNKNOWN },
        };
        unsigned wedged = 0;

        for (;;) {
                size_t n = strcspn(text, ",");
                unsigned method = WEDGED_OTHER;
                for (size_t i = 0; i < ELEMENTSOF(methods); i++)
                        if (strlen(methods[i].word) == n && strncmp(text, methods[i].word, n) == 0)
                                method = methods[i].method;
                wedged |= method;
                if (text[n] == '\0')
                        return wedged;
                text += n + 1;
        }
}

/* ".../0000:01:00.0/drm/card0": the function is the device above the folder of its class. */
static int drm_parent(const char *devpath, PciAddress *ret_address) {
        char address[PCI_ADDRESS_TEXT_SIZE];
        const char *end = strstr(devpath, "/drm/");
        const char *start = end;

        while (start && start > devpath && start[-1] != '/')
                start--;
        if (!start || (size_t) (end - start) >= sizeof(address))
                return -ENODEV;
        memcpy(address, start, (size_t) (end - start));
        address[end - start] = '\0';
        return address_parse(address, ret_address);
}

/* What DRM says beside that a connector has changed: -ENODATA. */
static int wedged_read(sd_device *device, Uevent *ret_uevent) {
        Uevent uevent = { .action = UEVENT_WEDGED };
        sd_device_action_t action;
        const char *devpath, *wedged;

        int r = sd_device_get_action(device, &action);
        if (r < 0)
                return r;
        r = sd_device_get_property_value(device, "WEDGED", &wedged);
        if (r < 0 || action != SD_DEVICE_CHANGE)
                return -ENODATA;
        r = sd_device_get_devpath(device, &devpath);
        if (r >= 0)
                r = drm_parent(devpath, &uevent.address);
        if (r >= 0)
                r = sd_device_get_seqnum(device, &uevent.sequence);
        if (r < 0)
                return r;
        uevent.wedged = wedged_parse(wedged);
        *ret_uevent = uevent;
        return 0;
}

static int uevent_action(sd_device *device, UeventAction *ret_action) {
        sd_device_action_t action;
        int r = sd_device_get_action(device, &action);

        if (r < 0)
                return r;
        switch ((int) action) {
        case SD_DEVICE_ADD:
                *ret_action = UEVENT_ADD;
                return 0;
        case SD_DEVICE_REMOVE:
                *ret_action = UEVENT_REMOVE;
                return 0;
        case SD_DEVICE_BIND:
                *ret_action = UEVENT_BIND;
                return 0;
        case SD_DEVICE_UNBIND:
                *ret_action = UEVENT_UNBIND;
                return 0;
        default:
                /* change, move, online, offline: look again. */
                *ret_action = UEVENT_CHANGE;
                return 0;
        }
}

static int uevent_read(sd_device *device, Uevent *ret_uevent) {
        Uevent uevent = { 0 };
        const char *name, *driver;
        int r = sd_device_get_sysname(device, &name);

        if (r < 0)
                return r;
        r = address_parse(name, &uevent.address);
        if (r < 0)
                return r;
        r = uevent_action(device, &uevent.action);
        if (r < 0)
                return r;
        r = sd_device_get_seqnum(device, &uevent.sequence);
        if (r < 0)
                return r;
        if (uevent.action == UEVENT_BIND && sd_device_get_property_value(device, "DRIVER", &driver) >= 0)
                (void) text_copy(uevent.driver, sizeof(uevent.driver), driver);
        *ret_uevent = uevent;
        return 0;
}

/* Any other module: -ENODATA. */
static int module_read(sd_device *device, Uevent *ret_uevent) {
        static const char *const modules[] = { "gpuswitch_guard", "vendor_reset" };
        Uevent uevent = { .action = UEVENT_MODULE };
        sd_device_action_t action;
        const char *name;

        int r = sd_device_get_action(device, &action);
        if (r >= 0)
                r = sd_device_get_sysname(device, &name);
        if (r >= 0)
                r = sd_device_get_seqnum(device, &uevent.sequence);
        if (r < 0)
                return r;
        for (size_t i = 0; i < ELEMENTSOF(modules); i++)
                if (streq(name, modules[i]) && (action == SD_DEVICE_ADD || action == SD_DEVICE_REMOVE)) {
                        *ret_uevent = uevent;
                        return 0;
                }
        return -ENODATA;
}

static int on_device(sd_device_monitor *sd_monitor, sd_device *device, void *userdata) {
        UeventMonitor *monitor = userdata;
        const char *subsystem;
        Uevent uevent;

        int r = sd_device_get_subsystem(device, &subsystem);
        if (r >= 0)
                r = streq(subsystem, "drm")      ? wedged_read(device, &uevent)
                    : streq(subsystem, "module") ? module_read(device, &uevent)
                                                 : uevent_read(device, &uevent);
        /* A device that is no function (or no longer readable) is nobody's card. */
        if (r >= 0)
                monitor->handler(&uevent, monitor->userdata);
        return 0;
}

int uevent_monitor_new(sd_event *event, UeventHandler handler, void *userdata, UeventMonitor **ret_monitor) {
        static const char *const subsystems[] = { "pci", "drm", "module" };
        _cleanup_(uevent_monitor_freep) UeventMonitor *monitor = calloc(1, sizeof(UeventMonitor));

        if (!monitor)
                return -ENOMEM;
        monitor->handler = handler;
        monitor->userdata = userdata;
        int r = sd_device_monitor_new(&monitor->monitor);
        if (r < 0)
                return r;
        (void) sd_device_monitor_set_receive_buffer_size(monitor->monitor, RECEIVE_BUFFER_SIZE);
        for (size_t i = 0; i < ELEMENTSOF(subsystems); i++) {
                r = sd_device_monitor_filter_add_match_subsystem_devtype(monitor->monitor, subsystems[i], NULL);
                if (r < 0)
                        return r;
        }
        r = sd_device_monitor_attach_event(monitor->monitor, event);
        if (r < 0)
                return r;
        r = sd_device_monitor_start(monitor->monitor, on_device, monitor);
        if (r < 0)
                return r;
        *ret_monitor = TAKE_PTR(monitor);
        return 0;
}

UeventMonitor *uevent_monitor_free(UeventMonitor *monitor) {
        if (!monitor)
                return NULL;
        sd_device_monitor_unref(monitor->monitor);
        free(monitor);
        return NULL;
}

uint64_t uevent_sequence_now(void) {
        uint64_t sequence;

        if (attribute_read_uint(AT_FDCWD, "/sys/kernel/uevent_seqnum", 10, UINT64_MAX, &sequence) < 0)
                return 0;
        return sequence;
}
