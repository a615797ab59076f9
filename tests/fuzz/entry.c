/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What libFuzzer calls. A verdict has its reason: that holds for every kind of input. */

#include <string.h>

#include "entry.h"

void judge(const uint8_t *data, size_t size, FuzzVerdict *ret) {
        /* All of it but the texts' ends would cost more than most inputs do. */
        ret->accepted = true;
        ret->error = 0;
        ret->digest = 0;
        ret->fault[0] = '\0';
        fuzz_input(data, size, ret);
        fuzz_require(ret->error <= 0, "%d", ret->error);
        fuzz_require(ret->accepted || ret->fault[0] != '\0', "refused without a reason");
        fuzz_require(!ret->accepted || ret->fault[0] == '\0', "accepted, with a fault: %s", ret->fault);
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
        if (fuzz_setup)
                fuzz_setup();
        return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static FuzzVerdict verdict;

        judge(data, size, &verdict);
        return 0;
}
