/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How a step is called, which file it means, whether it writes, and how it reads. */

#include <signal.h>
#include <string.h>

#include "card-fixture.h"
#include "check-main.h"
#include "core/plan.h"

static const struct {
        StepKind kind;
        const char *name;
        bool writes;
        Step step;
        const char *path, *description;
} rows[_STEP_KIND_MAX] = {
        { STEP_NODES_FREE,
          "check-nodes",
          false,
          { 0 },
          "",
          "check that no process has a node of 0000:01:00.1 open" },
        { STEP_GROUP_FREE,
          "check-group",
          false,
          { .iommu_group = 16 },
          "/dev/vfio/16",
          "wait until IOMMU group 16 is let go" },
        { STEP_ALIVE,
          "check-alive",
          false,
          { 0 },
          "/sys/bus/pci/devices/0000:01:00.1/config",
          "check that 0000:01:00.1 answers" },
        { STEP_SET_D3COLD,
          "set-d3cold",
          true,
          { .text = "0" },
          "/sys/bus/pci/devices/0000:01:00.1/d3cold_allowed",
          "set d3cold_allowed of 0000:01:00.1 to 0" },
        { STEP_SET_OVERRIDE,
          "set-override",
          true,
          { .text = "pci-stub" },
          "/sys/bus/pci/devices/0000:01:00.1/driver_override",
          "set driver_override of 0000:01:00.1 to pci-stub" },
        { STEP_SET_POWER,
          "set-power",
          true,
          { .text = "on" },
          "/sys/bus/pci/devices/0000:01:00.1/power/control",
          "set power/control of 0000:01:00.1 to on" },
        { STEP_UNBIND,
          "unbind",
          true,
          { .text = "snd_hda_intel" },
          "/sys/bus/pci/drivers/snd_hda_intel/unbind",
          "unbind 0000:01:00.1 from snd_hda_intel" },
        { STEP_BIND,
          "bind",
          true,
          { .text = "pci-stub" },
          "/sys/bus/pci/drivers/pci-stub/bind",
          "bind 0000:01:00.1 to pci-stub" },
        { STEP_PROBE,
          "probe",
          true,
          { 0 },
          "/sys/bus/pci/drivers_probe",
          "let the kernel choose a driver for 0000:01:00.1" },
        { STEP_SAVE_CONFIG,
          "save-config",
          false,
          { 0 },
          "/sys/bus/pci/devices/0000:01:00.1/config",
          "save the configuration space of 0000:01:00.1" },
        { STEP_WRITE_CONFIG,
          "write-config",
          true,
          { .offset = 0x7c, .mask = UINT32_MAX, .value = 0x39d5e86b },
          "/sys/bus/pci/devices/0000:01:00.1/config",
          "reset: write 0x39d5e86b at 0x7c of the configuration space of 0000:01:00.1" },
        { STEP_CHECK_REGISTER,
          "check-register",
          false,
          { .place = { 5, 0x6b0, 0x6b4, 0x80000370 }, .mask = UINT32_MAX, .test = REGISTER_AT_LEAST, .value = 0x20100 },
          "/sys/bus/pci/devices/0000:01:00.1/resource5",
          "reset: go on only if register 0x80000370 behind 0x6b0/0x6b4 of BAR 5 of 0000:01:00.1 under the mask 0xffffffff "
          "is at least 0x20100" },
        { STEP_POLL_REGISTER,
          "poll-register",
          false,
          { .place = { 5, 0, 0, 0x5428 }, .mask = UINT32_MAX, .test = REGISTER_DIFFERS, .value = UINT32_MAX },
          "/sys/bus/pci/devices/0000:01:00.1/resource5",
          "reset: wait until register 0x5428 of BAR 5 of 0000:01:00.1 under the mask 0xffffffff is not 0xffffffff" },
        { STEP_WRITE_REGISTER,
          "write-register",
          true,
          { .place = { 5, 0x200, 0x204, 0x80000000 }, .mask = 1, .value = 1 },
          "/sys/bus/pci/devices/0000:01:00.1/resource5",
          "reset: write 0x1 under the mask 0x1 to register 0x80000000 behind 0x200/0x204 of BAR 5 of 0000:01:00.1" },
        { STEP_DIFFER_REGISTER,
          "differ-register",
          true,
          { .place = { 5, 0x200, 0x204, 0xc0000010 }, .mask = 2, .other = { 5, 0x200, 0x204, 0xc00c0000 },
            .other_mask = 0x40 },
          "/sys/bus/pci/devices/0000:01:00.1/resource5",
          "reset: make bit 0x2 of register 0xc0000010 behind 0x200/0x204 of BAR 5 of 0000:01:00.1 differ from bit 0x40 of "
          "register 0xc00c0000 behind 0x200/0x204 of BAR 5 of 0000:01:00.1" },
        { STEP_SET_METHOD,
          "set-reset-method",
          true,
          { .text = "flr" },
          "/sys/bus/pci/devices/0000:01:00.1/reset_method",
          "set reset_method of 0000:01:00.1 to flr" },
        { STEP_FUNCTION_RESET,
          "function-reset",
          true,
          { .text = "flr" },
          "/sys/bus/pci/devices/0000:01:00.1/reset",
          "reset: function reset of 0000:01:00.1 by flr" },
        { STEP_VENDOR_RESET,
          "vendor-reset",
          true,
          { 0 },
          "/dev/vendor_reset",
          "reset: let the module vendor-reset reset 0000:01:00.1" },
        { STEP_D3HOT,
          "d3hot",
          true,
          { 0 },
          "/sys/bus/pci/devices/0000:01:00.1/config",
          "reset: put 0000:01:00.1 into D3hot and back into D0" },
        { STEP_DELAY, "delay", false, { .delay_usec = 100 }, "", "wait 100 us for the hardware" },
        { STEP_RESTORE_CONFIG,
          "restore-config",
          true,
          { 0 },
          "/sys/bus/pci/devices/0000:01:00.1/config",
          "restore the configuration space of 0000:01:00.1" },
        { STEP_VERIFY_CONFIG,
          "verify-config",
          false,
          { 0 },
          "/sys/bus/pci/devices/0000:01:00.1/config",
          "verify the configuration space of 0000:01:00.1" },
        { STEP_GUARD_SET,
          "set-guard",
          true,
          { 0 },
          "/sys/bus/pci/drivers/gpuswitch-guard/guard",
          "let gpuswitch-guard keep bus resets from 0000:01:00.1" },
        { STEP_GUARD_CLEAR,
          "clear-guard",
          true,
          { 0 },
          "/sys/bus/pci/drivers/gpuswitch-guard/release",
          "let gpuswitch-guard allow bus resets of 0000:01:00.1 again" },
        { STEP_WAKE_ALARM,
          "wake-alarm",
          true,
          { .value = 10 },
          "/sys/class/rtc/rtc0/wakealarm",
          "set the clock to wake the machine in 10 seconds" },
        { STEP_REMOVE_RESCAN,
          "remove-rescan",
          true,
          { 0 },
          "/sys/bus/pci/devices/0000:01:00.1/remove",
          "remove 0000:01:00.1 and all beside it, and read their bus again" },
};

