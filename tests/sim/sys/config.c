/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Configuration space: a header, power management, PCI Express, MSI-X and a resizable BAR, each byte with a mask of
 * what can be written. The reset at 0x7c and all that follows from it is the card model's.
 */

#include "machine.h"

#include <string.h>

#define PM 0x50
#define EXPRESS 0x58
#define MSIX 0xa0
#define REBAR 0x100

static void put(uint8_t *bytes, size_t offset, uint32_t value, size_t size) {
        for (size_t i = 0; i < size; i++)
                bytes[offset + i] = (uint8_t) (value >> 8 * i);
}

static uint32_t get(const uint8_t *bytes, size_t offset, size_t size) {
        uint32_t value = 0;

        for (size_t i = 0; i < size; i++)
                value |= (uint32_t) bytes[offset + i] << 8 * i;
        return value;
}

static void lay_display_bars(Function *function) {
        uint32_t base = 0xc0000000U + function->index * 0x02000000U;

        put(function->config, 0x10, base | 0xc, 4); /* 64 bit, prefetchable, 16 MiB */
        put(function->writable, 0x10, 0xff000000U, 4);
        put(function->writable, 0x14, 0xffffffffU, 4);
        put(function->config, 0x20, 0x0000e001, 4); /* 256 ports */
        put(function->writable, 0x20, 0xffffff00U, 4);
        put(function->config, 0x24, 0xfea00000U, 4); /* 256 KiB */
        put(function->writable, 0x24, 0xfffc0000U, 4);
        put(function->config, 0x30, 0xfea40000U, 4);
        put(function->writable, 0x30, 0xfffe0001U, 4);
}

static void lay_other_bars(Function *function) {
        put(function->config, 0x10, 0xfea60000U, 4); /* 16 KiB */
        put(function->writable, 0x10, 0xffffc000U, 4);
}

void config_init(Function *function) {
        uint8_t *config = function->config, *writable = function->writable;
        bool display = function->class_code >> 16 == 3;

        function->config_size = SIM_CONFIG_SIZE;
        put(config, 0x00, function->vendor, 2);
        put(config, 0x02, function->device, 2);
        put(config, 0x04, 0x0003, 2); /* as the firmware leaves a card: ports and memory on */
        put(writable, 0x04, 0x0547, 2);
        put(config, 0x06, 0x0010, 2); /* has capabilities */
        put(config, 0x08, function->class_code << 8 | function->revision, 4);
        put(config, 0x0c, 0x10, 1);
        put(writable, 0x0c, 0xffff, 2);
        put(config, 0x0e, function->class_code == 0x060400 ? 0x01 : function->card->n_functions > 1 ? 0x80 : 0x00, 1);
        put(config, 0x2c, function->subvendor, 2);
        put(config, 0x2e, function->subdevice, 2);
        put(config, 0x34, machine.power_management ? PM : EXPRESS, 1);
        put(config, 0x3c, 11, 1);
        put(writable, 0x3c, 0xff, 1);
        put(config, 0x3d, function->index + 1, 1);
        if (display)
                lay_display_bars(function);
        else
                lay_other_bars(function);

        put(config, PM, EXPRESS << 8 | 0x01, 2);
        put(config, PM + 2, 0x0003, 2);
        put(writable, PM + 4, 0x0103, 2);
        put(config, EXPRESS, MSIX << 8 | 0x10, 2);
        put(config, EXPRESS + 2, 0x0012, 2); /* version 2, legacy endpoint */
        put(config, EXPRESS + 8, 0x2930, 2);
        put(writable, EXPRESS + 8, 0x7fff, 2);
        put(config, EXPRESS + 0x10, 0x0040, 2);
        put(writable, EXPRESS + 0x10, 0x0fcb, 2);
        put(writable, EXPRESS + 0x28, 0x061f, 2);
        put(config, EXPRESS + 0x30, 0x0003, 2);
        put(writable, EXPRESS + 0x30, 0x00ef, 2);
        put(config, MSIX, 0x0011, 2);
        put(config, MSIX + 2, 0x0007, 2);
        put(writable, MSIX + 2, 0xc000, 2);
        if (!display)
                return;
        put(config, REBAR, 0x00010015, 4);
        put(config, REBAR + 4, 0x00000ff0, 4);
        put(config, REBAR + 8, 0x00000820, 4);
        put(writable, REBAR + 8, 0x00003f00, 4);
}

/* What the kernel does for a function that it finds without addresses. */
void config_assign_bars(Function *function) {
        if ((get(function->config, 0x10, 4) & ~0xfU) != 0)
                return;
        if (function->class_code >> 16 == 3)
                lay_display_bars(function);
        else
                lay_other_bars(function);
}

/* The kernel splits an access into its aligned parts of 1, 2 and 4 bytes; for reading that makes no difference. */
size_t config_read(const Function *function, size_t offset, uint8_t *bytes, size_t size) {
        if (offset >= function->config_size)
                return 0;
        if (size > function->config_size - offset)
                size = function->config_size - offset;
        if (function_is_dead(function))
                memset(bytes, 0xff, size);
        else
                memcpy(bytes, function->config + offset, size);
        return size;
}

uint32_t config_get(const Function *function, size_t offset, size_t size) {
        return function_is_dead(function) ? UINT32_MAX >> (32 - 8 * size) : get(function->config, offset, size);
}

static void store_bytes(Function *function, size_t offset, const uint8_t *bytes, size_t size) {
        for (size_t i = 0; i < size; i++) {
                uint8_t mask = function->writable[offset + i];
                function->config[offset + i] =
                        (uint8_t) ((function->config[offset + i] & ~mask) | (bytes[i] & mask));
        }
}

static void write_one(Function *function, size_t offset, const uint8_t *bytes, size_t size) {
        Card *card = function->card;
        uint32_t value = get(bytes, 0, size);

        if (function_is_dead(function))
                return;
        if (card && function->index == 0 && offset == CM_RESET_REGISTER && size == 4 && card->model.kind->back_door) {
                if (value == CM_RESET_MAGIC)
                        cm_card_config_reset(&card->model);
                return;
        }
        uint16_t before = (uint16_t) get(function->config, 4, 2);
        store_bytes(function, offset, bytes, size);
        if (card && function->index == 0 && offset >= 4 && offset < 6)
                cm_card_command_written(&card->model, before, (uint16_t) get(function->config, 4, 2));
}

/* pci_write_config(): odd beginnings first, then dwords, then what is left. */
void config_write(Function *function, size_t offset, const uint8_t *bytes, size_t size) {
        while (size > 0) {
                size_t n = (offset & 1) || size == 1 ? 1 : (offset & 2) || size < 4 ? 2 : 4;
                write_one(function, offset, bytes, n);
                offset += n;
                bytes += n;
                size -= n;
        }
}

void config_set(Function *function, size_t offset, uint32_t value, size_t size) {
        uint8_t bytes[4];

        put(bytes, 0, value, size);
        write_one(function, offset, bytes, size);
}

/* What the card model asks for: a reset through the back door forgets where the functions were. */
void cm_config_clear_bars(struct cm_card *model) {
        Card *card = &machine.cards[model->index - 1];

        for (unsigned i = 0; i < card->n_functions; i++) {
                Function *function = &card->functions[i];
                put(function->config, 4, 0, 2);
                for (size_t bar = 0x10; bar < 0x28; bar += 4)
                        put(function->config, bar, get(function->config, bar, 4) & (bar < 0x28 ? 0xfU : 0), 4);
        }
}
