/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A helper that does nothing, in every way in which one can go wrong. The environment says how:
 *
 * FAKE_HELPER_SCRIPT: comma separated AT=WHAT. AT: "lock" (instead of the lock), a number (of the request,
 *   from 0), or "eof" (the socket has been closed). WHAT: "fail:ERRNO", "skip" (does not apply), "die:STATUS", "kill", "hang" (until
 *   the pipe says so, whatever happens to the socket; then go on), "hang-die", "busy" (lock),
 * "wait-fail:ERRNO" (when the other side hangs up), "short", "magic" (replies that are none), "last-words"
 * (reply, then die). FAKE_HELPER_PIPE: a named pipe; opening it for writing ends a "hang". FAKE_HELPER_LOG: a
 * file that gets a line for each request.
 *
 * It does take the lock, as the real one does.
 */

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/socket.h>

#include "base/address.h"
#include "base/text.h"
#include "gpuswitch/helper-protocol.h"

static HelperReply reply;

static const char *script_for(const char *at) {
        static char script[512];
        const char *text = getenv("FAKE_HELPER_SCRIPT");
        char *rest = NULL;

        (void) text_copy(script, sizeof(script), text ? text : "");
        for (char *item = strtok_r(script, ",", &rest); item; item = strtok_r(NULL, ",", &rest)) {
                const char *what = text_starts_with(item, at);
                if (what && what[0] == '=')
                        return what + 1;
        }
        return "";
}

static void hang(void) {
        const char *path = getenv("FAKE_HELPER_PIPE");
        int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;

        if (fd < 0)
                _exit(99);
        (void) close(fd);
}

static void wait_for_hang_up(void) {
        struct pollfd p = { .fd = HELPER_SOCKET_FD, .events = POLLRDHUP };

        while (!(p.revents & (POLLRDHUP | POLLHUP)))
                (void) poll(&p, 1, -1);
}

static void send_reply(void) {
        if (send(HELPER_SOCKET_FD, &reply, sizeof(reply), MSG_NOSIGNAL) < 0)
                _exit(0);
}

/* Does what the script says, and answers. */
static void act(const char *what) {
        const char *argument;

        if ((argument = text_starts_with(what, "fail:"))) {
                reply.status = -atoi(argument);
                (void) text_format(reply.message, sizeof(reply.message), "failed with %s", argument);
        } else if (streq(what, "skip")) {
                reply.status = HELPER_NOT_APPLICABLE;
                (void) text_copy(reply.message, sizeof(reply.message), "it does not apply");
        } else if ((argument = text_starts_with(what, "die:")))
                _exit(atoi(argument));
        else if (streq(what, "kill"))
                (void) kill(getpid(), SIGKILL);
        else if (streq(what, "hang"))
                hang();
        else if (streq(what, "hang-die")) {
                hang();
                _exit(3);
        } else if ((argument = text_starts_with(what, "wait-fail:"))) {
                wait_for_hang_up();
                reply.status = -atoi(argument);
        } else if (streq(what, "short")) {
                (void) send(HELPER_SOCKET_FD, &reply, sizeof(reply) - 1, MSG_NOSIGNAL);
                return;
        } else if (streq(what, "magic"))
                reply.magic++;
        else if (streq(what, "last-words")) {
                send_reply();
                _exit(4);
        }
        send_reply();
}

static void record(const HelperRequest *request) {
        const char *path = getenv("FAKE_HELPER_LOG");
        FILE *f = path ? fopen(path, "ae") : NULL;

        if (!f)
                return;
        (void) fprintf(f, "%u %s '%s' '%s'\n", request->verb, ADDRESS_TEXT(request->address),
                       request->attribute, request->text);
        (void) fclose(f);
}

static void take_lock(const char *path) {
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);

        if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0) {
                reply.status = -EBUSY;
                (void) text_copy(reply.message, sizeof(reply.message), "1 2");
                send_reply();
                _exit(1);
        }
}

static void survey(HelperReply *r) {
        r->config_size = 256;
        r->config[0] = 0x02; /* 1002:67df */
        r->config[1] = 0x10;
        r->config[2] = 0xdf;
        r->config[3] = 0x67;
        (void) text_copy(r->driver_override, sizeof(r->driver_override), "(null)");
        (void) text_copy(r->power_control, sizeof(r->power_control), "auto");
}

int main(int argc, char *argv[]) {
        HelperRequest request;

        if (argc != 3)
                return 2;
        for (int n = -1;; n++) {
                char at[16] = "lock";
                reply = (HelperReply){ .magic = HELPER_PROTOCOL_MAGIC, .version = HELPER_PROTOCOL_VERSION };
                if (n < 0) {
                        take_lock(argv[2]);
                        (void) text_format(reply.message, sizeof(reply.message), "%d 4711", (int) getpid());
                        if (streq(script_for(at), "busy")) {
                                reply.status = -EBUSY;
                                (void) text_copy(reply.message, sizeof(reply.message), "815 4711");
                        }
                } else {
                        if (recv(HELPER_SOCKET_FD, &request, sizeof(request), 0) != sizeof(request))
                                break;
                        record(&request);
                        if (request.verb == HELPER_SURVEY || request.verb == HELPER_READ_PORT)
                                survey(&reply);
                        if (request.verb == HELPER_READ_GROUP)
                                (void) text_copy(reply.message, sizeof(reply.message), "DMA\n0xfee00000 0xfeefffff msi\n");
                        (void) text_format(at, sizeof(at), "%d", n);
                }
                act(script_for(at));
        }
        if (!isempty(script_for("eof")))
                act(script_for("eof"));
        return 0;
}
