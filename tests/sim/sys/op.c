/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Writes and their faults. bind, unbind, drivers_probe, power/control, reset and remove take the device lock
 * (drivers/base), so behind a driver's callback that does not come back they wait as well.
 */

#include "op.h"

#include <stdlib.h>
#include <string.h>

static Op *waiting; /* for a lock, or held by a fault; in the order of their arrival */

static void op_run(Op *op);

static bool is_driver_call(const Op *op) {
        return op->kind == OP_WRITE &&
               (op->node->attribute == ATTRIBUTE_BIND || op->node->attribute == ATTRIBUTE_UNBIND ||
                op->node->attribute == ATTRIBUTE_PROBE);
}

static bool needs_lock(const Op *op) {
        return is_driver_call(op) ||
               (op->kind == OP_WRITE && op->function &&
                (op->node->attribute == ATTRIBUTE_POWER_CONTROL || op->node->attribute == ATTRIBUTE_RESET ||
                 op->node->attribute == ATTRIBUTE_REMOVE));
}

static void wait_on(Op *op) {
        Op **last = &waiting;

        while (*last)
                last = &(*last)->next;
        *last = op;
        op->next = NULL;
}

static Op *take_waiting(bool (*wanted)(const Op *op, const void *what), const void *what) {
        for (Op **at = &waiting; *at; at = &(*at)->next)
                if (wanted(*at, what)) {
                        Op *op = *at;
                        *at = op->next;
                        op->next = NULL;
                        return op;
                }
        return NULL;
}

static bool waits_for_lock(const Op *op, const void *what) {
        return !op->held && op->function == what;
}

static void finish(Op *op, int error) {
        Function *function = op->function;
        bool had_lock = function && function->lock == op;

        if (had_lock)
                function->lock = NULL;
        op->done(op, error);
        free(op);
        if (!had_lock)
                return;
        Op *next = take_waiting(waits_for_lock, function);
        if (next)
                op_run(next);
}

static void vanish(Op *op, bool whole_card) {
        Card *card = op->function->card;

        if (!whole_card || !card) {
                function_remove(op->function);
                return;
        }
        for (unsigned i = card->n_functions; i-- > 0;)
                function_remove(&card->functions[i]);
}

/* What the fault does besides failing or holding. */
static void strike(Op *op) {
        control_event("hit %s", op->fault->id);
        if (op->fault->action == FAULT_DEAD && op->function && op->function->card)
                cm_card_set_state(&op->function->card->model, CM_FAILED, "by scenario");
}

/* Return: 1: the op waits; 0: go on; negative errno: it has failed. */
static int strike_at_entry(Op *op) {
        Fault *fault = op->fault;

        strike(op);
        switch (fault->action) {
        case FAULT_REFUSE:
                return fault->error;
        case FAULT_HOLD:
                op->held = true;
                wait_on(op);
                return 1;
        case FAULT_VANISH:
        case FAULT_VANISH_CARD:
                if (!op->function)
                        return 0;
                vanish(op, fault->action == FAULT_VANISH_CARD);
                return -ENODEV;
        case FAULT_DEAD:
        case FAULT_NOTICE:
                break;
        }
        return 0;
}

static bool strikes_inside(const Op *op) {
        if (!op->fault || op->fault->at_entry || !is_driver_call(op))
                return false;
        /* remove() cannot fail: an unbind is refused before it. */
        return op->node->attribute != ATTRIBUTE_UNBIND || op->fault->action != FAULT_REFUSE;
}

/* Looks up what the write is about; the errors are those of drivers/base/bus.c. */
static int begin_bind(Op *op) {
        Function *function = op->function;

        if (!function || !driver_matches(op->node->driver, function))
                return -ENODEV;
        if (function->driver)
                return -EBUSY;
        op->driver = op->node->driver;
        return bind_begin(function, op->driver);
}

static int begin_unbind(Op *op) {
        Function *function = op->function;

        if (!function || function->driver != op->node->driver)
                return -ENODEV;
        op->driver = function->driver;
        unbind_begin(function);
        return 0;
}

/* 1: no driver takes it, or it has one: nothing more to do. */
static int begin_probe(Op *op) {
        Function *function = op->function;

        if (!function)
                return -ENODEV;
        op->driver = function->driver ? NULL : probe_candidate(function);
        return !op->driver || bind_begin(function, op->driver) < 0;
}

static int driver_call_begin(Op *op) {
        if (op->node->attribute == ATTRIBUTE_BIND)
                return begin_bind(op);
        return op->node->attribute == ATTRIBUTE_UNBIND ? begin_unbind(op) : begin_probe(op);
}

