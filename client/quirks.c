/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* quirks WORD: what is known of hardware, and what this machine can add to it. */

#include "client/quirks.h"

#include <stdio.h>

#include "base/text.h"

ExitStatus verb_quirks(const Options *options, char **arguments) {
        if (streq(arguments[0], "report"))
                return quirks_report(options);
        fprintf(stderr, "gpuswitchctl: quirks knows 'report', and no '%s'\nSee gpuswitchctl --help.\n", arguments[0]);
        return EXIT_USAGE;
}
