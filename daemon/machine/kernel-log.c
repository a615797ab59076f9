/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * /dev/kmsg gives one record per read() and keeps a place in the ring for each who has it open. EPIPE
 * says that the record at that place was overwritten; the next read() goes on with the oldest that
 * is left. Sequence numbers begin with 0 at boot, so a hole at the beginning shows as well.
 *
 * A regular file may stand in for the device; there, records are told apart by their first
 * characters: continuation lines begin with a space.
 */

#include "machine/kernel-log.h"

#include <ctype.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/address.h"
#include "base/text.h"
#include "machine/attribute.h"

#define RECORD_SIZE 8192U /* CONSOLE_EXT_LOG_MAX; the kernel answers EINVAL to a shorter buffer */
/* Of one call. Far more than any ring holds; it only keeps a flood from holding up the caller for ever. */
#define RECORDS_MAX (1024U * 1024U)

struct KernelLog {
        int fd;
        bool is_file;
        uint64_t next_sequence;
        char buffer[RECORD_SIZE];
};

typedef struct Cursor {
        const char *at;
        const char *end;
} Cursor;

static int cursor_number(Cursor *cursor, uint64_t *ret_value) {
        uint64_t value = 0;
        const char *start = cursor->at;

        for (; cursor->at < cursor->end && isdigit((unsigned char) *cursor->at); cursor->at++) {
                unsigned digit = (unsigned) (*cursor->at - '0');
                if (value > (UINT64_MAX - digit) / 10)
                        return -EBADMSG;
                value = value * 10 + digit;
        }
        if (cursor->at == start)
                return -EBADMSG;
        *ret_value = value;
        return 0;
}

static int cursor_number_and(Cursor *cursor, char stop, uint64_t *ret_value) {
        int r = cursor_number(cursor, ret_value);

        if (r < 0)
                return r;
        if (cursor->at >= cursor->end || *cursor->at != stop)
                return -EBADMSG;
        cursor->at++;
        return 0;
}

/* The text up to its newline, as a string of printable characters. */
static void cursor_text(Cursor *cursor, char *buffer, size_t size) {
        size_t n = 0;

        for (; cursor->at < cursor->end && *cursor->at != '\n'; cursor->at++)
                if (n < size - 1)
                        buffer[n++] = *cursor->at != '\0' ? *cursor->at : '?';
        if (cursor->at < cursor->end)
                cursor->at++;
        buffer[n] = '\0';
        (void) text_make_printable(buffer);
}

/* Lines " KEY=VALUE" behind the text. */
static bool cursor_find_device(Cursor *cursor, PciAddress *ret_address) {
        while (cursor->at < cursor->end) {
                char line[64];
                cursor_text(cursor, line, sizeof(line));
                const char *address = text_starts_with(line, " DEVICE=+pci:");
                if (address && address_parse(address, ret_address) >= 0)
                        return true;
        }
        return false;
}

/*
 * The first address in @text that stands alone and has its domain: "01:00.0" without one could be a
 * time or a ratio.
 */
static bool text_find_address(const char *text, PciAddress *ret_address) {
        for (const char *word = text; *word != '\0';) {
                size_t n = strspn(word, "0123456789abcdefABCDEF:.");
                /* As the last word of a clause it may have a colon or a full stop behind it. */
                size_t length = n;
                while (length > 0 && (word[length - 1] == ':' || word[length - 1] == '.'))
                        length--;
                if (length > 0 && length < PCI_ADDRESS_TEXT_SIZE && !isalnum((unsigned char) word[n])) {
                        char address[PCI_ADDRESS_TEXT_SIZE];
                        memcpy(address, word, length);
                        address[length] = '\0';
                        const char *colon = strchr(address, ':');
                        if (colon && strchr(colon + 1, ':') && address_parse(address, ret_address) >= 0)
                                return true;
                }
                /* Behind this word, and behind the rest of one that only began like an address. */
                word += n;
                while (isalnum((unsigned char) *word))
                        word++;
                while (*word != '\0' && !isalnum((unsigned char) *word))
                        word++;
        }
        return false;
}

