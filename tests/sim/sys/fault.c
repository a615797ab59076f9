/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "fault.h"

#include <stdlib.h>
#include <string.h>

#define RECORD_MAX 100000U

Fault faults[FAULTS_MAX];

static char **record;
static size_t n_record;

static bool begins(const char *text, const char *prefix) {
        return strncmp(text, prefix, strlen(prefix)) == 0;
}

Fault *fault_find(char kind, const char *function, const char *file, const char *value) {
        Fault *found = NULL;

        for (size_t i = 0; i < FAULTS_MAX; i++) {
                Fault *fault = &faults[i];
                if (!fault->used || fault->kind != kind || (fault->function[0] && strcmp(fault->function, function) != 0) ||
                    (fault->file[0] && strcmp(fault->file, file) != 0) || !begins(value, fault->value))
                        continue;
                fault->seen++;
                bool strikes = fault->forever ? fault->seen > fault->skip : fault->seen == fault->skip + 1;
                if (strikes && !found)
                        found = fault;
        }
        return found;
}

Fault *fault_by_id(const char *id) {
        for (size_t i = 0; i < FAULTS_MAX; i++)
                if (faults[i].used && strcmp(faults[i].id, id) == 0)
                        return &faults[i];
        return NULL;
}

void record_add(const char *function, const char *file, const char *value) {
        char *line = NULL;

        if (n_record == RECORD_MAX)
                return;
        if (!record)
                record = calloc(RECORD_MAX, sizeof(*record));
        if (!record || asprintf(&line, "%s %s %s\n", function[0] ? function : "-", file, value) < 0)
                abort();
        record[n_record++] = line;
}

size_t record_text(size_t first, char *buffer, size_t size) {
        size_t used = 0;

        buffer[0] = '\0';
        for (size_t i = first; i < n_record; i++) {
                size_t n = strlen(record[i]);
                if (used + n >= size)
                        break;
                memcpy(buffer + used, record[i], n + 1);
                used += n;
        }
        return used;
}
