/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A message of udev's to its multicast group (systemd's device-monitor.c): this header, then KEY=VALUE texts with NULs. */

#include <arpa/inet.h>
#include <stdint.h>
#include <string.h>

#define UDEV_GROUP 2U

typedef struct UdevHeader {
        char prefix[8];
        uint32_t magic;
        uint32_t header_size;
        uint32_t properties_offset;
        uint32_t properties_size;
        uint32_t subsystem_hash;
        uint32_t devtype_hash;
        uint32_t tags_high;
        uint32_t tags_low;
} UdevHeader;

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

/* Only the size of what follows is missing. */
static inline UdevHeader udev_header(const char *subsystem) {
        return (UdevHeader){
                .prefix = "libudev",
                .magic = htonl(0xfeedcafe),
                .header_size = sizeof(UdevHeader),
                .properties_offset = sizeof(UdevHeader),
                .subsystem_hash = htonl(murmur_hash(subsystem)),
        };
}
