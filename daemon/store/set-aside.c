/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A file that cannot be used still holds what a person may be able to read out of it, so that it is
 * renamed and never deleted. The main file goes first: a kill in between leaves a write-ahead log
 * without its file, which the next open recognises; the other way round it would find the file
 * without its last commits and take it for whole.
 */

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include "base/text.h"
#include "store/internal.h"

/* The main file first. */
static const char *const suffix_table[] = { "", "-wal", "-shm", "-journal" };

/* More files than that in one second are no accident any more. */
#define SET_ASIDE_TRIES_MAX 1000

static void closedirp(DIR **dir) {
        if (*dir)
                (void) closedir(*dir);
}

static int join(const char *path, const char *suffix, char **ret_joined) {
        return asprintf(ret_joined, "%s%s", path, suffix) < 0 ? -ENOMEM : 0;
}

/* 1: there is something at @path followed by @suffix. */
static int file_exists(const char *path, const char *suffix) {
        _cleanup_free_ char *name = NULL;
        struct stat st;

        int r = join(path, suffix, &name);
        if (r < 0)
                return r;
        if (lstat(name, &st) >= 0)
                return 1;
        return errno == ENOENT ? 0 : -errno;
}

/* A file that is not there is no error. */
static int move_one(const char *from, const char *to, const char *suffix) {
        _cleanup_free_ char *old = NULL, *new = NULL;

        int r = join(from, suffix, &old);
        if (r < 0)
                return r;
        r = join(to, suffix, &new);
        if (r < 0)
                return r;
        return rename(old, new) < 0 && errno != ENOENT ? -errno : 0;
}

/* So that the renames outlast a power loss as well; a file system that cannot do that is no reason to stop.
 */
static void sync_folder(const char *path) {
        _cleanup_close_ int fd = -EBADF;
        _cleanup_free_ char *folder = strdup(path);

        if (!folder)
                return;
        char *slash = strrchr(folder, '/');
        assert(slash);
        slash[1] = '\0';
        fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd >= 0)
                (void) fsync(fd);
}

/* A name of which neither the file nor any of its companions exists. */
static int choose_name(const char *path, char **ret_name) {
        time_t now = time(NULL);
        char stamp[32];
        struct tm tm;

        if (!gmtime_r(&now, &tm) || strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", &tm) == 0)
                return -EINVAL;
        for (unsigned i = 0; i < SET_ASIDE_TRIES_MAX; i++) {
                _cleanup_free_ char *name = NULL;
                char number[16] = "";
                int taken = 0;

                if (i > 0)
                        (void) text_format(number, sizeof(number), ".%u", i);
                if (asprintf(&name, "%s.broken-%s%s", path, stamp, number) < 0)
                        return -ENOMEM;
                for (size_t j = 0; j < ELEMENTSOF(suffix_table) && taken == 0; j++)
                        taken = file_exists(name, suffix_table[j]);
                if (taken < 0)
                        return taken;
                if (taken == 0) {
                        *ret_name = TAKE_PTR(name);
                        return 0;
                }
        }
        return -EEXIST;
}

int set_aside(const char *path, char **ret_aside) {
        _cleanup_free_ char *aside = NULL;

        int r = choose_name(path, &aside);
        if (r < 0)
                return r;
        for (size_t i = 0; i < ELEMENTSOF(suffix_table); i++) {
                r = move_one(path, aside, suffix_table[i]);
                if (r >= 0)
                        continue;
                while (i-- > 0)
                        (void) move_one(aside, path, suffix_table[i]);
                return r;
        }
        sync_folder(path);
        *ret_aside = TAKE_PTR(aside);
        return 0;
}

int set_aside_revert(const char *path, const char *aside) {
        int r;

        /* What the failed new store left, main file first; then the old ones, main file last. */
        for (size_t i = 0; i < ELEMENTSOF(suffix_table); i++) {
                _cleanup_free_ char *name = NULL;
                r = join(path, suffix_table[i], &name);
                if (r < 0)
                        return r;
                if (unlink(name) < 0 && errno != ENOENT)
                        return -errno;
        }
        for (size_t i = ELEMENTSOF(suffix_table); i > 0; i--) {
                r = move_one(aside, path, suffix_table[i - 1]);
                if (r < 0)
                        return r;
        }
        sync_folder(path);
        return 0;
}

/* Is @name "FILE.broken-..." and no companion of such a file? */
static bool is_set_aside(const char *name, const char *file) {
        const char *rest = text_starts_with(name, file);

        return rest && text_starts_with(rest, ".broken-") && !strstr(rest, "-wal") && !strstr(rest, "-shm") &&
               !strstr(rest, "-journal");
}

int set_aside_latest(const char *path, char **ret_aside) {
        _cleanup_(closedirp) DIR *dir = NULL;
        _cleanup_free_ char *folder = strdup(path), *latest = NULL;

        if (!folder)
                return -ENOMEM;
        char *slash = strrchr(folder, '/');
        assert(slash);
        const char *file = path + (slash - folder) + 1;
        slash[1] = '\0';
        dir = opendir(folder);
        if (!dir)
                return -errno;
        for (;;) {
                errno = 0;
                const struct dirent *entry = readdir(dir);
                if (!entry) {
                        if (errno > 0)
                                return -errno;
                        break;
                }
                /* The names carry their time, so that the last one by name is the newest. */
                if (!is_set_aside(entry->d_name, file) || (latest && strverscmp(entry->d_name, latest) <= 0))
                        continue;
                free(latest);
                latest = strdup(entry->d_name);
                if (!latest)
                        return -ENOMEM;
        }
        if (latest && asprintf(ret_aside, "%s%s", folder, latest) < 0)
                return -ENOMEM;
        if (!latest)
                *ret_aside = NULL;
        return 0;
}
