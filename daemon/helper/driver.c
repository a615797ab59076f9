/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Binding and unbinding. The kernel calls the driver's probe() or remove() inside our write(), for as long as
 * that takes. What the write returned is not the whole truth (drivers_probe succeeds without a driver, an
 * unbind may be overtaken by somebody else's bind), so the `driver` link has the last word.
 */

#include "helper/driver.h"

#include <string.h>

#include "base/address.h"
#include "base/text.h"
#include "helper/capabilities.h"
#include "helper/config.h"
#include "helper/files.h"
#include "helper/group.h"
#include "helper/operations.h"
#include "helper/protocol.h"
#include "helper/rules.h"

bool driver_name_is_valid(const char *name) {
        static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
        size_t n = strlen(name);

        return n > 0 && n < DRIVER_NAME_SIZE && strspn(name, allowed) == n;
}

static int driver_path(const Helper *helper, const char *driver, const char *file,
                       char ret_path[static PATH_TEXT_SIZE], HelperReply *reply) {
        char path[PATH_TEXT_SIZE];
        int r = text_format(path, sizeof(path), "/sys/bus/pci/drivers/%s%s", driver, file);

        if (r < 0 || root_path(helper, path, ret_path) < 0)
                return reply_fail(reply, -ENAMETOOLONG, "the path of driver %s is too long", driver);
        return 0;
}

int operation_unbind(Helper *helper, const HelperRequest *request, HelperReply *reply) {
        char path[PATH_TEXT_SIZE], bound[DRIVER_NAME_SIZE];
        const char *address = ADDRESS_TEXT(request->address);

        if (!driver_name_is_valid(request->text))
                return refuse(reply, RULE_DRIVER_NAME, "'%s' is no driver's name", request->text);
        int r = bound_driver(helper, request->address, bound, reply);
        if (r < 0 || isempty(bound))
                return r;
        if (!streq(bound, request->text))
                return reply_fail(reply, -EBUSY, "%s is bound to %s, not to %s", address, bound,
                                  request->text);
        /* vfio's remove() would ask the VM for the device and wait for it without end. */
        if (driver_is_guest(bound) && request->iommu_group >= 0)
                r = group_check_free(helper, request->address, request->iommu_group, reply);
        if (r < 0)
                return r;

        r = driver_path(helper, request->text, "/unbind", path, reply);
        if (r < 0)
                return r;
        r = capabilities_use(0); /* what follows is the driver's */
        if (r < 0)
                return reply_fail(reply, r, "cannot give capabilities up: %s", strerror(-r));
        int written = file_write(path, address, reply);
        if (written < 0 && written != -ENODEV)
                return written;
        /* -ENODEV: somebody else was quicker. Then, too, it counts where the function is now. */
        r = bound_driver(helper, request->address, bound, reply);
        if (r < 0)
                return r;
        if (isempty(bound)) {
                reply->message[0] = '\0';
                return 0;
        }
        return reply_fail(reply, -EIO, "the unbind of %s from %s succeeded, and yet %s has it", address,
                          request->text, bound);
}

int operation_bind(Helper *helper, const HelperRequest *request, HelperReply *reply) {
        char path[PATH_TEXT_SIZE], bound[DRIVER_NAME_SIZE];
        const char *address = ADDRESS_TEXT(request->address);

        if (!driver_name_is_valid(request->text))
                return refuse(reply, RULE_DRIVER_NAME, "'%s' is no driver's name", request->text);
        int r = bound_driver(helper, request->address, bound, reply);
        if (r < 0 || streq(bound, request->text))
                return r;
        if (!isempty(bound))
                return reply_fail(reply, -EBUSY, "%s is bound to %s", address, bound);

        r = driver_path(helper, request->text, "", path, reply);
        if (r < 0)
                return r;
        if (access(path, F_OK) < 0)
                return reply_fail(reply, -ENOENT, "there is no %s: load the kernel module %s first", path,
                                  request->text);
        r = config_check_alive(helper, request->address, reply);
        if (r < 0)
                return r;

        r = driver_path(helper, request->text, "/bind", path, reply);
        if (r < 0)
                return r;
        r = file_write(path, address, reply);
        if (r < 0)
                return r;
        r = bound_driver(helper, request->address, bound, reply);
        if (r < 0 || streq(bound, request->text))
                return r;
        return reply_fail(reply, -EIO, "the bind of %s to %s succeeded, and yet %s has it", address,
                          request->text, isempty(bound) ? "no driver" : bound);
}

int operation_probe(Helper *helper, const HelperRequest *request, HelperReply *reply) {
        char path[PATH_TEXT_SIZE], bound[DRIVER_NAME_SIZE];
        int r = bound_driver(helper, request->address, bound, reply);

        if (r < 0 || !isempty(bound))
                return r;
        r = config_check_alive(helper, request->address, reply);
        if (r < 0)
                return r;
        if (root_path(helper, "/sys/bus/pci/drivers_probe", path) < 0)
                return reply_fail(reply, -ENAMETOOLONG, "the path of drivers_probe is too long");
        return file_write(path, ADDRESS_TEXT(request->address), reply);
}
