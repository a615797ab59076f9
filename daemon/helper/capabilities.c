/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The two system calls, without libcap: it would be one more library in the process that has to be the smallest.
 * Capabilities are sets of 64 bits, in two halves (_LINUX_CAPABILITY_VERSION_3).
 */

#include "helper/capabilities.h"

#include <sys/prctl.h>
#include <sys/syscall.h>

#include "base/macros.h"

typedef struct __user_cap_data_struct CapabilityHalf;

static int change(uint64_t keep, uint64_t use) {
        struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
        CapabilityHalf halves[_LINUX_CAPABILITY_U32S_3];

        if (syscall(SYS_capget, &header, halves) < 0)
                return -errno;
        for (size_t i = 0; i < ELEMENTSOF(halves); i++) {
                halves[i].permitted &= (uint32_t) (keep >> 32 * i);
                halves[i].effective = halves[i].permitted & (uint32_t) (use >> 32 * i);
                halves[i].inheritable = 0;
        }
        return syscall(SYS_capset, &header, halves) < 0 ? -errno : 0;
}

int capabilities_limit(uint64_t wanted) {
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
            prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
                return -errno;
        return change(wanted, 0);
}

int capabilities_use(uint64_t wanted) {
        return change(UINT64_MAX, wanted);
}
