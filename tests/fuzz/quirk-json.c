/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One quirk file: scan, json-c, the table of keys, recipes, and the rule that comes of it. */

#include "policy.h"

void fuzz_input(const uint8_t *data, size_t size, FuzzVerdict *ret) {
        policy_fuzz_text(data, size, false, ret);
}
