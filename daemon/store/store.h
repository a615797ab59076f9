/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What has to survive the daemon: one SQLite file (WAL, synchronous=NORMAL), its schema versioned by
 * `user_version` and migrated forward. Every function that returns 0 has committed.
 */

#include <stdint.h>
#include <sys/types.h>

#include "base/macros.h"
#include "core/evidence.h"
#include "core/lease.h"
#include "core/outcome.h"
#include "core/plan.h"

typedef struct Store Store;

/**
 * store_open() - open or create; checks integrity, migrates
 * @ret_set_aside: allocated path of a file that could not be used and was renamed (never deleted), or NULL;
 *                 the caller frees it. Told again by every open until a card has been saved, so that a
 *                 daemon that dies before it could say so makes no history vanish
 *
 * Return: 0; negative errno when there is no store at all, not even a new one (read-only folder, disk full);
 * -EPROTONOSUPPORT for a file of a newer schema, which is left alone.
 */
int store_open(const char *path, Store **ret_store, char **ret_set_aside);
Store *store_free(Store *store);
DEFINE_CLEANUP(Store *, store_free)

/* What is kept of a card, under its identity. */
typedef struct StoredCard {
        char identity[IDENTITY_TEXT_SIZE];
        PciAddress address;
        char boot_id[BOOT_ID_TEXT_SIZE]; /* of the boot that the state belongs to */
        ResetState state;
        bool after_driver_ran;
        uint64_t log_sequence;  /* kernel log records up to this one are in the state */
        Owner owner;            /* as last seen */
        char driver[DRIVER_NAME_SIZE]; /* of the display function, as last seen */
        Home home;
        bool wants_home;        /* released, and not home yet; as the lease valid in the same boot only */
        Lease lease;            /* valid in the same boot only */
} StoredCard;

/** store_save_card() - insert or replace. 0; -EINVAL for what store_load_card() would not take; other errno. */
int store_save_card(Store *store, const StoredCard *card);

/** store_load_card() - 0; -ENOENT for an identity never seen; -EBADMSG for a row that makes no sense. */
int store_load_card(Store *store, const char *identity, StoredCard *ret_card);

/** store_add_evidence() - one event of a card with its reason (see Evidence); keeps the last EVIDENCE_ROWS_MAX rows. */
int store_add_evidence(Store *store, const char *identity, const char *boot_id, CardEvent event, ResetState from,
                       ResetState to, const char *reason, uint64_t at_realtime_usec);

/** store_load_evidence() - what is to be shown of the last events, in their order; @boot_id is this boot. Rows that make no
 * sense are left out. 0 or negative errno. */
int store_load_evidence(Store *store, const char *identity, const char *boot_id, EvidenceList *ret_list);

/** store_count_outcome() - one more of @result under the key in @key, whose counts are not looked at. Keeps
 * RESET_OUTCOME_ROWS_MAX rows: the one that was counted in longest ago goes. 0; -EINVAL for a key without kernel or method. */
int store_count_outcome(Store *store, const ResetOutcome *key, OutcomeResult result);

/** store_each_outcome() - in order of their keys; rows that make no sense are left out. 0, negative errno, or what @handler
 * has ended it with. The handler must not write to the store. */
int store_each_outcome(Store *store, ResetOutcomeHandler handler, void *userdata);

/* One run of a plan. */
typedef struct StoredOperation {
        char id[UUID_TEXT_SIZE];
        char boot_id[BOOT_ID_TEXT_SIZE];
        char identity[IDENTITY_TEXT_SIZE];
        PciAddress address;
        char domain_uuid[UUID_TEXT_SIZE];
        char domain_name[DOMAIN_NAME_SIZE];
        bool undoing;        /* `plan` is the undo plan */
        size_t n_started;    /* steps of `plan` that were started */
        usec_t step_begun_usec; /* CLOCK_BOOTTIME: when the last of them was; 0: none, or not known */
        pid_t helper_pid;    /* 0: none yet */
        uint64_t helper_start_time;
        Plan plan;
} StoredOperation;

/** store_begin_operation() - the whole plan and what was found, before the first step. */
int store_begin_operation(Store *store, const StoredOperation *operation);
/** store_begin_switch() - and the card, in one commit: no death leaves one without the other. */
int store_begin_switch(Store *store, const StoredCard *card, const StoredOperation *operation);
/* The next four: -ENOENT for an operation that is not running. */
/** store_set_helper() - which process acts. */
int store_set_helper(Store *store, const char *id, pid_t pid, uint64_t start_time);
/** store_step_started() - step @index (from 0) is about to be sent to the helper, at @begun_usec of CLOCK_BOOTTIME.
 * -EINVAL: not of this plan, or before one that was started already. */
int store_step_started(Store *store, const char *id, size_t index, usec_t begun_usec);
/** store_turn_operation() - from now on the operation runs @undo, from its first step. */
int store_turn_operation(Store *store, const char *id, const Plan *undo);
/** store_end_operation() - remove the running record, keep the outcome; keeps OUTCOME_ROWS_MAX rows. */
int store_end_operation(Store *store, const char *id, const char *outcome, const char *detail,
                        uint64_t at_realtime_usec);
/** store_end_switch() - and the card, in one commit. */
int store_end_switch(Store *store, const StoredCard *card, const char *id, const char *outcome, const char *detail,
                     uint64_t at_realtime_usec);

typedef int (*StoreOperationHandler)(const StoredOperation *operation, void *userdata);
/** store_each_operation() - every running record (what a dead daemon left); stops at a negative result of @handler,
 * which it returns. Rows that make no sense are reported with `id` only and n_started = 0, plan empty. */
int store_each_operation(Store *store, StoreOperationHandler handler, void *userdata);
