/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The memory behind a BAR. Every access is one of 32 bits, little endian, in the order in which it is asked for. */

#include "helper/helper.h"

typedef struct Mmio {
        volatile uint32_t *words; /* NULL: closed */
        size_t size;              /* bytes */
} Mmio;

/**
 * mmio_open() - make the first @size bytes of a BAR of the function accessible
 *
 * Return: 0; -ENODEV when the function has no such BAR; -ERANGE when it is smaller; -EPERM under kernel lockdown; other
 * negative errno. reply->message is set.
 */
int mmio_open(const Helper *helper, PciAddress address, uint8_t bar, size_t size, Mmio *ret, HelperReply *reply);

/** mmio_read(), mmio_write() - @offset: bytes, dword aligned, within the size of mmio_open(). */
uint32_t mmio_read(const Mmio *mmio, size_t offset);
void mmio_write(const Mmio *mmio, size_t offset, uint32_t value);

void mmio_close(Mmio *mmio);
