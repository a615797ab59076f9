/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "client/bus.h"

/** inhibitors_list() - print who holds switches back. Returns the exit status. */
ExitStatus inhibitors_list(const Options *options, sd_bus *bus);
