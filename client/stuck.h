/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A stuck card in words, the same in status and explain. */

#include "client/gpu.h"

/** stuck_put() - what hangs, since when and where; nothing for a card that is not stuck. */
void stuck_put(const Gpu *gpu, bool colour_on);

/** stuck_put_help() - what is known to help. */
void stuck_put_help(const Gpu *gpu, bool colour_on);
