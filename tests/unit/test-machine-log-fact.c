/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Records as kernels from 4.x to 6.18 write them, each asked about an RX 470 at 01:00 and about others. */

#include "base/address.h"
#include "base/text.h"
#include "check-main.h"
#include "machine/kernel-log.h"

#define DICTIONARY(address) "\n SUBSYSTEM=pci\n DEVICE=+pci:" address "\n"

static CardFacts make_card(uint8_t bus, uint16_t vendor, uint16_t device, uint16_t sub_vendor,
                           uint16_t sub_device, const char *driver) {
        CardFacts card = { .n_functions = 2 };

        card.functions[0] = (FunctionFacts){
                .address = { .bus = bus },
                .class_code = 0x030000,
                .vendor_id = vendor,
                .device_id = device,
                .subsystem_vendor_id = sub_vendor,
                .subsystem_device_id = sub_device,
        };
        strcpy(card.functions[0].driver, driver);
        card.functions[1] =
                (FunctionFacts){ .address = { .bus = bus, .function = 1 }, .class_code = 0x040300 };
        return card;
}

typedef enum Who {
        RX470,       /* 0000:01:00, 1002:67df 1da2:e366, driver vfio-pci */
        RX470_OTHER, /* 0000:02:00, the same chip on another maker's card, driver amdgpu */
        GTX1060,     /* 0000:03:00, 10de:1c03, driver nvidia */
        _WHO_MAX,
} Who;

#define INIT LOG_FACT_HOST_INIT
#define RESET LOG_FACT_RESET_LINE
#define GUEST LOG_FACT_GUEST_USE
#define DEAD LOG_FACT_DEAD
#define BUS LOG_FACT_BUS_RESET
#define BARS LOG_FACT_BAR_RESTORE
#define POWER LOG_FACT_POWER
#define IN_USE LOG_FACT_IN_USE
#define NONE _LOG_FACT_INVALID

