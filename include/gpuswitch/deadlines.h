/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* How long a thing may take before it is given up. All in microseconds. */

#include <stdint.h>

typedef uint64_t usec_t;

#define USEC_PER_MSEC ((usec_t) 1000)
#define USEC_PER_SEC ((usec_t) 1000000)
#define USEC_INFINITY UINT64_MAX

/* One write to an attribute that takes no device lock for long. */
#define ATTRIBUTE_TIMEOUT_USEC (20 * USEC_PER_SEC)
/* A driver's probe() or remove(). */
#define BIND_TIMEOUT_USEC (20 * USEC_PER_SEC)
/* The kernel alone polls a reset device for 60 s (PCIE_RESET_READY_POLL_MS, drivers/pci/pci.h). */
#define RESET_TIMEOUT_USEC (120 * USEC_PER_SEC)
/* The kernel's reset when the last user of a vfio group closes it, plus QEMU's own end. */
#define GROUP_FREE_TIMEOUT_USEC (90 * USEC_PER_SEC)
/* The same before a card goes to a guest: who has the group is to be said before PrepareDomain is over. */
#define GROUP_FREE_GUEST_TIMEOUT_USEC (30 * USEC_PER_SEC)
/* PrepareDomain as a whole: then refusal and undo, or stuck. */
#define PREPARE_TIMEOUT_USEC (45 * USEC_PER_SEC)
/* How long programs that ask for it may delay a switch. Well below PREPARE_TIMEOUT_USEC. */
#define INHIBIT_DELAY_MAX_USEC (5 * USEC_PER_SEC)
/* How long a caller of a switching method has to wait: longer than any verdict takes. */
#define CALL_TIMEOUT_USEC (300 * USEC_PER_SEC)
/* Looking at a card that may be half dead. */
#define SURVEY_TIMEOUT_USEC (10 * USEC_PER_SEC)
/* At boot: how long a home driver may take to load before the last known home counts. */
#define HOME_SETTLE_TIMEOUT_USEC (30 * USEC_PER_SEC)
