/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The D-Bus coat: org.gpuswitch1 on the system bus.
 *
 * It survives the bus: when the connection breaks it is made again, with back-off, and every object with it. The
 * daemon works on meanwhile.
 */

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include "api/inhibitor.h"
#include "api/operations.h"
#include "base/macros.h"

typedef struct ApiBus ApiBus;

/**
 * api_bus_new() - connect and take the name
 * @operations, @inhibitors, @userdata: borrowed, must outlive the object
 *
 * A bus that is not there is no error: connecting is tried again. Return: 0 or negative errno.
 */
int api_bus_new(sd_event *event, const ApiOperations *operations, Inhibitors *inhibitors, void *userdata,
                ApiBus **ret_bus);
ApiBus *api_bus_free(ApiBus *bus);
DEFINE_CLEANUP(ApiBus *, api_bus_free)

/** api_bus_gpu_added() - a card has come; its object appears. */
void api_bus_gpu_added(ApiBus *bus, PciAddress address);
/** api_bus_gpu_removed() - a card has gone. */
void api_bus_gpu_removed(ApiBus *bus, PciAddress address);
/** api_bus_gpu_changed() - signal what is different from the last view that was signalled. */
void api_bus_gpu_changed(ApiBus *bus, PciAddress address);

/**
 * api_bus_prepare_for_switch() - signal who delays that a switch waits for them
 * @deadline_usec: of CLOCK_MONOTONIC, when it goes on in any case; 0 at the end
 * @begin: it waits, else it is over, whatever has come of it
 */
void api_bus_prepare_for_switch(ApiBus *bus, PciAddress address, Direction direction, usec_t deadline_usec, bool begin);

/** api_bus_reboots_used_up() - signal virtwatch that the next reboot of that domain has to become a stop. */
void api_bus_reboots_used_up(ApiBus *bus, const char *uuid);

/** api_bus_connection() - the connection, for calls to others; NULL while there is none. Borrowed. */
sd_bus *api_bus_connection(ApiBus *bus);
