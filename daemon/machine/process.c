/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What /proc says about one other process, for the record of a helper and the report on a stuck one. */

#include <fcntl.h>
#include <limits.h>

#include "base/text.h"
#include "machine/attribute.h"
#include "machine/system.h"

#define STACK_FRAMES_MAX 6U

static int process_open(const char *root, pid_t pid) {
        char path[PATH_MAX];

        if (pid <= 0)
                return -ESRCH;
        if (text_format(path, sizeof(path), "%s/proc/%d", root, (int) pid) < 0)
                return -ENAMETOOLONG;
        int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return errno == ENOENT ? -ESRCH : -errno;
        return fd;
}

int process_start_time(const char *root, pid_t pid, uint64_t *ret_ticks) {
        _cleanup_close_ int dir = process_open(root, pid);
        char text[2048], number[24];

        if (dir < 0)
                return dir;
        int r = attribute_read(dir, "stat", text, sizeof(text));
        if (r < 0)
                return r == -ENOENT ? -ESRCH : r;
        /* Field 2, the name in parentheses, may hold spaces and parentheses: count from its end. */
        const char *field = strrchr(text, ')');
        for (int i = 2; field && i < 22; i++) {
                field = strchr(field, ' ');
                field = field ? field + 1 : NULL;
        }
        size_t n = field ? strcspn(field, " ") : 0;
        if (n == 0 || n >= sizeof(number))
                return -EBADMSG;
        memcpy(number, field, n);
        number[n] = '\0';
        return text_to_uint64(number, 10, ret_ticks);
}

/* "[<0>] nv_pci_remove+0x1b/0x40 [nvidia]" to "nv_pci_remove"; NULL at the end. @ret_next: the next line. */
static const char *stack_frame(const char *line, size_t *ret_n, const char **ret_next) {
        const char *bracket = text_starts_with(line, "[<");

        *ret_next = line + strcspn(line, "\n");
        *ret_next += **ret_next == '\n';
        if (!bracket)
                return NULL;
        line = strstr(bracket, ">] ");
        if (!line || line >= *ret_next)
                return NULL;
        line += 3;
        *ret_n = strcspn(line, "+ \n");
        return *ret_n > 0 ? line : NULL;
}

static void read_stack(int dir, ProcessPlace *place) {
        char text[4096];

        if (attribute_read_head(dir, "stack", text, sizeof(text)) < 0)
                return;
        const char *line = text, *next;
        for (unsigned i = 0; i < STACK_FRAMES_MAX && *line != '\0'; i++, line = next) {
                size_t n;
                const char *frame = stack_frame(line, &n, &next);
                if (!frame)
                        continue;
                bool first = place->stack[0] == '\0';
                if (first)
                        (void) text_format(place->function, sizeof(place->function), "%.*s", (int) n, frame);
                if (text_append(place->stack, sizeof(place->stack), "%s%.*s", first ? "" : " < ", (int) n, frame) < 0)
                        return;
        }
}

/* Both files take locks of the process that are only held while it executes a new program; a helper does not. */
void process_place(const char *root, pid_t pid, ProcessPlace *ret_place) {
        _cleanup_close_ int dir = process_open(root, pid);
        char wchan[sizeof(ret_place->function)];

        *ret_place = (ProcessPlace){ 0 };
        if (dir < 0)
                return;
        read_stack(dir, ret_place);
        /* "0": it runs, or we may not know. */
        if (ret_place->function[0] == '\0' && attribute_read(dir, "wchan", wchan, sizeof(wchan)) >= 0 &&
            !streq(wchan, "0"))
                (void) text_copy(ret_place->function, sizeof(ret_place->function), wchan);
        (void) text_make_printable(ret_place->function);
        (void) text_make_printable(ret_place->stack);
}
