/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A helper that gets stuck, and runs that are stopped or freed in the middle of anything. */

#include "run-fixture.h"

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

static Suite *suite(void) {
        Suite *s = suite_create("exec-stop");
        TCase *c = new_case("stuck");
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
        return s;
}

CHECK_MAIN(suite)
