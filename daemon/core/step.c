/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a step is called, which file it means, and what it does to it. */

#include <assert.h>

#include "base/address.h"
#include "base/enum-text.h"
#include "base/text.h"
#include "core/plan.h"
#include "gpuswitch/names.h"

#define DEVICES "/sys/bus/pci/devices/"
#define DRIVERS "/sys/bus/pci/drivers/"

static const char *const step_kind_table[_STEP_KIND_MAX] = {
        [STEP_NODES_FREE] = "check-nodes",
        [STEP_GROUP_FREE] = "check-group",
        [STEP_ALIVE] = "check-alive",
        [STEP_SET_D3COLD] = "set-d3cold",
        [STEP_SET_OVERRIDE] = "set-override",
        [STEP_SET_POWER] = "set-power",
        [STEP_UNBIND] = "unbind",
        [STEP_BIND] = "bind",
        [STEP_PROBE] = "probe",
        [STEP_SAVE_CONFIG] = "save-config",
        [STEP_WRITE_CONFIG] = "write-config",
        [STEP_CHECK_REGISTER] = "check-register",
        [STEP_POLL_REGISTER] = "poll-register",
        [STEP_WRITE_REGISTER] = "write-register",
        [STEP_DIFFER_REGISTER] = "differ-register",
        [STEP_SET_METHOD] = "set-reset-method",
        [STEP_FUNCTION_RESET] = "function-reset",
        [STEP_VENDOR_RESET] = "vendor-reset",
        [STEP_D3HOT] = "d3hot",
        [STEP_DELAY] = "delay",
        [STEP_RESTORE_CONFIG] = "restore-config",
        [STEP_VERIFY_CONFIG] = "verify-config",
        [STEP_GUARD_SET] = "set-guard",
        [STEP_GUARD_CLEAR] = "clear-guard",
        [STEP_WAKE_ALARM] = "wake-alarm",
        [STEP_REMOVE_RESCAN] = "remove-rescan",
};
DEFINE_ENUM_TEXT(step_kind, StepKind, step_kind_table)

static const char *const recipe_verb_table[_RECIPE_VERB_MAX] = {
        [RECIPE_SAVE_CONFIG] = "save-config",
        [RECIPE_WRITE_CONFIG] = "write-config",
        [RECIPE_CHECK_REGISTER] = "check-register",
        [RECIPE_POLL_REGISTER] = "poll-register",
        [RECIPE_WRITE_REGISTER] = "write-register",
        [RECIPE_DIFFER_REGISTER] = "differ-register",
        [RECIPE_DELAY] = "delay",
        [RECIPE_FUNCTION_RESET] = "function-reset",
        [RECIPE_VENDOR_RESET] = "vendor-reset",
        [RECIPE_D3HOT] = "d3hot",
        [RECIPE_RESTORE_CONFIG] = "restore-config",
        [RECIPE_VERIFY] = "verify",
        [RECIPE_REMOVE_RESCAN] = "remove-rescan",
        [RECIPE_SUSPEND] = "suspend",
};
DEFINE_ENUM_TEXT(recipe_verb, RecipeVerb, recipe_verb_table)

static const char *const register_test_table[_REGISTER_TEST_MAX] = {
        [REGISTER_EQUALS] = "equals",
        [REGISTER_DIFFERS] = "differs",
        [REGISTER_AT_LEAST] = "at-least",
};
DEFINE_ENUM_TEXT(register_test, RegisterTest, register_test_table)

static const char *const device_reset_table[_DEVICE_RESET_MAX] = {
        [DEVICE_RESET_UNKNOWN] = "unknown",
        [DEVICE_RESET_KERNEL] = "kernel",
        [DEVICE_RESET_FLR] = "flr",
        [DEVICE_RESET_NONE] = "none",
};
DEFINE_ENUM_TEXT(device_reset, DeviceReset, device_reset_table)

#define COMMAND_OFFSET 0x04U /* PCI Local Bus 3.0, 6.1; writing it decodes addresses, and resets nothing */

bool step_resets(const Step *step) {
        return (step->kind == STEP_WRITE_CONFIG && step->offset != COMMAND_OFFSET) ||
               step->kind == STEP_FUNCTION_RESET || step->kind == STEP_VENDOR_RESET || step->kind == STEP_D3HOT;
}

bool recipe_resets(const RecipeStep *step) {
        return (step->verb == RECIPE_WRITE_CONFIG && step->offset != COMMAND_OFFSET) ||
               step->verb == RECIPE_FUNCTION_RESET || step->verb == RECIPE_VENDOR_RESET || step->verb == RECIPE_D3HOT;
}

