/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A dbus-daemon of the test's own, in a folder of its own, as the system bus of this process and its
 * children. */

#include <stdbool.h>
#include <sys/types.h>

typedef struct PrivateBus {
        char folder[64];
        pid_t pid;
} PrivateBus;

/** private_bus_start() - sets DBUS_SYSTEM_BUS_ADDRESS. Its org.gpuswitch1 can be activated: that makes a
 * file. */
void private_bus_start(PrivateBus *bus);

/** private_bus_has_activated() - has somebody made it start org.gpuswitch1? */
bool private_bus_has_activated(const PrivateBus *bus);

void private_bus_stop(PrivateBus *bus);
