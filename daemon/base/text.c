/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Nothing here allocates, so that every room, the helper included, can use it in any state. */

#include "base/text.h"

#include <ctype.h>
#include <stdarg.h>

int text_copy(char *buffer, size_t size, const char *source) {
        size_t n = strlen(source);

        if (n >= size) {
                buffer[0] = '\0';
                return -ENOBUFS;
        }
        memcpy(buffer, source, n + 1);
        return 0;
}

_printf_(3, 0) static int text_vformat(char *buffer, size_t size, const char *format, va_list ap) {
        int n = vsnprintf(buffer, size, format, ap);

        return n < 0 ? -EINVAL : (size_t) n >= size ? -ENOBUFS : 0;
}

int text_format(char *buffer, size_t size, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        int r = text_vformat(buffer, size, format, ap);
        va_end(ap);
        return r;
}

int text_append(char *buffer, size_t size, const char *format, ...) {
        size_t n = strnlen(buffer, size);
        va_list ap;

        if (n >= size)
                return -ENOBUFS;
        va_start(ap, format);
        int r = text_vformat(buffer + n, size - n, format, ap);
        va_end(ap);
        return r;
}

char *text_chomp(char *s) {
        size_t n = strlen(s);

        while (n > 0 && isspace((unsigned char) s[n - 1]))
                s[--n] = '\0';
        return s;
}

/* Bytes of the character at @s, 0 if there is none (Unicode 15, table 3-7). */
static size_t utf8_length(const unsigned char *s) {
        size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;
        unsigned char min = s[0] == 0xe0 ? 0xa0 : s[0] == 0xf0 ? 0x90 : 0x80;
        unsigned char max = s[0] == 0xed ? 0x9f : s[0] == 0xf4 ? 0x8f : 0xbf;

        for (size_t i = 1; i < n; i++, min = 0x80, max = 0xbf)
                if (s[i] < min || s[i] > max)
                        return 0;
        return n;
}

char *text_make_utf8(char *s) {
        for (unsigned char *p = (unsigned char *) s; *p != '\0';) {
                size_t n = utf8_length(p);
                if (n == 0)
                        *p = '?';
                p += MAX_OF(n, 1U);
        }
        return s;
}

bool text_is_utf8(const char *s) {
        for (const unsigned char *p = (const unsigned char *) s; *p != '\0';) {
                size_t n = utf8_length(p);
                if (n == 0)
                        return false;
                p += n;
        }
        return true;
}

const char *text_starts_with(const char *s, const char *prefix) {
        size_t n = strlen(prefix);

        return strncmp(s, prefix, n) == 0 ? s + n : NULL;
}

int text_to_uint64(const char *s, int base, uint64_t *ret_value) {
        char *end = NULL;

        if (!isxdigit((unsigned char) s[0]))
                return -EINVAL;
        errno = 0;
        unsigned long long value = strtoull(s, &end, base);
        if (errno == ERANGE)
                return -ERANGE;
        if (end == s || *end != '\0')
                return -EINVAL;
        *ret_value = value;
        return 0;
}

bool text_is_uuid(const char *s) {
        if (strlen(s) != 36)
                return false;
        for (size_t i = 0; i < 36; i++) {
                bool dash = i == 8 || i == 13 || i == 18 || i == 23;
                if (dash ? s[i] != '-' : !isxdigit((unsigned char) s[i]))
                        return false;
        }
        return true;
}
