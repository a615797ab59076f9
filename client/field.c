/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "client/field.h"

#include "base/text.h"

void field_heading(const Gpu *gpu, bool colour_on) {
        colour_put(stdout, colour_on, COLOUR_STRONG, gpu->address);
        fputs("  ", stdout);
        colour_put(stdout, colour_on, COLOUR_STRONG, gpu->name);
        putchar('\n');
}

void field_label(const char *label) {
        printf("  %12s%s ", label, label[0] ? ":" : " ");
}

void field_line(bool colour_on, const char *label, Colour colour, const char *text) {
        if (isempty(text))
                return;
        field_label(label);
        colour_put(stdout, colour_on, colour, text);
        putchar('\n');
}