static const struct {
        const char *text;
        LogFact fact[_WHO_MAX];
} cases[] = {
        /* A bind of amdgpu, before 6.14 and since. */
        { "6,900,4230112,-;[drm] initializing kernel modesetting (POLARIS10 0x1002:0x67DF 0x1DA2:0xE366 "
          "0xE7).\n",
          { INIT, NONE, NONE } },
        { "6,900,4230112,-;[drm] initializing kernel modesetting (POLARIS10 0x1002:0x67df 0x1462:0x3413 "
          "0xC7).\n",
          { NONE, INIT, NONE } },
        { "6,900,4230112,-;amdgpu 0000:01:00.0: initializing kernel modesetting (POLARIS10 0x1002:0x67DF "
          "0x1DA2:0xE366 0xE7)." DICTIONARY("0000:01:00.0"),
          { INIT, NONE, NONE } },
        { "6,900,4230112,-;amdgpu 0000:02:00.0: amdgpu: initializing kernel modesetting (POLARIS10 "
          "0x1002:0x67DF "
          "0x0000:0x0000 0xE7)." DICTIONARY("0000:02:00.0"),
          { NONE, INIT, NONE } },
        { "6,900,1,-;[drm] initializing kernel modesetting (POLARIS10 0x1002:0x67DF).\n",
          { INIT, INIT, NONE } },
        { "6,900,1,-;[drm] initializing kernel modesetting (POLARIS11 0x1002:0x67EF 0x1DA2:0xE366 0xE7).\n",
          { NONE, NONE, NONE } },
        { "6,900,1,-;[drm] initializing kernel modesetting (VEGA M 0x1002:0x67DF 0x1DA2:0xE366 0xE7).\n",
          { INIT, NONE, NONE } },
        { "6,900,1,-;[drm] initializing kernel modesetting (POLARIS10 0x1002:0x67DF 0x1D",
          { INIT, INIT, NONE } },
        { "6,900,1,-;[drm] initializing kernel modesetting (POLARIS10 0x1002.\n", { NONE, NONE, NONE } },
        { "6,900,1,-;[drm] initializing kernel modesetting (POLARIS10 0x100200000:0x67DF).\n",
          { NONE, NONE, NONE } },
        { "6,900,1,-;[drm] initializing kernel modesetting (\n", { NONE, NONE, NONE } },
        /* Its reset line. */
        { "6,901,1,-;amdgpu 0000:01:00.0: amdgpu: PCI CONFIG reset" DICTIONARY("0000:01:00.0"),
          { RESET, NONE, NONE } },
        { "6,901,1,-;amdgpu 0000:01:00.0: GPU pci config reset" DICTIONARY("0000:01:00.0"),
          { RESET, NONE, NONE } },
        { "6,901,1,-;amdgpu 0000:02:00.0: GPU PCI config reset\n", { NONE, RESET, NONE } },
        { "6,901,1,-;[drm] GPU PCI config reset\n", { RESET, RESET, NONE } },
        { "6,901,1,-;amdgpu 0000:01:00.0: amdgpu: BACO reset" DICTIONARY("0000:01:00.0"),
          { NONE, NONE, NONE } },
        /* A guest, by either function. */
        { "6,902,1,-;vfio-pci 0000:01:00.0: enabling device (0002 -> 0003)" DICTIONARY("0000:01:00.0"),
          { GUEST, NONE, NONE } },
        { "6,902,1,-;vfio-pci 0000:01:00.1: enabling device (0000 -> 0002)" DICTIONARY("0000:01:00.1"),
          { GUEST, NONE, NONE } },
        { "6,902,1,-;vfio-pci 0000:03:00.0: vfio_bar_restore: reset recovery - restoring BARs" DICTIONARY(
                  "0000:03:00.0"),
          { NONE, NONE, BARS } },
        { "6,902,1,-;vfio-pci 0000:01:00.1: vfio_bar_restore: reset recovery - restoring BARs" DICTIONARY(
                  "0000:01:00.1"),
          { BARS, NONE, NONE } },
        { "6,902,1,-;vfio_bar_restore: 0000:01:00.0 reset recovery - restoring bars\n", { BARS, NONE, NONE } },
        { "12,902,1,-;vfio-pci 0000:01:00.0: vfio_bar_restore: reset recovery - restoring BARs\n",
          { NONE, NONE, NONE } },
        { "6,902,1,-;vfio-pci 0000:01:00.0: vfio_ecap_init: hiding ecap 0x19@0x270" DICTIONARY(
                  "0000:01:00.0"),
          { GUEST, NONE, NONE } },
        { "6,902,1,-;vfio-pci 0000:01:00.0: resetting" DICTIONARY("0000:01:00.0"), { GUEST, NONE, NONE } },
        { "6,902,1,-;vfio-pci 0000:01:00.0: reset done" DICTIONARY("0000:01:00.0"), { GUEST, NONE, NONE } },
        { "6,902,1,-;vfio-pci 0000:01:00.0: Relaying device request to user (#0)" DICTIONARY("0000:01:00.0"),
          { GUEST, NONE, NONE } },
        { "6,902,1,-;nvgrace-gpu-vfio-pci 0000:03:00.0: enabling device (0000 -> 0002)" DICTIONARY(
                  "0000:03:00.0"),
          { NONE, NONE, GUEST } },
        /* A host driver's use, and what binding alone says. */
        { "6,903,1,-;amdgpu 0000:01:00.0: enabling device (0006 -> 0007)" DICTIONARY("0000:01:00.0"),
          { NONE, NONE, NONE } },
        { "6,903,1,-;snd_hda_intel 0000:01:00.1: enabling device (0000 -> 0002)" DICTIONARY("0000:01:00.1"),
          { NONE, NONE, NONE } },
        { "6,903,1,-;vfio-pci 0000:01:00.0: vgaarb: deactivate vga console" DICTIONARY("0000:01:00.0"),
          { NONE, NONE, NONE } },
        { "6,903,1,-;vfio-pci 0000:01:00.0: vgaarb: VGA decodes changed: "
          "olddecodes=io+mem,decodes=io+mem:owns=none" DICTIONARY("0000:01:00.0"),
          { NONE, NONE, NONE } },
        { "6,903,1,-;pci 0000:01:00.0: resetting" DICTIONARY("0000:01:00.0"), { NONE, NONE, NONE } },
        { "6,903,1,-;vfio_pci: add [1002:67df[ffffffff:ffffffff]] class 0x000000/00000000\n",
          { NONE, NONE, NONE } },
        /* Death. */
        { "4,904,1,-;vfio-pci 0000:01:00.0: not ready 65535ms after bus reset; giving up" DICTIONARY(
                  "0000:01:00.0"),
          { DEAD, NONE, NONE } },
        { "4,904,1,-;pci 0000:01:00.1: not ready 65535ms after resume; giving up" DICTIONARY("0000:01:00.1"),
          { DEAD, NONE, NONE } },
        { "6,904,1,-;vfio-pci 0000:01:00.0: not ready 1023ms after bus reset; waiting" DICTIONARY(
                  "0000:01:00.0"),
          { BUS, NONE, NONE } },
        { "6,904,1,-;vfio-pci 0000:01:00.1: not ready 2047ms after slot reset; waiting" DICTIONARY("0000:01:00.1"),
          { BUS, NONE, NONE } },
        { "6,904,1,-;vfio-pci 0000:01:00.0: not ready 1023ms after FLR; waiting" DICTIONARY("0000:01:00.0"),
          { NONE, NONE, NONE } },
        { "6,904,1,-;vfio-pci 0000:01:00.0: ready 2047ms after bus reset" DICTIONARY("0000:01:00.0"),
          { NONE, NONE, NONE } },
        { "6,904,1,-;pcieport 0000:00:01.0: not ready 1023ms after bus reset; waiting" DICTIONARY("0000:00:01.0"),
          { NONE, NONE, NONE } },
        { "3,904,1,-;vfio-pci 0000:03:00.0: Unable to change power state from D3cold to D0, device "
          "inaccessible" DICTIONARY("0000:03:00.0"),
          { NONE, NONE, DEAD } },
        { "3,904,1,-;vfio-pci 0000:01:00.0: can't change power state from D3cold to D0 (config space "
          "inaccessible)" DICTIONARY("0000:01:00.0"),
          { DEAD, NONE, NONE } },
        { "3,904,1,-;vfio-pci 0000:01:00.0: Unable to change power state from D0 to D3hot, device "
          "inaccessible" DICTIONARY("0000:01:00.0"),
          { DEAD, NONE, NONE } },
        { "6,904,1,-;vfio-pci 0000:01:00.0: Refused to change power state from D0 to D3hot" DICTIONARY(
                  "0000:01:00.0"),
          { NONE, NONE, NONE } },
        { "3,904,1,-;pcieport 0000:00:01.0: not ready 65535ms after bus reset; giving up" DICTIONARY(
                  "0000:00:01.0"),
          { NONE, NONE, NONE } },
        { "3,904,1,-;not ready 65535ms after bus reset; giving up\n", { NONE, NONE, NONE } },
        /* What is kept and changes nothing: power, and a driver that waits for whoever uses the card. */
        { "3,904,1,-;vfio-pci 0000:03:00.0: invalid power transition (from D3cold to D3hot)" DICTIONARY(
                  "0000:03:00.0"),
          { NONE, NONE, POWER } },
        { "7,904,1,-;pci 0000:01:00.0: PME# supported from D1 D2 D3hot D3cold" DICTIONARY("0000:01:00.0"),
          { NONE, NONE, NONE } },
        { "7,904,1,-;pcieport 0000:00:01.0: invalid power transition (from D3cold to D3hot)" DICTIONARY(
                  "0000:00:01.0"),
          { NONE, NONE, NONE } },
        { "3,904,1,-;NVRM: Attempting to remove device 0000:03:00.0 with non-zero usage count!\n",
          { NONE, NONE, IN_USE } },
        { "3,904,1,-;NVRM: Attempting to remove device 0000:04:00.0 with non-zero usage count!\n",
          { NONE, NONE, NONE } },
        { "3,904,1,-;NVRM: Attempting to remove minor device 0 with non-zero usage count!\n",
          { NONE, NONE, IN_USE } },
        { "11,904,1,-;NVRM: Attempting to remove device 0000:03:00.0 with non-zero usage count!\n",
          { NONE, NONE, NONE } },
        /* Anybody may write to /dev/kmsg who is root, but not in the kernel's name. */
        { "12,905,1,-;vfio-pci 0000:01:00.0: not ready 65535ms after bus reset; giving up\n",
          { NONE, NONE, NONE } },
        { "30,905,1,-;[drm] initializing kernel modesetting (POLARIS10 0x1002:0x67DF 0x1DA2:0xE366 0xE7).\n",
          { NONE, NONE, NONE } },
        { "6,906,1,-;\n", { NONE, NONE, NONE } },
};

