/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Each open() has a slot of its own; the descriptors are numbers that no process has. Every write is looked
 * at where it arrives: whatever the request was, these are the only files and values that a helper may write.
 */

#include "memory-card.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/types.h>

#include "base/address.h"
#include "base/text.h"
#include "fuzz.h"
#include "gpuswitch/names.h"

#define FD_FIRST 100000
#define SLOTS 8

#define DEVICES "/sys/bus/pci/devices/"
#define DRIVERS "/sys/bus/pci/drivers/"

typedef enum FileKind {
        FILE_NONE,
        FILE_TEXT,   /* an attribute */
        FILE_CONFIG,
        FILE_BIND,
        FILE_UNBIND,
        FILE_PROBE,
        FILE_NODE,   /* of vendor-reset */
} FileKind;

typedef struct File {
        FileKind kind;
        MemoryFunction *function;
        char *text;
        const char *name;
        char driver[DRIVER_NAME_SIZE];
        bool is_read, writable;
} File;

MemoryCard memory_card;
static File slots[SLOTS];

void memory_card_reset(void) {
        static const PciAddress addresses[] = { { .bus = 1 }, { .bus = 1, .function = 1 }, { .bus = 2 } };
        static const char *const drivers[] = { "amdgpu", "snd_hda_intel", "nvidia" };
        static uint8_t config[CONFIG_SPACE_SIZE];

        if (config[0] == 0)
                memory_config_make(config);
        for (size_t i = 0; i < ELEMENTSOF(addresses); i++) {
                MemoryFunction *function = &memory_card.functions[i];
                function->address = addresses[i];
                (void) text_copy(function->driver, sizeof(function->driver), drivers[i]);
                (void) text_copy(function->driver_override, sizeof(function->driver_override), "(null)\n");
                (void) text_copy(function->power_control, sizeof(function->power_control), "auto\n");
                (void) text_copy(function->d3cold_allowed, sizeof(function->d3cold_allowed), "1\n");
                (void) text_copy(function->power_state, sizeof(function->power_state), "D0\n");
                (void) text_copy(function->reset_method, sizeof(function->reset_method), "flr bus\n");
                function->reset[0] = '\0';
                memcpy(function->config, config, sizeof(config));
                if (i == 1)
                        function->config[0x0b] = 0x04; /* multimedia, of which 0x0403 is sound */
                function->config_size = sizeof(config);
        }
        (void) text_copy(memory_card.lockdown, sizeof(memory_card.lockdown), "[none] integrity\n");
        memory_card.n_writes = memory_card.n_config_writes = memory_card.n_register_writes = 0;
        for (size_t i = 0; i < SLOTS; i++)
                fuzz_require(slots[i].kind == FILE_NONE, "a file is still open");
}

/* The function whose folder @path begins with; *@ret_rest: what is behind its name. */
static MemoryFunction *function_of(const char *path, const char **ret_rest) {
        const char *name = text_starts_with(path, DEVICES);

        for (size_t i = 0; name && i < ELEMENTSOF(memory_card.functions); i++) {
                MemoryFunction *function = &memory_card.functions[i];
                const char *rest = text_starts_with(name, ADDRESS_TEXT(function->address));
                if (rest && (*rest == '/' || *rest == '\0')) {
                        *ret_rest = rest + (*rest == '/');
                        return function;
                }
        }
        return NULL;
}

static bool find_attribute(MemoryFunction *function, const char *name, File *file) {
        const struct {
                const char *name;
                char *text;
        } attributes[] = {
                { "driver_override", function->driver_override },
                { "power/control", function->power_control },
                { "d3cold_allowed", function->d3cold_allowed },
                { "power_state", function->power_state },
                { "reset_method", function->reset_method },
                { "reset", function->reset },
        };

        for (size_t i = 0; i < ELEMENTSOF(attributes); i++)
                if (streq(attributes[i].name, name)) {
                        *file = (File){ .kind = FILE_TEXT, .function = function, .text = attributes[i].text,
                                        .name = attributes[i].name };
                        return true;
                }
        if (streq(name, "config"))
                *file = (File){ .kind = FILE_CONFIG, .function = function };
        return streq(name, "config");
}

static bool find_driver(const char *path, File *file) {
        const char *name = text_starts_with(path, DRIVERS), *slash = name ? strchr(name, '/') : NULL;

        if (!slash || (size_t) (slash - name) >= sizeof(file->driver))
                return false;
        *file = (File){ .kind = streq(slash, "/bind") ? FILE_BIND : streq(slash, "/unbind") ? FILE_UNBIND : FILE_NONE };
        memcpy(file->driver, name, (size_t) (slash - name));
        return file->kind != FILE_NONE;
}

