/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reset through configuration space: save, write, put back, verify, and all that is refused. */

#include "check-main.h"

#include <string.h>
#include <time.h>

#include "base/text.h"
#include "core/config-space.h"
#include "fake-sys.h"

#define CONFIG "/sys/bus/pci/devices/0000:01:00.0/config"
#define RESET_OFFSET 0x7cU
#define RESET_VALUE 0x39d5e86bU
#define MSIX_CONTROL 0xa2U

static uint8_t before[CONFIG_SPACE_SIZE], now[CONFIG_SPACE_SIZE];

static void setup(void) {
        fake_setup();
        fake_config(before);
}

static HelperRequest with_registers(HelperVerb verb) {
        HelperRequest request = fake_request(verb);
        ConfigRegister registers[REGISTERS_MAX];

        request.n_registers = (uint32_t) config_registers(before, sizeof(before), registers);
        ck_assert_uint_gt(request.n_registers, 10);
        for (size_t i = 0; i < request.n_registers; i++)
                request.registers[i] = (HelperRegister){ .offset = registers[i].offset,
                                                         .width = registers[i].width,
                                                         .value = registers[i].value };
        return request;
}

static int run(HelperRequest request, HelperReply *reply) {
        return fake_run(&request, reply);
}

static int write_config(uint32_t offset, HelperReply *reply) {
        HelperRequest request = fake_request(HELPER_WRITE_CONFIG);

        request.offset = offset;
        request.mask = UINT32_MAX;
        request.value = RESET_VALUE;
        return fake_run(&request, reply);
}

/* What the card's reset leaves behind. */
static void wipe(void) {
        fake_read_bytes(CONFIG, now, sizeof(now));
        memset(now + 0x04, 0, 2);
        memset(now + 0x10, 0, 24);
        now[0x3c] = 0;
        memset(now + 0x60, 0, 2);
        memset(now + 0x108, 0, 4);
        fake_write_bytes(CONFIG, now, sizeof(now));
}

static void poke(size_t offset, uint8_t value) {
        fake_read_bytes(CONFIG, now, sizeof(now));
        now[offset] = value;
        fake_write_bytes(CONFIG, now, sizeof(now));
}

START_TEST(test_whole_recipe) {
        HelperReply reply;

        ck_assert_int_eq(run(with_registers(HELPER_SAVE_CONFIG), &reply), 0);
        ck_assert_int_eq(write_config(RESET_OFFSET, &reply), 0);
        fake_read_bytes(CONFIG, now, sizeof(now));
        ck_assert_uint_eq(now[RESET_OFFSET], 0x6b); /* little endian */
        ck_assert_uint_eq(now[RESET_OFFSET + 3], 0x39);
        now[RESET_OFFSET] = now[RESET_OFFSET + 1] = now[RESET_OFFSET + 2] = now[RESET_OFFSET + 3] = 0;
        ck_assert_int_eq(memcmp(now, before, sizeof(now)), 0); /* and nothing else */
        wipe();
        ck_assert_int_eq(run(with_registers(HELPER_VERIFY_CONFIG), &reply), -EIO);
        ck_assert_int_eq(run(with_registers(HELPER_RESTORE_CONFIG), &reply), 0);
        ck_assert_int_eq(run(with_registers(HELPER_VERIFY_CONFIG), &reply), 0);
        ck_assert_str_eq(reply.message, "");
        fake_read_bytes(CONFIG, now, sizeof(now));
        memset(now + RESET_OFFSET, 0, 4);
        ck_assert_int_eq(memcmp(now, before, sizeof(now)), 0);
}
END_TEST

START_TEST(test_functions_are_kept_apart) {
        HelperRequest request = with_registers(HELPER_SAVE_CONFIG);
        HelperReply reply;

        ck_assert_int_eq(fake_run(&request, &reply), 0);
        request.verb = HELPER_VERIFY_CONFIG;
        request.address.function = 1;
        ck_assert_int_eq(fake_run(&request, &reply), -EINVAL);
        ck_assert_ptr_nonnull(strstr(reply.message, "0000:01:00.1 has not been saved"));
        request.verb = HELPER_SAVE_CONFIG;
        ck_assert_int_eq(fake_run(&request, &reply), 0);
        request.verb = HELPER_VERIFY_CONFIG;
        ck_assert_int_eq(fake_run(&request, &reply), 0);
}
END_TEST

