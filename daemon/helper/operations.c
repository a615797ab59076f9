/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One table from verb to function: what is not in it cannot be asked for. */

#include "helper/operations.h"

#include "base/macros.h"
#include "helper/protocol.h"
#include "helper/rules.h"

static const Operation operations[] = {
        [HELPER_SURVEY] = operation_survey,
        [HELPER_NODES_FREE] = operation_nodes_free,
        [HELPER_GROUP_FREE] = operation_group_free,
        [HELPER_ALIVE] = operation_alive,
        [HELPER_WRITE_ATTRIBUTE] = operation_write_attribute,
        [HELPER_UNBIND] = operation_unbind,
        [HELPER_BIND] = operation_bind,
        [HELPER_PROBE] = operation_probe,
        [HELPER_SAVE_CONFIG] = operation_save_config,
        [HELPER_WRITE_CONFIG] = operation_write_config,
        [HELPER_DELAY] = operation_delay,
        [HELPER_RESTORE_CONFIG] = operation_restore_config,
        [HELPER_VERIFY_CONFIG] = operation_verify_config,
};

void operation_run(Helper *helper, const HelperRequest *request, HelperReply *ret_reply) {
        *ret_reply = (HelperReply){ .magic = HELPER_PROTOCOL_MAGIC, .version = HELPER_PROTOCOL_VERSION };

        int r = request_check(helper, request, ret_reply);
        if (r == 0 && (request->verb >= ELEMENTSOF(operations) || !operations[request->verb]))
                r = refuse(ret_reply, RULE_VERB, "there is no operation with number %u", request->verb);
        if (r == 0)
                r = operations[request->verb](helper, request, ret_reply);
        ret_reply->status = r;
}
