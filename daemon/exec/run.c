/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The life of a run: a helper process, a socket, a pidfd and one timer.
 *
 * A helper may hang in the kernel where nothing can end it. So nothing here waits: a deadline that passes
 * makes the run stuck, which is told once, and the two descriptors go on being watched. The result of a run
 * is told only when its helper has really ended (a hand-shake of about a millisecond), because until then it
 * has the lock, and the run that follows would find the card taken by our own past.
 */

#include "exec/run.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/text.h"
#include "clock/clock.h"
#include "exec/run-private.h"

/* From exec to the lock, on a busy machine. */
#define START_TIMEOUT_USEC (10 * USEC_PER_SEC)
/* From hanging up to the end of the process. Longer: tell what is known all the same. */
#define CLOSE_TIMEOUT_USEC (5 * USEC_PER_SEC)
#define DEADLINE_ACCURACY_USEC USEC_PER_MSEC
/* MAX_ERRNO of the kernel; what is further down could not even be negated. */
#define ERRNO_MAX 4095

static void run_destroy(Run *run) {
        free(run->plan);
        free(run->card);
        free(run->isolation);
        (void) sd_event_unref(run->event);
        free(run);
}

static void leave(Run *run) {
        if (--run->depth == 0 && run_is_gone(run))
                run_destroy(run);
}

static void call_ended(Run *run, RunState state) {
        run->state = state;
        (void) sd_event_source_set_enabled(run->timer, SD_EVENT_OFF);
        if (run->handlers.ended)
                run->handlers.ended(run, &run->result, run->userdata);
}

static void call_returned(Run *run) {
        run->state = RUN_ENDED;
        (void) sd_event_source_set_enabled(run->timer, SD_EVENT_OFF);
        if (run->handlers.returned)
                run->handlers.returned(run, run->userdata);
}

static void hang_up(Run *run) {
        run->socket_source = sd_event_source_disable_unref(run->socket_source);
        helper_process_hang_up(&run->helper);
}

/* The helper has ended, or takes too long over it: what was known before is told now. */
static void tell(Run *run) {
        if (run->state == RUN_CLOSING)
                call_ended(run, RUN_ENDED);
        else if (run->state == RUN_RETURNING)
                call_returned(run);
}

int run_set_deadline(Run *run, usec_t usec) {
        usec_t now = now_monotonic_usec(), at = usec > USEC_INFINITY - now ? USEC_INFINITY : now + usec;

        int r = sd_event_source_set_time(run->timer, at);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(run->timer, SD_EVENT_ONESHOT);
        if (r >= 0 && run->state == RUN_STEPPING)
                run->begun_usec = now;
        return r;
}

void run_conclude(Run *run, RunEnd end, size_t index, int error, const char *message) {
        run->result.end = end;
        run->result.index = index;
        run->result.error = error;
        if (message)
                (void) text_format(run->result.message, sizeof(run->result.message), "%s", message);
        if (end == RUN_END_STEP_FAILED && run->result.n_failed == 0)
                run->result.n_failed = 1;
        run->begun_usec = 0;
        if (run->state != RUN_RETURNING)
                run->state = RUN_CLOSING;
        hang_up(run);
        if (run->helper.pidfd < 0 || run_set_deadline(run, CLOSE_TIMEOUT_USEC) < 0)
                tell(run);
}

/* Return: 1 and a reply of the right form; 0 when there is none now; -EPROTO; -EPIPE when there will be none.
 */
static int receive(Run *run, HelperReply *ret_reply) {
        if (run->helper.socket < 0)
                return -EPIPE;
        ssize_t n = recv(run->helper.socket, ret_reply, sizeof(*ret_reply), MSG_DONTWAIT | MSG_TRUNC);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        if (n <= 0)
                return -EPIPE;
        if ((size_t) n != sizeof(*ret_reply) || ret_reply->magic != HELPER_PROTOCOL_MAGIC ||
            ret_reply->version != HELPER_PROTOCOL_VERSION || ret_reply->status > HELPER_NOT_APPLICABLE ||
            ret_reply->status < -ERRNO_MAX)
                return -EPROTO;
        ret_reply->message[sizeof(ret_reply->message) - 1] = '\0';
        ret_reply->driver_override[sizeof(ret_reply->driver_override) - 1] = '\0';
        ret_reply->power_control[sizeof(ret_reply->power_control) - 1] = '\0';
        ret_reply->d3cold_allowed[sizeof(ret_reply->d3cold_allowed) - 1] = '\0';
        ret_reply->reset_method[sizeof(ret_reply->reset_method) - 1] = '\0';
        ret_reply->power_state[sizeof(ret_reply->power_state) - 1] = '\0';
        return 1;
}

