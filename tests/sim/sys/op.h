/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * One request that reached the simulator and may not be answered at once: a write, or a read that a fault is
 * set on. It goes through its phases; where a fault holds it, it stays until it is released.
 */

#include "fault.h"
#include "node.h"

typedef enum OpKind {
        OP_WRITE,
        OP_READ,
        OP_OPEN,
} OpKind;

typedef enum OpPhase {
        PHASE_ENTRY,  /* it has arrived; no effect yet */
        PHASE_LOCK,   /* waits for the device lock, or has just got it */
        PHASE_INSIDE, /* in the driver's probe() or remove() */
        PHASE_END,
} OpPhase;

struct Op {
        Op *next; /* among those that wait */
        OpKind kind;
        OpPhase phase;
        Node *node;
        Function *function; /* NULL: none is meant, or there is no such one */
        const Driver *driver;
        size_t size, offset;
        char value[SIM_CONFIG_SIZE + 1]; /* what is written, with a NUL behind it */
        int error; /* that the driver's callback gives */
        Fault *fault;
        bool held, failed;
        /* Called once; the op is freed behind it. @error: 0 or negative errno. */
        void (*done)(Op *op, int error);
        void *request, *userdata;
};

/** op_start() - takes @op over. */
void op_start(Op *op);
/** op_release() - let go on what @fault holds; @error: fail with it (negative errno), 0: as if nothing had been. */
unsigned op_release(const Fault *fault, int error);
