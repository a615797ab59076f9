/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One policy file: scan, json-c, the table of keys, and the rule that comes of it. */

#include "policy.h"

void fuzz_input(const uint8_t *data, size_t size, FuzzVerdict *ret) {
        policy_fuzz_text(data, size, true, ret);
}
