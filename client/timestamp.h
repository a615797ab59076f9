/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Points of time (microseconds since 1970) for people and for JSON. */

#include "gpuswitch/deadlines.h"

#define TIMESTAMP_TEXT_SIZE 64U

usec_t timestamp_now(void);

/** timestamp_local() - "2025-11-20 11:31:02", in the reader's time zone. Returns @buffer. */
const char *timestamp_local(usec_t usec, char buffer[static TIMESTAMP_TEXT_SIZE]);

/** timestamp_ago() - " (4 min ago)"; "" for what is still to come. Returns @buffer. */
const char *timestamp_ago(usec_t usec, usec_t now, char buffer[static TIMESTAMP_TEXT_SIZE]);

/** timestamp_utc() - "2025-11-20T10:31:02.123456Z". Returns @buffer. */
const char *timestamp_utc(usec_t usec, char buffer[static TIMESTAMP_TEXT_SIZE]);
