/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a helper may send to the daemon: the whole of exec/, with a helper that is only the other end of the socket.
 * The input's first byte says what runs; then each message: a byte of how it is sent, then what is different from
 * the right answer (choose_patches()).
 *
 * Accepted: the run ended as done. In any case it ends exactly once, and says why.
 */

#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "base/text.h"
#include "exec/helper-process.h"
#include "exec/run.h"
#include "fuzz.h"
#include "gpuswitch/helper-protocol.h"
#include "memory-card.h"

#define HELPER_PID 4711
#define MESSAGES_MAX 32

/* How a message is sent. */
enum {
        SEND_SHORT = 1 << 0,
        SEND_LONG = 1 << 1,
        SEND_NOTHING = 1 << 2,  /* the helper closes its end */
        SEND_AND_DIE = 1 << 3,
        SEND_TWICE = 1 << 4,
        SEND_STOP = 1 << 5,     /* the daemon wants to stop before it */
        SEND_HOLDS_LOCK = 1 << 6,
};

static struct {
        sd_event *event;
        int socket; /* the helper's end */
        int pidfd;  /* the run's own: an eventfd, readable when the "process" has ended; -EBADF when closed */
        unsigned n_ended, n_returned, n_started;
        RunResult result;
        CardFacts card;
        Plan plan;
        uint8_t config[CONFIG_SPACE_SIZE];
} world;

int __wrap_helper_process_start(const char *path, const char *lock_dir, PciAddress card, const HelperFellows *fellows,
                                HelperProcess *ret_process);
int __wrap_helper_process_start(const char *path, const char *lock_dir, PciAddress card, const HelperFellows *fellows,
                                HelperProcess *ret_process) {
        int fds[2];

        fuzz_require(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == 0, "%m");
        world.pidfd = eventfd(0, EFD_CLOEXEC);
        fuzz_require(world.pidfd >= 0, "%m");
        world.socket = fds[1];
        *ret_process = (HelperProcess){ .pid = HELPER_PID, .pidfd = world.pidfd, .socket = fds[0] };
        return 0;
}

int __wrap_helper_process_reap(HelperProcess *process, char *ret_text, size_t size);
int __wrap_helper_process_reap(HelperProcess *process, char *ret_text, size_t size) {
        process->pidfd = world.pidfd = close_fd(process->pidfd);
        (void) text_copy(ret_text, size, "exit status 1");
        return 1;
}

void __wrap_helper_process_abandon(HelperProcess *process, sd_event *event);
void __wrap_helper_process_abandon(HelperProcess *process, sd_event *event) {
        helper_process_hang_up(process);
        process->pidfd = world.pidfd = close_fd(process->pidfd);
}

static int on_started(Run *run, pid_t pid, uint64_t start_time, void *userdata) {
        world.n_started++;
        fuzz_require(pid == HELPER_PID);
        return 0;
}

static int on_before_step(Run *run, size_t index, void *userdata) {
        fuzz_require(index < world.plan.n_steps);
        return 0;
}

static void on_after_step(Run *run, size_t index, int error, const char *message, void *userdata) {
        fuzz_require(index < world.plan.n_steps && error <= 0);
}

static void on_ended(Run *run, const RunResult *result, void *userdata) {
        world.n_ended++;
        world.result = *result;
        fuzz_require(memchr(result->message, '\0', sizeof(result->message)));
        fuzz_require((result->error < 0) == (result->end != RUN_END_DONE && result->end != RUN_END_STOPPED), "%d with %d",
                     (int) result->end, result->error);
}

static void on_returned(Run *run, void *userdata) {
        world.n_returned++;
}

static const RunHandlers handlers = { on_started, on_before_step, on_after_step, on_ended, on_returned };

void fuzz_setup(void) {
        fuzz_require(sd_event_new(&world.event) >= 0);
        memory_config_make(world.config);
        world.card.n_functions = 2;
        for (uint8_t i = 0; i < 2; i++)
                world.card.functions[i].address = (PciAddress){ .bus = 1, .function = i };
        world.plan.n_steps = 3;
        for (size_t i = 0; i < world.plan.n_steps; i++)
                world.plan.steps[i] = (Step){ .kind = STEP_ALIVE, .address = { .bus = 1 }, .timeout_usec = USEC_PER_SEC };
}

static void process_events(void) {
        for (int i = 0; i < 64; i++) {
                int r = sd_event_run(world.event, 0);
                fuzz_require(r >= 0, "%s", strerror(-r));
                if (r == 0)
                        return;
        }
        fuzz_fail(__FILE__, __LINE__, "an end", " of events");
}