START_TEST(test_fact) {
        const CardFacts cards[_WHO_MAX] = {
                [RX470] = make_card(1, 0x1002, 0x67df, 0x1da2, 0xe366, "vfio-pci"),
                [RX470_OTHER] = make_card(2, 0x1002, 0x67df, 0x1462, 0x3413, "amdgpu"),
                [GTX1060] = make_card(3, 0x10de, 0x1c03, 0x1462, 0x3283, "nvidia"),
        };
        KernelLogRecord record;

        ck_assert_int_eq(kernel_log_parse(cases[_i].text, strlen(cases[_i].text), &record), 0);
        for (size_t i = 0; i < _WHO_MAX; i++)
                ck_assert_msg(kernel_log_fact(&record, &cards[i]) == cases[_i].fact[i], "card %zu: %s", i,
                              cases[_i].text);
}
END_TEST

/* Firmware may leave the subsystem ids empty: then the chip alone has to do. */
START_TEST(test_fact_without_subsystem) {
        const char *text = cases[1].text;
        CardFacts card = make_card(1, 0x1002, 0x67df, 0, 0, "");
        CardFacts nothing = { 0 };
        KernelLogRecord record;

        ck_assert_int_eq(kernel_log_parse(text, strlen(text), &record), 0);
        ck_assert_int_eq(kernel_log_fact(&record, &card), LOG_FACT_HOST_INIT);
        ck_assert_int_eq(kernel_log_fact(&record, &nothing), _LOG_FACT_INVALID);
}
END_TEST

