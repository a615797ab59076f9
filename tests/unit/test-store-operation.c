/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The record of a running operation: whole, never behind, and findable whatever it has become. */

#include "check-main.h"
#include "store-fixture.h"

static Store *store;

static void setup(void) {
        fixture_setup();
        store = fixture_open();
}

static void teardown(void) {
        store = store_free(store);
        fixture_teardown();
}

static void begin(const char *id) {
        _cleanup_free_ StoredOperation *operation = sample_operation(id);

        ck_assert_int_eq(store_begin_operation(store, operation), 0);
}

/* What a daemon that starts now would find. */
static void find(Collected *ret_collected) {
        store_free(store);
        store = fixture_open();
        *ret_collected = (Collected){ 0 };
        ck_assert_int_eq(store_each_operation(store, collect, ret_collected), 0);
}

START_TEST(every_field_comes_back) {
        _cleanup_free_ StoredOperation *operation = sample_operation(OPERATION_A);
        _cleanup_collected_ Collected found = { 0 };

        operation->undoing = true;
        operation->n_started = 3;
        operation->step_begun_usec = 86400000000;
        ck_assert_int_eq(store_begin_operation(store, operation), 0);
        find(&found);
        ck_assert_uint_eq(found.n, 1);
        assert_operation_equal(operation, found.operations[0]);
}
END_TEST

START_TEST(longest_plan_comes_back) {
        _cleanup_free_ StoredOperation *operation = sample_operation(OPERATION_A);
        _cleanup_collected_ Collected found = { 0 };
        Plan *plan = &operation->plan;

        for (; plan->n_steps < STEPS_MAX; plan->n_steps++)
                plan->steps[plan->n_steps] = plan->steps[plan->n_steps % _STEP_KIND_MAX];
        for (size_t i = 0; i < STEPS_MAX; i++) {
                memset(plan->steps[i].text, 't', sizeof(plan->steps[i].text) - 1);
                memset(plan->steps[i].before, 'b', sizeof(plan->steps[i].before) - 1);
        }
        operation->n_started = STEPS_MAX;
        ck_assert_int_eq(store_begin_operation(store, operation), 0);
        find(&found);
        ck_assert_uint_eq(found.n, 1);
        assert_operation_equal(operation, found.operations[0]);
}
END_TEST

START_TEST(plan_without_steps_comes_back) {
        _cleanup_free_ StoredOperation *operation = sample_operation(OPERATION_A);
        _cleanup_collected_ Collected found = { 0 };

        operation->plan.n_steps = 0;
        operation->domain_uuid[0] = operation->domain_name[0] = '\0';
        operation->helper_pid = 0;
        operation->helper_start_time = 0;
        ck_assert_int_eq(store_begin_operation(store, operation), 0);
        find(&found);
        ck_assert_uint_eq(found.n, 1);
        assert_operation_equal(operation, found.operations[0]);
}
END_TEST

START_TEST(steps_are_for_people) {
        begin(OPERATION_A);
        ck_assert_str_eq(fixture_query("SELECT registers FROM operation_step WHERE kind = 'set-d3cold'"),
                         "0xf00/1=0xffffffff 0xf04/2=0xfffffffe 0xf08/4=0xfffffffd");
        ck_assert_str_eq(fixture_query("SELECT kind || ' ' || config_offset || ' ' || config_value"
                                       " FROM operation_step WHERE position = 10"),
                         "write-config 0xb68 0xfffffff5");
        ck_assert_str_eq(fixture_query("SELECT direction || ' ' || guard FROM operation"),
                         "guest pinned-companion");
}
END_TEST

START_TEST(progress_is_kept) {
        _cleanup_collected_ Collected found = { 0 };

        begin(OPERATION_A);
        ck_assert_int_eq(store_set_helper(store, OPERATION_A, 4711, 1234567), 0);
        ck_assert_int_eq(store_step_started(store, OPERATION_A, 0, 77), 0);
        ck_assert_int_eq(store_step_started(store, OPERATION_A, 1, 78), 0);
        ck_assert_int_eq(store_step_started(store, OPERATION_A, 1, 79), 0);
        ck_assert_int_eq(store_step_started(store, OPERATION_A, 0, 80), -EINVAL);
        ck_assert_int_eq(store_step_started(store, OPERATION_A, _STEP_KIND_MAX, 77), -EINVAL);
        ck_assert_int_eq(store_step_started(store, OPERATION_A, SIZE_MAX, 77), -EINVAL);
        find(&found);
        ck_assert_uint_eq(found.n, 1);
        ck_assert_int_eq(found.operations[0]->helper_pid, 4711);
        ck_assert_uint_eq(found.operations[0]->helper_start_time, 1234567);
        ck_assert_uint_eq(found.operations[0]->n_started, 2);
        ck_assert_uint_eq(found.operations[0]->step_begun_usec, 79);
}
END_TEST

