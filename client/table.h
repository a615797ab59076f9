/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Aligned columns, in colour where a person looks on. */

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/macros.h"
#include "gpuswitch/limits.h"

typedef enum Colour {
        COLOUR_PLAIN,
        COLOUR_STRONG,
        COLOUR_FAINT,
        COLOUR_GOOD,
        COLOUR_WARNING,
        COLOUR_BAD,
        _COLOUR_MAX,
} Colour;

#define TABLE_COLUMNS_MAX 8U
#define TABLE_ROWS_MAX (FAMILIES_MAX + 1U) /* the longest list there is, and the headings */

typedef struct Cell {
        char *text; /* owned; NULL is shown as "-" */
        Colour colour;
} Cell;

typedef struct Table {
        size_t n_columns;
        size_t n_rows;
        Cell cells[TABLE_ROWS_MAX][TABLE_COLUMNS_MAX];
} Table;

/** colour_wanted() - a terminal that can do it (TERM), and a person that wants it (NO_COLOR). */
bool colour_wanted(FILE *out);

/** colour_put() - @text (cleaned) in @colour, or plain. */
void colour_put(FILE *out, bool wanted, Colour colour, const char *text);

/** table_init() - with the headings of its columns, at most TABLE_COLUMNS_MAX. Return: 0, -ENOMEM. */
int table_init(Table *table, const char *const *headings, size_t n_columns);
void table_done(Table *table);

/** table_row() - begins a row; cells are added to the last row. Return: 0, -E2BIG. */
int table_row(Table *table);
/** table_set() - "" is shown as "-". Return: 0, -ENOMEM. */
int table_set(Table *table, size_t column, Colour colour, const char *format, ...) _printf_(4, 5);

void table_print(const Table *table, FILE *out);

/* What colours mean, the same in every verb. */
Colour colour_of_reset_state(const char *reset_state);
Colour colour_of_owner(const char *owner);
