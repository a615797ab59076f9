/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a copy of a function's configuration space tells. Pure: bytes in, facts out. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/facts.h"

/** config_is_dead() - vendor and device id read all ones (PCI 3.0, 6.1: nobody answers). */
bool config_is_dead(const uint8_t *config, size_t size);

/** config_find_capability() - offset of the first capability with that id, 0 if there is none.
 * Loops and offsets outside @size end the walk. */
uint16_t config_find_capability(const uint8_t *config, size_t size, uint8_t id);

/** config_find_extended() - the same in the extended space (from 0x100). */
uint16_t config_find_extended(const uint8_t *config, size_t size, uint16_t id);

/**
 * config_registers() - what a reset wipes, in the order of putting it back
 *
 * Resizable BAR control, BARs, ROM, cache line and interrupt line, PCI Express control registers,
 * COMMAND last: memory decoding must not be on before the BARs are right.
 *
 * Return: how many were written to @ret_registers.
 */
size_t config_registers(const uint8_t *config, size_t size, ConfigRegister ret_registers[static REGISTERS_MAX]);

/** config_msix_enabled() - MSI-X message control bit 15 (PCI 3.0, 6.8.2.3). */
bool config_msix_enabled(const uint8_t *config, size_t size);

/** config_starts_reset() - does writing this register with its value reset the function by itself (PCIe 5.0, 7.5.3.4,
 * Initiate Function Level Reset)? The bit always reads zero, so no saved value has it. */
bool config_starts_reset(const uint8_t *config, size_t size, const ConfigRegister *reg);
