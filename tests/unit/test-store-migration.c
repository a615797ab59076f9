/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A store of every earlier version, as its own daemon made it, comes forward with everything that was in it. Whoever
 * appends a version adds the SQL of the one before to store-versions.h and a row to the table below.
 */

#include "check-main.h"
#include "store-script.h"
#include "store-versions.h"
#include "store/schema.h"

#define CARD "1002:67df:slot0"
#define OTHER "10de:1b80:slot3"

typedef struct Version {
        int number;
        const char *sql;
        bool wants_home;        /* what is in its rows that the version before had no column for */
        usec_t step_begun_usec;
} Version;

static const Version version_table[] = {
        { 1, store_version_1, false, 0 },
        { 2, store_version_2, true, 123456789 },
        { 3, store_version_3, true, 123456789 },
};

static void make_version(const Version *version) {
        char folder[sizeof(fixture_path)];

        snprintf(folder, sizeof(folder), "%s/state", fixture_folder);
        ck_assert(mkdir(folder, 0700) == 0 || errno == EEXIST);
        forget_store();
        fixture_sql("PRAGMA journal_mode = WAL");
        fixture_sql(version->sql);
}

START_TEST(every_earlier_version_is_here) {
        ck_assert_int_eq((int) ELEMENTSOF(version_table), schema_newest() - 1);
        for (size_t i = 0; i < ELEMENTSOF(version_table); i++)
                ck_assert_int_eq(version_table[i].number, (int) i + 1);
}
END_TEST

static void assert_card_has_come(Store *store, const Version *version) {
        StoredCard card = {
                .identity = CARD,
                .address = { .bus = 1 },
                .boot_id = "boot-1",
                .state = RESET_STATE_PREFAIL,
                .after_driver_ran = true,
                .log_sequence = 1234,
                .owner = OWNER_GUEST,
                .driver = "vfio-pci",
                .home = { .known = true, .n_functions = 2 },
                .wants_home = version->wants_home,
                .lease = { .by_hand = true,
                           .domain_uuid = UUID_A,
                           .domain_name = "win11",
                           .started = true,
                           .unguarded = true,
                           .since_usec = 987654321,
                           .n_guest_boots = 3 },
        };
        StoredCard found;

        card.home.functions[0] =
                (HomeFunction){ .address = { .bus = 1 }, .driver = "amdgpu", .power_control = "auto", .d3cold_allowed = "1" };
        card.home.functions[1] = (HomeFunction){ .address = { .bus = 1, .function = 1 },
                                                 .driver = "snd_hda_intel",
                                                 .driver_override = "x",
                                                 .power_control = "on",
                                                 .d3cold_allowed = "0" };
        ck_assert_int_eq(store_load_card(store, CARD, &found), 0);
        assert_card_equal(&card, &found);
        ck_assert_int_eq(store_load_card(store, OTHER, &found), 0);
        ck_assert_int_eq(found.state, RESET_STATE_FRESH);
        ck_assert(!found.lease.unguarded && !found.wants_home);
}

static void assert_operation_has_come(Store *store, const Version *version) {
        _cleanup_free_ StoredOperation *operation = calloc(1, sizeof(*operation));
        _cleanup_collected_ Collected found = { 0 };

        *operation = (StoredOperation){
                .id = OPERATION_A,
                .boot_id = "boot-1",
                .identity = CARD,
                .address = { .bus = 1 },
                .domain_uuid = UUID_A,
                .domain_name = "win11",
                .n_started = 2,
                .helper_pid = 4711,
                .helper_start_time = 99999,
                .step_begun_usec = version->step_begun_usec,
                .plan = { .direction = DIRECTION_GUEST, .guard = GUARD_PINNED_COMPANION, .runs_recipe = true, .n_steps = 2 },
        };
        operation->plan.steps[0] = (Step){ .kind = STEP_UNBIND,
                                           .address = { .bus = 1 },
                                           .before = "amdgpu",
                                           .iommu_group = 14,
                                           .timeout_usec = 20 * USEC_PER_SEC };
        operation->plan.steps[1] = (Step){ .kind = STEP_WRITE_CONFIG,
                                           .address = { .bus = 1 },
                                           .is_recipe = true,
                                           .iommu_group = -1,
                                           .offset = 0x7c,
                                           .value = 0x39d5e86b,
                                           .delay_usec = USEC_INFINITY,
                                           .timeout_usec = USEC_INFINITY,
                                           .n_registers = 1,
                                           .registers = { { .offset = 0x10, .width = 4, .value = 0xe0000000 } } };
        ck_assert_int_eq(store_each_operation(store, collect, &found), 0);
        ck_assert_uint_eq(found.n, 1);
        assert_operation_equal(operation, found.operations[0]);
}

static void assert_history_has_come(void) {
        ck_assert_str_eq(fixture_query("SELECT n || at_realtime_usec || identity || boot_id || event || from_state ||"
                                       " to_state || reason FROM evidence"),
                         "411700000000000000" CARD "boot-1host-bindtouchedprefaildriver none -> amdgpu (link)");
        ck_assert_str_eq(fixture_query("SELECT n || at_realtime_usec || operation || boot_id || identity || address ||"
                                       " domain_uuid || domain_name || direction || undoing || started || steps ||"
                                       " outcome || detail FROM outcome"),
                         "991700000000000001bbbbbbbb-0000-0000-0000-000000000002boot-0" CARD
                         "0000:01:00.0host01111done");
}

