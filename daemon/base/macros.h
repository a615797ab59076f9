/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Ownership and small idioms. A local that owns something carries one of the _cleanup_ words. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ELEMENTSOF(x) (sizeof(x) / sizeof((x)[0]))
#define _cleanup_(f) __attribute__((cleanup(f)))
#define _printf_(a, b) __attribute__((format(printf, a, b)))
#define _unused_ __attribute__((unused))
#define _warn_unused_ __attribute__((warn_unused_result))

#define MIN_OF(a, b) ((a) < (b) ? (a) : (b))
#define MAX_OF(a, b) ((a) > (b) ? (a) : (b))

/* Hand an owned pointer or descriptor over: the source no longer owns it. */
#define TAKE_PTR(ptr)                           \
        ({                                      \
                typeof(ptr) *_taken_ = &(ptr);  \
                typeof(ptr) _value_ = *_taken_; \
                *_taken_ = NULL;                \
                _value_;                        \
        })
#define TAKE_FD(fd)                     \
        ({                              \
                int *_taken_ = &(fd);   \
                int _value_ = *_taken_; \
                *_taken_ = -EBADF;      \
                _value_;                \
        })

/* Makes `name_p`, to be used with _cleanup_(), from a destructor that takes the pointer itself. */
#define DEFINE_CLEANUP(type, destructor)                                \
        static inline _unused_ void destructor##p(type *p) {            \
                if (*p)                                                 \
                        destructor(*p);                                 \
        }

static inline void freep(void *p) {
        free(*(void **) p);
}

/* Returns -EBADF, so that `fd = close_fd(fd)` leaves nothing behind. Keeps errno. */
static inline int close_fd(int fd) {
        if (fd >= 0) {
                int saved = errno;
                (void) close(fd);
                errno = saved;
        }
        return -EBADF;
}

static inline void close_fdp(int *fd) {
        (void) close_fd(*fd);
}

static inline void fclosep(FILE **f) {
        if (*f)
                (void) fclose(*f);
}

#define _cleanup_free_ _cleanup_(freep)
#define _cleanup_close_ _cleanup_(close_fdp)
#define _cleanup_fclose_ _cleanup_(fclosep)
