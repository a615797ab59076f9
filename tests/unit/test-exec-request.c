/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every kind of step has its request. */

#include "check-main.h"

#include <string.h>

#include "base/text.h"
#include "exec/request.h"

static const struct {
        StepKind kind;
        HelperVerb verb;
        const char *attribute;
} kinds[] = {
        { STEP_NODES_FREE, HELPER_NODES_FREE, "" },
        { STEP_GROUP_FREE, HELPER_GROUP_FREE, "" },
        { STEP_ALIVE, HELPER_ALIVE, "" },
        { STEP_SET_D3COLD, HELPER_WRITE_ATTRIBUTE, "d3cold_allowed" },
        { STEP_SET_OVERRIDE, HELPER_WRITE_ATTRIBUTE, "driver_override" },
        { STEP_SET_POWER, HELPER_WRITE_ATTRIBUTE, "power/control" },
        { STEP_UNBIND, HELPER_UNBIND, "" },
        { STEP_BIND, HELPER_BIND, "" },
        { STEP_PROBE, HELPER_PROBE, "" },
        { STEP_SAVE_CONFIG, HELPER_SAVE_CONFIG, "" },
        { STEP_WRITE_CONFIG, HELPER_WRITE_CONFIG, "" },
        { STEP_CHECK_REGISTER, HELPER_CHECK_REGISTER, "" },
        { STEP_POLL_REGISTER, HELPER_POLL_REGISTER, "" },
        { STEP_WRITE_REGISTER, HELPER_WRITE_REGISTER, "" },
        { STEP_DIFFER_REGISTER, HELPER_DIFFER_REGISTER, "" },
        { STEP_SET_METHOD, HELPER_WRITE_ATTRIBUTE, "reset_method" },
        { STEP_FUNCTION_RESET, HELPER_FUNCTION_RESET, "" },
        { STEP_VENDOR_RESET, HELPER_VENDOR_RESET, "" },
        { STEP_D3HOT, HELPER_D3HOT, "" },
        { STEP_DELAY, HELPER_DELAY, "" },
        { STEP_RESTORE_CONFIG, HELPER_RESTORE_CONFIG, "" },
        { STEP_VERIFY_CONFIG, HELPER_VERIFY_CONFIG, "" },
        { STEP_GUARD_SET, HELPER_GUARD_SET, "" },
        { STEP_GUARD_CLEAR, HELPER_GUARD_CLEAR, "" },
        { STEP_WAKE_ALARM, HELPER_WAKE_ALARM, "" },
        { STEP_REMOVE_RESCAN, HELPER_REMOVE_RESCAN, "" },
};

static Step some_step(StepKind kind) {
        return (Step){
                .kind = kind,
                .address = { .domain = 1, .bus = 2, .slot = 3, .function = 4 },
                .text = "vfio-pci",
                .before = "amdgpu",
                .iommu_group = 12,
                .offset = 0x7c,
                .mask = UINT32_MAX,
                .value = 0x39d5e86b,
                .place = { .bar = 5, .index_offset = 0x6b0, .data_offset = 0x6b4, .address = 0x80000004 },
                .test = REGISTER_AT_LEAST,
                .other = { .bar = 5, .address = 0x5428 },
                .other_mask = 0x40,
                .delay_usec = 100,
                .timeout_usec = 20 * USEC_PER_SEC,
                .n_registers = 2,
                .registers = { { 0x10, 4, 0xe000000c }, { 0x04, 2, 0x0407 } },
        };
}

