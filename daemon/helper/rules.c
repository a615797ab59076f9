/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The daemon is trusted, its bugs are not. What belongs to one operation alone is checked there; here are the words
 * for all refusals, and what needs a look at the machine.
 */

#include "helper/rules.h"

#include <assert.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/text.h"
#include "gpuswitch/types.h"
#include "helper/files.h"
#include "helper/protocol.h"

const char *rule_to_string(HelperRule rule) {
        static const char *const names[_RULE_MAX] = {
                [RULE_VERSION] = "version",
                [RULE_VERB] = "verb",
                [RULE_ADDRESS] = "address",
                [RULE_SLOT] = "slot",
                [RULE_DISPLAY] = "display",
                [RULE_TEXT] = "text",
                [RULE_REGISTERS] = "registers",
                [RULE_ATTRIBUTE] = "attribute",
                [RULE_VALUE] = "value",
                [RULE_DRIVER_NAME] = "driver-name",
                [RULE_GROUP] = "group",
                [RULE_WAIT] = "wait",
                [RULE_DELAY] = "delay",
                [RULE_WRITE_FUNCTION] = "write-function",
                [RULE_WRITE_REGISTER] = "write-register",
                [RULE_REGISTER] = "register",
                [RULE_REGISTER_BITS] = "register-bits",
                [RULE_TEST] = "test",
                [RULE_RESET_METHOD] = "reset-method",
                [RULE_SAVE] = "save",
                [RULE_RESTORE] = "restore",
                [RULE_RESTORE_VALUE] = "restore-value",
                [RULE_SAVED] = "saved",
                [RULE_GUARD] = "guard",
                [RULE_ALARM] = "alarm",
                [RULE_UPSTREAM] = "upstream",
                [RULE_FELLOW] = "fellow",
        };

        assert(rule >= 0 && rule < _RULE_MAX);
        return names[rule];
}

int refuse(HelperReply *reply, HelperRule rule, const char *format, ...) {
        char text[MESSAGE_TEXT_SIZE];
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        return reply_fail(reply, rule == RULE_VERSION ? -EPROTO : -EINVAL, "refused by the helper's rule '%s': %s",
                          rule_to_string(rule), text);
}

/* Return: 0, also where the device is not there: @ret_class is then as it was. */
static int read_class(const Helper *helper, PciAddress address, uint32_t *ret_class, HelperReply *reply) {
        char path[PATH_TEXT_SIZE], text[ATTRIBUTE_VALUE_SIZE];
        uint64_t class_code = 0;

        int r = device_path(helper, address, "class", path);
        if (r == 0)
                r = file_read(path, text, sizeof(text));
        if (r == -ENOENT)
                return 0;
        if (r == 0)
                r = text_to_uint64(text, 16, &class_code);
        if (r == 0 && class_code > UINT32_MAX)
                r = -ERANGE;
        if (r < 0)
                return reply_fail(reply, r, "cannot read %s: %s", path, strerror(-r));
        *ret_class = (uint32_t) class_code;
        return 0;
}

/*
 * A slot whose function 0 has left the bus is not judged by it: what is left of its card may still go home.
 */
int rules_check_display(const Helper *helper, HelperReply *reply) {
        uint32_t class_code = PCI_BASE_CLASS_DISPLAY << 16;
        PciAddress first = helper->card;

        first.function = 0;
        int r = read_class(helper, first, &class_code, reply);
        if (r < 0)
                return r;
        if (class_code >> 16 != PCI_BASE_CLASS_DISPLAY)
                return refuse(reply, RULE_DISPLAY, "%s is of class 0x%06x, no display device", ADDRESS_TEXT(first), class_code);
        return 0;
}

size_t helper_fellow(const Helper *helper, PciAddress address) {
        size_t i = 0;

        while (i < helper->n_fellows && !address_equal(helper->fellows[i], address))
                i++;
        return i < helper->n_fellows ? i : FELLOWS_MAX;
}

/* It changes owners and nothing else: no register of it is ours to touch, and no reset. */
int rules_check_fellow(const Helper *helper, PciAddress address, uint32_t verb, HelperReply *reply) {
        bool may = verb == HELPER_SURVEY || verb == HELPER_GROUP_FREE || verb == HELPER_WRITE_ATTRIBUTE ||
                   verb == HELPER_UNBIND || verb == HELPER_BIND || verb == HELPER_PROBE;
        uint32_t class_code = 0;

        if (!may)
                return refuse(reply, RULE_FELLOW, "%s goes along with the card at %s, and operation %u is for functions of the card",
                              ADDRESS_TEXT(address), ADDRESS_TEXT(helper->card), verb);
        int r = read_class(helper, address, &class_code, reply);
        if (r < 0)
                return r;
        if (class_code >> 16 == PCI_BASE_CLASS_DISPLAY || class_code >> 16 == PCI_BASE_CLASS_BRIDGE)
                return refuse(reply, RULE_FELLOW, "%s is of class 0x%06x: display devices and bridges go along with no card",
                              ADDRESS_TEXT(address), class_code);
        return 0;
}

int rules_check_upstream(const Helper *helper, PciAddress address, HelperReply *reply) {
        char link[PATH_TEXT_SIZE], path[PATH_MAX], part[ATTRIBUTE_VALUE_SIZE];

        if (device_path(helper, helper->card, "", link) < 0)
                return reply_fail(reply, -ENAMETOOLONG, "the path of %s is too long", ADDRESS_TEXT(helper->card));
        if (!realpath(link, path)) {
                int r = errno == ENOENT ? -ENODEV : -errno;
                return reply_fail(reply, r, "cannot follow %s: %s", link, strerror(-r));
        }
        (void) text_format(part, sizeof(part), "/%s/", ADDRESS_TEXT(address));
        if (!strstr(path, part))
                return refuse(reply, RULE_UPSTREAM, "%s is not on the way to the card at %s", ADDRESS_TEXT(address),
                              ADDRESS_TEXT(helper->card));
        return 0;
}

int rules_find_group(const Helper *helper, PciAddress address, int32_t *ret_group, HelperReply *reply) {
        char path[PATH_TEXT_SIZE], target[PATH_TEXT_SIZE];
        uint64_t own = 0;
        int r = device_path(helper, address, "iommu_group", path);

        if (r < 0)
                return reply_fail(reply, r, "the path of %s is too long", ADDRESS_TEXT(address));
        ssize_t n = readlink(path, target, sizeof(target) - 1);
        if (n < 0 && errno == ENOENT) {
                *ret_group = -1;
                return 0;
        }
        if (n < 0) {
                r = -errno;
                return reply_fail(reply, r, "cannot read the link %s: %s", path, strerror(-r));
        }
        target[n] = '\0';
        const char *slash = strrchr(target, '/');
        r = text_to_uint64(slash ? slash + 1 : target, 10, &own);
        if (r < 0 || own > INT32_MAX)
                return reply_fail(reply, r < 0 ? r : -ERANGE, "%s leads to %s, which is no IOMMU group", path, target);
        *ret_group = (int32_t) own;
        return 0;
}

int rules_check_group(const Helper *helper, PciAddress address, int32_t group, HelperReply *reply) {
        int32_t own = -1;
        int r = rules_find_group(helper, address, &own, reply);

        if (r < 0)
                return r;
        if (own < 0)
                return refuse(reply, RULE_GROUP, "%s has no IOMMU group, and %d is not its own", ADDRESS_TEXT(address),
                              group);
        if (own != group)
                return refuse(reply, RULE_GROUP, "%s is in IOMMU group %d, not in %d", ADDRESS_TEXT(address), own,
                              group);
        return 0;
}
