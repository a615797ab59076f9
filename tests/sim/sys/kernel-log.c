/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel log as /dev/kmsg gives it: one record per read(), numbered from 0. */

#include "machine.h"

#include <stdarg.h>
#include <string.h>
#include <time.h>

#define LOG_SIZE (256U * 1024U)

static char text[LOG_SIZE];
static size_t used, oldest;
static uint64_t sequence;

static void __attribute__((format(printf, 3, 0))) log_text(unsigned priority, const char *device, const char *format, va_list ap) {
        char line[1024];
        struct timespec now;

        (void) vsnprintf(line, sizeof(line), format, ap);
        line[strcspn(line, "\n")] = '\0';
        (void) clock_gettime(CLOCK_MONOTONIC, &now);
        size_t room = sizeof(text) - used;
        int n = snprintf(text + used, room, "%u,%llu,%llu,-;%s\n", priority, (unsigned long long) sequence,
                         (unsigned long long) now.tv_sec * 1000000ULL + (unsigned long long) now.tv_nsec / 1000U, line);
        if (device && n > 0 && (size_t) n < room)
                n += snprintf(text + used + n, room - (size_t) n, " SUBSYSTEM=pci\n DEVICE=+pci:%s\n", device);
        if (n < 0 || (size_t) n >= room)
                n = 0; /* full: the record is lost, and its number is missing */
        used += (size_t) n;
        sequence++;
        kernel_log_changed();
}

void sim_log(const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        log_text(6, NULL, format, ap);
        va_end(ap);
}

static void log_line(unsigned priority, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void log_line(unsigned priority, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        log_text(priority, NULL, format, ap);
        va_end(ap);
}

/* devkmsg_write(): "<N>TEXT", and never as the kernel's own facility. */
void kernel_log_user(const char *line) {
        unsigned priority = 4;
        int n = 0;

        if (sscanf(line, "<%u>%n", &priority, &n) != 1 || n == 0)
                n = 0;
        log_line(priority < 8 ? priority | 8 : priority, "%s", line + n);
}

void kernel_log_device(const Function *function, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        log_text(6, function->name, format, ap);
        va_end(ap);
}

size_t kernel_log_record(uint64_t offset, char *buffer, size_t size) {
        size_t end = (size_t) offset;

        while (end < used) {
                const char *newline = memchr(text + end, '\n', used - end);
                end = newline ? (size_t) (newline - text) + 1 : used;
                if (end >= used || text[end] != ' ')
                        break;
        }
        size_t n = end - (size_t) offset;
        if (offset >= used || n > size)
                return 0;
        memcpy(buffer, text + offset, n);
        return n;
}

uint64_t kernel_log_size(void) {
        return used;
}

void kernel_log_overwrite(void) {
        oldest = used;
}

uint64_t kernel_log_oldest(void) {
        return oldest;
}
