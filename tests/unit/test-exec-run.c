/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The state machine of a run, against a helper that goes wrong in every way (fake-helper.c). */

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
        int stop_in, free_in;
        size_t act_at;  /* step, for IN_BEFORE and IN_AFTER */
        unsigned chain; /* so many more runs from inside `ended` */
        bool helper_was_gone;
} t;

static const RunHandlers handlers;
static Plan plan;

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw) {
        return remove(path);
}

static void setup(void) {
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
static void turn(void) {
        ck_assert_int_gt(sd_event_run(t.event, 20 * USEC_PER_SEC), 0);
}

static bool has_children(void) {
        siginfo_t info;

        return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

static void teardown(void) {
        t.run = run_free(t.run);
        /* No zombie stays behind, whoever has to reap it. */
        while (has_children())
                turn();
        t.event = sd_event_unref(t.event);
        (void) nftw(t.folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
        (void) unsetenv("FAKE_HELPER_SCRIPT");
}

static void act_in(int where) {
        if (t.stop_in == where)
                run_stop(t.run);
        if (t.free_in == where)
                t.run = run_free(t.run);
}

static int on_started(Run *run, pid_t pid, uint64_t start_time, void *userdata) {
        ck_assert_ptr_eq(userdata, &t);
        ck_assert_uint_eq(start_time, 4711);
        ck_assert_int_eq(run_helper_pid(run), pid);
        ck_assert_uint_eq(run_step_begun_usec(run), 0);
        t.pid = pid;
        t.n_started++;
        act_in(IN_STARTED);
        return t.started_result;
}

static int on_before(Run *run, size_t index, void *userdata) {
        ck_assert_uint_eq(run_step_begun_usec(run), 0);
        t.before[t.n_before++] = index;
        if (index == t.act_at)
                act_in(IN_BEFORE);
        return index == t.before_fails_at ? t.before_result : 0;
}

static void on_after(Run *run, size_t index, int error, void *userdata) {
        t.after[t.n_after++] = error;
        if (index == t.act_at)
                act_in(IN_AFTER);
}

static void start(const char *script, bool keep_going) {
        const RunPaths paths = { .helper = FAKE_HELPER, .lock_dir = t.folder };

        ck_assert_int_eq(setenv("FAKE_HELPER_SCRIPT", script, 1), 0);
        ck_assert_int_eq(run_plan(t.event, &paths, (PciAddress){ .bus = 1, .function = 1 }, &plan, keep_going,
                                  &handlers, &t, &t.run),
                         0);
        ck_assert_int_eq(run_helper_pid(t.run), 0);
}

static void on_ended(Run *run, const RunResult *result, void *userdata) {
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

static void on_returned(Run *run, void *userdata) {
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

static void add_steps(size_t n, usec_t timeout) {
        for (size_t i = 0; i < n; i++) {
                Step *step = &plan.steps[plan.n_steps++];
                *step = (Step){ .kind = STEP_SET_OVERRIDE, .address = { .bus = 1 }, .timeout_usec = timeout };
                (void) text_format(step->text, sizeof(step->text), "driver%zu", plan.n_steps - 1);
        }
}

static void run_to_end(const char *script, bool keep_going) {
        start(script, keep_going);
        ck_assert_uint_eq(t.n_started, 0); /* never from inside a call */
        while (t.n_ended == 0)
                turn();
        ck_assert_uint_eq(t.n_ended, 1);
}

static void release(void) {
        /* Waits until the helper is at its end of the pipe. */
        int fd = open(t.pipe, O_WRONLY | O_CLOEXEC);

        ck_assert_int_ge(fd, 0);
        (void) close(fd);
}

static unsigned n_requests(void) {
        FILE *f = fopen(t.log, "re");
        unsigned n = 0;

        for (int c; f && (c = fgetc(f)) != EOF;)
                n += c == '\n';
        if (f)
                (void) fclose(f);
        return n;
}

static void assert_end(RunEnd end, size_t index, int error) {
        ck_assert_int_eq(t.result.end, end);
        ck_assert_uint_eq(t.result.index, index);
        ck_assert_int_eq(t.result.error, error);
}

START_TEST(test_done) {
        char line[128];

        add_steps(3, USEC_PER_SEC * 20);
        run_to_end("", false);
        assert_end(RUN_END_DONE, 3, 0);
        ck_assert_uint_eq(t.result.n_failed, 0);
        ck_assert_uint_eq(t.n_started, 1);
        ck_assert_uint_eq(t.n_before, 3);
        ck_assert_uint_eq(t.n_after, 3);
        ck_assert_uint_eq(t.n_returned, 0);
        ck_assert_uint_eq(n_requests(), 3);
        ck_assert(t.helper_was_gone);
        FILE *f = fopen(t.log, "re");
        ck_assert_ptr_nonnull(fgets(line, sizeof(line), f));
        ck_assert_str_eq(line, "5 0000:01:00.0 'driver_override' 'driver0'\n");
        (void) fclose(f);
        /* One lock for the slot, whatever function the card was named by. */
        (void) text_format(line, sizeof(line), "%s/0000:01:00.0.lock", t.folder);
        ck_assert_int_eq(access(line, F_OK), 0);
}
END_TEST

START_TEST(test_empty_plan) {
        run_to_end("", false);
        assert_end(RUN_END_DONE, 0, 0);
        ck_assert_uint_eq(t.n_started, 1);
        ck_assert_uint_eq(t.n_before, 0);
}
END_TEST

START_TEST(test_longest_plan) {
        add_steps(STEPS_MAX, 20 * USEC_PER_SEC);
        run_to_end("", false);
        assert_end(RUN_END_DONE, STEPS_MAX, 0);
        ck_assert_uint_eq(n_requests(), STEPS_MAX);
}
END_TEST

START_TEST(test_step_failed) {
        add_steps(3, 20 * USEC_PER_SEC);
        run_to_end("1=fail:5", false);
        assert_end(RUN_END_STEP_FAILED, 1, -5);
        ck_assert_str_eq(t.result.message, "failed with 5");
        ck_assert_uint_eq(t.result.n_failed, 1);
        ck_assert_uint_eq(t.n_after, 2);
        ck_assert_int_eq(t.after[0], 0);
        ck_assert_int_eq(t.after[1], -5);
        ck_assert_uint_eq(n_requests(), 2);
}
END_TEST

START_TEST(test_keep_going) {
        add_steps(4, 20 * USEC_PER_SEC);
        run_to_end("1=fail:5,3=fail:6", true);
        assert_end(RUN_END_STEP_FAILED, 1, -5);
        ck_assert_str_eq(t.result.message, "failed with 5");
        ck_assert_uint_eq(t.result.n_failed, 2);
        ck_assert_uint_eq(n_requests(), 4);
        ck_assert_uint_eq(t.n_after, 4);
}
END_TEST

START_TEST(test_keep_going_without_failure) {
        add_steps(2, 20 * USEC_PER_SEC);
        run_to_end("", true);
        assert_end(RUN_END_DONE, 2, 0);
}
END_TEST

START_TEST(test_before_step_fails) {
        add_steps(3, 20 * USEC_PER_SEC);
        t.before_fails_at = 1;
        t.before_result = -ENOSPC;
        run_to_end("", _i);
        assert_end(RUN_END_STEP_FAILED, 1, -ENOSPC);
        ck_assert_uint_eq(t.result.n_failed, 1);
        ck_assert_uint_eq(n_requests(), _i ? 2 : 1);
        ck_assert_uint_eq(t.n_after, _i ? 2 : 1);
}
END_TEST

START_TEST(test_started_refuses) {
        add_steps(3, 20 * USEC_PER_SEC);
        t.started_result = -EROFS;
        run_to_end("", false);
        assert_end(RUN_END_STEP_FAILED, 0, -EROFS);
        ck_assert_uint_eq(n_requests(), 0);
        ck_assert_uint_eq(t.n_before, 0);
}
END_TEST

START_TEST(test_step_without_deadline) {
        add_steps(2, 20 * USEC_PER_SEC);
        plan.steps[1].timeout_usec = 0;
        run_to_end("", false);
        assert_end(RUN_END_STEP_FAILED, 1, -EINVAL);
        ck_assert_uint_eq(n_requests(), 1);
}
END_TEST

static const struct {
        const char *script;
        size_t index;
        const char *message;
} deaths[] = {
        { "lock=die:3", 0, "exit status 3" },   { "0=die:0", 0, "exit status 0" },
        { "1=die:7", 1, "exit status 7" },      { "1=kill", 1, "signal 9" },
        { "0=last-words", 1, "exit status 4" },
};

START_TEST(test_helper_died) {
        add_steps(3, 20 * USEC_PER_SEC);
        run_to_end(deaths[_i].script, false);
        assert_end(RUN_END_HELPER_DIED, deaths[_i].index, -ECHILD);
        ck_assert_str_eq(t.result.message, deaths[_i].message);
        ck_assert_uint_eq(t.n_after, deaths[_i].index);
        ck_assert_uint_eq(t.n_returned, 0);
}
END_TEST

START_TEST(test_keep_going_ends_with_the_helper) {
        add_steps(3, 20 * USEC_PER_SEC);
        run_to_end("0=fail:5,1=kill", true);
        assert_end(RUN_END_HELPER_DIED, 1, -ECHILD);
        ck_assert_uint_eq(t.result.n_failed, 1);
}
END_TEST

START_TEST(test_last_words_count) {
        add_steps(2, 20 * USEC_PER_SEC);
        run_to_end("1=last-words", false);
        assert_end(RUN_END_DONE, 2, 0);
}
END_TEST

static const char *const nonsense[] = { "0=short", "0=magic", "lock=short", "lock=magic" };

START_TEST(test_nonsense) {
        add_steps(2, 20 * USEC_PER_SEC);
        run_to_end(nonsense[_i], false);
        assert_end(RUN_END_HELPER_DIED, 0, -EPROTO);
        ck_assert_uint_le(n_requests(), 1);
}
END_TEST

START_TEST(test_lock_cannot_be_taken) {
        add_steps(2, 20 * USEC_PER_SEC);
        run_to_end("lock=fail:13", false);
        assert_end(RUN_END_STEP_FAILED, 0, -13);
        ck_assert_str_eq(t.result.message, "failed with 13");
        ck_assert_uint_eq(t.n_started, 0);
        ck_assert_uint_eq(t.result.n_failed, 1);
}
END_TEST

START_TEST(test_locked) {
        add_steps(2, 20 * USEC_PER_SEC);
        run_to_end("lock=busy", false);
        assert_end(RUN_END_LOCKED, 0, -EBUSY);
        ck_assert_str_eq(t.result.message, "815 4711");
        ck_assert_uint_eq(t.n_started, 0);
        ck_assert_uint_eq(n_requests(), 0);
}
END_TEST

static void run_until_stuck(const char *script) {
        add_steps(3, 20 * USEC_PER_SEC);
        plan.steps[1].timeout_usec = 50 * USEC_PER_MSEC;
        run_to_end(script, false);
        assert_end(RUN_END_STUCK, 1, -ETIMEDOUT);
        ck_assert_int_eq(strncmp(t.result.message, "no answer after ", 16), 0);
        ck_assert_int_eq(kill(t.pid, 0), 0); /* it was not killed */
        ck_assert_uint_eq(t.n_after, 1);
}

static const char *const ways_back[] = { "1=hang", "1=hang-die" };

START_TEST(test_stuck_and_back) {
        run_until_stuck(ways_back[_i]);
        ck_assert_uint_gt(run_step_begun_usec(t.run), 0);
        ck_assert_uint_eq(t.n_returned, 0);
        run_stop(t.run); /* says nothing to one that has ended */
        release();
        while (t.n_returned == 0)
                turn();
        ck_assert(t.helper_was_gone);
        ck_assert_uint_eq(t.n_ended, 1);
        ck_assert_uint_eq(n_requests(), 2); /* the third step was not started */
        ck_assert_uint_eq(run_step_begun_usec(t.run), 0);
}
END_TEST

START_TEST(test_stuck_and_freed) {
        t.free_in = _i ? IN_ENDED : NOWHERE;
        run_until_stuck("1=hang");
        t.run = run_free(t.run);
        ck_assert(has_children());
        release();
        while (has_children())
                turn();
        ck_assert_uint_eq(t.n_returned, 0);
        ck_assert_uint_eq(n_requests(), 2);
}
END_TEST

START_TEST(test_stuck_does_not_hold_up_others) {
        const RunPaths paths = { .helper = FAKE_HELPER, .lock_dir = t.folder };
        Run *stuck;

        run_until_stuck("1=hang");
        stuck = t.run;
        t.n_ended = 0;
        /* Another card. */
        ck_assert_int_eq(setenv("FAKE_HELPER_SCRIPT", "", 1), 0);
        ck_assert_int_eq(
                run_plan(t.event, &paths, (PciAddress){ .bus = 2 }, &plan, false, &handlers, &t, &t.run), 0);
        while (t.n_ended == 0)
                turn();
        assert_end(RUN_END_DONE, 3, 0);
        t.run = run_free(t.run);
        /* The same card. */
        t.n_ended = 0;
        start("", false);
        while (t.n_ended == 0)
                turn();
        assert_end(RUN_END_LOCKED, 0, -EBUSY);
        t.run = run_free(t.run);
        t.run = stuck;
        t.pid = run_helper_pid(stuck);
        release();
        while (t.n_returned == 0)
                turn();
}
END_TEST

START_TEST(test_delay_is_not_late) {
        add_steps(1, 50 * USEC_PER_MSEC);
        plan.steps[0].kind = STEP_DELAY;
        plan.steps[0].delay_usec = 20 * USEC_PER_SEC;
        start("0=hang", false);
        while (run_step_begun_usec(t.run) == 0)
                turn();
        ck_assert_int_eq(sd_event_run(t.event, 200 * USEC_PER_MSEC), 0);
        release();
        while (t.n_ended == 0)
                turn();
        assert_end(RUN_END_DONE, 1, 0);
}
END_TEST

static const struct {
        int where;
        size_t at;
        size_t index;
        unsigned n_requests;
} stops[] = {
        { IN_STARTED, SIZE_MAX, 0, 0 }, { IN_BEFORE, 0, 0, 0 }, { IN_BEFORE, 1, 1, 1 },
        { IN_AFTER, 0, 1, 1 },          { IN_AFTER, 2, 3, 3 },
};

START_TEST(test_stop) {
        add_steps(3, 20 * USEC_PER_SEC);
        t.stop_in = stops[_i].where;
        t.act_at = stops[_i].at;
        run_to_end("", false);
        assert_end(RUN_END_STOPPED, stops[_i].index, 0);
        ck_assert_uint_eq(n_requests(), stops[_i].n_requests);
        ck_assert_uint_eq(t.n_after, stops[_i].n_requests);
}
END_TEST

START_TEST(test_stop_before_anything) {
        add_steps(3, 20 * USEC_PER_SEC);
        start("", false);
        run_stop(t.run);
        ck_assert_uint_eq(t.n_ended, 0);
        while (t.n_ended == 0)
                turn();
        assert_end(RUN_END_STOPPED, 0, 0);
        ck_assert_uint_eq(t.n_started, 0);
        ck_assert_uint_eq(n_requests(), 0);
}
END_TEST

static void start_and_reach_step(const char *script, size_t index) {
        start(script, false);
        while (t.n_before <= index || run_step_begun_usec(t.run) == 0)
                turn();
        run_stop(t.run);
        ck_assert_uint_eq(t.n_ended, 0);
}

START_TEST(test_stop_with_a_step_in_hand) {
        add_steps(3, 20 * USEC_PER_SEC);
        start_and_reach_step("1=hang", 1);
        release();
        while (t.n_ended == 0)
                turn();
        assert_end(RUN_END_STOPPED, 2, 0);
        ck_assert_uint_eq(n_requests(), 2);
}
END_TEST

START_TEST(test_stop_gives_up_a_wait) {
        ck_assert_int_eq(ECANCELED, 125);
        add_steps(3, 20 * USEC_PER_SEC);
        start_and_reach_step("1=wait-fail:125", 1);
        while (t.n_ended == 0)
                turn();
        assert_end(RUN_END_STOPPED, 1, 0); /* it has not run */
        ck_assert_uint_eq(t.result.n_failed, 0);
        ck_assert_int_eq(t.after[1], -ECANCELED);
}
END_TEST

START_TEST(test_stop_of_a_step_that_fails) {
        add_steps(3, 20 * USEC_PER_SEC);
        start_and_reach_step("1=wait-fail:5", 1);
        while (t.n_ended == 0)
                turn();
        assert_end(RUN_END_STEP_FAILED, 1, -5); /* who has to undo must know */
}
END_TEST

START_TEST(test_cancelled_without_a_stop) {
        add_steps(2, 20 * USEC_PER_SEC);
        run_to_end("0=fail:125", false);
        assert_end(RUN_END_STEP_FAILED, 0, -ECANCELED);
}
END_TEST

START_TEST(test_stop_of_a_step_that_gets_stuck) {
        add_steps(2, 20 * USEC_PER_SEC);
        plan.steps[1].timeout_usec = 50 * USEC_PER_MSEC;
        start_and_reach_step("1=hang", 1);
        while (t.n_ended == 0)
                turn();
        assert_end(RUN_END_STUCK, 1, -ETIMEDOUT);
        release();
        while (t.n_returned == 0)
                turn();
}
END_TEST

static const struct {
        int where;
        size_t at;
        const char *script;
} frees[] = {
        { IN_STARTED, SIZE_MAX, "" }, { IN_BEFORE, 0, "" },      { IN_BEFORE, 2, "" },
        { IN_AFTER, 0, "" },          { IN_AFTER, 2, "" },       { IN_ENDED, 0, "" },
        { IN_ENDED, 0, "lock=busy" }, { IN_ENDED, 0, "1=kill" }, { IN_AFTER, 1, "1=fail:5" },
        { IN_ENDED, 0, "0=magic" },
};

START_TEST(test_free_in_callback) {
        add_steps(3, 20 * USEC_PER_SEC);
        t.free_in = frees[_i].where;
        t.act_at = frees[_i].at;
        start(frees[_i].script, false);
        while (t.run)
                turn();
        while (has_children())
                turn();
        ck_assert_uint_eq(t.n_ended, frees[_i].where == IN_ENDED);
}
END_TEST

START_TEST(test_free_in_returned) {
        t.free_in = IN_RETURNED;
        run_until_stuck("1=hang");
        release();
        while (t.run)
                turn();
        ck_assert_uint_eq(t.n_returned, 1);
}
END_TEST

START_TEST(test_free_after_n_turns) {
        add_steps(3, 20 * USEC_PER_SEC);
        start("", false);
        for (int i = 0; i < _i && t.n_ended == 0; i++)
                turn();
        unsigned n_ended = t.n_ended;
        t.run = run_free(t.run);
        while (has_children())
                turn();
        ck_assert_uint_eq(t.n_ended, n_ended);
}
END_TEST

START_TEST(test_event_goes_before_the_helper) {
        run_until_stuck("1=hang");
        t.run = run_free(t.run);
        t.event = sd_event_unref(t.event); /* with the source of the abandoned helper */
        release();
        while (waitpid(-1, NULL, 0) < 0 && errno == EINTR)
                ;
        ck_assert_int_ge(sd_event_new(&t.event), 0);
}
END_TEST

START_TEST(test_ended_means_unlocked) {
        char lock[128];

        add_steps(1, 20 * USEC_PER_SEC);
        start("eof=hang", false);
        while (t.n_after == 0)
                turn();
        ck_assert_int_eq(sd_event_run(t.event, 200 * USEC_PER_MSEC), 0);
        ck_assert_uint_eq(t.n_ended, 0);
        release();
        while (t.n_ended == 0)
                turn();
        assert_end(RUN_END_DONE, 1, 0);
        (void) text_format(lock, sizeof(lock), "%s/0000:01:00.0.lock", t.folder);
        int fd = open(lock, O_RDWR | O_CLOEXEC);
        ck_assert_int_eq(flock(fd, LOCK_EX | LOCK_NB), 0);
        (void) close(fd);
}
END_TEST

START_TEST(test_next_run_from_inside_the_end) {
        add_steps(2, 20 * USEC_PER_SEC);
        t.chain = 20;
        start("", false);
        while (t.n_ended < 21) {
                turn();
                ck_assert(t.n_ended == 0 || t.result.end == RUN_END_DONE);
        }
        ck_assert_uint_eq(n_requests(), 42);
}
END_TEST

START_TEST(test_no_helper) {
        const RunPaths nowhere = { .helper = "/nonexistent/gpuswitch-helper", .lock_dir = t.folder };
        char folder[2 * PATH_TEXT_SIZE];
        const RunPaths too_long = { .helper = FAKE_HELPER, .lock_dir = folder };

        memset(folder, 'x', sizeof(folder) - 1);
        folder[sizeof(folder) - 1] = '\0';
        ck_assert_int_eq(run_plan(t.event, &nowhere, (PciAddress){ 0 }, &plan, false, &handlers, &t, &t.run),
                         -ENOENT);
        ck_assert_int_eq(run_plan(t.event, &too_long, (PciAddress){ 0 }, &plan, false, &handlers, &t, &t.run),
                         -ENAMETOOLONG);
        ck_assert_ptr_null(t.run);
        ck_assert_ptr_null(run_free(NULL));
}
END_TEST

START_TEST(test_without_handlers) {
        const RunPaths paths = { .helper = FAKE_HELPER, .lock_dir = t.folder };
        const RunHandlers none = { 0 };

        add_steps(2, 20 * USEC_PER_SEC);
        ck_assert_int_eq(run_plan(t.event, &paths, (PciAddress){ 0 }, &plan, false, &none, NULL, &t.run), 0);
        while (has_children())
                turn();
}
END_TEST

static CardFacts card;

static void survey(const char *script) {
        const RunPaths paths = { .helper = FAKE_HELPER, .lock_dir = t.folder };

        card = (CardFacts){ .n_functions = 2,
                            .functions = { { .address = { .bus = 1 } },
                                           { .address = { .bus = 1, .function = 1 } } } };
        card.functions[0].vendor_id = 0x1002;
        ck_assert_int_eq(setenv("FAKE_HELPER_SCRIPT", script, 1), 0);
        ck_assert_int_eq(run_survey(t.event, &paths, &card, &handlers, &t, &t.run), 0);
        while (t.n_ended == 0) {
                ck_assert_ptr_null(run_surveyed(t.run));
                turn();
        }
}

START_TEST(test_survey) {
        survey("");
        assert_end(RUN_END_DONE, 2, 0);
        const CardFacts *seen = run_surveyed(t.run);
        ck_assert_ptr_nonnull(seen);
        ck_assert_uint_eq(seen->functions[0].vendor_id, 0x1002);
        for (size_t i = 0; i < 2; i++) {
                ck_assert(seen->functions[i].survey.valid);
                ck_assert(!seen->functions[i].survey.config_dead);
                ck_assert_str_eq(seen->functions[i].survey.driver_override, "");
                ck_assert_str_eq(seen->functions[i].survey.power_control, "auto");
                ck_assert(!card.functions[i].survey.valid);
        }
        ck_assert_uint_eq(n_requests(), 2);
        ck_assert_uint_eq(t.n_before, 0);
        ck_assert_uint_eq(t.n_after, 0);
}
END_TEST

START_TEST(test_survey_fails) {
        survey("1=fail:19");
        assert_end(RUN_END_STEP_FAILED, 1, -19);
        ck_assert_str_eq(t.result.message, "failed with 19");
        ck_assert_ptr_null(run_surveyed(t.run));
}
END_TEST

START_TEST(test_survey_of_nothing) {
        const RunPaths paths = { .helper = FAKE_HELPER, .lock_dir = t.folder };
        CardFacts nothing = { 0 };

        ck_assert_int_eq(run_survey(t.event, &paths, &nothing, &handlers, &t, &t.run), -EINVAL);
}
END_TEST

static TCase *new_case(const char *name) {
        TCase *c = tcase_create(name);

        tcase_add_checked_fixture(c, setup, teardown);
        tcase_set_timeout(c, 60);
        return c;
}

static Suite *suite(void) {
        Suite *s = suite_create("exec-run");
        TCase *c = new_case("ends");

        tcase_add_test(c, test_done);
        tcase_add_test(c, test_empty_plan);
        tcase_add_test(c, test_longest_plan);
        tcase_add_test(c, test_step_failed);
        tcase_add_test(c, test_keep_going);
        tcase_add_test(c, test_keep_going_without_failure);
        tcase_add_loop_test(c, test_before_step_fails, 0, 2);
        tcase_add_test(c, test_started_refuses);
        tcase_add_test(c, test_step_without_deadline);
        tcase_add_loop_test(c, test_helper_died, 0, ELEMENTSOF(deaths));
        tcase_add_test(c, test_keep_going_ends_with_the_helper);
        tcase_add_test(c, test_last_words_count);
        tcase_add_loop_test(c, test_nonsense, 0, ELEMENTSOF(nonsense));
        tcase_add_test(c, test_lock_cannot_be_taken);
        tcase_add_test(c, test_locked);
        tcase_add_test(c, test_ended_means_unlocked);
        tcase_add_test(c, test_next_run_from_inside_the_end);
        tcase_add_test(c, test_no_helper);
        tcase_add_test(c, test_without_handlers);
        suite_add_tcase(s, c);

        c = new_case("stuck");
        tcase_add_loop_test(c, test_stuck_and_back, 0, ELEMENTSOF(ways_back));
        tcase_add_loop_test(c, test_stuck_and_freed, 0, 2);
        tcase_add_test(c, test_stuck_does_not_hold_up_others);
        tcase_add_test(c, test_delay_is_not_late);
        suite_add_tcase(s, c);

        c = new_case("stop-and-free");
        tcase_add_loop_test(c, test_stop, 0, ELEMENTSOF(stops));
        tcase_add_test(c, test_stop_before_anything);
        tcase_add_test(c, test_stop_with_a_step_in_hand);
        tcase_add_test(c, test_stop_gives_up_a_wait);
        tcase_add_test(c, test_stop_of_a_step_that_fails);
        tcase_add_test(c, test_cancelled_without_a_stop);
        tcase_add_test(c, test_stop_of_a_step_that_gets_stuck);
        tcase_add_loop_test(c, test_free_in_callback, 0, ELEMENTSOF(frees));
        tcase_add_test(c, test_free_in_returned);
        tcase_add_loop_test(c, test_free_after_n_turns, 0, 12);
        tcase_add_test(c, test_event_goes_before_the_helper);
        suite_add_tcase(s, c);

        c = new_case("survey");
        tcase_add_test(c, test_survey);
        tcase_add_test(c, test_survey_fails);
        tcase_add_test(c, test_survey_of_nothing);
        suite_add_tcase(s, c);
        return s;
}
CHECK_MAIN(suite)
