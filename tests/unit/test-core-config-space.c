/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Configuration spaces made by hand. The bytes come from a device: loops, short reads and garbage must end,
 * and the sanitizers see every byte that is read outside. Each space is a heap block of its exact size.
 */

#include "core/config-space.h"

#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "check-main.h"

typedef struct Space {
        uint8_t *bytes;
        size_t size;
} Space;

static void space_done(Space *space) {
        free(space->bytes);
}

#define _cleanup_space_ _cleanup_(space_done)

static Space space_new(size_t size, uint8_t fill) {
        Space space = { .bytes = malloc(size > 0 ? size : 1), .size = size };

        ck_assert_ptr_nonnull(space.bytes);
        memset(space.bytes, fill, size);
        return space;
}

static void put16(Space *space, size_t offset, uint16_t value) {
        ck_assert_uint_le(offset + 2, space->size);
        space->bytes[offset] = (uint8_t) value;
        space->bytes[offset + 1] = (uint8_t) (value >> 8);
}

static void put32(Space *space, size_t offset, uint32_t value) {
        put16(space, offset, (uint16_t) value);
        put16(space, offset + 2, (uint16_t) (value >> 16));
}

static void put_capability(Space *space, uint8_t offset, uint8_t id, uint8_t next) {
        space->bytes[offset] = id;
        space->bytes[offset + 1] = next;
}

/* A living function without any capability. */
static Space space_plain(size_t size) {
        Space space = space_new(size, 0);

        if (size >= 4)
                put32(&space, 0, 0x67df1002);
        return space;
}

/* As a graphics card: PM 0x50, MSI 0x60, Express (v2) 0x80, MSI-X 0xc0; Resizable BAR at 0x200 with three
 * BARs. */
static Space space_card(size_t size) {
        Space space = space_plain(size);

        put16(&space, 0x04, 0x0407);
        put16(&space, 0x06, 0x0010);
        put16(&space, 0x0c, 0x0010);
        for (uint32_t i = 0; i < 6; i++)
                put32(&space, 0x10 + 4 * i, 0xe0000000U | i << 8);
        put32(&space, 0x30, 0xc0000000U);
        space.bytes[0x34] = 0x50;
        space.bytes[0x3c] = 0x0b;
        put_capability(&space, 0x50, 0x01, 0x60);
        put_capability(&space, 0x60, 0x05, 0x80);
        put_capability(&space, 0x80, 0x10, 0xc0);
        put16(&space, 0x82, 0x0012);
        put16(&space, 0x88, 0x2810);
        put16(&space, 0x90, 0x0040);
        put16(&space, 0xa8, 0x0009);
        put16(&space, 0xb0, 0x0003);
        put_capability(&space, 0xc0, 0x11, 0x00);
        if (size >= 0x220) {
                put32(&space, 0x100, 0x20010001U); /* AER, next 0x200 */
                put32(&space, 0x200, 0x00010015U); /* Resizable BAR, end */
                put32(&space, 0x208, 0x00000060U | 0x0800U);
                put32(&space, 0x210, 0x00000002U);
                put32(&space, 0x218, 0x00000004U);
        }
        return space;
}

START_TEST(test_dead) {
        static const size_t sizes[] = { 0, 1, 3, 4, 64, 256, 4096 };

        for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
                _cleanup_space_ Space ones = space_new(sizes[i], 0xff);
                _cleanup_space_ Space alive = space_plain(sizes[i]);
                ck_assert(config_is_dead(ones.bytes, ones.size));
                ck_assert_int_eq(config_is_dead(alive.bytes, alive.size), sizes[i] < 4);
        }
        /* Vendor id alone, or device id alone, is not nobody. */
        _cleanup_space_ Space space = space_plain(64);
        put32(&space, 0, 0x67dfffff);
        ck_assert(!config_is_dead(space.bytes, space.size));
        put32(&space, 0, 0xffff1002);
        ck_assert(!config_is_dead(space.bytes, space.size));
        put32(&space, 0, 0);
        ck_assert(!config_is_dead(space.bytes, space.size));
}
END_TEST