START_TEST(test_unsaved) {
        HelperRequest request = with_registers(HELPER_RESTORE_CONFIG);
        HelperReply reply;

        ck_assert_int_eq(run(with_registers(HELPER_VERIFY_CONFIG), &reply), -EINVAL);
        /* An undo's helper has saved nothing: it writes what the plan recorded. */
        wipe();
        ck_assert_int_eq(fake_run(&request, &reply), -EINVAL); /* wiped: no resizable BAR is listed */
        memmove(request.registers, request.registers + 1,
                (request.n_registers - 1) * sizeof(request.registers[0]));
        request.n_registers--;
        ck_assert_int_eq(fake_run(&request, &reply), 0);
        fake_read_bytes(CONFIG, now, sizeof(now));
        ck_assert_int_eq(memcmp(now, before, 256), 0);
}
END_TEST

START_TEST(test_saved_values_win) {
        HelperRequest request = with_registers(HELPER_RESTORE_CONFIG);
        HelperReply reply;

        ck_assert_int_eq(run(with_registers(HELPER_SAVE_CONFIG), &reply), 0);
        for (size_t i = 0; i < request.n_registers; i++)
                request.registers[i].value = 0x12345678;
        wipe();
        ck_assert_int_eq(fake_run(&request, &reply), 0);
        fake_read_bytes(CONFIG, now, sizeof(now));
        ck_assert_int_eq(memcmp(now, before, sizeof(now)), 0);
}
END_TEST

static void foreign(HelperRequest *r) {
        r->registers[2] = (HelperRegister){ .offset = 0x7c, .width = 4 };
}
static void beyond(HelperRequest *r) {
        r->registers[0] = (HelperRegister){ .offset = 0xfffe, .width = 4 };
}
static void narrow(HelperRequest *r) {
        r->registers[1].width = 2;
}
static void wide(HelperRequest *r) {
        r->registers[1].width = 200;
}
static void command_first(HelperRequest *r) {
        HelperRegister last = r->registers[r->n_registers - 1];
        r->registers[r->n_registers - 1] = r->registers[0];
        r->registers[0] = last;
}
static void twice(HelperRequest *r) {
        r->registers[1] = r->registers[0];
}

static void (*const spoilers[])(HelperRequest *) = { foreign, beyond, narrow, wide, command_first, twice };

START_TEST(test_only_known_registers_in_their_order) {
        HelperRequest save = with_registers(HELPER_SAVE_CONFIG),
                      restore = with_registers(HELPER_RESTORE_CONFIG),
                      verify = with_registers(HELPER_VERIFY_CONFIG);
        HelperReply reply;

        spoilers[_i](&save);
        ck_assert_int_eq(fake_run(&save, &reply), -EINVAL);
        ck_assert_int_eq(run(with_registers(HELPER_SAVE_CONFIG), &reply), 0);
        spoilers[_i](&restore);
        ck_assert_int_eq(fake_run(&restore, &reply), -EINVAL);
        spoilers[_i](&verify);
        ck_assert_int_eq(fake_run(&verify, &reply), -EINVAL);
        fake_read_bytes(CONFIG, now, sizeof(now));
        ck_assert_int_eq(memcmp(now, before, sizeof(now)), 0);
}
END_TEST

