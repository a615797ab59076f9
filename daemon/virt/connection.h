/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A connection to libvirt that is made again for ever, on libvirt's event loop. */

#include <libvirt/libvirt.h>

#define CONNECTION_DELAY_MIN_MS 1000
#define CONNECTION_DELAY_MAX_MS 60000

typedef struct Connection Connection;

typedef struct ConnectionHandler {
        /* A new connection: register with it. Negative: it is closed, and tried again later. */
        int (*connected)(virConnectPtr connect, void *userdata);
        /* It is about to be closed: deregister, so that nothing holds it. Also after a failed connected(). */
        void (*closing)(virConnectPtr connect, void *userdata);
} ConnectionHandler;

/**
 * connection_new() - begin to try; the first attempt is made from the event loop
 * @uri, @handler: borrowed for as long as the connection lives
 *
 * libvirt's event loop must be registered. Needs no libvirt daemon to be there, ever.
 *
 * Return: 0; -ENOMEM.
 */
int connection_new(const char *uri, const ConnectionHandler *handler, void *userdata,
                   Connection **ret_connection);

/** connection_free() - closes it. NULL is allowed. Returns NULL. */
Connection *connection_free(Connection *connection);

/** connection_get() - borrowed, or NULL while there is none. */
virConnectPtr connection_get(Connection *connection);

/** connection_renew() - it does not do what it should: close it, and open a new one after a while. */
void connection_renew(Connection *connection);

/** connection_next_delay() - how long to wait after a failure that came after @delay_ms. */
int connection_next_delay(int delay_ms);
