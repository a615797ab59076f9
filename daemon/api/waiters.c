/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "api/waiters.h"

#include <string.h>

#include "api/request.h"
#include "base/address.h"
#include "base/text.h"

void waiters_add(Waiters *waiters, Request *request, PciAddress address) {
        char text[256];

        if (waiters->n == WAITERS_MAX) {
                (void) text_format(text, sizeof(text),
                                   "%u callers wait for the same switch of GPU %s, the most there may be; try again when "
                                   "it is done",
                                   WAITERS_MAX, ADDRESS_TEXT(address));
                request_over_limit(request, text);
                return;
        }
        request->waiters = waiters;
        waiters->requests[waiters->n++] = request;
}

void waiters_remove(Request *request) {
        Waiters *waiters = request->waiters;

        if (!waiters)
                return;
        for (size_t i = 0; i < waiters->n; i++)
                if (waiters->requests[i] == request) {
                        waiters->n--;
                        memmove(&waiters->requests[i], &waiters->requests[i + 1],
                                (waiters->n - i) * sizeof(waiters->requests[0]));
                        break;
                }
        request->waiters = NULL;
}

void waiters_done(Waiters *waiters) {
        while (waiters->n > 0)
                request_done(waiters->requests[--waiters->n]);
}

void waiters_plan(Waiters *waiters, const Plan *plan) {
        while (waiters->n > 0)
                request_plan(waiters->requests[--waiters->n], plan);
}

void waiters_isolation(Waiters *waiters, const Isolation *isolation) {
        while (waiters->n > 0)
                request_isolation(waiters->requests[--waiters->n], isolation);
}

void waiters_refuse(Waiters *waiters, const Refusal *refusal) {
        while (waiters->n > 0)
                request_refuse(waiters->requests[--waiters->n], refusal);
}