START_TEST(test_restore_only_what_was_saved) {
        HelperRequest save = with_registers(HELPER_SAVE_CONFIG);
        HelperReply reply;

        save.n_registers--; /* without COMMAND */
        ck_assert_int_eq(fake_run(&save, &reply), 0);
        ck_assert_int_eq(run(with_registers(HELPER_RESTORE_CONFIG), &reply), -EINVAL);
        save.verb = HELPER_RESTORE_CONFIG;
        ck_assert_int_eq(fake_run(&save, &reply), 0);
        save.verb = HELPER_SAVE_CONFIG;
        save.n_registers = 0;
        ck_assert_int_eq(fake_run(&save, &reply), -EINVAL);
}
END_TEST

static const uint32_t bad_offsets[] = { 0x00, 0x04, 0x3c, 0x3f,       0x41,
                                        0x7e, 4096, 4094, UINT32_MAX, UINT32_MAX - 3 };

START_TEST(test_bad_offsets) {
        HelperReply reply;

        ck_assert_int_eq(write_config(bad_offsets[_i], &reply), -EINVAL);
        fake_read_bytes(CONFIG, now, sizeof(now));
        ck_assert_int_eq(memcmp(now, before, sizeof(now)), 0);
}
END_TEST

START_TEST(test_bound_function_is_left_alone) {
        HelperReply reply;

        ck_assert_int_eq(run(with_registers(HELPER_SAVE_CONFIG), &reply), 0);
        fake_bind("0000:01:00.0", "amdgpu");
        ck_assert_int_eq(write_config(RESET_OFFSET, &reply), -EBUSY);
        ck_assert_ptr_nonnull(strstr(reply.message, "bound to amdgpu"));
        ck_assert_int_eq(run(with_registers(HELPER_RESTORE_CONFIG), &reply), -EBUSY);
        fake_bind("0000:01:00.0", "vfio-pci");
        ck_assert_int_eq(write_config(RESET_OFFSET, &reply), -EBUSY);
        fake_read_bytes(CONFIG, now, sizeof(now));
        ck_assert_int_eq(memcmp(now, before, sizeof(now)), 0);
}
END_TEST

START_TEST(test_companion) {
        HelperRequest restore = with_registers(HELPER_SAVE_CONFIG);
        HelperReply reply;

        restore.address.function = 1;
        ck_assert_int_eq(fake_run(&restore, &reply), 0);
        restore.verb = HELPER_RESTORE_CONFIG;
        fake_bind("0000:01:00.1", "snd_hda_intel");
        ck_assert_int_eq(write_config(RESET_OFFSET, &reply), -EBUSY);
        ck_assert_ptr_nonnull(strstr(reply.message, "0000:01:00.1 is bound to snd_hda_intel"));
        ck_assert_int_eq(fake_run(&restore, &reply), -EBUSY);
        /* The guard stays where it is, and its registers come back all the same. */
        fake_bind("0000:01:00.1", "pci-stub");
        ck_assert_int_eq(write_config(RESET_OFFSET, &reply), 0);
        ck_assert_str_eq(reply.message, "");
        ck_assert_int_eq(fake_run(&restore, &reply), 0);
}
END_TEST

START_TEST(test_msix) {
        HelperReply reply;

        ck_assert_int_eq(run(with_registers(HELPER_SAVE_CONFIG), &reply), 0);
        poke(MSIX_CONTROL + 1, 0x80);
        ck_assert_int_eq(write_config(RESET_OFFSET, &reply), -EBUSY);
        ck_assert_ptr_nonnull(strstr(reply.message, "MSI-X of 0000:01:00.0"));
        ck_assert_int_eq(run(with_registers(HELPER_VERIFY_CONFIG), &reply), -EIO);
        ck_assert_ptr_nonnull(strstr(reply.message, "MSI-X of 0000:01:00.0 is enabled"));
        ck_assert_int_eq(run(with_registers(HELPER_SAVE_CONFIG), &reply), -EBUSY);
        fake_read_bytes(CONFIG, now, sizeof(now));
        ck_assert_uint_eq(now[RESET_OFFSET], 0);
}
END_TEST

