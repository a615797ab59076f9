/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The program's own malloc() and its family come before those of any library, so that json-c, libxml2,
 * SQLite and libsystemd get theirs from here as well. What does not fail is passed on: to the address
 * sanitizer where there is one, else to the C library.
 */

#include "allocations.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void *__interceptor_malloc(size_t size) __attribute__((weak));
void *__interceptor_calloc(size_t n, size_t size) __attribute__((weak));
void *__interceptor_realloc(void *old, size_t size) __attribute__((weak));
void __interceptor_free(void *p) __attribute__((weak));
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t size);
void __libc_free(void *p);

static struct {
        size_t countdown; /* 0: off */
        bool and_all_behind;
        bool met;
        bool paused;
        long live;
} state;

static bool fails(void) {
        if (state.countdown == 0 || state.paused)
                return false;
        if (state.countdown > 1) {
                state.countdown--;
                return false;
        }
        if (!state.and_all_behind)
                state.countdown = 0;
        state.met = true;
        errno = ENOMEM;
        return true;
}

/*
 * Not held to it: before 0.17, json-c's parser copies the key of a member and does not look whether it got the
 * copy (json_tokener.c, json_tokener_state_object_field); nothing outside it can help that.
 */
static bool is_beyond_help(const void *caller) {
        Dl_info info;

        return state.countdown == 1 && dladdr(caller, &info) && info.dli_fname && strstr(info.dli_fname, "libjson-c.");
}

static void *counted(void *p) {
        state.live += p != NULL;
        return p;
}

void *malloc(size_t size) {
        if (fails())
                return NULL;
        return counted(__interceptor_malloc ? __interceptor_malloc(size) : __libc_malloc(size));
}

void *calloc(size_t n, size_t size) {
        if (fails())
                return NULL;
        return counted(__interceptor_calloc ? __interceptor_calloc(n, size) : __libc_calloc(n, size));
}

void *realloc(void *old, size_t size) {
        if (size > 0 && fails())
                return NULL;
        void *p = __interceptor_realloc ? __interceptor_realloc(old, size) : __libc_realloc(old, size);
        if (!old)
                return counted(p);
        state.live -= size == 0 && !p;
        return p;
}

void *reallocarray(void *old, size_t n, size_t size) {
        if (size > 0 && n > SIZE_MAX / size) {
                errno = ENOMEM;
                return NULL;
        }
        return realloc(old, n * size);
}

void free(void *p) {
        int saved = errno;

        state.live -= p != NULL;
        __interceptor_free ? __interceptor_free(p) : __libc_free(p);
        errno = saved;
}

static char *copy_text(const char *s, size_t n) {
        char *copy = malloc(n + 1);

        if (!copy)
                return NULL;
        copy[n] = '\0';
        return memcpy(copy, s, n);
}

/* The sanitizer's own of these would not come by here. */
char *strndup(const char *s, size_t size) {
        return copy_text(s, strnlen(s, size));
}

char *strdup(const char *s) {
        size_t countdown = state.countdown;

        if (is_beyond_help(__builtin_return_address(0)))
                state.countdown = 0;
        char *copy = copy_text(s, strlen(s));
        if (state.countdown == 0 && copy)
                state.countdown = countdown;
        return copy;
}

void allocations_fail(size_t n, bool and_all_behind) {
        state.countdown = n;
        state.paused = false;
        state.and_all_behind = and_all_behind;
        state.met = false;
}

void allocations_go_on(bool on) {
        state.paused = !on;
}

bool allocations_have_failed(void) {
        return state.met;
}

bool allocations_stop(void) {
        bool met = state.met;

        state.countdown = 0;
        state.paused = state.met = false;
        return met;
}

long allocations_live(void) {
        return state.live;
}