/* Every function on every kind of rubbish, in every size that a survey can bring and many that it cannot. */
START_TEST(test_rubbish_ends) {
        uint32_t random = 0x2545f491;

        for (size_t size = 0; size <= 4096; size += size < 320 ? 1 : 97) {
                for (int round = 0; round < 4; round++) {
                        _cleanup_space_ Space space = space_new(size, round == 0 ? 0xff : 0);
                        ConfigRegister registers[REGISTERS_MAX];
                        for (size_t i = 0; round > 1 && i < size; i++) {
                                random = random * 1664525U + 1013904223U;
                                space.bytes[i] = (uint8_t) (random >> 24);
                        }
                        if (round == 3 && size >= 8)
                                put16(&space, 0x06, 0x0010); /* so that the walk begins */
                        uint16_t a = config_find_capability(space.bytes, size, 0x11);
                        uint16_t b = config_find_extended(space.bytes, size, 0x15);
                        ck_assert(a == 0 || (a >= 0x40 && a < 0x100));
                        ck_assert(b == 0 || (b >= 0x100 && (size_t) b + 4 <= size));
                        (void) config_msix_enabled(space.bytes, size);
                        size_t n = config_registers(space.bytes, size, registers);
                        ck_assert_uint_le(n, REGISTERS_MAX);
                        for (size_t i = 0; i < n; i++) {
                                ck_assert_uint_le((size_t) registers[i].offset + registers[i].width, size);
                                ck_assert(registers[i].width == 1 || registers[i].width == 2 ||
                                          registers[i].width == 4);
                                ck_assert_uint_eq(registers[i].offset % registers[i].width, 0);
                        }
                }
        }
}
END_TEST

START_TEST(test_find_capability) {
        _cleanup_space_ Space space = space_card(256);

        ck_assert_uint_eq(config_find_capability(space.bytes, 256, 0x01), 0x50);
        ck_assert_uint_eq(config_find_capability(space.bytes, 256, 0x05), 0x60);
        ck_assert_uint_eq(config_find_capability(space.bytes, 256, 0x10), 0x80);
        ck_assert_uint_eq(config_find_capability(space.bytes, 256, 0x11), 0xc0);
        ck_assert_uint_eq(config_find_capability(space.bytes, 256, 0x12), 0);
        /* The lowest two bits of a pointer are reserved. */
        space.bytes[0x34] = 0x53;
        ck_assert_uint_eq(config_find_capability(space.bytes, 256, 0x05), 0x60);
        /* Not a list before the status register says so. */
        put16(&space, 0x06, 0);
        ck_assert_uint_eq(config_find_capability(space.bytes, 256, 0x01), 0);
}
END_TEST

START_TEST(test_short_reads) {
        static const size_t sizes[] = { 0, 4, 63, 64, 255 };

        for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
                _cleanup_space_ Space whole = space_card(256);
                _cleanup_space_ Space space = space_new(sizes[i], 0);
                memcpy(space.bytes, whole.bytes, sizes[i]);
                ck_assert_uint_eq(config_find_capability(space.bytes, sizes[i], 0x01), 0);
                ck_assert_uint_eq(config_find_extended(space.bytes, sizes[i], 0x15), 0);
                ck_assert(!config_msix_enabled(space.bytes, sizes[i]));
        }
}
END_TEST

START_TEST(test_capability_loops) {
        _cleanup_space_ Space space = space_card(256);

        put_capability(&space, 0xc0, 0x11, 0x50); /* the last points to the first */
        ck_assert_uint_eq(config_find_capability(space.bytes, 256, 0x13), 0);
        ck_assert_uint_eq(config_find_capability(space.bytes, 256, 0x11), 0xc0);
        put_capability(&space, 0x50, 0x01, 0x50); /* to itself */
        ck_assert_uint_eq(config_find_capability(space.bytes, 256, 0x11), 0);
        put_capability(&space, 0x50, 0x01, 0x3c); /* into the header */
        ck_assert_uint_eq(config_find_capability(space.bytes, 256, 0x11), 0);
        space.bytes[0x34] = 0x00;
        ck_assert_uint_eq(config_find_capability(space.bytes, 256, 0x01), 0);
        space.bytes[0x34] = 0xff; /* to the very end */
        put_capability(&space, 0xfc, 0x11, 0xff);
        ck_assert_uint_eq(config_find_capability(space.bytes, 256, 0x11), 0xfc);
        ck_assert_uint_eq(config_find_capability(space.bytes, 256, 0x12), 0);
}
END_TEST