START_TEST(test_every_kind) {
        Step step = some_step(kinds[_i].kind);
        HelperRequest request;

        ck_assert_int_eq(ELEMENTSOF(kinds), _STEP_KIND_MAX);
        ck_assert_int_eq(request_from_step(&step, &request), 0);
        ck_assert_uint_eq(request.magic, HELPER_PROTOCOL_MAGIC);
        ck_assert_uint_eq(request.version, HELPER_PROTOCOL_VERSION);
        ck_assert_uint_eq(request.verb, kinds[_i].verb);
        ck_assert_str_eq(request.attribute, kinds[_i].attribute);
        ck_assert_str_eq(request.text, "vfio-pci");
        ck_assert_mem_eq(&request.address, &step.address, sizeof(PciAddress));
        ck_assert_int_eq(request.iommu_group, 12);
        ck_assert_uint_eq(request.offset, 0x7c);
        ck_assert_uint_eq(request.mask, UINT32_MAX);
        ck_assert_uint_eq(request.value, 0x39d5e86b);
        ck_assert_uint_eq(request.place.bar, 5);
        ck_assert_uint_eq(request.place.index_offset, 0x6b0);
        ck_assert_uint_eq(request.place.data_offset, 0x6b4);
        ck_assert_uint_eq(request.place.address, 0x80000004);
        ck_assert_uint_eq(request.test, REGISTER_AT_LEAST);
        ck_assert_uint_eq(request.other.bar, 5);
        ck_assert_uint_eq(request.other.address, 0x5428);
        ck_assert_uint_eq(request.other_mask, 0x40);
        ck_assert_uint_eq(request.delay_usec, 100);
        ck_assert_uint_eq(request.n_registers, 2);
        ck_assert_uint_eq(request.registers[0].offset, 0x10);
        ck_assert_uint_eq(request.registers[0].width, 4);
        ck_assert_uint_eq(request.registers[0].value, 0xe000000c);
        ck_assert_uint_eq(request.registers[1].offset, 0x04);
        ck_assert_uint_eq(request.registers[1].width, 2);
        ck_assert_uint_eq(request.registers[1].value, 0x0407);
}
END_TEST

START_TEST(test_helper_gives_up_first) {
        Step step = some_step(STEP_GROUP_FREE);
        HelperRequest request;

        ck_assert_int_eq(request_from_step(&step, &request), 0);
        ck_assert_uint_eq(request.timeout_usec, 18 * USEC_PER_SEC);
        step.timeout_usec = 100;
        ck_assert_int_eq(request_from_step(&step, &request), 0);
        ck_assert_uint_eq(request.timeout_usec, 75);
}
END_TEST

START_TEST(test_deadline) {
        Step step = some_step(STEP_BIND);

        ck_assert_uint_eq(step_deadline_usec(&step), 20 * USEC_PER_SEC);
        step.kind = STEP_DELAY;
        ck_assert_uint_eq(step_deadline_usec(&step), 20 * USEC_PER_SEC + 100);
        step.timeout_usec = USEC_INFINITY;
        ck_assert_uint_eq(step_deadline_usec(&step), USEC_INFINITY);
}
END_TEST

START_TEST(test_impossible_steps) {
        Step step = some_step(STEP_BIND);
        HelperRequest request;

        step.timeout_usec = 0;
        ck_assert_int_eq(request_from_step(&step, &request), -EINVAL);
        step = some_step(_STEP_KIND_MAX);
        ck_assert_int_eq(request_from_step(&step, &request), -EINVAL);
        step = some_step(_STEP_KIND_INVALID);
        ck_assert_int_eq(request_from_step(&step, &request), -EINVAL);
        step = some_step(STEP_SAVE_CONFIG);
        step.n_registers = REGISTERS_MAX + 1;
        ck_assert_int_eq(request_from_step(&step, &request), -EINVAL);
}
END_TEST

static Suite *suite(void) {
        Suite *s = suite_create("exec-request");
        TCase *t = tcase_create("request");

        tcase_add_loop_test(t, test_every_kind, 0, ELEMENTSOF(kinds));
        tcase_add_test(t, test_helper_gives_up_first);
        tcase_add_test(t, test_deadline);
        tcase_add_test(t, test_impossible_steps);
        suite_add_tcase(s, t);
        return s;
}
CHECK_MAIN(suite)
