/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Entries in the journal with the fields of gpuswitch/names.h; plain lines on stderr where there is no
 * journal. */

#include <stdbool.h>
#include <stddef.h>
#include <syslog.h>

#include "base/macros.h"

typedef enum LogFieldName {
        LOG_FIELD_GPU,   /* address of function 0 */
        LOG_FIELD_STATE, /* reset state */
        LOG_FIELD_OLD_STATE,
        LOG_FIELD_OWNER,
        LOG_FIELD_OLD_OWNER,
        LOG_FIELD_REASON,
        LOG_FIELD_DOMAIN, /* UUID of a VM */
        LOG_FIELD_OPERATION,
        _LOG_FIELD_MAX,
} LogFieldName;

typedef struct LogField {
        LogFieldName name;
        const char *value; /* any text; NULL or "": the entry goes without this field */
} LogField;

/* Array and count for log_entry(): LOG_FIELDS({ LOG_FIELD_GPU, address }, { LOG_FIELD_REASON, reason }) */
#define LOG_FIELDS(...)                                                                                      \
        (const LogField[]){ __VA_ARGS__ }, (sizeof((const LogField[]){ __VA_ARGS__ }) / sizeof(LogField))

/**
 * log_init() - choose where entries go, once, at the start of a program
 * @to_journal: to journald with all fields; else the text alone to stderr
 *
 * Until then, and while journald does not take an entry, it goes to stderr.
 * Entries of LOG_DEBUG are dropped unless the environment has GPUSWITCH_DEBUG=1.
 */
void log_init(bool to_journal);

/** log_has_journal() - is stderr the journal, which means that systemd started this program? */
bool log_has_journal(void);

/**
 * log_entry() - write one entry; never fails, keeps errno
 * @priority:   LOG_ERR to LOG_DEBUG
 * @message_id: MESSAGE_ID_... of its kind, or NULL
 * @fields:     @n_fields of them, none twice
 */
void log_entry(int priority, const char *message_id, const LogField *fields, size_t n_fields,
               const char *format, ...) _printf_(5, 6);

#define log_error(...) log_entry(LOG_ERR, NULL, NULL, 0, __VA_ARGS__)
#define log_warning(...) log_entry(LOG_WARNING, NULL, NULL, 0, __VA_ARGS__)
#define log_notice(...) log_entry(LOG_NOTICE, NULL, NULL, 0, __VA_ARGS__)
#define log_info(...) log_entry(LOG_INFO, NULL, NULL, 0, __VA_ARGS__)
#define log_debug(...) log_entry(LOG_DEBUG, NULL, NULL, 0, __VA_ARGS__)
