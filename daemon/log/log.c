/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Entries are built in buffers on the stack, so that logging works when memory is short, and sent with
 * sd_journal_sendv(), which takes values with any bytes in them: a newline in a VM's name makes no second
 * entry and no second field.
 *
 * Where in our source an entry was written is left out: nobody acts on it, and it changes with each build.
 */

#define SD_JOURNAL_SUPPRESS_LOCATION

#include "log/log.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>

#include "base/text.h"
#include "gpuswitch/limits.h"
#include "gpuswitch/names.h"

#define FIELD_TEXT_SIZE (64U + MESSAGE_TEXT_SIZE) /* name, "=" and value */
#define ENTRY_TEXT_SIZE (2U * MESSAGE_TEXT_SIZE)

static const char *const field_names[_LOG_FIELD_MAX] = {
        [LOG_FIELD_GPU] = JOURNAL_FIELD_GPU,
        [LOG_FIELD_STATE] = JOURNAL_FIELD_STATE,
        [LOG_FIELD_OLD_STATE] = JOURNAL_FIELD_OLD_STATE,
        [LOG_FIELD_OWNER] = JOURNAL_FIELD_OWNER,
        [LOG_FIELD_OLD_OWNER] = JOURNAL_FIELD_OLD_OWNER,
        [LOG_FIELD_REASON] = JOURNAL_FIELD_REASON,
        [LOG_FIELD_DOMAIN] = JOURNAL_FIELD_DOMAIN,
        [LOG_FIELD_OPERATION] = JOURNAL_FIELD_OPERATION,
};

static bool journal_wanted = false;
static bool debug_wanted = false;

void log_init(bool to_journal) {
        const char *debug = getenv("GPUSWITCH_DEBUG");

        journal_wanted = to_journal;
        debug_wanted = debug && streq(debug, "1");
}

/* systemd.exec(5): JOURNAL_STREAM is device and inode of the stream, and stderr may have been redirected
 * since. */
bool log_has_journal(void) {
        const char *stream = getenv("JOURNAL_STREAM");
        struct stat st;
        uintmax_t device, inode;

        if (!stream || sscanf(stream, "%ju:%ju", &device, &inode) != 2 || fstat(STDERR_FILENO, &st) < 0)
                return false;
        return st.st_dev == device && st.st_ino == inode;
}

static void add_text(struct iovec *iov, size_t *n, char *buffer, size_t size, const char *name,
                     const char *value) {
        /* A value that does not fit is cut: half a reason is better than no entry. */
        (void) text_format(buffer, size, "%s=%s", name, value);
        iov[(*n)++] = (struct iovec){ .iov_base = buffer, .iov_len = strlen(buffer) };
}

static int send_to_journal(int priority, const char *message_id, const LogField *fields, size_t n_fields,
                           const char *message) {
        char field_texts[_LOG_FIELD_MAX][FIELD_TEXT_SIZE];
        char message_text[ENTRY_TEXT_SIZE + sizeof("MESSAGE=")], priority_text[32], id_text[64];
        struct iovec iov[_LOG_FIELD_MAX + 3];
        size_t n = 0, n_texts = 0;
        char digit[] = { (char) ('0' + priority), '\0' };

        add_text(iov, &n, message_text, sizeof(message_text), "MESSAGE", message);
        add_text(iov, &n, priority_text, sizeof(priority_text), "PRIORITY", digit);
        if (message_id)
                add_text(iov, &n, id_text, sizeof(id_text), "MESSAGE_ID", message_id);
        for (size_t i = 0; i < n_fields; i++) {
                assert(fields[i].name < _LOG_FIELD_MAX);
                if (isempty(fields[i].value))
                        continue;
                add_text(iov, &n, field_texts[n_texts], FIELD_TEXT_SIZE, field_names[fields[i].name],
                         fields[i].value);
                n_texts++;
        }
        return sd_journal_sendv(iov, (int) n);
}

void log_entry(int priority, const char *message_id, const LogField *fields, size_t n_fields,
               const char *format, ...) {
        char message[ENTRY_TEXT_SIZE];
        int saved = errno;
        va_list ap;

        assert(priority >= LOG_EMERG && priority <= LOG_DEBUG);
        assert(n_fields <= _LOG_FIELD_MAX);
        if (priority == LOG_DEBUG && !debug_wanted)
                return;
        va_start(ap, format);
        if (vsnprintf(message, sizeof(message), format, ap) < 0)
                message[0] = '\0';
        va_end(ap);
        /* Without a socket sd_journal_sendv() says 0 and does nothing: then nobody reads stderr either. */
        if (!journal_wanted || send_to_journal(priority, message_id, fields, n_fields, message) < 0)
                fprintf(stderr, "%s\n", message);
        errno = saved;
}
