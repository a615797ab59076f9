/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a run asks its helper for, one request at a time: the steps of a plan, or the functions of a card.
 *
 * Every call of a handler may free the run; the memory stays until the event handler that we are in has
 * returned, so it is enough to look at the state after each of them.
 */

#include <string.h>
#include <sys/socket.h>

#include "base/text.h"
#include "exec/request.h"
#include "exec/run-private.h"
#include "exec/survey.h"

_Static_assert(RUN_STEP_NOT_APPLICABLE == HELPER_NOT_APPLICABLE, "passed on as it is");

static void note_failure(Run *run, int error, const char *message) {
        if (run->result.n_failed++ > 0)
                return;
        run->result.index = run->index;
        run->result.error = error;
        (void) text_format(run->result.message, sizeof(run->result.message), "%s", message);
}

static void conclude_failed(Run *run) {
        /* Already in its place, see note_failure(). */
        run_conclude(run, RUN_END_STEP_FAILED, run->result.index, run->result.error, NULL);
}

/* A function of the card in the group number @index of the report. */
static PciAddress function_in(const Isolation *isolation, size_t index) {
        const CardFacts *card = &isolation->card;
        size_t i = 0;

        while (i + 1 < card->n_functions && card->functions[i].iommu_group != isolation->groups[index].number)
                i++;
        return card->functions[i].address;
}

static void make_isolation_request(const Isolation *isolation, size_t index, HelperRequest *ret_request) {
        if (index < isolation->n_ports)
                return request_port(isolation->ports[index].address, ret_request);
        index -= isolation->n_ports;
        request_group(function_in(isolation, index), isolation->groups[index].number, ret_request);
}

static void take_isolation(Isolation *isolation, size_t index, const HelperReply *reply) {
        const char *problem = reply->status == 0       ? ""
                              : isempty(reply->message) ? strerror(-reply->status)
                                                        : reply->message;
        size_t size = MIN_OF(reply->config_size, sizeof(reply->config));

        if (index < isolation->n_ports)
                isolation_take_port(&isolation->ports[index], reply->config, size, problem);
        else
                isolation_take_group(&isolation->groups[index - isolation->n_ports], reply->message, problem);
}

static int make_request(const Run *run, HelperRequest *ret_request, usec_t *ret_deadline) {
        if (run->card) {
                request_survey(card_part_const(run->card, run->index)->address, ret_request);
                *ret_deadline = SURVEY_TIMEOUT_USEC;
                return 0;
        }
        if (run->isolation) {
                make_isolation_request(run->isolation, run->index, ret_request);
                *ret_deadline = SURVEY_TIMEOUT_USEC;
                return 0;
        }
        *ret_deadline = step_deadline_usec(&run->plan->steps[run->index]);
        return request_from_step(&run->plan->steps[run->index], ret_request);
}

static int send_request(Run *run) {
        HelperRequest request;
        usec_t deadline;

        int r = make_request(run, &request, &deadline);
        if (r < 0)
                return r;
        r = run_set_deadline(run, deadline);
        if (r < 0)
                return r;
        /* One request is on its way at most, so there is always room for it. */
        if (send(run->helper.socket, &request, sizeof(request), MSG_NOSIGNAL | MSG_DONTWAIT) < 0 &&
            errno != EPIPE)
                return -errno;
        /* EPIPE: it has just died, which the pidfd is about to tell. */
        return 0;
}

/* Return: 1 when the step is on its way, 0 when it failed without having been sent. */
static int begin_step(Run *run) {
        int r = 0;

        if (run->handlers.before_step && run->plan)
                r = run->handlers.before_step(run, run->index, run->userdata);
        if (run_is_gone(run) || run->stopping)
                return 0;
        if (r >= 0)
                r = send_request(run);
        if (r < 0) {
                note_failure(run, r, "the step was not started");
                return 0;
        }
        return 1;
}