START_TEST(everything_comes_along) {
        make_version(&version_table[_i]);
        Store *store = fixture_open();
        assert_card_has_come(store, &version_table[_i]);
        assert_operation_has_come(store, &version_table[_i]);
        assert_history_has_come();

        /* And it is a store to work with. */
        StoredCard card = sample_card("card"), found;
        ResetOutcome outcome = sample_outcome();
        ck_assert_int_eq(store_count_outcome(store, &outcome, OUTCOME_TRIED), 0);
        ck_assert_int_eq(store_save_card(store, &card), 0);
        ck_assert_int_eq(store_step_started(store, OPERATION_A, 1, 5), 0);
        store_free(store);
        store = fixture_open();
        ck_assert_int_eq(store_load_card(store, "card", &found), 0);
        assert_card_equal(&card, &found);
        store_free(store);
}
END_TEST

/* The tables are those of a store that was made new. */
START_TEST(tables_are_those_of_a_new_store) {
        static const char shape[] = "SELECT group_concat(m.name || ' ' || c.name || ' ' || c.type || c.\"notnull\""
                                    " || coalesce(c.dflt_value, '') || c.pk, ',') FROM sqlite_schema m,"
                                    " pragma_table_info(m.name) c WHERE m.type = 'table' ORDER BY 1";
        char made_new[4096];

        store_free(fixture_open());
        snprintf(made_new, sizeof(made_new), "%s", fixture_query(shape));
        ck_assert_uint_gt(strlen(made_new), 500);
        make_version(&version_table[_i]);
        store_free(fixture_open());
        ck_assert_str_eq(fixture_query(shape), made_new);
}
END_TEST

/* A child that opens the store, closes it, and dies in its write number @at, by half or before it. */
static bool killed_at(FaultKind kind, unsigned at) {
        int status;
        pid_t pid = fork();

        if (pid == 0) {
                Store *store = NULL;
                char *aside = NULL;
                fault_set(kind, at, false);
                if (store_open(fixture_path, &store, &aside) < 0 || aside)
                        _exit(1);
                store_free(store);
                _exit(0);
        }
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
        ck_assert(killed || (WIFEXITED(status) && WEXITSTATUS(status) == 0));
        return killed;
}

START_TEST(killed_in_the_middle) {
        const FaultKind kinds[] = { FAULT_KILL, FAULT_TORN_KILL };
        const Version *version = &version_table[_i];
        unsigned n_old = 0, n_kills = 0;

        for (size_t k = 0; k < ELEMENTSOF(kinds); k++)
                for (unsigned at = 1;; at++) {
                        make_version(version);
                        _cleanup_free_ char *before = dump(fixture_path);
                        if (!killed_at(kinds[k], at))
                                break;
                        /* Whole as it was, or any later version whole; what is in it comes along either way. */
                        _cleanup_free_ char *after = dump(fixture_path);
                        int number = atoi(fixture_query("PRAGMA user_version"));
                        ck_assert_int_ge(number, version->number);
                        ck_assert_int_le(number, schema_newest());
                        if (number == version->number) {
                                ck_assert_str_eq(before, after);
                                n_old++;
                        }
                        n_kills++;
                        Store *store = fixture_open();
                        assert_card_has_come(store, version);
                        assert_operation_has_come(store, version);
                        assert_history_has_come();
                        store_free(store);
                        ck_assert_uint_lt(at, 500);
                }
        ck_assert_uint_gt(n_old, 4);
        ck_assert_uint_gt(n_kills, n_old);
}
END_TEST

START_TEST(newer_store_is_left_alone) {
        Store *store = NULL;
        char *aside = NULL, newer[64];

        make_version(&version_table[0]);
        snprintf(newer, sizeof(newer), "PRAGMA user_version = %d", schema_newest() + 1);
        fixture_sql(newer);
        _cleanup_free_ char *before = dump(fixture_path);
        ck_assert_int_eq(store_open(fixture_path, &store, &aside), -EPROTONOSUPPORT);
        ck_assert_ptr_null(aside);
        _cleanup_free_ char *after = dump(fixture_path);
        ck_assert_str_eq(before, after);
}
END_TEST

static void setup(void) {
        fault_install();
        fixture_setup();
}

static Suite *migration_suite(void) {
        Suite *suite = suite_create("store migration");
        TCase *test = tcase_create("migration");
        const int n = (int) ELEMENTSOF(version_table);

        tcase_set_timeout(test, 240);
        tcase_add_checked_fixture(test, setup, fixture_teardown);
        tcase_add_test(test, every_earlier_version_is_here);
        tcase_add_loop_test(test, everything_comes_along, 0, n);
        tcase_add_loop_test(test, tables_are_those_of_a_new_store, 0, n);
        tcase_add_loop_test(test, killed_in_the_middle, 0, n);
        tcase_add_test(test, newer_store_is_left_alone);
        suite_add_tcase(suite, test);
        return suite;
}

CHECK_MAIN(migration_suite)
