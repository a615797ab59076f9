/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The contract of a fuzzer. Each kind of input from outside has one file that defines fuzz_input(); the rest
 * (LLVMFuzzerTestOneInput() in entry.c, the corpora and injected allocation failures in run-corpus.c) is shared.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/macros.h"

typedef struct FuzzVerdict {
        bool accepted;
        int error;        /* negative errno when it was refused for want of memory or of a file; else 0 */
        uint64_t digest;  /* of everything that was made out of an accepted input */
        char fault[4096]; /* refused: place and reason, one line per fault */
} FuzzVerdict;

/**
 * fuzz_input() - give one input to the code under test
 * @data: not terminated; may be empty
 * @ret: zeroed by the caller
 *
 * Holds what came out to what must be true of any result, and aborts when it is not. Allocates nothing of its
 * own: every allocation that fails is one of the code under test. Leaves nothing behind.
 */
void fuzz_input(const uint8_t *data, size_t size, FuzzVerdict *ret);

/** fuzz_setup() - once, before the first input; allocation failures are not injected into it. May be left out. */
void fuzz_setup(void) __attribute__((weak));

/** fuzz_require() - what must hold for any input; aborts with the text, so that the fuzzer keeps the input. */
#define fuzz_require(condition, ...)                                                     \
        do {                                                                             \
                if (!(condition))                                                        \
                        fuzz_fail(__FILE__, __LINE__, #condition, " " __VA_ARGS__);       \
        } while (0)
_printf_(4, 5) __attribute__((noreturn)) void fuzz_fail(const char *file, int line, const char *condition,
                                                         const char *format, ...);

/** verdict_refuse() - one more fault. */
_printf_(2, 3) void verdict_refuse(FuzzVerdict *verdict, const char *format, ...);

/** verdict_add() - bytes into the digest. */
void verdict_add(FuzzVerdict *verdict, const void *data, size_t size);
/* Of a text only what stands before its NUL; it must have one. */
#define verdict_add_field(verdict, field) verdict_add_text((verdict), (field), sizeof(field))
void verdict_add_text(FuzzVerdict *verdict, const char *text, size_t size);
#define verdict_add_value(verdict, value)                                                \
        do {                                                                             \
                uint64_t _number_ = (uint64_t) (value);                                  \
                verdict_add((verdict), &_number_, sizeof(_number_));                     \
        } while (0)

/** fuzz_is_utf8() - what the bus and terminals take for text. */
bool fuzz_is_utf8(const char *text);

/* Bytes out of an input as choices, for fuzzers that build something out of them. Behind the end: zeros. */
typedef struct Choices {
        const uint8_t *at;
        const uint8_t *end;
} Choices;

uint8_t choose_byte(Choices *choices);
uint32_t choose_number(Choices *choices, size_t n_bytes);
/* Up to @size - 1 bytes, terminated; the input's next byte says how many. */
size_t choose_text(Choices *choices, char *buffer, size_t size);
static inline bool choices_left(const Choices *choices) {
        return choices->at < choices->end;
}
/* Overwrites parts of @bytes: 2 bytes offset, 1 byte length, then what is written; up to a length of 0. */
void choose_patches(Choices *choices, void *bytes, size_t size);
