/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A VM's name or a log message must not be able to move the cursor of the person who reads it.
 * Columns are aligned by counting code points, which is right for all names that hardware has.
 */

#include "client/printable.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/macros.h"

/* Length of the UTF-8 sequence at @s, 0 if it is none (RFC 3629: no overlong forms, no surrogates). */
static size_t sequence_length(const unsigned char *s) {
        static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
        size_t n = s[0] < 0x80             ? 1
                   : (s[0] & 0xe0) == 0xc0 ? 2
                   : (s[0] & 0xf0) == 0xe0 ? 3
                   : (s[0] & 0xf8) == 0xf0 ? 4
                                           : 0;
        uint32_t point = n > 1 ? s[0] & (0xffU >> (n + 1)) : s[0];

        for (size_t i = 1; i < n; i++) {
                if ((s[i] & 0xc0) != 0x80)
                        return 0;
                point = point << 6 | (s[i] & 0x3fU);
        }
        if (n > 1 && (point < smallest[n] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)))
                return 0;
        return n;
}

/* C0, DEL, and C1, which is two bytes long in UTF-8. */
static bool is_control(const unsigned char *s) {
        return s[0] < 0x20 || s[0] == 0x7f || (s[0] == 0xc2 && s[1] < 0xa0);
}

char *printable_clean(char *text) {
        for (unsigned char *s = (unsigned char *) text; *s;) {
                size_t n = sequence_length(s);
                if (n == 0 || (is_control(s) && *s != '\n' && *s != '\t')) {
                        n = MAX_OF(n, 1U);
                        memset(s, '?', n);
                }
                s += n;
        }
        return text;
}

char *printable_line(char *text) {
        printable_clean(text);
        for (char *s = text; *s; s++)
                if (*s == '\n' || *s == '\t')
                        *s = ' ';
        return text;
}

void printable_put(FILE *out, const char *text) {
        _cleanup_free_ char *copy = strdup(text);

        fputs(copy ? printable_clean(copy) : "(out of memory)", out);
}

size_t printable_width(const char *text) {
        size_t n = 0;

        for (const char *s = text; *s; s++)
                n += ((unsigned char) *s & 0xc0) != 0x80;
        return n;
}
