/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A helper that does not come back. It cannot be killed (state D), so it is only watched: the card is marked,
 * everything else is served, and when the helper is gone the card is looked at afresh.
 *
 * Since when it hangs is the time of its lock file and what it hangs in is the step on record, so that an
 * earlier daemon's helper is spoken of with the same words as our own. Where it hangs and what it waits for may change, so both
 * are read again from time to time.
 */

#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <systemd/sd-daemon.h>

#include "api/stuck-text.h"
#include "base/address.h"
#include "base/text.h"
#include "exec/request.h"
#include "gpuswitch/names.h"
#include "log/log.h"
#include "machine/helper-lock.h"
#include "machine/nodes.h"
#include "machine/system.h"
#include "manager/internal.h"

#define LOOK_AGAIN_USEC (15 * USEC_PER_SEC)

void card_stuck_refusal(const Card *card, Refusal *ret_refusal) {
        char circumstances[256];

        (void) refusal_set(ret_refusal, REFUSAL_STUCK, card->address, card->stuck_detail.action,
                           stuck_circumstances(&card->stuck_detail, circumstances, sizeof(circumstances)));
        ret_refusal->state = card->state;
}

/* --- what is said of it --- */

static void log_stuck(const Card *card) {
        const StuckView *detail = &card->stuck_detail;
        char help[STUCK_HELP_MAX * (sizeof(detail->help[0]) + 4)] = "";
        LogField fields[] = { { LOG_FIELD_GPU, ADDRESS_TEXT(card->address) },
                              { LOG_FIELD_REASON, card->stuck_reason },
                              { LOG_FIELD_DOMAIN, card->lease.domain_name },
                              { LOG_FIELD_OPERATION, card->unfinished ? card->unfinished->id : "" } };

        for (size_t i = 0; i < detail->n_help; i++)
                (void) text_append(help, sizeof(help), "\n- %s", detail->help[i]);
        log_entry(LOG_CRIT, MESSAGE_ID_CARD_STUCK, fields, ELEMENTSOF(fields), "GPU %s is stuck: %s%s",
                  ADDRESS_TEXT(card->address), card->stuck_reason, help);
}

/* For `systemctl status`. */
static void notify_status(const Manager *manager) {
        char status[256] = "";

        for (size_t i = 0; i < manager->n_cards; i++)
                if (manager->cards[i]->stuck)
                        (void) text_append(status, sizeof(status), "%s%s", isempty(status) ? "Stuck: " : ", ",
                                           ADDRESS_TEXT(manager->cards[i]->address));
        (void) sd_notifyf(0, "STATUS=%s", status);
}

static void holders_add(StuckView *detail, const Holder *holders, int n) {
        for (int i = 0; i < n && detail->n_holders < STUCK_HOLDERS_MAX; i++)
                (void) holder_describe(&holders[i], detail->holders[detail->n_holders++], sizeof(detail->holders[0]));
}

/* Who has nodes of the function open that is being unbound; some of those nodes may have been removed already. */
static void find_holders(const Step *step, FunctionRole role, StuckView *detail) {
        Holder holders[HOLDERS_MAX];

        memset(detail->holders, 0, sizeof(detail->holders));
        detail->n_holders = 0;
        if (step->kind != STEP_UNBIND || (role != FUNCTION_ROLE_AUDIO && role != FUNCTION_ROLE_DISPLAY))
                return;
        holders_add(detail, holders, nodes_holders("", step->address, holders));
        holders_add(detail, holders,
                    nodes_holders_of_gone("", role == FUNCTION_ROLE_AUDIO ? "snd" : "dri", holders));
}

/* Where it hangs now, for whom it waits, and the words for that. */
static void look(Card *card) {
        StuckView *detail = &card->stuck_detail;
        const Step *step = card->stuck_step.kind >= 0 ? &card->stuck_step : NULL;
        const FunctionFacts *function = step ? card_function(&card->facts, step->address) : NULL;
        StuckFacts facts = { .step = step,
                             .card = card->address,
                             .role = function ? function->role : FUNCTION_ROLE_OTHER };
        ProcessPlace place;

        process_place("", detail->pid, &place);
        memset(detail->kernel_function, 0, sizeof(detail->kernel_function));
        memset(detail->kernel_stack, 0, sizeof(detail->kernel_stack));
        (void) text_copy(detail->kernel_function, sizeof(detail->kernel_function), place.function);
        (void) text_copy(detail->kernel_stack, sizeof(detail->kernel_stack), place.stack);
        if (step)
                find_holders(step, facts.role, detail);
        stuck_words(&facts, detail);
        memset(card->stuck_reason, 0, sizeof(card->stuck_reason));
        (void) stuck_sentence(detail, card->stuck_reason, sizeof(card->stuck_reason));
}

