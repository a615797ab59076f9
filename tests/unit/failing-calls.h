/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Calls into the C library that fail when their turn comes. Counting makes it exhaustive: run with the 1st, 2nd, ...
 * call failing until a run ends without having met its failure. What is wrapped here has to be named with
 * -Wl,--wrap= for the program (see CMakeLists.txt); only calls between failing_arm() and failing_disarm() count.
 */

#include <errno.h>
#include <stdbool.h>

#include "base/macros.h"

static struct {
        bool armed;
        int error;      /* errno of the failing call */
        unsigned at;    /* which one, from 1 */
        unsigned count; /* how many there were */
        const char *name; /* of the one that failed */
} failing;

static _unused_ void failing_arm(int error, unsigned at) {
        failing.armed = true;
        failing.error = error;
        failing.at = at;
        failing.count = 0;
        failing.name = NULL;
}

/* Has the failure been met? */
static _unused_ bool failing_disarm(void) {
        failing.armed = false;
        return failing.count >= failing.at;
}

static _unused_ bool failing_is_due(const char *name) {
        if (!failing.armed || ++failing.count != failing.at)
                return false;
        failing.name = name;
        errno = failing.error;
        return true;
}

/* FAILING_CALL(int, unlink, -1, (const char *path), (path)) */
#define FAILING_CALL(type, function, failure, parameters, arguments)                                         \
        type __real_##function parameters;                                                                   \
        type __wrap_##function parameters;                                                                   \
        type __wrap_##function parameters {                                                                  \
                return failing_is_due(#function) ? (failure) : __real_##function arguments;                  \
        }
