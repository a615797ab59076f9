/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Time that hardware asks for. */

#include "helper/helper.h"

/** delay() - for at least @usec, whatever interrupts it. Return: 0, or negative errno with reply->message set. */
int delay(usec_t usec, HelperReply *reply);
