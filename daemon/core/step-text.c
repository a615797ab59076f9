/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How a step reads. */

#include <assert.h>

#include "base/address.h"
#include "base/text.h"
#include "core/plan.h"

static const char *describe_place(const RegisterPlace *place, PciAddress address, char *buffer, size_t size) {
        if (place_is_indexed(place))
                (void) text_format(buffer, size, "register 0x%08x behind 0x%x/0x%x of BAR %u of %s", place->address,
                                   place->index_offset, place->data_offset, place->bar, ADDRESS_TEXT(address));
        else
                (void) text_format(buffer, size, "register 0x%x of BAR %u of %s", place->address, place->bar,
                                   ADDRESS_TEXT(address));
        return buffer;
}

static const char *describe_test(const Step *step, char *buffer, size_t size) {
        static const char *const words[_REGISTER_TEST_MAX] = {
                [REGISTER_EQUALS] = "is",
                [REGISTER_DIFFERS] = "is not",
                [REGISTER_AT_LEAST] = "is at least",
        };

        (void) text_format(buffer, size, "under the mask 0x%x %s 0x%x", step->mask, words[step->test], step->value);
        return buffer;
}

static const char *describe_register_step(const Step *step, char *buffer, size_t size) {
        char place[128], other[128], test[96];

        describe_place(&step->place, step->address, place, sizeof(place));
        if (step->kind == STEP_CHECK_REGISTER || step->kind == STEP_POLL_REGISTER)
                (void) text_format(buffer, size, "reset: %s %s %s",
                                   step->kind == STEP_CHECK_REGISTER ? "go on only if" : "wait until", place,
                                   describe_test(step, test, sizeof(test)));
        else if (step->kind == STEP_WRITE_REGISTER)
                (void) text_format(buffer, size, "reset: write 0x%x under the mask 0x%x to %s", step->value, step->mask,
                                   place);
        else
                (void) text_format(buffer, size, "reset: make bit 0x%x of %s differ from bit 0x%x of %s", step->mask,
                                   place, step->other_mask,
                                   describe_place(&step->other, step->address, other, sizeof(other)));
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
                (void) text_format(buffer, size, "reset: write 0x%08x at 0x%02x of the configuration space of %s%s",
                                   step->value, step->offset, address,
                                   step->mask == UINT32_MAX ? "" : ", the other bits as they are");
                break;
        case STEP_CHECK_REGISTER:
        case STEP_POLL_REGISTER:
        case STEP_WRITE_REGISTER:
        case STEP_DIFFER_REGISTER:
                describe_register_step(step, buffer, size);
                break;
        case STEP_SET_METHOD:
                (void) text_format(buffer, size, "set reset_method of %s to %s", address, step->text);
                break;
        case STEP_FUNCTION_RESET:
                (void) text_format(buffer, size, "reset: function reset of %s by %s", address, step->text);
                break;
        case STEP_VENDOR_RESET:
                (void) text_format(buffer, size, "reset: let the module vendor-reset reset %s", address);
                break;
        case STEP_D3HOT:
                (void) text_format(buffer, size, "reset: put %s into D3hot and back into D0", address);
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
        case STEP_WAKE_ALARM:
                (void) text_format(buffer, size, "set the clock to wake the machine in %u seconds", step->value);
                break;
        case STEP_REMOVE_RESCAN:
                (void) text_format(buffer, size, "remove %s and all beside it, and read their bus again", address);
                break;
        case STEP_GUARD_SET:
                (void) text_format(buffer, size, "let gpuswitch-guard keep bus resets from %s", address);
                break;
        case STEP_GUARD_CLEAR:
                (void) text_format(buffer, size, "let gpuswitch-guard allow bus resets of %s again", address);
                break;
        case _STEP_KIND_MAX:
        case _STEP_KIND_INVALID:
                assert(!"no such step");
        }
        return buffer;
}
