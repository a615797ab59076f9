/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "helper/delay.h"

#include <string.h>
#include <time.h>

#include "helper/operations.h"
#include "helper/protocol.h"
#include "helper/rules.h"

/* What hardware asks for is microseconds to tens of milliseconds. */
#define DELAY_MAX_USEC (5 * USEC_PER_SEC)

int delay(usec_t usec, HelperReply *reply) {
        struct timespec until;

        if (clock_gettime(CLOCK_MONOTONIC, &until) < 0) {
                int r = -errno;
                return reply_fail(reply, r, "cannot read the clock: %s", strerror(-r));
        }
        uint64_t nsec = (uint64_t) until.tv_nsec + usec % USEC_PER_SEC * 1000;
        until.tv_sec += (time_t) (usec / USEC_PER_SEC + nsec / 1000000000);
        until.tv_nsec = (long) (nsec % 1000000000);
        int r;
        do
                r = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
        while (r == EINTR);
        return r == 0 ? 0 : reply_fail(reply, -r, "cannot wait: %s", strerror(r));
}

int operation_delay(Helper *helper, const HelperRequest *request, HelperReply *reply) {
        if (request->delay_usec > DELAY_MAX_USEC)
                return refuse(reply, RULE_DELAY, "a delay of %ju us is longer than any hardware asks for",
                              (uintmax_t) request->delay_usec);
        return delay(request->delay_usec, reply);
}
