/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Loaded into the unmodified daemon and helper by LD_PRELOAD, for what cannot be done from outside: time that a scenario
 * moves, and an end at an exact place. All of it is told by the environment:
 *
 *   SIM_PAGE=PATH          the page that is shared with the harness: clock offsets, counters, and the same as
 *                          SIM_KILL for processes that run already (struct Page)
 *   SIM_KILL=POINT:WHEN:N  SIGKILL to the process itself, "before" or "after" the N-th (from 1) passing of POINT
 *   SIM_FAIL=POINT:N:ERRNO from its N-th passing on, POINT fails so (only "commit")
 *
 * Points of the daemon: "commit" (a transaction of SQLite becomes valid: the last page of its last frame in the
 * write-ahead log), "send" (a request to the helper), "receive" (a reply of the helper). Points of the helper:
 * "request" (received), "write" (to a file of /sys), "answer" (a reply to the daemon). Counters run over all processes of
 * the machine that have the page.
 */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "gpuswitch/helper-protocol.h"

#define TIMERS_MAX 64
#define WAL_FRAME_HEADER_SIZE 24

typedef enum Point {
        POINT_COMMIT,
        POINT_SEND,
        POINT_RECEIVE,
        POINT_REQUEST,
        POINT_WRITE,
        POINT_ANSWER,
        POINTS,
} Point;

static const char *const point_names[POINTS] = { "commit", "send", "receive", "request", "write", "answer" };

typedef struct Page {
        int64_t monotonic_nsec; /* added to CLOCK_MONOTONIC and CLOCK_BOOTTIME */
        int64_t realtime_nsec;
        uint32_t counters[POINTS];
        uint32_t kill_point; /* from 1; 0: none, or it has struck: once is enough */
        uint32_t kill_before;
        uint32_t kill_at;
} Page;

typedef struct Timer {
        int fd;
        bool armed;
        clockid_t clock;
        struct itimerspec wanted; /* absolute, in the time of the process */
} Timer;

static Page *page;
static Timer timers[TIMERS_MAX];
static int kill_point = -1, fail_point = -1;
static bool kill_before;
static uint32_t kill_at, fail_at;
static int fail_errno;

static int64_t offset_of(clockid_t clock) {
        if (!page)
                return 0;
        if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE || clock == CLOCK_REALTIME_ALARM)
                return __atomic_load_n(&page->realtime_nsec, __ATOMIC_RELAXED);
        if (clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_COARSE || clock == CLOCK_MONOTONIC_RAW ||
            clock == CLOCK_BOOTTIME || clock == CLOCK_BOOTTIME_ALARM)
                return __atomic_load_n(&page->monotonic_nsec, __ATOMIC_RELAXED);
        return 0;
}

static void shift(struct timespec *t, int64_t nsec) {
        int64_t sum = (int64_t) t->tv_nsec + nsec % 1000000000;

        t->tv_sec += nsec / 1000000000;
        if (sum < 0) {
                sum += 1000000000;
                t->tv_sec--;
        } else if (sum >= 1000000000) {
                sum -= 1000000000;
                t->tv_sec++;
        }
        t->tv_nsec = sum;
}

static bool is_zero(const struct timespec *t) {
        return t->tv_sec == 0 && t->tv_nsec == 0;
}

/* --- time --- */

int clock_gettime(clockid_t clock, struct timespec *t) {
        if (syscall(SYS_clock_gettime, clock, t) < 0)
                return -1;
        shift(t, offset_of(clock));
        return 0;
}

int clock_nanosleep(clockid_t clock, int flags, const struct timespec *wanted, struct timespec *left) {
        struct timespec t = *wanted;

        if (flags & TIMER_ABSTIME)
                shift(&t, -offset_of(clock));
        if (t.tv_sec < 0)
                return 0;
        return syscall(SYS_clock_nanosleep, clock, flags, &t, left) < 0 ? errno : 0;
}

int timerfd_create(clockid_t clock, int flags) {
        int fd = (int) syscall(SYS_timerfd_create, clock, flags);

        /* The slot of an earlier timer with that number, else a free one. */
        for (int i = 0; fd >= 0 && i < TIMERS_MAX; i++)
                if (timers[i].fd == fd || timers[i].fd == 0) {
                        timers[i] = (Timer){ .fd = fd, .clock = clock };
                        break;
                }
        return fd;
}

static int arm(const Timer *timer, struct itimerspec *old) {
        struct itimerspec real = timer->wanted;

        shift(&real.it_value, -offset_of(timer->clock));
        /* Zero would disarm it, and what is over fires at once. */
        if (real.it_value.tv_sec < 0 || is_zero(&real.it_value))
                real.it_value = (struct timespec){ .tv_nsec = 1 };
        return (int) syscall(SYS_timerfd_settime, timer->fd, TFD_TIMER_ABSTIME, &real, old);
}

int timerfd_settime(int fd, int flags, const struct itimerspec *wanted, struct itimerspec *old) {
        for (int i = 0; i < TIMERS_MAX; i++) {
                Timer *timer = &timers[i];
                if (timer->fd != fd || fd == 0)
                        continue;
                timer->armed = (flags & TFD_TIMER_ABSTIME) && !is_zero(&wanted->it_value);
                timer->wanted = *wanted;
                if (timer->armed)
                        return arm(timer, old);
        }
        return (int) syscall(SYS_timerfd_settime, fd, flags, wanted, old);
}

/* The harness has moved the clock: what is due by now fires now. */
static void on_clock_moved(int signal_number) {
        int saved = errno;

        for (int i = 0; i < TIMERS_MAX; i++)
                if (timers[i].armed)
                        (void) arm(&timers[i], NULL);
        errno = saved;
}

/* --- points --- */

