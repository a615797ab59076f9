/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One record of /dev/kmsg, and what it says about each of three cards. */

#include <string.h>

#include "base/address.h"
#include "base/text.h"
#include "fuzz.h"
#include "machine/kernel-log.h"

static CardFacts cards[3];

void fuzz_setup(void) {
        static const struct {
                uint16_t vendor, device, subsystem_vendor, subsystem_device;
                const char *driver;
        } models[ELEMENTSOF(cards)] = {
                { 0x1002, 0x67df, 0x1da2, 0xe366, "amdgpu" },
                { 0x1002, 0x67df, 0x1043, 0x0000, "vfio-pci" },
                { 0x10de, 0x1b80, 0x0000, 0x0000, "" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cards); i++) {
                cards[i].n_functions = 2;
                for (uint8_t k = 0; k < 2; k++) {
                        FunctionFacts *function = &cards[i].functions[k];
                        function->address = (PciAddress){ .bus = (uint8_t) (i + 1), .function = k };
                        function->vendor_id = models[i].vendor;
                        function->device_id = k ? 0xaaf0 : models[i].device;
                        function->subsystem_vendor_id = models[i].subsystem_vendor;
                        function->subsystem_device_id = models[i].subsystem_device;
                        (void) text_copy(function->driver, sizeof(function->driver), models[i].driver);
                }
        }
}

void fuzz_input(const uint8_t *data, size_t size, FuzzVerdict *ret) {
        KernelLogRecord record;

        int r = kernel_log_parse((const char *) data, size, &record);
        fuzz_require(r == 0 || r == -EBADMSG, "%d", r);
        if (r < 0)
                return verdict_refuse(ret, "the record: %s", strerror(-r));
        verdict_add_field(ret, record.text);
        for (const char *c = record.text; *c; c++)
                fuzz_require(*c >= 0x20 && *c <= 0x7e, "byte 0x%02x in a record", (unsigned char) *c);
        verdict_add_value(ret, record.sequence);
        verdict_add_value(ret, record.at_usec);
        if (record.has_address) {
                PciAddress again;
                fuzz_require(address_parse(ADDRESS_TEXT(record.address), &again) == 0);
                verdict_add(ret, ADDRESS_TEXT(record.address), PCI_ADDRESS_TEXT_SIZE);
        }
        for (size_t i = 0; i < ELEMENTSOF(cards); i++) {
                LogFact fact = kernel_log_fact(&record, &cards[i]);
                fuzz_require(fact == _LOG_FACT_INVALID || (fact >= 0 && fact < _LOG_FACT_MAX), "%d", (int) fact);
                fuzz_require(fact < 0 || !record.from_user_space, "a process has spoken for the kernel");
                fuzz_require(fact < 0 || !record.has_address || card_function(&cards[i], record.address),
                             "a line about another card");
                verdict_add_value(ret, fact);
        }
}
