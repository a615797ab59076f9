/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What one helper process knows, and the form that every operation has. */

#include <stdbool.h>
#include <stddef.h>

#include "core/facts.h"
#include "gpuswitch/helper-protocol.h"

/* One function's configuration space as SAVE_CONFIG found it. */
typedef struct SavedSpace {
        bool valid;
        size_t size;
        uint8_t bytes[CONFIG_SPACE_SIZE];
        size_t n_registers;
        ConfigRegister registers[REGISTERS_MAX]; /* those that may be put back, COMMAND last */
} SavedSpace;

typedef struct Helper {
        const char *root;                /* "" in the product; tests: a folder with `sys`, `dev`, `proc` */
        PciAddress card;                 /* any function of the one slot that this process may touch */
        size_t n_fellows;
        PciAddress fellows[FELLOWS_MAX]; /* devices of other slots that go along; what may be asked of them is in rules.c */
        int socket;                      /* to notice that nobody waits any more; -EBADF: nobody ever did */
        SavedSpace saved[FUNCTIONS_MAX]; /* by function number */
        /* What `reset_method` of each was before we wrote it; "": not written */
        char reset_methods[PARTS_MAX][ATTRIBUTE_VALUE_SIZE]; /* by function number, then fellows */
} Helper;

/*
 * Every operation has this form. On failure it has set reply->message and returns the negative errno
 * that belongs into reply->status; with HELPER_NOT_APPLICABLE the message says why. The request has passed
 * request_check().
 */
typedef int (*Operation)(Helper *helper, const HelperRequest *request, HelperReply *reply);