/* The longest list there can be: 48 entries of four bytes from 0x40 on. */
START_TEST(test_longest_list) {
        _cleanup_space_ Space space = space_card(256);

        space.bytes[0x34] = 0x40;
        for (unsigned offset = 0x40; offset < 0x100; offset += 4)
                put_capability(&space, (uint8_t) offset, offset == 0xfc ? 0x11 : 0x09,
                               (uint8_t) (offset + 4));
        ck_assert_uint_eq(config_find_capability(space.bytes, 256, 0x11), 0xfc);
}
END_TEST

START_TEST(test_find_extended) {
        _cleanup_space_ Space space = space_card(4096);

        ck_assert_uint_eq(config_find_extended(space.bytes, 4096, 0x01), 0x100);
        ck_assert_uint_eq(config_find_extended(space.bytes, 4096, 0x15), 0x200);
        ck_assert_uint_eq(config_find_extended(space.bytes, 4096, 0x19), 0);
        /* Cut before the second: the pointer to it leads nowhere. */
        ck_assert_uint_eq(config_find_extended(space.bytes, 0x203, 0x15), 0);
        ck_assert_uint_eq(config_find_extended(space.bytes, 0x204, 0x15), 0x200);
        ck_assert_uint_eq(config_find_extended(space.bytes, 256, 0x01), 0);
}
END_TEST

START_TEST(test_extended_garbage) {
        static const uint32_t firsts[] = {
                0,           /* no extended capabilities */
                0xffffffffU, /* no access to them */
                0x10010001U, /* next: itself */
                0x00410001U, /* next: inside the first 256 bytes */
                0xfff10001U, /* next: the last dword (reserved bits cut) */
                0x0ff10001U,
        };

        for (size_t i = 0; i < ELEMENTSOF(firsts); i++) {
                _cleanup_space_ Space space = space_plain(4096);
                put32(&space, 0x100, firsts[i]);
                ck_assert_uint_eq(config_find_extended(space.bytes, 4096, 0x15), 0);
        }
        /* Two that point to each other. */
        _cleanup_space_ Space space = space_plain(4096);
        put32(&space, 0x100, 0x20010001U);
        put32(&space, 0x200, 0x10010002U);
        ck_assert_uint_eq(config_find_extended(space.bytes, 4096, 0x15), 0);
        ck_assert_uint_eq(config_find_extended(space.bytes, 4096, 0x02), 0x200);
}
END_TEST

START_TEST(test_msix) {
        _cleanup_space_ Space space = space_card(256);

        ck_assert(!config_msix_enabled(space.bytes, 256));
        put16(&space, 0xc2, 0x7fff); /* function mask and table size are something else */
        ck_assert(!config_msix_enabled(space.bytes, 256));
        put16(&space, 0xc2, 0x8000);
        ck_assert(config_msix_enabled(space.bytes, 256));
        put32(&space, 0, 0xffffffffU);
        ck_assert(!config_msix_enabled(space.bytes, 256));
}
END_TEST

static void assert_registers(const Space *space, size_t size, const ConfigRegister *expected,
                             size_t n_expected) {
        ConfigRegister registers[REGISTERS_MAX];
        size_t n = config_registers(space->bytes, size, registers);

        for (size_t i = 0; i < n && i < n_expected; i++) {
                ck_assert_msg(registers[i].offset == expected[i].offset, "register %zu: 0x%x, not 0x%x", i,
                              registers[i].offset, expected[i].offset);
                ck_assert_uint_eq(registers[i].width, expected[i].width);
                ck_assert_uint_eq(registers[i].value, expected[i].value);
        }
        ck_assert_uint_eq(n, n_expected);
}

/* Order and values: BAR sizes before BARs, COMMAND last, since memory decoding must not be on before. */
static const ConfigRegister whole[] = {
        { 0x208, 4, 0x860 },      { 0x210, 4, 2 },          { 0x218, 4, 4 },
        { 0x10, 4, 0xe0000000U }, { 0x14, 4, 0xe0000100U }, { 0x18, 4, 0xe0000200U },
        { 0x1c, 4, 0xe0000300U }, { 0x20, 4, 0xe0000400U }, { 0x24, 4, 0xe0000500U },
        { 0x30, 4, 0xc0000000U }, { 0x0c, 2, 0x0010 },      { 0x3c, 1, 0x0b },
        { 0x88, 2, 0x2810 },      { 0x90, 2, 0x0040 },      { 0xa8, 2, 0x0009 },
        { 0xb0, 2, 0x0003 },      { 0x04, 2, 0x0407 },
};

