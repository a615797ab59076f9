/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "helper/idle.h"

#include <string.h>

#include "base/address.h"
#include "base/text.h"
#include "core/config-space.h"
#include "gpuswitch/types.h"
#include "helper/capabilities.h"
#include "helper/config.h"
#include "helper/files.h"
#include "helper/group.h"
#include "helper/protocol.h"
#include "helper/rules.h"

#define CLASS_OFFSET 0x0bU /* its highest byte, the base class */

static int fail_bound(PciAddress address, const char *driver, HelperReply *reply) {
        return reply_fail(reply, -EBUSY, "%s is bound to %s: its registers are not ours to write",
                          ADDRESS_TEXT(address), driver);
}

/* Whoever has the group of a function beside it open may give the card a bus reset, or map its interrupts, at any moment. */
static int check_beside(const Helper *helper, PciAddress function, const char *bound, HelperReply *reply) {
        if (driver_is_host(bound))
                return fail_bound(function, bound, reply);
        return driver_is_guest(bound) ? group_check_own_free(helper, function, reply) : 0;
}

/* No driver on the function itself; on those beside it no host driver, and no vfio driver that somebody uses. */
static int check_drivers(const Helper *helper, PciAddress address, HelperReply *reply) {
        char bound[DRIVER_NAME_SIZE] = "";

        for (uint8_t i = 0; i < FUNCTIONS_MAX; i++) {
                PciAddress function = address;
                function.function = i;
                int r = bound_driver(helper, function, bound, reply);
                if (r == -ENODEV && i != address.function)
                        continue;
                if (r < 0)
                        return r;
                if (i != address.function)
                        r = check_beside(helper, function, bound, reply);
                else if (!isempty(bound))
                        r = fail_bound(function, bound, reply);
                if (r < 0)
                        return r;
        }
        reply->message[0] = '\0'; /* of the functions that are not there */
        return 0;
}

int idle_check_host(const Helper *helper, PciAddress address, HelperReply *reply) {
        char bound[DRIVER_NAME_SIZE] = "";
        int r = bound_driver(helper, address, bound, reply);

        if (r < 0 || !driver_is_host(bound))
                return r;
        return fail_bound(address, bound, reply);
}

int idle_check_msix(const uint8_t *bytes, size_t size, PciAddress address, HelperReply *reply) {
        if (!config_msix_enabled(bytes, size))
                return 0;
        return reply_fail(reply, -EBUSY, "MSI-X of %s is enabled: a reset would wipe its vectors",
                          ADDRESS_TEXT(address));
}

int idle_check(const Helper *helper, PciAddress address, uint8_t ret_bytes[static CONFIG_SPACE_SIZE], size_t *ret_size,
               HelperReply *reply) {
        int use = capabilities_use(CAPABILITIES_GROUP), r = check_drivers(helper, address, reply);

        if (r == 0 && use == 0)
                use = capabilities_use(CAPABILITIES_CONFIG);
        if (r == 0 && use < 0)
                r = reply_fail(reply, use, "cannot change capabilities: %s", strerror(-use));
        if (r < 0)
                return r;
        r = config_read_whole(helper, address, ret_bytes, ret_size, reply);
        if (r < 0)
                return r;
        if (ret_bytes[CLASS_OFFSET] != PCI_BASE_CLASS_DISPLAY)
                return refuse(reply, RULE_WRITE_FUNCTION, "%s is no display function", ADDRESS_TEXT(address));
        return idle_check_msix(ret_bytes, *ret_size, address, reply);
}
