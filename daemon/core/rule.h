/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The effective rule for one card: what its family is like (quirk) and what the administrator wants
 * (policy), merged. `policy` makes it, core obeys it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/reset-state.h"
#include "gpuswitch/deadlines.h"
#include "gpuswitch/limits.h"

/* The closed set of words in which a family's reset is written. */
typedef enum RecipeVerb {
        RECIPE_SAVE_CONFIG,    /* of every function: what FunctionSurvey.registers lists */
        RECIPE_WRITE_CONFIG,   /* a dword into function 0's configuration space */
        RECIPE_DELAY,          /* at least that long; the hardware asks for it */
        RECIPE_RESTORE_CONFIG, /* of every function */
        RECIPE_VERIFY,         /* vendor id of every function readable, registers as saved, MSI-X off */
        _RECIPE_VERB_MAX,
        _RECIPE_VERB_INVALID = -EINVAL,
} RecipeVerb;

typedef struct RecipeStep {
        RecipeVerb verb;
        uint16_t offset;   /* write-config: bytes, dword aligned */
        uint32_t value;    /* write-config */
        usec_t delay_usec; /* delay */
        usec_t timeout_usec;
} RecipeStep;

typedef struct Recipe {
        size_t n_steps; /* 0: the family has none */
        RecipeStep steps[RECIPE_STEPS_MAX];
        /* Runs only if this host driver has had the card since power-up or the last recipe; "": always. */
        char after_driver[DRIVER_NAME_SIZE];
        /* Runs only while a guard keeps the bus reset away. */
        bool needs_guard;
} Recipe;

typedef struct Rule {
        char family[FAMILY_NAME_SIZE]; /* "generic" where no quirk matches */
        BusResetWish bus_reset;
        ResetStateRule state;
        Recipe recipe;

        /* Policy */
        char name[CARD_NAME_SIZE]; /* the administrator's name for the card, or "" */
        ReturnTo return_to;
        bool automatic;            /* false: VM starts do not take this card by themselves */
        bool allow_holders;        /* unbind although processes have DRM nodes open */
        bool allow_lockdown;       /* a guarded start goes on without the reset under kernel lockdown */
        /* A policy or quirk file cannot be parsed at all: automatic switching waits for it to be mended. */
        bool configuration_broken;
        char broken_file[PATH_TEXT_SIZE];
} Rule;

#define RULE_GENERIC                                                                         \
        ((Rule){ .family = "generic", .bus_reset = BUS_RESET_WANTED, .state = RESET_STATE_RULE_BASE, \
                 .automatic = true })

const char *recipe_verb_to_string(RecipeVerb verb);
RecipeVerb recipe_verb_from_string(const char *text);
