/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Back from the middle of a plan, last step first. Each undo step is safe to run when its step did not happen:
 * the helper takes "already so" for success. Registers that a reset has wiped are put back before
 * any driver may see the card.
 */

#include "base/address.h"
#include "core/plan-builder.h"

#include <string.h>

/* May what was saved be different now? A reset by vendor-reset or a method of the kernel puts it back by itself, if it
 * gets that far. */
static bool wipes_config(const Step *step) {
        return step->kind == STEP_WRITE_CONFIG || step->kind == STEP_FUNCTION_RESET ||
               step->kind == STEP_VENDOR_RESET || step->kind == STEP_D3HOT;
}

static bool wiped_config(const Plan *plan, size_t n_done) {
        for (size_t i = 0; i < n_done; i++)
                if (wipes_config(&plan->steps[i]))
                        return true;
        return false;
}

static bool changes_power(const Step *step) {
        return step->kind == STEP_UNBIND || step->kind == STEP_BIND || step->kind == STEP_SET_POWER;
}

static void undo_step(PlanBuilder *builder, const Step *step) {
        switch (step->kind) {
        case STEP_SET_OVERRIDE:
                plan_add_text(builder, STEP_SET_OVERRIDE, step->address, step->before, step->text);
                break;
        case STEP_SET_D3COLD:
        case STEP_SET_METHOD:
                if (step->before[0] != '\0')
                        plan_add_text(builder, step->kind, step->address, step->before, step->text);
                break;
        case STEP_UNBIND:
                /* The override of the other owner is still set: aim it first. */
                plan_add_text(builder, STEP_SET_OVERRIDE, step->address, step->text, "");
                plan_add_text(builder, STEP_BIND, step->address, step->text, "")->iommu_group = step->iommu_group;
                break;
        case STEP_BIND:
                /* Taking vfio-pci away under a running VM would block in the kernel: wait for the group first. */
                if (step->iommu_group >= 0)
                        plan_add(builder, STEP_GROUP_FREE, step->address)->iommu_group = step->iommu_group;
                plan_add_text(builder, STEP_UNBIND, step->address, step->text, "")->iommu_group = step->iommu_group;
                break;
        case STEP_GUARD_SET:
        case STEP_GUARD_CLEAR: {
                StepKind other = step->kind == STEP_GUARD_SET ? STEP_GUARD_CLEAR : STEP_GUARD_SET;
                plan_add(builder, other, step->address)->iommu_group = step->iommu_group;
                break;
        }
        case STEP_SET_POWER: /* restore_power() */
        case STEP_PROBE: /* which driver came is not in the plan; the bind before it is undone by its own step */
        case STEP_NODES_FREE:
        case STEP_GROUP_FREE:
        case STEP_ALIVE:
        case STEP_SAVE_CONFIG:
        case STEP_WRITE_CONFIG:
        case STEP_CHECK_REGISTER:
        case STEP_POLL_REGISTER:
        case STEP_WRITE_REGISTER:
        case STEP_DIFFER_REGISTER:
        case STEP_FUNCTION_RESET:
        case STEP_VENDOR_RESET:
        case STEP_D3HOT:
        case STEP_DELAY:
        case STEP_RESTORE_CONFIG:
        case STEP_VERIFY_CONFIG:
        case STEP_WAKE_ALARM:
        case STEP_REMOVE_RESCAN:
        case _STEP_KIND_MAX:
        case _STEP_KIND_INVALID:
                break;
        }
}

/*
 * Drivers allow and forbid runtime PM as they come and go (vfio-pci: allowed while bound, forbidden after), so
 * power/control is put back when every function is in its place, also where no step of ours has written it.
 */
static void restore_power(PlanBuilder *builder, const Plan *plan, size_t n_done) {
        for (size_t i = 0; i < n_done; i++) {
                const Step *step = &plan->steps[i];
                bool seen = false;

                if (!changes_power(step) || step->before[0] == '\0')
                        continue;
                for (size_t j = 0; j < i; j++)
                        seen |= changes_power(&plan->steps[j]) &&
                                address_equal(plan->steps[j].address, step->address);
                if (!seen)
                        plan_add_text(builder, STEP_SET_POWER, step->address, step->before, "");
        }
}

int plan_undo(const Plan *plan, size_t n_done, Plan *ret_undo, Refusal *reterr_refusal) {
        PlanBuilder builder = { .plan = ret_undo };
        bool restore = wiped_config(plan, n_done);

        *ret_undo = (Plan){
                .direction = plan->direction == DIRECTION_GUEST ? DIRECTION_HOST : DIRECTION_GUEST,
                .guard = GUARD_NONE,
                .n_fellows = plan->n_fellows,
        };
        memcpy(ret_undo->fellows, plan->fellows, sizeof(ret_undo->fellows));
        for (size_t i = n_done; i-- > 0;) {
                const Step *step = &plan->steps[i];
                if (restore && wipes_config(step)) {
                        for (size_t j = 0; j < n_done; j++) {
                                const Step *saved = &plan->steps[j];
                                if (saved->kind != STEP_SAVE_CONFIG)
                                        continue;
                                Step *back = plan_add(&builder, STEP_RESTORE_CONFIG, saved->address);
                                back->n_registers = saved->n_registers;
                                memcpy(back->registers, saved->registers, sizeof(back->registers));
                        }
                        restore = false;
                        continue;
                }
                undo_step(&builder, step);
        }
        restore_power(&builder, plan, n_done);
        return plan_finish(&builder, plan->n_steps > 0 ? plan->steps[0].address : (PciAddress){ 0 },
                           reterr_refusal);
}

bool plan_before_host_bind(const Plan *plan, size_t n_done) {
        for (size_t i = 0; i < n_done; i++) {
                const Step *step = &plan->steps[i];
                if (step->kind == STEP_PROBE || (step->kind == STEP_BIND && driver_is_host(step->text)))
                        return false;
        }
        return true;
}
