/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One line for each guarded slot. Any function of the slot stands for it: function 0 may have left the bus. What cannot be read or
 * understood guards nothing: a guard that is there and not seen costs a refusal, the other way round it costs the card.
 */

#include "machine/guard.h"

#include <fcntl.h>
#include <limits.h>

#include "base/address.h"
#include "base/text.h"
#include "gpuswitch/names.h"
#include "machine/attribute.h"

bool guard_names_slot(const char *root, PciAddress address) {
        char path[PATH_MAX], list[4096 + 1]; /* an attribute is a page at most */
        char *rest = NULL;

        if (text_format(path, sizeof(path), "%s" GUARD_MODULE_FOLDER "/guarded", root) < 0 ||
            attribute_read(AT_FDCWD, path, list, sizeof(list)) < 0)
                return false;
        for (const char *line = strtok_r(list, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
                PciAddress guarded;
                if (address_parse(line, &guarded) >= 0 && address_same_slot(guarded, address))
                        return true;
        }
        return false;
}
