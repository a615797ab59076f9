/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Namespaces of a test's own: files under /etc and /run and messages of udev that libsystemd takes
 * for real, without this machine noticing. Needs root; without it the program says 77, "skipped".
 */

#include <check.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "base/macros.h"

/* From here on until the process ends, /etc and /run are empty and the network is empty. */
static inline int sandbox_enter(void) {
        if (unshare(CLONE_NEWNS | CLONE_NEWNET) < 0)
                return -errno;
        if (mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) < 0 ||
            mount("tmpfs", "/etc", "tmpfs", 0, "") < 0 || mount("tmpfs", "/run", "tmpfs", 0, "") < 0)
                return -errno;
        return 0;
}

static inline int sandbox_is_possible(void) {
        int status = 0;
        pid_t pid = fork();

        if (pid == 0)
                _exit(sandbox_enter() < 0);
        return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

/* CHECK_MAIN() for suites whose tests call sandbox_enter(). */
#define CHECK_MAIN_SANDBOXED(make_suite)                                                                     \
        int main(void) {                                                                                     \
                if (!sandbox_is_possible())                                                                  \
                        return 77;                                                                           \
                SRunner *runner = srunner_create(make_suite());                                              \
                /* Always one process per test. */                                                           \
                srunner_set_fork_status(runner, CK_FORK);                                                    \
                srunner_run_all(runner, CK_NORMAL);                                                          \
                int n_failed = srunner_ntests_failed(runner);                                                \
                srunner_free(runner);                                                                        \
                return n_failed == 0 ? 0 : 1;                                                                \
        }