/* Takes what the socket has. Return: was there a reply? */
static bool take_replies(Run *run) {
        HelperReply reply;
        int r = receive(run, &reply);

        if (r > 0) {
                run_take_reply(run, &reply);
                return true;
        }
        if (r == -EPROTO && run->state != RUN_STUCK) {
                run_conclude(run, RUN_END_HELPER_DIED, run->index, -EPROTO,
                             "the helper sent something that is no reply");
                return true;
        }
        if (r < 0)
                hang_up(run); /* it is ending: the pidfd tells when */
        return false;
}

static int on_socket(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Run *run = userdata;

        run->depth++;
        (void) take_replies(run);
        leave(run);
        return 0;
}

static void take_end(Run *run) {
        int r = helper_process_reap(&run->helper, run->helper_end, sizeof(run->helper_end));

        if (r == 0)
                return;
        /* In this order: closing ends the watch only if nobody else has the same file at that moment, and whoever
         * looks through our descriptors in /proc (as our own helpers do) has it for as long. r < 0: nothing to reap,
         * nothing to watch. */
        run->pidfd_source = sd_event_source_disable_unref(run->pidfd_source);
        run->helper.pidfd = close_fd(run->helper.pidfd);
        /* Its last words come first. */
        if (take_replies(run) && run->state != RUN_STARTING && run->state != RUN_STEPPING)
                return;
        if (run->state == RUN_STARTING || run->state == RUN_STEPPING)
                run_conclude(run, RUN_END_HELPER_DIED, run->index, -ECHILD, run->helper_end);
        else if (run->state == RUN_STUCK) {
                run->state = RUN_RETURNING;
                run->begun_usec = 0;
                tell(run);
        } else
                tell(run);
}

static int on_pidfd(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Run *run = userdata;

        run->depth++;
        take_end(run);
        leave(run);
        return 0;
}

static void take_deadline(Run *run) {
        if (run->state == RUN_CLOSING || run->state == RUN_RETURNING)
                return tell(run);
        /* The answer may have come in the same moment, only later in the queue. */
        if (take_replies(run) || (run->state != RUN_STARTING && run->state != RUN_STEPPING))
                return;
        run->result.end = RUN_END_STUCK;
        run->result.index = run->index;
        run->result.error = -ETIMEDOUT;
        (void) text_format(run->result.message, sizeof(run->result.message), "no answer after %.1f s",
                           (double) (now_monotonic_usec() - run->begun_usec) / USEC_PER_SEC);
        call_ended(run, RUN_STUCK);
}

static int on_deadline(sd_event_source *source, uint64_t usec, void *userdata) {
        Run *run = userdata;

        run->depth++;
        take_deadline(run);
        leave(run);
        return 0;
}

static int watch(Run *run) {
        int r = sd_event_add_io(run->event, &run->socket_source, run->helper.socket, EPOLLIN, on_socket, run);
        if (r < 0)
                return r;
        r = sd_event_add_io(run->event, &run->pidfd_source, run->helper.pidfd, EPOLLIN, on_pidfd, run);
        if (r < 0)
                return r;
        r = sd_event_add_time(run->event, &run->timer, CLOCK_MONOTONIC, USEC_INFINITY, DEADLINE_ACCURACY_USEC,
                              on_deadline, run);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(run->socket_source, "run-socket");
        (void) sd_event_source_set_description(run->pidfd_source, "run-pidfd");
        (void) sd_event_source_set_description(run->timer, "run-deadline");
        run->begun_usec = now_monotonic_usec();
        return run_set_deadline(run, START_TIMEOUT_USEC);
}

static Run *run_new(sd_event *event, const RunHandlers *handlers, void *userdata) {
        Run *run = calloc(1, sizeof(*run));

        if (!run)
                return NULL;
        run->event = sd_event_ref(event);
        run->handlers = *handlers;
        run->userdata = userdata;
        run->helper = HELPER_PROCESS_NULL;
        return run;
}

/* What the run is about beside the card: the helper is told when it starts, and touches nothing else. */
static HelperFellows fellows_of(const Run *run) {
        HelperFellows fellows = { 0 };

        for (size_t i = 0; run->plan && i < run->plan->n_fellows; i++)
                fellows.addresses[fellows.n++] = run->plan->fellows[i];
        for (size_t i = 0; run->card && i < run->card->n_fellows; i++)
                fellows.addresses[fellows.n++] = run->card->fellows[i].function.address;
        return fellows;
}

