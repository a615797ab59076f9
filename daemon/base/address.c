/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel writes addresses as %04x:%02x:%02x.%d (pci_setup_device()); domains can be longer. */

#include "base/address.h"

#include <ctype.h>

#include "base/text.h"

/* Reads @min to @max hex digits and the character @stop behind them. */
static int hex_until(const char **s, int min, int max, char stop, uint32_t *ret_value) {
        uint32_t value = 0;
        int n = 0;

        for (; isxdigit((unsigned char) **s); (*s)++, n++) {
                int c = tolower((unsigned char) **s);
                if (n >= max)
                        return -EINVAL;
                value = value << 4 | (uint32_t) (c >= 'a' ? c - 'a' + 10 : c - '0');
        }
        if (n < min || **s != stop)
                return -EINVAL;
        if (stop != '\0')
                (*s)++;
        *ret_value = value;
        return 0;
}

int address_parse(const char *text, PciAddress *ret_address) {
        const char *first_colon = strchr(text, ':');
        bool has_domain = first_colon && strchr(first_colon + 1, ':');
        uint32_t domain = 0, bus, slot, function;

        if (has_domain && hex_until(&text, 4, 8, ':', &domain) < 0)
                return -EINVAL;
        if (hex_until(&text, 2, 2, ':', &bus) < 0 || hex_until(&text, 2, 2, '.', &slot) < 0 ||
            hex_until(&text, 1, 1, '\0', &function) < 0)
                return -EINVAL;
        if (slot > 31 || function > 7)
                return -EINVAL;
        *ret_address = (PciAddress){
                .domain = domain,
                .bus = (uint8_t) bus,
                .slot = (uint8_t) slot,
                .function = (uint8_t) function,
        };
        return 0;
}

const char *address_format(PciAddress address, char buffer[static PCI_ADDRESS_TEXT_SIZE]) {
        (void) text_format(buffer, PCI_ADDRESS_TEXT_SIZE, "%04x:%02x:%02x.%u", address.domain, address.bus,
                           address.slot, address.function);
        return buffer;
}

bool address_equal(PciAddress a, PciAddress b) {
        return address_compare(a, b) == 0;
}

bool address_same_slot(PciAddress a, PciAddress b) {
        a.function = b.function = 0;
        return address_equal(a, b);
}

int address_compare(PciAddress a, PciAddress b) {
        if (a.domain != b.domain)
                return a.domain < b.domain ? -1 : 1;
        if (a.bus != b.bus)
                return a.bus < b.bus ? -1 : 1;
        if (a.slot != b.slot)
                return a.slot < b.slot ? -1 : 1;
        return (a.function > b.function) - (a.function < b.function);
}
