/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Between entry.c and the two that call it: libFuzzer, and run-corpus.c. */

#include "fuzz.h"

/** judge() - fuzz_input() with what must hold of every verdict. */
void judge(const uint8_t *data, size_t size, FuzzVerdict *ret);

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
