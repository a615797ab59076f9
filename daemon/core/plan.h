/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The ordered steps from here to the other owner.
 *
 * A plan names every write that its run does and nothing else; what `gpuswitchctl plan` prints is
 * this struct. Values copied at planning time are what the machine showed then.
 */

#include "core/facts.h"
#include "core/refusal.h"
#include "core/rule.h"

typedef enum StepKind {
        STEP_NODES_FREE,     /* reads: no process has a node of this function open (ALSA, DRM) */
        STEP_GROUP_FREE,     /* reads: open /dev/vfio/GROUP exclusively; waits until it is let go */
        STEP_ALIVE,          /* reads: configuration space does not read all ones */
        STEP_SET_D3COLD,     /* writes `d3cold_allowed` */
        STEP_SET_OVERRIDE,   /* writes `driver_override`; text "" is written as a newline, which clears it */
        STEP_SET_POWER,      /* writes `power/control` */
        STEP_UNBIND,         /* writes the address to /sys/bus/pci/drivers/TEXT/unbind, verifies the link */
        STEP_BIND,           /* writes the address to /sys/bus/pci/drivers/TEXT/bind, verifies the link */
        STEP_PROBE,          /* writes the address to /sys/bus/pci/drivers_probe: any driver, or none */
        STEP_SAVE_CONFIG,    /* reads `registers` */
        STEP_WRITE_CONFIG,   /* writes the bits `mask` of the dword at `offset` of `config` to `value` */
        STEP_CHECK_REGISTER, /* reads a register: its test fails: does not apply, see `skip_to` */
        STEP_POLL_REGISTER,  /* reads a register until its test passes */
        STEP_WRITE_REGISTER, /* writes the bits `mask` of a register to `value` */
        STEP_DIFFER_REGISTER, /* writes the bit `mask` of a register to differ from the bit `other_mask` of `other` */
        STEP_SET_METHOD,     /* writes `reset_method`, reads it back */
        STEP_FUNCTION_RESET, /* writes 1 to `reset`, if `reset_method` is only TEXT */
        STEP_VENDOR_RESET,   /* asks /dev/vendor_reset; not in its table: does not apply, see `skip_to` */
        STEP_D3HOT,          /* writes the power state into the PM capability: D3hot, D0 */
        STEP_DELAY,          /* at least `delay_usec` */
        STEP_RESTORE_CONFIG, /* writes `registers` as saved, COMMAND last */
        STEP_VERIFY_CONFIG,  /* reads: ids, `registers` as saved, MSI-X off */
        STEP_GUARD_SET,      /* writes the address to gpuswitch-guard's `guard`, verifies its list */
        STEP_GUARD_CLEAR,    /* writes the address to its `release`, not while somebody has the vfio group open */
        STEP_WAKE_ALARM,     /* writes `wakealarm` of the machine's clock: `value` seconds from now. In no switch */
        STEP_REMOVE_RESCAN,  /* writes 1 to `remove` of every function, then to `rescan` above them. In no switch */
        _STEP_KIND_MAX,
        _STEP_KIND_INVALID = -EINVAL,
} StepKind;

typedef struct Step {
        StepKind kind;
        PciAddress address;          /* of the function */
        char text[ATTRIBUTE_VALUE_SIZE]; /* what is written, or the driver's name */
        char before[ATTRIBUTE_VALUE_SIZE]; /* what the undo writes: of SET_*; of UNBIND, BIND: power/control */
        bool is_recipe;              /* part of the reset: its failure, once step_resets(), means the reset failed */
        int32_t iommu_group;         /* GROUP_FREE; UNBIND and BIND of a guest driver, GUARD_*: the group that must be free */
        uint16_t offset;             /* WRITE_CONFIG */
        uint32_t mask;               /* WRITE_CONFIG, *_REGISTER */
        uint32_t value;              /* WRITE_CONFIG, *_REGISTER: under the mask; WAKE_ALARM: seconds */
        RegisterPlace place;         /* *_REGISTER */
        RegisterTest test;           /* CHECK_REGISTER, POLL_REGISTER */
        RegisterPlace other;         /* DIFFER_REGISTER */
        uint32_t other_mask;         /* DIFFER_REGISTER */
        uint16_t skip_to;            /* where the run goes on after "does not apply"; in memory only */
        usec_t delay_usec;           /* DELAY */
        usec_t timeout_usec;
        uint8_t n_registers;
        ConfigRegister registers[REGISTERS_MAX];
} Step;

typedef struct Plan {
        Direction direction;
        Guard guard;       /* in force once the plan has run */
        bool runs_recipe;
        char recipe[FAMILY_NAME_SIZE]; /* its name, "" without one; in memory only */
        size_t n_fellows;  /* in memory only, as the next */
        PciAddress fellows[FELLOWS_MAX]; /* devices of other slots that its steps may name */
        size_t n_steps;    /* 0: the card is already there */
        Step steps[STEPS_MAX];
} Plan;

