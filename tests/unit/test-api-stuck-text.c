/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "api/stuck-text.h"

#include <stdlib.h>
#include <time.h>

#include "base/macros.h"
#include "base/text.h"
#include "check-main.h"

#define DISPLAY { .bus = 1 }
#define AUDIO { .bus = 1, .function = 1 }

static bool helps(const StuckView *view, const char *words) {
        for (size_t i = 0; i < view->n_help; i++)
                if (strstr(view->help[i], words))
                        return true;
        return false;
}

static const struct {
        Step step;
        const char *action, *help; /* help NULL: only what is true of every hang */
} kind_cases[] = {
        { { .kind = STEP_UNBIND, .address = DISPLAY, .text = "amdgpu" },
          "write 0000:01:00.0 to /sys/bus/pci/drivers/amdgpu/unbind", "/dev/kfd" },
        { { .kind = STEP_UNBIND, .address = DISPLAY, .text = "nvidia" },
          "write 0000:01:00.0 to /sys/bus/pci/drivers/nvidia/unbind", "/dev/nvidia*" },
        { { .kind = STEP_UNBIND, .address = DISPLAY, .text = "vfio-pci" },
          "write 0000:01:00.0 to /sys/bus/pci/drivers/vfio-pci/unbind", "QEMU" },
        { { .kind = STEP_UNBIND, .address = DISPLAY, .text = "nouveau" },
          "write 0000:01:00.0 to /sys/bus/pci/drivers/nouveau/unbind", NULL },
        { { .kind = STEP_UNBIND, .address = AUDIO, .text = "snd_hda_intel" },
          "write 0000:01:00.1 to /sys/bus/pci/drivers/snd_hda_intel/unbind", "no process is seen" },
        { { .kind = STEP_BIND, .address = DISPLAY, .text = "amdgpu" },
          "write 0000:01:00.0 to /sys/bus/pci/drivers/amdgpu/bind", "journalctl -k" },
        { { .kind = STEP_PROBE, .address = AUDIO }, "write 0000:01:00.1 to /sys/bus/pci/drivers_probe", "journalctl -k" },
        { { .kind = STEP_SET_OVERRIDE, .address = DISPLAY, .text = "vfio-pci" },
          "write \"vfio-pci\" to /sys/bus/pci/devices/0000:01:00.0/driver_override", NULL },
        { { .kind = STEP_SET_OVERRIDE, .address = DISPLAY },
          "write a newline to /sys/bus/pci/devices/0000:01:00.0/driver_override", NULL },
        { { .kind = STEP_SET_POWER, .address = DISPLAY, .text = "on" },
          "write \"on\" to /sys/bus/pci/devices/0000:01:00.0/power/control", NULL },
        { { .kind = STEP_SET_D3COLD, .address = DISPLAY, .text = "0" },
          "write \"0\" to /sys/bus/pci/devices/0000:01:00.0/d3cold_allowed", NULL },
        { { .kind = STEP_WRITE_CONFIG, .address = DISPLAY, .offset = 0x7c, .value = 0x39d5e86b },
          "write 0x39d5e86b at 0x7c to /sys/bus/pci/devices/0000:01:00.0/config", NULL },
        { { .kind = STEP_RESTORE_CONFIG, .address = DISPLAY },
          "write the saved registers to /sys/bus/pci/devices/0000:01:00.0/config", NULL },
        { { .kind = STEP_GUARD_SET, .address = DISPLAY }, "write 0000:01:00.0 to /sys/bus/pci/drivers/gpuswitch-guard/guard", NULL },
        { { .kind = STEP_GUARD_CLEAR, .address = DISPLAY },
          "write 0000:01:00.0 to /sys/bus/pci/drivers/gpuswitch-guard/release", NULL },
        { { .kind = STEP_ALIVE, .address = DISPLAY }, "read /sys/bus/pci/devices/0000:01:00.0/config", NULL },
        { { .kind = STEP_GROUP_FREE, .address = DISPLAY, .iommu_group = 14 }, "open /dev/vfio/14", "power switched off" },
        { { .kind = STEP_NODES_FREE, .address = AUDIO }, "check that no process has a node of 0000:01:00.1 open", NULL },
};

