/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a step is called, which file it means, and how it reads. */

#include <assert.h>

#include "base/address.h"
#include "base/enum-text.h"
#include "base/text.h"
#include "core/plan.h"

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
        [STEP_DELAY] = "delay",
        [STEP_RESTORE_CONFIG] = "restore-config",
        [STEP_VERIFY_CONFIG] = "verify-config",
};
DEFINE_ENUM_TEXT(step_kind, StepKind, step_kind_table)

static const char *const recipe_verb_table[_RECIPE_VERB_MAX] = {
        [RECIPE_SAVE_CONFIG] = "save-config", [RECIPE_WRITE_CONFIG] = "write-config",
        [RECIPE_DELAY] = "delay",             [RECIPE_RESTORE_CONFIG] = "restore-config",
        [RECIPE_VERIFY] = "verify",
};
DEFINE_ENUM_TEXT(recipe_verb, RecipeVerb, recipe_verb_table)

bool step_writes(const Step *step) {
        switch (step->kind) {
        case STEP_SET_D3COLD:
        case STEP_SET_OVERRIDE:
        case STEP_SET_POWER:
        case STEP_UNBIND:
        case STEP_BIND:
        case STEP_PROBE:
        case STEP_WRITE_CONFIG:
        case STEP_RESTORE_CONFIG:
                return true;
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
        case STEP_GROUP_FREE:
                (void) text_format(buffer, PATH_TEXT_SIZE, "/dev/vfio/%d", step->iommu_group);
                break;
        case STEP_ALIVE:
        case STEP_SAVE_CONFIG:
        case STEP_WRITE_CONFIG:
        case STEP_RESTORE_CONFIG:
        case STEP_VERIFY_CONFIG:
                (void) text_format(buffer, PATH_TEXT_SIZE, DEVICES "%s/config", address);
                break;
        case STEP_NODES_FREE:
        case STEP_DELAY:
        case _STEP_KIND_MAX:
        case _STEP_KIND_INVALID:
                break;
        }
        return buffer;
}

const char *step_describe(const Step *step, char *buffer, size_t size) {
        const char *address = ADDRESS_TEXT(step->address);

        switch (step->kind) {
        case STEP_NODES_FREE:
                (void) text_format(buffer, size, "check that no process has a node of %s open", address);
                break;
        case STEP_GROUP_FREE:
                (void) text_format(buffer, size, "wait until IOMMU group %d is let go", step->iommu_group);
                break;
        case STEP_ALIVE:
                (void) text_format(buffer, size, "check that %s answers", address);
                break;
        case STEP_SET_D3COLD:
                (void) text_format(buffer, size, "set d3cold_allowed of %s to %s", address, step->text);
                break;
        case STEP_SET_OVERRIDE:
                if (isempty(step->text))
                        (void) text_format(buffer, size, "clear driver_override of %s", address);
                else
                        (void) text_format(buffer, size, "set driver_override of %s to %s", address, step->text);
                break;
        case STEP_SET_POWER:
                (void) text_format(buffer, size, "set power/control of %s to %s", address, step->text);
                break;
        case STEP_UNBIND:
                (void) text_format(buffer, size, "unbind %s from %s", address, step->text);
                break;
        case STEP_BIND:
                (void) text_format(buffer, size, "bind %s to %s", address, step->text);
                break;
        case STEP_PROBE:
                (void) text_format(buffer, size, "let the kernel choose a driver for %s", address);
                break;
        case STEP_SAVE_CONFIG:
                (void) text_format(buffer, size, "save the configuration space of %s", address);
                break;
        case STEP_WRITE_CONFIG:
                (void) text_format(buffer, size, "reset: write 0x%08x at 0x%02x of the configuration space of %s",
                                   step->value, step->offset, address);
                break;
        case STEP_DELAY:
                (void) text_format(buffer, size, "wait %llu us for the hardware",
                                   (unsigned long long) step->delay_usec);
                break;
        case STEP_RESTORE_CONFIG:
                (void) text_format(buffer, size, "restore the configuration space of %s", address);
                break;
        case STEP_VERIFY_CONFIG:
                (void) text_format(buffer, size, "verify the configuration space of %s", address);
                break;
        case _STEP_KIND_MAX:
        case _STEP_KIND_INVALID:
                assert(!"no such step");
        }
        return buffer;
}
