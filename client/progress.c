/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "client/progress.h"

#include <inttypes.h>
#include <sys/ioctl.h>

#include "base/text.h"
#include "client/json.h"
#include "client/printable.h"

#define COLUMNS_DEFAULT 80U

void operation_line(json_object *operation, char *buffer, size_t size) {
        buffer[0] = '\0';
        if (!operation)
                return;
        const char *description = member_text(operation, "description");
        int64_t steps = member_number(operation, "steps", 0);

        /* There is no plan yet while the daemon still looks at the card. */
        if (steps > 0)
                (void) text_format(buffer, size, "[%" PRId64 "/%" PRId64 "] ",
                                   member_number(operation, "step", 0), steps);
        (void) text_append(buffer, size, "%sto %s%s%s", member_flag(operation, "undoing") ? "undoing: " : "",
                           member_text(operation, "direction"), isempty(description) ? "" : ": ",
                           description);
        printable_line(buffer);
}

void progress_init(Progress *progress, FILE *out) {
        const char *term = getenv("TERM");

        *progress = (Progress){
                .out = out,
                .live = isatty(fileno(out)) && !isempty(term) && !streq(term, "dumb"),
        };
}

/* A line that wraps cannot be overwritten, so it is cut at the width of the terminal. */
static void cut_to_terminal(FILE *out, char *line) {
        struct winsize window = { 0 };
        size_t columns = COLUMNS_DEFAULT, n = 0;

        if (ioctl(fileno(out), TIOCGWINSZ, &window) >= 0 && window.ws_col > 1)
                columns = window.ws_col;
        for (char *s = line; *s; s++) {
                if (((unsigned char) *s & 0xc0) != 0x80)
                        n++;
                if (n >= columns) {
                        *s = '\0';
                        return;
                }
        }
}

void progress_show(Progress *progress, json_object *operation) {
        char line[MESSAGE_TEXT_SIZE];

        operation_line(operation, line, sizeof(line));
        if (isempty(line) || streq(line, progress->last))
                return;
        (void) text_copy(progress->last, sizeof(progress->last), line);
        if (progress->live) {
                cut_to_terminal(progress->out, line);
                fprintf(progress->out, "\r\033[K%s", line);
                progress->line_open = true;
        } else
                fprintf(progress->out, "%s\n", line);
        (void) fflush(progress->out);
}

void progress_end(Progress *progress) {
        if (!progress->line_open)
                return;
        fputs("\r\033[K", progress->out);
        (void) fflush(progress->out);
        progress->line_open = false;
}