START_TEST(turning_replaces_the_plan) {
        _cleanup_free_ StoredOperation *operation = sample_operation(OPERATION_A);
        _cleanup_free_ StoredOperation *undo = sample_operation(OPERATION_A);
        _cleanup_collected_ Collected found = { 0 };

        begin(OPERATION_B);
        ck_assert_int_eq(store_begin_operation(store, operation), 0);
        ck_assert_int_eq(store_step_started(store, OPERATION_A, 5, 77), 0);
        undo->undoing = true;
        undo->plan.n_steps = 2;
        undo->plan.steps[0] = operation->plan.steps[7];
        undo->plan.steps[1] = operation->plan.steps[3];
        undo->plan.direction = DIRECTION_HOST;
        undo->plan.guard = GUARD_NONE;
        undo->plan.runs_recipe = false;
        ck_assert_int_eq(store_turn_operation(store, OPERATION_A, &undo->plan), 0);
        find(&found);
        ck_assert_uint_eq(found.n, 2);
        assert_operation_equal(undo, found.operations[1]);

        /* The other one has kept its plan. */
        strcpy(operation->id, OPERATION_B);
        assert_operation_equal(operation, found.operations[0]);

        ck_assert_int_eq(store_step_started(store, OPERATION_A, 1, 77), 0);
        ck_assert_int_eq(store_step_started(store, OPERATION_A, 2, 77), -EINVAL);
        ck_assert_int_eq(store_end_operation(store, OPERATION_A, "undone", "x", 1), 0);
        ck_assert_str_eq(
                fixture_query("SELECT count(*) FROM operation_step WHERE operation = '" OPERATION_A "'"),
                "0");
}
END_TEST

START_TEST(ending_keeps_the_outcome) {
        _cleanup_collected_ Collected found = { 0 };

        begin(OPERATION_A);
        begin(OPERATION_B);
        ck_assert_int_eq(store_step_started(store, OPERATION_A, 2, 77), 0);
        ck_assert_int_eq(
                store_end_operation(store, OPERATION_A, "failed", "unbind: it's \"busy\"", 1700000000000001),
                0);
        find(&found);
        ck_assert_uint_eq(found.n, 1);
        ck_assert_str_eq(found.operations[0]->id, OPERATION_B);
        ck_assert_str_eq(
                fixture_query("SELECT count(*) FROM operation_step WHERE operation = '" OPERATION_A "'"),
                "0");
        char expected[512];
        snprintf(expected, sizeof(expected),
                 "1700000000000001 " OPERATION_A " " BOOT_A " 1002:67df:slot0 10000:a1:1f.0 " UUID_B
                 " win11 guest 0 3/%d failed: unbind: it's \"busy\"",
                 (int) _STEP_KIND_MAX);
        ck_assert_str_eq(
                fixture_query(
                        "SELECT at_realtime_usec || ' ' || operation || ' ' || boot_id || ' ' || identity"
                        " || ' ' || address || ' ' || domain_uuid || ' ' || domain_name || ' ' || direction"
                        " || ' ' || undoing || ' ' || started || '/' || steps || ' ' || outcome || ': '"
                        " || detail FROM outcome"),
                expected);
}
END_TEST

START_TEST(unknown_operation_is_no_entry) {
        _cleanup_free_ StoredOperation *operation = sample_operation(OPERATION_A);

        begin(OPERATION_B);
        ck_assert_int_eq(store_set_helper(store, OPERATION_A, 1, 1), -ENOENT);
        ck_assert_int_eq(store_step_started(store, OPERATION_A, 0, 77), -ENOENT);
        ck_assert_int_eq(store_turn_operation(store, OPERATION_A, &operation->plan), -ENOENT);
        ck_assert_int_eq(store_end_operation(store, OPERATION_A, "done", "", 1), -ENOENT);
        ck_assert_str_eq(fixture_query("SELECT count(*) FROM outcome"), "0");
}
END_TEST

START_TEST(same_operation_twice_exists) {
        _cleanup_free_ StoredOperation *operation = sample_operation(OPERATION_A);
        _cleanup_collected_ Collected found = { 0 };

        begin(OPERATION_A);
        operation->plan.n_steps = 1;
        ck_assert_int_eq(store_begin_operation(store, operation), -EEXIST);
        find(&found);
        ck_assert_uint_eq(found.n, 1);
        ck_assert_uint_eq(found.operations[0]->plan.n_steps, _STEP_KIND_MAX);
}
END_TEST

