/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * gpuswitch-helper: the only code that writes to a device. One process per operation, started by gpuswitchd,
 * told what to do over a socket, one request at a time. It may hang in any of them, in a state in which
 * nothing can kill it: that is why it is a process of its own, and why nobody ever waits for it.
 */

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/address.h"
#include "base/macros.h"
#include "helper/capabilities.h"
#include "helper/lock.h"
#include "helper/operations.h"
#include "helper/protocol.h"

/* In the product there is one root. A test build may be shown another one. */
static const char *device_root(void) {
#ifdef GPUSWITCH_TEST
        const char *root = getenv("GPUSWITCH_TEST_ROOT");
        return root ? root : "";
#else
        return "";
#endif
}

static bool socket_is_there(void) {
        int type = 0;
        socklen_t size = sizeof(type);

        return getsockopt(HELPER_SOCKET_FD, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET;
}

/* Nothing of the daemon's is kept but the socket; no signal ends us in the middle of a switch. */
static void become_helper(void) {
        static const int ignored[] = { SIGPIPE, SIGTERM, SIGINT, SIGHUP };

        (void) close_range(HELPER_SOCKET_FD + 1, ~0U, 0);
        (void) fcntl(HELPER_SOCKET_FD, F_SETFD, FD_CLOEXEC);
        (void) umask(0022);
        for (size_t i = 0; i < ELEMENTSOF(ignored); i++)
                (void) signal(ignored[i], SIG_IGN);
}

static int serve(Helper *helper, int lock) {
        for (;;) {
                static HelperRequest request;
                static HelperReply reply;
                int r = request_receive(helper->socket, &request);
                if (r == 0)
                        return 0;
                if (r < 0)
                        return r;
                lock_begun(lock);
                operation_run(helper, &request, &reply);
                r = reply_send(helper->socket, &reply);
                if (r < 0)
                        return r == -EPIPE || r == -ECONNRESET ? 0 : r;
                if (reply.status == -EPROTO)
                        return -EPROTO;
        }
}

/* Which devices of other slots go along is said here once, and no request can add one. */
static int take_fellows(Helper *helper, char *const addresses[]) {
        for (; *addresses; addresses++)
                if (helper->n_fellows == FELLOWS_MAX || address_parse(*addresses, &helper->fellows[helper->n_fellows++]) < 0)
                        return -EINVAL;
        return 0;
}

int main(int argc, char *argv[]) {
        static Helper helper; /* too large for a stack that may be small */
        HelperReply reply = { .magic = HELPER_PROTOCOL_MAGIC, .version = HELPER_PROTOCOL_VERSION };
        _cleanup_close_ int lock = -EBADF;

        if (argc < 3 || address_parse(argv[1], &helper.card) < 0 || take_fellows(&helper, argv + 3) < 0 || !socket_is_there()) {
                (void) fputs("gpuswitch-helper is started by gpuswitchd and by nobody else.\n", stderr);
                return 2;
        }
        become_helper();
        helper.root = device_root();
        helper.socket = HELPER_SOCKET_FD;

        int r = capabilities_limit(operations_capabilities());
        reply.status = r < 0 ? reply_fail(&reply, r, "cannot give capabilities up: %s", strerror(-r))
                             : lock_take(argv[2], &lock, &reply);
        if (reply_send(helper.socket, &reply) < 0 || reply.status < 0)
                return EXIT_FAILURE;
        return serve(&helper, lock) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
