/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The only thing that virtwatch ever changes: a domain that runs stops at its next reboot. */

#include <stddef.h>

/**
 * reboot_stop() - from now on, and for as long as its QEMU runs
 * @uri:    of libvirt; a connection of its own is made, since that for events may only read
 * @reterr: why not, in libvirt's words
 *
 * Blocks for as long as libvirt likes. Done already is done.
 *
 * Return: 0; -ENOENT: the domain does not run (any more); -EOPNOTSUPP, -ENOTCONN with @reterr set.
 */
int reboot_stop(const char *uri, const char *uuid, char *reterr, size_t size);
