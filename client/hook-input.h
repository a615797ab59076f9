/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What libvirt gives a hook on stdin. */

#include <stdbool.h>

#include "domain/domain-xml.h"

typedef struct HookInput {
        bool valid;
        DomainDescription domain;      /* if valid; else only its uuid may be set ("": none was found) */
        char fault[MESSAGE_TEXT_SIZE]; /* if not valid: one line */
} HookInput;

/** hook_input_read() - everything up to the end of @fd, within limits of size and time. */
void hook_input_read(int fd, HookInput *ret_input);

/**
 * hook_find_uuid() - the first <uuid> in a text that may be no XML at all
 *
 * The domain's own comes first in what libvirt writes. Return: 0 with *@ret_uuid in lower case, or -ENOENT.
 */
int hook_find_uuid(const char *data, size_t size, char ret_uuid[static UUID_TEXT_SIZE]);
