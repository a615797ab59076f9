/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Allocations of this whole process, libraries included, counted and made to fail. */

#include <stdbool.h>
#include <stddef.h>

/** allocations_fail() - from now on the allocation number @n (from 1) fails; and all behind it. 0: none does. */
void allocations_fail(size_t n, bool and_all_behind);

/** allocations_stop() - end of that. Return: did one fail? */
bool allocations_stop(void);

/** allocations_live() - how many there are that nobody has freed. */
long allocations_live(void);

/*
 * For a fuzzer whose harness allocates as well. Without injection (libFuzzer) there is nothing behind them, so they are
 * defined in verdict.c for that case.
 */

/** allocations_go_on() - false: what follows does not count, until true. */
void allocations_go_on(bool on);

/** allocations_have_failed() - has the one that was to fail been met? */
bool allocations_have_failed(void);
