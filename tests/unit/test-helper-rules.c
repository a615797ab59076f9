/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every rule of the helper: a request that breaks it is refused by that name, and nothing is written or opened. */

#include "check-main.h"

#include <string.h>

#include "base/text.h"
#include "core/config-space.h"
#include "good-requests.h"
#include "helper/rules.h"

#define DEVICE "/sys/bus/pci/devices/0000:01:00.0"
#define EXPRESS_DEVICE_CONTROL 0x60 /* of fake_config() */

static uint8_t before[CONFIG_SPACE_SIZE], after[CONFIG_SPACE_SIZE];

/* What makes them bad. */
static void other_magic(HelperRequest *r) {
        r->magic++;
}
static void other_version(HelperRequest *r) {
        r->version++;
}
static void no_verb(HelperRequest *r) {
        r->verb = 0;
}
static void unknown_verb(HelperRequest *r) {
        r->verb = _HELPER_VERB_MAX;
}
static void huge_verb(HelperRequest *r) {
        r->verb = UINT32_MAX;
}
static void no_slot(HelperRequest *r) {
        r->address.slot = 32;
}
static void no_function(HelperRequest *r) {
        r->address.function = FUNCTIONS_MAX;
}
static void other_domain(HelperRequest *r) {
        r->address.domain = 1;
}
static void other_bus(HelperRequest *r) {
        r->address.bus = 2;
}
static void other_slot(HelperRequest *r) {
        r->address.slot = 1;
}
static void fellow(HelperRequest *r) { /* more of it in test-helper-fellow.c */
        fake.helper->fellows[0] = r->address = (PciAddress){ .bus = 3 };
        fake.helper->n_fellows = 1;
}
static void no_display(HelperRequest *r) {
        fake_write(DEVICE "/class", "0x020000\n");
}
static void no_display_companion(HelperRequest *r) {
        no_display(r);
        r->address.function = 1;
}
static void endless_text(HelperRequest *r) {
        memset(r->text, 'a', sizeof(r->text));
}
static void endless_attribute(HelperRequest *r) {
        memset(r->attribute, 'a', sizeof(r->attribute));
}
static void many_registers(HelperRequest *r) {
        r->n_registers = REGISTERS_MAX + 1;
}
static void register_without_width(HelperRequest *r) {
        r->registers[0].width = 0;
}
static void register_too_wide(HelperRequest *r) {
        r->registers[0].width = 200;
}
static void register_unaligned(HelperRequest *r) {
        r->registers[0].offset = 0x11;
}
static void register_beyond_the_end(HelperRequest *r) {
        r->registers[0].offset = CONFIG_SPACE_SIZE;
}
static void attribute_remove(HelperRequest *r) {
        (void) text_copy(r->attribute, sizeof(r->attribute), "remove");
}
static void attribute_above(HelperRequest *r) {
        (void) text_copy(r->attribute, sizeof(r->attribute), "../0000:02:00.0/driver_override");
}
static void value_off(HelperRequest *r) {
        (void) text_copy(r->text, sizeof(r->text), "off");
}
static void override_path(HelperRequest *r) {
        (void) text_copy(r->attribute, sizeof(r->attribute), "driver_override");
        (void) text_copy(r->text, sizeof(r->text), "../vfio");
}
static void driver_above(HelperRequest *r) {
        (void) text_copy(r->text, sizeof(r->text), "../../usb");
}
static void driver_with_slash(HelperRequest *r) {
        (void) text_copy(r->text, sizeof(r->text), "amdgpu/x");
}
static void driver_with_dot(HelperRequest *r) {
        (void) text_copy(r->text, sizeof(r->text), "amdgpu.ko");
}
static void driver_without_name(HelperRequest *r) {
        r->text[0] = '\0';
}
static void other_group(HelperRequest *r) {
        r->iommu_group = 13;
}
static void negative_group(HelperRequest *r) {
        r->iommu_group = -1;
}
static void function_without_group(HelperRequest *r) {
        fake_remove(DEVICE "/iommu_group");
}
static void unbind_other_group(HelperRequest *r) {
        fake_bind("0000:01:00.0", "vfio-pci");
        (void) text_copy(r->text, sizeof(r->text), "vfio-pci");
        r->iommu_group = 13;
}
static void long_wait(HelperRequest *r) {
        r->timeout_usec = GROUP_FREE_TIMEOUT_USEC + 1;
}
static void endless_wait(HelperRequest *r) {
        r->timeout_usec = USEC_INFINITY;
}
static void alarm_at_once(HelperRequest *r) {
        r->value = 0;
}
static void late_alarm(HelperRequest *r) {
        r->value = 3600;
}
static void long_delay(HelperRequest *r) {
        r->delay_usec = 5 * USEC_PER_SEC + 1;
}
static void endless_delay(HelperRequest *r) {
        r->delay_usec = USEC_INFINITY;
}
static void write_to_companion(HelperRequest *r) {
        r->address.function = 1;
}
static void write_to_command(HelperRequest *r) {
        r->offset = 0x04;
}
static void write_to_bar(HelperRequest *r) {
        r->offset = 0x10;
}
static void write_beside(HelperRequest *r) {
        r->offset = 0x78;
}
static void write_unaligned(HelperRequest *r) {
        r->offset = 0x7e;
}
static void write_beyond_the_end(HelperRequest *r) {
        r->offset = UINT32_MAX - 3;
}
static void write_another_value(HelperRequest *r) {
        r->value ^= 1;
}
static void write_to_another_vendor(HelperRequest *r) {
        before[0] = 0xde;
        before[1] = 0x10;
        fake_write_bytes(DEVICE "/config", before, sizeof(before));
}
static void another_chip(HelperRequest *r) {
        fake_read_bytes(DEVICE "/config", before, sizeof(before));
        before[2] = 0xdf;
        fake_write_bytes(DEVICE "/config", before, sizeof(before));
}
static void another_vendor(HelperRequest *r) {
        fake_read_bytes(DEVICE "/config", before, sizeof(before));
        before[0] = 0xde;
        fake_write_bytes(DEVICE "/config", before, sizeof(before));
}
static void another_bar(HelperRequest *r) {
        r->place.bar = 2;
}
static void bar_beyond_a_byte(HelperRequest *r) {
        r->place.bar = 0x105;
}
static void another_pair(HelperRequest *r) {
        r->place.index_offset = 0x6b0;
        r->place.data_offset = 0x6b4;
}
static void index_beyond_two_bytes(HelperRequest *r) {
        r->place.index_offset = 0x10200;
}
static void data_beyond_two_bytes(HelperRequest *r) {
        r->place.data_offset = 0x10204;
}
static void another_register(HelperRequest *r) {
        r->place.address += 4;
}
static void register_of_vce(HelperRequest *r) {
        r->place = (HelperPlace){ .bar = 5, .address = 0x20000 };
}
static void another_other(HelperRequest *r) {
        r->other.address -= 4;
}
static void no_bits(HelperRequest *r) {
        r->mask = r->value = 0;
}
static void bits_beside(HelperRequest *r) {
        r->mask = 0x3;
}
static void value_beside(HelperRequest *r) {
        r->value = 0x3;
}
static void read_only_register(HelperRequest *r) {
        r->place.address = 0x80000370;
}
static void two_bits(HelperRequest *r) {
        r->mask = 0x6;
}
static void no_bit(HelperRequest *r) {
        r->mask = 0;
}
static void two_other_bits(HelperRequest *r) {
        r->other_mask = 0x60;
}
static void no_other_bit(HelperRequest *r) {
        r->other_mask = 0;
}
static void unknown_test(HelperRequest *r) {
        r->test = 3;
}
static void test_of_ones(HelperRequest *r) {
        r->test = UINT32_MAX;
}
static void long_poll(HelperRequest *r) {
        r->timeout_usec = RESET_TIMEOUT_USEC + 1;
}
static void bus_reset(HelperRequest *r) {
        (void) text_copy(r->text, sizeof(r->text), "bus");
}
static void cxl_bus_reset(HelperRequest *r) {
        (void) text_copy(r->text, sizeof(r->text), "cxl_bus");
}
static void methods_of_bus(HelperRequest *r) {
        fake_write(DEVICE "/reset_method", "flr bus\n");
        (void) text_copy(r->attribute, sizeof(r->attribute), "reset_method");
        (void) text_copy(r->text, sizeof(r->text), "bus");
}
static void methods_of_none(HelperRequest *r) {
        methods_of_bus(r);
        r->text[0] = '\0';
}
static void no_registers(HelperRequest *r) {
        r->n_registers = 0;
}
static void foreign_register(HelperRequest *r) {
        r->registers[2] = (HelperRegister){ .offset = 0x7c, .width = 4 };
}
static void command_first(HelperRequest *r) {
        HelperRegister last = r->registers[r->n_registers - 1];
        r->registers[r->n_registers - 1] = r->registers[0];
        r->registers[0] = last;
}
static void more_than_saved(HelperRequest *r) {
        HelperRequest request = save();
        HelperReply reply;

        request.n_registers--;
        ck_assert_int_eq(fake_run(&request, &reply), 0);
}
static void value_starts_reset(HelperRequest *r) {
        for (size_t i = 0; i < r->n_registers; i++)
                if (r->registers[i].offset == EXPRESS_DEVICE_CONTROL)
                        r->registers[i].value |= 0x8000;
}
static void companion(HelperRequest *r) {
        r->address.function = 1;
}
static void port_beside(HelperRequest *r) {
        r->address.slot = 2;
}
static void the_card_itself(HelperRequest *r) {
        r->address = (PciAddress){ .bus = 1 };
}
static void nothing_saved(HelperRequest *r) {
}

