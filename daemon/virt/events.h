/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* libvirt's domain events, turned into what the daemon is told. */

#include <libvirt/libvirt.h>

#include "virt/domain-list.h"
#include "virt/notifier.h"

#define EVENT_IDS_MAX 4U

typedef struct Events {
        DomainList *domains; /* borrowed, as is the notifier */
        Notifier *notifier;
        int callback_ids[EVENT_IDS_MAX];
        size_t n_callbacks;
} Events;

/** events_register() - begin to listen. 0, or -ENOTCONN: call events_deregister() then as well. */
int events_register(Events *events, virConnectPtr connect);

/** events_deregister() - stop. Works on a connection that has broken. */
void events_deregister(Events *events, virConnectPtr connect);