static int on_look_again(sd_event_source *source, uint64_t usec, void *userdata) {
        Card *card = userdata;

        look(card);
        card_publish(card);
        (void) sd_event_source_set_time_relative(source, LOOK_AGAIN_USEC);
        (void) sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
        return 0;
}

/* @step: NULL when it was only to look at the card. */
static void declare_stuck(Card *card, const Step *step, pid_t pid, usec_t since_usec) {
        card->stuck = true;
        card->stuck_step = step ? *step : (Step){ .kind = _STEP_KIND_INVALID };
        memset(&card->stuck_detail, 0, sizeof(card->stuck_detail));
        card->stuck_detail.pid = pid;
        card->stuck_detail.since_usec = since_usec;
        look(card);
        log_stuck(card);
        notify_status(card->manager);
        card->stuck_timer = sd_event_source_disable_unref(card->stuck_timer);
        (void) sd_event_add_time_relative(card->manager->event, &card->stuck_timer, CLOCK_MONOTONIC, LOOK_AGAIN_USEC, 0,
                                          on_look_again, card);
}

/* One message per line, as the kernel's log has it. The kernel's own console shows it whatever the log level is. */
static void say_on_console(const StuckView *detail) {
        _cleanup_close_ int fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        char line[512];

        for (size_t i = 0; fd >= 0 && i < STUCK_CONSOLE_LINES; i++) {
                char text[sizeof(line) + 16];
                (void) text_format(text, sizeof(text), "<%d>gpuswitchd: %s\n", LOG_EMERG,
                                   stuck_console_line(detail, i, line, sizeof(line)));
                if (write(fd, text, strlen(text)) < 0)
                        break;
        }
}

void stuck_last_words(const Manager *manager) {
        for (size_t i = 0; i < manager->n_cards; i++)
                if (manager->cards[i]->stuck)
                        say_on_console(&manager->cards[i]->stuck_detail);
}

/* --- our own helper --- */

/* What the operation was doing, as the store has it. */
static StoredOperation *unfinished_of(const Operation *operation) {
        bool back = operation->phase == OPERATION_UNDOING || operation->phase == OPERATION_TAIL;

        if (!operation->recorded)
                return NULL;
        StoredOperation *stored = calloc(1, sizeof(*stored));
        if (!stored)
                return NULL;
        (void) text_copy(stored->id, sizeof(stored->id), operation->id);
        (void) text_copy(stored->domain_uuid, sizeof(stored->domain_uuid), operation->domain_uuid);
        (void) text_copy(stored->domain_name, sizeof(stored->domain_name), operation->domain_name);
        stored->address = operation->card->address;
        stored->undoing = back;
        stored->n_started = operation->index + 1;
        stored->plan = back ? operation->back : operation->plan;
        return stored;
}

/* CLOCK_REALTIME. The lock file says it; without it our own clock does. */
static usec_t begun_at(const Card *card, pid_t pid) {
        HelperLock lock;
        usec_t ago;

        if (helper_lock_read("", card->manager->config->lock_dir, card->address, &lock) > 0 && lock.pid == pid)
                return lock.begun_usec;
        ago = now_monotonic_usec() - run_step_begun_usec(card->stuck_run);
        return now_realtime_usec() - ago;
}

void card_stuck(Card *card, Operation *operation, const Step *step) {
        Refusal refusal;

        card->stuck_run = TAKE_PTR(operation->run);
        run_set_userdata(card->stuck_run, card);
        free(card->unfinished);
        card->unfinished = unfinished_of(operation);
        pid_t pid = run_helper_pid(card->stuck_run);
        declare_stuck(card, step, pid, begun_at(card, pid));
        card_stuck_refusal(card, &refusal);
        operation_finish(operation, &refusal);
}

void card_probe_stuck(Card *card, const Step *step) {
        pid_t pid = run_helper_pid(card->stuck_run);

        declare_stuck(card, step, pid, begun_at(card, pid));
        card_publish(card);
        manager_card_idle(card);
}

