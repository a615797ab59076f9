/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The daemon is trusted, its bugs are not: each request is looked at as if it came from a stranger, so that
 * a wrong address or an unterminated string ends as an error message and not in a device.
 */

#include "helper/protocol.h"

#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>

#include "base/address.h"
#include "base/text.h"
#include "helper/rules.h"

int request_receive(int socket, HelperRequest *ret_request) {
        HelperRequest request;
        ssize_t n;

        do
                /* MSG_TRUNC: the real length, also of a message that does not fit. */
                n = recv(socket, &request, sizeof(request), MSG_TRUNC);
        while (n < 0 && errno == EINTR);
        if (n < 0)
                return errno == ECONNRESET ? 0 : -errno;
        if (n == 0)
                return 0;
        if ((size_t) n != sizeof(request))
                return -EPROTO;
        *ret_request = request;
        return 1;
}

static bool is_terminated(const char *text, size_t size) {
        return memchr(text, '\0', size) != NULL;
}

static int check_registers(const HelperRequest *request, HelperReply *reply) {
        if (request->n_registers > REGISTERS_MAX)
                return refuse(reply, RULE_REGISTERS, "the request lists %u registers, at most %u are possible",
                              request->n_registers, REGISTERS_MAX);
        for (size_t i = 0; i < request->n_registers; i++) {
                const HelperRegister *reg = &request->registers[i];
                if ((reg->width != 1 && reg->width != 2 && reg->width != 4) || reg->offset % reg->width != 0 ||
                    reg->offset + reg->width > CONFIG_SPACE_SIZE)
                        return refuse(reply, RULE_REGISTERS,
                                      "%u bytes at offset 0x%x are no register of configuration space",
                                      reg->width, reg->offset);
        }
        return 0;
}

int request_check(const Helper *helper, const HelperRequest *request, HelperReply *reply) {
        if (request->magic != HELPER_PROTOCOL_MAGIC)
                return refuse(reply, RULE_VERSION, "the request begins with 0x%08x: this is no request of gpuswitchd",
                              request->magic);
        if (request->version != HELPER_PROTOCOL_VERSION)
                return refuse(reply, RULE_VERSION, "the request is of protocol version %u, this helper speaks %u",
                              request->version, HELPER_PROTOCOL_VERSION);
        if (request->address.slot > 31 || request->address.function >= FUNCTIONS_MAX)
                return refuse(reply, RULE_ADDRESS, "slot %u, function %u: the request names no PCI address",
                              request->address.slot, request->address.function);
        bool of_card = address_same_slot(request->address, helper->card);
        bool fellow = !of_card && helper_fellow(helper, request->address) < FELLOWS_MAX;
        /* A port is no part of the card; which ones may be read is a rule of its own. */
        if (request->verb != HELPER_READ_PORT && !of_card && !fellow)
                return refuse(reply, RULE_SLOT, "%s is not part of the card at %s",
                              ADDRESS_TEXT(request->address), ADDRESS_TEXT(helper->card));
        if (!is_terminated(request->attribute, sizeof(request->attribute)) ||
            !is_terminated(request->text, sizeof(request->text)))
                return refuse(reply, RULE_TEXT, "a text of the request has no end");
        int r = check_registers(request, reply);
        if (r >= 0)
                r = rules_check_display(helper, reply);
        return r < 0 || !fellow ? r : rules_check_fellow(helper, request->address, request->verb, reply);
}

int reply_send(int socket, const HelperReply *reply) {
        ssize_t n;

        do
                n = send(socket, reply, sizeof(*reply), MSG_NOSIGNAL);
        while (n < 0 && errno == EINTR);
        return n < 0 ? -errno : 0;
}

int reply_fail(HelperReply *reply, int error, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(reply->message, sizeof(reply->message), format, ap);
        va_end(ap);
        return error;
}

bool peer_has_left(int socket) {
        struct pollfd p = { .fd = socket, .events = POLLRDHUP };

        return socket >= 0 && poll(&p, 1, 0) > 0 && (p.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}