static void helper_dies(void) {
        world.socket = close_fd(world.socket);
        if (world.pidfd >= 0)
                (void) eventfd_write(world.pidfd, 1);
}

/* The right answer: first who it is, then that it is done, with a survey in case that was asked for. */
static void make_reply(bool is_first, HelperReply *reply) {
        memset(reply, 0, sizeof(*reply));
        reply->magic = HELPER_PROTOCOL_MAGIC;
        reply->version = HELPER_PROTOCOL_VERSION;
        if (is_first)
                (void) text_format(reply->message, sizeof(reply->message), "%d 123456", HELPER_PID);
        (void) text_copy(reply->driver_override, sizeof(reply->driver_override), "(null)");
        (void) text_copy(reply->power_control, sizeof(reply->power_control), "auto");
        (void) text_copy(reply->d3cold_allowed, sizeof(reply->d3cold_allowed), "1");
        (void) text_copy(reply->power_state, sizeof(reply->power_state), "D0");
        memcpy(reply->config, world.config, sizeof(reply->config));
        reply->config_size = sizeof(reply->config);
}

static void send_reply(Run *run, uint8_t how, bool is_first, Choices *choices) {
        static struct {
                HelperReply reply;
                char more[16];
        } message;
        static uint8_t requests[sizeof(HelperRequest)];
        size_t size = how & SEND_SHORT ? sizeof(message.reply) - 1 : how & SEND_LONG ? sizeof(message) : sizeof(message.reply);

        make_reply(is_first, &message.reply);
        if (how & SEND_HOLDS_LOCK)
                message.reply.status = -EBUSY;
        choose_patches(choices, &message.reply, sizeof(message.reply));
        if (how & SEND_STOP)
                run_stop(run);
        while (world.socket >= 0 && recv(world.socket, requests, sizeof(requests), MSG_DONTWAIT) > 0)
                continue;
        if (!(how & SEND_NOTHING))
                for (int n = how & SEND_TWICE ? 2 : 1; n > 0 && world.socket >= 0; n--)
                        (void) send(world.socket, &message, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (how & (SEND_NOTHING | SEND_AND_DIE))
                helper_dies();
}

static void take_survey(const Run *run, FuzzVerdict *verdict) {
        const CardFacts *card = run_surveyed(run);

        for (size_t i = 0; card && i < card->n_functions; i++) {
                const FunctionSurvey *survey = &card->functions[i].survey;
                fuzz_require(survey->valid && survey->n_registers <= REGISTERS_MAX);
                verdict_add_field(verdict, survey->driver_override);
                verdict_add_field(verdict, survey->power_control);
                verdict_add_field(verdict, survey->d3cold_allowed);
                verdict_add_value(verdict, survey->config_dead | survey->msix_enabled << 1 | survey->config_locked << 2);
                for (size_t k = 0; k < survey->n_registers; k++)
                        verdict_add_value(verdict, survey->registers[k].value);
        }
}

static void conclude(Run *run, FuzzVerdict *ret) {
        static const char *const ends[] = { "done", "failed", "died", "stuck", "stopped", "locked" };

        fuzz_require(world.n_ended == 1 && world.n_returned == 0, "ended %u times", world.n_ended);
        fuzz_require(world.n_started <= 1);
        take_survey(run, ret);
        verdict_add_value(ret, world.result.end);
        verdict_add_value(ret, world.result.n_failed);
        if (world.result.end != RUN_END_DONE)
                verdict_refuse(ret, "%s at %zu: %s (%s)", ends[world.result.end], world.result.index, world.result.message,
                               strerror(-world.result.error));
}

void fuzz_input(const uint8_t *data, size_t size, FuzzVerdict *ret) {
        Choices choices = { data, data + size };
        Run *run = NULL;

        world.n_ended = world.n_returned = world.n_started = 0;
        uint8_t what = choose_byte(&choices);
        int r = what & 1 ? run_survey(world.event, &(RunPaths){ 0 }, &world.card, &handlers, NULL, &run)
                         : run_plan(world.event, &(RunPaths){ 0 }, (PciAddress){ .bus = 1 }, &world.plan, what & 2, &handlers,
                                    NULL, &run);
        if (r < 0) {
                ret->error = r;
                verdict_refuse(ret, "not started: %s", strerror(-r));
        } else {
                for (size_t n = 0; n < MESSAGES_MAX && choices_left(&choices); n++) {
                        send_reply(run, choose_byte(&choices), n == 0, &choices);
                        process_events();
                }
                helper_dies();
                process_events();
                conclude(run, ret);
                run_free(run);
        }
        fuzz_require(world.pidfd < 0, "the helper is neither reaped nor given up");
        world.socket = close_fd(world.socket);
}