static const struct {
        HelperRule rule;
        HelperRequest (*good)(void);
        void (*spoil)(HelperRequest *);
} bad[] = {
        { RULE_VERSION, attribute, other_magic },
        { RULE_VERSION, attribute, other_version },
        { RULE_VERB, attribute, no_verb },
        { RULE_VERB, attribute, unknown_verb },
        { RULE_VERB, attribute, huge_verb },
        { RULE_ADDRESS, attribute, no_slot },
        { RULE_ADDRESS, attribute, no_function },
        { RULE_SLOT, attribute, other_domain },
        { RULE_SLOT, bind_driver, other_bus },
        { RULE_SLOT, write_config, other_slot },
        { RULE_DISPLAY, attribute, no_display },
        { RULE_DISPLAY, unbind_driver, no_display_companion },
        { RULE_DISPLAY, write_config, no_display },
        { RULE_TEXT, attribute, endless_text },
        { RULE_TEXT, attribute, endless_attribute },
        { RULE_TEXT, bind_driver, endless_text },
        { RULE_REGISTERS, restore, many_registers },
        { RULE_REGISTERS, restore, register_without_width },
        { RULE_REGISTERS, restore, register_too_wide },
        { RULE_REGISTERS, save, register_unaligned },
        { RULE_REGISTERS, save, register_beyond_the_end },
        { RULE_ATTRIBUTE, attribute, attribute_remove },
        { RULE_ATTRIBUTE, attribute, attribute_above },
        { RULE_VALUE, attribute, value_off },
        { RULE_VALUE, attribute, override_path },
        { RULE_DRIVER_NAME, unbind_driver, driver_above },
        { RULE_DRIVER_NAME, unbind_driver, driver_with_dot },
        { RULE_DRIVER_NAME, bind_driver, driver_with_slash },
        { RULE_DRIVER_NAME, bind_driver, driver_without_name },
        { RULE_GROUP, group, other_group },
        { RULE_GROUP, group, negative_group },
        { RULE_GROUP, group, function_without_group },
        { RULE_GROUP, unbind_driver, unbind_other_group },
        { RULE_WAIT, group, long_wait },
        { RULE_WAIT, group, endless_wait },
        { RULE_WAIT, poll_register, long_poll },
        { RULE_WAIT, poll_register, endless_wait },
        { RULE_DELAY, delay, long_delay },
        { RULE_UPSTREAM, read_port, port_beside },
        { RULE_UPSTREAM, read_port, the_card_itself },
        { RULE_GROUP, read_group, other_group },
        { RULE_ALARM, alarm_of_clock, alarm_at_once },
        { RULE_ALARM, alarm_of_clock, late_alarm },
        { RULE_DELAY, delay, endless_delay },
        { RULE_WRITE_FUNCTION, write_config, write_to_companion },
        { RULE_WRITE_REGISTER, write_config, write_to_command },
        { RULE_WRITE_REGISTER, write_config, write_to_bar },
        { RULE_WRITE_REGISTER, write_config, write_beside },
        { RULE_WRITE_REGISTER, write_config, write_unaligned },
        { RULE_WRITE_REGISTER, write_config, write_beyond_the_end },
        { RULE_WRITE_REGISTER, write_config, write_another_value },
        { RULE_WRITE_REGISTER, write_config, write_to_another_vendor },
        { RULE_WRITE_FUNCTION, check_register, write_to_companion },
        { RULE_WRITE_FUNCTION, write_register, write_to_companion },
        { RULE_WRITE_FUNCTION, function_reset, write_to_companion },
        { RULE_WRITE_FUNCTION, vendor_reset, write_to_companion },
        { RULE_WRITE_FUNCTION, d3hot, write_to_companion },
        { RULE_REGISTER, check_register, another_chip },
        { RULE_REGISTER, poll_register, another_vendor },
        { RULE_REGISTER, check_register, another_bar },
        { RULE_REGISTER, check_register, bar_beyond_a_byte },
        { RULE_REGISTER, poll_register, another_pair },
        { RULE_REGISTER, check_register, index_beyond_two_bytes },
        { RULE_REGISTER, check_register, data_beyond_two_bytes },
        { RULE_REGISTER, check_register, another_register },
        { RULE_REGISTER, check_register, register_of_vce },
        { RULE_REGISTER, write_register, another_register },
        { RULE_REGISTER, differ_register, another_register },
        { RULE_REGISTER, differ_register, another_other },
        { RULE_REGISTER_BITS, check_register, no_bits },
        { RULE_REGISTER_BITS, poll_register, value_beside },
        { RULE_REGISTER_BITS, write_register, no_bits },
        { RULE_REGISTER_BITS, write_register, bits_beside },
        { RULE_REGISTER_BITS, write_register, value_beside },
        { RULE_REGISTER_BITS, write_register, read_only_register },
        { RULE_REGISTER_BITS, differ_register, read_only_register },
        { RULE_REGISTER_BITS, differ_register, two_bits },
        { RULE_REGISTER_BITS, differ_register, no_bit },
        { RULE_REGISTER_BITS, differ_register, two_other_bits },
        { RULE_REGISTER_BITS, differ_register, no_other_bit },
        { RULE_TEST, check_register, unknown_test },
        { RULE_TEST, poll_register, test_of_ones },
        { RULE_RESET_METHOD, function_reset, bus_reset },
        { RULE_RESET_METHOD, function_reset, cxl_bus_reset },
        { RULE_RESET_METHOD, function_reset, driver_without_name },
        { RULE_RESET_METHOD, attribute, methods_of_bus },
        { RULE_VALUE, attribute, methods_of_none },
        { RULE_SAVE, save, no_registers },
        { RULE_SAVE, save, foreign_register },
        { RULE_SAVE, save, command_first },
        { RULE_RESTORE, restore, foreign_register },
        { RULE_RESTORE, restore, command_first },
        { RULE_RESTORE, restore, more_than_saved },
        { RULE_RESTORE_VALUE, restore, value_starts_reset },
        { RULE_SAVED, verify, nothing_saved },
        { RULE_SLOT, guard, other_slot },
        { RULE_FELLOW, guard, fellow },
        { RULE_FELLOW, write_config, fellow },
        { RULE_SLOT, unguard, other_bus },
        { RULE_GUARD, guard, companion },
        { RULE_GUARD, unguard, companion },
};

