/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libvirt hands it on to QEMU with QMP's set-action (QEMU 6.0): QEMU then ends where it would have reset the machine.
 * The domain's configuration is left alone, so that the next start is as it was.
 *
 * The connection lasts as long as the call: what may write is not kept open.
 */

#include "virt/reboot-stop.h"

#include <errno.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "base/text.h"

static int failed(int error, char *reterr, size_t size) {
        (void) text_format(reterr, size, "%s", virGetLastErrorMessage());
        return error;
}

int reboot_stop(const char *uri, const char *uuid, char *reterr, size_t size) {
        int r = 0;

        virConnectPtr connect = virConnectOpen(uri);
        if (!connect)
                return failed(-ENOTCONN, reterr, size);
        virDomainPtr domain = virDomainLookupByUUIDString(connect, uuid);
        if (!domain)
                r = failed(virGetLastErrorCode() == VIR_ERR_NO_DOMAIN ? -ENOENT : -ENOTCONN, reterr, size);
        else if (virDomainIsActive(domain) == 0)
                r = failed(-ENOENT, reterr, size);
        else if (virDomainSetLifecycleAction(domain, VIR_DOMAIN_LIFECYCLE_REBOOT, VIR_DOMAIN_LIFECYCLE_ACTION_DESTROY,
                                             VIR_DOMAIN_AFFECT_LIVE) < 0)
                r = failed(-EOPNOTSUPP, reterr, size);
        if (domain)
                virDomainFree(domain);
        (void) virConnectClose(connect);
        return r;
}
