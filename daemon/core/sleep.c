/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The order of the lines is that of pm_suspend() (kernel/power/suspend.c): entry, devices sleep, suspend_ops->enter() (only it
 * leads to acpi_suspend_enter() in drivers/acpi/sleep.c, and to its line), suspend_ops->wake() (acpi_pm_finish(), also where
 * enter() was left out), devices wake, exit.
 */

#include "core/sleep.h"

#include <assert.h>

SleepOutcome sleep_next(SleepProof *proof, SleepLine line) {
        SleepOutcome end = proof->lost ? SLEEP_GOES_ON : proof->deep ? SLEEP_NO_PROOF : SLEEP_LIGHT;

        switch (line) {
        case SLEEP_LINE_ENTRY_DEEP:
        case SLEEP_LINE_ENTRY_LIGHT:
                *proof = (SleepProof){ .deep = line == SLEEP_LINE_ENTRY_DEEP };
                return SLEEP_GOES_ON;
        case SLEEP_LINE_FIRMWARE:
                proof->firmware = proof->deep;
                return SLEEP_GOES_ON;
        case SLEEP_LINE_WAKING:
                if (!proof->firmware)
                        return SLEEP_GOES_ON;
                *proof = (SleepProof){ .deep = true, .lost = true };
                return SLEEP_POWER_LOST;
        case SLEEP_LINE_EXIT:
                *proof = (SleepProof){ 0 };
                return end;
        case SLEEP_LINE_HIBERNATED:
                *proof = (SleepProof){ 0 };
                return SLEEP_HIBERNATED;
        case _SLEEP_LINE_MAX:
        case _SLEEP_LINE_INVALID:
                break;
        }
        assert(!"no such line of a sleep");
        return SLEEP_GOES_ON;
}

void sleep_gap(SleepProof *proof) {
        *proof = (SleepProof){ 0 };
}

LogFact sleep_fact(SleepOutcome outcome) {
        switch (outcome) {
        case SLEEP_POWER_LOST:
                return LOG_FACT_POWER_LOSS;
        case SLEEP_HIBERNATED:
                return LOG_FACT_HIBERNATED;
        case SLEEP_GOES_ON:
        case SLEEP_NO_PROOF:
        case SLEEP_LIGHT:
                break;
        }
        return _LOG_FACT_INVALID;
}

const char *sleep_missing(const SleepAbility *ability) {
        if (!ability->mem)
                return "the kernel offers no suspend to memory (no 'mem' in /sys/power/state)";
        if (!ability->deep_offered)
                return "the firmware offers no deep suspend (no 'deep' in /sys/power/mem_sleep), and in any other the GPU keeps its "
                       "power";
        if (!ability->deep_selected)
                return "deep suspend is not selected: echo deep > /sys/power/mem_sleep";
        if (ability->tested_only)
                return "the kernel is set to test a suspend only: echo none > /sys/power/pm_test";
        if (!ability->alarm)
                return "no clock could wake it up again (there is no /sys/class/rtc/rtc0/wakealarm)";
        return NULL;
}
