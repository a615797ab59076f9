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

int operation_nodes_free(Helper *helper, const HelperRequest *request, HelperReply *reply) {
        Holder holders[HOLDERS_MAX];
        char one[256];
        int n = nodes_holders(helper->root, request->address, holders);

        if (n == 0)
                return 0;
        if (n < 0)
                return reply_fail(reply, n, "cannot find out who uses %s: %s", ADDRESS_TEXT(request->address),
                                  strerror(-n));
        for (int i = 0; i < n; i++)
                (void) text_append(reply->message, sizeof(reply->message), "%s%s", i > 0 ? "; " : "",
                                   holder_describe(&holders[i], one, sizeof(one)));
        return -EBUSY;
}
