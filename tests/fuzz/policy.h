/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the three fuzzers of configuration have in common: what must hold of problems and of rules. */

#include "fuzz.h"
#include "policy/policy.h"

/** policy_take_problems() - every problem into the verdict's fault. */
void policy_take_problems(FuzzVerdict *verdict, const Policy *policy);

/** policy_take_rules() - the rules for some cards into the digest. */
void policy_take_rules(FuzzVerdict *verdict, const Policy *policy);

/** policy_fuzz_text() - one text as a file of quirks or of wishes, without the detour over a file. */
void policy_fuzz_text(const uint8_t *data, size_t size, bool is_policy, FuzzVerdict *ret);
