/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Changes of PCI devices, what DRM drivers say of them, and the modules that matter to them, as udev reports it (sd-device
 * monitor) after its own rules have run. The monitor takes messages of udev's group from root only, so that nobody else can make one up.
 */

#include <stdint.h>
#include <systemd/sd-event.h>

#include "base/macros.h"
#include "gpuswitch/address.h"
#include "gpuswitch/limits.h"

typedef enum UeventAction {
        UEVENT_ADD,
        UEVENT_REMOVE,
        UEVENT_BIND,
        UEVENT_UNBIND,
        UEVENT_CHANGE,
        UEVENT_MODULE, /* no device: a kernel module that guards or resets cards has come or gone */
        UEVENT_WEDGED, /* of the DRM device below the function: its driver hangs (Linux 6.15, drm_dev_wedged_event()) */
} UeventAction;

/* What a driver asks for, in the order of its words; a bit each. */
typedef enum WedgedMethod {
        WEDGED_NONE = 1 << 0,            /* nothing: it has recovered by itself */
        WEDGED_REBIND = 1 << 1,          /* unbind and bind it */
        WEDGED_BUS_RESET = 1 << 2,       /* unbind, reset the bus, bind */
        WEDGED_VENDOR_SPECIFIC = 1 << 3, /* what the vendor's documentation says */
        WEDGED_UNKNOWN = 1 << 4,         /* it does not know what would help */
        WEDGED_OTHER = 1 << 5,           /* a word of a newer kernel, or no word at all: nothing good is known */
} WedgedMethod;

typedef struct Uevent {
        UeventAction action;
        PciAddress address;            /* all zero: of MODULE */
        uint64_t sequence;             /* SEQNUM, as in /sys/kernel/uevent_seqnum */
        char driver[DRIVER_NAME_SIZE]; /* of BIND; "" otherwise */
        unsigned wedged;               /* of WEDGED: WedgedMethods */
} Uevent;

typedef void (*UeventHandler)(const Uevent *uevent, void *userdata);

typedef struct UeventMonitor UeventMonitor;

/** wedged_parse() - "rebind,bus-reset": WedgedMethods, never none of them. Any text is safe input. */
unsigned wedged_parse(const char *text);

/** uevent_monitor_new() - start listening to subsystems "pci", "drm" and "module". 0 or negative errno. */
int uevent_monitor_new(sd_event *event, UeventHandler handler, void *userdata, UeventMonitor **ret_monitor);
UeventMonitor *uevent_monitor_free(UeventMonitor *monitor);
DEFINE_CLEANUP(UeventMonitor *, uevent_monitor_free)

/** uevent_sequence_now() - the kernel's last sequence number; 0 if it cannot be read. */
uint64_t uevent_sequence_now(void);
