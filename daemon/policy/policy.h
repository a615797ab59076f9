/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Quirks and policy, read from JSON and merged into one Rule per card.
 *
 * A bad file is refused alone and reported; it never silently disables another. A file that cannot be
 * parsed at all also sets Rule.configuration_broken for every card, so that nothing is switched
 * automatically by rules of which a part is missing.
 */

#include "base/macros.h"
#include "core/facts.h"
#include "core/rule.h"

typedef struct Policy Policy;

/* One fault found while loading. */
typedef struct PolicyProblem {
        char file[PATH_TEXT_SIZE];
        char where[128]; /* "line 12" for syntax ("the file": none of it could be read), a JSON pointer
                            ("/families/0/bus_reset") for meaning */
        size_t line;     /* of the value that is meant, or of what should hold it; 0: none of the file could be read */
        char text[256];  /* what is wrong and what would be right */
        bool is_syntax;
} PolicyProblem;

typedef struct PolicyDirs {
        const char *quirks_vendor; /* GPUSWITCH_QUIRKS_DIR_VENDOR */
        const char *quirks_admin;  /* replaces the vendor's by name; an empty file or /dev/null masks it */
        const char *policy;
} PolicyDirs;

/**
 * policy_load() - read all three folders; a folder that does not exist is empty
 *
 * Files in order of their names. Of quirks that mean a card equally closely the administrator's wins; two files of one
 * folder must not claim one card: the later is refused, and no reset of either is run. Of policy files the later wins.
 * Faults do not make it fail: see policy_problem().
 *
 * Return: 0, or -ENOMEM.
 */
int policy_load(const PolicyDirs *dirs, Policy **ret_policy);
Policy *policy_free(Policy *policy);
DEFINE_CLEANUP(Policy *, policy_free)

/** policy_problem() - fault number @index, or NULL behind the last. Owned by @policy. */
const PolicyProblem *policy_problem(const Policy *policy, size_t index);

/** policy_problem_text() - one line of all of it: "FILE: /families/0/bus_reset (line 12): TEXT". Returns @buffer. */
const char *policy_problem_text(const PolicyProblem *problem, char *buffer, size_t size);

/**
 * policy_check() - read one file for its faults; whether it is one of quirks or of policy, its folder says, or else its keys
 * @dirs: a file in one of these folders must not contradict the others there
 * @beside: NULL-terminated list, or NULL: a file in none of them must not contradict these, as if all were put into one folder;
 *          @path itself does not count, nor what is in one of @dirs
 * @ret_policy: only for policy_problem(), which has the faults of this file alone, more of them than when all are loaded
 *
 * Return: 0, also with faults; -ENOMEM.
 */
int policy_check(const char *path, const PolicyDirs *dirs, char *const *beside, Policy **ret_policy);

/* Which family a card is taken for, and why. Texts are owned by the policy. */
typedef struct PolicyMatch {
        const char *family;
        const char *file;  /* or "built-in": no file speaks of the card */
        size_t line;       /* of the entry that means it */
        const char *level; /* "board", "id", "vendor", "any card" */
        bool is_withheld;  /* a file that was refused speaks of it as closely, so nobody's reset is run; ... */
        bool is_contested; /* ... because it claims what another file of the same folder has */
} PolicyMatch;

void policy_match(const Policy *policy, const CardFacts *card, PolicyMatch *ret_match);

/* One family, for lists. Texts are owned by the policy. */
typedef struct PolicyFamily {
        const char *name;
        const char *file;
        size_t line;
        const char *confidence; /* "" where it is not said */
        BusResetWish bus_reset;
        const Recipe *recipes; /* RECIPES_MAX of them */
        Recovery recovery;
        size_t n_ids;
} PolicyFamily;

/** policy_family() - family number @index in order of reading. False behind the last. */
bool policy_family(const Policy *policy, size_t index, PolicyFamily *ret_family);

/** policy_family_id() - "1002:67df", "1002:67df:1da2:e366", "10de:*": number @id of family number @index. Returns @buffer. */
const char *policy_family_id(const Policy *policy, size_t index, size_t id, char *buffer, size_t size);

/** policy_rule() - the effective rule for a card. Always succeeds: what nothing speaks of is generic. */
void policy_rule(const Policy *policy, const CardFacts *card, Rule *ret_rule);

/* Which cards a piece of advice is for. */
typedef enum AdviceWhen {
        ADVICE_ALWAYS,
        ADVICE_BOOT_DISPLAY, /* the firmware has shown its screen on it */
        ADVICE_ROOT_BUS,     /* no port above it: it is inside the CPU */
        ADVICE_COMPANIONS,   /* it has other functions than the display */
        ADVICE_LARGE_PAGES,  /* of more than 4 KiB, on this machine */
        _ADVICE_WHEN_MAX,
} AdviceWhen;

/* What a VM with the card should have. Texts are owned by the policy. */
typedef struct PolicyAdvice {
        const char *text;   /* for people, in whole sentences */
        const char *xml;    /* element of the domain XML that it is about, or "" */
        const char *source; /* where that is known from */
        const char *family;
        AdviceWhen when;
        bool applies;       /* by what is known of this card and this machine */
} PolicyAdvice;

/**
 * policy_advice() - piece number @index of what is advised for a card; false behind the last
 *
 * Unlike all else that families say, advice adds up: what is said of the vendor, and of any card, holds for this one as
 * well. The entry that means the card most closely comes first.
 */
bool policy_advice(const Policy *policy, const CardFacts *card, size_t index, PolicyAdvice *ret_advice);

/* What is known of the resets of a device that is no GPU. Texts are owned by the policy. */
typedef struct PolicyDevice {
        const char *name;
        const char *file;
        const char *reset;            /* "kernel", "flr", "none" */
        const char *reset_source;
        const char *bus_reset;        /* "wanted", "forbidden", or "": not known */
        const char *bus_reset_source; /* or "" */
        const char *note;             /* or "" */
} PolicyDevice;

/** policy_device() - the administrator's entry for that id, or else the vendor's. False: there is none. */
bool policy_device(const Policy *policy, uint16_t vendor_id, uint16_t device_id, PolicyDevice *ret_device);

/**
 * policy_fellow() - what is known of the resets of a device that goes along, by its ids
 * @fellow: its address stays; the rest is set
 */
void policy_fellow(const Policy *policy, uint16_t vendor_id, uint16_t device_id, FellowRule *fellow);

const char *advice_when_to_string(AdviceWhen when);

/** policy_origin() - "/usr/lib/gpuswitch/quirks.d/10-amd-polaris.json" or "built-in": where the value of a
 * key of the card's rule came from. Keys: "family", "bus_reset", "state", "reset", "guest_reboots", "return",
 * "automatic", "allow", "name", "with"; NULL for any other. Owned by @policy. */
const char *policy_origin(const Policy *policy, const CardFacts *card, const char *key);

/** policy_find_name() - address (function 0) of the card that policy calls @name. 0, or -ENOENT. Only
 * entries that match by address can give names, so the card need not be there to be found. */
int policy_find_name(const Policy *policy, const char *name, PciAddress *ret_address);
