/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One table from verb to function, and to the capabilities that are in force meanwhile: what is not in it cannot be
 * asked for. Files of /sys are root's, as we are: writing them needs none. A driver's probe() and remove() run in
 * our name, and get nothing of ours either.
 */

#include "helper/operations.h"

#include <string.h>

#include "base/macros.h"
#include "helper/capabilities.h"
#include "helper/protocol.h"
#include "helper/rules.h"

/* What idle_check() looks at: configuration space and the group. */
#define CAPABILITIES_IDLE (CAPABILITIES_CONFIG | CAPABILITIES_GROUP)

static const struct {
        Operation run;
        uint64_t capabilities;
} operations[] = {
        [HELPER_SURVEY] = { operation_survey, CAPABILITIES_CONFIG },
        [HELPER_NODES_FREE] = { operation_nodes_free, CAPABILITIES_PROCESSES },
        [HELPER_GROUP_FREE] = { operation_group_free, CAPABILITIES_GROUP },
        [HELPER_ALIVE] = { operation_alive, 0 },
        [HELPER_WRITE_ATTRIBUTE] = { operation_write_attribute, 0 },
        /* For its look at the group; it lets go of them before it writes. */
        [HELPER_UNBIND] = { operation_unbind, CAPABILITIES_GROUP },
        [HELPER_BIND] = { operation_bind, 0 },
        [HELPER_PROBE] = { operation_probe, 0 },
        [HELPER_SAVE_CONFIG] = { operation_save_config, CAPABILITIES_CONFIG },
        [HELPER_WRITE_CONFIG] = { operation_write_config, CAPABILITIES_IDLE },
        /* For their look at MSI-X and at who has the group; they let go of them before they touch the card. */
        [HELPER_CHECK_REGISTER] = { operation_check_register, CAPABILITIES_IDLE },
        [HELPER_POLL_REGISTER] = { operation_poll_register, CAPABILITIES_IDLE },
        [HELPER_WRITE_REGISTER] = { operation_write_register, CAPABILITIES_IDLE },
        [HELPER_DIFFER_REGISTER] = { operation_differ_register, CAPABILITIES_IDLE },
        [HELPER_FUNCTION_RESET] = { operation_function_reset, CAPABILITIES_IDLE },
        [HELPER_VENDOR_RESET] = { operation_vendor_reset, CAPABILITIES_IDLE },
        [HELPER_D3HOT] = { operation_d3hot, CAPABILITIES_IDLE },
        [HELPER_DELAY] = { operation_delay, 0 },
        [HELPER_RESTORE_CONFIG] = { operation_restore_config, CAPABILITIES_CONFIG },
        [HELPER_VERIFY_CONFIG] = { operation_verify_config, CAPABILITIES_CONFIG },
        [HELPER_GUARD_SET] = { operation_guard_set, 0 },
        [HELPER_GUARD_CLEAR] = { operation_guard_clear, CAPABILITIES_GROUP },
        [HELPER_READ_PORT] = { operation_read_port, CAPABILITIES_CONFIG },
        [HELPER_READ_GROUP] = { operation_read_group, 0 },
        [HELPER_WAKE_ALARM] = { operation_wake_alarm, 0 },
        [HELPER_REMOVE_RESCAN] = { operation_remove_rescan, CAPABILITIES_GROUP },
};

uint64_t operations_capabilities(void) {
        uint64_t all = 0;

        for (size_t i = 0; i < ELEMENTSOF(operations); i++)
                all |= operations[i].capabilities;
        return all;
}

static int run(Helper *helper, const HelperRequest *request, HelperReply *reply) {
        int r = request_check(helper, request, reply);

        if (r < 0)
                return r;
        if (request->verb >= ELEMENTSOF(operations) || !operations[request->verb].run)
                return refuse(reply, RULE_VERB, "there is no operation with number %u", request->verb);
        r = capabilities_use(operations[request->verb].capabilities);
        if (r < 0)
                return reply_fail(reply, r, "cannot change capabilities: %s", strerror(-r));
        r = operations[request->verb].run(helper, request, reply);
        /* Until the next request there is no use for any; lowering what is ours does not fail. */
        (void) capabilities_use(0);
        return r;
}

void operation_run(Helper *helper, const HelperRequest *request, HelperReply *ret_reply) {
        *ret_reply = (HelperReply){ .magic = HELPER_PROTOCOL_MAGIC, .version = HELPER_PROTOCOL_VERSION };
        ret_reply->status = run(helper, request, ret_reply);
}
