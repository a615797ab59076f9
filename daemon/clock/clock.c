/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "clock/clock.h"

#include <time.h>

static usec_t clock_usec(clockid_t clock) {
        struct timespec ts = { 0 };

        (void) clock_gettime(clock, &ts);
        return (usec_t) ts.tv_sec * USEC_PER_SEC + (usec_t) ts.tv_nsec / 1000;
}

usec_t now_monotonic_usec(void) {
        return clock_usec(CLOCK_MONOTONIC);
}

usec_t now_boottime_usec(void) {
        return clock_usec(CLOCK_BOOTTIME);
}

usec_t now_realtime_usec(void) {
        return clock_usec(CLOCK_REALTIME);
}