START_TEST(test_dead_card) {
        HelperReply reply;

        ck_assert_int_eq(run(with_registers(HELPER_SAVE_CONFIG), &reply), 0);
        memset(now, 0xff, sizeof(now));
        fake_write_bytes(CONFIG, now, sizeof(now));
        ck_assert_int_eq(write_config(RESET_OFFSET, &reply), -ENXIO);
        ck_assert_int_eq(run(with_registers(HELPER_RESTORE_CONFIG), &reply), -ENXIO);
        ck_assert_int_eq(run(with_registers(HELPER_VERIFY_CONFIG), &reply), -ENXIO);
        ck_assert_int_eq(run(with_registers(HELPER_SAVE_CONFIG), &reply), -ENXIO);
        ck_assert_int_eq(run(fake_request(HELPER_ALIVE), &reply), -ENXIO);
        ck_assert_ptr_nonnull(strstr(reply.message, "reads all ones (power state D0)"));
        fake_read_bytes(CONFIG, now, sizeof(now));
        for (size_t i = 0; i < sizeof(now); i++)
                ck_assert_uint_eq(now[i], 0xff);
}
END_TEST

START_TEST(test_alive) {
        HelperReply reply;

        ck_assert_int_eq(run(fake_request(HELPER_ALIVE), &reply), 0);
        /* Some registers may read all ones: only the ids tell. */
        poke(0x10, 0xff);
        ck_assert_int_eq(run(fake_request(HELPER_ALIVE), &reply), 0);
        fake_remove(CONFIG);
        ck_assert_int_eq(run(fake_request(HELPER_ALIVE), &reply), -ENOENT);
}
END_TEST

START_TEST(test_only_64_bytes) {
        HelperReply reply;

        fake_write_bytes(CONFIG, before, 64);
        ck_assert_int_eq(run(with_registers(HELPER_SAVE_CONFIG), &reply), -EPERM);
        ck_assert_int_eq(write_config(RESET_OFFSET, &reply), -EPERM);
        ck_assert_int_eq(run(fake_request(HELPER_ALIVE), &reply), 0);
}
END_TEST

START_TEST(test_verify_names_what_differs) {
        HelperReply reply;

        ck_assert_int_eq(run(with_registers(HELPER_SAVE_CONFIG), &reply), 0);
        poke(0x05, 0x00);
        ck_assert_int_eq(run(with_registers(HELPER_VERIFY_CONFIG), &reply), -EIO);
        ck_assert_str_eq(reply.message, "COMMAND of 0000:01:00.0 reads 0x0007, was 0x0407");
        poke(0x20, 0x00);
        ck_assert_int_eq(run(with_registers(HELPER_VERIFY_CONFIG), &reply), -EIO);
        ck_assert_str_eq(reply.message, "COMMAND of 0000:01:00.0 reads 0x0007, was 0x0407; "
                                        "BAR 4 of 0000:01:00.0 reads 0x0000e000, was 0x0000e001");
        poke(0x3c, 0x00);
        ck_assert_int_eq(run(with_registers(HELPER_VERIFY_CONFIG), &reply), -EIO);
        ck_assert_ptr_nonnull(strstr(reply.message, "; register 0x3c of 0000:01:00.0 reads 0x00, was 0x0b"));
        poke(0x02, 0x00);
        ck_assert_int_eq(run(with_registers(HELPER_VERIFY_CONFIG), &reply), -EIO);
        ck_assert_ptr_nonnull(strstr(reply.message, "device id of 0000:01:00.0 reads 0x6700, was 0x67df"));
}
END_TEST

START_TEST(test_message_of_a_wiped_card_fits) {
        HelperReply reply;

        ck_assert_int_eq(run(with_registers(HELPER_SAVE_CONFIG), &reply), 0);
        for (size_t i = 4; i < sizeof(now); i++)
                now[i] = (uint8_t) ~before[i];
        memcpy(now, before, 4);
        now[0x06] |= 0x10;
        fake_write_bytes(CONFIG, now, sizeof(now));
        ck_assert_int_eq(run(with_registers(HELPER_VERIFY_CONFIG), &reply), -EIO);
        ck_assert_uint_lt(strlen(reply.message), MESSAGE_TEXT_SIZE);
}
END_TEST