/* Begins the next step, or ends the run. */
static void advance(Run *run) {
        for (;; run->index++) {
                if (run->stopping)
                        return run_conclude(run, RUN_END_STOPPED, run->index, 0, "");
                if (run->index == run->n_total && run->result.n_failed == 0)
                        return run_conclude(run, RUN_END_DONE, run->index, 0, "");
                if (run->index == run->n_total || (run->result.n_failed > 0 && !run->keep_going))
                        return conclude_failed(run);
                if (run->helper.pidfd < 0)
                        return run_conclude(run, RUN_END_HELPER_DIED, run->index, -ECHILD, run->helper_end);
                if (begin_step(run) > 0 || run_is_gone(run))
                        return;
                if (run->stopping)
                        return run_conclude(run, RUN_END_STOPPED, run->index, 0, "");
        }
}

static void take_lock_reply(Run *run, const HelperReply *reply) {
        long long pid;
        unsigned long long start_time;

        if (reply->status == -EBUSY)
                return run_conclude(run, RUN_END_LOCKED, run->index, -EBUSY, reply->message);
        if (reply->status < 0)
                return run_conclude(run, RUN_END_STEP_FAILED, run->index, reply->status, reply->message);
        if (sscanf(reply->message, "%lld %llu", &pid, &start_time) != 2 || pid != run->helper.pid)
                return run_conclude(run, RUN_END_STEP_FAILED, run->index, -EPROTO, "the helper did not say who it is");
        run->state = RUN_STEPPING;
        run->known = true;
        run->begun_usec = 0;
        if (!run->stopping && run->handlers.started) {
                int r = run->handlers.started(run, run->helper.pid, start_time, run->userdata);
                if (run_is_gone(run))
                        return;
                if (r < 0)
                        return run_conclude(run, RUN_END_STEP_FAILED, run->index, r, "the run was not started");
        }
        advance(run);
}

/* The plan says where to go on; a step that says nothing of it cannot answer so. */
static bool may_skip(const Run *run) {
        return run->plan && run->plan->steps[run->index].skip_to > run->index &&
               run->plan->steps[run->index].skip_to <= run->n_total;
}

static void take_step_reply(Run *run, const HelperReply *reply) {
        int error = reply->status;
        const char *message = reply->message;
        size_t next = run->index + 1;

        if (error == RUN_STEP_NOT_APPLICABLE) {
                if (may_skip(run))
                        next = run->plan->steps[run->index].skip_to;
                else {
                        error = -EPROTO;
                        message = "the helper sent a status that this step cannot have";
                }
        }

        run->begun_usec = 0;
        if (run->isolation && error != -EPROTO) {
                take_isolation(run->isolation, run->index, reply);
                error = 0;
        } else if (run->card && error >= 0) {
                error = survey_from_reply(reply, &card_part(run->card, run->index)->survey);
                message = error < 0 ? "the configuration space cannot be read" : "";
        } else if (run->plan && run->handlers.after_step) {
                run->handlers.after_step(run, run->index, error, message, run->userdata);
                if (run_is_gone(run))
                        return;
        }
        /* A wait that was given up because we wanted to stop is no failure, and has changed nothing. */
        if (error == -ECANCELED && run->stopping)
                return run_conclude(run, RUN_END_STOPPED, run->index, 0, "");
        if (error < 0) {
                note_failure(run, error, message);
                if (!run->keep_going)
                        return conclude_failed(run);
        }
        run->index = next;
        advance(run);
}

void run_take_reply(Run *run, const HelperReply *reply) {
        switch (run->state) {
        case RUN_STARTING:
                return take_lock_reply(run, reply);
        case RUN_STEPPING:
                return take_step_reply(run, reply);
        case RUN_STUCK:
                /* Back after all. It is `returned` when it has let go of the lock. */
                run->begun_usec = 0;
                run->state = RUN_RETURNING;
                return run_conclude(run, RUN_END_STUCK, run->index, 0, NULL);
        case RUN_CLOSING:
        case RUN_ENDED:
        case RUN_RETURNING:
        case RUN_FREED:
                return; /* nobody asked */
        }
}
