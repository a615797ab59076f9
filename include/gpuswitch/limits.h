/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Every collection has a limit. Going over one is an error with a message, never a truncation. */

#define CARDS_MAX 32U                /* display slots in one machine, and so operations at once: one per card */
#define FUNCTIONS_MAX 8U             /* PCI: functions of one slot without ARI */
#define BARS_MAX 6U                  /* PCI: base address registers of a function */
#define GROUP_MEMBERS_MAX 64U        /* other devices in the IOMMU groups of one card; over it no switch */
#define FELLOWS_MAX 4U               /* devices of other slots that policy sends along with one card */
#define PARTS_MAX (FUNCTIONS_MAX + FELLOWS_MAX) /* all that moves in one switch */
#define BLOCK_DEVICES_MAX 256U       /* disks and partitions behind one such device */
#define PORTS_MAX 16U                /* bridges between a card and its root bus that are reported */
#define RESERVED_REGIONS_MAX 16U     /* of one IOMMU group that are reported */
#define STEPS_MAX 128U               /* steps of one plan, or of its undo */
#define REGISTERS_MAX 32U            /* registers saved and restored in one configuration space */
#define RECIPE_STEPS_MAX 24U         /* steps of one reset recipe */
#define RECIPES_MAX 4U               /* resets of one family, in order of preference */
#define HOLDERS_MAX 16U              /* processes that one report names */
#define DOMAIN_ADDRESSES_MAX 64U     /* PCI hostdevs of one domain */
#define DOMAINS_MAX 1024U            /* running domains in one SyncDomains */
#define FAMILIES_MAX 256U            /* quirk entries over all files */
#define FAMILY_IDS_MAX 64U           /* ids of one quirk entry */
#define DEVICES_MAX 256U             /* quirk entries about other devices than GPUs, over all files */
#define ADVICE_MAX 8U                /* pieces of advice of one quirk entry */
#define GUEST_REBOOTS_MAX 1000U      /* that a quirk may count; a family with more has no limit */
#define POLICY_CARDS_MAX 64U         /* cards that policy files speak of */
#define CONFIG_FILE_SIZE_MAX (1024U * 1024U)
#define DOMAIN_XML_SIZE_MAX (16U * 1024U * 1024U)
#define WAKE_ALARM_MIN_SECONDS 5U    /* how far away the alarm is that wakes the machine from a suspend of ours */
#define WAKE_ALARM_MAX_SECONDS 60U
#define EVIDENCE_ROWS_MAX 2000U      /* rows of evidence kept in the store */
#define EVIDENCE_SHOWN_MAX 16U       /* of a card's transitions and failures, the last ones */
#define OUTCOME_ROWS_MAX 1000U       /* rows of ended operations kept in the store */
#define RESET_OUTCOME_ROWS_MAX 256U  /* rows of counted resets: card model, kernel, method */
#define WAITERS_MAX 64U              /* callers that wait for one operation */
#define REQUESTS_PER_CALLER_MAX 32U  /* calls of one connection that wait for polkit or for an operation */
#define REQUESTS_PER_USER_MAX 64U    /* the same of one user */
#define REQUESTS_MAX 256U            /* the same of all users but root */
#define START_REQUESTS_MAX 256U      /* starts of virtual machines that wait; counted apart from the others */
#define INHIBITORS_PER_USER_MAX 16U  /* programs of one user that hold switches back */
#define INHIBITORS_MAX 128U          /* the same of all users; each keeps a descriptor open */
#define STUCK_HOLDERS_MAX 4U         /* processes that the report on one hang names */
#define STUCK_HELP_MAX 6U            /* sentences on what helps against one hang */

#define DRIVER_NAME_SIZE 64U         /* with NUL */
#define FAMILY_NAME_SIZE 48U
#define CARD_NAME_SIZE 128U
#define DOMAIN_NAME_SIZE 256U
#define HOST_USE_SIZE 192U           /* what the host does with a device, in words */
#define INHIBIT_TEXT_SIZE 128U       /* who and why of an inhibitor */
#define UUID_TEXT_SIZE 37U           /* "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx" */
#define ATTRIBUTE_VALUE_SIZE 64U
#define MESSAGE_TEXT_SIZE 1024U
#define PATH_TEXT_SIZE 256U
#define IDENTITY_TEXT_SIZE 160U
#define BOOT_ID_TEXT_SIZE 37U
#define KERNEL_RELEASE_SIZE 65U      /* struct utsname */
#define METHOD_NAME_SIZE 48U         /* of a way to reset a card */
#define CONFIG_SPACE_SIZE 4096U      /* PCI Express 7.2.2: 4096 bytes per function, 256 without ECAM */
