/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What json-c would let pass: comments, duplicate keys, NaN, raw control characters. */

#include <stddef.h>

/* How deep lists and objects may be nested. */
#define DOCUMENT_DEPTH_MAX 16U
/* Far more than any object here has, few enough to look for duplicates by comparing. */
#define OBJECT_KEYS_MAX 64U

typedef struct ScanFault {
        size_t offset; /* bytes from the start */
        char text[192];
} ScanFault;

/**
 * scan_text() - look through a JSON text before it is parsed
 * @text: changed in place: the bytes of comments become blanks. Line ends stay, so that offsets and
 *        line numbers of the result are those of the file.
 * @reterr_fault: set only on failure
 *
 * Not a whole grammar: what passes here still goes through json-c in its strict mode.
 *
 * Return: 0, or -EBADMSG.
 */
int scan_text(char *text, size_t size, ScanFault *reterr_fault);

/** scan_line() - number of the line that holds the byte at @offset; the first is 1. */
size_t scan_line(const char *text, size_t size, size_t offset);
