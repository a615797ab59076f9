/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every rule of the helper: a request that breaks it is refused by that name, and nothing is written or opened. */

#include "check-main.h"

#include <string.h>

#include "base/text.h"
#include "core/config-space.h"
#include "fake-sys.h"
#include "helper/rules.h"

#define DEVICE "/sys/bus/pci/devices/0000:01:00.0"
#define EXPRESS_DEVICE_CONTROL 0x60 /* of fake_config() */

static uint8_t before[CONFIG_SPACE_SIZE], after[CONFIG_SPACE_SIZE];

/* Requests that are fine as they stand. */
static HelperRequest attribute(void) {
        HelperRequest request = fake_request(HELPER_WRITE_ATTRIBUTE);

        (void) text_copy(request.attribute, sizeof(request.attribute), "power/control");
        (void) text_copy(request.text, sizeof(request.text), "on");
        return request;
}

static HelperRequest driver(HelperVerb verb) {
        HelperRequest request = fake_request(verb);

        (void) text_copy(request.text, sizeof(request.text), "amdgpu");
        return request;
}

static HelperRequest unbind(void) {
        return driver(HELPER_UNBIND);
}

static HelperRequest bind(void) {
        return driver(HELPER_BIND);
}

static HelperRequest group(void) {
        return fake_request(HELPER_GROUP_FREE);
}

static HelperRequest delay(void) {
        return fake_request(HELPER_DELAY);
}

static HelperRequest write_config(void) {
        HelperRequest request = fake_request(HELPER_WRITE_CONFIG);

        request.offset = 0x7c;
        request.mask = UINT32_MAX;
        request.value = 0x39d5e86b;
        return request;
}

static HelperRequest save(void) {
        return fake_request_with_registers(HELPER_SAVE_CONFIG);
}

static HelperRequest restore(void) {
        return fake_request_with_registers(HELPER_RESTORE_CONFIG);
}

static HelperRequest alarm_of_clock(void) {
        HelperRequest request = fake_request(HELPER_WAKE_ALARM);

        fake_write("/sys/class/rtc/rtc0/wakealarm", "%s", "");
        request.value = 10;
        return request;
}

static HelperRequest verify(void) {
        return fake_request_with_registers(HELPER_VERIFY_CONFIG);
}

static HelperRequest guard(void) {
        return fake_request(HELPER_GUARD_SET);
}

static HelperRequest unguard(void) {
        return fake_request(HELPER_GUARD_CLEAR);
}

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
        { RULE_SLOT, bind, other_bus },
        { RULE_SLOT, write_config, other_slot },
        { RULE_DISPLAY, attribute, no_display },
        { RULE_DISPLAY, unbind, no_display_companion },
        { RULE_DISPLAY, write_config, no_display },
        { RULE_TEXT, attribute, endless_text },
        { RULE_TEXT, attribute, endless_attribute },
        { RULE_TEXT, bind, endless_text },
        { RULE_REGISTERS, restore, many_registers },
        { RULE_REGISTERS, restore, register_without_width },
        { RULE_REGISTERS, restore, register_too_wide },
        { RULE_REGISTERS, save, register_unaligned },
        { RULE_REGISTERS, save, register_beyond_the_end },
        { RULE_ATTRIBUTE, attribute, attribute_remove },
        { RULE_ATTRIBUTE, attribute, attribute_above },
        { RULE_VALUE, attribute, value_off },
        { RULE_VALUE, attribute, override_path },
        { RULE_DRIVER_NAME, unbind, driver_above },
        { RULE_DRIVER_NAME, unbind, driver_with_dot },
        { RULE_DRIVER_NAME, bind, driver_with_slash },
        { RULE_DRIVER_NAME, bind, driver_without_name },
        { RULE_GROUP, group, other_group },
        { RULE_GROUP, group, negative_group },
        { RULE_GROUP, group, function_without_group },
        { RULE_GROUP, unbind, unbind_other_group },
        { RULE_WAIT, group, long_wait },
        { RULE_WAIT, group, endless_wait },
        { RULE_DELAY, delay, long_delay },
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
        { RULE_SAVE, save, no_registers },
        { RULE_SAVE, save, foreign_register },
        { RULE_SAVE, save, command_first },
        { RULE_RESTORE, restore, foreign_register },
        { RULE_RESTORE, restore, command_first },
        { RULE_RESTORE, restore, more_than_saved },
        { RULE_RESTORE_VALUE, restore, value_starts_reset },
        { RULE_SAVED, verify, nothing_saved },
        { RULE_SLOT, guard, other_slot },
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
        HelperRequest (*const good[])(void) = { attribute, unbind, bind, group, delay, save, write_config, restore,
                                                verify, guard, unguard };
        HelperReply reply;

        for (size_t i = 0; i < ELEMENTSOF(good); i++) {
                HelperRequest request = good[i]();
                (void) fake_run(&request, &reply);
                ck_assert_ptr_null(strstr(reply.message, "refused"));
        }
        ck_assert_uint_eq(fake.n_opens, 1);
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
