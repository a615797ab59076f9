/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Offsets: PCI Local Bus 3.0 chapter 6; PCI Express Base 5.0 chapter 7. */

#include "core/config-space.h"

#include <assert.h>

#include "base/macros.h"

#define CAP_ID_EXPRESS 0x10
#define CAP_ID_MSIX 0x11
#define EXT_CAP_ID_REBAR 0x15

#define EXPRESS_DEVICE_CONTROL 0x08U
#define EXPRESS_DEVICE_CONTROL_RESET 0x8000U /* Initiate Function Level Reset */

static uint16_t read16(const uint8_t *config, size_t offset) {
        return (uint16_t) (config[offset] | config[offset + 1] << 8);
}

static uint32_t read32(const uint8_t *config, size_t offset) {
        return read16(config, offset) | (uint32_t) read16(config, offset + 2) << 16;
}

bool config_is_dead(const uint8_t *config, size_t size) {
        return size < 4 || read32(config, 0) == UINT32_MAX;
}

uint16_t config_find_capability(const uint8_t *config, size_t size, uint8_t id) {
        if (size < 256 || config_is_dead(config, size) || !(read16(config, 0x06) & 0x10))
                return 0;
        uint8_t offset = config[0x34] & 0xfc;
        /* At most 48 capabilities fit between 0x40 and 0xff: more steps are a loop. */
        for (int i = 0; i < 48 && offset >= 0x40; i++) {
                if (config[offset] == id)
                        return offset;
                offset = config[offset + 1] & 0xfc;
        }
        return 0;
}

uint16_t config_find_extended(const uint8_t *config, size_t size, uint16_t id) {
        size_t offset = 0x100;

        for (int i = 0; i < (4096 - 256) / 8 && offset >= 0x100 && offset + 4 <= size; i++) {
                uint32_t header = read32(config, offset);
                if (header == 0 || header == UINT32_MAX)
                        return 0;
                if ((header & 0xffff) == id)
                        return (uint16_t) offset;
                offset = header >> 20 & 0xffc;
        }
        return 0;
}

typedef struct RegisterList {
        const uint8_t *config;
        ConfigRegister *registers;
        size_t n;
        size_t limit; /* bytes of configuration space */
} RegisterList;

static void list_add(RegisterList *list, size_t offset, uint8_t width) {
        if (offset + width > list->limit)
                return;
        assert(list->n < REGISTERS_MAX); /* 20 are the most that config_registers() asks for */
        uint32_t value = list->config[offset];
        for (size_t i = 1; i < width; i++)
                value |= (uint32_t) list->config[offset + i] << 8 * i;
        list->registers[list->n++] = (ConfigRegister){ .offset = (uint16_t) offset, .width = width, .value = value };
}

size_t config_registers(const uint8_t *config, size_t size, ConfigRegister ret_registers[static REGISTERS_MAX]) {
        RegisterList list = { .config = config, .registers = ret_registers, .limit = size };

        if (size < 64 || config_is_dead(config, size))
                return 0;

        uint16_t rebar = config_find_extended(config, size, EXT_CAP_ID_REBAR);
        if (rebar && (size_t) rebar + 12 <= size) {
                size_t n_bars = MIN_OF(read32(config, rebar + 8U) >> 5 & 7, 6U);
                for (size_t i = 0; i < n_bars; i++)
                        list_add(&list, rebar + 8U + 8U * i, 4);
        }

        /* Header type 0 only; bridges have no part in a card. */
        if ((config[0x0e] & 0x7f) == 0) {
                for (size_t offset = 0x10; offset < 0x28; offset += 4)
                        list_add(&list, offset, 4);
                list_add(&list, 0x30, 4);
        }
        list_add(&list, 0x0c, 2); /* cache line size, latency timer */
        list_add(&list, 0x3c, 1); /* interrupt line */

        uint16_t express = config_find_capability(config, size, CAP_ID_EXPRESS);
        if (express) {
                list_add(&list, express + EXPRESS_DEVICE_CONTROL, 2);
                list_add(&list, express + 0x10U, 2); /* link control */
                if ((read16(config, express + 2U) & 0xf) >= 2) {
                        list_add(&list, express + 0x28U, 2); /* device control 2 */
                        list_add(&list, express + 0x30U, 2); /* link control 2 */
                }
        }
        list_add(&list, 0x04, 2);
        return list.n;
}

bool config_msix_enabled(const uint8_t *config, size_t size) {
        uint16_t msix = config_find_capability(config, size, CAP_ID_MSIX);

        return msix && (size_t) msix + 4 <= size && (read16(config, msix + 2U) & 0x8000);
}

bool config_starts_reset(const uint8_t *config, size_t size, const ConfigRegister *reg) {
        uint16_t express = config_find_capability(config, size, CAP_ID_EXPRESS);

        return express && reg->offset == express + EXPRESS_DEVICE_CONTROL &&
               (reg->value & EXPRESS_DEVICE_CONTROL_RESET);
}
