/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The words of the project as enums. Their string forms (base/enum-text.h) are what the bus, the
 * journal, the store and the client show; they never change once released.
 */

#include <errno.h>

typedef enum ResetState {
        RESET_STATE_FRESH,   /* powered up, at most one host driver has used it, no guest */
        RESET_STATE_TOUCHED, /* let go by a host driver or used by a guest; a bus reset is harmless */
        RESET_STATE_PREFAIL, /* a bus reset now kills it */
        RESET_STATE_FAILED,  /* reads all ones in D0, or did not survive a reset */
        RESET_STATE_UNKNOWN, /* the history of this boot has a hole */
        _RESET_STATE_MAX,
        _RESET_STATE_INVALID = -EINVAL,
} ResetState;

typedef enum Owner {
        OWNER_NONE, /* no driver: a legal home, and the only place of a failed card */
        OWNER_HOST,
        OWNER_GUEST, /* on vfio-pci, with or without a VM */
        OWNER_SWITCHING,
        _OWNER_MAX,
        _OWNER_INVALID = -EINVAL,
} Owner;

#define PCI_BASE_CLASS_DISPLAY 0x03U /* of 24 bits of class code the highest 8 */
#define PCI_BASE_CLASS_BRIDGE 0x06U

typedef enum FunctionRole {
        FUNCTION_ROLE_DISPLAY,
        FUNCTION_ROLE_AUDIO,
        FUNCTION_ROLE_USB,
        FUNCTION_ROLE_UCSI, /* USB type-C controller: serial bus, class 0x0c80 */
        FUNCTION_ROLE_OTHER,
        _FUNCTION_ROLE_MAX,
        _FUNCTION_ROLE_INVALID = -EINVAL,
} FunctionRole;

/* What is wanted of the bus reset that vfio does when the last user closes a card. */
typedef enum BusResetWish {
        BUS_RESET_WANTED,    /* the only reset that this family has */
        BUS_RESET_FORBIDDEN, /* it can kill the card */
        _BUS_RESET_WISH_MAX,
        _BUS_RESET_WISH_INVALID = -EINVAL,
} BusResetWish;

/* What keeps a bus reset from happening. */
typedef enum Guard {
        GUARD_NONE,
        GUARD_STUB_COMPANION,   /* a companion on pci-stub: vfio's reset set is incomplete */
        GUARD_PINNED_COMPANION, /* the same with a companion that no driver may take */
        GUARD_MODULE,           /* the kernel module gpuswitch-guard has flagged the card's functions, for us */
        GUARD_KERNEL,           /* the kernel has, by itself: see KernelGuard */
        _GUARD_MAX,
        _GUARD_INVALID = -EINVAL,
} Guard;

/* When the kernel itself keeps bus resets from a family (PCI_DEV_FLAGS_NO_BUS_RESET), without our doing. */
typedef enum KernelGuard {
        KERNEL_GUARD_NONE,
        KERNEL_GUARD_ALWAYS,       /* it has a quirk for these ids */
        KERNEL_GUARD_VENDOR_RESET, /* while the module vendor-reset looks after the card */
        _KERNEL_GUARD_MAX,
        _KERNEL_GUARD_INVALID = -EINVAL,
} KernelGuard;

typedef enum Direction {
        DIRECTION_GUEST,
        DIRECTION_HOST,
        _DIRECTION_MAX,
        _DIRECTION_INVALID = -EINVAL,
} Direction;

/* Policy: where the card goes after its VM. */
typedef enum ReturnTo {
        RETURN_TO_HOST,
        RETURN_TO_STAY,
        _RETURN_TO_MAX,
        _RETURN_TO_INVALID = -EINVAL,
} ReturnTo;
