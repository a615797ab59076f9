/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A configuration space: header, capabilities from 0x48 on, extended ones with resizable BARs. */

#include <string.h>

#include "base/macros.h"
#include "memory-card.h"

void memory_config_make(uint8_t config[static CONFIG_SPACE_SIZE]) {
        static const struct {
                uint16_t offset;
                uint32_t value;
        } words[] = {
                { 0x00, 0x67df1002 }, { 0x04, 0x00100007 }, { 0x08, 0x030000cf }, { 0x0c, 0x00800010 },
                { 0x10, 0xe000000c }, { 0x18, 0xf000000c }, { 0x20, 0x0000e001 }, { 0x24, 0xf7e00000 },
                { 0x2c, 0xe3661da2 }, { 0x30, 0xf7e40000 }, { 0x34, 0x00000048 }, { 0x3c, 0x0000010a },
                { 0x48, 0x00085009 }, { 0x50, 0x00035801 }, { 0x58, 0x0012a010 }, { 0x60, 0x00002810 },
                { 0x68, 0x10830040 }, { 0xa0, 0x0081c005 }, { 0xc0, 0x00010011 }, { 0x100, 0x11010018 },
                { 0x110, 0x1501000b }, { 0x150, 0x20020001 }, { 0x200, 0x27010015 }, { 0x204, 0x000ff000 },
                { 0x208, 0x00000c20 }, { 0x270, 0x00010019 },
        };

        memset(config, 0, CONFIG_SPACE_SIZE);
        for (size_t i = 0; i < ELEMENTSOF(words); i++)
                for (size_t k = 0; k < 4; k++)
                        config[words[i].offset + k] = (uint8_t) (words[i].value >> 8 * k);
}
