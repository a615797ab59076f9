/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writes a hardware database of one node (systemd's hwdb-internal.h: header, node, values, strings) where
 * libsystemd looks first, and asks for names out of it.
 */

#include <endian.h>
#include <sys/stat.h>

#include "base/text.h"
#include "check-main.h"
#include "machine-sandbox.h"
#include "machine/system.h"

typedef struct Database {
        struct {
                char signature[8];
                uint64_t tool_version, file_size, header_size, node_size, child_size, value_size;
                uint64_t root_offset, nodes_size, strings_size;
        } header;
        struct {
                uint64_t prefix_offset;
                uint8_t n_children;
                uint8_t padding[7];
                uint64_t n_values;
        } node;
        struct {
                uint64_t key_offset, value_offset;
        } values[1];
        char strings[1024];
} Database;

static uint64_t database_string(Database *database, const char *text) {
        uint64_t used = le64toh(database->header.strings_size), n = strlen(text) + 1;

        ck_assert_uint_le(used + n, sizeof(database->strings));
        memcpy(database->strings + used, text, n);
        database->header.strings_size = htole64(used + n);
        return htole64(offsetof(Database, strings) + used);
}

/* One entry: devices whose modalias matches @pattern have the property @key. */
static void make_database(const char *pattern, const char *key, const char *value) {
        Database database = { 0 };

        memcpy(database.header.signature, "KSLPHHRH", 8);
        database.header.file_size = htole64(sizeof(database));
        database.header.header_size = htole64(sizeof(database.header));
        database.header.node_size = htole64(sizeof(database.node));
        database.header.child_size = htole64(16);
        database.header.value_size = htole64(sizeof(database.values[0]));
        database.header.root_offset = htole64(offsetof(Database, node));
        database.header.nodes_size = htole64(sizeof(database.node) + sizeof(database.values));
        database.node.n_values = htole64(1);
        (void) database_string(&database, "");
        database.node.prefix_offset = database_string(&database, pattern);
        database.values[0].key_offset = database_string(&database, key);
        database.values[0].value_offset = database_string(&database, value);

        ck_assert(mkdir("/etc/systemd", 0755) == 0 || errno == EEXIST);
        ck_assert(mkdir("/etc/systemd/hwdb", 0755) == 0 || errno == EEXIST);
        FILE *f = fopen("/etc/systemd/hwdb/hwdb.bin", "we");
        ck_assert_ptr_nonnull(f);
        ck_assert_uint_eq(fwrite(&database, sizeof(database), 1, f), 1);
        ck_assert_int_eq(fclose(f), 0);
}

static const FunctionFacts rx470 = {
        .class_code = 0x030000,
        .vendor_id = 0x1002,
        .device_id = 0x67df,
        .subsystem_vendor_id = 0x1da2,
        .subsystem_device_id = 0xe366,
};

START_TEST(test_name) {
        char name[CARD_NAME_SIZE];

        ck_assert_int_eq(sandbox_enter(), 0);
        make_database("pci:v00001002d000067DFsv00001DA2sd0000E366bc03sc00i00", " ID_MODEL_FROM_DATABASE",
                      "Ellesmere [Radeon RX 470]");
        system_card_name(&rx470, name);
        ck_assert_str_eq(name, "Ellesmere [Radeon RX 470]");

        FunctionFacts other = rx470;
        other.device_id = 0x67ef;
        system_card_name(&other, name);
        ck_assert_str_eq(name, "");

        make_database("pci:v00001002*", " ID_VENDOR_FROM_DATABASE", "Advanced Micro Devices");
        system_card_name(&other, name);
        ck_assert_str_eq(name, "Advanced Micro Devices Device 67ef");
}
END_TEST

START_TEST(test_odd_names) {
        char name[CARD_NAME_SIZE], text[300];

        ck_assert_int_eq(sandbox_enter(), 0);
        make_database("pci:*", " ID_MODEL_FROM_DATABASE", "a\x1b[31m\xc3\xa4");
        system_card_name(&rx470, name);
        ck_assert_str_eq(name, "a?[31m\xc3\xa4");

        /* Cut at 127 bytes, but never inside a character: 126 and then one of two bytes. */
        memset(text, 'x', sizeof(text));
        memcpy(text + 126, "\xc3\xa4", 2);
        text[200] = '\0';
        make_database("pci:*", " ID_MODEL_FROM_DATABASE", text);
        system_card_name(&rx470, name);
        ck_assert_uint_eq(strlen(name), 126);
        memcpy(text + 125, "\xc3\xa4x", 3);
        make_database("pci:*", " ID_MODEL_FROM_DATABASE", text);
        system_card_name(&rx470, name);
        ck_assert_uint_eq(strlen(name), 127);
        ck_assert_int_eq((unsigned char) name[126], 0xa4);
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("machine/card-name");
        TCase *tests = tcase_create("card-name");

        tcase_set_timeout(tests, 60); /* the machine may be busy */
        tcase_add_test(tests, test_name);
        tcase_add_test(tests, test_odd_names);
        suite_add_tcase(suite, tests);
        return suite;
}

CHECK_MAIN_SANDBOXED(make_suite)
