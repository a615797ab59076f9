/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How a run ends, against a helper that goes wrong in every way (fake-helper.c). */

#include "run-fixture.h"

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

/* Where another helper has died: indexes are those of the whole plan. */
START_TEST(test_from_the_middle) {
        static const struct {
                const char *script;
                int started_result;
                RunEnd end;
                size_t index;
                int error;
        } table[] = {
                { "", 0, RUN_END_DONE, 4, 0 },
                { "0=fail:5", 0, RUN_END_STEP_FAILED, 2, -5 },
                { "1=kill", 0, RUN_END_HELPER_DIED, 3, -ECHILD },
                { "lock=fail:30", 0, RUN_END_STEP_FAILED, 2, -30 },
                { "", -ENOSPC, RUN_END_STEP_FAILED, 2, -ENOSPC },
        };

        add_steps(4, 20 * USEC_PER_SEC);
        t.first = 2;
        t.started_result = table[_i].started_result;
        run_to_end(table[_i].script, false);
        assert_end(table[_i].end, table[_i].index, table[_i].error);
        if (t.n_before > 0)
                ck_assert_uint_eq(t.before[0], 2);
        ck_assert_uint_le(n_requests(), 2);
}
END_TEST

/* It died behind its last step: nothing is left to do. */
START_TEST(test_from_the_end) {
        add_steps(2, 20 * USEC_PER_SEC);
        t.first = 2;
        run_to_end("", false);
        assert_end(RUN_END_DONE, 2, 0);
        ck_assert_uint_eq(n_requests(), 0);
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

/* A reset that does not apply: the run goes on where the plan says, and nothing has failed. */
START_TEST(test_not_applicable) {
        add_steps(5, 20 * USEC_PER_SEC);
        plan.steps[1].skip_to = 3;
        run_to_end("1=skip", false);
        assert_end(RUN_END_DONE, 5, 0);
        ck_assert_uint_eq(t.result.n_failed, 0);
        ck_assert_uint_eq(n_requests(), 4);
        ck_assert_uint_eq(t.n_after, 4);
        ck_assert_int_eq(t.after[1], RUN_STEP_NOT_APPLICABLE);
        ck_assert_uint_eq(t.before[1], 1);
        ck_assert_uint_eq(t.before[2], 3);
}
END_TEST

START_TEST(test_not_applicable_up_to_the_end) {
        add_steps(3, 20 * USEC_PER_SEC);
        plan.steps[1].skip_to = 3;
        run_to_end("1=skip", false);
        assert_end(RUN_END_DONE, 3, 0);
        ck_assert_uint_eq(n_requests(), 2);
}
END_TEST

/* Where the plan does not say where to go on, or back, or too far. */
START_TEST(test_not_applicable_is_no_answer) {
        static const uint16_t places[] = { 0, 1, 4 };

        add_steps(3, 20 * USEC_PER_SEC);
        plan.steps[1].skip_to = places[_i];
        run_to_end("1=skip", false);
        assert_end(RUN_END_STEP_FAILED, 1, -EPROTO);
        ck_assert_uint_eq(n_requests(), 2);
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

/* A second descriptor of the helper's pidfd, as anybody has for a moment who looks through /proc/PID/fd. */
static int copy_pidfd(void) {
        char path[64], target[64];

        for (int fd = 3; fd < 256; fd++) {
                (void) text_format(path, sizeof(path), "/proc/self/fd/%d", fd);
                ssize_t n = readlink(path, target, sizeof(target) - 1);
                target[n > 0 ? n : 0] = '\0';
                if (strstr(target, "pidfd"))
                        return dup(fd);
        }
        return -EBADF;
}

START_TEST(test_somebody_else_has_the_pidfd) {
        add_steps(1, 20 * USEC_PER_SEC);
        start("", false);
        int copy = copy_pidfd();
        ck_assert_int_ge(copy, 0);
        while (t.n_ended == 0)
                turn();
        assert_end(RUN_END_DONE, 1, 0);
        /* Nothing is watched any more, although the file is still there and readable. */
        ck_assert_int_eq(sd_event_run(t.event, 0), 0);
        t.run = run_free(t.run);
        ck_assert_int_eq(sd_event_run(t.event, 0), 0);
        (void) close(copy);
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

static Isolation around;

static void look_around(const char *script) {
        const RunPaths paths = { .helper = FAKE_HELPER, .lock_dir = t.folder };

        around = (Isolation){ .n_ports = 2, .ports = { { .address = { .slot = 1 } }, { .address = { .bus = 1 } } },
                              .n_groups = 2, .groups = { { .number = 15 }, { .number = 16 } } };
        around.card = (CardFacts){ .n_functions = 2,
                                   .functions = { { .address = { .bus = 2 }, .iommu_group = 15 },
                                                  { .address = { .bus = 2, .function = 1 }, .iommu_group = 16 } } };
        ck_assert_int_eq(setenv("FAKE_HELPER_SCRIPT", script, 1), 0);
        ck_assert_int_eq(run_isolation(t.event, &paths, &around, &handlers, &t, &t.run), 0);
        while (t.n_ended == 0) {
                ck_assert_ptr_null(run_isolated(t.run));
                turn();
        }
}

START_TEST(test_isolation) {
        look_around("");
        assert_end(RUN_END_DONE, 4, 0);
        const Isolation *seen = run_isolated(t.run);
        ck_assert_ptr_nonnull(seen);
        for (size_t i = 0; i < 2; i++) {
                ck_assert_str_eq(seen->ports[i].problem, "");
                ck_assert_int_eq(seen->ports[i].kind, PORT_PCI);
                ck_assert_str_eq(seen->groups[i].type, "DMA");
                ck_assert_uint_eq(seen->groups[i].n_regions, 1);
        }
        ck_assert_int_eq(around.ports[0].kind, PORT_UNKNOWN);
        ck_assert_uint_eq(n_requests(), 4);
        ck_assert_uint_eq(t.n_before, 0);
        ck_assert_uint_eq(t.n_after, 0);
        ck_assert_ptr_null(run_surveyed(t.run));
}
END_TEST

/* What cannot be read is no failure. */
START_TEST(test_isolation_with_gaps) {
        look_around("0=fail:1,3=fail:19");
        assert_end(RUN_END_DONE, 4, 0);
        const Isolation *seen = run_isolated(t.run);
        ck_assert_str_eq(seen->ports[0].problem, "failed with 1");
        ck_assert_str_eq(seen->ports[1].problem, "");
        ck_assert_str_eq(seen->groups[0].problem, "");
        ck_assert_str_eq(seen->groups[1].problem, "failed with 19");
        ck_assert_str_eq(seen->groups[1].type, "");
}
END_TEST

START_TEST(test_isolation_helper_dies) {
        look_around("1=die:3");
        assert_end(RUN_END_HELPER_DIED, 1, -ECHILD);
        ck_assert_ptr_null(run_isolated(t.run));
}
END_TEST

START_TEST(test_isolation_does_not_apply) {
        look_around("1=skip");
        assert_end(RUN_END_STEP_FAILED, 1, -EPROTO);
}
END_TEST

START_TEST(test_isolation_of_nothing) {
        const RunPaths paths = { .helper = FAKE_HELPER, .lock_dir = t.folder };
        static const Isolation nothing;

        ck_assert_int_eq(run_isolation(t.event, &paths, &nothing, &handlers, &t, &t.run), -EINVAL);
}
END_TEST

static Suite *suite(void) {
        Suite *s = suite_create("exec-run");
        TCase *c = new_case("ends");
        tcase_add_test(c, test_done);
        tcase_add_test(c, test_empty_plan);
        tcase_add_test(c, test_longest_plan);
        tcase_add_loop_test(c, test_from_the_middle, 0, 5);
        tcase_add_test(c, test_from_the_end);
        tcase_add_test(c, test_step_failed);
        tcase_add_test(c, test_keep_going);
        tcase_add_test(c, test_keep_going_without_failure);
        tcase_add_test(c, test_not_applicable);
        tcase_add_test(c, test_not_applicable_up_to_the_end);
        tcase_add_loop_test(c, test_not_applicable_is_no_answer, 0, 3);
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
        tcase_add_test(c, test_somebody_else_has_the_pidfd);
        tcase_add_test(c, test_no_helper);
        tcase_add_test(c, test_without_handlers);
        suite_add_tcase(s, c);

        c = new_case("survey");
        tcase_add_test(c, test_survey);
        tcase_add_test(c, test_survey_fails);
        tcase_add_test(c, test_survey_of_nothing);
        tcase_add_test(c, test_isolation);
        tcase_add_test(c, test_isolation_with_gaps);
        tcase_add_test(c, test_isolation_helper_dies);
        tcase_add_test(c, test_isolation_does_not_apply);
        tcase_add_test(c, test_isolation_of_nothing);
        suite_add_tcase(s, c);
        return s;
}

CHECK_MAIN(suite)
