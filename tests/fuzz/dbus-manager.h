/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A manager for api/ that believes nothing of what it is given, and answers in the mood that it is put into. */

#include "api/bus.h"
#include "fuzz.h"

extern const ApiOperations manager_operations;

/** manager_reset() - two cards appear on @api. */
void manager_reset(ApiBus *api);

/** manager_choose_mood() - for the calls from now on. */
void manager_choose_mood(Choices *choices);

/** manager_answer_late() - answers that it has put off. */
void manager_answer_late(void);

/** manager_take() - what it was asked for, into the digest; forgotten then. */
void manager_take(FuzzVerdict *verdict);
