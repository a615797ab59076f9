/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "register-model.h"

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "helper/mmio.h"

#define CONFIG "/sys/bus/pci/devices/0000:01:00.%u/config"
#define RESET_OFFSET 0x7cU
#define RESET_VALUE 0x39d5e86bU
#define STATUS_READ_ONLY 0x0010U /* it has capabilities */
#define BAR5_OFFSET 0x24U
#define BAR5_ADDRESS 0xfea00000U
#define COMMAND_MEMORY 0x2U

RegisterModel model;

uint32_t __wrap_mmio_read(const Mmio *mmio, size_t offset);
void __wrap_mmio_write(const Mmio *mmio, size_t offset, uint32_t value);
ssize_t __real_pwrite(int fd, const void *data, size_t size, off_t offset);
ssize_t __wrap_pwrite(int fd, const void *data, size_t size, off_t offset);

static const char *config_path(unsigned function) {
        static char path[64];

        (void) text_format(path, sizeof(path), CONFIG, function);
        return path;
}

uint32_t model_config(unsigned function, size_t offset, size_t width) {
        uint8_t config[CONFIG_SPACE_SIZE];
        uint32_t value = 0;

        fake_read_bytes(config_path(function), config, sizeof(config));
        for (size_t i = 0; i < width; i++)
                value |= (uint32_t) config[offset + i] << 8 * i;
        return value;
}

void model_set_config(unsigned function, size_t offset, size_t width, uint32_t value) {
        uint8_t config[CONFIG_SPACE_SIZE];

        fake_read_bytes(config_path(function), config, sizeof(config));
        for (size_t i = 0; i < width; i++)
                config[offset + i] = (uint8_t) (value >> 8 * i);
        fake_write_bytes(config_path(function), config, sizeof(config));
}

static void setup(ChipGeneration chip) {
        static const uint8_t bar[MODEL_BAR_SIZE];

        fake_setup();
        model = (RegisterModel){
                .chip = chip,
                .pc = 0x20100,
                .fuse = 0x40,
                .misc = 0x2,
                .slow_reads = 3,
                .dead = UINT32_MAX,
                .stubborn = UINT32_MAX,
        };
        fake_write_bytes("/sys/bus/pci/devices/0000:01:00.0/resource5", bar, sizeof(bar));
}

void model_setup_vi(void) {
        setup(CHIP_VI);
}

void model_setup_ci(void) {
        setup(CHIP_CI);
        model_set_config(0, 0, 4, 0x67b01002);
        model_set_config(1, 0, 4, 0xaac81002);
}

_printf_(1, 2) static void trace(const char *format, ...) {
        size_t n = strlen(model.trace);
        char text[32];
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        if (n > strlen(text) && streq(model.trace + n - strlen(text), text) && model.trace[n - strlen(text) - 1] == ' ')
                return;
        ck_assert_int_eq(text_append(model.trace, sizeof(model.trace), "%s%s", n ? " " : "", text), 0);
}

static void die(unsigned function) {
        uint8_t config[CONFIG_SPACE_SIZE];

        memset(config, 0xff, sizeof(config));
        fake_write_bytes(config_path(function), config, sizeof(config));
}

static void wipe(unsigned function) {
        uint8_t config[CONFIG_SPACE_SIZE];

        fake_read_bytes(config_path(function), config, sizeof(config));
        memset(config + 0x04, 0, 2);
        memset(config + 0x10, 0, 24);
        memset(config + RESET_OFFSET, 0, 4);
        config[0x3c] = 0;
        memset(config + 0x60, 0, 2);  /* device control */
        memset(config + 0x108, 0, 4); /* resizable BAR */
        fake_write_bytes(config_path(function), config, sizeof(config));
}

static void reset(void) {
        bool graphics_only = !(model.misc & 0x2) != !(model.fuse & 0x40);

        model.n_resets++;
        model.slow_left = model.slow_reads;
        wipe(0);
        wipe(1);
        if (model.chip == CHIP_VI) {
                model.clock_cntl |= 1;
                model.pc = 0;
        } else if (!graphics_only) {
                die(0);
                die(1);
        }
        if (model.forgets_companion)
                die(1);
}

