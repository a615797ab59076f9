/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A new entry needs a source that says what the write does, and what has to be done before and after it. */

#include "core/reset-register.h"

#include "base/macros.h"

#define VENDOR_AMD 0x1002

static const ResetRegister registers[] = {
        { VENDOR_AMD, 0x7c, 0x39d5e86b,
          "linux drivers/gpu/drm/amd/amdgpu: amdgpu_device_pci_config_reset() with AMDGPU_ASIC_RESET_DATA, for chips before "
          "Vega 10, called by vi_asic_pci_config_reset() and cik_asic_pci_config_reset(); qemu hw/vfio/pci-quirks.c, "
          "vfio_radeon_reset()" },
};

const ResetRegister *reset_register_find(uint16_t vendor_id, uint32_t offset, uint32_t value) {
        for (size_t i = 0; i < ELEMENTSOF(registers); i++)
                if (registers[i].vendor_id == vendor_id && registers[i].offset == offset &&
                    registers[i].value == value)
                        return &registers[i];
        return NULL;
}

const ResetRegister *reset_register_list(size_t *ret_n) {
        *ret_n = ELEMENTSOF(registers);
        return registers;
}
