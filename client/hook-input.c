/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libvirt waits for the hook without limit, so the hook must not wait without limit for libvirt. */

#include "client/hook-input.h"

#include <assert.h>
#include <ctype.h>
#include <poll.h>
#include <string.h>
#include <time.h>

#include "base/macros.h"
#include "base/text.h"
#include "gpuswitch/deadlines.h"

/* libvirt writes the XML at once; who does not is not libvirt. */
#define STDIN_TIMEOUT_USEC (30 * USEC_PER_SEC)
#define READ_CHUNK ((size_t) 65536)

static usec_t monotonic_now(void) {
        struct timespec now = { 0 };

        (void) clock_gettime(CLOCK_MONOTONIC, &now);
        return (usec_t) now.tv_sec * USEC_PER_SEC + (usec_t) now.tv_nsec / 1000;
}

/* Return: > 0 there is something to read (or the end), -ETIMEDOUT, other negative errno. */
static int wait_readable(int fd, usec_t until) {
        struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
        usec_t now = monotonic_now();

        if (now >= until)
                return -ETIMEDOUT;
        int r = poll(&poll_fd, 1, (int) ((until - now) / USEC_PER_MSEC) + 1);
        return r < 0 ? -errno : r == 0 ? -ETIMEDOUT : r;
}

/* Everything up to the end. Return: 0; -E2BIG; -ETIMEDOUT; other negative errno. */
static int read_all(int fd, char **ret_data, size_t *ret_size) {
        _cleanup_free_ char *data = NULL;
        size_t size = 0, capacity = 0;
        usec_t until = monotonic_now() + STDIN_TIMEOUT_USEC;

        for (;;) {
                if (size == capacity) {
                        capacity += MAX_OF(capacity, READ_CHUNK);
                        char *grown = realloc(data, capacity);
                        if (!grown)
                                return -ENOMEM;
                        data = grown;
                }
                int r = wait_readable(fd, until);
                if (r == -EINTR)
                        continue;
                if (r < 0)
                        return r;
                ssize_t n = read(fd, data + size, capacity - size);
                if (n < 0 && (errno == EINTR || errno == EAGAIN))
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                size += (size_t) n;
                if (size > DOMAIN_XML_SIZE_MAX)
                        return -E2BIG;
        }
        *ret_data = TAKE_PTR(data);
        *ret_size = size;
        return 0;
}

int hook_find_uuid(const char *data, size_t size, char ret_uuid[static UUID_TEXT_SIZE]) {
        static const char tag[] = "<uuid>";
        const char *start = memmem(data, size, tag, sizeof(tag) - 1);
        char uuid[UUID_TEXT_SIZE] = "";

        if (!start)
                return -ENOENT;
        start += sizeof(tag) - 1;
        if ((size_t) (data + size - start) < sizeof(uuid) - 1)
                return -ENOENT;
        for (size_t i = 0; i < sizeof(uuid) - 1; i++)
                uuid[i] = (char) tolower((unsigned char) start[i]);
        if (!text_is_uuid(uuid))
                return -ENOENT;
        return text_copy(ret_uuid, UUID_TEXT_SIZE, uuid);
}

void hook_input_read(int fd, HookInput *ret_input) {
        _cleanup_free_ char *data = NULL;
        size_t size = 0;

        *ret_input = (HookInput){ 0 };
        int r = read_all(fd, &data, &size);
        if (r < 0) {
                (void) text_format(ret_input->fault, sizeof(ret_input->fault), "%s", strerror(-r));
                return;
        }
        assert(data);
        r = domain_xml_parse(data, size, &ret_input->domain, ret_input->fault, sizeof(ret_input->fault));
        ret_input->valid = r >= 0;
        if (r < 0)
                (void) hook_find_uuid(data, size, ret_input->domain.uuid);
}