int kernel_log_parse(const char *text, size_t size, KernelLogRecord *ret_record) {
        Cursor cursor = { text, text + size };
        KernelLogRecord record = { 0 };
        uint64_t priority;
        int r = cursor_number_and(&cursor, ',', &priority);

        if (r >= 0)
                r = cursor_number_and(&cursor, ',', &record.sequence);
        if (r >= 0)
                r = cursor_number_and(&cursor, ',', &record.at_usec);
        if (r < 0)
                return r;
        /* Flags, and whatever newer kernels add behind them ("caller=T123"). */
        const char *semicolon = memchr(cursor.at, ';', (size_t) (cursor.end - cursor.at));
        const char *newline = memchr(cursor.at, '\n', (size_t) (cursor.end - cursor.at));
        if (!semicolon || (newline && newline < semicolon))
                return -EBADMSG;
        cursor.at = semicolon + 1;

        /* The kernel lets nobody write with its own facility, 0 (devkmsg_write()). */
        record.from_user_space = priority >> 3 != 0;
        cursor_text(&cursor, record.text, sizeof(record.text));
        record.has_address = cursor_find_device(&cursor, &record.address) ||
                             text_find_address(record.text, &record.address);
        *ret_record = record;
        return 0;
}

int kernel_log_open(const char *path, KernelLog **ret_log) {
        _cleanup_(kernel_log_freep) KernelLog *log = calloc(1, sizeof(KernelLog));
        struct stat facts;

        if (!log)
                return -ENOMEM;
        log->fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
        if (log->fd < 0 || fstat(log->fd, &facts) < 0)
                return -errno;
        log->is_file = S_ISREG(facts.st_mode);
        *ret_log = TAKE_PTR(log);
        return 0;
}

KernelLog *kernel_log_free(KernelLog *log) {
        if (!log)
                return NULL;
        (void) close_fd(log->fd);
        free(log);
        return NULL;
}

int kernel_log_fd(const KernelLog *log) {
        return log->fd;
}

/* Of a file, a read() may bring several records: keeps the first, and goes back to where it ends. */
static int log_keep_first(KernelLog *log, size_t *n) {
        for (size_t i = 0; i + 1 < *n; i++) {
                if (log->buffer[i] != '\n' || log->buffer[i + 1] == ' ')
                        continue;
                if (lseek(log->fd, (off_t) (i + 1) - (off_t) *n, SEEK_CUR) < 0)
                        return -errno;
                *n = i + 1;
                break;
        }
        return 0;
}

/* 1: a record of @ret_n bytes is in the buffer. 0: no more for now. */
static int log_next(KernelLog *log, size_t *ret_n, bool *gap) {
        for (;;) {
                ssize_t n = read(log->fd, log->buffer, sizeof(log->buffer));
                if (n == 0)
                        return 0;
                if (n > 0) {
                        *ret_n = (size_t) n;
                        int r = log->is_file ? log_keep_first(log, ret_n) : 0;
                        return r < 0 ? r : 1;
                }
                if (errno == EAGAIN)
                        return 0;
                if (errno == EPIPE)
                        *gap = true;
                else if (errno != EINTR)
                        return -errno;
        }
}

int kernel_log_read(KernelLog *log, KernelLogHandler handler, void *userdata, bool *ret_gap) {
        bool gap = false;

        for (size_t i = 0; i < RECORDS_MAX; i++) {
                KernelLogRecord record;
                size_t n = 0;
                int r = log_next(log, &n, &gap);
                if (r < 0)
                        return r;
                if (r == 0)
                        break;
                /* What cannot be understood may have been the line that mattered. */
                if (kernel_log_parse(log->buffer, n, &record) < 0) {
                        gap = true;
                        continue;
                }
                if (record.sequence != log->next_sequence)
                        gap = true;
                log->next_sequence = record.sequence + 1;
                handler(&record, userdata);
        }
        *ret_gap = gap;
        return 0;
}
