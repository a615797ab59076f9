/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A reply that cannot be sent (the caller has left) is no error: nobody is there to hear it. */

#include "api/request.h"

#include "api/refusal-text.h"
#include "gpuswitch/names.h"

#define ERROR_LIMITS_EXCEEDED "org.freedesktop.DBus.Error.LimitsExceeded"

void request_done(Request *request) {
        (void) request->reply->done(request);
        request->reply->free(request);
}

void request_plan(Request *request, const Plan *plan) {
        (void) request->reply->plan(request, plan);
        request->reply->free(request);
}

void request_isolation(Request *request, const Isolation *isolation) {
        (void) request->reply->isolation(request, isolation);
        request->reply->free(request);
}

void request_refuse(Request *request, const Refusal *refusal) {
        char text[2 * MESSAGE_TEXT_SIZE];

        (void) request->reply->error(request, refusal_error_name(refusal->code),
                                     refusal_text(refusal, text, sizeof(text)));
        request->reply->free(request);
}

void request_bad_argument(Request *request, const char *text) {
        (void) request->reply->error(request, GPUSWITCH_ERROR_BAD_ARGUMENT, text);
        request->reply->free(request);
}

void request_over_limit(Request *request, const char *text) {
        (void) request->reply->error(request, ERROR_LIMITS_EXCEEDED, text);
        request->reply->free(request);
}
