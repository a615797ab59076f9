/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One card as the outside sees it. Both coats, D-Bus and Varlink, show exactly this. */

#include <stdbool.h>
#include <stddef.h>

#include "gpuswitch/address.h"
#include "gpuswitch/deadlines.h"
#include "gpuswitch/limits.h"
#include "gpuswitch/types.h"

typedef struct FunctionView {
        PciAddress address;
        FunctionRole role;
        char driver[DRIVER_NAME_SIZE]; /* "": none */
} FunctionView;

typedef struct OperationView {
        bool running;
        char id[UUID_TEXT_SIZE];
        Direction direction;
        bool undoing;
        unsigned step; /* 1-based, of the step in hand; 0: looking and planning */
        unsigned n_steps;
        char description[256];
        char domain[DOMAIN_NAME_SIZE]; /* "": by hand, or the daemon itself */
} OperationView;

/* One thing that a VM with the card should have. Texts are borrowed. */
typedef struct AdviceView {
        const char *text;
        const char *xml; /* element of the domain XML, or "" */
        const char *source;
} AdviceView;

/* What a stuck card hangs in. */
typedef struct StuckView {
        char step[256];   /* "unbind 0000:01:00.0 from amdgpu" */
        char action[384]; /* "write 0000:01:00.0 to /sys/bus/pci/drivers/amdgpu/unbind" */
        PciAddress function;
        usec_t since_usec; /* CLOCK_REALTIME, 0: not known */
        int32_t pid;       /* of the helper */
        char kernel_function[64]; /* "": not known */
        char kernel_stack[256];   /* innermost first, " < " between; "": not known */
        size_t n_holders;
        char holders[STUCK_HOLDERS_MAX][256]; /* "pipewire (pid 812) has /dev/snd/controlC1 open" */
        size_t n_help;
        char help[STUCK_HELP_MAX][384]; /* one sentence each */
} StuckView;

typedef struct GpuView {
        PciAddress address;
        char name[CARD_NAME_SIZE];
        uint16_t vendor_id;
        uint16_t device_id;
        ResetState reset_state;
        char reason[256]; /* why it is in that state */
        uint64_t n_evidence; /* grows with what that is based on; which is asked for by itself */
        Owner owner;
        bool stuck;
        char stuck_reason[MESSAGE_TEXT_SIZE];
        StuckView stuck_detail; /* all zero: not stuck */
        char family[FAMILY_NAME_SIZE];
        int32_t iommu_group; /* -1: none */
        char domain_name[DOMAIN_NAME_SIZE];
        char domain_uuid[UUID_TEXT_SIZE]; /* "": no domain */
        bool leased_by_hand;
        OperationView operation;
        Guard guard;
        ReturnTo return_to;
        int32_t reboots_left; /* of the guest, inside its QEMU process; -1: no limit */
        bool reboot_stops;    /* libvirt stops the domain at its next reboot */
        char reboots[MESSAGE_TEXT_SIZE]; /* the same in words; "": no limit */
        bool recovers_by_suspend; /* what Recover may be asked for, beside a look */
        bool recovers_by_rescan;
        size_t n_functions;
        FunctionView functions[FUNCTIONS_MAX];
        size_t n_fellows;
        FunctionView fellows[FELLOWS_MAX]; /* what goes along by policy, and is on this machine */
} GpuView;
