/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The files themselves, looked at before SQLite sees them: it would quietly delete or ignore a
 * write-ahead log that does not fit its file, and with it the last commits.
 */

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/text.h"
#include "store/internal.h"

/* https://www.sqlite.org/fileformat2.html, sections 1.2 and 4.1 */
#define WAL_HEADER_SIZE 32
#define DATABASE_SIZE_MIN 512
#define WAL_MAGIC UINT32_C(0x377f0682) /* the lowest bit tells the byte order of checksums */

static uint32_t big_endian_32(const uint8_t *bytes) {
        return (uint32_t) bytes[0] << 24 | (uint32_t) bytes[1] << 16 | (uint32_t) bytes[2] << 8 | bytes[3];
}

/* Can the log be read, and does it begin as one? Zeros are what a power loss leaves of one that was being
 * made. */
static int wal_check(const char *path, off_t *ret_size) {
        _cleanup_free_ char *name = NULL;
        _cleanup_close_ int fd = -EBADF;
        uint8_t header[WAL_HEADER_SIZE];
        struct stat st;

        *ret_size = 0;
        if (asprintf(&name, "%s-wal", path) < 0)
                return -ENOMEM;
        fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd < 0)
                return errno == ENOENT ? 0 : errno == ELOOP ? -EBADMSG : -errno;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return -EBADMSG;
        *ret_size = st.st_size;
        if (st.st_size < WAL_HEADER_SIZE)
                return 0;
        if (read(fd, header, sizeof(header)) != sizeof(header))
                return -EBADMSG;
        uint32_t magic = big_endian_32(header);
        return magic == 0 || (magic & ~UINT32_C(1)) == WAL_MAGIC ? 0 : -EBADMSG;
}

/* SQLite takes less than its smallest page for an empty file; only one that is being made may be that short,
 * and it has a journal. */
static int size_check(const char *path, off_t size) {
        _cleanup_free_ char *journal = NULL;

        if (size > STORE_FILE_SIZE_MAX)
                return -EBADMSG;
        if (size == 0 || size >= DATABASE_SIZE_MIN)
                return 0;
        if (asprintf(&journal, "%s-journal", path) < 0)
                return -ENOMEM;
        return access(journal, F_OK) < 0 ? -EBADMSG : 0;
}

int files_check(const char *path) {
        struct stat st = { 0 };
        off_t wal_size;

        if (lstat(path, &st) >= 0) {
                if (!S_ISREG(st.st_mode))
                        return -EBADMSG;
        } else if (errno != ENOENT)
                return -errno;
        int r = size_check(path, st.st_size);
        if (r < 0)
                return r;
        r = wal_check(path, &wal_size);
        if (r < 0)
                return r;
        return st.st_size == 0 && wal_size > 0 ? -EBADMSG : 0;
}

int files_create(const char *path) {
        /* SQLite gives the log the mode of the file. Opened only where there is none: closing a file loses
         * the locks that this process has on it. */
        _cleanup_close_ int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        struct stat st;

        if (fd >= 0)
                return 0;
        if (errno != EEXIST)
                return -errno;
        if (stat(path, &st) < 0)
                return -errno;
        return (st.st_mode & 07777) != 0600 && chmod(path, 0600) < 0 ? -errno : 0;
}

int files_resolve(const char *path, char **ret_path) {
        _cleanup_free_ char *folder = strdup(path), *resolved = NULL;

        if (!folder)
                return -ENOMEM;
        char *slash = strrchr(folder, '/');
        const char *name = slash ? path + (slash - folder) + 1 : path;
        if (isempty(name))
                return -EISDIR;
        if (slash)
                slash[slash == folder] = '\0';
        const char *parent = slash ? folder : ".";
        if (mkdir(parent, 0700) < 0 && errno != EEXIST)
                return -errno;

        /* The log lies next to what a link leads to. */
        resolved = realpath(path, NULL);
        if (resolved) {
                *ret_path = TAKE_PTR(resolved);
                return 0;
        }
        if (errno != ENOENT)
                return -errno;
        resolved = realpath(parent, NULL);
        if (!resolved)
                return -errno;
        return asprintf(ret_path, "%s/%s", resolved, name) < 0 ? -ENOMEM : 0;
}
