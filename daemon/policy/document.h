/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One JSON text as a tree. */

#include <json-c/json.h>

#include "policy/problem.h"

static inline void document_freep(json_object **p) {
        (void) json_object_put(*p);
}

/**
 * document_parse() - parse a whole file
 * @text: @size bytes and a NUL behind them; comments in it are blanked out
 * @ret_root: an object, to be put by the caller; set only on success
 *
 * Return: 0; POLICY_E_REFUSED with the fault in @report; -ENOMEM.
 */
int document_parse(char *text, size_t size, Report *report, json_object **ret_root);
