/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the hook decides by itself, from /sys alone, when it cannot ask the daemon. */

#include "domain/domain-xml.h"

typedef enum HookVerdict {
        HOOK_PASS,
        HOOK_REFUSE,
} HookVerdict;

/**
 * hook_without_daemon() - may this VM start while nobody can prepare its card?
 * @sys_root: what stands before "/sys"; "" outside tests
 * @why: why there is no daemon, one line
 * @reterr: reason in the first line, ways out below; set for HOOK_REFUSE
 *
 * Refuses a VM with a display device. Devices that are not there are left to libvirt.
 */
HookVerdict hook_without_daemon(const DomainDescription *domain, const char *sys_root, const char *why,
                                char *reterr, size_t size);

/**
 * hook_unprivileged() - may this VM of a session start?
 *
 * Refuses a VM with a display device that is not on vfio-pci yet. Otherwise as hook_without_daemon().
 */
HookVerdict hook_unprivileged(const DomainDescription *domain, const char *sys_root, char *reterr,
                              size_t size);
