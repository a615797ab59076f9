/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Every name that another process, file or person relies on. */

#define GPUSWITCH_BUS_NAME "org.gpuswitch1"
#define GPUSWITCH_BUS_PATH "/org/gpuswitch1"
#define GPUSWITCH_GPU_PATH_PREFIX "/org/gpuswitch1/gpu"
#define GPUSWITCH_MANAGER_INTERFACE "org.gpuswitch1.Manager"
#define GPUSWITCH_GPU_INTERFACE "org.gpuswitch1.GPU"

#define GPUSWITCH_ERROR_PREFIX "org.gpuswitch1.Error."
#define GPUSWITCH_ERROR_NO_SUCH_GPU GPUSWITCH_ERROR_PREFIX "NoSuchGPU"
#define GPUSWITCH_ERROR_REFUSED GPUSWITCH_ERROR_PREFIX "Refused"
#define GPUSWITCH_ERROR_BUSY GPUSWITCH_ERROR_PREFIX "Busy"
#define GPUSWITCH_ERROR_STUCK GPUSWITCH_ERROR_PREFIX "Stuck"
#define GPUSWITCH_ERROR_FAILED GPUSWITCH_ERROR_PREFIX "Failed"
#define GPUSWITCH_ERROR_BAD_ARGUMENT GPUSWITCH_ERROR_PREFIX "BadArgument"

#define POLKIT_ACTION_SWITCH "org.gpuswitch1.switch"
#define POLKIT_ACTION_RESET "org.gpuswitch1.reset"
#define POLKIT_ACTION_MANAGE "org.gpuswitch1.manage"
#define POLKIT_ACTION_INHIBIT_BLOCK "org.gpuswitch1.inhibit-block"
#define POLKIT_ACTION_INHIBIT_DELAY "org.gpuswitch1.inhibit-delay"

#define GPUSWITCH_RUN_DIR "/run/gpuswitch"
#define GPUSWITCH_STORE_PATH "/var/lib/gpuswitch/gpuswitch.db"
#define GPUSWITCH_QUIRKS_DIR_VENDOR "/usr/lib/gpuswitch/quirks.d"
#define GPUSWITCH_QUIRKS_DIR_ADMIN "/etc/gpuswitch/quirks.d"
#define GPUSWITCH_POLICY_DIR "/etc/gpuswitch/policy.d"
#define GPUSWITCH_HELPER_PATH "/usr/libexec/gpuswitch-helper"

#define DRIVER_VFIO_PCI "vfio-pci"
#define DRIVER_PCI_STUB "pci-stub"
/* The optional kernel module of daemon/guard. */
#define GUARD_MODULE_FOLDER "/sys/bus/pci/drivers/gpuswitch-guard"
/* No driver has this name, so an override with it keeps every driver away (pci_match_device()). */
#define OVERRIDE_PINNED "gpuswitch-none"

/* Domain events as virtwatch sends them in DomainEvent(). */
#define DOMAIN_EVENT_STARTED "started"
#define DOMAIN_EVENT_REBOOTED "rebooted" /* detail: when, in microseconds of CLOCK_MONOTONIC */
#define DOMAIN_EVENT_STOPPED "stopped"
#define DOMAIN_EVENT_CRASHED "crashed"
#define DOMAIN_EVENT_DEVICE_REMOVED "device-removed"
/* Answers to the signal RebootsUsedUp(): the next reboot stops the domain, or it does not and the detail says why. */
#define DOMAIN_EVENT_REBOOT_STOPS "reboot-stops"
#define DOMAIN_EVENT_REBOOT_DOES_NOT_STOP "reboot-does-not-stop"

/* Fields of journal entries. */
#define JOURNAL_FIELD_GPU "GPUSWITCH_GPU"
#define JOURNAL_FIELD_STATE "GPUSWITCH_STATE"
#define JOURNAL_FIELD_OLD_STATE "GPUSWITCH_OLD_STATE"
#define JOURNAL_FIELD_OWNER "GPUSWITCH_OWNER"
#define JOURNAL_FIELD_OLD_OWNER "GPUSWITCH_OLD_OWNER"
#define JOURNAL_FIELD_REASON "GPUSWITCH_REASON"
#define JOURNAL_FIELD_DOMAIN "GPUSWITCH_DOMAIN"
#define JOURNAL_FIELD_OPERATION "GPUSWITCH_OPERATION"

/* One id per kind of journal entry, 32 lower hex digits as `systemd-id128 new` makes them. */
#define MESSAGE_ID_STATE_CHANGED "9a74f866f294424a97dc1cc546430c4b"
#define MESSAGE_ID_OWNER_CHANGED "f0f9d933534b43fea6afb30a53549955"
#define MESSAGE_ID_SWITCH_REFUSED "f23a93214b014d03aa9db102b9feb1be"
#define MESSAGE_ID_SWITCH_FAILED "f53db814c5f140b6887f51fc5f9a8a7f"
#define MESSAGE_ID_CARD_STUCK "b22698b35bd34de69e46c9e6f6d799f8"
#define MESSAGE_ID_CARD_FAILED "a1d4b483ca2b413aaeec3ccc64af8470"
#define MESSAGE_ID_STORE_SET_ASIDE "371df4c5cbbb44c28841126dcdbcee64"
#define MESSAGE_ID_BAD_CONFIGURATION "e255434ad5b54a0eb66375e53eb2449c"
#define MESSAGE_ID_RECOVERED "14e7eaf35c7e48d489eb42ef9d2b88cd"
#define MESSAGE_ID_RECORD_UNREADABLE "3193abbafdac450ebaba6f818a81d147"
#define MESSAGE_ID_ROLLED_BACK "e94376ef91a24886901f67af1d32ff09"
#define MESSAGE_ID_CARD_UNSTUCK "6b8213025dc449e8845d468c59a422cc"
#define MESSAGE_ID_HELPER_DIED "30987a774f4b46578f795b1567c70c3b"
#define MESSAGE_ID_STORE_FAILED "87eae39d64cc44ed98b899a5dd86b628"
#define MESSAGE_ID_NO_STORE "70c2748ec1c349f0aefde55169f989a7"
#define MESSAGE_ID_RELEASE_DEFERRED "415094d1ead642c180407d9ccb52dfa9"
#define MESSAGE_ID_OTHER_HANDS "4889632c9348424d9ebef7166c1adb37"
#define MESSAGE_ID_LAST_REBOOT "de631591e1d7413489f6aa084e814458"
#define MESSAGE_ID_REBOOTS_USED_UP "ecb2fc38b73241da974766f272b429c1"
#define MESSAGE_ID_REBOOT_STOPPED "85846dde4f724e59979feccc4a818cfd"
