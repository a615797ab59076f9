/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "client/timestamp.h"

#include <time.h>

#include "base/text.h"

usec_t timestamp_now(void) {
        struct timespec now = { 0 };

        (void) clock_gettime(CLOCK_REALTIME, &now);
        return (usec_t) now.tv_sec * USEC_PER_SEC + (usec_t) now.tv_nsec / 1000;
}

const char *timestamp_local(usec_t usec, char buffer[static TIMESTAMP_TEXT_SIZE]) {
        time_t seconds = (time_t) (usec / USEC_PER_SEC);
        struct tm parts = { 0 };

        if (!localtime_r(&seconds, &parts) ||
            strftime(buffer, TIMESTAMP_TEXT_SIZE, "%Y-%m-%d %H:%M:%S", &parts) == 0)
                buffer[0] = '\0';
        return buffer;
}

const char *timestamp_utc(usec_t usec, char buffer[static TIMESTAMP_TEXT_SIZE]) {
        time_t seconds = (time_t) (usec / USEC_PER_SEC);
        struct tm parts = { 0 };

        if (!gmtime_r(&seconds, &parts) ||
            strftime(buffer, TIMESTAMP_TEXT_SIZE, "%Y-%m-%dT%H:%M:%S", &parts) == 0)
                buffer[0] = '\0';
        (void) text_append(buffer, TIMESTAMP_TEXT_SIZE, ".%06uZ", (unsigned) (usec % USEC_PER_SEC));
        return buffer;
}

const char *timestamp_ago(usec_t usec, usec_t now, char buffer[static TIMESTAMP_TEXT_SIZE]) {
        unsigned long long seconds = (now - MIN_OF(usec, now)) / USEC_PER_SEC;

        buffer[0] = '\0';
        if (usec > now)
                return buffer;
        if (seconds < 60)
                (void) text_format(buffer, TIMESTAMP_TEXT_SIZE, " (%llu s ago)", seconds);
        else if (seconds < 60 * 60)
                (void) text_format(buffer, TIMESTAMP_TEXT_SIZE, " (%llu min ago)", seconds / 60);
        else if (seconds < 24 * 60 * 60)
                (void) text_format(buffer, TIMESTAMP_TEXT_SIZE, " (%llu h %llu min ago)", seconds / 3600,
                                   seconds / 60 % 60);
        else
                (void) text_format(buffer, TIMESTAMP_TEXT_SIZE, " (%llu d %llu h ago)", seconds / 86400,
                                   seconds / 3600 % 24);
        return buffer;
}