static void die(void) {
        (void) syscall(SYS_kill, getpid(), SIGKILL);
        for (;;)
                (void) pause();
}

static bool is_due(Point point, uint32_t n, bool before) {
        if ((int) point == kill_point && kill_before == before && n == kill_at)
                return true;
        uint32_t armed = (uint32_t) point + 1;
        return page && page->kill_at == n && (page->kill_before != 0) == before &&
               __atomic_compare_exchange_n(&page->kill_point, &armed, 0, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

/* Counts, and ends the process if it is to end before this. Returns the number of this passing. */
static uint32_t pass(Point point) {
        uint32_t n = page ? __atomic_add_fetch(&page->counters[point], 1, __ATOMIC_SEQ_CST) : 0;

        if (is_due(point, n, true))
                die();
        return n;
}

static void passed(Point point, uint32_t n) {
        if (is_due(point, n, false))
                die();
}

static bool path_of(int fd, char *path, size_t size) {
        char link[40];

        (void) snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        ssize_t n = readlink(link, path, size - 1);
        path[n > 0 ? n : 0] = '\0';
        return n > 0;
}

static bool is_log(int fd) {
        char path[256];

        if (!path_of(fd, path, sizeof(path)))
                return false;
        size_t n = strlen(path);
        return n > 4 && strcmp(path + n - 4, "-wal") == 0;
}

static bool is_sysfs(int fd) {
        char path[256];

        return path_of(fd, path, sizeof(path)) && strncmp(path, "/sys/", 5) == 0;
}

/* In a frame's header, the size of the database after the commit; 0 in all frames but a transaction's last. */
static bool is_commit_header(const void *bytes, size_t size) {
        static const uint8_t zero[4];

        return size == WAL_FRAME_HEADER_SIZE && memcmp((const uint8_t *) bytes + 4, zero, 4) != 0;
}

static ssize_t write_log(int fd, const void *bytes, size_t size, off_t offset) {
        static uint32_t commit;

        if (commit > 0) {
                ssize_t n = syscall(SYS_pwrite64, fd, bytes, size, offset);
                passed(POINT_COMMIT, commit);
                commit = 0;
                return n;
        }
        if (is_commit_header(bytes, size)) {
                commit = pass(POINT_COMMIT);
                if (fail_point == POINT_COMMIT && commit >= fail_at) {
                        commit = 0;
                        errno = fail_errno;
                        return -1;
                }
        }
        return syscall(SYS_pwrite64, fd, bytes, size, offset);
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset) {
        if (is_log(fd))
                return write_log(fd, bytes, size, offset);
        uint32_t n = is_sysfs(fd) ? pass(POINT_WRITE) : 0;
        ssize_t result = syscall(SYS_pwrite64, fd, bytes, size, offset);
        if (n > 0)
                passed(POINT_WRITE, n);
        return result;
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off_t offset) {
        return pwrite(fd, bytes, size, offset);
}

ssize_t write(int fd, const void *bytes, size_t size) {
        uint32_t n = is_sysfs(fd) ? pass(POINT_WRITE) : 0;
        ssize_t result = syscall(SYS_write, fd, bytes, size);

        if (n > 0)
                passed(POINT_WRITE, n);
        return result;
}

ssize_t send(int fd, const void *bytes, size_t size, int flags) {
        bool request = size == sizeof(HelperRequest), reply = size == sizeof(HelperReply);
        uint32_t n = request ? pass(POINT_SEND) : reply ? pass(POINT_ANSWER) : 0;
        ssize_t result = syscall(SYS_sendto, fd, bytes, size, flags, NULL, 0);

        if (request)
                passed(POINT_SEND, n);
        else if (reply)
                passed(POINT_ANSWER, n);
        return result;
}

ssize_t recv(int fd, void *bytes, size_t size, int flags) {
        ssize_t result = syscall(SYS_recvfrom, fd, bytes, size, flags, NULL, NULL);
        Point point = size == sizeof(HelperReply) ? POINT_RECEIVE : POINT_REQUEST;

        if (result > 0 && (size_t) result == size && (size == sizeof(HelperReply) || size == sizeof(HelperRequest)))
                passed(point, pass(point));
        return result;
}

/* --- beginning --- */

static int point_of(const char *name, size_t n) {
        for (int i = 0; i < POINTS; i++)
                if (strlen(point_names[i]) == n && strncmp(point_names[i], name, n) == 0)
                        return i;
        (void) fprintf(stderr, "sim shim: no such point: %s\n", name);
        _exit(99);
}

__attribute__((constructor)) static void begin(void) {
        const char *path = getenv("SIM_PAGE"), *doom = getenv("SIM_KILL"), *fail = getenv("SIM_FAIL");

        if (path) {
                int fd = open(path, O_RDWR | O_CLOEXEC);
                void *memory = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(Page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
                if (memory == MAP_FAILED) {
                        (void) fprintf(stderr, "sim shim: cannot map %s\n", path);
                        _exit(99);
                }
                page = memory;
                (void) close(fd);
                (void) signal(SIGRTMAX - 3, on_clock_moved);
        }
        if (doom) {
                const char *when = strchr(doom, ':'), *number = when ? strchr(when + 1, ':') : NULL;
                kill_point = point_of(doom, when ? (size_t) (when - doom) : strlen(doom));
                kill_before = when && strncmp(when + 1, "before", 6) == 0;
                kill_at = number ? (uint32_t) atoi(number + 1) : 1;
        }
        if (fail) {
                const char *number = strchr(fail, ':'), *error = number ? strchr(number + 1, ':') : NULL;
                fail_point = point_of(fail, number ? (size_t) (number - fail) : strlen(fail));
                fail_at = number ? (uint32_t) atoi(number + 1) : 1;
                fail_errno = error ? atoi(error + 1) : ENOSPC;
        }
}
