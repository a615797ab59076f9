/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Class codes: PCI Code and ID Assignment Specification, rev. 1.15, section 1. */

#include "core/facts.h"

#include <assert.h>
#include <string.h>

#include "base/address.h"
#include "base/text.h"
#include "gpuswitch/names.h"

const FunctionFacts *card_function(const CardFacts *card, PciAddress address) {
        for (size_t i = 0; i < card->n_functions; i++)
                if (address_equal(card->functions[i].address, address))
                        return &card->functions[i];
        return NULL;
}

size_t card_n_parts(const CardFacts *card) {
        return card->n_functions + card->n_fellows;
}

const FunctionFacts *card_part_const(const CardFacts *card, size_t index) {
        assert(index < card_n_parts(card));
        return index < card->n_functions ? &card->functions[index] : &card->fellows[index - card->n_functions].function;
}

FunctionFacts *card_part(CardFacts *card, size_t index) {
        return (FunctionFacts *) card_part_const(card, index); /* of a card that may be changed */
}

const FunctionFacts *card_part_at(const CardFacts *card, PciAddress address) {
        for (size_t i = 0; i < card_n_parts(card); i++)
                if (address_equal(card_part_const(card, i)->address, address))
                        return card_part_const(card, i);
        return NULL;
}

bool reset_method_offered(const char *methods, const char *method) {
        size_t n = strlen(method);

        for (; *methods; methods += strspn(methods, " ")) {
                size_t length = strcspn(methods, " ");
                if (length == n && strncmp(methods, method, n) == 0)
                        return true;
                methods += length;
        }
        return false;
}

bool driver_is_guest(const char *driver) {
        /* Variant drivers: mlx5_vfio_pci, nvgrace_gpu_vfio_pci, ... */
        return streq(driver, DRIVER_VFIO_PCI) || strstr(driver, "vfio_pci") || strstr(driver, "vfio-pci");
}

bool driver_is_host(const char *driver) {
        return !isempty(driver) && !driver_is_guest(driver) && !streq(driver, DRIVER_PCI_STUB);
}

Owner card_owner(const CardFacts *card) {
        const char *driver = card->n_functions > 0 ? card->functions[0].driver : "";

        if (driver_is_guest(driver))
                return OWNER_GUEST;
        return driver_is_host(driver) ? OWNER_HOST : OWNER_NONE;
}

bool card_kernel_guards(const CardFacts *card, const MachineFacts *machine, const Rule *rule) {
        switch (rule->kernel_guard) {
        case KERNEL_GUARD_ALWAYS:
                return true;
        case KERNEL_GUARD_VENDOR_RESET:
                return machine->vendor_reset_there && card->device_specific_reset;
        case KERNEL_GUARD_NONE:
        case _KERNEL_GUARD_MAX:
        case _KERNEL_GUARD_INVALID:
                break;
        }
        return false;
}

Guard card_guard(const CardFacts *card, const MachineFacts *machine, const Rule *rule) {
        return card_guard_now(card, card->module_guarded, machine, rule);
}

Guard card_guard_now(const CardFacts *card, bool module_guarded, const MachineFacts *machine, const Rule *rule) {
        bool stub = false, pinned = false;

        if (module_guarded)
                return GUARD_MODULE;
        if (card_kernel_guards(card, machine, rule))
                return GUARD_KERNEL;

        /* vfio_pci_dev_set_resettable(): every device on the bus must be on a vfio driver. */
        for (size_t i = 1; i < card->n_functions; i++) {
                const char *driver = card->functions[i].driver;
                if (streq(driver, DRIVER_PCI_STUB))
                        stub = true;
                else if (!driver_is_guest(driver))
                        pinned = true;
        }
        return stub ? GUARD_STUB_COMPANION : pinned ? GUARD_PINNED_COMPANION : GUARD_NONE;
}

FunctionRole role_of_class(uint32_t class_code) {
        switch (class_code >> 8) {
        case 0x0403: /* HD audio */
        case 0x0401: /* multimedia audio */
                return FUNCTION_ROLE_AUDIO;
        case 0x0c03:
                return FUNCTION_ROLE_USB;
        case 0x0c80: /* NVIDIA's type-C controller: "serial bus controller, other" */
                return FUNCTION_ROLE_UCSI;
        default:
                return class_code >> 16 == PCI_BASE_CLASS_DISPLAY ? FUNCTION_ROLE_DISPLAY : FUNCTION_ROLE_OTHER;
        }
}
