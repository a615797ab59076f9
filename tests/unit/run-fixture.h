/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A run of exec against fake-helper.c: what its callbacks saw, and what they are told to do. */

#include "check-main.h"

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/text.h"
#include "exec/run.h"

enum { NOWHERE, IN_STARTED, IN_BEFORE, IN_AFTER, IN_ENDED, IN_RETURNED };

static struct {
        char folder[64], pipe[96], log[96];
        sd_event *event;
        Run *run;
        unsigned n_started, n_before, n_after, n_ended, n_returned;
        size_t before[STEPS_MAX];
        int after[STEPS_MAX];
        RunResult result;
        pid_t pid;
        /* What the callbacks do. */
        int started_result, before_result;
        size_t before_fails_at;
        size_t first; /* step that the run begins with */
        int stop_in, free_in;
        size_t act_at;  /* step, for IN_BEFORE and IN_AFTER */
        unsigned chain; /* so many more runs from inside `ended` */
        bool helper_was_gone;
} t;

static const RunHandlers handlers;
static Plan plan;

_unused_ static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        return remove(path);
}

_unused_ static void setup(void) {
        memset(&t, 0, sizeof(t));
        (void) text_copy(t.folder, sizeof(t.folder), "/tmp/gpuswitch-test-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(t.folder));
        (void) text_format(t.pipe, sizeof(t.pipe), "%s/pipe", t.folder);
        (void) text_format(t.log, sizeof(t.log), "%s/log", t.folder);
        ck_assert_int_eq(mkfifo(t.pipe, 0600), 0);
        ck_assert_int_eq(setenv("FAKE_HELPER_PIPE", t.pipe, 1), 0);
        ck_assert_int_eq(setenv("FAKE_HELPER_LOG", t.log, 1), 0);
        ck_assert_int_ge(sd_event_new(&t.event), 0);
        t.before_fails_at = SIZE_MAX;
        t.act_at = SIZE_MAX;
        plan = (Plan){ 0 };
}

/* One turn of the loop. Something always comes within 20 s, or the test is wrong. */
_unused_ static void turn(void) {
        ck_assert_int_gt(sd_event_run(t.event, 20 * USEC_PER_SEC), 0);
}

_unused_ static bool has_children(void) {
        siginfo_t info;

        return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

_unused_ static void teardown(void) {
        t.run = run_free(t.run);
        /* No zombie stays behind, whoever has to reap it. */
        while (has_children())
                turn();
        t.event = sd_event_unref(t.event);
        (void) nftw(t.folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
        (void) unsetenv("FAKE_HELPER_SCRIPT");
}

_unused_ static void act_in(int where) {
        if (t.stop_in == where)
                run_stop(t.run);
        if (t.free_in == where)
                t.run = run_free(t.run);
}

_unused_ static int on_started(Run *run, pid_t pid, uint64_t start_time, void *userdata) {
        ck_assert_ptr_eq(userdata, &t);
        ck_assert_uint_eq(start_time, 4711);
        ck_assert_int_eq(run_helper_pid(run), pid);
        ck_assert_uint_eq(run_step_begun_usec(run), 0);
        t.pid = pid;
        t.n_started++;
        act_in(IN_STARTED);
        return t.started_result;
}

_unused_ static int on_before(Run *run, size_t index, void *userdata) {
        ck_assert_uint_eq(run_step_begun_usec(run), 0);
        t.before[t.n_before++] = index;
        if (index == t.act_at)
                act_in(IN_BEFORE);
        return index == t.before_fails_at ? t.before_result : 0;
}

_unused_ static void on_after(Run *run, size_t index, int error, const char *message, void *userdata) {
        t.after[t.n_after++] = error;
        if (index == t.act_at)
                act_in(IN_AFTER);
}

_unused_ static void start(const char *script, bool keep_going) {
        const RunPaths paths = { .helper = FAKE_HELPER, .lock_dir = t.folder };

        ck_assert_int_eq(setenv("FAKE_HELPER_SCRIPT", script, 1), 0);
        ck_assert_int_eq(run_plan_from(t.event, &paths, (PciAddress){ .bus = 1, .function = 1 }, &plan, t.first,
                                       keep_going, &handlers, &t, &t.run),
                         0);
        ck_assert_int_eq(run_helper_pid(t.run), 0);
}

_unused_ static void on_ended(Run *run, const RunResult *result, void *userdata) {
        t.result = *result;
        t.n_ended++;
        t.helper_was_gone = t.pid > 0 && kill(t.pid, 0) < 0;
        act_in(IN_ENDED);
        if (t.chain > 0) {
                t.chain--;
                t.run = run_free(t.run);
                start("", false);
        }
}

_unused_ static void on_returned(Run *run, void *userdata) {
        t.n_returned++;
        t.helper_was_gone = kill(t.pid, 0) < 0;
        act_in(IN_RETURNED);
}

static const RunHandlers handlers = {
        .started = on_started,
        .before_step = on_before,
        .after_step = on_after,
        .ended = on_ended,
        .returned = on_returned,
};

_unused_ static void add_steps(size_t n, usec_t timeout) {
        for (size_t i = 0; i < n; i++) {
                Step *step = &plan.steps[plan.n_steps++];
                *step = (Step){ .kind = STEP_SET_OVERRIDE, .address = { .bus = 1 }, .timeout_usec = timeout };
                (void) text_format(step->text, sizeof(step->text), "driver%zu", plan.n_steps - 1);
        }
}

_unused_ static void run_to_end(const char *script, bool keep_going) {
        start(script, keep_going);
        ck_assert_uint_eq(t.n_started, 0); /* never from inside a call */
        while (t.n_ended == 0)
                turn();
        ck_assert_uint_eq(t.n_ended, 1);
}

_unused_ static void release(void) {
        /* Waits until the helper is at its end of the pipe. */
        int fd = open(t.pipe, O_WRONLY | O_CLOEXEC);

        ck_assert_int_ge(fd, 0);
        (void) close(fd);
}

_unused_ static unsigned n_requests(void) {
        FILE *f = fopen(t.log, "re");
        unsigned n = 0;

        for (int c; f && (c = fgetc(f)) != EOF;)
                n += c == '\n';
        if (f)
                (void) fclose(f);
        return n;
}

_unused_ static void assert_end(RunEnd end, size_t index, int error) {
        ck_assert_int_eq(t.result.end, end);
        ck_assert_uint_eq(t.result.index, index);
        ck_assert_int_eq(t.result.error, error);
}
_unused_ static TCase *new_case(const char *name) {
        TCase *c = tcase_create(name);

        tcase_add_checked_fixture(c, setup, teardown);
        tcase_set_timeout(c, 60);
        return c;
}
