/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A new entry needs a source that says what the write does, and what has to be done before and after it. Ids: pci.ids
 * and pciidlist of linux drivers/gpu/drm/amd/amdgpu/amdgpu_drv.c and drivers/gpu/drm/radeon (CI). The same write would
 * do harm, or nothing, on newer chips (Vega and later reset through other engines), so the ranges end where they do.
 */

#include "core/chip.h"

#include "base/macros.h"

#define VENDOR_AMD 0x1002

#define BAR_REGISTERS 5 /* of CI and later; radeon_device_init(), amdgpu_device_init() */
#define PLACE_DIRECT(offset) { .bar = BAR_REGISTERS, .address = (offset) }
#define PLACE_CI_SMC(at) { .bar = BAR_REGISTERS, .index_offset = 0x200, .data_offset = 0x204, .address = (at) }
#define PLACE_VI_SMC(at) { .bar = BAR_REGISTERS, .index_offset = 0x6b0, .data_offset = 0x6b4, .address = (at) }

#define SOURCE_QEMU "qemu hw/vfio/pci-quirks.c, vfio_radeon_reset() and what it calls"
#define SOURCE_VI                                                                                                      \
        "linux drivers/gpu/drm/amd/amdgpu/vi.c, vi_smc_rreg() (mmSMC_IND_INDEX_11 0x1ac, mmSMC_IND_DATA_11 0x1ad), "    \
        "vi_need_reset_on_init()"
#define SOURCE_MEMSIZE                                                                                                 \
        "linux drivers/gpu/drm/amd/amdgpu: mmCONFIG_MEMSIZE 0x150a, polled by vi_asic_pci_config_reset() and "          \
        "cik_asic_pci_config_reset()"

static const struct {
        uint16_t first, last;
        ChipGeneration chip;
} amd_ids[] = {
        { 0x6640, 0x665f, CHIP_CI }, /* Bonaire */
        { 0x67a0, 0x67bf, CHIP_CI }, /* Hawaii */
        { 0x6900, 0x6907, CHIP_VI }, /* Topaz */
        { 0x6920, 0x692e, CHIP_VI }, /* Tonga; 692f is a virtual function of it */
        { 0x6930, 0x693f, CHIP_VI },
        { 0x694c, 0x694f, CHIP_VI }, /* Polaris 22, "Vega M" */
        { 0x67c0, 0x67df, CHIP_VI }, /* Polaris 10, 20, 30 */
        { 0x67e0, 0x67ff, CHIP_VI }, /* Polaris 11, 21 */
        { 0x6980, 0x699f, CHIP_VI }, /* Polaris 12 */
        { 0x6fdf, 0x6fdf, CHIP_VI }, /* RX 580 2048SP */
        { 0x7300, 0x7300, CHIP_VI }, /* Fiji */
        { 0x730f, 0x730f, CHIP_VI },
};

#define SOURCE_CONFIG_RESET                                                                                            \
        "linux drivers/gpu/drm/amd/amdgpu: amdgpu_device_pci_config_reset() with AMDGPU_ASIC_RESET_DATA, called by "    \
        "vi_asic_pci_config_reset() and cik_asic_pci_config_reset(); qemu hw/vfio/pci-quirks.c, vfio_radeon_reset()"
#define SOURCE_COMMAND                                                                                                 \
        "PCI Local Bus 3.0, 6.2.2: I/O, memory and bus master enable; qemu hw/vfio/pci-quirks.c, vfio_radeon_reset(): " \
        "memory only during the reset, nothing after it"

static const ResetRegister reset_registers[] = {
        { CHIP_CI, 0x7c, UINT32_MAX, false, 0x39d5e86b, SOURCE_CONFIG_RESET },
        { CHIP_VI, 0x7c, UINT32_MAX, false, 0x39d5e86b, SOURCE_CONFIG_RESET },
        { CHIP_CI, 0x04, 0x7, true, 0, SOURCE_COMMAND },
        { CHIP_VI, 0x04, 0x7, true, 0, SOURCE_COMMAND },
};

static const ChipRegister chip_registers[] = {
        { CHIP_CI, PLACE_CI_SMC(0x80000000), 0x1, "SMC_SYSCON_RESET_CNTL", SOURCE_QEMU },
        { CHIP_CI, PLACE_CI_SMC(0x80000004), 0x1, "SMC_SYSCON_CLOCK_CNTL_0", SOURCE_QEMU },
        { CHIP_CI, PLACE_CI_SMC(0x80000370), 0, "SMC_PC_C", SOURCE_QEMU },
        { CHIP_CI, PLACE_CI_SMC(0xc0000010), 0x2, "MISC", SOURCE_QEMU },
        { CHIP_CI, PLACE_CI_SMC(0xc00c0000), 0, "FUSE", SOURCE_QEMU },
        { CHIP_CI, PLACE_DIRECT(0x5428), 0, "CONFIG_MEMSIZE", SOURCE_MEMSIZE },
        { CHIP_VI, PLACE_VI_SMC(0x80000004), 0, "SMC_SYSCON_CLOCK_CNTL_0", SOURCE_VI },
        { CHIP_VI, PLACE_VI_SMC(0x80000370), 0, "SMC_PC_C", SOURCE_VI },
        { CHIP_VI, PLACE_DIRECT(0x5428), 0, "CONFIG_MEMSIZE", SOURCE_MEMSIZE },
};

ChipGeneration chip_generation(uint16_t vendor_id, uint16_t device_id) {
        for (size_t i = 0; vendor_id == VENDOR_AMD && i < ELEMENTSOF(amd_ids); i++)
                if (device_id >= amd_ids[i].first && device_id <= amd_ids[i].last)
                        return amd_ids[i].chip;
        return CHIP_OTHER;
}

const ResetRegister *reset_register_find(ChipGeneration chip, uint32_t offset, uint32_t mask, uint32_t value) {
        for (size_t i = 0; i < ELEMENTSOF(reset_registers); i++) {
                const ResetRegister *reg = &reset_registers[i];
                bool fits = reg->any_value ? mask != 0 && (mask & ~reg->mask) == 0 && (value & ~mask) == 0
                                           : mask == reg->mask && value == reg->value;
                if (reg->chip == chip && reg->offset == offset && fits)
                        return reg;
        }
        return NULL;
}

static bool same_place(const RegisterPlace *a, const RegisterPlace *b) {
        return a->bar == b->bar && a->index_offset == b->index_offset && a->data_offset == b->data_offset &&
               a->address == b->address;
}

const ChipRegister *chip_register_find(ChipGeneration chip, const RegisterPlace *place) {
        for (size_t i = 0; i < ELEMENTSOF(chip_registers); i++)
                if (chip_registers[i].chip == chip && same_place(&chip_registers[i].place, place))
                        return &chip_registers[i];
        return NULL;
}

const ResetRegister *reset_register_list(size_t *ret_n) {
        *ret_n = ELEMENTSOF(reset_registers);
        return reset_registers;
}

const ChipRegister *chip_register_list(size_t *ret_n) {
        *ret_n = ELEMENTSOF(chip_registers);
        return chip_registers;
}
