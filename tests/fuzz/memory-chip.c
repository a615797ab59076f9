/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The chip of the card in memory: any access to what core/chip.h does not list for its ids is a finding. */

#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>

#include "core/chip.h"
#include "fuzz.h"
#include "helper/mmio.h"
#include "memory-card.h"

static uint32_t index_written, words[2];

size_t memory_card_n_writes(void) {
        return memory_card.n_writes + memory_card.n_config_writes + memory_card.n_register_writes;
}

static const ChipRegister *find(size_t offset) {
        const uint8_t *config = memory_card.functions[0].config;
        ChipGeneration chip = chip_generation((uint16_t) (config[0] | config[1] << 8),
                                              (uint16_t) (config[2] | config[3] << 8));
        size_t n;
        const ChipRegister *list = chip_register_list(&n);

        for (size_t i = 0; i < n; i++) {
                bool is_pair = (list[i].place.index_offset | list[i].place.data_offset) != 0;
                if (list[i].chip == chip && (is_pair ? list[i].place.data_offset == offset && list[i].place.address == index_written
                                                     : list[i].place.address == offset))
                        return &list[i];
        }
        return NULL;
}

int __wrap_mmio_open(const Helper *helper, PciAddress address, uint8_t bar, size_t size, Mmio *ret, HelperReply *reply);
int __wrap_mmio_open(const Helper *helper, PciAddress address, uint8_t bar, size_t size, Mmio *ret, HelperReply *reply) {
        fuzz_require(address.bus == 1 && address.function == 0 && bar == 5);
        fuzz_require(memory_card.functions[0].driver[0] == '\0', "registers of a bound card");
        *ret = (Mmio){ .words = words, .size = size };
        return 0;
}

uint32_t __wrap_mmio_read(const Mmio *mmio, size_t offset);
uint32_t __wrap_mmio_read(const Mmio *mmio, size_t offset) {
        fuzz_require(offset + 4 <= mmio->size && find(offset), "register 0x%zx is read", offset);
        return 0x20100;
}

void __wrap_mmio_write(const Mmio *mmio, size_t offset, uint32_t value);
void __wrap_mmio_write(const Mmio *mmio, size_t offset, uint32_t value) {
        fuzz_require(offset + 4 <= mmio->size);
        if (offset == 0x6b0) { /* the index of a VI chip */
                index_written = value;
                fuzz_require(find(0x6b4), "index 0x%x", value);
                return;
        }
        const ChipRegister *reg = find(offset);
        fuzz_require(reg && ((value ^ 0x20100) & ~reg->writable) == 0, "0x%x is written to 0x%zx", value, offset);
        memory_card.n_register_writes++;
}

void __wrap_mmio_close(Mmio *mmio);
void __wrap_mmio_close(Mmio *mmio) {
        mmio->words = NULL;
}

/* The module vendor-reset, which knows every card. */
int __wrap_ioctl(int fd, unsigned long number, ...);
int __wrap_ioctl(int fd, unsigned long number, ...) {
        va_list ap;

        va_start(ap, number);
        const int *request = va_arg(ap, const int *);
        va_end(ap);
        fuzz_require(number == _IOW('r', 1, int[4]) && request[0] == 1 && request[1] == 0 && request[2] == 1 &&
                     request[3] == 0);
        return 0;
}

/* Hardware that is never waited for. */
int __wrap_clock_nanosleep(clockid_t clock, int flags, const struct timespec *until, struct timespec *left);
int __wrap_clock_nanosleep(clockid_t clock, int flags, const struct timespec *until, struct timespec *left) {
        return 0;
}
