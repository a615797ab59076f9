/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * json-c knows two modes. The lenient one takes comments, but also NaN, trailing commas and single
 * quotes; the strict one still takes NaN and Infinity; both keep the last of two equal keys without
 * a word. So the text is first cut into tokens here: comments are blanked out, bare words and numbers
 * are held to the grammar of RFC 8259, and the keys of each open object are remembered. Everything
 * else (where commas and colons belong, escapes, UTF-8) is left to json-c in its strict mode; what
 * this pass takes for a key is one for every text that json-c then accepts.
 */

#include "policy/scan.h"

#include <ctype.h>
#include <stdarg.h>

#include "base/text.h"

typedef struct Key {
        size_t offset;
        size_t size;
} Key;

typedef struct Frame {
        bool is_object;
        bool expects_key; /* the next string is a key */
        size_t first_key;
} Frame;

typedef struct Scan {
        char *text;
        size_t size;
        size_t at;
        Frame frames[DOCUMENT_DEPTH_MAX];
        size_t depth;
        Key keys[DOCUMENT_DEPTH_MAX * OBJECT_KEYS_MAX]; /* of all open objects, the innermost last */
        size_t n_keys;
        ScanFault *fault;
} Scan;

_printf_(3, 4) static int scan_fault(Scan *scan, size_t offset, const char *format, ...) {
        va_list ap;

        scan->fault->offset = offset;
        va_start(ap, format);
        (void) vsnprintf(scan->fault->text, sizeof(scan->fault->text), format, ap);
        va_end(ap);
        return -EBADMSG;
}

size_t scan_line(const char *text, size_t size, size_t offset) {
        size_t line = 1;

        for (size_t i = 0; i < MIN_OF(offset, size); i++)
                line += text[i] == '\n';
        return line;
}

static Frame *scan_frame(Scan *scan) {
        return scan->depth > 0 ? &scan->frames[scan->depth - 1] : NULL;
}

static int scan_comment(Scan *scan) {
        size_t start = scan->at, end;
        char second = start + 1 < scan->size ? scan->text[start + 1] : '\0';

        if (second == '/') {
                const char *stop = memchr(scan->text + start, '\n', scan->size - start);
                end = stop ? (size_t) (stop - scan->text) : scan->size;
        } else if (second == '*') {
                const char *stop = memmem(scan->text + start + 2, scan->size - start - 2, "*/", 2);
                if (!stop)
                        return scan_fault(scan, start, "this comment has no end");
                end = (size_t) (stop - scan->text) + 2;
        } else
                return scan_fault(scan, start, "unexpected \"/\"");

        for (size_t i = start; i < end; i++)
                if (scan->text[i] != '\n')
                        scan->text[i] = ' ';
        scan->at = end;
        return 0;
}

static int scan_key(Scan *scan, Frame *frame, Key key) {
        const char *name = scan->text + key.offset;
        int shown = (int) MIN_OF(key.size, 64U);

        if (memchr(name, '\\', key.size))
                return scan_fault(scan, key.offset, "keys are written without escapes");
        if (scan->n_keys - frame->first_key >= OBJECT_KEYS_MAX)
                return scan_fault(scan, key.offset, "more than %u keys in one object", OBJECT_KEYS_MAX);
        for (size_t i = frame->first_key; i < scan->n_keys; i++) {
                const Key *other = &scan->keys[i];
                if (other->size == key.size && memcmp(scan->text + other->offset, name, key.size) == 0)
                        return scan_fault(scan, key.offset, "key \"%.*s\" is there twice, first on line %zu",
                                          shown, name, scan_line(scan->text, scan->size, other->offset));
        }
        scan->keys[scan->n_keys++] = key;
        frame->expects_key = false;
        return 0;
}

