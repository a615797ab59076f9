/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "client/table.h"

#include <assert.h>
#include <stdarg.h>

#include "base/text.h"
#include "client/printable.h"

static const char *const sequences[_COLOUR_MAX] = {
        [COLOUR_PLAIN] = "",        [COLOUR_STRONG] = "\033[1m",   [COLOUR_FAINT] = "\033[2m",
        [COLOUR_GOOD] = "\033[32m", [COLOUR_WARNING] = "\033[33m", [COLOUR_BAD] = "\033[1;31m",
};

bool colour_wanted(FILE *out) {
        const char *term = getenv("TERM");

        return isatty(fileno(out)) && isempty(getenv("NO_COLOR")) && !isempty(term) && !streq(term, "dumb");
}

void colour_put(FILE *out, bool wanted, Colour colour, const char *text) {
        wanted = wanted && colour != COLOUR_PLAIN;
        if (wanted)
                fputs(sequences[colour], out);
        printable_put(out, text);
        if (wanted)
                fputs("\033[0m", out);
}

Colour colour_of_reset_state(const char *reset_state) {
        if (streq(reset_state, "fresh"))
                return COLOUR_GOOD;
        if (streq(reset_state, "touched"))
                return COLOUR_PLAIN;
        return streq(reset_state, "failed") ? COLOUR_BAD : COLOUR_WARNING;
}

Colour colour_of_owner(const char *owner) {
        return streq(owner, "switching") ? COLOUR_WARNING
               : streq(owner, "none")    ? COLOUR_FAINT
                                         : COLOUR_PLAIN;
}

int table_init(Table *table, const char *const *headings, size_t n_columns) {
        assert(n_columns <= TABLE_COLUMNS_MAX);
        *table = (Table){ .n_columns = n_columns, .n_rows = 1 };
        for (size_t i = 0; i < n_columns; i++) {
                int r = table_set(table, i, COLOUR_STRONG, "%s", headings[i]);
                if (r < 0) {
                        table_done(table);
                        return r;
                }
        }
        return 0;
}

void table_done(Table *table) {
        for (size_t row = 0; row < table->n_rows; row++)
                for (size_t column = 0; column < table->n_columns; column++)
                        free(table->cells[row][column].text);
        *table = (Table){ 0 };
}

int table_row(Table *table) {
        if (table->n_rows >= TABLE_ROWS_MAX)
                return -E2BIG;
        table->n_rows++;
        return 0;
}

int table_set(Table *table, size_t column, Colour colour, const char *format, ...) {
        Cell *cell = &table->cells[table->n_rows - 1][column];
        char *text = NULL;
        va_list ap;

        assert(column < table->n_columns);
        va_start(ap, format);
        int n = vasprintf(&text, format, ap);
        va_end(ap);
        if (n < 0)
                return -ENOMEM;
        free(cell->text);
        *cell = (Cell){ .colour = colour };
        if (n == 0)
                free(text);
        else
                cell->text = printable_line(text);
        return 0;
}

static const char *shown(const Cell *cell) {
        return cell->text ? cell->text : "-";
}

static size_t column_width(const Table *table, size_t column) {
        size_t width = 0;

        for (size_t row = 0; row < table->n_rows; row++)
                width = MAX_OF(width, printable_width(shown(&table->cells[row][column])));
        return width;
}

void table_print(const Table *table, FILE *out) {
        size_t widths[TABLE_COLUMNS_MAX] = { 0 };
        bool colour = colour_wanted(out);

        for (size_t i = 0; i < table->n_columns; i++)
                widths[i] = column_width(table, i);
        for (size_t row = 0; row < table->n_rows; row++) {
                for (size_t i = 0; i < table->n_columns; i++) {
                        const Cell *cell = &table->cells[row][i];
                        colour_put(out, colour, cell->text ? cell->colour : COLOUR_FAINT, shown(cell));
                        if (i + 1 < table->n_columns)
                                fprintf(out, "%*s", (int) (widths[i] - printable_width(shown(cell)) + 2), "");
                }
                fputc('\n', out);
        }
}
