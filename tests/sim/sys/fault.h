/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a scenario wants to go wrong, and the ordered record of what has been written. */

#include <stdbool.h>
#include <stddef.h>

#include "machine.h"

typedef enum FaultAction {
        FAULT_REFUSE, /* with `error` */
        FAULT_HOLD,   /* not answered until it is released: a delay, or a hang in state D once it is killed */
        FAULT_VANISH, /* the function disappears in mid-step */
        FAULT_VANISH_CARD,
        FAULT_DEAD,   /* the card reads all ones from now on; the write goes on */
        FAULT_NOTICE, /* only tells the harness */
} FaultAction;

typedef struct Fault {
        bool used;
        char id[32];
        FaultAction action;
        char kind;          /* 'w', 'r', 'o' */
        bool at_entry;      /* of a bind or unbind: before the driver is called, not in its callback */
        int error;
        char function[16];  /* "" any */
        char file[48];      /* "driver_override", "unbind", "vfio/3"; "" any */
        char value[64];     /* what is written begins so; of bind and unbind: the driver's name */
        unsigned skip;      /* occurrences before it strikes */
        unsigned seen;
        bool forever;       /* not only once */
} Fault;

#define FAULTS_MAX 32U
extern Fault faults[FAULTS_MAX];

/** fault_find() - the fault that strikes now, or NULL. Counts the occurrence. */
Fault *fault_find(char kind, const char *function, const char *file, const char *value);
Fault *fault_by_id(const char *id);

/** record_add() - one line of the record. */
void record_add(const char *function, const char *file, const char *value);
/** record_text() - lines from number @first on, as many as fit. Return: bytes. */
size_t record_text(size_t first, char *buffer, size_t size);

/** control_event() - tell the harness. */
void control_event(const char *format, ...) __attribute__((format(printf, 1, 2)));
/** control_handle() - one message of the harness. Return: 0; 1: the harness has gone. */
int control_handle(void);