static int driver_call_end(Op *op) {
        bool vanishes = op->failed && op->fault &&
                        (op->fault->action == FAULT_VANISH || op->fault->action == FAULT_VANISH_CARD);
        int r = 0;

        if (op->node->attribute == ATTRIBUTE_UNBIND)
                unbind_end(op->function, op->driver);
        else
                r = bind_end(op->function, op->error);
        if (vanishes)
                vanish(op, op->fault->action == FAULT_VANISH_CARD);
        /* device_attach() knows no failed probe. */
        return op->node->attribute == ATTRIBUTE_PROBE ? 0 : r;
}

/* 1: held. */
static int driver_call_inside(Op *op) {
        op->phase = PHASE_END;
        if (!strikes_inside(op))
                return 0;
        strike(op);
        switch (op->fault->action) {
        case FAULT_REFUSE:
                op->error = op->fault->error;
                return 0;
        case FAULT_HOLD:
                op->held = true;
                wait_on(op);
                return 1;
        case FAULT_VANISH:
        case FAULT_VANISH_CARD:
                op->failed = true;
                op->error = -ENODEV;
                return 0;
        case FAULT_DEAD:
        case FAULT_NOTICE:
                break;
        }
        return 0;
}

static int effect(Op *op) {
        if (op->kind != OP_WRITE)
                return 0; /* done() reads */
        if (op->node->gone)
                return -ENODEV;
        if (op->node->attribute == ATTRIBUTE_CONFIG) {
                if (machine.lockdown)
                        return -EPERM;
                config_write(op->function, op->offset, (const uint8_t *) op->value, op->size);
                return 0;
        }
        return attribute_store(op->node, op->value);
}

static void op_run(Op *op) {
        int r;

        if (op->phase == PHASE_ENTRY) {
                op->phase = PHASE_LOCK;
                if (op->fault && !strikes_inside(op)) {
                        r = strike_at_entry(op);
                        if (r > 0)
                                return;
                        if (r < 0)
                                return finish(op, r);
                }
        }
        if (op->phase == PHASE_LOCK) {
                if (op->failed)
                        return finish(op, op->error);
                if (needs_lock(op) && op->function) {
                        if (op->function->lock && op->function->lock != op)
                                return wait_on(op);
                        op->function->lock = op;
                }
                if (!is_driver_call(op))
                        return finish(op, effect(op));
                r = op->function && !op->function->present ? -ENODEV : driver_call_begin(op);
                if (r != 0)
                        return finish(op, r > 0 ? 0 : r);
                op->phase = PHASE_INSIDE;
        }
        if (op->phase == PHASE_INSIDE && driver_call_inside(op) > 0)
                return;
        finish(op, driver_call_end(op));
}

void op_start(Op *op) {
        char name[64], text[80];
        const char *value = op->value;

        op->phase = PHASE_ENTRY;
        op->function = op->node->function;
        if (is_driver_call(op)) {
                op->function = function_find(op->value);
                value = op->node->driver ? op->node->driver->name : "";
        } else if (op->kind == OP_WRITE && op->node->attribute == ATTRIBUTE_CONFIG) {
                int n = snprintf(text, sizeof(text), "0x%02zx=", op->offset);
                for (size_t i = op->size < 4 ? op->size : 4; i-- > 0;)
                        n += snprintf(text + n, sizeof(text) - (size_t) n, "%02x", (unsigned char) op->value[i]);
                value = text;
        } else if (op->kind == OP_WRITE) {
                (void) snprintf(text, sizeof(text), "%.*s", (int) strcspn(op->value, "\n"), op->value);
                value = op->value[0] == '\n' ? "\\n" : text;
        }
        const char *function = op->function ? op->function->name : "";
        (void) node_file_name(op->node, name, sizeof(name));
        op->fault = fault_find(op->kind == OP_WRITE ? 'w' : op->kind == OP_READ ? 'r' : 'o', function, name, value);
        if (op->kind == OP_WRITE)
                record_add(function, name, value);
        op_run(op);
}

static bool is_held_by(const Op *op, const void *what) {
        return op->held && op->fault == what;
}

unsigned op_release(const Fault *fault, int error) {
        unsigned n = 0;

        for (Op *op; (op = take_waiting(is_held_by, fault)); n++) {
                op->held = false;
                if (error < 0) {
                        op->error = error;
                        op->failed = op->phase == PHASE_LOCK;
                }
                op_run(op);
        }
        return n;
}
