/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A fuzzer's main() without libFuzzer: runs files, and holds each to its name. y_* must be accepted. n_* must
 * be refused, and the fault must be the one expected: in the file's first line ("// expect: PLACE | REASON", where
 * the format has comments), else in n_*.expected beside it.
 *
 *   run-corpus FILE|FOLDER...                 the above
 *   run-corpus --allocations FILE|FOLDER...   each y_* again and again, with its 1st, 2nd, ... allocation failing,
 *                                             alone and with all behind it: refused, or the very same result
 *   run-corpus --print FILE...                the verdict of each
 *   run-corpus --expect FILE|FOLDER...        write the missing n_*.expected, to be read before they are committed
 */

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include "allocations.h"
#include "base/text.h"
#include "entry.h"

/* Not of the product: a leak that the sanitizer can see now, if there is one. */
int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

/*
 * What is lost inside a library when its memory runs out: json-c before 0.17 forgets the entry that did not fit into
 * its list. Without failing allocations nothing is suppressed, neither here nor under libFuzzer.
 */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) {
        return "leak:libjson-c.so\n";
}

const char *__lsan_default_options(void);
const char *__lsan_default_options(void) {
        return "print_suppressions=0";
}

#define INPUT_SIZE_MAX ((size_t) 20 * 1024 * 1024)

typedef enum Mode { MODE_NAMES, MODE_ALLOCATIONS, MODE_PRINT, MODE_EXPECT } Mode;

static struct {
        Mode mode;
        size_t n_files, n_failed, n_runs;
        bool has_leaked;
        char path[PATH_MAX];
        FuzzVerdict verdict;
} run;

static void on_abort(int number) {
        /* The input that did it; the rest is on stderr already. */
        (void) !write(STDERR_FILENO, run.path, strlen(run.path));
        (void) !write(STDERR_FILENO, ": aborted\n", 10);
}

_printf_(1, 2) static void fail(const char *format, ...) {
        va_list ap;

        run.n_failed++;
        printf("%s: ", run.path);
        va_start(ap, format);
        vprintf(format, ap);
        va_end(ap);
        putchar('\n');
}

/* The whole file, in a block of exactly its size, so that a byte too far is seen. */
static uint8_t *read_file(const char *path, size_t *ret_size) {
        _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
        struct stat st;

        if (fd < 0 || fstat(fd, &st) < 0 || (size_t) st.st_size > INPUT_SIZE_MAX)
                return NULL;
        uint8_t *data = malloc(MAX_OF((size_t) st.st_size, 1U));
        for (size_t n = 0; data && n < (size_t) st.st_size;) {
                ssize_t k = read(fd, data + n, (size_t) st.st_size - n);
                if (k <= 0) {
                        free(data);
                        return NULL;
                }
                n += (size_t) k;
        }
        *ret_size = (size_t) st.st_size;
        return data;
}

/* "PLACE | REASON": both parts have to be in the fault. */
static bool fault_has(const char *expected, size_t n) {
        const char *bar = memmem(expected, n, " | ", 3);
        size_t first = bar ? (size_t) (bar - expected) : n;

        if (!memmem(run.verdict.fault, strlen(run.verdict.fault), expected, first))
                return false;
        return !bar || memmem(run.verdict.fault, strlen(run.verdict.fault), bar + 3, n - first - 3);
}

static bool fault_is_expected(const char *data, size_t size) {
        static const char mark[] = "// expect: ";
        char path[PATH_MAX + 16];
        size_t n;

        if (size > sizeof(mark) && memcmp(data, mark, sizeof(mark) - 1) == 0) {
                const char *text = data + sizeof(mark) - 1;
                const char *end = memchr(text, '\n', size - sizeof(mark) + 1);
                return end && fault_has(text, (size_t) (end - text));
        }
        (void) snprintf(path, sizeof(path), "%s.expected", run.path);
        _cleanup_free_ char *text = (char *) read_file(path, &n);
        while (text && n > 0 && text[n - 1] == '\n')
                n--;
        return text && n > 0 && fault_has(text, n);
}

static void write_expectation(void) {
        char path[PATH_MAX + 16];

        (void) snprintf(path, sizeof(path), "%s.expected", run.path);
        FILE *f = fopen(path, "wxe");
        if (!f)
                return;
        fprintf(f, "%.*s\n", (int) strcspn(run.verdict.fault, "\n"), run.verdict.fault);
        (void) fclose(f);
}

