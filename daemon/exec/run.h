/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Runs a plan step by step through one helper process, or surveys a card. One Run is one helper.
 *
 * Everything is asynchronous in the given sd_event; callbacks come from the loop, never from inside a
 * call. A step whose deadline passes makes the run stuck: the helper is abandoned but its socket and pidfd stay
 * watched, and `returned` is called if it ever comes back. Nothing here waits for a process or kills one.
 *
 * `ended` (but for STUCK) and `returned` come when the helper has let go of the card's lock, so the next
 * run may be started from inside them. Any callback may free its own run.
 */

#include <systemd/sd-event.h>

#include "base/macros.h"
#include "core/isolation.h"
#include "core/plan.h"

typedef struct Run Run;

/* What `after_step` is told of a step that found that the reset does not apply: the run goes on at the step's skip_to. */
#define RUN_STEP_NOT_APPLICABLE 1

typedef enum RunEnd {
        RUN_END_DONE,        /* every step succeeded */
        RUN_END_STEP_FAILED, /* `index` failed with `error`, `message`; the steps behind it were not started */
        RUN_END_HELPER_DIED, /* in step `index`: what it did is not known */
        RUN_END_STUCK,       /* step `index` did not come back in time; the helper may still be in it */
        RUN_END_STOPPED,     /* by run_stop(); steps before `index` have run */
        RUN_END_LOCKED,      /* another helper (of an earlier daemon) has the card; `message` names it "PID START" */
} RunEnd;

typedef struct RunResult {
        RunEnd end;
        size_t index;
        int error;  /* negative errno, 0 on success */
        char message[MESSAGE_TEXT_SIZE];
        size_t n_failed; /* with `keep_going`: how many steps failed (the first is in index, error, message) */
} RunResult;

typedef struct RunHandlers {
        /* The helper is there and has the lock. Negative result: the run ends as failed before its first step. */
        int (*started)(Run *run, pid_t pid, uint64_t start_time, void *userdata);
        /*
         * Before a step is sent: the place to commit progress. Negative result: STEP_FAILED, not sent (with
         * `keep_going` this step is skipped as failed). No steps, and so no calls, in a survey.
         */
        int (*before_step)(Run *run, size_t index, void *userdata);
        /* After a step came back. @error 0, negative errno, or RUN_STEP_NOT_APPLICABLE. @message: what the helper said,
         * "" when it said nothing. */
        void (*after_step)(Run *run, size_t index, int error, const char *message, void *userdata);
        /* Once, at the end; after RUN_END_STUCK the run lives on until `returned`. */
        void (*ended)(Run *run, const RunResult *result, void *userdata);
        /* After STUCK only: the helper is gone or answered after all. */
        void (*returned)(Run *run, void *userdata);
} RunHandlers;

/* Where things are; tests point them elsewhere. */
typedef struct RunPaths {
        const char *helper;   /* GPUSWITCH_HELPER_PATH */
        const char *lock_dir; /* GPUSWITCH_RUN_DIR */
} RunPaths;

/**
 * run_plan() - start @plan (copied) on the card at @card
 * @keep_going: go on behind failed steps (undo plans)
 *
 * Return: 0 and the run, owned by the caller; negative errno when no helper could be started.
 */
int run_plan(sd_event *event, const RunPaths *paths, PciAddress card, const Plan *plan, bool keep_going,
             const RunHandlers *handlers, void *userdata, Run **ret_run);
/** run_plan_from() - as run_plan(), beginning with step @first of @plan: where another helper has died. */
int run_plan_from(sd_event *event, const RunPaths *paths, PciAddress card, const Plan *plan, size_t first,
                  bool keep_going, const RunHandlers *handlers, void *userdata, Run **ret_run);

/**
 * run_survey() - fill in FunctionSurvey of every function of @card
 * @ended: @card is the surveyed copy on success (`error` 0); a function that could not be read makes it fail
 *
 * Handlers.ended gets the result first (RunResult.index: number of the function), then take run_surveyed().
 */
int run_survey(sd_event *event, const RunPaths *paths, const CardFacts *card, const RunHandlers *handlers,
               void *userdata, Run **ret_run);
/** run_surveyed() - the facts with their surveys, after RUN_END_DONE. Owned by @run. */
const CardFacts *run_surveyed(const Run *run);

/**
 * run_isolation() - look at the ports and groups of @isolation, which isolation_init() has made
 *
 * What cannot be read is said in the result, and makes nothing fail.
 */
int run_isolation(sd_event *event, const RunPaths *paths, const Isolation *isolation, const RunHandlers *handlers,
                  void *userdata, Run **ret_run);
/** run_isolated() - what has been seen, after RUN_END_DONE. Owned by @run. */
const Isolation *run_isolated(const Run *run);

/**
 * run_stop() - end after the step in hand, with RUN_END_STOPPED (also when that was the last step)
 *
 * A step in hand that only waits (STEP_GROUP_FREE) is given up at once and does not count as run. A step in
 * hand that fails for another reason ends the run as failed, as ever.
 */
void run_stop(Run *run);

/** run_set_userdata() - who gets `returned`, when a stuck run outlives what started it. */
void run_set_userdata(Run *run, void *userdata);

/** run_helper_pid() - 0 before `started`. */
pid_t run_helper_pid(const Run *run);
/** run_step_begun_usec() - CLOCK_MONOTONIC of the step in hand, 0 between steps. */
usec_t run_step_begun_usec(const Run *run);

/** run_free() - closes the socket: the helper ends after the step in hand. Never waits. NULL-safe. */
Run *run_free(Run *run);
DEFINE_CLEANUP(Run *, run_free)
