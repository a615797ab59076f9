/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Loading and merging as the daemon does it, from three folders (in memory). The input is up to six files, each behind
 * a line "==> FOLDER/NAME", FOLDER one of vendor, admin, policy; text before the first such line is a policy file.
 *
 * Accepted: no problem at all. A file with a fault counts nowhere, and every rule says that something is missing.
 */

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "fuzz.h"
#include "policy.h"
#include "policy/model.h"

#define FILES_MAX 6U
#define MARK "==> "

static char root[64];
static char folders[3][80];
static char files[FILES_MAX][PATH_TEXT_SIZE];
static size_t n_files;

static void remove_root(void) {
        for (size_t i = 0; i < ELEMENTSOF(folders); i++)
                (void) rmdir(folders[i]);
        (void) rmdir(root);
}

void fuzz_setup(void) {
        static const char *const names[] = { "vendor", "admin", "policy" };

        (void) text_copy(root, sizeof(root), "/dev/shm/gpuswitch-fuzz-XXXXXX");
        fuzz_require(mkdtemp(root), "%m");
        for (size_t i = 0; i < ELEMENTSOF(folders); i++) {
                (void) text_format(folders[i], sizeof(folders[i]), "%s/%s", root, names[i]);
                fuzz_require(mkdir(folders[i], 0700) == 0, "%m");
        }
        (void) atexit(remove_root);
}

/* Only names that stay inside their folder. */
static void write_file(const char *name, const char *text, size_t size) {
        const char *slash = strchr(name, '/'), *file = slash ? slash + 1 : name;
        size_t folder = text_starts_with(name, "vendor/") ? 0 : text_starts_with(name, "admin/") ? 1 : 2;
        char *path = files[n_files];

        if (n_files >= FILES_MAX || isempty(file) || strchr(file, '/') || streq(file, ".") || streq(file, "..") ||
            text_format(path, PATH_TEXT_SIZE, "%s/%s", folders[folder], file) < 0)
                return;
        _cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0)
                return; /* there already, or a name that is too long */
        n_files++;
        fuzz_require(write(fd, text, size) == (ssize_t) size, "%m");
}

static void write_files(const char *text, const char *end) {
        char name[128] = "policy/50.json";

        while (text < end) {
                const char *next = memmem(text, (size_t) (end - text), "\n" MARK, strlen(MARK) + 1);
                const char *stop = next ? next + 1 : end;
                if ((size_t) (stop - text) >= strlen(MARK) && memcmp(text, MARK, strlen(MARK)) == 0) {
                        const char *line = memchr(text, '\n', (size_t) (stop - text));
                        if (!line)
                                line = stop;
                        (void) text_format(name, sizeof(name), "%.*s", (int) MIN_OF(line - text - (long) strlen(MARK), 100L),
                                           text + strlen(MARK));
                        text = MIN_OF(line + 1, stop);
                }
                write_file(name, text, (size_t) (stop - text));
                text = stop;
        }
}

void fuzz_input(const uint8_t *data, size_t size, FuzzVerdict *ret) {
        PolicyDirs dirs = { .quirks_vendor = folders[0], .quirks_admin = folders[1], .policy = folders[2] };
        Policy *policy = NULL;

        n_files = 0;
        write_files((const char *) data, (const char *) data + size);
        int r = policy_load(&dirs, &policy);
        for (size_t i = 0; i < n_files; i++)
                (void) unlink(files[i]);
        fuzz_require(r == 0 || r == -ENOMEM, "%d", r);
        if (r < 0) {
                ret->error = r;
                return verdict_refuse(ret, "out of memory");
        }
        policy_take_problems(ret, policy);
        verdict_add_value(ret, policy->n_families);
        verdict_add_value(ret, policy->n_cards);
        policy_take_rules(ret, policy);
        policy_free(policy);
}
