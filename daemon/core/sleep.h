/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Did the machine lose its power in a sleep? The kernel's own words decide, line by line: `machine` finds them in its log.
 *
 * Only the way back from the firmware proves it. "Waking up from system sleep state S3" alone does not: the kernel says
 * it as well when it turned round just before it would have slept (a wakeup that came too early, /sys/power/pm_test).
 */

#include <stdbool.h>

#include "core/history.h"

typedef enum SleepLine {
        SLEEP_LINE_ENTRY_DEEP,  /* "PM: suspend entry (deep)" */
        SLEEP_LINE_ENTRY_LIGHT, /* the same with s2idle or shallow: the devices keep their power */
        SLEEP_LINE_FIRMWARE,    /* "ACPI: PM: Low-level resume complete": the firmware has handed back */
        SLEEP_LINE_WAKING,      /* "ACPI: PM: Waking up from system sleep state S3" */
        SLEEP_LINE_EXIT,        /* "PM: suspend exit" */
        SLEEP_LINE_HIBERNATED,  /* "PM: hibernation: hibernation exit" */
        _SLEEP_LINE_MAX,
        _SLEEP_LINE_INVALID = -EINVAL,
} SleepLine;

typedef enum SleepOutcome {
        SLEEP_GOES_ON,    /* nothing is decided by this line */
        SLEEP_POWER_LOST, /* no driver has woken up yet: what follows is of the time after it */
        SLEEP_NO_PROOF,   /* it is over, and nothing shows that power was lost, though it was to be deep */
        SLEEP_LIGHT,      /* it is over, and was never meant to take the power away */
        SLEEP_HIBERNATED, /* another kernel has run in between, and what it did to the cards is not known */
} SleepOutcome;

/* What was read of a sleep so far. All zero: nothing. */
typedef struct SleepProof {
        bool deep;
        bool firmware;
        bool lost;
} SleepProof;

/* Can the machine be suspended such that it loses its power, and wakes up by itself? By /sys. */
typedef struct SleepAbility {
        bool mem;           /* /sys/power/state */
        bool deep_offered;  /* /sys/power/mem_sleep */
        bool deep_selected; /* the same: what "mem" means now */
        bool alarm;         /* the clock rtc0 can wake it */
        bool tested_only;   /* /sys/power/pm_test: it would turn round before it sleeps */
} SleepAbility;

/** sleep_missing() - what keeps the machine from that, and what helps, for people; NULL: nothing. */
const char *sleep_missing(const SleepAbility *ability);

/** sleep_next() - one line more. Pure. */
SleepOutcome sleep_next(SleepProof *proof, SleepLine line);

/** sleep_gap() - lines are missing here: what was read before them proves nothing any more. */
void sleep_gap(SleepProof *proof);

/** sleep_fact() - what an outcome is in the history of each card; _LOG_FACT_INVALID: nothing. */
LogFact sleep_fact(SleepOutcome outcome);
