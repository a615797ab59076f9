/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An attribute of sysfs comes whole from its first read(); files of /proc may need several. Both end
 * with a read() of 0 bytes. Nothing here follows a name further than open() does.
 */

#include "machine/attribute.h"

#include <fcntl.h>
#include <limits.h>

#include "base/text.h"

/* Fills @buffer and terminates it. Returns the number of bytes, @size if there was more. */
static ssize_t read_upto(int fd, char *buffer, size_t size) {
        size_t n = 0;

        while (n < size) {
                ssize_t k = read(fd, buffer + n, size - n);
                if (k < 0 && errno == EINTR)
                        continue;
                if (k < 0)
                        return -errno;
                if (k == 0)
                        break;
                n += (size_t) k;
        }
        buffer[MIN_OF(n, size - 1)] = '\0';
        return (ssize_t) n;
}

static int attribute_read_bytes(int dir, const char *name, char *buffer, size_t size, size_t *ret_n) {
        _cleanup_close_ int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

        if (fd < 0)
                return -errno;
        ssize_t n = read_upto(fd, buffer, size);
        if (n < 0)
                return (int) n;
        *ret_n = (size_t) n;
        return 0;
}

int attribute_read(int dir, const char *name, char *buffer, size_t size) {
        size_t n = 0;
        int r = attribute_read_bytes(dir, name, buffer, size, &n);

        if (r < 0)
                return r;
        if (n >= size)
                return -ENOBUFS;
        (void) text_chomp(buffer);
        return 0;
}

int attribute_read_head(int dir, const char *name, char *buffer, size_t size) {
        size_t n;
        int r = attribute_read_bytes(dir, name, buffer, size, &n);

        if (r < 0)
                return r;
        (void) text_chomp(buffer);
        return 0;
}

int attribute_read_uint(int dir, const char *name, int base, uint64_t max, uint64_t *ret_value) {
        char text[32];
        uint64_t value;
        int r = attribute_read(dir, name, text, sizeof(text));

        if (r < 0)
                return r;
        r = text_to_uint64(text, base, &value);
        if (r < 0)
                return r;
        if (value > max)
                return -ERANGE;
        *ret_value = value;
        return 0;
}

int link_read_name(int dir, const char *name, char *buffer, size_t size) {
        char target[PATH_MAX];
        ssize_t n = readlinkat(dir, name, target, sizeof(target));

        if (n < 0)
                return -errno;
        if ((size_t) n >= sizeof(target))
                return -ENAMETOOLONG;
        target[n] = '\0';
        const char *slash = strrchr(target, '/');
        return text_copy(buffer, size, slash ? slash + 1 : target);
}

DIR *folder_open(int dir, const char *name) {
        int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0)
                return NULL;
        DIR *folder = fdopendir(fd);
        if (!folder)
                (void) close_fd(fd);
        return folder;
}

char *text_make_printable(char *s) {
        for (char *p = s; *p != '\0'; p++)
                if (*p < 0x20 || *p > 0x7e)
                        *p = '?';
        return s;
}