static Step row_step(int i) {
        Step step = rows[i].step;

        step.kind = rows[i].kind;
        step.address = fixture_address(1);
        return step;
}

START_TEST(test_row) {
        char path[PATH_TEXT_SIZE], description[512];
        Step step = row_step(_i);

        ck_assert_int_eq((int) rows[_i].kind, _i); /* no kind is missing */
        ck_assert_str_eq(step_kind_to_string(step.kind), rows[_i].name);
        ck_assert_int_eq((int) step_kind_from_string(rows[_i].name), _i);
        ck_assert_int_eq(step_writes(&step), rows[_i].writes);
        ck_assert_ptr_eq(step_path(&step, path), path);
        ck_assert_str_eq(path, rows[_i].path);
        ck_assert_ptr_eq(step_describe(&step, description, sizeof(description)), description);
        ck_assert_str_eq(description, rows[_i].description);
}
END_TEST

START_TEST(test_clearing_reads_so) {
        Step step = { .kind = STEP_SET_OVERRIDE, .address = fixture_address(0) };
        char description[512];

        ck_assert_str_eq(step_describe(&step, description, sizeof(description)),
                         "clear driver_override of 0000:01:00.0");
}
END_TEST

/* The longest names fit into a path; a small buffer is kept to. */
START_TEST(test_sizes) {
        char path[PATH_TEXT_SIZE], small[16];
        Step step = { .kind = STEP_UNBIND, .address = { UINT32_MAX, UINT8_MAX, 31, 7 } };

        memset(step.text, 'd', sizeof(step.text) - 1);
        (void) step_path(&step, path);
        ck_assert_uint_eq(strlen(path), strlen("/sys/bus/pci/drivers//unbind") + sizeof(step.text) - 1);
        step.kind = STEP_SET_POWER;
        ck_assert_str_eq(step_path(&step, path), "/sys/bus/pci/devices/ffffffff:ff:1f.7/power/control");
        memset(small, 'Z', sizeof(small));
        (void) step_describe(&step, small, 8);
        ck_assert_uint_eq(strlen(small), 7);
        ck_assert_int_eq(small[8], 'Z');
}
END_TEST

START_TEST(test_unknown_words) {
        ck_assert_int_eq((int) step_kind_from_string(""), -EINVAL);
        ck_assert_int_eq((int) step_kind_from_string("Bind"), -EINVAL);
        ck_assert_int_eq((int) recipe_verb_from_string("bus-reset"), -EINVAL);
}
END_TEST

START_TEST(test_recipe_verbs) {
        static const char *const verbs[_RECIPE_VERB_MAX] = {
                "save-config", "write-config",   "check-register", "poll-register", "write-register", "differ-register",
                "delay",       "function-reset", "vendor-reset",   "d3hot",         "restore-config", "verify", "remove-rescan", "suspend",
        };

        for (RecipeVerb verb = 0; verb < _RECIPE_VERB_MAX; verb++) {
                ck_assert_str_eq(recipe_verb_to_string(verb), verbs[verb]);
                ck_assert_int_eq((int) recipe_verb_from_string(verbs[verb]), (int) verb);
        }
}
END_TEST

START_TEST(test_outside_aborts) {
        Step step = { .kind = _STEP_KIND_MAX };
        char description[64];

        (void) step_describe(&step, description, sizeof(description));
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("core-step");
        TCase *tcase = tcase_create("step");

        tcase_add_loop_test(tcase, test_row, 0, _STEP_KIND_MAX);
        tcase_add_test(tcase, test_clearing_reads_so);
        tcase_add_test(tcase, test_sizes);
        tcase_add_test(tcase, test_unknown_words);
        tcase_add_test(tcase, test_recipe_verbs);
        tcase_add_test_raise_signal(tcase, test_outside_aborts, SIGABRT);
        suite_add_tcase(suite, tcase);
        return suite;
}

CHECK_MAIN(make_suite)
