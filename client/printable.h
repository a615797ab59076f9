/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Text from elsewhere (names of VMs, journal entries) made fit for a terminal and for JSON. */

#include <stddef.h>
#include <stdio.h>

/**
 * printable_clean() - in place: whatever is not UTF-8, and every control character but newline and
 * tab, becomes '?'. Returns @text.
 */
char *printable_clean(char *text);

/** printable_line() - printable_clean() and newlines and tabs become spaces. Returns @text. */
char *printable_line(char *text);

/** printable_put() - writes a cleaned copy of @text (which may have several lines). */
void printable_put(FILE *out, const char *text);

/** printable_width() - how many characters @text has, for aligning columns. */
size_t printable_width(const char *text);
