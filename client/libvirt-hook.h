/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* gpuswitchctl libvirt-hook NAME OP SUBOP EXTRA: called by libvirt, with the domain's XML on stdin. */

#include <stdbool.h>

#include "client/client.h"

typedef enum HookAction {
        HOOK_IGNORE,  /* exit 0 at once */
        HOOK_PREPARE, /* get the cards ready, or refuse */
        HOOK_RELEASE, /* the VM is over */
        HOOK_MISUSED, /* not what libvirt calls */
} HookAction;

typedef struct HookCall {
        HookAction action;
        const char *vm;     /* borrowed; as libvirt names it */
        const char *reason; /* borrowed; of a release */
} HookCall;

/** hook_call_parse() - @arguments: NULL-terminated, without the verb. `reconnect` is ignored in any form. */
HookCall hook_call_parse(char **arguments);

/**
 * hook_run() - everything but what belongs to the process
 * @fd: where the XML comes from
 * @sys_root: what stands before "/sys"; "" outside tests
 */
ExitStatus hook_run(const HookCall *call, int fd, const char *sys_root, bool privileged);

/** verb_libvirt_hook() - the verb: no stdout, no SIGPIPE, then hook_run(). */
ExitStatus verb_libvirt_hook(char **arguments);