START_TEST(test_delay) {
        HelperRequest request = fake_request(HELPER_DELAY);
        struct timespec a, b;
        HelperReply reply;

        request.delay_usec = 30 * USEC_PER_MSEC;
        (void) clock_gettime(CLOCK_MONOTONIC, &a);
        ck_assert_int_eq(fake_run(&request, &reply), 0);
        (void) clock_gettime(CLOCK_MONOTONIC, &b);
        ck_assert_int_ge((b.tv_sec - a.tv_sec) * 1000000 + (b.tv_nsec - a.tv_nsec) / 1000, 30000);
        request.delay_usec = 0;
        ck_assert_int_eq(fake_run(&request, &reply), 0);
        request.delay_usec = 5 * USEC_PER_SEC + 1;
        ck_assert_int_eq(fake_run(&request, &reply), -EINVAL);
        request.delay_usec = USEC_INFINITY;
        ck_assert_int_eq(fake_run(&request, &reply), -EINVAL);
}
END_TEST

/* Ids, COMMAND and BARs are looked at whatever the plan lists, and MSI-X has to be where it was. */
START_TEST(test_verify_leaves_nothing_out) {
        HelperRequest request = with_registers(HELPER_VERIFY_CONFIG);
        HelperReply reply;

        ck_assert_int_eq(run(with_registers(HELPER_SAVE_CONFIG), &reply), 0);
        request.n_registers = 0;
        ck_assert_int_eq(fake_run(&request, &reply), 0);
        wipe();
        ck_assert_int_eq(fake_run(&request, &reply), -EIO);
        ck_assert_ptr_nonnull(text_starts_with(reply.message, "COMMAND of 0000:01:00.0 reads 0x0000, was 0x0407; BAR 0"));
        ck_assert_ptr_nonnull(strstr(reply.message, "BAR 5 of 0000:01:00.0 reads 0x00000000, was 0xfea00000"));
        fake_write_bytes(CONFIG, before, sizeof(before));
        poke(0x59, 0x00); /* the list of capabilities ends before MSI-X */
        ck_assert_int_eq(fake_run(&request, &reply), -EIO);
        ck_assert_str_eq(reply.message, "MSI-X of 0000:01:00.0 is at 0x00, was at 0xa0");
        fake_write_bytes(CONFIG, before, sizeof(before));
        poke(0x00, 0x22);
        ck_assert_int_eq(fake_run(&request, &reply), -EIO);
        ck_assert_str_eq(reply.message, "vendor id of 0000:01:00.0 reads 0x1022, was 0x1002");
}
END_TEST

/* Of each function, and each thing alone. */
static const struct {
        size_t offset;
        const char *name;
} each_table[] = {
        { 0x01, "vendor id" },   { 0x03, "device id" }, { 0x04, "COMMAND" },          { 0x12, "BAR 0" }, { 0x16, "BAR 1" },
        { 0x1a, "BAR 2" },       { 0x1e, "BAR 3" },     { 0x22, "BAR 4" },            { 0x26, "BAR 5" },
        { MSIX_CONTROL + 1, "MSI-X" },
};

START_TEST(test_verify_each_alone) {
        static const char *const paths[] = { CONFIG, "/sys/bus/pci/devices/0000:01:00.1/config" };
        HelperRequest request = with_registers(HELPER_SAVE_CONFIG);
        char expected[64];
        HelperReply reply;

        for (uint8_t function = 0; function < ELEMENTSOF(paths); function++) {
                request.address.function = function;
                request.verb = HELPER_SAVE_CONFIG;
                ck_assert_int_eq(fake_run(&request, &reply), 0);
                fake_read_bytes(paths[function], now, sizeof(now));
                now[each_table[_i].offset] ^= 0x80;
                fake_write_bytes(paths[function], now, sizeof(now));
                request.verb = HELPER_VERIFY_CONFIG;
                ck_assert_int_eq(fake_run(&request, &reply), -EIO);
                (void) snprintf(expected, sizeof(expected), "%s of 0000:01:00.%u ", each_table[_i].name, function);
                ck_assert_msg(text_starts_with(reply.message, expected) && !strchr(reply.message, ';'), "%s", reply.message);
                now[each_table[_i].offset] ^= 0x80;
                fake_write_bytes(paths[function], now, sizeof(now));
                ck_assert_int_eq(fake_run(&request, &reply), 0);
        }
}
END_TEST

