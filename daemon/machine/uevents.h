/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Changes of PCI devices as udev reports them (sd-device monitor), after udev's own rules have run. */

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
} UeventAction;

typedef struct Uevent {
        UeventAction action;
        PciAddress address;
        uint64_t sequence;             /* SEQNUM, as in /sys/kernel/uevent_seqnum */
        char driver[DRIVER_NAME_SIZE]; /* of BIND; "" otherwise */
} Uevent;

typedef void (*UeventHandler)(const Uevent *uevent, void *userdata);

typedef struct UeventMonitor UeventMonitor;

/** uevent_monitor_new() - start listening to subsystem "pci". 0 or negative errno. */
int uevent_monitor_new(sd_event *event, UeventHandler handler, void *userdata, UeventMonitor **ret_monitor);
UeventMonitor *uevent_monitor_free(UeventMonitor *monitor);
DEFINE_CLEANUP(UeventMonitor *, uevent_monitor_free)

/** uevent_sequence_now() - the kernel's last sequence number; 0 if it cannot be read. */
uint64_t uevent_sequence_now(void);
