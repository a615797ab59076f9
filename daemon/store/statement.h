/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One prepared statement whose parameters are put, and whose columns are taken, in the order of the
 * SQL text. The first error sticks and everything after it does nothing, so that a row is written or
 * read without a check behind every field; statement_run() and statement_next() report it.
 *
 * A column that is not of the expected type, length or range is -EBADMSG: the file is outside input.
 */

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/macros.h"
#include "gpuswitch/address.h"
#include "gpuswitch/deadlines.h"

/* Longer than the text of any enum. */
#define ENUM_TEXT_SIZE 48U

typedef struct Statement {
        sqlite3_stmt *handle;
        int parameter; /* last one put, from 1 */
        int column;    /* next to be taken, from 0 */
        int error;     /* 0, or the first negative errno */
} Statement;

/** error_of_sqlite() - a result code of SQLite as negative errno; 0 for OK, ROW and DONE. */
int error_of_sqlite(sqlite3 *db, int code);

/** statement_make() - prepares @sql; a failure shows in the first run. To be used with _cleanup_statement_.
 */
Statement statement_make(sqlite3 *db, const char *sql);
void statement_done(Statement *statement);
#define _cleanup_statement_ _cleanup_(statement_done)

/** statement_fail() - makes @error stick, unless there is one already. */
void statement_fail(Statement *statement, int error);

/* NULL is the empty string. A text of @size bytes or more is -ENOBUFS. */
void statement_put_text(Statement *statement, const char *text, size_t size);
#define statement_put_field(statement, field) statement_put_text((statement), (field), sizeof(field))
/* SQLite's integers are signed: more than INT64_MAX is -ERANGE. */
void statement_put_number(Statement *statement, uint64_t value);
void statement_put_signed(Statement *statement, int64_t value);
/* As number; USEC_INFINITY is kept as NULL. */
void statement_put_duration(Statement *statement, usec_t value);
/* As text in hex, for people. */
void statement_put_hex(Statement *statement, uint64_t value);
void statement_put_address(Statement *statement, PciAddress address);

/** statement_run() - a statement without result; can be put and run again. 0 or negative errno. */
int statement_run(Statement *statement);
/** statement_next() - 1: there is a row to take from; 0: no more; negative errno. */
int statement_next(Statement *statement);

/** statement_skip_bad() - did something of this row make no sense? Then that is forgotten, and the next row may be taken. */
static inline bool statement_skip_bad(Statement *statement) {
        bool bad = statement->error == -EBADMSG;

        if (bad)
                statement->error = 0;
        return bad;
}

/* What cannot be taken leaves an empty string or 0 behind. */
void statement_take_text(Statement *statement, char *ret_text, size_t size);
#define statement_take_field(statement, field) statement_take_text((statement), (field), sizeof(field))
uint64_t statement_take_number(Statement *statement, uint64_t max);
int64_t statement_take_signed(Statement *statement, int64_t min, int64_t max);
usec_t statement_take_duration(Statement *statement);
uint64_t statement_take_hex(Statement *statement, uint64_t max);
PciAddress statement_take_address(Statement *statement);
static inline bool statement_take_flag(Statement *statement) {
        return statement_take_number(statement, 1) != 0;
}

/* Takes a text and turns it into an enum with the x_from_string() of its type. */
#define statement_take_enum(statement, from_string)                                                          \
        ({                                                                                                   \
                char _text_[ENUM_TEXT_SIZE];                                                                 \
                statement_take_field((statement), _text_);                                                   \
                typeof(from_string(_text_)) _value_ = from_string(_text_);                                   \
                if ((int) _value_ < 0)                                                                       \
                        statement_fail((statement), -EBADMSG);                                               \
                _value_;                                                                                     \
        })