START_TEST(nonsense_is_not_begun) {
        _cleanup_free_ StoredOperation *good = sample_operation(OPERATION_A),
                                       *bad = sample_operation(OPERATION_A);

        bad->id[0] = '\0';
        ck_assert_int_eq(store_begin_operation(store, bad), -EINVAL);
        *bad = *good;
        bad->boot_id[0] = '\0';
        ck_assert_int_eq(store_begin_operation(store, bad), -EINVAL);
        *bad = *good;
        bad->identity[0] = '\0';
        ck_assert_int_eq(store_begin_operation(store, bad), -EINVAL);
        *bad = *good;
        bad->address.slot = 32;
        ck_assert_int_eq(store_begin_operation(store, bad), -EINVAL);
        *bad = *good;
        strcpy(bad->domain_uuid, "win11");
        ck_assert_int_eq(store_begin_operation(store, bad), -EINVAL);
        *bad = *good;
        bad->helper_pid = -1;
        ck_assert_int_eq(store_begin_operation(store, bad), -EINVAL);
        *bad = *good;
        bad->plan.steps[4].address.function = FUNCTIONS_MAX;
        ck_assert_int_eq(store_begin_operation(store, bad), -EINVAL);
        *bad = *good;
        bad->plan.steps[4].offset = CONFIG_SPACE_SIZE;
        ck_assert_int_eq(store_begin_operation(store, bad), -EINVAL);
        *bad = *good;
        bad->n_started = bad->plan.n_steps + 1;
        ck_assert_int_eq(store_begin_operation(store, bad), -EINVAL);
        *bad = *good;
        bad->plan.n_steps = STEPS_MAX + 1;
        ck_assert_int_eq(store_begin_operation(store, bad), -EINVAL);
        ck_assert_int_eq(store_turn_operation(store, OPERATION_A, &bad->plan), -EINVAL);
        *bad = *good;
        bad->plan.steps[4].n_registers = REGISTERS_MAX + 1;
        ck_assert_int_eq(store_begin_operation(store, bad), -EINVAL);
        *bad = *good;
        bad->plan.steps[4].registers[0].width = 3;
        ck_assert_int_eq(store_begin_operation(store, bad), -EINVAL);
        *bad = *good;
        bad->plan.steps[4].registers[0].offset = CONFIG_SPACE_SIZE;
        ck_assert_int_eq(store_begin_operation(store, bad), -EINVAL);
        *bad = *good;
        bad->plan.steps[4].iommu_group = -2;
        ck_assert_int_eq(store_begin_operation(store, bad), -EINVAL);
        *bad = *good;
        memset(bad->plan.steps[13].text, 'x', sizeof(bad->plan.steps[13].text));
        ck_assert_int_eq(store_begin_operation(store, bad), -ENOBUFS);
        ck_assert_str_eq(fixture_query("SELECT count(*) FROM operation"), "0");
        ck_assert_str_eq(fixture_query("SELECT count(*) FROM operation_step"), "0");
        ck_assert_int_eq(store_set_helper(store, OPERATION_A, -1, 1), -EINVAL);
}
END_TEST

#define LAST "(SELECT max(position) FROM operation_step)"

