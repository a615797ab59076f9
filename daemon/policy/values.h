/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* For people: each value that a card's rule is made of, with the place that it comes from. */

#include "policy/policy.h"

#define POLICY_VALUES_MAX 64U
#define POLICY_VALUE_TEXT_SIZE 256U
#define POLICY_SOURCE_SIZE 1025U

typedef struct PolicyValue {
        char key[64];                      /* "bus_reset", "state.quirk_reset_ok", "reset.vi-config.needs_guard", "return" */
        char text[POLICY_VALUE_TEXT_SIZE]; /* as the file has it; lists with blanks between */
        char file[PATH_TEXT_SIZE];
        size_t line;
        char source[POLICY_SOURCE_SIZE];   /* where the file has it from; "": it does not say */
} PolicyValue;

/**
 * policy_values() - out of the files that hold, which are read once more
 * @ret_values: to be freed. What no file says is not among them: it is as RULE_GENERIC has it.
 *
 * Return: 0; -ESTALE when a file is no longer what was loaded; -ENOMEM.
 */
int policy_values(const Policy *policy, const CardFacts *card, PolicyValue **ret_values, size_t *ret_n);
