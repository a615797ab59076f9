/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The file `resourceN` of a function is mapped, not read: the kernel maps a memory BAR uncached (pci_mmap_resource()),
 * so each access of ours is one on the bus, and nobody puts them together. Root needs no capability for that, but the
 * kernel must not be locked down. A function that does not answer reads all ones.
 */

#include "helper/mmio.h"

#include <assert.h>
#include <endian.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/address.h"
#include "base/macros.h"
#include "base/text.h"
#include "helper/files.h"
#include "helper/protocol.h"

static int fail(int error, const char *what, const char *path, HelperReply *reply) {
        return reply_fail(reply, error, "cannot %s %s: %s%s", what, path, strerror(-error),
                          error == -EPERM ? " (under kernel lockdown, which Secure Boot brings, registers of a card "
                                            "cannot be reached)"
                                          : "");
}

int mmio_open(const Helper *helper, PciAddress address, uint8_t bar, size_t size, Mmio *ret, HelperReply *reply) {
        char path[PATH_TEXT_SIZE], name[16];
        struct stat st;

        (void) text_format(name, sizeof(name), "resource%u", bar);
        if (device_path(helper, address, name, path) < 0)
                return reply_fail(reply, -ENAMETOOLONG, "the path of %s is too long", name);
        _cleanup_close_ int fd = open(path, O_RDWR | O_SYNC | O_CLOEXEC | O_NOFOLLOW);
        if (fd < 0 && errno == ENOENT)
                return reply_fail(reply, -ENODEV, "%s has no BAR %u: there is no %s", ADDRESS_TEXT(address), bar, path);
        if (fd < 0)
                return fail(-errno, "open", path, reply);
        if (fstat(fd, &st) < 0)
                return fail(-errno, "look at", path, reply);
        if ((uintmax_t) st.st_size < size)
                return reply_fail(reply, -ERANGE, "BAR %u of %s has %jd bytes, at least %zu are needed", bar,
                                  ADDRESS_TEXT(address), (intmax_t) st.st_size, size);
        void *words = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (words == MAP_FAILED)
                return fail(-errno, "map", path, reply);
        *ret = (Mmio){ .words = words, .size = size };
        return 0;
}

uint32_t mmio_read(const Mmio *mmio, size_t offset) {
        assert(mmio->words && offset % 4 == 0 && offset + 4 <= mmio->size);
        return le32toh(mmio->words[offset / 4]);
}

void mmio_write(const Mmio *mmio, size_t offset, uint32_t value) {
        assert(mmio->words && offset % 4 == 0 && offset + 4 <= mmio->size);
        mmio->words[offset / 4] = htole32(value);
}

void mmio_close(Mmio *mmio) {
        if (mmio->words)
                (void) munmap((void *) mmio->words, mmio->size);
        mmio->words = NULL;
}
