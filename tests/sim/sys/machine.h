/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The simulated machine: PCI functions, their drivers, and what each of them remembers. One thread, one machine.
 *
 * What a write means is in driver-model.c and attributes.c, what hardware does in config.c and in the lab's own
 * card model (tests/vm/model/card.c), which is compiled in.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "cardmodel.h"

#define SIM_RESETS_MAX 3U
#define SIM_FUNCTIONS_MAX 8U /* of one card */
#define SIM_CARDS_MAX 40U
#define SIM_DRIVERS_MAX 16U
#define SIM_CONFIG_SIZE 4096U
#define SIM_NAME_SIZE 64U
#define SIM_METHODS_SIZE 64U

typedef struct Node Node;
typedef struct Op Op;
typedef struct Function Function;
typedef struct Card Card;
typedef struct FellowKind FellowKind;

typedef enum DriverKind {
        DRIVER_GPU,   /* what the card model calls the host driver */
        DRIVER_SOUND, /* has ALSA nodes */
        DRIVER_VFIO,
        DRIVER_STUB,
        DRIVER_PORT,
        DRIVER_FELLOW, /* of a device that is no card's */
} DriverKind;

typedef struct Driver {
        const char *name;
        DriverKind kind;
        uint32_t ids[4]; /* vendor << 16 | device */
        Node *folder;
} Driver;

struct Function {
        Card *card; /* NULL: a port */
        unsigned index;
        char name[16]; /* "0000:01:00.0" */
        uint16_t vendor, device, subvendor, subdevice;
        uint32_t class_code;
        uint8_t revision;
        bool boot_display;
        bool present;

        const Driver *driver;  /* what the link shows */
        bool override_is_set;
        char override[SIM_NAME_SIZE];
        bool runtime_power; /* power/control: auto */
        bool d3cold_allowed;
        char reset_methods[SIM_METHODS_SIZE]; /* what `reset_method` lists, with spaces between */
        int group;
        bool dead; /* this function alone reads all ones */

        size_t config_size;
        uint8_t config[SIM_CONFIG_SIZE];
        uint8_t writable[SIM_CONFIG_SIZE];

        Node *folder;
        const Op *lock; /* who has the device lock */
};

/* What is in a slot. */
struct Card {
        struct cm_card model;
        const FellowKind *fellow; /* NULL: a graphics card */
        char offered[SIM_METHODS_SIZE]; /* of a fellow: the resets that the kernel has for it, in its order */
        unsigned resets[SIM_RESETS_MAX]; /* of a fellow: how often each of `fellow_resets` was done */
        struct pci_dev model_device; /* what the model knows of function 0 */
        const Driver *host_driver;
        bool is_polaris;
        unsigned bus, slot_number;
        Function port;
        unsigned n_functions;
        Function functions[SIM_FUNCTIONS_MAX];
        bool group_held; /* a virtual machine has /dev/vfio/GROUP */
        bool guarded;    /* gpuswitch-guard has it on its list */
        unsigned guest_functions; /* of the running guest, a bit for each */
};

typedef struct Machine {
        unsigned n_cards;
        Card cards[SIM_CARDS_MAX];
        bool stub_loaded;
        bool guard_loaded; /* the module gpuswitch-guard */
        bool lockdown;
        char mem_sleep[64]; /* "": deep is offered and selected */
        bool wake_alarm;    /* of the clock: one is set */
        bool autoprobe;
        bool power_management; /* functions have that capability; without it d3cold_allowed begins as 0 (pci_pm_init()) */
        int control; /* the harness */
        uint64_t uevent_sequence;
} Machine;

extern Machine machine;

/* drivers.c */
extern Driver drivers[];
extern const size_t n_drivers;
const Driver *driver_find(const char *name);

/* machine.c */
void machine_add_card(const char *kind, bool shared_group);
/** machine_add_slot() - what every slot has: a port, its numbers and @n functions. */
Card *machine_add_slot(const struct cm_kind *kind, unsigned n, bool shared_group);
Function *function_find(const char *name); /* trailing newline allowed; only those that are present */
Function *function_find_any(const char *name);
bool function_is_dead(const Function *function);
/** Calls @call for every function, ports included. */
void machine_each(void (*call)(Function *function, void *userdata), void *userdata);

/* fellow.c: devices that are no graphics cards, each alone in its slot */
extern const char *const fellow_resets[SIM_RESETS_MAX];
/** fellow_add() - @kind: "nvme", "wireless", "nic"; "nvme:flr,bus": with these resets. False: there is no such kind. */
bool fellow_add(const char *kind);
int fellow_reset(Function *function);
/** fellow_use() - the host begins or ends to use it: "holder NAME", "link up", "link down". False: it cannot. */
bool fellow_use(Function *function, const char *use);

/* config.c */
void config_init(Function *function);
void config_assign_bars(Function *function);
size_t config_read(const Function *function, size_t offset, uint8_t *bytes, size_t size);
void config_write(Function *function, size_t offset, const uint8_t *bytes, size_t size);
uint32_t config_get(const Function *function, size_t offset, size_t size);
void config_set(Function *function, size_t offset, uint32_t value, size_t size);

/* driver-model.c: each returns 0 or a negative errno. "begin" and "end" are the two sides of a driver's callback. */
bool driver_matches(const Driver *driver, const Function *function);
int bind_begin(Function *function, const Driver *driver);
int bind_end(Function *function, int error);
void unbind_begin(Function *function);
void unbind_end(Function *function, const Driver *driver);
const Driver *probe_candidate(const Function *function);
/** reset_methods_init() - as the kernel finds them; reset_methods_set() - as they are written: 0, or -EINVAL. */
void reset_methods_init(Function *function);
int reset_methods_set(Function *function, const char *value);
int function_reset(Function *function);
void function_remove(Function *function);
/** Functions that were removed and still answer come back; each that found a driver is bound. */
void machine_rescan(void);

/* guest.c: what a virtual machine does to a card */
int guest_start(Card *card, unsigned functions);
int guest_stop(Card *card);
bool group_is_vfio(int group);
Card *group_card(int group);

/* tree.c */
void tree_init(void);
void tree_add_function(Function *function);
void tree_remove_function(Function *function);
void tree_driver_bound(Function *function);
void tree_driver_unbound(Function *function, const Driver *driver);
void tree_update_groups(void);

/* uevent.c */
int uevent_open(void);
void uevent_send(const char *action, const Function *function, const char *driver);
void uevent_send_wedged(const Function *function, const char *methods);
void uevent_send_module(const char *action, const char *name);
void uevent_hold(bool hold);

/* kernel-log.c */
void kernel_log_device(const Function *function, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** kernel_log_user() - what a process writes to /dev/kmsg. */
void kernel_log_user(const char *line);
/** One record, as /dev/kmsg gives it. @ret_next: offset of the next. Return: its bytes, or 0. */
size_t kernel_log_record(uint64_t offset, char *buffer, size_t size);
uint64_t kernel_log_size(void);
/** kernel_log_overwrite() - everything that is in it now is gone, as when the ring has gone round. */
void kernel_log_overwrite(void);
/** kernel_log_oldest() - offset of the oldest record that is left. */
uint64_t kernel_log_oldest(void);
/** Called when there is more to read. */
void kernel_log_changed(void);
