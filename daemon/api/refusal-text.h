/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Refusals in words: what happened, to which card, why, and what the reader can do. */

#include <stddef.h>

#include "core/refusal.h"

/** refusal_error_name() - the D-Bus error that the code is. */
const char *refusal_error_name(RefusalCode code);

/**
 * refusal_text() - first line: the whole reason; further lines: the ways out. Returns @buffer.
 * @size: at least 1024 keeps every text whole; longer facts are cut
 */
const char *refusal_text(const Refusal *refusal, char *buffer, size_t size);

/** refusal_sentence() - the first line of refusal_text() only, for the journal. Returns @buffer. */
const char *refusal_sentence(const Refusal *refusal, char *buffer, size_t size);
