/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * As much of the kernel's headers as tests/vm/model/card.c needs to be compiled into the simulator, so that the
 * state machine of a card is written once. One thread: locks and wait queues are nothing.
 */

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef int32_t s32;

typedef struct raw_spinlock {
        int nothing;
} raw_spinlock_t;
typedef struct wait_queue_head {
        int nothing;
} wait_queue_head_t;
typedef struct atomic {
        int value;
} atomic_t;

#define raw_spin_lock_init(lock) ((void) (lock))
#define init_waitqueue_head(queue) ((void) (queue))
#define atomic_read(atomic) ((atomic)->value)

#define PCI_COMMAND_MEMORY 0x2
#define PCI_COMMAND_MASTER 0x4
#define PCI_COMMAND_INTX_DISABLE 0x400

struct pci_ops;
struct pci_bus;
struct device {
        const void *driver;
};
struct pci_dev {
        struct device dev;
        atomic_t enable_cnt;
};

void sim_log(const char *format, ...) __attribute__((format(printf, 1, 2)));
#define pr_info(format, ...) sim_log(pr_fmt(format), __VA_ARGS__)
