/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kernel module vendor-reset, asked through its device node. It looks into its table of ids before it does
 * anything, only tries the function's lock, and may say "done" of a card that is dead: what it has done is for
 * VERIFY_CONFIG to find out. Its interface is one request with the address, answered when the reset is over.
 */

#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/address.h"
#include "base/macros.h"
#include "clock/clock.h"
#include "helper/capabilities.h"
#include "helper/delay.h"
#include "helper/files.h"
#include "helper/idle.h"
#include "helper/operations.h"
#include "helper/protocol.h"

#define NODE "/dev/vendor_reset"
#define BUS_TYPE_PCI 1

typedef struct VendorResetRequest {
        int bus_type;
        int domain;
        int bus;
        int function; /* slot << 3 | function, as PCI numbers them */
} VendorResetRequest;

#define VENDOR_RESET_REQUEST _IOW('r', 1, VendorResetRequest)

/* Who holds the lock looks at the function or sets it up: both are over soon, or something is wrong. */
#define LOCK_WAIT_USEC (5 * USEC_PER_SEC)
#define RETRY_FIRST_USEC (10 * USEC_PER_MSEC)
#define RETRY_LAST_USEC (320 * USEC_PER_MSEC)

static int open_node(const Helper *helper, HelperReply *reply) {
        char path[PATH_TEXT_SIZE];

        if (root_path(helper, NODE, path) < 0)
                return reply_fail(reply, -ENAMETOOLONG, "the path of %s is too long", NODE);
        int fd = open(path, O_RDWR | O_CLOEXEC);
        int r = fd < 0 ? -errno : fd;
        if (r >= 0)
                return r;
        /* We are root: only the service's list of devices says -EPERM (DeviceAllow= in gpuswitchd.service). */
        return reply_fail(reply, r, "cannot open %s: %s%s", path, strerror(-r),
                          r == -EPERM ? " (vendor-reset was loaded after gpuswitchd: restart gpuswitchd.service)" : "");
}

/* Until the lock is ours or the wait for it is over. */
static int ask(const Helper *helper, int fd, const HelperRequest *request, HelperReply *reply) {
        usec_t begun = now_monotonic_usec(), pause = RETRY_FIRST_USEC,
               limit = MIN_OF(request->timeout_usec, LOCK_WAIT_USEC);
        VendorResetRequest wanted = {
                .bus_type = BUS_TYPE_PCI,
                .domain = request->address.domain,
                .bus = request->address.bus,
                .function = request->address.slot << 3 | request->address.function,
        };

        while (ioctl(fd, VENDOR_RESET_REQUEST, &wanted) < 0) {
                int r = -errno;
                usec_t waited = now_monotonic_usec() - begun;
                if (r == -EOPNOTSUPP)
                        return reply_fail(reply, HELPER_NOT_APPLICABLE, "the module vendor-reset does not know %s",
                                          ADDRESS_TEXT(request->address));
                if (r != -EAGAIN && r != -EINTR)
                        return reply_fail(reply, r, "the module vendor-reset did not reset %s: %s",
                                          ADDRESS_TEXT(request->address), strerror(-r));
                if (waited >= limit)
                        return reply_fail(reply, -EBUSY,
                                          "the module vendor-reset did not reset %s: somebody else holds its lock",
                                          ADDRESS_TEXT(request->address));
                if (peer_has_left(helper->socket))
                        return reply_fail(reply, -ECANCELED, "the wait for the lock of %s was given up",
                                          ADDRESS_TEXT(request->address));
                r = delay(MIN_OF(pause, limit - waited), reply);
                if (r < 0)
                        return r;
                pause = MIN_OF(pause * 2, RETRY_LAST_USEC);
        }
        return 0;
}

int operation_vendor_reset(Helper *helper, const HelperRequest *request, HelperReply *reply) {
        uint8_t config[CONFIG_SPACE_SIZE];
        size_t size = 0;

        int r = idle_check(helper, request->address, config, &size, reply);
        if (r < 0)
                return r;
        r = capabilities_use(0); /* what follows is the module's */
        if (r < 0)
                return reply_fail(reply, r, "cannot give capabilities up: %s", strerror(-r));
        _cleanup_close_ int fd = open_node(helper, reply);
        /* The module is not loaded, or was just unloaded. */
        if (fd == -ENOENT || fd == -ENXIO || fd == -ENODEV)
                return HELPER_NOT_APPLICABLE;
        return fd < 0 ? fd : ask(helper, fd, request, reply);
}