static void check_name(bool good, const uint8_t *data, size_t size) {
        judge(data, size, &run.verdict);
        run.n_runs++;
        if (good && !run.verdict.accepted)
                fail("must be accepted, and is refused: %s", run.verdict.fault);
        if (!good && run.verdict.accepted)
                fail("must be refused, and is accepted");
        else if (!good && run.mode == MODE_EXPECT)
                write_expectation();
        else if (!good && !fault_is_expected((const char *) data, size))
                fail("refused for another reason than expected: %s", run.verdict.fault);
}

/* One run with allocation @n failing. Return: is there such an allocation? */
static bool fail_one(size_t n, bool and_all_behind, uint64_t digest, long more, const uint8_t *data, size_t size) {
        const char *how = and_all_behind ? "and all behind it" : "alone";
        long live = allocations_live() + more;

        allocations_fail(n, and_all_behind);
        judge(data, size, &run.verdict);
        bool met = allocations_stop();
        run.n_runs++;
        if (run.verdict.accepted && run.verdict.digest != digest)
                fail("allocation %zu failing (%s) gives another result", n, how);
        if (!met && !run.verdict.accepted)
                fail("refused without a failing allocation: %s", run.verdict.fault);
        /* A library may fill a cache: only what nobody points to any more has leaked. */
        if (allocations_live() > live && !run.has_leaked && (!__lsan_do_recoverable_leak_check || __lsan_do_recoverable_leak_check())) {
                /* It would be found again by each later look. */
                run.has_leaked = true;
                fail("allocation %zu failing (%s) leaks %ld", n, how, allocations_live() - live);
        }
        return met;
}

static void check_allocations(const uint8_t *data, size_t size) {
        judge(data, size, &run.verdict);
        uint64_t digest = run.verdict.digest;
        size_t n_failed = run.n_failed;
        /* Once more, with whatever fills at the first use. Not always 0: the sanitizer's realpath() does not come by us. */
        long live = allocations_live();
        judge(data, size, &run.verdict);
        live = allocations_live() - live;

        for (int and_all_behind = 0; and_all_behind < 2; and_all_behind++)
                /* SQLite makes thousands, the later ones in the same places: behind the first thousand they are sampled. */
                for (size_t n = 1; fail_one(n, and_all_behind, digest, live, data, size);
                     n += n <= 1000 ? 1 : and_all_behind ? 17 : 5)
                        if (run.n_failed > n_failed + 3)
                                return;
}

static void run_file(void) {
        const char *name = strrchr(run.path, '/') ? strrchr(run.path, '/') + 1 : run.path;
        bool good = text_starts_with(name, "y_"), bad = text_starts_with(name, "n_");
        size_t size = 0;

        if (strlen(name) > 9 && streq(name + strlen(name) - 9, ".expected"))
                return;
        _cleanup_free_ uint8_t *data = read_file(run.path, &size);
        if (!data)
                return fail("cannot be read");
        if (run.mode == MODE_PRINT) {
                run.n_files++;
                judge(data, size, &run.verdict);
                printf("%s: %s %s", run.path, run.verdict.accepted ? "accepted\n" : "refused:", run.verdict.fault);
                return;
        }
        if (!good && !bad)
                return fail("neither y_* nor n_*");
        if (run.mode == MODE_ALLOCATIONS && !good)
                return;
        run.n_files++;
        if (run.mode == MODE_ALLOCATIONS)
                check_allocations(data, size);
        else
                check_name(good, data, size);
}

static void run_path(const char *path) {
        struct dirent **entries;
        struct stat st;

        (void) snprintf(run.path, sizeof(run.path), "%s", path);
        if (stat(path, &st) < 0)
                return fail("is not there");
        if (!S_ISDIR(st.st_mode))
                return run_file();
        int n = scandir(path, &entries, NULL, alphasort);
        for (int i = 0; i < n; i++) {
                if (entries[i]->d_name[0] != '.') {
                        (void) snprintf(run.path, sizeof(run.path), "%s/%s", path, entries[i]->d_name);
                        run_file();
                }
                free(entries[i]);
        }
        if (n >= 0)
                free(entries);
}

int main(int argc, char *argv[]) {
        int first = 1;

        if (argc > 1 && streq(argv[1], "--allocations"))
                run.mode = MODE_ALLOCATIONS;
        else if (argc > 1 && streq(argv[1], "--print"))
                run.mode = MODE_PRINT;
        else if (argc > 1 && streq(argv[1], "--expect"))
                run.mode = MODE_EXPECT;
        first += run.mode != MODE_NAMES;
        (void) setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
        (void) signal(SIGABRT, on_abort);
        (void) LLVMFuzzerInitialize(&argc, &argv);
        for (int i = first; i < argc; i++)
                run_path(argv[i]);
        printf("%zu files, %zu runs, %zu failed\n", run.n_files, run.n_runs, run.n_failed);
        return run.n_files > 0 && run.n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
