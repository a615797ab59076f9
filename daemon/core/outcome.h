/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What has come of resets, counted over boots under what they may depend on. Nothing in here tells one machine or one
 * card from another of the same make: no address, no serial number.
 */

#include <stdint.h>

#include "gpuswitch/limits.h"

/* What is counted of one reset: that it was tried, and what came of it if that is known. A reset that does not apply to
 * the card as it is counts as nothing. */
typedef enum OutcomeResult {
        OUTCOME_TRIED,     /* its first write was about to be made */
        OUTCOME_SUCCEEDED, /* and verified */
        OUTCOME_FAILED,
        _OUTCOME_RESULT_MAX,
} OutcomeResult;

typedef struct ResetOutcome {
        /* the key: */
        uint16_t vendor_id;
        uint16_t device_id;
        uint16_t subsystem_vendor_id;
        uint16_t subsystem_device_id;
        char family[FAMILY_NAME_SIZE];
        char kernel[KERNEL_RELEASE_SIZE]; /* as uname -r */
        char method[METHOD_NAME_SIZE];
        /* what is counted: */
        uint64_t n_tries;
        uint64_t n_successes;
        uint64_t n_failures; /* with the successes maybe less than the tries: it hung, or the daemon died in between */
} ResetOutcome;

/* 0, or a negative result, which ends the walk and is its result. */
typedef int (*ResetOutcomeHandler)(const ResetOutcome *outcome, void *userdata);
