/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What fake-daemon tells at length of the card that a machine has ("big"), and nothing of all others. */

#include <systemd/sd-bus.h>

int fake_isolation(sd_bus_message *message, void *userdata, sd_bus_error *error);
int fake_advice(sd_bus_message *message, void *userdata, sd_bus_error *error);