static void setup(void) {
        fake_setup();
        fake_read_bytes(DEVICE "/config", before, sizeof(before));
        fake_write("/dev/vfio/12", "%s", "");
        fake_write("/dev/vfio/13", "%s", "");
}

START_TEST(test_refused_by_name) {
        HelperRequest request = bad[_i].good();
        char expected[128];
        HelperReply reply;

        bad[_i].spoil(&request);
        fake_read_bytes(DEVICE "/config", before, sizeof(before));
        fake.n_opens = 0;
        ck_assert_int_eq(fake_run(&request, &reply), bad[_i].rule == RULE_VERSION ? -EPROTO : -EINVAL);
        (void) text_format(expected, sizeof(expected), "refused by the helper's rule '%s': ",
                           rule_to_string(bad[_i].rule));
        ck_assert_ptr_nonnull(text_starts_with(reply.message, expected));
        ck_assert_uint_eq(reply.magic, HELPER_PROTOCOL_MAGIC);
        ck_assert_uint_eq(fake.n_writes, 0);
        ck_assert_uint_eq(fake.n_opens, 0);
        fake_read_bytes(DEVICE "/config", after, sizeof(after));
        ck_assert_mem_eq(after, before, sizeof(after));
}
END_TEST

/* The requests themselves pass all rules; what stands in their way below is the machine. */
START_TEST(test_good_ones_pass) {
        HelperRequest (*const good[])(void) = { attribute, unbind_driver, bind_driver, group, delay, save,
                                                write_config, restore,
                                                verify, guard, unguard, check_register, poll_register, write_register,
                                                differ_register, function_reset, vendor_reset, d3hot };
        HelperReply reply;

        for (size_t i = 0; i < ELEMENTSOF(good); i++) {
                HelperRequest request = good[i]();
                (void) fake_run(&request, &reply);
                ck_assert_ptr_null(strstr(reply.message, "refused"));
        }
        ck_assert_uint_eq(fake.n_opens, 2); /* the group, and vendor-reset */
        ck_assert_uint_gt(fake.n_writes, 0);
}
END_TEST

