/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The libvirt hook as a whole: arguments, one a line up to an empty line, then what is on stdin. A first line "user"
 * stands for a session without privileges. No daemon can be reached, and 0000:01:00.0 is a display on amdgpu,
 * 0000:02:00.0 one on vfio-pci, 0000:03:00.0 a network card; they are answered from memory.
 *
 * Accepted: exit status 0. A VM that has a GPU is never let through; reconnect always is; nothing goes to stdout.
 */

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/address.h"
#include "base/text.h"
#include "client/bus.h"
#include "client/hook-input.h"
#include "client/libvirt-hook.h"
#include "fuzz.h"

#define ARGUMENTS_MAX 6U
#define FD_CLASS 100000
#define DEVICES "/sys/bus/pci/devices/"

static int input_fd = -EBADF;
static const char *class_text;

static const struct {
        const char *address, *class_text, *driver;
} devices[] = {
        { "0000:01:00.0", "0x030000\n", "amdgpu" },
        { "0000:02:00.0", "0x030000\n", "vfio-pci" },
        { "0000:03:00.0", "0x020000\n", "e1000e" },
};

int bus_connect(const Options *options, sd_bus **ret_bus) {
        return -ENOENT;
}

bool bus_error_is_verdict(const sd_bus_error *error) {
        return false;
}

static const char *find(const char *path, const char *attribute, bool is_class) {
        const char *name = text_starts_with(path, DEVICES);

        for (size_t i = 0; name && i < ELEMENTSOF(devices); i++) {
                const char *rest = text_starts_with(name, devices[i].address);
                if (rest && streq(rest, attribute))
                        return is_class ? devices[i].class_text : devices[i].driver;
        }
        return NULL;
}

int __real_open(const char *path, int flags, mode_t mode);
int __wrap_open(const char *path, int flags, mode_t mode);
int __wrap_open(const char *path, int flags, mode_t mode) {
        if (!text_starts_with(path, "/sys/"))
                return __real_open(path, flags, mode);
        class_text = find(path, "/class", true);
        if (class_text)
                return FD_CLASS;
        errno = ENOENT;
        return -1;
}

ssize_t __real_read(int fd, void *buffer, size_t size);
ssize_t __wrap_read(int fd, void *buffer, size_t size);
ssize_t __wrap_read(int fd, void *buffer, size_t size) {
        if (fd != FD_CLASS)
                return __real_read(fd, buffer, size);
        size = MIN_OF(size, strlen(class_text));
        memcpy(buffer, class_text, size);
        return (ssize_t) size;
}

int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_close(int fd) {
        return fd == FD_CLASS ? 0 : __real_close(fd);
}

ssize_t __real_readlink(const char *path, char *buffer, size_t size);
ssize_t __wrap_readlink(const char *path, char *buffer, size_t size);
ssize_t __wrap_readlink(const char *path, char *buffer, size_t size) {
        if (!text_starts_with(path, "/sys/"))
                return __real_readlink(path, buffer, size);
        const char *driver = find(path, "/driver", false);
        if (!driver) {
                errno = ENOENT;
                return -1;
        }
        size = MIN_OF(size, strlen(driver));
        memcpy(buffer, driver, size);
        return (ssize_t) size;
}

void fuzz_setup(void) {
        input_fd = memfd_create("stdin", MFD_CLOEXEC);
        fuzz_require(input_fd >= 0, "%m");
}

/* Cuts @text, which it changes, into lines. Return: what is behind the empty line. */
static char *cut_arguments(char *text, char *end, char *arguments[static ARGUMENTS_MAX + 1]) {
        size_t n = 0;

        while (text < end && *text != '\n') {
                char *stop = memchr(text, '\n', (size_t) (end - text));
                if (!stop)
                        stop = end;
                *stop = '\0';
                if (n < ARGUMENTS_MAX)
                        arguments[n++] = text;
                text = MIN_OF(stop + 1, end);
        }
        arguments[n] = NULL;
        return text < end ? text + 1 : end;
}

static void give_input(const char *text, size_t size) {
        fuzz_require(ftruncate(input_fd, 0) == 0 && lseek(input_fd, 0, SEEK_SET) == 0);
        fuzz_require(write(input_fd, text, size) == (ssize_t) size);
        fuzz_require(lseek(input_fd, 0, SEEK_SET) == 0);
}

/* Does the domain, as far as it can be understood, have the address? */
static bool lists(const char *text, size_t size, const char *address) {
        static DomainDescription domain;
        char message[256];

        if (domain_xml_parse(text, size, &domain, message, sizeof(message)) < 0)
                return false;
        for (size_t i = 0; i < domain.n_addresses; i++)
                if (streq(ADDRESS_TEXT(domain.addresses[i]), address))
                        return true;
        return false;
}

/* What the hook says on stderr; the stream is there before, so that no allocation of its own counts. */
static ExitStatus run_hook(const HookCall *call, bool privileged, char *ret_said, size_t size) {
        static char said[4096];
        static FILE *stream;
        FILE *saved = stderr;

        if (!stream) {
                stream = fmemopen(said, sizeof(said), "w");
                fuzz_require(stream, "%m");
                (void) setvbuf(stream, NULL, _IONBF, 0);
        }
        rewind(stream);
        stderr = stream;
        ExitStatus status = hook_run(call, input_fd, "", privileged);
        stderr = saved;
        long n = MIN_OF(MAX_OF(ftell(stream), 0L), (long) size - 1);
        memcpy(ret_said, said, (size_t) n);
        ret_said[n] = '\0';
        return status;
}

void fuzz_input(const uint8_t *data, size_t size, FuzzVerdict *ret) {
        static char text[65536 + 1], said[4096];
        char *arguments[ARGUMENTS_MAX + 1];
        bool privileged = true;

        size = MIN_OF(size, sizeof(text) - 1);
        memcpy(text, data, size);
        text[size] = '\0';
        char *end = text + size, *rest = cut_arguments(text, end, arguments), **first = arguments;
        if (first[0] && streq(first[0], "user")) {
                privileged = false;
                first++;
        }
        HookCall call = hook_call_parse(first);
        size_t input_size = (size_t) (end - rest);
        give_input(rest, input_size);
        ExitStatus status = run_hook(&call, privileged, said, sizeof(said));

        fuzz_require(status == EXIT_DONE || status == EXIT_REFUSED || status == EXIT_USAGE, "%d", (int) status);
        fuzz_require((status == EXIT_USAGE) == (call.action == HOOK_MISUSED));
        fuzz_require(call.action == HOOK_PREPARE || status != EXIT_REFUSED, "only a start may be refused");
        if (call.action == HOOK_PREPARE) {
                bool has_gpu = lists(rest, input_size, "0000:01:00.0") ||
                               (privileged && lists(rest, input_size, "0000:02:00.0"));
                fuzz_require(!has_gpu || status == EXIT_REFUSED, "a VM with a GPU is let through");
        }
        verdict_add_value(ret, status);
        if (status != EXIT_DONE)
                verdict_refuse(ret, "%s", text_chomp(said));
}
