/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a step is called in the language of the helper. Pure. */

#include "core/plan.h"
#include "gpuswitch/helper-protocol.h"

/** request_from_step() - Return: 0; -EINVAL for a step that no helper can do (no deadline, too many
 * registers). */
int request_from_step(const Step *step, HelperRequest *ret_request);

/** request_survey() - ask for everything about one function. */
void request_survey(PciAddress address, HelperRequest *ret_request);

/** request_port() - ask for the configuration space of a port on the way to the card. */
void request_port(PciAddress address, HelperRequest *ret_request);
/** request_group() - ask for what the kernel says of the IOMMU group of a function of the card. */
void request_group(PciAddress address, int32_t group, HelperRequest *ret_request);

/** step_deadline_usec() - how long after sending it a step counts as stuck. */
usec_t step_deadline_usec(const Step *step);