START_TEST(test_registers) {
        _cleanup_space_ Space space = space_card(4096);

        assert_registers(&space, 4096, whole, ELEMENTSOF(whole));
        /* Without the extended space: all but BAR sizes. */
        assert_registers(&space, 256, whole + 3, ELEMENTSOF(whole) - 3);
        /* Only the header: no capabilities either. */
        const ConfigRegister header[] = { whole[3], whole[4], whole[5],  whole[6],  whole[7],
                                          whole[8], whole[9], whole[10], whole[11], whole[16] };
        assert_registers(&space, 64, header, ELEMENTSOF(header));
        assert_registers(&space, 63, NULL, 0);
        assert_registers(&space, 4, NULL, 0);
        assert_registers(&space, 0, NULL, 0);
}
END_TEST

START_TEST(test_registers_kinds) {
        _cleanup_space_ Space space = space_card(256);
        const ConfigRegister bridge[] = { whole[10], whole[11], whole[12], whole[13],
                                          whole[14], whole[15], whole[16] };
        ConfigRegister version1[11];

        /* Multifunction bit: still header type 0. */
        space.bytes[0x0e] = 0x80;
        assert_registers(&space, 256, whole + 3, ELEMENTSOF(whole) - 3);
        /* Express capability version 1 has no second control registers. */
        put16(&space, 0x82, 0x0001);
        memcpy(version1, whole + 3, sizeof(version1));
        ConfigRegister expected[12];
        memcpy(expected, version1, sizeof(version1));
        expected[11] = whole[16];
        assert_registers(&space, 256, expected, ELEMENTSOF(expected));
        put16(&space, 0x82, 0x0012);
        /* A bridge's BARs lie elsewhere. */
        space.bytes[0x0e] = 0x01;
        assert_registers(&space, 256, bridge, ELEMENTSOF(bridge));
        /* Dead: nothing to save, for all ones would be written back. */
        put32(&space, 0, 0xffffffffU);
        assert_registers(&space, 256, NULL, 0);
}
END_TEST

/* Seven BARs in a three-bit field: six exist. And a capability that the read cut off. */
START_TEST(test_rebar_garbage) {
        static const struct {
                size_t size, n_lost;
        } cuts[] = { { 0x214, 1 }, { 0x20c, 2 }, { 0x20b, 3 }, { 0x204, 3 } };
        _cleanup_space_ Space space = space_card(4096);
        ConfigRegister registers[REGISTERS_MAX];

        put32(&space, 0x208, 0xe0);
        ck_assert_uint_eq(config_registers(space.bytes, 4096, registers), ELEMENTSOF(whole) + 3);
        ck_assert_uint_eq(registers[5].offset, 0x208 + 8 * 5);
        ck_assert_uint_eq(registers[6].offset, 0x10);
        put32(&space, 0x208, 0x60);
        for (size_t i = 0; i < ELEMENTSOF(cuts); i++) {
                _cleanup_space_ Space cut = space_new(cuts[i].size, 0);
                memcpy(cut.bytes, space.bytes, cut.size);
                ck_assert_uint_eq(config_registers(cut.bytes, cut.size, registers),
                                  ELEMENTSOF(whole) - cuts[i].n_lost);
        }
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("core-config-space");
        TCase *tcase = tcase_create("config-space");

        tcase_set_timeout(tcase, 30);
        tcase_add_test(tcase, test_dead);
        tcase_add_test(tcase, test_rubbish_ends);
        tcase_add_test(tcase, test_find_capability);
        tcase_add_test(tcase, test_short_reads);
        tcase_add_test(tcase, test_capability_loops);
        tcase_add_test(tcase, test_longest_list);
        tcase_add_test(tcase, test_find_extended);
        tcase_add_test(tcase, test_extended_garbage);
        tcase_add_test(tcase, test_msix);
        tcase_add_test(tcase, test_registers);
        tcase_add_test(tcase, test_registers_kinds);
        tcase_add_test(tcase, test_rebar_garbage);
        suite_add_tcase(suite, tcase);
        return suite;
}

CHECK_MAIN(make_suite)
