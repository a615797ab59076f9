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
                (void) text_append(buffer, REGISTERS_TEXT_SIZE, "%s0x%x/%u=0x%x", i > 0 ? " " : "",
                                   registers[i].offset, registers[i].width, registers[i].value);
        return buffer;
}

/* A hex number with its 0x. */
static int hex_parse(const char *text, uint64_t max, uint64_t *ret_value) {
        uint64_t value;

        if (!text_starts_with(text, "0x") || text_to_uint64(text, 16, &value) < 0 || value > max)
                return -EINVAL;
        *ret_value = value;
        return 0;
}

/* One word of @text, up to the next blank or the end. */
static int register_parse(const char *word, size_t n, ConfigRegister *ret_register) {
        char text[sizeof("0xfff/4=0xffffffff")];
        uint64_t offset, width, value;

        if (n >= sizeof(text))
                return -EINVAL;
        memcpy(text, word, n);
        text[n] = '\0';
        char *slash = strchr(text, '/');
        char *equals = strchr(text, '=');
        if (!slash || !equals || equals < slash)
                return -EINVAL;
        *slash = *equals = '\0';
        if (hex_parse(text, CONFIG_SPACE_SIZE - 1, &offset) < 0 ||
            text_to_uint64(slash + 1, 10, &width) < 0 || hex_parse(equals + 1, UINT32_MAX, &value) < 0)
                return -EINVAL;
        if (width > UINT8_MAX)
                return -EINVAL;
        *ret_register = (ConfigRegister){ .offset = (uint16_t) offset,
                                          .width = (uint8_t) width,
                                          .value = (uint32_t) value };
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
