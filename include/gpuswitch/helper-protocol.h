/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Between daemon and helper: one fixed-size struct per message over a SOCK_SEQPACKET pair, which the
 * helper inherits as HELPER_SOCKET_FD. Both ends come from one build; `magic` and `version` catch a
 * daemon that outlived an upgrade. One request at a time; every request has exactly one reply.
 *
 * argv of the helper: "@gpuswitch-helper" ADDRESS LOCK-FILE. It takes an exclusive flock() on LOCK-FILE
 * (writing "PID START-TIME\n" into it, start time as field 22 of /proc/PID/stat; the file's modification time is when
 * the request in hand was begun) and first sends
 * one unsolicited reply: status 0 with its own "PID START-TIME" in `message`, or -EBUSY with the holder's.
 * It ends when the socket closes, after the request in hand; the lock goes with it. A request that only
 * waits is given up (-ECANCELED) when the daemon closes the socket or shuts down its sending half.
 * -ENXIO always means that the function, or a register of it, reads all ones.
 */

#include <stdint.h>

#include "gpuswitch/address.h"
#include "gpuswitch/deadlines.h"
#include "gpuswitch/limits.h"

#define HELPER_PROTOCOL_MAGIC UINT32_C(0x67707573)
#define HELPER_PROTOCOL_VERSION 2U
#define HELPER_SOCKET_FD 3

typedef enum HelperVerb {
        HELPER_SURVEY = 1,     /* reads driver_override, power/control, d3cold_allowed, config of `address` */
        HELPER_NODES_FREE,     /* -EBUSY with the holder in `message` */
        HELPER_GROUP_FREE,     /* opens /dev/vfio/`iommu_group` until that works or `timeout_usec` is over */
        HELPER_ALIVE,          /* -ENXIO: reads all ones */
        HELPER_WRITE_ATTRIBUTE, /* `attribute` of `address`: driver_override, d3cold_allowed, power/control, reset_method */
        HELPER_UNBIND,         /* from driver `text` */
        HELPER_BIND,           /* to driver `text` */
        HELPER_PROBE,          /* drivers_probe */
        HELPER_SAVE_CONFIG,
        HELPER_WRITE_CONFIG,   /* the bits `mask` of the dword at `offset` */
        HELPER_DELAY,
        HELPER_RESTORE_CONFIG,
        HELPER_VERIFY_CONFIG,  /* -EIO with what differs in `message` */
        HELPER_CHECK_REGISTER, /* HELPER_NOT_APPLICABLE with what it read when the test fails */
        HELPER_POLL_REGISTER,  /* -ETIMEDOUT with what it read last when `timeout_usec` is over */
        HELPER_WRITE_REGISTER,
        HELPER_DIFFER_REGISTER,
        HELPER_FUNCTION_RESET, /* by the method `text`, -EBUSY unless `reset_method` is exactly that */
        HELPER_VENDOR_RESET,   /* HELPER_NOT_APPLICABLE when the module does not know the id */
        HELPER_D3HOT,          /* HELPER_NOT_APPLICABLE when the way back resets nothing */
        HELPER_GUARD_SET,      /* gpuswitch-guard: guard the slot of `address`, its display function */
        HELPER_GUARD_CLEAR,    /* -EBUSY while `iommu_group` is in use; success where nothing guards it */
        HELPER_WAKE_ALARM,     /* the machine's clock wakes it in `value` seconds; -EBUSY: another alarm is set */
        HELPER_READ_PORT,      /* config of `address`, a bridge on the way from the root bus to the card */
        HELPER_READ_GROUP,     /* of `iommu_group`: in `message` its type, and below it its reserved regions */
        HELPER_REMOVE_RESCAN,  /* the whole slot; -EBUSY: somebody has a function; -ENXIO: it did not come back, or reads all ones */
        _HELPER_VERB_MAX,
} HelperVerb;

/* A status that is no failure: the reset does not apply to this card as it is; nothing was done to it. */
#define HELPER_NOT_APPLICABLE 1

/* A register behind a BAR: RegisterPlace of core/chip.h. */
typedef struct HelperPlace {
        uint32_t bar;
        uint32_t index_offset;
        uint32_t data_offset;
        uint32_t address;
} HelperPlace;

typedef struct HelperRegister {
        uint16_t offset;
        uint8_t width;
        uint8_t reserved;
        uint32_t value; /* RESTORE_CONFIG in a helper that has not saved: what to write */
} HelperRegister;

typedef struct HelperRequest {
        uint32_t magic;
        uint32_t version;
        uint32_t verb;
        PciAddress address;
        int32_t iommu_group;
        uint32_t offset;
        uint32_t value;
        uint32_t n_registers;
        HelperRegister registers[REGISTERS_MAX];
        usec_t delay_usec;
        usec_t timeout_usec;
        char attribute[ATTRIBUTE_VALUE_SIZE];
        char text[ATTRIBUTE_VALUE_SIZE];
        uint32_t mask;
        HelperPlace place;
        uint32_t test; /* RegisterTest of core/rule.h */
        HelperPlace other;
        uint32_t other_mask;
} HelperRequest;

typedef struct HelperReply {
        uint32_t magic;
        uint32_t version;
        int32_t status;                      /* 0, HELPER_NOT_APPLICABLE, or negative errno */
        char message[MESSAGE_TEXT_SIZE];     /* on failure: file, value and errno text, or the holder; READ_GROUP */
        /* Survey only. Strings as the kernel shows them, chomped; "" where the attribute is missing. */
        char driver_override[DRIVER_NAME_SIZE];
        char power_control[ATTRIBUTE_VALUE_SIZE];
        char d3cold_allowed[ATTRIBUTE_VALUE_SIZE];
        char power_state[ATTRIBUTE_VALUE_SIZE];
        uint8_t config_locked;               /* kernel lockdown is in force */
        uint32_t config_size;                /* bytes that could be read: 0, 64, 256 or 4096 */
        uint8_t config[CONFIG_SPACE_SIZE];
        char reset_method[ATTRIBUTE_VALUE_SIZE];
} HelperReply;
