/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * First sight: what a kernel log says about the time before the daemon looked.
 *
 * `machine` turns log lines into LogFacts, in order; history_replay() runs them through the state
 * machine as if the daemon had been there.
 */

#include <stdbool.h>
#include <stddef.h>

#include "core/reset-state.h"
#include "gpuswitch/limits.h"

typedef enum LogFact {
        LOG_FACT_HOST_INIT,  /* the host driver initialises: a bind */
        LOG_FACT_RESET_LINE, /* amdgpu's "PCI CONFIG reset": its SMC was found running */
        LOG_FACT_GUEST_USE,  /* a line of vfio-pci about the card: a guest had it */
        LOG_FACT_DEAD,       /* "not ready ... after bus reset; giving up" and its like */
        LOG_FACT_BUS_RESET,  /* "not ready ... after bus reset; waiting": its bus was reset, whoever did that */
        LOG_FACT_BAR_RESTORE, /* vfio found its BARs wiped: somebody reset the card under a guest */
        LOG_FACT_POWER,      /* about D3cold, and not that it is dead: evidence, changes nothing */
        LOG_FACT_POWER_LOSS, /* the machine slept and lost its power, see core/sleep.h */
        LOG_FACT_HIBERNATED, /* another kernel has had the card in between */
        LOG_FACT_IN_USE,     /* its driver cannot let it go, because somebody uses it: evidence, changes nothing */
        _LOG_FACT_MAX,
        _LOG_FACT_INVALID = -EINVAL,
} LogFact;

typedef struct FirstSight {
        bool store_lost;        /* there was a store and it could not be read: the past is a hole */
        bool log_complete;      /* the ring still holds the first line of this boot */
        bool host_driver_bound; /* by the `driver` link now */
        bool stored_suspect;    /* the store says prefail, failed or unknown from an earlier boot */
        bool power_loss_proven; /* since then */
} FirstSight;

/**
 * history_replay() - the state of a card whose past in this boot is only in the log
 * @facts: in order; host-init lines of drivers without such a line are inferred from the link
 *
 * A gap in the log, or a suspect past without proven power loss, is unknown (never better). A loss of power in the log makes
 * the card fresh, unless it had failed: then somebody has to see first that it answers.
 */
ResetState history_replay(const ResetStateRule *rule, const FirstSight *sight, const LogFact *facts, size_t n_facts);

/**
 * history_continue() - the same from a known state on: what the log says about the time since then
 * @bound_before: a host driver had the card at that point
 * @bound_now: by the `driver` link
 */
ResetState history_continue(const ResetStateRule *rule, ResetState state, bool bound_before, bool bound_now,
                            const LogFact *facts, size_t n_facts);

/** history_lost_power() - is a loss of power among the facts? */
bool history_lost_power(const LogFact *facts, size_t n_facts);

/** history_driver_ran() - has the host driver had the card since power-up, by the same facts? */
bool history_driver_ran(const FirstSight *sight, const LogFact *facts, size_t n_facts);

const char *log_fact_to_string(LogFact fact);
