/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The registers of a step as one text, so that a step stays one row that a person can read. */

#include "base/text.h"
#include "store/internal.h"

static bool register_makes_sense(ConfigRegister reg) {
        if (reg.width != 1 && reg.width != 2 && reg.width != 4)
                return false;
        return reg.offset % reg.width == 0 && (uint32_t) reg.offset + reg.width <= CONFIG_SPACE_SIZE;
}

bool registers_make_sense(const ConfigRegister *registers, size_t n_registers) {
        if (n_registers > REGISTERS_MAX)
                return false;
        for (size_t i = 0; i < n_registers; i++)
                if (!register_makes_sense(registers[i]))
                        return false;
        return true;
}

const char *registers_format(const ConfigRegister *registers, size_t n_registers,
                             char buffer[static REGISTERS_TEXT_SIZE]) {
        buffer[0] = '\0';
        for (size_t i = 0; i < n_registers; i++)
                (void) text_append(buffer, REGISTERS_TEXT_SIZE, "%s0x%x/%u", i > 0 ? " " : "",
                                   registers[i].offset, registers[i].width);
        return buffer;
}

/* One word of @text, up to the next blank or the end. */
static int register_parse(const char *word, size_t n, ConfigRegister *ret_register) {
        char text[sizeof("0xfff/4")];
        uint64_t offset, width;

        if (n >= sizeof(text))
                return -EINVAL;
        memcpy(text, word, n);
        text[n] = '\0';
        char *slash = strchr(text, '/');
        if (!slash || !text_starts_with(text, "0x"))
                return -EINVAL;
        *slash = '\0';
        if (text_to_uint64(text, 16, &offset) < 0 || text_to_uint64(slash + 1, 10, &width) < 0)
                return -EINVAL;
        if (offset >= CONFIG_SPACE_SIZE || width > UINT8_MAX)
                return -EINVAL;
        *ret_register = (ConfigRegister){ .offset = (uint16_t) offset, .width = (uint8_t) width };
        return register_makes_sense(*ret_register) ? 0 : -EINVAL;
}

int registers_parse(const char *text, ConfigRegister ret_registers[static REGISTERS_MAX],
                    uint8_t *ret_n_registers) {
        uint8_t n_registers = 0;

        while (*text != '\0') {
                size_t n = strcspn(text, " ");
                if (n_registers >= REGISTERS_MAX)
                        return -EINVAL;
                int r = register_parse(text, n, &ret_registers[n_registers++]);
                if (r < 0)
                        return r;
                text += n;
                if (*text == ' ' && *++text == '\0')
                        return -EINVAL;
        }
        *ret_n_registers = n_registers;
        return 0;
}
