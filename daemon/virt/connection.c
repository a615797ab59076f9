/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The close callback runs somewhere inside libvirt's client, so it only notes the loss and arms the timer;
 * closing and opening happen in the timer's callback, on a clean stack.
 *
 * The keepalive is the only thing that notices a libvirt daemon that hangs: every other call just waits.
 */

#include "virt/connection.h"

#include <libvirt/virterror.h>

#include "base/macros.h"
#include "log/log.h"

#define KEEPALIVE_INTERVAL_S 5
#define KEEPALIVE_COUNT 6U
#define RENEW_DELAY_MS 10000

struct Connection {
        const char *uri;
        const ConnectionHandler *handler;
        void *userdata;
        virConnectPtr connect;
        int timer;
        int delay_ms;
        bool lost;         /* `connect` is to be thrown away */
        bool told_failure; /* one line for each time that libvirt cannot be reached, not for each attempt */
};

int connection_next_delay(int delay_ms) {
        return MIN_OF(MAX_OF(2 * delay_ms, CONNECTION_DELAY_MIN_MS), CONNECTION_DELAY_MAX_MS);
}

static void on_closed(virConnectPtr connect, int reason, void *userdata) {
        static const char *const reasons[] = {
                [VIR_CONNECT_CLOSE_REASON_ERROR] = "input or output error",
                [VIR_CONNECT_CLOSE_REASON_EOF] = "closed by libvirt",
                [VIR_CONNECT_CLOSE_REASON_KEEPALIVE] = "libvirt does not answer any more",
                [VIR_CONNECT_CLOSE_REASON_CLIENT] = "closed by this program",
        };
        Connection *connection = userdata;

        if (connection->lost)
                return;
        bool known = reason >= 0 && (size_t) reason < ELEMENTSOF(reasons) && reasons[reason];
        log_notice("Connection to libvirt lost: %s", known ? reasons[reason] : "unknown reason");
        connection->lost = true;
        connection->delay_ms = CONNECTION_DELAY_MIN_MS;
        virEventUpdateTimeout(connection->timer, connection->delay_ms);
}

static void drop(Connection *connection) {
        virConnectPtr connect = TAKE_PTR(connection->connect);

        connection->lost = false;
        if (!connect)
                return;
        connection->handler->closing(connect, connection->userdata);
        (void) virConnectUnregisterCloseCallback(connect, on_closed);
        (void) virConnectClose(connect);
}

/* True when the connection is up. */
static bool try_open(Connection *connection) {
        connection->connect = virConnectOpenReadOnly(connection->uri);
        if (!connection->connect)
                return false;
        /* Without them (the test driver has neither) a loss is seen by the next call that fails. */
        (void) virConnectSetKeepAlive(connection->connect, KEEPALIVE_INTERVAL_S, KEEPALIVE_COUNT);
        (void) virConnectRegisterCloseCallback(connection->connect, on_closed, connection, NULL);
        return connection->handler->connected(connection->connect, connection->userdata) >= 0;
}

static void on_timer(int timer, void *userdata) {
        Connection *connection = userdata;

        virEventUpdateTimeout(timer, -1);
        if (connection->connect && !connection->lost)
                return;
        drop(connection);
        if (try_open(connection)) {
                log_info("Connected to libvirt (%s)", connection->uri);
                connection->told_failure = false;
                connection->delay_ms = CONNECTION_DELAY_MIN_MS;
                return;
        }
        const char *why = virGetLastErrorMessage();
        if (connection->told_failure)
                log_debug("Still no connection to libvirt (%s): %s", connection->uri, why);
        else
                log_info("No connection to libvirt (%s): %s; trying again until there is one",
                         connection->uri, why);
        connection->told_failure = true;
        drop(connection);
        virEventUpdateTimeout(timer, connection->delay_ms);
        connection->delay_ms = connection_next_delay(connection->delay_ms);
}

int connection_new(const char *uri, const ConnectionHandler *handler, void *userdata,
                   Connection **ret_connection) {
        Connection *connection = calloc(1, sizeof(*connection));

        if (!connection)
                return -ENOMEM;
        *connection = (Connection){
                .uri = uri,
                .handler = handler,
                .userdata = userdata,
                .delay_ms = CONNECTION_DELAY_MIN_MS,
        };
        connection->timer = virEventAddTimeout(0, on_timer, connection, NULL);
        if (connection->timer < 0) {
                free(connection);
                return -ENOMEM;
        }
        *ret_connection = connection;
        return 0;
}

Connection *connection_free(Connection *connection) {
        if (!connection)
                return NULL;
        (void) virEventRemoveTimeout(connection->timer);
        drop(connection);
        free(connection);
        return NULL;
}

void connection_renew(Connection *connection) {
        if (connection->lost)
                return;
        connection->lost = true;
        virEventUpdateTimeout(connection->timer, RENEW_DELAY_MS);
}

virConnectPtr connection_get(Connection *connection) {
        return connection->lost ? NULL : connection->connect;
}
