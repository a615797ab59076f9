/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a helper's survey says about one function. Pure. */

#include "core/facts.h"
#include "gpuswitch/helper-protocol.h"

/** survey_from_reply() - Return: 0; -EBADMSG when the reply cannot be right (@ret_survey is untouched then).
 */
int survey_from_reply(const HelperReply *reply, FunctionSurvey *ret_survey);
