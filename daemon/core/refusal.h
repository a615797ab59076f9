/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Why something is not done: a code and the facts of it. Core fills it in; the sentences for people
 * are made of it in api/refusal-text.c and nowhere else.
 */

#include "gpuswitch/address.h"
#include "gpuswitch/limits.h"
#include "gpuswitch/types.h"

typedef enum RefusalCode {
        REFUSAL_NONE,
        REFUSAL_NO_SUCH_DEVICE,       /* address: not on this machine */
        REFUSAL_NOT_A_GPU,            /* address: exists and is no function of a card */
        REFUSAL_CARD_FAILED,          /* the card reads all ones; only power off helps */
        REFUSAL_PREFAIL_COMPANION,    /* address: the companion that the VM lists, so no guard is possible */
        REFUSAL_PREFAIL_NO_COMPANION, /* a single-function card: nothing can guard it */
        REFUSAL_GROUP_NOT_VIABLE,     /* address: the member; subject: its driver */
        REFUSAL_GROUP_TOO_LARGE,      /* subject: how many other devices of a group can be looked at */
        REFUSAL_NO_IOMMU_GROUP,       /* address: function without a group (IOMMU off) */
        REFUSAL_VFIO_MISSING,         /* the module vfio-pci is not loaded */
        REFUSAL_SOUND_IN_USE,         /* address: audio function; subject: "pipewire (pid 812)"; detail: node */
        REFUSAL_DISPLAY_IN_USE,       /* address: display function; subject, detail as above */
        REFUSAL_VIRTUAL_FUNCTIONS,    /* address: function that has virtual functions enabled */
        REFUSAL_LEASED,               /* subject: name of the other VM, detail: its UUID */
        REFUSAL_LEASED_BY_HAND,       /* a person holds it (to-guest); to-host while a VM runs: see LEASED */
        REFUSAL_BUSY,                 /* subject: what runs, detail: for whom */
        REFUSAL_STUCK,                /* subject: the step that hangs; detail: in which kernel function */
        REFUSAL_NOT_AUTOMATIC,        /* policy: this card is not switched by VM starts */
        REFUSAL_CONFIGURATION_BROKEN, /* subject: file */
        REFUSAL_LOCKDOWN,             /* kernel lockdown: the reset that the card needs cannot be written */
        REFUSAL_GOING_DOWN,           /* the system is stopping */
        REFUSAL_MSIX_ENABLED,         /* address: a reset by the back door would lose the vector table */
        REFUSAL_STORE,                /* the operation could not be recorded; subject: errno text */
        REFUSAL_STEP_FAILED,          /* address, subject: the step, detail: the error. Not in plans. */
        REFUSAL_TIMED_OUT,            /* the verdict did not come within its time */
        REFUSAL_TURNED_ROUND,         /* a way home that a VM start turned round */
        REFUSAL_NO_RESET_BY_HAND,     /* subject: the family; detail: why none of its resets can run */
        REFUSAL_RESET_HOST_DRIVER,    /* address: function that a host driver has; subject: the driver */
        REFUSAL_PLAN_TOO_LONG,        /* more steps than STEPS_MAX */
        REFUSAL_INHIBITED,            /* subject: who holds it back, detail: why */
        REFUSAL_GOING_TO_SLEEP,       /* the machine is about to be suspended */
        REFUSAL_RECOVERY_UNLISTED,    /* subject: what was asked for, "suspend" or "rescan" */
        REFUSAL_SUSPEND_NOT_NEEDED,   /* a suspend as recovery: the card's state is none that it could better */
        REFUSAL_SUSPEND_IMPOSSIBLE,   /* subject: what is missing for it */
        REFUSAL_SUSPEND_FAILED,       /* subject: why the machine has not slept */
        REFUSAL_SUSPEND_NO_HELP,      /* it has slept; subject: why the card is not fresh all the same */
        REFUSAL_NOT_MANAGED,          /* a GPU that the daemon could not take on; subject: why */
        REFUSAL_FELLOW_MISSING,       /* address: device that goes along by policy and is not on this machine */
        REFUSAL_FELLOW_UNFIT,         /* address: the same; subject: why it cannot go along */
        REFUSAL_FELLOW_IN_USE,        /* address: the same; subject: what the host does with it */
        REFUSAL_FELLOW_RESET,         /* address: the same; subject: why no reset of it is safe; detail: the source */
        _REFUSAL_CODE_MAX,
        _REFUSAL_CODE_INVALID = -EINVAL,
} RefusalCode;

typedef struct Refusal {
        RefusalCode code;
        PciAddress address;
        ResetState state;       /* of the card, where the code speaks of it */
        char subject[256];
        char detail[512];
} Refusal;

/* The positive code with which functions say: refused, see *reterr_refusal. */
#define E_REFUSED 1

const char *refusal_code_to_string(RefusalCode code);

/** refusal_set() - fill in @refusal; texts that are too long are cut. Returns E_REFUSED. */
int refusal_set(Refusal *refusal, RefusalCode code, PciAddress address, const char *subject, const char *detail);