/* What a card was like at home, recorded before it left. One per function and fellow, in the order of card_part(). */
typedef struct HomeFunction {
        PciAddress address;
        char driver[DRIVER_NAME_SIZE];          /* "": no driver is a legal home */
        char driver_override[DRIVER_NAME_SIZE]; /* "" */
        char power_control[ATTRIBUTE_VALUE_SIZE];
        char d3cold_allowed[ATTRIBUTE_VALUE_SIZE];
        char reset_method[ATTRIBUTE_VALUE_SIZE]; /* of a fellow; "": of a function of the card, or there is none */
} HomeFunction;

typedef struct Home {
        bool known; /* false: the card has never been seen at home */
        size_t n_functions; /* fellows among them */
        HomeFunction functions[PARTS_MAX];
} Home;

/* All that a plan to the guest depends on beside the facts. */
typedef struct GuestRequest {
        ResetState state;
        bool after_driver_ran;   /* the recipe's after_driver has had the card since power-up or the last recipe */
        bool lists_companion;    /* the VM's XML names a companion: no companion guard is possible */
        PciAddress companion;    /* which, for the refusal */
        bool vendor_reset_unknown; /* vendor-reset has said in this boot that it does not know the card */
        bool by_hand;            /* a person asked: `automatic` does not apply */
} GuestRequest;

/**
 * plan_to_guest() - the way to vfio-pci
 * @card:  every function surveyed (survey.valid)
 * @ret_plan: set on success
 * @reterr_refusal: set only when E_REFUSED is returned
 *
 * Checks viability first (see viability.h). A card that is already there gets the steps that are
 * missing, possibly none. Pure.
 *
 * Return: 0, or E_REFUSED.
 */
int plan_to_guest(const CardFacts *card, const MachineFacts *machine, const Rule *rule,
                  const GuestRequest *request, Plan *ret_plan, Refusal *reterr_refusal);

/**
 * plan_to_host() - the way home
 * @home: where that is. Not known: the kernel chooses the driver (STEP_PROBE)
 *
 * Return: 0, or E_REFUSED (a failed card has no way home).
 */
int plan_to_host(const CardFacts *card, const Rule *rule, ResetState state, const Home *home, Plan *ret_plan,
                 Refusal *reterr_refusal);

/**
 * plan_reset() - the family's reset of a card that no VM has, by a person's wish
 *
 * The card stays with the guests, or without a driver: one that a host driver has is refused.
 *
 * Return: 0, or E_REFUSED.
 */
int plan_reset(const CardFacts *card, const MachineFacts *machine, const Rule *rule, const GuestRequest *request,
               Plan *ret_plan, Refusal *reterr_refusal);

/**
 * plan_recover() - take the card off its bus and find it again, by a person's wish
 *
 * One that a host driver has is refused: it would be taken away under its feet.
 *
 * Return: 0, or E_REFUSED.
 */
int plan_recover(const CardFacts *card, Plan *ret_plan, Refusal *reterr_refusal);

/**
 * plan_undo() - the way back from the middle of a plan
 * @n_done: steps of @plan that ran or were started; the last one may have half happened
 * @ret_undo: its steps are independent: run each, whatever the one before said
 *
 * Works from what was recorded in the plan, never from what is there now. Return: 0, or E_REFUSED
 * (REFUSAL_PLAN_TOO_LONG).
 */
int plan_undo(const Plan *plan, size_t n_done, Plan *ret_undo, Refusal *reterr_refusal);

/** plan_before_host_bind() - may the plan still be turned round after @n_done steps? (no host driver bound yet) */
bool plan_before_host_bind(const Plan *plan, size_t n_done);

/**
 * plan_fellows_home() - of a card that is lost and stays where it is: what went along with it goes home
 * @ret_plan: without steps when nothing is to be done
 */
void plan_fellows_home(const CardFacts *card, const Home *home, Plan *ret_plan);

/**
 * home_note() - what to record before the card leaves. Every function must be surveyed.
 * @incomplete: the last switch could not put everything back
 * @record: the earlier one, replaced. A function that an earlier switch has left half-way (an override that only a
 *          switch writes, or after an incomplete one a driver that is none of the host's) keeps what it says: our own
 *          leftovers are nobody's home
 */
void home_note(const CardFacts *card, bool incomplete, Home *record);

/**
 * home_note_fellows() - the same for a card that has left already, of what is to go along with it from now on
 * @record: what is in it stays; nothing is added to one that is not known
 */
void home_note_fellows(const CardFacts *card, Home *record);

/** home_fellows() - where what went along with the card is at home. Returns how many. */
size_t home_fellows(const Home *home, PciAddress ret_addresses[static FELLOWS_MAX]);

/** home_forget_fellows() - of a record from an earlier boot: at these addresses may be other devices by now. */
void home_forget_fellows(Home *record);

/** step_path() - the file that a step writes or reads, "" for a step without one. Returns @buffer. */
const char *step_path(const Step *step, char buffer[static PATH_TEXT_SIZE]);

/** step_describe() - one line for people: "unbind 0000:01:00.1 from snd_hda_intel". Returns @buffer. */
const char *step_describe(const Step *step, char *buffer, size_t size);

/** step_resets() - does it reset the card, so that starting it counts as a reset that happened? */
bool step_resets(const Step *step);

/** step_writes() - does the step write to the machine? */
bool step_writes(const Step *step);

const char *step_kind_to_string(StepKind kind);
StepKind step_kind_from_string(const char *text);
