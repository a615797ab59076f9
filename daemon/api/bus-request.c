/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A caller on the bus, from its call to its answer, and how many there may be at once.
 *
 * All that wait are in one list of at most some hundred, so counting is walking it. A start of a virtual machine is counted
 * apart from what people ask for: a person who floods the daemon keeps no virtual machine from starting.
 */

#include "api/bus-internal.h"

#include "base/text.h"
#include "gpuswitch/names.h"

static int bus_reply_done(Request *request) {
        return sd_bus_reply_method_return(((BusRequest *) request)->message, "");
}

/* Texts have been cut to fit, and an answer that cannot be sent would leave the caller waiting. */
static int bus_reply_error(Request *request, const char *error_name, const char *text) {
        char sound[2 * MESSAGE_TEXT_SIZE];

        (void) text_format(sound, sizeof(sound), "%s", text);
        return sd_bus_reply_method_errorf(((BusRequest *) request)->message, error_name, "%s", text_make_utf8(sound));
}

static int bus_reply_plan(Request *request, const Plan *plan) {
        sd_bus_message *message = ((BusRequest *) request)->message, *reply = NULL;

        int r = sd_bus_message_new_method_return(message, &reply);
        if (r >= 0)
                r = plan_append(reply, plan);
        if (r >= 0)
                r = sd_bus_send(NULL, reply, NULL);
        sd_bus_message_unref(reply);
        return r;
}

static int bus_reply_isolation(Request *request, const Isolation *isolation) {
        sd_bus_message *message = ((BusRequest *) request)->message, *reply = NULL;

        int r = sd_bus_message_new_method_return(message, &reply);
        if (r >= 0)
                r = isolation_append(reply, isolation);
        if (r >= 0)
                r = sd_bus_send(NULL, reply, NULL);
        sd_bus_message_unref(reply);
        return r;
}

static void bus_request_free(Request *request) {
        BusRequest *bus_request = (BusRequest *) request;

        for (BusRequest **p = &bus_request->bus->requests; *p; p = &(*p)->next)
                if (*p == bus_request) {
                        *p = bus_request->next;
                        break;
                }
        polkit_query_free(bus_request->query);
        sd_bus_message_unref(bus_request->message);
        free(bus_request);
}

static const RequestReply bus_request_reply = {
        .done = bus_reply_done,
        .plan = bus_reply_plan,
        .isolation = bus_reply_isolation,
        .error = bus_reply_error,
        .free = bus_request_free,
};

int bus_sender_uid(sd_bus_message *message, uid_t *ret_uid) {
        sd_bus_creds *creds = NULL;

        int r = sd_bus_query_sender_creds(message, SD_BUS_CREDS_EUID, &creds);
        if (r >= 0)
                r = sd_bus_creds_get_euid(creds, ret_uid);
        sd_bus_creds_unref(creds);
        return r;
}

static int over(sd_bus_error *ret_error, const char *whose, unsigned max) {
        return sd_bus_error_setf(ret_error, SD_BUS_ERROR_LIMITS_EXCEEDED,
                                 "%s %u requests that wait for an answer, the most there may be; try again when one is done",
                                 whose, max);
}

static int check_limits(const ApiBus *bus, const BusRequest *asked, sd_bus_error *ret_error) {
        size_t of_caller = 0, of_user = 0, of_people = 0, starts = 0;

        for (const BusRequest *request = bus->requests; request; request = request->next) {
                of_caller += streq(sd_bus_message_get_sender(request->message),
                                   sd_bus_message_get_sender(asked->message));
                starts += request->kind == REQUEST_OF_START;
                if (request->kind != REQUEST_OF_PERSON)
                        continue;
                of_user += request->uid == asked->uid;
                of_people += request->uid != 0;
        }
        if (asked->kind == REQUEST_OF_REPORT)
                return 0;
        if (of_caller >= REQUESTS_PER_CALLER_MAX)
                return over(ret_error, "this caller has", REQUESTS_PER_CALLER_MAX);
        if (asked->kind == REQUEST_OF_START)
                return starts < START_REQUESTS_MAX
                               ? 0
                               : over(ret_error, "starts of virtual machines have", START_REQUESTS_MAX);
        if (of_user >= REQUESTS_PER_USER_MAX)
                return over(ret_error, "this user has", REQUESTS_PER_USER_MAX);
        /* Root has its own share, so that there is always a way in for it. */
        if (asked->uid != 0 && of_people >= REQUESTS_MAX)
                return over(ret_error, "all users together have", REQUESTS_MAX);
        return 0;
}

int bus_request_new(ApiBus *bus, sd_bus_message *message, RequestKind kind, PciAddress address,
                    sd_bus_error *ret_error, BusRequest **ret_request) {
        _cleanup_free_ BusRequest *request = calloc(1, sizeof(*request));

        if (!request)
                return -ENOMEM;
        int r = bus_sender_uid(message, &request->uid);
        if (r < 0)
                return r;
        if (kind != REQUEST_OF_PERSON && request->uid != 0)
                return sd_bus_error_setf(ret_error, SD_BUS_ERROR_ACCESS_DENIED,
                                         "%s is for root only: libvirt's hook and gpuswitch-virtwatch call it",
                                         sd_bus_message_get_member(message));
        request->request.reply = &bus_request_reply;
        request->bus = bus;
        request->kind = kind;
        request->address = address;
        request->message = message;
        r = check_limits(bus, request, ret_error);
        if (r < 0)
                return r;
        (void) sd_bus_message_ref(message);
        request->next = bus->requests;
        bus->requests = request;
        *ret_request = TAKE_PTR(request);
        return 0;
}

BusRequest *bus_request_drop(BusRequest *request) {
        waiters_remove(&request->request);
        request->request.reply->free(&request->request);
        return NULL;
}

int bus_request_ask(BusRequest *request, const char *action, PolkitHandler handler) {
        int r = polkit_check(request->message, request->uid, action, handler, request, &request->query);

        if (r < 0) {
                (void) bus_request_drop(request);
                return r;
        }
        return 1;
}

bool bus_request_allowed(BusRequest *request, bool allowed) {
        request->query = NULL; /* it has its answer, and ends by itself */
        if (!allowed)
                (void) bus_request_drop(request);
        return allowed;
}

void bus_requests_left(ApiBus *bus, const char *sender) {
        BusRequest *next;

        for (BusRequest *request = bus->requests; request; request = next) {
                next = request->next;
                if (!sender || streq(sd_bus_message_get_sender(request->message), sender))
                        (void) bus_request_drop(request);
        }
}
