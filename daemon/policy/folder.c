/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Links are followed, since administrators link configuration into /etc and mask with /dev/null. What
 * is behind one is looked at before it is opened, because opening a FIFO or a device can block or act.
 */

#include "policy/folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/text.h"

#define SUFFIX ".json"

static void closedirp(DIR **p) {
        if (*p)
                (void) closedir(*p);
}

static bool name_counts(const char *name) {
        size_t n = strlen(name);

        return name[0] != '.' && n > strlen(SUFFIX) && streq(name + n - strlen(SUFFIX), SUFFIX);
}

/* The path goes over D-Bus and into the journal, which is no place for control characters. */
static bool name_is_plain(const char *name) {
        for (; *name; name++)
                if (*name <= 0x20 || *name > 0x7e)
                        return false;
        return true;
}

static int file_compare(const void *a, const void *b) {
        return strcmp(((const FolderFile *) a)->name, ((const FolderFile *) b)->name);
}

static void folder_add(Folder *folder, const char *path, const char *name, Report *report) {
        FolderFile *file = &folder->files[folder->n_files];

        if (!name_is_plain(name))
                (void) report_syntax(report, 0, "file name \"%s\": only plain ASCII without blanks", name);
        else if (folder->n_files >= FOLDER_FILES_MAX)
                (void) report_syntax(report, 0, "\"%s\": more than %u files", name, FOLDER_FILES_MAX);
        else if (text_format(file->path, sizeof(file->path), "%s/%s", path, name) < 0)
                (void) report_syntax(report, 0, "file name \"%s\": too long", name);
        else {
                (void) text_copy(file->name, sizeof(file->name), name);
                folder->n_files++;
        }
}

int folder_list(const char *path, Problems *problems, Folder *ret_folder) {
        _cleanup_(closedirp) DIR *dir = NULL;
        Report report = { .problems = problems, .file = path };
        Folder folder = { 0 };
        const struct dirent *entry;

        *ret_folder = folder;
        dir = path ? opendir(path) : NULL;
        if (!dir) {
                if (path && errno != ENOENT)
                        (void) report_syntax(&report, 0, "cannot be listed: %s", strerror(errno));
                return 0;
        }
        /* One more than the limit, so that the first too many has somewhere to be looked at. */
        folder.files = calloc(FOLDER_FILES_MAX + 1, sizeof(*folder.files));
        if (!folder.files)
                return -ENOMEM;
        while ((errno = 0, entry = readdir(dir)))
                if (name_counts(entry->d_name))
                        folder_add(&folder, path, entry->d_name, &report);
        if (errno != 0)
                (void) report_syntax(&report, 0, "cannot be listed: %s", strerror(errno));
        qsort(folder.files, folder.n_files, sizeof(*folder.files), file_compare);
        *ret_folder = folder;
        return 0;
}

void folder_done(Folder *folder) {
        free(folder->files);
        *folder = (Folder){ 0 };
}

const FolderFile *folder_find(const Folder *folder, const char *name) {
        for (size_t i = 0; i < folder->n_files; i++)
                if (streq(folder->files[i].name, name))
                        return &folder->files[i];
        return NULL;
}

static bool is_null_device(const struct stat *st) {
        return S_ISCHR(st->st_mode) && st->st_rdev == makedev(1, 3);
}

/* Reads to the end of the file, whatever fstat() said of its size. */
static int read_whole(int fd, Report *report, char **ret_text, size_t *ret_size) {
        _cleanup_free_ char *text = malloc(CONFIG_FILE_SIZE_MAX + 2);
        size_t size = 0;

        if (!text)
                return -ENOMEM;
        for (;;) {
                ssize_t n = read(fd, text + size, CONFIG_FILE_SIZE_MAX + 1 - size);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return report_syntax(report, 0, "cannot be read: %s", strerror(errno));
                size += (size_t) n;
                if (size > CONFIG_FILE_SIZE_MAX)
                        return report_syntax(report, 0, "larger than %u bytes", CONFIG_FILE_SIZE_MAX);
                if (n == 0)
                        break;
        }
        text[size] = '\0';
        *ret_text = TAKE_PTR(text);
        *ret_size = size;
        return 0;
}

int folder_read(const FolderFile *file, Report *report, char **ret_text, size_t *ret_size) {
        _cleanup_close_ int fd = -EBADF;
        struct stat st;

        *ret_text = NULL;
        *ret_size = 0;
        if (stat(file->path, &st) < 0) {
                /* A name without anything behind it has been removed since; a link to nowhere is a fault. */
                if (errno == ENOENT && lstat(file->path, &st) < 0)
                        return -ENOENT;
                return report_syntax(report, 0, "cannot be read: %s", strerror(errno));
        }
        if (is_null_device(&st))
                return 0;
        if (!S_ISREG(st.st_mode))
                return report_syntax(report, 0, "not a regular file");
        fd = open(file->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd < 0)
                return report_syntax(report, 0, "cannot be read: %s", strerror(errno));
        if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
                return report_syntax(report, 0, "not a regular file");
        return read_whole(fd, report, ret_text, ret_size);
}