static const char *const tampered_table[] = {
        "UPDATE operation SET direction = 'sideways' WHERE id = '" OPERATION_A "'",
        "UPDATE operation SET guard = '' WHERE id = '" OPERATION_A "'",
        "UPDATE operation SET address = 'here' WHERE id = '" OPERATION_A "'",
        "UPDATE operation SET boot_id = '' WHERE id = '" OPERATION_A "'",
        "UPDATE operation SET identity = replace(hex(zeroblob(80)), '0', 'x') WHERE id = '" OPERATION_A "'",
        "UPDATE operation SET domain_uuid = 'x' WHERE id = '" OPERATION_A "'",
        "UPDATE operation SET undoing = 2 WHERE id = '" OPERATION_A "'",
        "UPDATE operation SET started = steps + 1 WHERE id = '" OPERATION_A "'",
        "UPDATE operation SET started = -1 WHERE id = '" OPERATION_A "'",
        "UPDATE operation SET helper_pid = -1 WHERE id = '" OPERATION_A "'",
        "UPDATE operation SET helper_pid = 4294967297 WHERE id = '" OPERATION_A "'",
        "UPDATE operation SET helper_start_time = -1 WHERE id = '" OPERATION_A "'",
        "UPDATE operation SET runs_recipe = 9 WHERE id = '" OPERATION_A "'",
        "UPDATE operation SET steps = steps - 1 WHERE id = '" OPERATION_A "'",
        "UPDATE operation SET steps = steps + 1 WHERE id = '" OPERATION_A "'",
        "UPDATE operation SET steps = 1000000 WHERE id = '" OPERATION_A "'",
        "DELETE FROM operation_step WHERE operation = '" OPERATION_A "' AND position = 6",
        "DELETE FROM operation_step WHERE operation = '" OPERATION_A "' AND position = " LAST,
        "UPDATE operation_step SET position = 100 WHERE operation = '" OPERATION_A "' AND position = " LAST,
        "UPDATE operation_step SET kind = 'explode' WHERE operation = '" OPERATION_A "' AND position = 3",
        "UPDATE operation SET step_begun_usec = -1 WHERE id = '" OPERATION_A "'",
        "UPDATE operation_step SET address = '' WHERE operation = '" OPERATION_A "' AND position = 3",
        "UPDATE operation_step SET text = replace(hex(zeroblob(32)), '0', 'x') WHERE operation = "
        "'" OPERATION_A "'",
        "UPDATE operation_step SET text_before = text || char(0) || text WHERE operation = '" OPERATION_A "'",
        "UPDATE operation_step SET is_recipe = 2 WHERE operation = '" OPERATION_A "'",
        "UPDATE operation_step SET iommu_group = -2 WHERE operation = '" OPERATION_A "'",
        "UPDATE operation_step SET iommu_group = 2147483648 WHERE operation = '" OPERATION_A "'",
        "UPDATE operation_step SET config_offset = '0x1000' WHERE operation = '" OPERATION_A "'",
        "UPDATE operation_step SET config_offset = '124' WHERE operation = '" OPERATION_A "'",
        "UPDATE operation_step SET config_value = '0x100000000' WHERE operation = '" OPERATION_A "'",
        "UPDATE operation_step SET config_value = '' WHERE operation = '" OPERATION_A "'",
        "UPDATE operation_step SET delay_usec = -1 WHERE operation = '" OPERATION_A "'",
        "UPDATE operation_step SET timeout_usec = -1 WHERE operation = '" OPERATION_A "'",
        "UPDATE operation_step SET registers = '0x10/3=0x0' WHERE operation = '" OPERATION_A "'",
        "UPDATE operation_step SET registers = 'all' WHERE operation = '" OPERATION_A "'",
        "UPDATE operation_step SET access = 'some' WHERE operation = '" OPERATION_A "'",
        "UPDATE operation_step SET access = '1 0 6:0:0:0 0 0:0:0:0' WHERE operation = '" OPERATION_A "'",
        "UPDATE operation_step SET access = '1 3 0:0:0:0 0 0:0:0:0' WHERE operation = '" OPERATION_A "'",
        "UPDATE operation_step SET access = '1 0 0:0:0:1 0 0:0:0:0' WHERE operation = '" OPERATION_A "'",
        "UPDATE operation_step SET access = '0x1 0 0:0:0:0 0 0:0:0:0' WHERE operation = '" OPERATION_A "'",
        "UPDATE operation_step SET access = '1 0 0:0:0:0 0 0:0:0:0 ' WHERE operation = '" OPERATION_A "'",
};

START_TEST(tampered_record_is_found_by_its_id) {
        _cleanup_free_ StoredOperation *good = sample_operation(OPERATION_B),
                                       *empty = calloc(1, sizeof(*empty));
        _cleanup_collected_ Collected found = { 0 }, later = { 0 };

        begin(OPERATION_A);
        begin(OPERATION_B);
        ck_assert_int_eq(store_step_started(store, OPERATION_A, 3, 77), 0);
        fixture_sql(tampered_table[_i]);
        find(&found);
        ck_assert_uint_eq(found.n, 2);
        strcpy(empty->id, OPERATION_A);
        assert_operation_equal(empty, found.operations[0]);
        assert_operation_equal(good, found.operations[1]);

        /* It has to be possible to get rid of it. */
        ck_assert_int_eq(store_end_operation(store, OPERATION_A, "stuck", "the record makes no sense", 1), 0);
        find(&later);
        ck_assert_uint_eq(later.n, 1);
}
END_TEST

/* Ends what it is given, and begins another one. */
static int end_and_begin(const StoredOperation *operation, void *userdata) {
        unsigned *n = userdata;
        char id[UUID_TEXT_SIZE];

        ck_assert_uint_lt(*n, 3);
        snprintf(id, sizeof(id), "new-%u", (*n)++);
        ck_assert_int_eq(store_end_operation(store, operation->id, "undone", NULL, 1), 0);
        begin(id);
        return 1;
}

