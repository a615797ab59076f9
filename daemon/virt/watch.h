/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Joins libvirt's connection, its events, the list of domains and the bus. */

#include <stdbool.h>

#include "virt/connection.h"
#include "virt/events.h"

typedef struct Watch {
        const char *uri;
        Connection *connection; /* owned, as is the notifier */
        Notifier *notifier;
        DomainList domains;
        Events events;
        bool failed; /* nothing works any more: end, and let systemd start us anew */
} Watch;

/** watch_start() - @watch must be zero but for `uri`, and stay where it is. 0, or a negative errno. */
int watch_start(Watch *watch);

/** watch_done() - give everything back. */
void watch_done(Watch *watch);
