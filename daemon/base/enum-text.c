/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "base/enum-text.h"

#include <assert.h>

#include "base/text.h"

static const char *const reset_state_table[_RESET_STATE_MAX] = {
        [RESET_STATE_FRESH] = "fresh",   [RESET_STATE_TOUCHED] = "touched", [RESET_STATE_PREFAIL] = "prefail",
        [RESET_STATE_FAILED] = "failed", [RESET_STATE_UNKNOWN] = "unknown",
};
DEFINE_ENUM_TEXT(reset_state, ResetState, reset_state_table)

static const char *const owner_table[_OWNER_MAX] = {
        [OWNER_NONE] = "none",
        [OWNER_HOST] = "host",
        [OWNER_GUEST] = "guest",
        [OWNER_SWITCHING] = "switching",
};
DEFINE_ENUM_TEXT(owner, Owner, owner_table)

static const char *const function_role_table[_FUNCTION_ROLE_MAX] = {
        [FUNCTION_ROLE_DISPLAY] = "display", [FUNCTION_ROLE_AUDIO] = "audio", [FUNCTION_ROLE_USB] = "usb",
        [FUNCTION_ROLE_UCSI] = "ucsi",       [FUNCTION_ROLE_OTHER] = "other",
};
DEFINE_ENUM_TEXT(function_role, FunctionRole, function_role_table)

static const char *const bus_reset_wish_table[_BUS_RESET_WISH_MAX] = {
        [BUS_RESET_WANTED] = "wanted",
        [BUS_RESET_FORBIDDEN] = "forbidden",
};
DEFINE_ENUM_TEXT(bus_reset_wish, BusResetWish, bus_reset_wish_table)

static const char *const guard_table[_GUARD_MAX] = {
        [GUARD_NONE] = "none",
        [GUARD_STUB_COMPANION] = "stub-companion",
        [GUARD_PINNED_COMPANION] = "pinned-companion",
        [GUARD_MODULE] = "guard-module",
        [GUARD_KERNEL] = "kernel-flag",
};
DEFINE_ENUM_TEXT(guard, Guard, guard_table)

static const char *const kernel_guard_table[_KERNEL_GUARD_MAX] = {
        [KERNEL_GUARD_NONE] = "none",
        [KERNEL_GUARD_ALWAYS] = "always",
        [KERNEL_GUARD_VENDOR_RESET] = "vendor-reset",
};
DEFINE_ENUM_TEXT(kernel_guard, KernelGuard, kernel_guard_table)

static const char *const direction_table[_DIRECTION_MAX] = {
        [DIRECTION_GUEST] = "guest",
        [DIRECTION_HOST] = "host",
};
DEFINE_ENUM_TEXT(direction, Direction, direction_table)

static const char *const return_to_table[_RETURN_TO_MAX] = {
        [RETURN_TO_HOST] = "host",
        [RETURN_TO_STAY] = "stay",
};
DEFINE_ENUM_TEXT(return_to, ReturnTo, return_to_table)