static bool find(const char *path, File *file) {
        const char *rest;
        MemoryFunction *function = function_of(path, &rest);

        if (function)
                return find_attribute(function, rest, file);
        if (streq(path, "/sys/kernel/security/lockdown")) {
                *file = (File){ .kind = FILE_TEXT, .text = memory_card.lockdown, .name = "lockdown" };
                return true;
        }
        if (streq(path, "/dev/vendor_reset")) {
                *file = (File){ .kind = FILE_NODE };
                return true;
        }
        if (streq(path, "/sys/bus/pci/drivers_probe")) {
                *file = (File){ .kind = FILE_PROBE };
                return true;
        }
        return find_driver(path, file);
}

static File *slot(int fd) {
        fuzz_require(fd >= FD_FIRST && fd < FD_FIRST + SLOTS && slots[fd - FD_FIRST].kind != FILE_NONE, "descriptor %d", fd);
        return &slots[fd - FD_FIRST];
}

/* libFuzzer and run-corpus.c have files as well. */
static bool is_ours(const char *path) {
        return text_starts_with(path, "/sys/") || text_starts_with(path, "/dev/v") || text_starts_with(path, "/proc");
}

int __real_open(const char *path, int flags, mode_t mode);
int __wrap_open(const char *path, int flags, mode_t mode);
int __wrap_open(const char *path, int flags, mode_t mode) {
        if (!is_ours(path))
                return __real_open(path, flags, mode);
        fuzz_require(!(flags & (O_CREAT | O_TRUNC)), "%s would be made", path);
        for (size_t i = 0; i < SLOTS; i++) {
                if (slots[i].kind != FILE_NONE)
                        continue;
                if (!find(path, &slots[i])) {
                        slots[i].kind = FILE_NONE;
                        errno = ENOENT;
                        return -1;
                }
                slots[i].writable = (flags & O_ACCMODE) != O_RDONLY;
                return FD_FIRST + (int) i;
        }
        fuzz_fail(__FILE__, __LINE__, "a free slot", " for %s", path);
}

int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_close(int fd) {
        if (fd < FD_FIRST)
                return __real_close(fd);
        slot(fd)->kind = FILE_NONE;
        return 0;
}

ssize_t __real_read(int fd, void *buffer, size_t size);
ssize_t __wrap_read(int fd, void *buffer, size_t size);
ssize_t __wrap_read(int fd, void *buffer, size_t size) {
        if (fd < FD_FIRST)
                return __real_read(fd, buffer, size);
        File *file = slot(fd);
        fuzz_require(file->kind == FILE_TEXT);
        size_t n = file->is_read ? 0 : MIN_OF(strlen(file->text), size);
        file->is_read = true;
        memcpy(buffer, file->text, n);
        return (ssize_t) n;
}

ssize_t __real_pread(int fd, void *buffer, size_t size, off_t offset);
ssize_t __wrap_pread(int fd, void *buffer, size_t size, off_t offset);
ssize_t __wrap_pread(int fd, void *buffer, size_t size, off_t offset) {
        if (fd < FD_FIRST)
                return __real_pread(fd, buffer, size, offset);
        File *file = slot(fd);
        fuzz_require(file->kind == FILE_CONFIG && offset >= 0);
        if (offset >= (off_t) file->function->config_size)
                return 0;
        size = MIN_OF(size, file->function->config_size - (size_t) offset);
        memcpy(buffer, file->function->config + offset, size);
        return (ssize_t) size;
}

static void require_ours(const MemoryFunction *function) {
        fuzz_require(function != &memory_card.functions[2], "another card is written to");
}

ssize_t __real_pwrite(int fd, const void *buffer, size_t size, off_t offset);
ssize_t __wrap_pwrite(int fd, const void *buffer, size_t size, off_t offset);
ssize_t __wrap_pwrite(int fd, const void *buffer, size_t size, off_t offset) {
        if (fd < FD_FIRST)
                return __real_pwrite(fd, buffer, size, offset);
        File *file = slot(fd);
        fuzz_require(file->kind == FILE_CONFIG && file->writable);
        require_ours(file->function);
        fuzz_require(size == 1 || size == 2 || size == 4, "%zu bytes in one write", size);
        fuzz_require(offset % (off_t) size == 0, "offset 0x%jx is not aligned to %zu", (intmax_t) offset, size);
        fuzz_require(offset + (off_t) size <= (off_t) file->function->config_size, "offset 0x%jx", (intmax_t) offset);
        memcpy(file->function->config + offset, buffer, size);
        memory_card.n_config_writes++;
        return (ssize_t) size;
}

static bool is_driver_name(const char *text) {
        return !isempty(text) && strlen(text) < DRIVER_NAME_SIZE && !strchr(text, '/') && text[0] != '.';
}

