/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is said of an argument that cannot be taken. */

#include "api/bus-internal.h"

#include <string.h>

#include "base/text.h"
#include "gpuswitch/names.h"

#define SHOWN_SIZE 64U

int bus_check_size(sd_bus_error *ret_error, const char *text, size_t size, const char *what) {
        size_t n = strlen(text);

        return n < size ? 0
                        : sd_bus_error_setf(ret_error, GPUSWITCH_ERROR_BAD_ARGUMENT,
                                            "%s has %zu bytes, more than %zu", what, n, size - 1);
}

int bus_bad_argument(sd_bus_error *ret_error, const char *value, const char *what) {
        char shown[SHOWN_SIZE];

        /* Cut in the middle of a character it would be no UTF-8, and an error that is none costs us the connection. */
        (void) text_format(shown, sizeof(shown), "%s", value);
        return sd_bus_error_setf(ret_error, GPUSWITCH_ERROR_BAD_ARGUMENT, "'%s' is no %s", text_make_utf8(shown), what);
}
