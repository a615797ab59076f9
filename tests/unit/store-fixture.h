/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A folder per test with a store in it, sample rows with every field set, and SQL by the back door. */

#include <check.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/address.h"
#include "base/text.h"
#include "store/internal.h"
#include "store/store.h"

#define BOOT_A "0b5a1c8e-5f1e-4c56-9d0a-2f6a1e1b0001"
#define UUID_A "11111111-2222-3333-4444-555555555555"
#define UUID_B "66666666-7777-8888-9999-aaaaaaaaaaaa"
#define OPERATION_A "aaaaaaaa-0000-0000-0000-000000000001"
#define OPERATION_B "bbbbbbbb-0000-0000-0000-000000000002"

static char fixture_folder[64];
static char fixture_path[96];

static _unused_ void fixture_setup(void) {
        /* In memory where that is possible: the fsync() of hundreds of stores would take minutes on a busy
         * disk. */
        bool in_memory = access("/dev/shm", W_OK | X_OK) >= 0;
        strcpy(fixture_folder, in_memory ? "/dev/shm/gpuswitch-store-XXXXXX" : "/tmp/gpuswitch-store-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(fixture_folder));
        snprintf(fixture_path, sizeof(fixture_path), "%s/state/gpuswitch.db", fixture_folder);
}

static _unused_ void fixture_teardown(void) {
        pid_t pid = fork();
        if (pid == 0) {
                execlp("rm", "rm", "-rf", "--", fixture_folder, (char *) NULL);
                _exit(127);
        }
        ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

/* Opens the store and expects that nothing was set aside. */
static _unused_ Store *fixture_open(void) {
        Store *store = NULL;
        char *aside = NULL;

        ck_assert_int_eq(store_open(fixture_path, &store, &aside), 0);
        ck_assert_ptr_null(aside);
        return store;
}

/* Runs SQL on the file as a person would. */
static _unused_ void fixture_sql(const char *sql) {
        sqlite3 *db = NULL;
        char *message = NULL;

        ck_assert_int_eq(sqlite3_open(fixture_path, &db), SQLITE_OK);
        ck_assert_msg(sqlite3_exec(db, sql, NULL, NULL, &message) == SQLITE_OK, "%s: %s", sql,
                      message ? message : "");
        ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
}

/* The first column of the first row as text; "" where there is none. */
static _unused_ const char *fixture_query(const char *sql) {
        static char buffer[4096];
        sqlite3_stmt *statement = NULL;
        sqlite3 *db = NULL;

        ck_assert_int_eq(sqlite3_open(fixture_path, &db), SQLITE_OK);
        ck_assert_msg(sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK, "%s: %s", sql,
                      sqlite3_errmsg(db));
        buffer[0] = '\0';
        if (sqlite3_step(statement) == SQLITE_ROW)
                snprintf(buffer, sizeof(buffer), "%s", (const char *) sqlite3_column_text(statement, 0));
        sqlite3_finalize(statement);
        ck_assert_int_eq(sqlite3_close(db), SQLITE_OK);
        return buffer;
}

static _unused_ PciAddress sample_address(uint8_t function) {
        return (PciAddress){ .domain = 0x10000, .bus = 0xa1, .slot = 0x1f, .function = function };
}

/* A card of which no field is what it would be by accident. */
static _unused_ StoredCard sample_card(const char *identity) {
        StoredCard card = {
                .address = sample_address(0),
                .boot_id = BOOT_A,
                .state = RESET_STATE_PREFAIL,
                .after_driver_ran = true,
                .log_sequence = 123456789012345,
                .owner = OWNER_GUEST,
                .driver = "vfio-pci",
                .home = { .known = true, .n_functions = 3 },
                .wants_home = true,
                .lease = { .by_hand = true,
                           .domain_uuid = UUID_A,
                           .domain_name = "win11 \"größer\"; DROP TABLE card; --",
                           .started = true,
                           .unguarded = true,
                           .since_usec = 987654321,
                           .n_guest_boots = 4000000000 },
        };

        snprintf(card.identity, sizeof(card.identity), "%s", identity);
        for (uint8_t i = 0; i < 2; i++)
                card.home.functions[i] = (HomeFunction){ .address = sample_address(i) };
        strcpy(card.home.functions[0].driver, "amdgpu");
        strcpy(card.home.functions[0].driver_override, "amdgpu");
        strcpy(card.home.functions[0].power_control, "auto");
        strcpy(card.home.functions[0].d3cold_allowed, "1");
        strcpy(card.home.functions[1].driver, "");
        strcpy(card.home.functions[1].power_control, "on");
        strcpy(card.home.functions[1].d3cold_allowed, "0");
        card.home.functions[2] = (HomeFunction){ .address = { .bus = 7 }, .driver = "nvme", .power_control = "on",
                                                 .reset_method = "device_specific flr bus" };
        return card;
}

static _unused_ void assert_lease_equal(const Lease *a, const Lease *b) {
        ck_assert_int_eq(a->by_hand, b->by_hand);
        ck_assert_str_eq(a->domain_uuid, b->domain_uuid);
        ck_assert_str_eq(a->domain_name, b->domain_name);
        ck_assert_int_eq(a->started, b->started);
        ck_assert_int_eq(a->unguarded, b->unguarded);
        ck_assert_uint_eq(a->since_usec, b->since_usec);
        ck_assert_uint_eq(a->n_guest_boots, b->n_guest_boots);
}

static _unused_ void assert_home_equal(const Home *a, const Home *b) {
        ck_assert_int_eq(a->known, b->known);
        ck_assert_uint_eq(a->n_functions, b->n_functions);
        for (size_t i = 0; i < a->n_functions; i++) {
                const HomeFunction *f = &a->functions[i], *g = &b->functions[i];
                ck_assert(address_equal(f->address, g->address));
                ck_assert_str_eq(f->driver, g->driver);
                ck_assert_str_eq(f->driver_override, g->driver_override);
                ck_assert_str_eq(f->power_control, g->power_control);
                ck_assert_str_eq(f->d3cold_allowed, g->d3cold_allowed);
                ck_assert_str_eq(f->reset_method, g->reset_method);
        }
}

static _unused_ void assert_card_equal(const StoredCard *a, const StoredCard *b) {
        ck_assert_str_eq(a->identity, b->identity);
        ck_assert(address_equal(a->address, b->address));
        ck_assert_str_eq(a->boot_id, b->boot_id);
        ck_assert_int_eq(a->state, b->state);
        ck_assert_int_eq(a->after_driver_ran, b->after_driver_ran);
        ck_assert_uint_eq(a->log_sequence, b->log_sequence);
        ck_assert_int_eq(a->owner, b->owner);
        ck_assert_str_eq(a->driver, b->driver);
        assert_home_equal(&a->home, &b->home);
        ck_assert_int_eq(a->wants_home, b->wants_home);
        assert_lease_equal(&a->lease, &b->lease);
}

static _unused_ ResetOutcome sample_outcome(void) {
        return (ResetOutcome){ .vendor_id = 0x1002,
                               .device_id = 0x67df,
                               .subsystem_vendor_id = 0x1da2,
                               .subsystem_device_id = 0xe353,
                               .family = "amd-polaris-10",
                               .kernel = "6.12.48+deb13-amd64",
                               .method = "vi-config" };
}

/* A plan of one step of every kind, each with other values in every field. */
static _unused_ void sample_plan(Plan *ret_plan) {
        *ret_plan = (Plan){ .direction = DIRECTION_GUEST,
                            .guard = GUARD_PINNED_COMPANION,
                            .runs_recipe = true,
                            .n_steps = _STEP_KIND_MAX };
        for (size_t i = 0; i < _STEP_KIND_MAX; i++) {
                Step *step = &ret_plan->steps[i];
                step->kind = (StepKind) i;
                step->address = sample_address((uint8_t) (i % 8));
                snprintf(step->text, sizeof(step->text), "text %zu", i);
                snprintf(step->before, sizeof(step->before), "%s", i % 2 ? "before" : "");
                step->is_recipe = i % 3 == 0;
                step->iommu_group = (int32_t) i - 1;
                step->offset = (uint16_t) (i * 0x124 % CONFIG_SPACE_SIZE);
                step->value = UINT32_MAX - (uint32_t) i;
                if (step->kind >= STEP_CHECK_REGISTER && step->kind <= STEP_DIFFER_REGISTER) {
                        step->mask = UINT32_MAX << i;
                        step->place = (RegisterPlace){ (uint8_t) (i % BARS_MAX), 0x6b0, 0xfffc, 0x80000000U + 4 * (uint32_t) i };
                        step->test = (RegisterTest) (i % _REGISTER_TEST_MAX);
                        step->other = (RegisterPlace){ .bar = 1, .address = 0x5428 };
                        step->other_mask = 1U << i;
                }
                step->delay_usec = i == 0 ? USEC_INFINITY : i * 1000;
                step->timeout_usec = i == 1 ? USEC_INFINITY : i * USEC_PER_SEC;
                step->n_registers = (uint8_t) (i == 2 ? REGISTERS_MAX : i);
                for (uint8_t j = 0; j < step->n_registers; j++)
                        step->registers[j] = (ConfigRegister){ .offset = (uint16_t) (0xf00 + 4 * j),
                                                               .width = (uint8_t) (1 << j % 3),
                                                               .value = UINT32_MAX - j };
        }
}

static _unused_ StoredOperation *sample_operation(const char *id) {
        StoredOperation *operation = calloc(1, sizeof(*operation));

        ck_assert_ptr_nonnull(operation);
        strcpy(operation->id, id);
        strcpy(operation->boot_id, BOOT_A);
        strcpy(operation->identity, "1002:67df:slot0");
        operation->address = sample_address(0);
        strcpy(operation->domain_uuid, UUID_B);
        strcpy(operation->domain_name, "win11");
        operation->helper_pid = 4194304;
        operation->helper_start_time = 5000000000;
        sample_plan(&operation->plan);
        return operation;
}

static _unused_ void assert_plan_equal(const Plan *a, const Plan *b) {
        ck_assert_int_eq(a->direction, b->direction);
        ck_assert_int_eq(a->guard, b->guard);
        ck_assert_int_eq(a->runs_recipe, b->runs_recipe);
        ck_assert_uint_eq(a->n_steps, b->n_steps);
        for (size_t i = 0; i < a->n_steps; i++) {
                const Step *s = &a->steps[i], *t = &b->steps[i];
                ck_assert_int_eq(s->kind, t->kind);
                ck_assert(address_equal(s->address, t->address));
                ck_assert_str_eq(s->text, t->text);
                ck_assert_str_eq(s->before, t->before);
                ck_assert_int_eq(s->is_recipe, t->is_recipe);
                ck_assert_int_eq(s->iommu_group, t->iommu_group);
                ck_assert_uint_eq(s->offset, t->offset);
                ck_assert_uint_eq(s->value, t->value);
                ck_assert_uint_eq(s->mask, t->mask);
                ck_assert_mem_eq(&s->place, &t->place, sizeof(s->place));
                ck_assert_int_eq((int) s->test, (int) t->test);
                ck_assert_mem_eq(&s->other, &t->other, sizeof(s->other));
                ck_assert_uint_eq(s->other_mask, t->other_mask);
                ck_assert_uint_eq(s->delay_usec, t->delay_usec);
                ck_assert_uint_eq(s->timeout_usec, t->timeout_usec);
                ck_assert_uint_eq(s->n_registers, t->n_registers);
                for (size_t j = 0; j < s->n_registers; j++) {
                        ck_assert_uint_eq(s->registers[j].offset, t->registers[j].offset);
                        ck_assert_uint_eq(s->registers[j].width, t->registers[j].width);
                        ck_assert_uint_eq(s->registers[j].value, t->registers[j].value);
                }
        }
}

static _unused_ void assert_operation_equal(const StoredOperation *a, const StoredOperation *b) {
        ck_assert_str_eq(a->id, b->id);
        ck_assert_str_eq(a->boot_id, b->boot_id);
        ck_assert_str_eq(a->identity, b->identity);
        ck_assert(address_equal(a->address, b->address));
        ck_assert_str_eq(a->domain_uuid, b->domain_uuid);
        ck_assert_str_eq(a->domain_name, b->domain_name);
        ck_assert_int_eq(a->undoing, b->undoing);
        ck_assert_uint_eq(a->n_started, b->n_started);
        ck_assert_int_eq(a->helper_pid, b->helper_pid);
        ck_assert_uint_eq(a->helper_start_time, b->helper_start_time);
        ck_assert_uint_eq(a->step_begun_usec, b->step_begun_usec);
        assert_plan_equal(&a->plan, &b->plan);
}

/* Copies of what store_each_operation() gives, for looking at afterwards. */
typedef struct Collected {
        size_t n;
        StoredOperation *operations[8];
} Collected;

static _unused_ int collect(const StoredOperation *operation, void *userdata) {
        Collected *collected = userdata;

        ck_assert_uint_lt(collected->n, ELEMENTSOF(collected->operations));
        StoredOperation *copy = malloc(sizeof(*copy));
        ck_assert_ptr_nonnull(copy);
        *copy = *operation;
        collected->operations[collected->n++] = copy;
        return 0;
}

static _unused_ void collected_done(Collected *collected) {
        for (size_t i = 0; i < collected->n; i++)
                free(collected->operations[i]);
}
#define _cleanup_collected_ _cleanup_(collected_done)