static int scan_string(Scan *scan) {
        size_t start = scan->at, i = start + 1;
        Frame *frame = scan_frame(scan);

        for (; i < scan->size && scan->text[i] != '"'; i++) {
                unsigned char c = (unsigned char) scan->text[i];
                if (c == '\n')
                        return scan_fault(scan, start, "this string has no end on its line");
                if (c < 0x20 || c == 0x7f)
                        return scan_fault(scan, i, "control character 0x%02x in a string", c);
                if (c == '\\')
                        i++;
        }
        if (i >= scan->size)
                return scan_fault(scan, start, "this string has no end");
        scan->at = i + 1;
        if (frame && frame->is_object && frame->expects_key)
                return scan_key(scan, frame, (Key){ .offset = start + 1, .size = i - start - 1 });
        return 0;
}

/* RFC 8259, section 6: -? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)? */
static bool is_number(const char *s, size_t n) {
        const char *end = s + n;
#define DIGITS(s)                                                                                            \
        ({                                                                                                   \
                const char *_start_ = (s);                                                                   \
                while ((s) < end && isdigit((unsigned char) *(s)))                                           \
                        (s)++;                                                                               \
                (s) > _start_;                                                                               \
        })

        if (s < end && *s == '-')
                s++;
        if (s < end && *s == '0')
                s++;
        else if (!DIGITS(s))
                return false;
        if (s < end && *s == '.') {
                s++;
                if (!DIGITS(s))
                        return false;
        }
        if (s < end && (*s == 'e' || *s == 'E')) {
                s++;
                if (s < end && (*s == '+' || *s == '-'))
                        s++;
                if (!DIGITS(s))
                        return false;
        }
        return s == end;
#undef DIGITS
}

static bool is_literal(const char *s, size_t n) {
        static const char *const literals[] = { "true", "false", "null" };

        for (size_t i = 0; i < ELEMENTSOF(literals); i++)
                if (strlen(literals[i]) == n && memcmp(literals[i], s, n) == 0)
                        return true;
        return false;
}

static bool is_word_char(unsigned char c) {
        return isalnum(c) || c == '+' || c == '-' || c == '.' || c == '_';
}

static int scan_word(Scan *scan) {
        const char *word = scan->text + scan->at;
        size_t n = 0;

        while (scan->at + n < scan->size && is_word_char((unsigned char) word[n]))
                n++;
        if (n == 0)
                return scan_fault(scan, scan->at, "unexpected character 0x%02x", (unsigned char) *word);
        if (!is_literal(word, n) && !is_number(word, n))
                return scan_fault(scan, scan->at, "\"%.*s\" is no JSON value; texts stand in double quotes",
                                  (int) MIN_OF(n, 32U), word);
        scan->at += n;
        return 0;
}

static int scan_open(Scan *scan, bool is_object) {
        if (scan->depth >= DOCUMENT_DEPTH_MAX)
                return scan_fault(scan, scan->at, "nested deeper than %u", DOCUMENT_DEPTH_MAX);
        scan->frames[scan->depth++] = (Frame){
                .is_object = is_object,
                .expects_key = is_object,
                .first_key = scan->n_keys,
        };
        scan->at++;
        return 0;
}

static int scan_close(Scan *scan) {
        const Frame *frame = scan_frame(scan);

        if (!frame)
                return scan_fault(scan, scan->at, "unexpected \"%c\"", scan->text[scan->at]);
        scan->n_keys = frame->first_key;
        scan->depth--;
        scan->at++;
        return 0;
}

static int scan_token(Scan *scan) {
        char c = scan->text[scan->at];

        switch (c) {
        case ' ':
        case '\t':
        case '\n':
        case '\r':
        case ':':
                scan->at++;
                return 0;
        case ',':
                if (scan_frame(scan))
                        scan_frame(scan)->expects_key = scan_frame(scan)->is_object;
                scan->at++;
                return 0;
        case '/':
                return scan_comment(scan);
        case '"':
                return scan_string(scan);
        case '{':
        case '[':
                return scan_open(scan, c == '{');
        case '}':
        case ']':
                return scan_close(scan);
        default:
                return scan_word(scan);
        }
}

int scan_text(char *text, size_t size, ScanFault *reterr_fault) {
        Scan scan = { .text = text, .size = size, .fault = reterr_fault };
        int r = 0;

        while (scan.at < scan.size && r == 0)
                r = scan_token(&scan);
        return r;
}