START_TEST(handler_may_end_and_begin) {
        unsigned n = 0;

        begin(OPERATION_A);
        begin(OPERATION_B);
        ck_assert_int_eq(store_each_operation(store, end_and_begin, &n), 0);
        ck_assert_uint_eq(n, 2);
        ck_assert_str_eq(fixture_query("SELECT group_concat(id) FROM (SELECT id FROM operation ORDER BY id)"),
                         "new-0,new-1");
}
END_TEST

/* Begins another one and ends all that there were. */
static int begin_and_end_all(const StoredOperation *operation, void *userdata) {
        unsigned *n = userdata;

        ck_assert_uint_lt((*n)++, 1);
        begin("new");
        ck_assert_int_eq(store_end_operation(store, OPERATION_A, "undone", NULL, 1), 0);
        ck_assert_int_eq(store_end_operation(store, OPERATION_B, "undone", NULL, 1), 0);
        return 0;
}

START_TEST(what_the_handler_begins_is_not_handled) {
        unsigned n = 0;

        begin(OPERATION_A);
        begin(OPERATION_B);
        ck_assert_int_eq(store_each_operation(store, begin_and_end_all, &n), 0);
        ck_assert_uint_eq(n, 1);
}
END_TEST

static int refuse_second(const StoredOperation *operation, void *userdata) {
        unsigned *n = userdata;

        return ++*n == 2 ? -ECANCELED : 0;
}

START_TEST(handler_can_stop) {
        unsigned n = 0;

        begin(OPERATION_A);
        begin(OPERATION_B);
        begin("third");
        ck_assert_int_eq(store_each_operation(store, refuse_second, &n), -ECANCELED);
        ck_assert_uint_eq(n, 2);
}
END_TEST

START_TEST(outcomes_are_limited) {
        _cleanup_free_ StoredOperation *operation = sample_operation(OPERATION_A);

        operation->plan.n_steps = 1;
        for (unsigned i = 0; i < OUTCOME_ROWS_MAX + 10; i++) {
                ck_assert_int_eq(store_begin_operation(store, operation), 0);
                ck_assert_int_eq(store_end_operation(store, OPERATION_A, "done", NULL, i), 0);
        }
        ck_assert_uint_eq((unsigned) atoi(fixture_query("SELECT count(*) FROM outcome")), OUTCOME_ROWS_MAX);
        ck_assert_str_eq(fixture_query("SELECT min(at_realtime_usec) FROM outcome"), "10");
        ck_assert_str_eq(fixture_query("SELECT max(at_realtime_usec) FROM outcome"), "1009");
}
END_TEST

START_TEST(texts_are_limited) {
        char text[STORE_TEXT_SIZE + 1] = "";

        begin(OPERATION_A);
        memset(text, 'x', STORE_TEXT_SIZE);
        ck_assert_int_eq(store_end_operation(store, OPERATION_A, "failed", text, 1), -ENOBUFS);
        ck_assert_str_eq(fixture_query("SELECT count(*) FROM operation"), "1");
        text[STORE_TEXT_SIZE - 1] = '\0';
        ck_assert_int_eq(store_end_operation(store, OPERATION_A, "failed", text, 1), 0);
}
END_TEST

static Suite *operation_suite(void) {
        Suite *suite = suite_create("store operation");
        TCase *test = tcase_create("operation");

        tcase_set_timeout(test, 60);
        tcase_add_checked_fixture(test, setup, teardown);
        tcase_add_test(test, every_field_comes_back);
        tcase_add_test(test, longest_plan_comes_back);
        tcase_add_test(test, plan_without_steps_comes_back);
        tcase_add_test(test, steps_are_for_people);
        tcase_add_test(test, progress_is_kept);
        tcase_add_test(test, turning_replaces_the_plan);
        tcase_add_test(test, ending_keeps_the_outcome);
        tcase_add_test(test, unknown_operation_is_no_entry);
        tcase_add_test(test, same_operation_twice_exists);
        tcase_add_test(test, nonsense_is_not_begun);
        tcase_add_loop_test(test, tampered_record_is_found_by_its_id, 0, (int) ELEMENTSOF(tampered_table));
        tcase_add_test(test, handler_may_end_and_begin);
        tcase_add_test(test, what_the_handler_begins_is_not_handled);
        tcase_add_test(test, handler_can_stop);
        tcase_add_test(test, outcomes_are_limited);
        tcase_add_test(test, texts_are_limited);
        suite_add_tcase(suite, test);
        return suite;
}

CHECK_MAIN(operation_suite)