/* Words that the kernel knows, with one blank between; never a bus reset alone. */
static void require_methods(const char *value) {
        static const char *const words[] = { "device_specific", "acpi", "flr", "af_flr", "pm", "bus", "cxl_bus" };
        char rest[2 * ATTRIBUTE_VALUE_SIZE], *at = rest;
        bool is_bus_alone = true;

        (void) text_copy(rest, sizeof(rest), value);
        for (const char *word; (word = strsep(&at, " "));) {
                size_t i = 0;
                while (i < ELEMENTSOF(words) && !streq(words[i], word))
                        i++;
                fuzz_require(i < ELEMENTSOF(words), "'%s'", value);
                is_bus_alone &= i >= 5;
        }
        fuzz_require(!is_bus_alone, "'%s'", value);
}

static void require_value(const File *file, const char *value) {
        if (streq(file->name, "driver_override"))
                fuzz_require(streq(value, "\n") || is_driver_name(value), "'%s'", value);
        else if (streq(file->name, "d3cold_allowed"))
                fuzz_require(streq(value, "0") || streq(value, "1"), "'%s'", value);
        else if (streq(file->name, "power/control"))
                fuzz_require(streq(value, "on") || streq(value, "auto"), "'%s'", value);
        else if (streq(file->name, "reset_method"))
                require_methods(value);
        else if (streq(file->name, "reset"))
                fuzz_require(streq(value, "1") && streq(file->function->reset_method, "flr"), "'%s' with '%s'", value,
                             file->function->reset_method);
        else
                fuzz_fail(__FILE__, __LINE__, "written to", " %s", file->name);
}

/* Drivers take whatever they are given. */
static void bind(const File *file, const char *address_text) {
        PciAddress address;

        fuzz_require(address_parse(address_text, &address) == 0, "'%s'", address_text);
        for (size_t i = 0; i < ELEMENTSOF(memory_card.functions); i++) {
                MemoryFunction *function = &memory_card.functions[i];
                if (!address_equal(function->address, address))
                        continue;
                require_ours(function);
                (void) text_copy(function->driver, sizeof(function->driver), file->kind == FILE_BIND ? file->driver
                                                                            : file->kind == FILE_PROBE ? "amdgpu"
                                                                                                       : "");
        }
}

ssize_t __real_write(int fd, const void *buffer, size_t size);
ssize_t __wrap_write(int fd, const void *buffer, size_t size);
ssize_t __wrap_write(int fd, const void *buffer, size_t size) {
        if (fd < FD_FIRST)
                return __real_write(fd, buffer, size);
        File *file = slot(fd);
        char value[2 * ATTRIBUTE_VALUE_SIZE];

        fuzz_require(file->writable && size > 0 && size < sizeof(value), "%zu bytes", size);
        memcpy(value, buffer, size);
        value[size] = '\0';
        fuzz_require(strlen(value) == size);
        memory_card.n_writes++;
        if (file->kind == FILE_TEXT) {
                require_ours(file->function);
                require_value(file, value);
                (void) text_copy(file->text, 2 * ATTRIBUTE_VALUE_SIZE, value);
        } else {
                fuzz_require(file->kind != FILE_CONFIG && file->kind != FILE_NODE);
                bind(file, value);
        }
        return (ssize_t) size;
}

ssize_t __real_readlink(const char *path, char *buffer, size_t size);
ssize_t __wrap_readlink(const char *path, char *buffer, size_t size);
ssize_t __wrap_readlink(const char *path, char *buffer, size_t size) {
        if (!is_ours(path))
                return __real_readlink(path, buffer, size);
        const char *rest;
        const MemoryFunction *function = function_of(path, &rest);
        char target[256];

        bool is_group = function && streq(rest, "iommu_group");
        if (!is_group && (!function || !streq(rest, "driver") || isempty(function->driver))) {
                errno = ENOENT;
                return -1;
        }
        (void) text_format(target, sizeof(target), "../../../%s/%s", is_group ? "kernel/iommu_groups" : "bus/pci/drivers",
                           is_group ? "11" : function->driver);
        size = MIN_OF(size, strlen(target));
        memcpy(buffer, target, size);
        return (ssize_t) size;
}

DIR *__real_opendir(const char *path);
DIR *__wrap_opendir(const char *path);
DIR *__wrap_opendir(const char *path) {
        if (!is_ours(path))
                return __real_opendir(path);
        errno = ENOENT;
        return NULL;
}

int __real_access(const char *path, int mode);
int __wrap_access(const char *path, int mode);
int __wrap_access(const char *path, int mode) {
        if (!is_ours(path))
                return __real_access(path, mode);
        const char *rest, *driver = text_starts_with(path, DRIVERS);

        if (function_of(path, &rest) || (driver && (streq(driver, DRIVER_VFIO_PCI) || streq(driver, DRIVER_PCI_STUB) ||
                                                     streq(driver, "amdgpu"))))
                return 0;
        errno = ENOENT;
        return -1;
}