static int write_bits(uint32_t offset, uint32_t mask, uint32_t value, HelperReply *reply) {
        HelperRequest request = fake_request(HELPER_WRITE_CONFIG);

        request.offset = offset;
        request.mask = mask;
        request.value = value;
        return fake_run(&request, reply);
}

START_TEST(test_write_under_a_mask) {
        HelperReply reply;

        poke(0x06, 0x10);
        poke(0x07, 0xf8); /* errors of the past, which a one would clear */
        ck_assert_int_eq(write_bits(0x04, 0x7, 0x2, &reply), 0);
        fake_read_bytes(CONFIG, now, sizeof(now));
        ck_assert_uint_eq(now[0x04], 0x02);
        ck_assert_uint_eq(now[0x05], 0x04); /* interrupts stay off */
        ck_assert_uint_eq(now[0x06] | now[0x07], 0);
        fake_write_bytes(CONFIG, before, sizeof(before));
        ck_assert_int_eq(write_bits(0x04, 0x4, 0x0, &reply), 0);
        fake_read_bytes(CONFIG, now, sizeof(now));
        ck_assert_uint_eq(now[0x04], 0x03);
        fake_write_bytes(CONFIG, before, sizeof(before));
        ck_assert_int_eq(write_bits(0x04, 0x407, 0x2, &reply), -EINVAL); /* interrupts are none of a reset's */
        ck_assert_int_eq(write_bits(0x04, 0x00100007, 0x2, &reply), -EINVAL);
        ck_assert_int_eq(write_bits(0x04, 0x2, 0x3, &reply), -EINVAL);
        ck_assert_int_eq(write_bits(0x04, 0, 0, &reply), -EINVAL);
        ck_assert_int_eq(write_bits(RESET_OFFSET, 0xffff, RESET_VALUE & 0xffff, &reply), -EINVAL);
        fake_read_bytes(CONFIG, now, sizeof(now));
        ck_assert_int_eq(memcmp(now, before, sizeof(now)), 0);
}
END_TEST

static Suite *suite(void) {
        Suite *s = suite_create("helper-recipe");
        TCase *t = tcase_create("recipe");

        tcase_add_checked_fixture(t, setup, fake_teardown);
        tcase_add_test(t, test_whole_recipe);
        tcase_add_test(t, test_functions_are_kept_apart);
        tcase_add_test(t, test_unsaved);
        tcase_add_test(t, test_saved_values_win);
        tcase_add_loop_test(t, test_only_known_registers_in_their_order, 0, ELEMENTSOF(spoilers));
        tcase_add_test(t, test_restore_only_what_was_saved);
        tcase_add_loop_test(t, test_bad_offsets, 0, ELEMENTSOF(bad_offsets));
        tcase_add_test(t, test_bound_function_is_left_alone);
        tcase_add_test(t, test_companion);
        tcase_add_test(t, test_msix);
        tcase_add_test(t, test_dead_card);
        tcase_add_test(t, test_alive);
        tcase_add_test(t, test_only_64_bytes);
        tcase_add_test(t, test_verify_names_what_differs);
        tcase_add_test(t, test_verify_leaves_nothing_out);
        tcase_add_loop_test(t, test_verify_each_alone, 0, (int) ELEMENTSOF(each_table));
        tcase_add_test(t, test_write_under_a_mask);
        tcase_add_test(t, test_message_of_a_wiped_card_fits);
        tcase_add_test(t, test_delay);
        suite_add_tcase(s, t);
        return s;
}
CHECK_MAIN(suite)