START_TEST(test_every_rule_is_broken_once) {
        for (int rule = 0; rule < _RULE_MAX; rule++) {
                unsigned n = 0;
                for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                        n += bad[i].rule == rule;
                ck_assert_msg(n > 0, "no test breaks the rule '%s'", rule_to_string(rule));
        }
}
END_TEST

START_TEST(test_rest_of_a_card_may_go_home) {
        HelperRequest request = attribute();
        HelperReply reply;

        fake_remove(DEVICE "/class");
        request.address.function = 1;
        ck_assert_int_eq(fake_run(&request, &reply), 0);
}
END_TEST

START_TEST(test_unreadable) {
        HelperRequest request = attribute();
        char path[PATH_TEXT_SIZE];
        HelperReply reply;

        fake_write(DEVICE "/class", "display\n");
        ck_assert_int_eq(fake_run(&request, &reply), -EINVAL);
        ck_assert_ptr_nonnull(strstr(reply.message, DEVICE "/class"));
        fake_write(DEVICE "/class", "0x030000\n");
        request = group();
        fake_remove(DEVICE "/iommu_group");
        fake_write(DEVICE "/iommu_group", "12\n");
        ck_assert_int_eq(fake_run(&request, &reply), -EINVAL);
        ck_assert_ptr_nonnull(strstr(reply.message, "cannot read the link"));
        fake_remove(DEVICE "/iommu_group");
        ck_assert_int_eq(text_format(path, sizeof(path), "%s%s", fake.root, DEVICE "/iommu_group"), 0);
        ck_assert_int_eq(symlink("twelve", path), 0);
        ck_assert_int_eq(fake_run(&request, &reply), -EINVAL);
        ck_assert_ptr_nonnull(strstr(reply.message, "leads to twelve, which is no IOMMU group"));
        ck_assert_uint_eq(fake.n_writes + fake.n_opens, 0);
}
END_TEST

static Suite *suite(void) {
        Suite *s = suite_create("helper-rules");
        TCase *c = tcase_create("rules");

        tcase_add_checked_fixture(c, setup, fake_teardown);
        tcase_add_loop_test(c, test_refused_by_name, 0, ELEMENTSOF(bad));
        tcase_add_test(c, test_good_ones_pass);
        tcase_add_test(c, test_every_rule_is_broken_once);
        tcase_add_test(c, test_rest_of_a_card_may_go_home);
        tcase_add_test(c, test_unreadable);
        suite_add_tcase(s, c);
        return s;
}
CHECK_MAIN(suite)