bool step_writes(const Step *step) {
        switch (step->kind) {
        case STEP_SET_D3COLD:
        case STEP_SET_OVERRIDE:
        case STEP_SET_POWER:
        case STEP_UNBIND:
        case STEP_BIND:
        case STEP_PROBE:
        case STEP_WRITE_CONFIG:
        case STEP_WRITE_REGISTER:
        case STEP_DIFFER_REGISTER:
        case STEP_SET_METHOD:
        case STEP_FUNCTION_RESET:
        case STEP_VENDOR_RESET:
        case STEP_D3HOT:
        case STEP_RESTORE_CONFIG:
        case STEP_GUARD_SET:
        case STEP_GUARD_CLEAR:
        case STEP_WAKE_ALARM:
        case STEP_REMOVE_RESCAN:
                return true;
        /* A register behind an index is read by writing the index, which changes nothing. */
        case STEP_CHECK_REGISTER:
        case STEP_POLL_REGISTER:
        case STEP_NODES_FREE:
        case STEP_GROUP_FREE:
        case STEP_ALIVE:
        case STEP_SAVE_CONFIG:
        case STEP_DELAY:
        case STEP_VERIFY_CONFIG:
        case _STEP_KIND_MAX:
        case _STEP_KIND_INVALID:
                break;
        }
        return false;
}

const char *step_path(const Step *step, char buffer[static PATH_TEXT_SIZE]) {
        const char *address = ADDRESS_TEXT(step->address);

        buffer[0] = '\0';
        switch (step->kind) {
        case STEP_SET_D3COLD:
                (void) text_format(buffer, PATH_TEXT_SIZE, DEVICES "%s/d3cold_allowed", address);
                break;
        case STEP_SET_OVERRIDE:
                (void) text_format(buffer, PATH_TEXT_SIZE, DEVICES "%s/driver_override", address);
                break;
        case STEP_SET_POWER:
                (void) text_format(buffer, PATH_TEXT_SIZE, DEVICES "%s/power/control", address);
                break;
        case STEP_UNBIND:
                (void) text_format(buffer, PATH_TEXT_SIZE, DRIVERS "%s/unbind", step->text);
                break;
        case STEP_BIND:
                (void) text_format(buffer, PATH_TEXT_SIZE, DRIVERS "%s/bind", step->text);
                break;
        case STEP_PROBE:
                (void) text_format(buffer, PATH_TEXT_SIZE, "/sys/bus/pci/drivers_probe");
                break;
        case STEP_GUARD_SET:
                (void) text_format(buffer, PATH_TEXT_SIZE, GUARD_MODULE_FOLDER "/guard");
                break;
        case STEP_GUARD_CLEAR:
                (void) text_format(buffer, PATH_TEXT_SIZE, GUARD_MODULE_FOLDER "/release");
                break;
        case STEP_GROUP_FREE:
                (void) text_format(buffer, PATH_TEXT_SIZE, "/dev/vfio/%d", step->iommu_group);
                break;
        case STEP_ALIVE:
        case STEP_SAVE_CONFIG:
        case STEP_WRITE_CONFIG:
        case STEP_D3HOT:
        case STEP_RESTORE_CONFIG:
        case STEP_VERIFY_CONFIG:
                (void) text_format(buffer, PATH_TEXT_SIZE, DEVICES "%s/config", address);
                break;
        case STEP_CHECK_REGISTER:
        case STEP_POLL_REGISTER:
        case STEP_WRITE_REGISTER:
        case STEP_DIFFER_REGISTER:
                (void) text_format(buffer, PATH_TEXT_SIZE, DEVICES "%s/resource%u", address, step->place.bar);
                break;
        case STEP_SET_METHOD:
                (void) text_format(buffer, PATH_TEXT_SIZE, DEVICES "%s/reset_method", address);
                break;
        case STEP_FUNCTION_RESET:
                (void) text_format(buffer, PATH_TEXT_SIZE, DEVICES "%s/reset", address);
                break;
        case STEP_VENDOR_RESET:
                (void) text_format(buffer, PATH_TEXT_SIZE, "/dev/vendor_reset");
                break;
        case STEP_WAKE_ALARM:
                (void) text_format(buffer, PATH_TEXT_SIZE, "/sys/class/rtc/rtc0/wakealarm");
                break;
        case STEP_REMOVE_RESCAN:
                (void) text_format(buffer, PATH_TEXT_SIZE, DEVICES "%s/remove", address);
                break;
        case STEP_NODES_FREE:
        case STEP_DELAY:
        case _STEP_KIND_MAX:
        case _STEP_KIND_INVALID:
                break;
        }
        return buffer;
}
