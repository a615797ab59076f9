/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The time, for every room that may know it: core may not, it is told. */

#include "gpuswitch/deadlines.h"

/** now_monotonic_usec() - for deadlines, and for comparing with what another process on this machine says. */
usec_t now_monotonic_usec(void);
/** now_boottime_usec() - the same, going on while the machine sleeps: how long something has lasted. */
usec_t now_boottime_usec(void);
/** now_realtime_usec() - for people only: it can be set, backwards too. */
usec_t now_realtime_usec(void);
