/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Adding steps to a plan; inside core only. Over STEPS_MAX the builder remembers, and the end is a refusal. */

#include "core/plan.h"

typedef struct PlanBuilder {
        Plan *plan;
        bool overflow;
} PlanBuilder;

/** plan_add() - a new step of that kind for that function, with the kind's deadline; never NULL. */
Step *plan_add(PlanBuilder *builder, StepKind kind, PciAddress address);
/** plan_add_text() - the same with `text` and, for SET_*, what was there `before`. */
Step *plan_add_text(PlanBuilder *builder, StepKind kind, PciAddress address, const char *text, const char *before);
/** plan_add_driver() - BIND or UNBIND, with the power/control that was there `before`, since drivers change it;
 * a guest driver's step also carries the group that must be free. */
void plan_add_driver(PlanBuilder *builder, StepKind kind, const FunctionFacts *function, const char *driver);
/** plan_add_guard() - GUARD_SET or GUARD_CLEAR, of the whole slot. */
void plan_add_guard(PlanBuilder *builder, StepKind kind, const CardFacts *card);
/** plan_add_group_free() - once per IOMMU group among the parts from @first up to @end that are on a vfio driver. */
void plan_add_group_free(PlanBuilder *builder, const CardFacts *card, size_t first, size_t end);
/** plan_add_fellows() - its steps may name what goes along with the card. */
void plan_add_fellows(PlanBuilder *builder, const CardFacts *card);
/** plan_finish() - 0, or the refusal for a plan that is too long. */
int plan_finish(const PlanBuilder *builder, PciAddress card, Refusal *reterr_refusal);
