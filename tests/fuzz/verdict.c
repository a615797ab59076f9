/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* FNV-1a is enough for a digest: it tells two results apart that nobody chose to collide. */

#include <stdarg.h>
#include <string.h>

#include "allocations.h"
#include "base/text.h"
#include "fuzz.h"

#define FNV_OFFSET UINT64_C(0xcbf29ce484222325)
#define FNV_PRIME UINT64_C(0x100000001b3)

void fuzz_fail(const char *file, int line, const char *condition, const char *format, ...) {
        va_list ap;

        fprintf(stderr, "%s:%d: does not hold: %s:", file, line, condition);
        va_start(ap, format);
        (void) vfprintf(stderr, format, ap);
        va_end(ap);
        fputc('\n', stderr);
        abort();
}

void verdict_refuse(FuzzVerdict *verdict, const char *format, ...) {
        char line[1536];
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(line, sizeof(line), format, ap);
        va_end(ap);
        verdict->accepted = false;
        (void) text_append(verdict->fault, sizeof(verdict->fault), "%s\n", line);
}

void verdict_add(FuzzVerdict *verdict, const void *data, size_t size) {
        const uint8_t *bytes = data;
        uint64_t digest = verdict->digest != 0 ? verdict->digest : FNV_OFFSET;

        for (size_t i = 0; i < size; i++)
                digest = (digest ^ bytes[i]) * FNV_PRIME;
        verdict->digest = digest;
}

void verdict_add_text(FuzzVerdict *verdict, const char *text, size_t size) {
        size_t n = strnlen(text, size);

        fuzz_require(n < size, "a text without end");
        verdict_add(verdict, text, n + 1);
}

/* Length of the UTF-8 sequence at @s, 0 for none (Unicode 15, table 3-7). */
static size_t sequence_length(const unsigned char *s) {
        unsigned char low = 0x80, high = 0xbf;
        size_t n = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;

        if (s[0] == 0xe0)
                low = 0xa0;
        else if (s[0] == 0xed)
                high = 0x9f;
        else if (s[0] == 0xf0)
                low = 0x90;
        else if (s[0] == 0xf4)
                high = 0x8f;
        for (size_t i = 1; i < n; i++, low = 0x80, high = 0xbf)
                if (s[i] < low || s[i] > high)
                        return 0;
        return n;
}

bool fuzz_is_utf8(const char *text) {
        for (const unsigned char *s = (const unsigned char *) text; *s != '\0';) {
                size_t n = sequence_length(s);
                if (n == 0)
                        return false;
                s += n;
        }
        return true;
}

uint8_t choose_byte(Choices *choices) {
        return choices->at < choices->end ? *choices->at++ : 0;
}

uint32_t choose_number(Choices *choices, size_t n_bytes) {
        uint32_t value = 0;

        for (size_t i = 0; i < n_bytes; i++)
                value |= (uint32_t) choose_byte(choices) << 8 * i;
        return value;
}

size_t choose_text(Choices *choices, char *buffer, size_t size) {
        size_t n = choose_byte(choices), left = (size_t) (choices->end - choices->at);

        n = MIN_OF(MIN_OF(n, left), size - 1);
        memcpy(buffer, choices->at, n);
        buffer[n] = '\0';
        choices->at += n;
        return n;
}

void choose_patches(Choices *choices, void *bytes, size_t size) {
        while (choices_left(choices)) {
                size_t offset = choose_number(choices, 2) % size, n = choose_byte(choices);
                if (n == 0)
                        return;
                n = MIN_OF(MIN_OF(n, size - offset), (size_t) (choices->end - choices->at));
                memcpy((uint8_t *) bytes + offset, choices->at, n);
                choices->at += n;
        }
}

/* Under libFuzzer no allocation fails. */
__attribute__((weak)) void allocations_go_on(bool on) {
}

__attribute__((weak)) bool allocations_have_failed(void) {
        return false;
}
