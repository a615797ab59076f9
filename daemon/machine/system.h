/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The machine as a whole, and other processes. */

#include <stdint.h>
#include <sys/types.h>

#include "core/facts.h"
#include "core/sleep.h"

/** system_facts() - drivers and modules loaded. going_down is left false: systemd is asked for that elsewhere. */
void system_facts(const char *root, MachineFacts *ret_facts);

/** system_sleep() - how the machine can be suspended. What cannot be read is not there. */
void system_sleep(const char *root, SleepAbility *ret_ability);

/** system_boot_id() - /proc/sys/kernel/random/boot_id. 0 or negative errno. */
int system_boot_id(const char *root, char ret_id[static BOOT_ID_TEXT_SIZE]);

/** system_kernel_release() - as uname -r; "" never. */
void system_kernel_release(char ret_release[static KERNEL_RELEASE_SIZE]);

/** system_driver_loaded() - is /sys/bus/pci/drivers/DRIVER there? */
bool system_driver_loaded(const char *root, const char *driver);

/** system_card_name() - "Ellesmere [Radeon RX 470/480/...]" from the hardware database, or "" . Never fails. */
void system_card_name(const FunctionFacts *display, char ret_name[static CARD_NAME_SIZE]);

/** process_start_time() - field 22 of /proc/PID/stat, in clock ticks. 0; -ESRCH when there is no such process. */
int process_start_time(const char *root, pid_t pid, uint64_t *ret_ticks);

/* Where in the kernel a process is. "" where it is not in it, or may not be looked at. */
typedef struct ProcessPlace {
        char function[64];  /* the top of its kernel stack, or else its wchan */
        char stack[256];    /* "amdgpu_pci_remove < pci_device_remove < unbind_store": the first frames */
} ProcessPlace;

/** process_place() - never waits for the process, whatever it hangs in; never fails. */
void process_place(const char *root, pid_t pid, ProcessPlace *ret_place);

/**
 * card_identity() - the key under which a card's history is kept across boots
 *
 * "unique:ID", else "VVVV:DDDD:SSSS:SSSS@PARENT-CHAIN" (ids and slot path: the same model in the same slot).
 */
void card_identity(const CardFacts *card, char ret_identity[static IDENTITY_TEXT_SIZE]);
