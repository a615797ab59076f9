/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Lines "label: text" below a card's heading, as status and explain show them. */

#include "client/gpu.h"
#include "client/table.h"

/** field_heading() - address and name. */
void field_heading(const Gpu *gpu, bool colour_on);

/** field_label() - the left part of a line; "" on lines that continue the one above. */
void field_label(const char *label);

/** field_line() - one line, left out when @text is empty. */
void field_line(bool colour_on, const char *label, Colour colour, const char *text);