static int run_start(Run *run, const RunPaths *paths, PciAddress card) {
        HelperFellows fellows = fellows_of(run);

        int r = helper_process_start(paths->helper, paths->lock_dir, card, &fellows, &run->helper);
        return r < 0 ? r : watch(run);
}

int run_plan(sd_event *event, const RunPaths *paths, PciAddress card, const Plan *plan, bool keep_going,
             const RunHandlers *handlers, void *userdata, Run **ret_run) {
        return run_plan_from(event, paths, card, plan, 0, keep_going, handlers, userdata, ret_run);
}

int run_plan_from(sd_event *event, const RunPaths *paths, PciAddress card, const Plan *plan, size_t first,
                  bool keep_going, const RunHandlers *handlers, void *userdata, Run **ret_run) {
        _cleanup_(run_freep) Run *run = run_new(event, handlers, userdata);

        if (!run)
                return -ENOMEM;
        run->plan = malloc(sizeof(*run->plan));
        if (!run->plan)
                return -ENOMEM;
        *run->plan = *plan;
        assert(plan->n_steps <= STEPS_MAX && first <= plan->n_steps && plan->n_fellows <= FELLOWS_MAX);
        run->n_total = plan->n_steps;
        run->index = first;
        run->keep_going = keep_going;
        int r = run_start(run, paths, card);
        if (r < 0)
                return r;
        *ret_run = TAKE_PTR(run);
        return 0;
}

int run_survey(sd_event *event, const RunPaths *paths, const CardFacts *card, const RunHandlers *handlers,
               void *userdata, Run **ret_run) {
        _cleanup_(run_freep) Run *run = run_new(event, handlers, userdata);

        if (!run)
                return -ENOMEM;
        if (card->n_functions == 0)
                return -EINVAL;
        assert(card->n_functions <= FUNCTIONS_MAX && card->n_fellows <= FELLOWS_MAX);
        run->card = malloc(sizeof(*run->card));
        if (!run->card)
                return -ENOMEM;
        *run->card = *card;
        run->n_total = card_n_parts(card);
        int r = run_start(run, paths, card->functions[0].address);
        if (r < 0)
                return r;
        *ret_run = TAKE_PTR(run);
        return 0;
}

const CardFacts *run_surveyed(const Run *run) {
        return run->state == RUN_ENDED && run->result.end == RUN_END_DONE ? run->card : NULL;
}

int run_isolation(sd_event *event, const RunPaths *paths, const Isolation *isolation, const RunHandlers *handlers,
                  void *userdata, Run **ret_run) {
        _cleanup_(run_freep) Run *run = run_new(event, handlers, userdata);

        if (!run)
                return -ENOMEM;
        if (isolation->card.n_functions == 0)
                return -EINVAL;
        run->isolation = malloc(sizeof(*run->isolation));
        if (!run->isolation)
                return -ENOMEM;
        *run->isolation = *isolation;
        run->n_total = isolation->n_ports + isolation->n_groups;
        int r = run_start(run, paths, isolation->card.functions[0].address);
        if (r < 0)
                return r;
        *ret_run = TAKE_PTR(run);
        return 0;
}

const Isolation *run_isolated(const Run *run) {
        return run->state == RUN_ENDED && run->result.end == RUN_END_DONE ? run->isolation : NULL;
}

void run_stop(Run *run) {
        if (run->state != RUN_STARTING && run->state != RUN_STEPPING)
                return;
        run->stopping = true;
        /* Tells the helper that nothing more will come: a mere wait need not go on. Its reply still reaches
         * us. */
        if (run->helper.socket >= 0)
                (void) shutdown(run->helper.socket, SHUT_WR);
}

void run_set_userdata(Run *run, void *userdata) {
        run->userdata = userdata;
}

pid_t run_helper_pid(const Run *run) {
        return run->known ? run->helper.pid : 0;
}

usec_t run_step_begun_usec(const Run *run) {
        return run->known ? run->begun_usec : 0;
}

Run *run_free(Run *run) {
        if (!run || run_is_gone(run))
                return NULL;
        hang_up(run);
        run->pidfd_source = sd_event_source_disable_unref(run->pidfd_source);
        run->timer = sd_event_source_disable_unref(run->timer);
        helper_process_abandon(&run->helper, run->event);
        run->state = RUN_FREED;
        if (run->depth == 0)
                run_destroy(run);
        return NULL;
}
