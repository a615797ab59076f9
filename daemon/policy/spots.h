/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Where each value of a JSON text stands: the way from a JSON pointer to a line. */

#include <stddef.h>

/* One value, in the order of the text. */
typedef struct Spot {
        size_t line;     /* of its key, or of its first byte; the first is 1 */
        size_t end;      /* number of the first spot behind it that is not inside it */
        size_t key;      /* offset of its key in the text */
        size_t key_size; /* bytes */
} Spot;

typedef struct Spots {
        const char *text; /* borrowed */
        Spot *list;
        size_t n; /* bounded by the size of the text */
} Spots;

/**
 * spots_read() - find all values
 * @text: JSON that scan_text() and the parser have accepted, its comments blanked out; has to outlive the spots
 *
 * Return: 0, or -ENOMEM.
 */
int spots_read(const char *text, size_t size, Spots *ret_spots);
void spots_done(Spots *spots);

/** spots_line() - of the value at @pointer, or of the closest around it that is there; 0: there are no spots. */
size_t spots_line(const Spots *spots, const char *pointer);