void stuck_look_again(Card *card, StoredOperation *unfinished) {
        LogField fields[] = { { LOG_FIELD_GPU, ADDRESS_TEXT(card->address) } };
        bool was_stuck = card->stuck;

        card->stuck_run = run_free(card->stuck_run);
        card->stuck_watch = sd_event_source_disable_unref(card->stuck_watch);
        card->stuck_timer = sd_event_source_disable_unref(card->stuck_timer);
        card->stuck = false;
        memset(card->stuck_reason, 0, sizeof(card->stuck_reason));
        memset(&card->stuck_detail, 0, sizeof(card->stuck_detail));
        if (was_stuck) {
                log_entry(LOG_NOTICE, MESSAGE_ID_CARD_UNSTUCK, fields, ELEMENTSOF(fields),
                          "GPU %s: the helper that hung has come back; looking at the card afresh",
                          ADDRESS_TEXT(card->address));
                notify_status(card->manager);
        }
        card_observe(card, "a helper that hung has come back");
        if (unfinished == card->unfinished)
                card->unfinished = NULL;
        if (unfinished)
                recover_operation(card, unfinished);
        else {
                card_publish(card);
                manager_card_idle(card);
        }
}

/* --- the helper of an earlier daemon --- */

/* The step that it is at; NULL: not of the record, so it only looks at the card. */
static const Step *recorded_step(const StoredOperation *stored, pid_t pid) {
        if (!stored || stored->helper_pid != pid || stored->n_started == 0 || stored->n_started > stored->plan.n_steps)
                return NULL;
        return &stored->plan.steps[stored->n_started - 1];
}

static int on_old_helper_gone(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Card *card = userdata;

        stuck_look_again(card, card->unfinished);
        return 0;
}

static void old_helper_late(Card *card) {
        declare_stuck(card, recorded_step(card->unfinished, card->old_helper.pid), card->old_helper.pid, card->old_helper.begun_usec);
        card_publish(card);
        manager_card_idle(card);
}

static int on_old_helper_late(sd_event_source *source, uint64_t usec, void *userdata) {
        old_helper_late(userdata);
        return 0;
}

/* How long it may still take before it counts as stuck. */
static usec_t time_left(const StoredOperation *stored, const HelperLock *lock) {
        const Step *step = recorded_step(stored, lock->pid);
        usec_t deadline = step ? step_deadline_usec(step) : SURVEY_TIMEOUT_USEC;
        usec_t now = now_realtime_usec(), begun = lock->begun_usec;

        if (step && stored->step_begun_usec > 0) {
                now = now_boottime_usec(); /* which nobody can set */
                begun = stored->step_begun_usec;
        }
        if (begun == 0 || now < begun)
                return deadline; /* not known, or the clock was set back */
        return deadline - MIN_OF(now - begun, deadline);
}

/* By its lock; without that by the pid and start time on record. */
static bool find_old_helper(const Card *card, const StoredOperation *stored, HelperLock *ret_lock) {
        uint64_t start_time;

        int r = helper_lock_read("", card->manager->config->lock_dir, card->address, ret_lock);
        if (r < 0)
                log_warning("GPU %s: could not see whether a helper has its lock: %s", ADDRESS_TEXT(card->address),
                            strerror(-r));
        if (r > 0)
                return true;
        if (!stored || stored->helper_pid <= 0 || process_start_time("", stored->helper_pid, &start_time) < 0 ||
            start_time != stored->helper_start_time)
                return false;
        *ret_lock = (HelperLock){ .pid = stored->helper_pid, .start_time = start_time };
        return true;
}

bool stuck_watch_old_helper(Card *card, StoredOperation *stored) {
        sd_event *event = card->manager->event;
        HelperLock lock;

        if (!find_old_helper(card, stored, &lock))
                return false;
        _cleanup_close_ int fd = (int) syscall(SYS_pidfd_open, lock.pid, 0);
        if (fd < 0)
                return false;
        if (sd_event_add_io(event, &card->stuck_watch, fd, EPOLLIN, on_old_helper_gone, card) < 0)
                return false;
        (void) sd_event_source_set_io_fd_own(card->stuck_watch, 1);
        TAKE_FD(fd);
        card->old_helper = lock;
        card->unfinished = stored;
        usec_t left = time_left(stored, &lock);
        if (left == 0) {
                old_helper_late(card);
                return true;
        }
        (void) sd_event_add_time_relative(event, &card->stuck_timer, CLOCK_MONOTONIC, left, 0, on_old_helper_late, card);
        log_notice("GPU %s: the helper of an earlier daemon (pid %d) is still at work; waiting for it",
                   ADDRESS_TEXT(card->address), lock.pid);
        return true;
}