/* As kernel 6.12 wrote them in the lab: a sleep to S3 and back; older words behind them. */
static const struct {
        const char *text;
        SleepLine line;
} sleep_lines[] = {
        { "6,774,29744789,-;PM: suspend entry (deep)\n", SLEEP_LINE_ENTRY_DEEP },
        { "6,781,30409874,-;ACPI: PM: Preparing to enter system sleep state S3\n", _SLEEP_LINE_INVALID },
        { "6,782,30410620,-;ACPI: PM: Saving platform NVS memory\n", _SLEEP_LINE_INVALID },
        { "6,784,30413134,-;ACPI: PM: Low-level resume complete\n", SLEEP_LINE_FIRMWARE },
        { "6,785,30413719,-;ACPI: PM: Restoring platform NVS memory\n", _SLEEP_LINE_INVALID },
        { "6,786,30420147,-;ACPI: PM: Waking up from system sleep state S3\n", SLEEP_LINE_WAKING },
        { "6,793,30521825,-;PM: suspend exit\n", SLEEP_LINE_EXIT },
        { "6,1,1,-;PM: suspend entry (s2idle)\n", SLEEP_LINE_ENTRY_LIGHT },
        { "6,1,1,-;PM: suspend entry (shallow)\n", SLEEP_LINE_ENTRY_LIGHT },
        { "6,1,1,-;PM: suspend debug: Waiting for 5 second(s).\n", _SLEEP_LINE_INVALID },
        { "6,1,1,-;ACPI: Low-level resume complete\n", SLEEP_LINE_FIRMWARE },
        { "6,1,1,-;ACPI: Waking up from system sleep state S3\n", SLEEP_LINE_WAKING },
        { "6,1,1,-;ACPI: PM: Waking up from system sleep state S4\n", _SLEEP_LINE_INVALID },
        { "6,1,1,-;PM: hibernation: hibernation exit\n", SLEEP_LINE_HIBERNATED },
        /* Nobody else's word counts. */
        { "12,1,1,-;ACPI: PM: Low-level resume complete\n", _SLEEP_LINE_INVALID },
        { "30,1,1,-;PM: suspend entry (deep)\n", _SLEEP_LINE_INVALID },
        { "6,1,1,-;usb: PM: suspend entry (deep)\n", _SLEEP_LINE_INVALID },
        { "6,1,1,-;PM: suspend entry (deep) and more\n", _SLEEP_LINE_INVALID },
        { "6,1,1,-;\n", _SLEEP_LINE_INVALID },
};

START_TEST(test_sleep_line) {
        KernelLogRecord record;

        ck_assert_int_eq(kernel_log_parse(sleep_lines[_i].text, strlen(sleep_lines[_i].text), &record), 0);
        ck_assert_msg(kernel_log_sleep_line(&record) == sleep_lines[_i].line, "%s", sleep_lines[_i].text);
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("machine/log-fact");
        TCase *tests = tcase_create("log-fact");

        tcase_set_timeout(tests, 60); /* the machine may be busy */
        tcase_add_loop_test(tests, test_fact, 0, ELEMENTSOF(cases));
        tcase_add_test(tests, test_fact_without_subsystem);
        tcase_add_loop_test(tests, test_sleep_line, 0, ELEMENTSOF(sleep_lines));
        suite_add_tcase(suite, tests);
        return suite;
}

CHECK_MAIN(make_suite)
