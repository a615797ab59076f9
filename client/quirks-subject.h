/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What `quirks match` is about: a card or a device, and all that holds for it. Inside of that verb only. */

#include "client/quirks.h"
#include "core/facts.h"
#include "policy/values.h"

#define PROHIBITIONS_MAX 12U

typedef struct Subject {
        Policy *policy;
        CardFacts *card;
        bool is_here; /* found in /sys, and not made from ids */
        bool is_device; /* the ids are those of a device that is no GPU: */
        PolicyDevice device;
        Rule rule;
        PolicyMatch match;
        PolicyValue *values;
        size_t n_values;
        const char *prohibitions[PROHIBITIONS_MAX];
        size_t n_prohibitions;
} Subject;

/**
 * subject_read() - @text: GPU, or VVVV:DDDD[:SSSS:SSSS]
 *
 * Return: what has been told on stderr, or EXIT_DONE. Then, too, the policy is set if it could be read.
 */
ExitStatus subject_read(const Options *options, const char *text, Subject *subject);
void subject_done(Subject *subject);

/** subject_id_text() - "1002:67df", and its board where that is known. Returns @buffer. */
const char *subject_id_text(const Subject *subject, char *buffer, size_t size);

/** subject_print_json() - on stdout. */
void subject_print_json(const Subject *subject);
