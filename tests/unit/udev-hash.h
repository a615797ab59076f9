/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <stdint.h>
#include <string.h>

/* MurmurHash2 with seed 0: how udev tells the receiver's socket filter the subsystem. */
static inline uint32_t murmur_hash(const char *text) {
        const uint32_t m = 0x5bd1e995;
        size_t n = strlen(text);
        uint32_t hash = (uint32_t) n;

        for (; n >= 4; text += 4, n -= 4) {
                uint32_t k;
                memcpy(&k, text, 4);
                k *= m;
                k ^= k >> 24;
                hash = hash * m ^ k * m;
        }
        for (size_t i = n; i > 0; i--)
                hash ^= (uint32_t) (unsigned char) text[i - 1] << (8 * (i - 1));
        if (n > 0)
                hash *= m;
        hash ^= hash >> 13;
        hash *= m;
        return hash ^ hash >> 15;
}
