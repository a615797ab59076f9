/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The only place that speaks SQLite's binding, column and error language; the rest of the room sees
 * fields and errno.
 */

#include "store/statement.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>

#include "base/address.h"
#include "base/text.h"

/* A full disk is SQLITE_FULL in a commit, and an I/O error where the log or its index is made. */
static int error_of_disk(sqlite3 *db) {
        int error = db ? sqlite3_system_errno(db) : 0;

        return error == ENOSPC || error == EDQUOT || error == EROFS || error == EACCES ? -error : -EIO;
}

int error_of_sqlite(sqlite3 *db, int code) {
        switch (code & 0xff) {
        case SQLITE_OK:
        case SQLITE_ROW:
        case SQLITE_DONE:
                return 0;
        case SQLITE_PERM:
        case SQLITE_AUTH:
                return -EACCES;
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
        case SQLITE_PROTOCOL:
                return -EBUSY;
        case SQLITE_NOMEM:
                return -ENOMEM;
        case SQLITE_READONLY:
                return -EROFS;
        case SQLITE_FULL:
                return -ENOSPC;
        case SQLITE_CANTOPEN:
                /* What the system call under SQLite said, where it kept that. */
                return db && sqlite3_system_errno(db) > 0 ? -sqlite3_system_errno(db) : -ENOENT;
        case SQLITE_IOERR:
                if (code == SQLITE_IOERR_NOMEM)
                        return -ENOMEM;
                if (code == SQLITE_IOERR_SHORT_READ)
                        return -EBADMSG;
                return error_of_disk(db);
        case SQLITE_CONSTRAINT:
                if (code == SQLITE_CONSTRAINT_PRIMARYKEY || code == SQLITE_CONSTRAINT_UNIQUE)
                        return -EEXIST;
                return -EINVAL;
        case SQLITE_TOOBIG:
                return -E2BIG;
        case SQLITE_MISUSE:
        case SQLITE_RANGE:
        case SQLITE_MISMATCH:
                return -EINVAL;
        default:
                /* CORRUPT, NOTADB, FORMAT, SCHEMA; and ERROR: all SQL is constant, so that a table or column
                 * is not there. */
                return -EBADMSG;
        }
}

Statement statement_make(sqlite3 *db, const char *sql) {
        Statement statement = { 0 };

        int code = sqlite3_prepare_v2(db, sql, -1, &statement.handle, NULL);
        statement_fail(&statement, error_of_sqlite(db, code));
        return statement;
}

void statement_done(Statement *statement) {
        (void) sqlite3_finalize(statement->handle);
        statement->handle = NULL;
}

void statement_fail(Statement *statement, int error) {
        if (statement->error == 0)
                statement->error = error;
}

/* Its own failures only: finalize and reset repeat those of the last step. */
static void statement_check(Statement *statement, int code) {
        if (code != SQLITE_OK)
                statement_fail(statement, error_of_sqlite(sqlite3_db_handle(statement->handle), code));
}

void statement_put_text(Statement *statement, const char *text, size_t size) {
        size_t n = text ? strnlen(text, size) : 0;

        statement->parameter++;
        if (n >= size || n > INT_MAX)
                statement_fail(statement, -ENOBUFS);
        if (statement->error < 0)
                return;
        statement_check(statement, sqlite3_bind_text(statement->handle, statement->parameter,
                                                     text ? text : "", (int) n, SQLITE_TRANSIENT));
}

void statement_put_number(Statement *statement, uint64_t value) {
        if (value > INT64_MAX)
                statement_fail(statement, -ERANGE);
        statement_put_signed(statement, (int64_t) value);
}

void statement_put_signed(Statement *statement, int64_t value) {
        statement->parameter++;
        if (statement->error == 0)
                statement_check(statement,
                                sqlite3_bind_int64(statement->handle, statement->parameter, value));
}

void statement_put_duration(Statement *statement, usec_t value) {
        if (value != USEC_INFINITY)
                return statement_put_number(statement, value);
        statement->parameter++;
        if (statement->error == 0)
                statement_check(statement, sqlite3_bind_null(statement->handle, statement->parameter));
}

void statement_put_hex(Statement *statement, uint64_t value) {
        char text[sizeof("0x") + 16];

        (void) text_format(text, sizeof(text), "0x%llx", (unsigned long long) value);
        statement_put_field(statement, text);
}

void statement_put_address(Statement *statement, PciAddress address) {
        char text[PCI_ADDRESS_TEXT_SIZE];

        statement_put_text(statement, address_format(address, text), sizeof(text));
}

int statement_next(Statement *statement) {
        if (statement->error < 0)
                return statement->error;
        int code = sqlite3_step(statement->handle);
        statement->column = 0;
        if (code == SQLITE_ROW)
                return 1;
        statement_fail(statement, error_of_sqlite(sqlite3_db_handle(statement->handle), code));
        return statement->error;
}

int statement_run(Statement *statement) {
        int r = statement_next(statement);

        if (statement->handle)
                (void) sqlite3_reset(statement->handle);
        statement->parameter = 0;
        return r < 0 ? r : 0;
}

/* Is the next column there and of that type? */
static bool statement_column(Statement *statement, int type, int *ret_column) {
        *ret_column = statement->column++;
        if (statement->error == 0 && sqlite3_column_type(statement->handle, *ret_column) != type)
                statement_fail(statement, -EBADMSG);
        return statement->error == 0;
}

void statement_take_text(Statement *statement, char *ret_text, size_t size) {
        int column;

        ret_text[0] = '\0';
        if (!statement_column(statement, SQLITE_TEXT, &column))
                return;
        const unsigned char *text = sqlite3_column_text(statement->handle, column);
        if (!text)
                return statement_fail(statement, -ENOMEM);
        size_t n = (size_t) sqlite3_column_bytes(statement->handle, column);
        /* SQLite's own check does not look into texts; what is no UTF-8 could not be shown on the bus. */
        if (n >= size || memchr(text, '\0', n) || !text_is_utf8((const char *) text))
                return statement_fail(statement, -EBADMSG);
        memcpy(ret_text, text, n);
        ret_text[n] = '\0';
}

int64_t statement_take_signed(Statement *statement, int64_t min, int64_t max) {
        int column;

        if (!statement_column(statement, SQLITE_INTEGER, &column))
                return 0;
        int64_t value = sqlite3_column_int64(statement->handle, column);
        if (value < min || value > max) {
                statement_fail(statement, -EBADMSG);
                return 0;
        }
        return value;
}

uint64_t statement_take_number(Statement *statement, uint64_t max) {
        assert(max <= INT64_MAX);
        return (uint64_t) statement_take_signed(statement, 0, (int64_t) max);
}

usec_t statement_take_duration(Statement *statement) {
        if (statement->error == 0 &&
            sqlite3_column_type(statement->handle, statement->column) == SQLITE_NULL) {
                statement->column++;
                return USEC_INFINITY;
        }
        return statement_take_number(statement, INT64_MAX);
}

uint64_t statement_take_hex(Statement *statement, uint64_t max) {
        char text[sizeof("0x") + 16];
        uint64_t value = 0;

        statement_take_field(statement, text);
        if (!text_starts_with(text, "0x") || text_to_uint64(text, 16, &value) < 0 || value > max) {
                statement_fail(statement, -EBADMSG);
                return 0;
        }
        return value;
}

PciAddress statement_take_address(Statement *statement) {
        char text[PCI_ADDRESS_TEXT_SIZE];
        PciAddress address = { 0 };

        statement_take_field(statement, text);
        if (address_parse(text, &address) < 0)
                statement_fail(statement, -EBADMSG);
        return address;
}
