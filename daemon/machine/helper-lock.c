/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The file tells who and since when (its modification time, which the helper renews for each request), the lock tells
 * whether that still holds. Asking means to take the lock for a moment, shared and without waiting: so it is only asked
 * while no helper of our own is about to start.
 */

#include "machine/helper-lock.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/address.h"
#include "base/text.h"
#include "gpuswitch/limits.h"
#include "machine/system.h"

/* "PID START-TIME" */
static int holder_parse(char *text, HelperLock *ret_lock) {
        char *space = strchr(text_chomp(text), ' ');
        uint64_t pid;

        if (!space)
                return -EBADMSG;
        *space = '\0';
        int r = text_to_uint64(text, 10, &pid);
        if (r >= 0)
                r = text_to_uint64(space + 1, 10, &ret_lock->start_time);
        if (r < 0 || pid == 0 || pid > INT_MAX)
                return -EBADMSG;
        ret_lock->pid = (pid_t) pid;
        return 0;
}

int helper_lock_read(const char *root, const char *lock_dir, PciAddress card, HelperLock *ret_lock) {
        char path[PATH_TEXT_SIZE], text[64];
        HelperLock lock = { 0 };
        uint64_t start_time;
        struct stat facts;

        card.function = 0;
        if (text_format(path, sizeof(path), "%s/%s.lock", lock_dir, ADDRESS_TEXT(card)) < 0)
                return -ENAMETOOLONG;
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd < 0)
                return errno == ENOENT ? 0 : -errno;
        if (flock(fd, LOCK_SH | LOCK_NB) >= 0)
                return 0; /* closing the descriptor gives it back */
        if (errno != EWOULDBLOCK)
                return -errno;
        ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
        if (n < 0 || fstat(fd, &facts) < 0)
                return -errno;
        text[n] = '\0';
        int r = holder_parse(text, &lock);
        if (r < 0)
                return r;
        r = process_start_time(root, lock.pid, &start_time);
        if (r < 0)
                return r == -ESRCH ? 0 : r;
        if (start_time != lock.start_time)
                return 0;
        lock.begun_usec = (usec_t) facts.st_mtim.tv_sec * USEC_PER_SEC + (usec_t) facts.st_mtim.tv_nsec / 1000;
        *ret_lock = lock;
        return 1;
}
