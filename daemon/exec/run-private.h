/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The inside of a Run, shared by run.c (its life) and run-steps.c (what it asks the helper for). */

#include "exec/helper-process.h"
#include "exec/run.h"
#include "gpuswitch/helper-protocol.h"

typedef enum RunState {
        RUN_STARTING, /* the helper has not yet said whether it has the lock */
        RUN_STEPPING, /* `index` is in hand, or about to be */
        RUN_CLOSING,  /* `result` is known; the helper is ending and still has the lock */
        RUN_ENDED,
        RUN_STUCK,     /* `ended` has been called, the helper has not come back */
        RUN_RETURNING, /* it did: as RUN_CLOSING, for `returned` */
        RUN_FREED,     /* by a callback of its own; the memory goes when the callback has returned */
} RunState;

struct Run {
        sd_event *event;
        sd_event_source *socket_source, *pidfd_source, *timer;
        RunHandlers handlers;
        void *userdata;

        RunState state;
        unsigned depth; /* event handlers of this run that are being executed */
        HelperProcess helper;
        bool known;          /* `started` has been called */
        char helper_end[64]; /* how the process ended, once it has been reaped */

        /* One of the three: steps, functions to survey, or ports and then groups to look at. */
        Plan *plan;
        CardFacts *card;
        Isolation *isolation;
        size_t n_total;
        size_t index;
        bool keep_going;
        bool stopping;
        usec_t begun_usec;

        RunResult result; /* of the first failure, later of the end */
};

/** run_is_gone() - has a callback freed the run? Then nothing of it but the memory is left. */
static inline bool run_is_gone(const Run *run) {
        return run->state == RUN_FREED;
}

/** run_take_reply() - what the helper said, in whatever state. @reply has been checked for its form. */
void run_take_reply(Run *run, const HelperReply *reply);

/** run_conclude() - the result is known: hang up, and call `ended` as soon as the lock is free again. */
void run_conclude(Run *run, RunEnd end, size_t index, int error, const char *message);

/** run_set_deadline() - a single timer per run: from now on, @usec. */
int run_set_deadline(Run *run, usec_t usec);
