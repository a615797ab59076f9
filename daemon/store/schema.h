/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The tables, and how a file of an older version gets them. */

#include <sqlite3.h>
#include <stddef.h>

/* Makes version N out of version N - 1; runs inside a transaction. 0 or negative errno. */
typedef int (*SchemaMigration)(sqlite3 *db);

/** schema_version() - what `user_version` says. 0; -EBADMSG also for a negative one. */
int schema_version(sqlite3 *db, int *ret_version);

/** schema_is_empty() - 1: no table at all; 0; negative errno. */
int schema_is_empty(sqlite3 *db);

/** schema_newest() - the version that this build reads and writes. */
int schema_newest(void);

/**
 * schema_migrate() - bring a file from its version to version @n_migrations
 * @migrations: the first one makes version 1 out of an empty file
 *
 * Each version is one transaction with its number: a failure or a kill in between leaves a whole
 * older version. Return: 0; -EPROTONOSUPPORT for a newer file; -EBADMSG for version 0 with tables of
 * somebody else; other negative errno.
 */
int schema_migrate(sqlite3 *db, const SchemaMigration *migrations, size_t n_migrations);

/** schema_update() - schema_migrate() to schema_newest(). */
int schema_update(sqlite3 *db);

/** schema_check() - are all tables of @version (from 1) there with all their columns? 0; -EBADMSG. Other tables are
 * ignored. */
int schema_check(sqlite3 *db, int version);
