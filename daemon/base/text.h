/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Strings without allocation, and numbers out of text. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/macros.h"

static inline bool streq(const char *a, const char *b) {
        return strcmp(a, b) == 0;
}

static inline bool isempty(const char *s) {
        return !s || s[0] == '\0';
}

/**
 * text_copy() - copy a string into a fixed buffer
 *
 * Return: 0, or -ENOBUFS when @source does not fit; @buffer is then the empty string.
 */
int text_copy(char *buffer, size_t size, const char *source);

/**
 * text_format() - snprintf() that reports what does not fit
 *
 * Return: 0, or -ENOBUFS when the result was cut (@buffer holds the cut, terminated text).
 */
int text_format(char *buffer, size_t size, const char *format, ...) _printf_(3, 4);

/** text_append() - text_format() behind what @buffer already holds. Same result. */
int text_append(char *buffer, size_t size, const char *format, ...) _printf_(3, 4);

/** text_chomp() - cut trailing white space in place; returns @s. */
char *text_chomp(char *s);

/** text_make_utf8() - every byte that is no part of a character in UTF-8 becomes '?': a text that was cut may end in the
 * middle of one, and the bus takes no such text. Returns @s. */
char *text_make_utf8(char *s);

/** text_is_utf8() - does it hold nothing but characters in UTF-8? */
bool text_is_utf8(const char *s);

/** text_starts_with() - the rest of @s behind @prefix, or NULL. */
const char *text_starts_with(const char *s, const char *prefix);

/**
 * text_to_uint64() - a whole number and nothing else
 * @base: 10, 16 (with or without 0x)
 *
 * Return: 0; -EINVAL for anything but digits (signs and white space included); -ERANGE.
 */
int text_to_uint64(const char *s, int base, uint64_t *ret_value);

/** text_is_uuid() - 8-4-4-4-12 hex digits. */
bool text_is_uuid(const char *s);
