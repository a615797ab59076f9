/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A sound driver's remove() waits without end for its last user (snd_card_free()), so this is asked right
 * before the unbind, by the process that will do it.
 */

#include "machine/nodes.h"

#include <string.h>

#include "base/address.h"
#include "base/text.h"
#include "helper/operations.h"
#include "helper/protocol.h"

/* Whole entries only. Who is left out is at least hinted at: the scan ends at HOLDERS_MAX, the text at its buffer. */
static void name_holders(const Holder *holders, unsigned n, char *buffer, size_t size) {
        static const char more[] = "; and perhaps more";
        char one[256];
        size_t used = 0;
        bool all = n < HOLDERS_MAX;

        for (unsigned i = 0; i < n; i++) {
                int r = text_append(buffer, size - sizeof(more), "%s%s", i > 0 ? "; " : "",
                                    holder_describe(&holders[i], one, sizeof(one)));
                if (r < 0) {
                        buffer[used] = '\0';
                        all = false;
                        break;
                }
                used = strlen(buffer);
        }
        if (!all)
                (void) text_append(buffer, size, "%s", more);
}

int operation_nodes_free(Helper *helper, const HelperRequest *request, HelperReply *reply) {
        Holder holders[HOLDERS_MAX];
        int n = nodes_holders(helper->root, request->address, holders);

        if (n == 0)
                return 0;
        if (n < 0)
                return reply_fail(reply, n, "cannot find out who uses %s: %s", ADDRESS_TEXT(request->address),
                                  strerror(-n));
        name_holders(holders, (unsigned) n, reply->message, sizeof(reply->message));
        return -EBUSY;
}
