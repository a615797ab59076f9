/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The words behind `quirks`. */

#include "client/client.h"

/** quirks_report() - what has come of resets on this machine, as JSON and without anything that names it. */
ExitStatus quirks_report(const Options *options);
