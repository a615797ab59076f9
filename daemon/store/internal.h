/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of this room share. Nobody else includes it, tests excepted. */

#include <sqlite3.h>
#include <stdbool.h>

#include "base/macros.h"
#include "store/store.h"

struct Store {
        sqlite3 *db;
};

/* How long a person with sqlite3 may keep the daemon's only loop waiting. */
#define STORE_BUSY_TIMEOUT_MSEC 200
/* Rows and their texts are limited, so that a larger file cannot be ours. */
#define STORE_FILE_SIZE_MAX (256 * 1024 * 1024)
/* A reason or detail, with NUL. */
#define STORE_TEXT_SIZE 4096U
/* Cards whose history is kept; the one that was saved longest ago goes. */
#define CARD_ROWS_MAX 256U

/* Closes a connection, NULL included; statements must be gone. */
void sqlite_closep(sqlite3 **db);

/** store_execute() - SQL without parameters and results. 0 or negative errno. */
int store_execute(sqlite3 *db, const char *sql);

/* Everything between begin and commit happens or does not: what is not committed is rolled back at
 * the end of the scope, whatever went wrong, and the connection is as before. One inside another is a
 * part of that one, whose owner gives up at its first error. */
typedef struct Transaction {
        sqlite3 *db; /* NULL: none open, or a part of another */
} Transaction;

int transaction_begin(Transaction *transaction, sqlite3 *db, bool write);
int transaction_commit(Transaction *transaction);
void transaction_done(Transaction *transaction);
#define _cleanup_transaction_ _cleanup_(transaction_done)

/** address_makes_sense() - can it be written as text and read again? */
bool address_makes_sense(PciAddress address);
/** domain_uuid_makes_sense() - empty, or a UUID. */
bool domain_uuid_makes_sense(const char *uuid);

/* Plans as rows of operation_step. */
bool plan_makes_sense(const Plan *plan);
/** plan_rows_save() - the steps of @plan; those that @operation has are removed. */
int plan_rows_save(sqlite3 *db, const char *operation, const Plan *plan);
/** plan_rows_load() - fills in n_steps and steps. 0; -EBADMSG unless there are exactly @n_steps that make
 * sense. */
int plan_rows_load(sqlite3 *db, const char *operation, size_t n_steps, Plan *plan);

/* "0x10/4=0xe0000000 0x3c/1=0xff": offset, width and value. */
#define REGISTERS_TEXT_SIZE (REGISTERS_MAX * sizeof("0xfff/4=0xffffffff"))
const char *registers_format(const ConfigRegister *registers, size_t n_registers,
                             char buffer[static REGISTERS_TEXT_SIZE]);
/** registers_parse() - 0; -EINVAL for anything but what registers_format() writes of registers that make
 * sense. */
int registers_parse(const char *text, ConfigRegister ret_registers[static REGISTERS_MAX],
                    uint8_t *ret_n_registers);
bool registers_make_sense(const ConfigRegister *registers, size_t n_registers);

/* How a step gets at a register: "MASK TEST BAR:INDEX:DATA:ADDRESS OTHER-MASK BAR:INDEX:DATA:ADDRESS", hex; "": not. */
#define ACCESS_TEXT_SIZE 96U
const char *access_format(const Step *step, char buffer[static ACCESS_TEXT_SIZE]);
/** access_parse() - into @step, whose fields are zero. 0; -EINVAL for anything but what access_format() writes. */
int access_parse(const char *text, Step *step);
bool access_makes_sense(const Step *step);

/* The files, before SQLite sees them. */

/** files_resolve() - makes the folder (0700) if it is missing, follows links. 0 or negative errno. */
int files_resolve(const char *path, char **ret_path);
/** files_check() - 0; -EBADMSG for what SQLite must not be given; other negative errno. */
int files_check(const char *path);
/** files_create() - an empty file, and mode 0600 in any case. 0 or negative errno. */
int files_create(const char *path);

/* Files that cannot be used. Paths as files_resolve() makes them: absolute. */

/**
 * set_aside() - rename a file with its -wal, -shm and -journal to PATH.broken-YYYYMMDD-HHMMSS[.N]...
 *
 * Return: 0 and the new path; negative errno.
 */
int set_aside(const char *path, char **ret_aside);
/** set_aside_revert() - back again; what lies at @path by now is removed. */
int set_aside_revert(const char *path, const char *aside);
/** set_aside_latest() - the newest file that was set aside from @path, or NULL. 0 or negative errno. */
int set_aside_latest(const char *path, char **ret_aside);
