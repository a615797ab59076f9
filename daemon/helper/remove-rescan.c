/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A card is taken off its bus and the bus is read again. It resets nothing; what it mends is the kernel's picture of a card
 * that has lost its BARs or its bus number, or that a suspend has brought back behind the kernel's back.
 *
 * Companions first: a display function without the ones beside it is given a bus reset of its own by the kernel
 * (pci_parent_bus_reset() asks only whether it is alone). So whatever goes wrong, the bus is read again at the end, which
 * brings back whoever has gone.
 */

#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/text.h"
#include "gpuswitch/types.h"
#include "helper/capabilities.h"
#include "helper/config.h"
#include "helper/files.h"
#include "helper/group.h"
#include "helper/operations.h"
#include "helper/protocol.h"
#include "helper/rules.h"

static PciAddress function_of(PciAddress card, unsigned number) {
        card.function = (uint8_t) number;
        return card;
}

/*
 * The file that has the bus of the card read again: of the bridge above it, and of a root bus its own.
 *
 * The folder of a function is below its bridge's, /sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0. Return: 0; negative errno.
 */
static int find_rescan(const Helper *helper, PciAddress display, char ret_path[static PATH_TEXT_SIZE], HelperReply *reply) {
        char link[PATH_TEXT_SIZE], path[64];
        PciAddress bridge;

        if (device_path(helper, display, "", link) < 0)
                return reply_fail(reply, -ENAMETOOLONG, "the path of %s is too long", ADDRESS_TEXT(display));
        _cleanup_free_ char *folder = realpath(link, NULL);
        if (!folder) {
                int r = -errno;
                return reply_fail(reply, r == -ENOENT ? -ENODEV : r, "cannot find %s: %s", link, strerror(-r));
        }
        char *slash = strrchr(folder, '/');
        *slash = '\0';
        slash = strrchr(folder, '/');
        if (slash && address_parse(slash + 1, &bridge) == 0)
                return device_path(helper, bridge, "rescan", ret_path);
        (void) text_format(path, sizeof(path), "/sys/class/pci_bus/%04x:%02x/rescan", display.domain, display.bus);
        return root_path(helper, path, ret_path);
}

/* Nobody may have anything of the card. Return: which functions there are, a bit for each; negative errno. */
static int find_idle(const Helper *helper, PciAddress card, HelperReply *reply) {
        char bound[DRIVER_NAME_SIZE];
        int there = 0;

        for (unsigned i = 0; i < FUNCTIONS_MAX; i++) {
                PciAddress function = function_of(card, i);
                int r = bound_driver(helper, function, bound, reply);
                if (r == -ENODEV && i > 0)
                        continue;
                if (r == 0 && driver_is_host(bound))
                        r = reply_fail(reply, -EBUSY, "%s is bound to %s: it is not taken off the bus under a driver",
                                       ADDRESS_TEXT(function), bound);
                else if (r == 0 && driver_is_guest(bound))
                        r = group_check_own_free(helper, function, reply);
                if (r < 0)
                        return r;
                there |= 1 << i;
        }
        reply->message[0] = '\0'; /* of the functions that are not there */
        return there;
}

static int remove_all(const Helper *helper, PciAddress card, int there, HelperReply *reply) {
        char path[PATH_TEXT_SIZE];

        for (unsigned i = FUNCTIONS_MAX; i-- > 0;) {
                if (!(there & 1 << i))
                        continue;
                if (device_path(helper, function_of(card, i), "remove", path) < 0)
                        return reply_fail(reply, -ENAMETOOLONG, "the path of `remove` is too long");
                int r = file_write(path, "1", reply);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Is everybody back who was there? */
static int check_back(const Helper *helper, PciAddress card, int there, HelperReply *reply) {
        char path[PATH_TEXT_SIZE];

        for (unsigned i = 0; i < FUNCTIONS_MAX; i++) {
                PciAddress function = function_of(card, i);
                if (!(there & 1 << i))
                        continue;
                if (device_path(helper, function, "", path) < 0)
                        return reply_fail(reply, -ENAMETOOLONG, "the path of %s is too long", ADDRESS_TEXT(function));
                if (access(path, F_OK) < 0)
                        return reply_fail(reply, -ENXIO, "%s was not found again on its bus: it does not answer",
                                          ADDRESS_TEXT(function));
        }
        return config_check_alive(helper, card, reply);
}

int operation_remove_rescan(Helper *helper, const HelperRequest *request, HelperReply *reply) {
        PciAddress card = request->address;
        char rescan[PATH_TEXT_SIZE];

        if (card.function != 0)
                return refuse(reply, RULE_WRITE_FUNCTION, "%s is not the card's display function", ADDRESS_TEXT(card));
        int there = find_idle(helper, card, reply);
        if (there < 0)
                return there;
        int r = find_rescan(helper, card, rescan, reply);
        if (r < 0)
                return r;
        r = capabilities_use(0); /* what follows is the kernel's, and the drivers' that it chooses */
        if (r < 0)
                return reply_fail(reply, r, "cannot give capabilities up: %s", strerror(-r));
        r = remove_all(helper, card, there, reply);
        HelperReply second = { 0 };
        int again = file_write(rescan, "1", r < 0 ? &second : reply);
        if (r < 0 || again < 0)
                return r < 0 ? r : again;
        return check_back(helper, card, there, reply);
}
