/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a helper's bytes to facts. */

#include "check-main.h"

#include <string.h>

#include "base/text.h"
#include "exec/survey.h"

static HelperReply some_reply(void) {
        HelperReply reply = { .config_size = 256 };

        memcpy(reply.config, "\x02\x10\xdf\x67\x07\x04\x10\x00", 8);
        reply.config[0x34] = 0xa0;
        reply.config[0xa0] = 0x11; /* MSI-X */
        (void) text_copy(reply.driver_override, sizeof(reply.driver_override), "vfio-pci");
        (void) text_copy(reply.power_control, sizeof(reply.power_control), "auto");
        (void) text_copy(reply.d3cold_allowed, sizeof(reply.d3cold_allowed), "1");
        return reply;
}

START_TEST(test_alive) {
        HelperReply reply = some_reply();
        FunctionSurvey survey = { 0 };

        ck_assert_int_eq(survey_from_reply(&reply, &survey), 0);
        ck_assert(survey.valid);
        ck_assert_str_eq(survey.driver_override, "vfio-pci");
        ck_assert_str_eq(survey.power_control, "auto");
        ck_assert_str_eq(survey.d3cold_allowed, "1");
        ck_assert(!survey.config_dead);
        ck_assert(!survey.msix_enabled);
        ck_assert(!survey.config_locked);
        ck_assert_uint_gt(survey.n_registers, 5);
        ck_assert_uint_eq(survey.registers[survey.n_registers - 1].offset, 0x04);
        ck_assert_uint_eq(survey.registers[survey.n_registers - 1].value, 0x0407);
}
END_TEST

START_TEST(test_flags) {
        HelperReply reply = some_reply();
        FunctionSurvey survey = { 0 };

        reply.config[0xa3] = 0x80;
        reply.config_locked = 1;
        (void) text_copy(reply.driver_override, sizeof(reply.driver_override), "(null)");
        ck_assert_int_eq(survey_from_reply(&reply, &survey), 0);
        ck_assert(survey.msix_enabled);
        ck_assert(survey.config_locked);
        ck_assert_str_eq(survey.driver_override, "");
}
END_TEST

START_TEST(test_dead) {
        HelperReply reply = some_reply();
        FunctionSurvey survey = { 0 };

        memset(reply.config, 0xff, sizeof(reply.config));
        ck_assert_int_eq(survey_from_reply(&reply, &survey), 0);
        ck_assert(survey.valid);
        ck_assert(survey.config_dead);
        ck_assert(!survey.msix_enabled);
        ck_assert_uint_eq(survey.n_registers, 0);
}
END_TEST

static const uint32_t bad_sizes[] = { 0, 3, CONFIG_SPACE_SIZE + 1, UINT32_MAX };

START_TEST(test_bad_sizes) {
        HelperReply reply = some_reply();
        FunctionSurvey survey = { 0 };

        reply.config_size = bad_sizes[_i];
        ck_assert_int_eq(survey_from_reply(&reply, &survey), -EBADMSG);
        ck_assert(!survey.valid);
}
END_TEST

static Suite *suite(void) {
        Suite *s = suite_create("exec-survey");
        TCase *t = tcase_create("survey");

        tcase_add_test(t, test_alive);
        tcase_add_test(t, test_flags);
        tcase_add_test(t, test_dead);
        tcase_add_loop_test(t, test_bad_sizes, 0, ELEMENTSOF(bad_sizes));
        suite_add_tcase(s, t);
        return s;
}
CHECK_MAIN(suite)
