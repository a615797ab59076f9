/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the machine shows, as plain values. `machine` fills in what can be read without blocking,
 * the helper's survey the rest; core only ever sees these structs.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/rule.h"
#include "gpuswitch/address.h"
#include "gpuswitch/limits.h"
#include "gpuswitch/types.h"

/* One register that a reset wipes and that is put back afterwards. */
typedef struct ConfigRegister {
        uint16_t offset; /* bytes, naturally aligned */
        uint8_t width;   /* bytes: 1, 2 or 4 */
        uint32_t value;  /* what it held when it was read; what an undo without a live copy writes */
} ConfigRegister;

/*
 * What only a helper may read, because reading it can take a device lock or wake the device.
 * Empty strings: the attribute does not exist, or (driver_override) is not set.
 */
typedef struct FunctionSurvey {
        bool valid;
        char driver_override[DRIVER_NAME_SIZE]; /* "" when not set (the kernel prints "(null)") */
        char power_control[ATTRIBUTE_VALUE_SIZE]; /* "on", "auto" */
        char d3cold_allowed[ATTRIBUTE_VALUE_SIZE]; /* "0", "1" */
        char reset_method[ATTRIBUTE_VALUE_SIZE];   /* "flr bus": what the kernel would try, in order; before 5.15 "" */
        bool config_dead;    /* vendor and device id read all ones in D0 */
        bool msix_enabled;   /* MSI-X message control, bit 15 */
        bool config_locked;  /* kernel lockdown: configuration space cannot be written */
        uint8_t n_registers;
        ConfigRegister registers[REGISTERS_MAX]; /* what to put back after a reset, in order of writing */
} FunctionSurvey;

typedef struct FunctionFacts {
        PciAddress address;
        uint32_t class_code; /* 24 bits, as in the attribute `class` */
        uint16_t vendor_id;
        uint16_t device_id;
        uint16_t subsystem_vendor_id;
        uint16_t subsystem_device_id;
        FunctionRole role;
        int32_t iommu_group;           /* -1: none */
        char driver[DRIVER_NAME_SIZE]; /* "": no driver */
        bool is_boot_display;          /* boot_vga, boot_display */
        uint16_t n_virtual_functions;  /* sriov_numvfs */
        uint64_t bar_sizes[BARS_MAX];  /* bytes of each memory BAR; 0: there is none with that number */
        FunctionSurvey survey;
} FunctionFacts;

/* A device that shares an IOMMU group with a function of the card and is none of its own. */
typedef struct GroupMember {
        PciAddress address;
        int32_t iommu_group;
        uint32_t class_code;
        char driver[DRIVER_NAME_SIZE];
} GroupMember;

/* A device of another slot that policy sends along with the card: an NVMe controller, a USB controller, a network card. */
typedef struct Fellow {
        FunctionFacts function;
        bool is_of_card;              /* a function of another card, which goes with that one */
        char host_use[HOST_USE_SIZE]; /* "file system /home on nvme1n1p2"; "": nothing that can be seen, or nobody has asked */
} Fellow;

/*
 * One card: the functions that go along, function 0 (display) first, in order of their numbers.
 * Functions of an APU's slot that are not audio are no part of it and not listed.
 */
typedef struct CardFacts {
        size_t n_functions;
        FunctionFacts functions[FUNCTIONS_MAX];
        bool group_too_large; /* there are more than GROUP_MEMBERS_MAX: no answer about the group can be given */
        size_t n_group_members;
        GroupMember group_members[GROUP_MEMBERS_MAX];
        size_t n_fellows;
        Fellow fellows[FELLOWS_MAX]; /* in the order of the rule; their groups' members are in group_members */
        size_t n_lost_fellows;
        PciAddress lost_fellows[FELLOWS_MAX]; /* that should go along and are not on this machine */
        char slot_path[PATH_TEXT_SIZE]; /* canonical path in /sys/devices: same place in the machine */
        char unique_id[ATTRIBUTE_VALUE_SIZE]; /* amdgpu's unique_id, "" where there is none */
        bool module_guarded;        /* named in the list of gpuswitch-guard */
        bool device_specific_reset; /* the kernel has a reset of its own for it: "device_specific" in `reset_method` */
} CardFacts;

/* What is true of the whole machine. */
typedef struct MachineFacts {
        bool vfio_driver_loaded; /* /sys/bus/pci/drivers/vfio-pci */
        bool stub_driver_loaded; /* /sys/bus/pci/drivers/pci-stub */
        bool guard_module_loaded; /* GUARD_MODULE_FOLDER */
        bool going_down;         /* the system is stopping */
        bool vendor_reset_there; /* /dev/vendor_reset */
} MachineFacts;

/** card_function() - the card's function with that address, or NULL. */
const FunctionFacts *card_function(const CardFacts *card, PciAddress address);

/** card_n_parts(), card_part() - all that moves in one switch: the card's functions, then its fellows. */
size_t card_n_parts(const CardFacts *card);
FunctionFacts *card_part(CardFacts *card, size_t index);
const FunctionFacts *card_part_const(const CardFacts *card, size_t index);
/** card_part_at() - the one with that address, or NULL. */
const FunctionFacts *card_part_at(const CardFacts *card, PciAddress address);

/** reset_method_offered() - is @method one of @methods, which are as `reset_method` has them: "flr bus"? */
bool reset_method_offered(const char *methods, const char *method);

/** card_owner() - who has the card by its driver links; never OWNER_SWITCHING. The display function decides. */
Owner card_owner(const CardFacts *card);

/** driver_is_guest() - vfio-pci or a variant driver. */
bool driver_is_guest(const char *driver);
/** driver_is_host() - neither none, nor a guest driver, nor pci-stub. */
bool driver_is_host(const char *driver);

/**
 * card_kernel_guards() - does the kernel by itself keep bus resets from the card?
 *
 * vendor-reset flags a card when it is asked whether it can reset it, which is when "device_specific" comes into its `reset_method`;
 * that the module is loaded says nothing about a card that was found before it.
 */
bool card_kernel_guards(const CardFacts *card, const MachineFacts *machine, const Rule *rule);

/** card_guard() - what keeps vfio from resetting the card's bus now. Flags come before companions: those can be changed by others. */
Guard card_guard(const CardFacts *card, const MachineFacts *machine, const Rule *rule);
/** card_guard_now() - the same where @module_guarded is newer than the card's own facts. */
Guard card_guard_now(const CardFacts *card, bool module_guarded, const MachineFacts *machine, const Rule *rule);

/** role_of_class() - display, audio, USB controller, UCSI or other, by PCI class code. */
FunctionRole role_of_class(uint32_t class_code);
