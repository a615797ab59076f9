/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A running switch, step by step: one line that changes on a terminal, one line per step elsewhere. */

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "gpuswitch/limits.h"

typedef struct Progress {
        FILE *out;      /* borrowed */
        bool live;      /* a terminal that can be overwritten */
        bool line_open; /* the cursor stands behind a live line */
        char last[MESSAGE_TEXT_SIZE];
} Progress;

/** operation_line() - "[3/9] to guest: unbind ..." from an Operation property, "" for none. One line,
 * cleaned. */
void operation_line(json_object *operation, char *buffer, size_t size);

void progress_init(Progress *progress, FILE *out);
/** progress_show() - @operation may be NULL. The same step twice is shown once. */
void progress_show(Progress *progress, json_object *operation);
/** progress_end() - clears the live line, so that the next output begins at the left. */
void progress_end(Progress *progress);
