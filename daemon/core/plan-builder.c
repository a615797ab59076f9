/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "core/plan-builder.h"

#include "base/text.h"

static usec_t kind_timeout(StepKind kind) {
        switch (kind) {
        case STEP_UNBIND:
        case STEP_BIND:
        case STEP_PROBE:
                return BIND_TIMEOUT_USEC;
        case STEP_GROUP_FREE:
                return GROUP_FREE_TIMEOUT_USEC;
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
        case STEP_REMOVE_RESCAN: /* with the probe() of whichever driver the kernel chooses */
                return RESET_TIMEOUT_USEC;
        case STEP_NODES_FREE:
        case STEP_ALIVE:
        case STEP_SET_D3COLD:
        case STEP_SET_OVERRIDE:
        case STEP_SET_POWER:
        case STEP_SET_METHOD:
        case STEP_GUARD_SET:
        case STEP_GUARD_CLEAR:
        case STEP_WAKE_ALARM:
        case _STEP_KIND_MAX:
        case _STEP_KIND_INVALID:
                break;
        }
        return ATTRIBUTE_TIMEOUT_USEC;
}

Step *plan_add(PlanBuilder *builder, StepKind kind, PciAddress address) {
        Plan *plan = builder->plan;

        if (plan->n_steps == STEPS_MAX) {
                builder->overflow = true;
                plan->n_steps--; /* the plan is refused in plan_finish(); the caller needs a place to write */
        }
        Step *step = &plan->steps[plan->n_steps++];
        *step = (Step){ .kind = kind, .address = address, .iommu_group = -1, .timeout_usec = kind_timeout(kind) };
        return step;
}

Step *plan_add_text(PlanBuilder *builder, StepKind kind, PciAddress address, const char *text, const char *before) {
        Step *step = plan_add(builder, kind, address);

        (void) text_format(step->text, sizeof(step->text), "%s", text);
        (void) text_format(step->before, sizeof(step->before), "%s", before);
        return step;
}

void plan_add_driver(PlanBuilder *builder, StepKind kind, const FunctionFacts *function, const char *driver) {
        Step *step = plan_add_text(builder, kind, function->address, driver, function->survey.power_control);

        if (driver_is_guest(driver))
                step->iommu_group = function->iommu_group;
}

void plan_add_guard(PlanBuilder *builder, StepKind kind, const CardFacts *card) {
        const FunctionFacts *display = &card->functions[0];

        plan_add(builder, kind, display->address)->iommu_group = display->iommu_group;
}

void plan_add_group_free(PlanBuilder *builder, const CardFacts *card, size_t first, size_t end) {
        for (size_t i = first; i < end; i++) {
                const FunctionFacts *function = card_part_const(card, i);
                bool seen = false;

                if (!driver_is_guest(function->driver) || function->iommu_group < 0)
                        continue;
                for (size_t j = first; j < i; j++)
                        seen |= driver_is_guest(card_part_const(card, j)->driver) &&
                                card_part_const(card, j)->iommu_group == function->iommu_group;
                if (!seen)
                        plan_add(builder, STEP_GROUP_FREE, function->address)->iommu_group = function->iommu_group;
        }
}

void plan_add_fellows(PlanBuilder *builder, const CardFacts *card) {
        Plan *plan = builder->plan;

        for (plan->n_fellows = 0; plan->n_fellows < card->n_fellows; plan->n_fellows++)
                plan->fellows[plan->n_fellows] = card->fellows[plan->n_fellows].function.address;
}

int plan_finish(const PlanBuilder *builder, PciAddress card, Refusal *reterr_refusal) {
        if (!builder->overflow)
                return 0;
        return refusal_set(reterr_refusal, REFUSAL_PLAN_TOO_LONG, card, NULL, NULL);
}
