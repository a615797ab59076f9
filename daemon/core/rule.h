/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The effective rule for one card: what its family is like (quirk) and what the administrator wants
 * (policy), merged. `policy` makes it, core obeys it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/chip.h"
#include "core/reset-state.h"
#include "gpuswitch/address.h"
#include "gpuswitch/deadlines.h"
#include "gpuswitch/limits.h"

/* The closed set of words in which a family's reset is written. What has no function named is about function 0. */
typedef enum RecipeVerb {
        RECIPE_SAVE_CONFIG,      /* of every function: what FunctionSurvey.registers lists */
        RECIPE_WRITE_CONFIG,     /* bits of a dword of configuration space */
        RECIPE_CHECK_REGISTER,   /* a register passes its test, or the reset does not apply and ends here */
        RECIPE_POLL_REGISTER,    /* read until it passes its test, or the reset has failed */
        RECIPE_WRITE_REGISTER,   /* bits of a register */
        RECIPE_DIFFER_REGISTER,  /* a bit of a register is made to differ from a bit of another one */
        RECIPE_DELAY,            /* at least that long; the hardware asks for it */
        RECIPE_FUNCTION_RESET,   /* through the attribute `reset`, by one named method that is no bus reset */
        RECIPE_VENDOR_RESET,     /* the kernel module vendor-reset; an id that it does not know: does not apply */
        RECIPE_D3HOT,            /* into D3hot and back, by the power management capability */
        RECIPE_RESTORE_CONFIG,   /* of every function */
        RECIPE_VERIFY,           /* ids of every function, registers as saved, MSI-X off */
        RECIPE_REMOVE_RESCAN,    /* of a recovery only: the whole card off its bus, and the bus is read again */
        RECIPE_SUSPEND,          /* of a recovery only: the machine sleeps, and its clock wakes it */
        _RECIPE_VERB_MAX,
        _RECIPE_VERB_INVALID = -EINVAL,
} RecipeVerb;

/* How a register's bits under the mask are compared. */
typedef enum RegisterTest {
        REGISTER_EQUALS,
        REGISTER_DIFFERS,
        REGISTER_AT_LEAST,
        _REGISTER_TEST_MAX,
        _REGISTER_TEST_INVALID = -EINVAL,
} RegisterTest;

typedef struct RecipeStep {
        RecipeVerb verb;
        uint16_t offset;      /* write-config: bytes, dword aligned */
        RegisterPlace place;  /* *-register */
        uint32_t mask;        /* write-config, *-register: the bits that are meant */
        uint32_t value;       /* under the mask: what is written, or what the test compares with */
        RegisterTest test;    /* check-register, poll-register */
        RegisterPlace other;  /* differ-register: the other one, ... */
        uint32_t other_mask;  /* ... and its bit */
        bool optional;        /* *-register: left out on a card that has no such BAR */
        char method[ATTRIBUTE_VALUE_SIZE]; /* function-reset: "flr", "pm", ... */
        usec_t delay_usec;    /* delay; suspend: when the clock wakes the machine */
        usec_t timeout_usec;  /* poll-register: the defined end of the polling. Others: when the helper is given up */
} RecipeStep;

/* What a family's reset needs before it may be planned. */
typedef struct Recipe {
        char name[FAMILY_NAME_SIZE]; /* "vi-config": what outcomes are counted under */
        size_t n_steps; /* 0: no more recipes */
        RecipeStep steps[RECIPE_STEPS_MAX];
        /* Runs only if this host driver has had the card since power-up or the last recipe; "": always. */
        char after_driver[DRIVER_NAME_SIZE];
        /* Runs only while a guard keeps the bus reset away. */
        bool needs_guard;
        /* False: on the way to a guest somebody else does it (QEMU); only a person's `reset` runs it. */
        bool before_guest;
        /* Not proven on this family: runs only where policy allows "experimental". */
        bool experimental;
        /* Of words that bring a lost card back, and no reset: in a Rule it is `recovery`, and never among the recipes. */
        bool is_recovery;
} Recipe;

/* What of it a person may ask for: `gpuswitchctl recover`. Nobody else ever does. */
typedef struct Recovery {
        bool remove_rescan;
        usec_t suspend_usec; /* 0: no suspend */
} Recovery;

/* How a device that is no GPU is reset between two owners, as its quirk says. */
typedef enum DeviceReset {
        DEVICE_RESET_UNKNOWN, /* nobody has said anything: left to the kernel */
        DEVICE_RESET_KERNEL,  /* by the kernel's own method for it, and by no other */
        DEVICE_RESET_FLR,     /* by a function level reset, and by no other */
        DEVICE_RESET_NONE,    /* there is none that works */
        _DEVICE_RESET_MAX,
        _DEVICE_RESET_INVALID = -EINVAL,
} DeviceReset;

/* A device that goes along with the card because policy says so. */
typedef struct FellowRule {
        PciAddress address;
        char device[FAMILY_NAME_SIZE]; /* name of the quirk that is about it, or "" */
        DeviceReset reset;
        bool bus_reset_forbidden;
        char source[HOST_USE_SIZE * 2]; /* where that is known from, cut if it is longer; or "" */
} FellowRule;

/* Rule.guest_reboots: nothing is known that would end it. */
#define GUEST_REBOOTS_UNLIMITED UINT32_MAX

typedef struct Rule {
        char family[FAMILY_NAME_SIZE]; /* "generic" where no quirk matches */
        BusResetWish bus_reset;
        ResetStateRule state;
        KernelGuard kernel_guard;
        Recipe recipes[RECIPES_MAX]; /* in order of preference; the first without steps ends the list */
        Recovery recovery;
        uint32_t guest_reboots; /* inside one QEMU process, that the card bears */
        bool is_withheld; /* a file that was refused speaks of the card: of whatever else there is, no reset is among the above */

        /* Policy */
        char name[CARD_NAME_SIZE]; /* the administrator's name for the card, or "" */
        ReturnTo return_to;
        bool automatic;            /* false: VM starts do not take this card by themselves */
        bool allow_holders;        /* unbind although processes have DRM nodes open */
        bool allow_lockdown;       /* a guarded start goes on without the reset under kernel lockdown */
        bool allow_experimental;   /* resets that are not proven on this family may run */
        size_t n_fellows;
        FellowRule fellows[FELLOWS_MAX];
        /* A policy or quirk file cannot be parsed at all: automatic switching waits for it to be mended. */
        bool configuration_broken;
        char broken_file[PATH_TEXT_SIZE];
} Rule;

#define RULE_GENERIC                                                                         \
        ((Rule){ .family = "generic", .bus_reset = BUS_RESET_WANTED, .state = RESET_STATE_RULE_BASE, \
                 .guest_reboots = GUEST_REBOOTS_UNLIMITED, .automatic = true })

const char *recipe_verb_to_string(RecipeVerb verb);
RecipeVerb recipe_verb_from_string(const char *text);
const char *register_test_to_string(RegisterTest test);
RegisterTest register_test_from_string(const char *text);
const char *device_reset_to_string(DeviceReset reset);
DeviceReset device_reset_from_string(const char *text);

/** recipe_resets() - does this word reset the card, so that starting it counts as a reset that happened? */
bool recipe_resets(const RecipeStep *step);
