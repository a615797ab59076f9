/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Telling the kernel module gpuswitch-guard which slot is to be spared bus resets. Its own list has the last word. Where the module is not
 * loaded nothing is guarded, so there is nothing to take back.
 */

#include <string.h>
#include <unistd.h>

#include "base/address.h"
#include "base/text.h"
#include "core/facts.h"
#include "gpuswitch/names.h"
#include "helper/files.h"
#include "helper/group.h"
#include "helper/operations.h"
#include "helper/protocol.h"
#include "helper/rules.h"
#include "machine/guard.h"

static int check_function(const HelperRequest *request, HelperReply *reply) {
        if (request->address.function == 0)
                return 0;
        return refuse(reply, RULE_GUARD, "%s is no display function, and a card is guarded by its display function",
                      ADDRESS_TEXT(request->address));
}

/* Return: 1 and the path of the module's file @name; 0 when the module is not loaded; negative errno with message. */
static int module_file(const Helper *helper, const char *name, char ret_path[static PATH_TEXT_SIZE], HelperReply *reply) {
        char path[PATH_TEXT_SIZE];

        if (text_format(path, sizeof(path), GUARD_MODULE_FOLDER "/%s", name) < 0 || root_path(helper, path, ret_path) < 0)
                return reply_fail(reply, -ENAMETOOLONG, "the path of %s is too long", name);
        if (access(ret_path, F_OK) >= 0)
                return 1;
        return errno == ENOENT ? 0 : reply_fail(reply, -errno, "cannot look at %s: %s", ret_path, strerror(errno));
}

int operation_guard_set(Helper *helper, const HelperRequest *request, HelperReply *reply) {
        char path[PATH_TEXT_SIZE];
        const char *address = ADDRESS_TEXT(request->address);

        int r = check_function(request, reply);
        if (r == 0)
                r = module_file(helper, "guard", path, reply);
        if (r < 0)
                return r;
        if (r == 0)
                return reply_fail(reply, -ENOENT, "there is no %s: the kernel module gpuswitch-guard is not loaded any more", path);
        r = file_write(path, address, reply);
        if (r < 0)
                return r;
        if (!guard_names_slot(helper->root, request->address))
                return reply_fail(reply, -EIO, "%s was written to %s, and yet the module does not list it", address, path);
        return 0;
}

/* A guest's card is not left to the next bus reset. */
static int check_no_guest(const Helper *helper, const HelperRequest *request, HelperReply *reply) {
        char bound[DRIVER_NAME_SIZE] = "";

        int r = bound_driver(helper, request->address, bound, reply);
        if (r == -ENODEV) /* off the bus: nobody has it */
                return 0;
        if (r < 0 || !driver_is_guest(bound) || request->iommu_group < 0)
                return r;
        return group_check_free(helper, request->address, request->iommu_group, reply);
}

int operation_guard_clear(Helper *helper, const HelperRequest *request, HelperReply *reply) {
        char path[PATH_TEXT_SIZE];
        const char *address = ADDRESS_TEXT(request->address);

        int r = check_function(request, reply);
        if (r == 0)
                r = module_file(helper, "release", path, reply);
        if (r <= 0 || !guard_names_slot(helper->root, request->address))
                return MIN_OF(r, 0);
        r = check_no_guest(helper, request, reply);
        if (r < 0)
                return r;
        reply->message[0] = '\0';
        r = file_write(path, address, reply);
        if (r < 0)
                return r;
        if (guard_names_slot(helper->root, request->address))
                return reply_fail(reply, -EIO, "%s was written to %s, and yet the module lists it", address, path);
        return 0;
}
