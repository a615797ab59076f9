/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The lock belongs to the open file, so it outlives the daemon and ends with this process, however that
 * ends; the text only says who it is. The start time makes the pid unmistakable.
 */

#include "helper/lock.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/macros.h"
#include "base/text.h"
#include "helper/protocol.h"
#include "machine/system.h"

static void read_holder(int fd, char *buffer, size_t size) {
        ssize_t n = pread(fd, buffer, size - 1, 0);

        buffer[n > 0 ? n : 0] = '\0';
        (void) text_chomp(buffer);
}

int lock_take(const char *path, int *ret_fd, HelperReply *reply) {
        char text[64];
        uint64_t start_time = 0;

        _cleanup_close_ int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
        if (fd < 0) {
                int r = -errno;
                return reply_fail(reply, r, "cannot open the lock file %s: %s", path, strerror(-r));
        }
        if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
                int r = -errno;
                if (r != -EWOULDBLOCK)
                        return reply_fail(reply, r, "cannot lock %s: %s", path, strerror(-r));
                read_holder(fd, text, sizeof(text));
                return reply_fail(reply, -EBUSY, "%s", text);
        }
        int r = process_start_time("", getpid(), &start_time);
        if (r < 0)
                return reply_fail(reply, r, "cannot read our own start time: %s", strerror(-r));
        (void) text_format(text, sizeof(text), "%d %" PRIu64 "\n", (int) getpid(), start_time);
        /* Written over the old text, then cut: whoever reads meanwhile finds a holder, never nothing. */
        ssize_t n = pwrite(fd, text, strlen(text), 0);
        if (n < 0 || ftruncate(fd, n) < 0) {
                r = -errno;
                return reply_fail(reply, r, "cannot write to the lock file %s: %s", path, strerror(-r));
        }
        (void) text_copy(reply->message, sizeof(reply->message), text_chomp(text));
        *ret_fd = TAKE_FD(fd);
        return 0;
}

void lock_begun(int fd) {
        /* Without it a later daemon gives us more time than we have, no less. */
        (void) futimens(fd, NULL);
}