START_TEST(test_kinds) {
        const Step *step = &kind_cases[_i].step;
        StuckFacts facts = { .step = step,
                             .card = DISPLAY,
                             .role = step->address.function ? FUNCTION_ROLE_AUDIO : FUNCTION_ROLE_DISPLAY };
        StuckView view = { 0 };
        char text[256];

        stuck_words(&facts, &view);
        ck_assert_str_eq(view.action, kind_cases[_i].action);
        ck_assert_str_eq(view.step, step_describe(step, text, sizeof(text)));
        ck_assert_uint_eq(view.function.function, step->address.function);
        ck_assert_uint_eq(view.n_help, kind_cases[_i].help ? 4 : 3);
        ck_assert_uint_le(view.n_help, STUCK_HELP_MAX);
        ck_assert(!kind_cases[_i].help || helps(&view, kind_cases[_i].help));
        ck_assert(helps(&view, "come back by itself"));
        ck_assert(helps(&view, "hold the power button"));
        ck_assert(helps(&view, "echo b > /proc/sysrq-trigger"));
        for (size_t i = 0; i < view.n_help; i++) {
                ck_assert_uint_lt(strlen(view.help[i]), sizeof(view.help[i]) - 1); /* nothing was cut */
                ck_assert_int_eq(view.help[i][strlen(view.help[i]) - 1], '.');
        }
        stuck_words(&facts, &view); /* again, and not twice as much */
        ck_assert_uint_eq(view.n_help, kind_cases[_i].help ? 4 : 3);
}
END_TEST

START_TEST(test_survey) {
        const StuckFacts facts = { .card = DISPLAY, .role = FUNCTION_ROLE_OTHER };
        StuckView view = { 0 };

        stuck_words(&facts, &view);
        ck_assert_str_eq(view.step, "look at 0000:01:00.0");
        ck_assert_ptr_nonnull(strstr(view.action, "read the configuration space"));
        ck_assert(helps(&view, "may hang before ours"));
}
END_TEST

START_TEST(test_holders) {
        const Step step = { .kind = STEP_UNBIND, .address = AUDIO, .text = "snd_hda_intel" };
        const StuckFacts facts = { .step = &step, .card = DISPLAY, .role = FUNCTION_ROLE_AUDIO };
        StuckView view = { .n_holders = STUCK_HOLDERS_MAX };

        strcpy(view.holders[0], "mpv (pid 812) has /dev/snd/pcmC1D0p open");
        for (size_t i = 1; i < STUCK_HOLDERS_MAX; i++)
                memset(view.holders[i], 'x', sizeof(view.holders[i]) - 1);
        stuck_words(&facts, &view);
        ck_assert(helps(&view, "End whoever holds it: mpv (pid 812) has /dev/snd/pcmC1D0p open; xxx"));
        ck_assert(!helps(&view, "no process is seen"));
}
END_TEST

START_TEST(test_sentences) {
        const Step step = { .kind = STEP_UNBIND, .address = DISPLAY, .text = "amdgpu" };
        const StuckFacts facts = { .step = &step, .card = DISPLAY, .role = FUNCTION_ROLE_DISPLAY };
        StuckView view = { .pid = 637, .since_usec = (usec_t) 1700000000 * USEC_PER_SEC + 999999,
                           .kernel_function = "amdgpu_pci_remove" };
        char text[MESSAGE_TEXT_SIZE];

        setenv("TZ", "UTC", 1);
        tzset();
        stuck_words(&facts, &view);
        ck_assert_str_eq(stuck_sentence(&view, text, sizeof(text)),
                         "unbind 0000:01:00.0 from amdgpu: write 0000:01:00.0 to "
                         "/sys/bus/pci/drivers/amdgpu/unbind has not come back (since 2023-11-14 22:13:20 UTC, in "
                         "amdgpu_pci_remove, helper pid 637)");
        ck_assert_ptr_nonnull(strstr(stuck_console_line(&view, 0, text, sizeof(text)),
                                     "0000:01:00.0 is stuck in amdgpu_pci_remove: the kernel cannot power off"));
        ck_assert_ptr_nonnull(strstr(stuck_console_line(&view, 1, text, sizeof(text)), "hold the power button"));

        view.since_usec = 0;
        view.kernel_function[0] = '\0';
        ck_assert_str_eq(stuck_circumstances(&view, text, sizeof(text)), "helper pid 637");
        ck_assert_ptr_nonnull(strstr(stuck_console_line(&view, 0, text, sizeof(text)), "is stuck: the kernel"));
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("api/stuck-text");
        TCase *tests = tcase_create("stuck-text");

        tcase_add_loop_test(tests, test_kinds, 0, ELEMENTSOF(kind_cases));
        tcase_add_test(tests, test_survey);
        tcase_add_test(tests, test_holders);
        tcase_add_test(tests, test_sentences);
        suite_add_tcase(suite, tests);
        return suite;
}

CHECK_MAIN(make_suite)