/* What the hardware makes of a write to configuration space that has arrived in the file. */
static void take_config_write(unsigned function, size_t offset, size_t size, const uint8_t *before) {
        uint32_t written = model_config(function, offset, size);

        if (offset == 0x04 && size == 4) {
                uint32_t status = (uint32_t) before[0x06] | (uint32_t) before[0x07] << 8;
                model_set_config(function, 0x06, 2,
                                 (status & ~(written >> 16)) | (status & STATUS_READ_ONLY));
        }
        if (function != 0)
                return;
        if (offset == 0x04)
                trace("COMMAND=%04x", written & 0xffff);
        else if (offset == RESET_OFFSET)
                trace("7c=%x", written);
        if (offset == model.stubborn)
                return model_set_config(0, offset, 2, before[offset] | (written & 3));
        if (offset == RESET_OFFSET && written == RESET_VALUE)
                reset();
        if (offset == MODEL_PMCSR && (before[MODEL_PMCSR] & 3) == 3 && (written & 3) == 0 && !(written & 8)) {
                model.n_resets++;
                wipe(0);
        }
}

ssize_t __wrap_pwrite(int fd, const void *data, size_t size, off_t offset) {
        char link[64], path[512], expected[512];
        uint8_t before[CONFIG_SPACE_SIZE];

        (void) snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        ssize_t n = readlink(link, path, sizeof(path) - 1);
        ck_assert_int_gt(n, 0);
        path[n] = '\0';
        for (unsigned function = 0; function < 2; function++) {
                ck_assert_int_eq(text_format(expected, sizeof(expected), "%s%s", fake.root, config_path(function)), 0);
                if (!streq(path, expected))
                        continue;
                fake_read_bytes(config_path(function), before, sizeof(before));
                n = __real_pwrite(fd, data, size, offset);
                ck_assert_int_eq(n, (ssize_t) size);
                take_config_write(function, (size_t) offset, size, before);
                return n;
        }
        ck_abort_msg("a write to %s", path);
}

static bool decodes(void) {
        return (model_config(0, 0x04, 2) & COMMAND_MEMORY) && model_config(0, BAR5_OFFSET, 4) == BAR5_ADDRESS;
}

static size_t pair_offset(void) {
        return model.chip == CHIP_VI ? 0x6b0 : 0x200;
}

static uint32_t *find(uint32_t address) {
        bool ci = model.chip == CHIP_CI;

        if (address == MODEL_CLOCK_CNTL)
                return &model.clock_cntl;
        if (address == MODEL_PC)
                return &model.pc;
        if (ci && address == MODEL_RESET_CNTL)
                return &model.reset_cntl;
        if (ci && address == MODEL_MISC)
                return &model.misc;
        if (ci && address == MODEL_FUSE)
                return &model.fuse;
        ck_abort_msg("register 0x%x, of which no source knows", address);
}

uint32_t __wrap_mmio_read(const Mmio *mmio, size_t offset) {
        ck_assert_uint_le(offset + 4, mmio->size);
        model.n_reads++;
        if (!decodes())
                return UINT32_MAX;
        trace("%x?", offset == MODEL_CONFIG_MEMSIZE ? MODEL_CONFIG_MEMSIZE : model.index);
        if (offset == MODEL_CONFIG_MEMSIZE) {
                if (model.dead == MODEL_CONFIG_MEMSIZE)
                        return UINT32_MAX;
                if (model.slow_left == 0)
                        return model.no_memory && model.n_resets > 0 ? 0 : MODEL_MEMSIZE;
                model.slow_left--;
                return UINT32_MAX;
        }
        ck_assert_uint_eq(offset, pair_offset() + 4);
        const uint32_t *reg = find(model.index);
        return model.dead == model.index ? UINT32_MAX : *reg;
}

void __wrap_mmio_write(const Mmio *mmio, size_t offset, uint32_t value) {
        ck_assert_uint_le(offset + 4, mmio->size);
        if (!decodes())
                return;
        if (offset == pair_offset()) {
                model.index = value;
                return;
        }
        ck_assert_uint_eq(offset, pair_offset() + 4);
        uint32_t *reg = find(model.index);
        ck_assert_int_eq(model.chip, CHIP_CI); /* of a VI chip none may be written */
        ck_assert_ptr_ne(reg, &model.pc);
        ck_assert_ptr_ne(reg, &model.fuse);
        model.n_writes++;
        trace("%x=%x", model.index, value);
        if (model.index != model.stubborn)
                *reg = value;
}
