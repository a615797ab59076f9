/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The words stand in the order of their enums, and a test compares them with the enums' own tables.
 * Patterns use what POSIX and ECMAScript have in common, and bound every repetition, so that no text
 * takes long to be refused.
 */

#include "policy/keys.h"

#include <assert.h>
#include <regex.h>

#include "base/text.h"
#include "gpuswitch/limits.h"

#define HEX4 "[0-9a-fA-F]{4}"

const KeyFormat key_format_source = { "source", "[^ ]",
                                      "say where it is known from: a page, a file, a report" };
static const KeyFormat format_any = { "text", "[^ ]", "some text" };
static const KeyFormat format_family = { "family", "^[a-z0-9][a-z0-9-]{0,46}$",
                                         "lower case letters, digits and dashes, at most 47" };
static const KeyFormat format_id = {
        "id", "^(" HEX4 ":(" HEX4 "|\\*)|\\*:\\*)$",
        "vendor and device in four hex digits each: \"1002:67df\", \"1002:*\" or \"*:*\""
};
static const KeyFormat format_subsystem = { "subsystem", "^" HEX4 ":" HEX4 "$",
                                            "vendor and device in four hex digits each, like \"1462:3418\"" };
static const KeyFormat format_driver = { "driver", "^[A-Za-z0-9_-]{1,63}$",
                                         "the name of a driver, like \"amdgpu\"" };
static const KeyFormat format_offset = { "offset", "^0x[0-9a-fA-F]{0,2}[048cC]$",
                                         "a hex number below 0x1000, a multiple of 4, like \"0x7c\"" };
static const KeyFormat format_dword = { "dword", "^0x[0-9a-fA-F]{1,8}$",
                                        "a hex number of up to 32 bits, like \"0x1\"" };
static const KeyFormat format_bar = { "BAR", "^[0-5]$", "\"0\" to \"5\"" };
static const KeyFormat format_method = {
        "method of a recipe", "^(flr|af_flr|pm|acpi|device_specific)$",
        "flr, af_flr, pm, acpi or device_specific (a reset of the bus can take a card off it, and is in no recipe)"
};
static const KeyFormat format_duration = { "duration", "^[1-9][0-9]{0,8}(us|ms|s)$",
                                           "a whole number with its unit: \"100us\", \"20ms\", \"1s\"" };
static const KeyFormat format_address = { "address",
                                          "^([0-9a-fA-F]{4,8}:)?[0-9a-fA-F]{2}:[01][0-9a-fA-F]\\.[0-7]$",
                                          "a PCI address like \"0000:01:00.0\"" };
static const KeyFormat format_element = { "element", "^<[^<].*>$", "an XML element, from < to >" };
static const KeyFormat format_name = { "name", "^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$",
                                       "letters, digits, dots, dashes and underscores, at most 63" };

#define WORDS(...)                                                                                           \
        (const char *const[]) {                                                                              \
                __VA_ARGS__, NULL                                                                            \
        }
#define STEP_WORDS                                                                                           \
        "save-config", "write-config", "check-register", "poll-register", "write-register",                 \
                "differ-register", "delay", "function-reset", "vendor-reset", "d3hot", "restore-config", "verify",      \
                "remove-rescan", "suspend"
#define WITH_REGISTER WORDS("check-register", "poll-register", "write-register", "differ-register")
#define WITH_TEST WORDS("check-register", "poll-register")
#define STATE_WORDS "fresh", "touched", "prefail", "failed", "unknown"
#define ADVICE_WORDS "always", "boot-display", "root-bus", "companions", "large-pages"
#define CONFIDENCE_WORDS "high", "medium", "low"
#define CONFIDENCE_HELP "How sure it is: several independent sources; one, or a maintainer's word; inference."
#define SCHEMA_HELP "For editors: where the schema of this file is. Not read."
#define VERSION_HELP "Version of this form of file."
#define SUBSYSTEM_HELP "Subsystem vendor and device, to mean one board only. More specific than the id alone."

static const KeySpec key_table[] = {
        /* Quirks */
        { OBJECT_QUIRKS_FILE, "$schema", KEY_TYPE_TEXT, .format = &format_any, .help = SCHEMA_HELP },
        { OBJECT_QUIRKS_FILE, "version", KEY_TYPE_VERSION, .is_required = true, .help = VERSION_HELP },
        { OBJECT_QUIRKS_FILE, "families", KEY_TYPE_OBJECTS, .is_required = true, .child = OBJECT_FAMILY,
          .max = FAMILIES_MAX, .help = "Groups of cards of which the same is true." },

        { OBJECT_QUIRKS_FILE, "devices", KEY_TYPE_OBJECTS, .child = OBJECT_DEVICE, .max = DEVICES_MAX,
          .help = "Devices that are no GPUs and can be handed to a VM beside one: what is known of their resets." },

        { OBJECT_DEVICE, "device", KEY_TYPE_TEXT, .is_required = true, .format = &format_family,
          .help = "Name of the entry." },
        { OBJECT_DEVICE, "match", KEY_TYPE_OBJECTS, .is_required = true, .child = OBJECT_DEVICE_MATCH, .min = 1,
          .max = FAMILY_IDS_MAX, .help = "Ids of the devices." },
        { OBJECT_DEVICE, "reset", KEY_TYPE_WORD, .is_required = true, .is_sourced = true, .words = WORDS("kernel", "flr", "none"),
          .help = "What resets it: a reset of the kernel's own for this very device, which nobody else is to touch; its "
                  "function reset; or nothing that does no harm." },
        { OBJECT_DEVICE, "bus_reset", KEY_TYPE_WORD, .is_sourced = true, .words = WORDS("wanted", "forbidden"),
          .help = "Whether the bus reset is the reset it needs, or takes it off the bus. Default: neither is known." },
        { OBJECT_DEVICE, "note", KEY_TYPE_TEXT, .format = &format_any, .help = "What else a person should know." },
        { OBJECT_DEVICE_MATCH, "id", KEY_TYPE_TEXT, .is_required = true, .format = &format_id,
          .help = "PCI vendor and device id." },

        { OBJECT_FAMILY, "family", KEY_TYPE_TEXT, .is_required = true, .format = &format_family,
          .help = "Name of the family, as status shows it." },
        { OBJECT_FAMILY, "match", KEY_TYPE_OBJECTS, .is_required = true, .child = OBJECT_FAMILY_MATCH,
          .min = 1, .max = FAMILY_IDS_MAX,
          .help = "Ids of the display functions. Companions go by the slot and are not listed." },
        { OBJECT_FAMILY, "source", KEY_TYPE_TEXT, .format = &key_format_source,
          .help = "Where the ids are known from." },
        { OBJECT_FAMILY, "confidence", KEY_TYPE_WORD, .is_sourced = true, .words = WORDS(CONFIDENCE_WORDS),
          .help = CONFIDENCE_HELP },
        { OBJECT_FAMILY, "recovery", KEY_TYPE_WORDS, .is_sourced = true, .words = WORDS("suspend", "power-off"), .max = 2,
          .help = "What brings a lost card back, in order of preference. Default: not known." },
        { OBJECT_FAMILY, "bus_reset", KEY_TYPE_WORD, .is_required = true, .is_sourced = true,
          .words = WORDS("wanted", "forbidden"),
          .help = "Whether the bus reset at the end of a guest is the reset this family needs, or can kill "
                  "the card." },
        { OBJECT_FAMILY, "kernel_guard", KEY_TYPE_WORD, .is_sourced = true,
          .words = WORDS("none", "always", "vendor-reset"),
          .help = "When the kernel keeps bus resets from these cards by itself: always, or while the module "
                  "vendor-reset looks after the card. Default: none." },
        { OBJECT_FAMILY, "state", KEY_TYPE_OBJECT, .child = OBJECT_STATE,
          .help = "Where the family's reset states differ from the base table. Only for the worse." },
        { OBJECT_FAMILY, "reset", KEY_TYPE_ONE_OR_MORE, .child = OBJECT_RESET, .min = 1, .max = RECIPES_MAX,
          .help = "The family's own reset, or several in order of preference: the first that can run is taken." },
        { OBJECT_FAMILY, "guest_reboots", KEY_TYPE_NUMBER, .is_sourced = true, .max = GUEST_REBOOTS_MAX,
          .help = "How many reboots inside one QEMU process the card bears; the one after them fails. Default: "
                  "no limit." },

        { OBJECT_FAMILY, "advice", KEY_TYPE_OBJECTS, .child = OBJECT_ADVICE, .max = ADVICE_MAX,
          .help = "What the domain XML of a VM with such a card, or the VM itself, should have. For people; nothing of it is "
                  "done by itself." },

        { OBJECT_FAMILY_MATCH, "id", KEY_TYPE_TEXT, .is_required = true, .format = &format_id,
          .help = "PCI vendor and device id of the display function; \"*\" for any." },
        { OBJECT_FAMILY_MATCH, "subsystem", KEY_TYPE_TEXT, .format = &format_subsystem,
          .help = SUBSYSTEM_HELP },

        { OBJECT_STATE, "touched_host_bind", KEY_TYPE_WORD, .is_sourced = true, .words = WORDS(STATE_WORDS),
          .help = "State after a host driver has taken a touched card. Base: touched." },
        { OBJECT_STATE, "prefail_bus_reset", KEY_TYPE_WORD, .is_sourced = true, .words = WORDS(STATE_WORDS),
          .help = "State after a bus reset in prefail. Base: failed." },
        { OBJECT_STATE, "quirk_reset_ok", KEY_TYPE_WORD, .is_sourced = true,
          .words = WORDS(STATE_WORDS, "no-change"),
          .help = "State after the family's own reset was run and verified. Base: no-change." },
        { OBJECT_STATE, "dirty_guest_end", KEY_TYPE_WORD, .is_sourced = true,
          .words = WORDS(STATE_WORDS, "no-change"),
          .help = "State after a VM that was destroyed, has crashed or failed. Base: no-change." },
        { OBJECT_STATE, "reset_line_is_prefail", KEY_TYPE_BOOL, .is_sourced = true,
          .help = "Whether the host driver's log line of a reset at its start means prefail. Base: false." },

        { OBJECT_RESET, "name", KEY_TYPE_TEXT, .format = &format_family,
          .help = "What outcomes are counted under. Default: \"reset\"." },
        { OBJECT_RESET, "after_driver", KEY_TYPE_TEXT, .format = &format_driver,
          .help = "Run only if this host driver has had the card since power-up or the last reset. Default: "
                  "always." },
        { OBJECT_RESET, "needs_guard", KEY_TYPE_BOOL,
          .help = "Run only while a guard keeps the bus reset away. Default: true where bus_reset is "
                  "forbidden." },
        { OBJECT_RESET, "before_guest", KEY_TYPE_BOOL,
          .help = "False: on the way to a guest somebody else does it (QEMU, vfio), and only a person's `reset` runs "
                  "it. Default: true." },
        { OBJECT_RESET, "experimental", KEY_TYPE_BOOL,
          .help = "Not proven on this family: runs only where policy allows \"experimental\". Default: false." },
        { OBJECT_RESET, "recovery", KEY_TYPE_BOOL,
          .help = "True: these are the words by which `gpuswitchctl recover` may bring a lost card back (remove-rescan, "
                  "suspend), and no reset; never run by itself. One in a family. Default: false." },
        { OBJECT_RESET, "confidence", KEY_TYPE_WORD, .words = WORDS(CONFIDENCE_WORDS), .help = CONFIDENCE_HELP },
        { OBJECT_RESET, "steps", KEY_TYPE_OBJECTS, .is_required = true, .child = OBJECT_RESET_STEP, .min = 1,
          .max = RECIPE_STEPS_MAX,
          .help = "In this order. What writes has to save before, and to restore and verify after it." },
        { OBJECT_RESET, "source", KEY_TYPE_TEXT, .is_required = true, .format = &key_format_source,
          .help = "Where this reset is known from." },

        { OBJECT_RESET_STEP, "do", KEY_TYPE_WORD, .is_required = true,
          .words = WORDS(STEP_WORDS),
          .help = "What to do. Save, restore and verify mean all functions of the card, the others the display function." },
        { OBJECT_RESET_STEP, "offset", KEY_TYPE_TEXT, .format = &format_offset, .with = WORDS("write-config"),
          .needed_by = WORDS("write-config"), .help = "Where in configuration space, in bytes." },
        { OBJECT_RESET_STEP, "bar", KEY_TYPE_TEXT, .format = &format_bar, .with = WITH_REGISTER,
          .needed_by = WITH_REGISTER, .help = "Number of the BAR that the register is in." },
        { OBJECT_RESET_STEP, "index", KEY_TYPE_TEXT, .format = &format_offset, .with = WITH_REGISTER,
          .help = "Of a register behind a pair: where in the BAR its address is written, in bytes." },
        { OBJECT_RESET_STEP, "data", KEY_TYPE_TEXT, .format = &format_offset, .with = WITH_REGISTER,
          .help = "Of a register behind a pair: where in the BAR it then appears, in bytes." },
        { OBJECT_RESET_STEP, "register", KEY_TYPE_TEXT, .format = &format_dword, .with = WITH_REGISTER,
          .needed_by = WITH_REGISTER, .help = "Its address: behind the pair, or in bytes into the BAR." },
        { OBJECT_RESET_STEP, "mask", KEY_TYPE_TEXT, .format = &format_dword,
          .with = WORDS("write-config", "check-register", "poll-register", "write-register", "differ-register"),
          .needed_by = WORDS("differ-register"), .help = "The bits that are meant. Default: all 32." },
        { OBJECT_RESET_STEP, "value", KEY_TYPE_TEXT, .format = &format_dword,
          .with = WORDS("write-config", "write-register"), .needed_by = WORDS("write-config", "write-register"),
          .help = "What those bits become." },
        { OBJECT_RESET_STEP, "equals", KEY_TYPE_TEXT, .format = &format_dword, .with = WITH_TEST,
          .help = "The test is passed if those bits are this. One of equals, differs, at_least has to be there." },
        { OBJECT_RESET_STEP, "differs", KEY_TYPE_TEXT, .format = &format_dword, .with = WITH_TEST,
          .help = "The test is passed if those bits are anything but this." },
        { OBJECT_RESET_STEP, "at_least", KEY_TYPE_TEXT, .format = &format_dword, .with = WITH_TEST,
          .help = "The test is passed if those bits, as a number, are this or more." },
        { OBJECT_RESET_STEP, "unlike", KEY_TYPE_TEXT, .format = &format_dword, .with = WORDS("differ-register"),
          .needed_by = WORDS("differ-register"), .help = "Address of the other register, behind the same pair." },
        { OBJECT_RESET_STEP, "unlike_mask", KEY_TYPE_TEXT, .format = &format_dword, .with = WORDS("differ-register"),
          .needed_by = WORDS("differ-register"), .help = "Its bit, from which the bit of `mask` is made to differ." },
        { OBJECT_RESET_STEP, "optional", KEY_TYPE_BOOL, .with = WITH_REGISTER,
          .help = "Whether a card that has no such BAR is reset without this step. Default: false, it is not reset so." },
        { OBJECT_RESET_STEP, "method", KEY_TYPE_TEXT, .format = &format_method, .with = WORDS("function-reset"),
          .needed_by = WORDS("function-reset"), .help = "Which of the kernel's methods, as reset_method names them." },
        { OBJECT_RESET_STEP, "for", KEY_TYPE_TEXT, .format = &format_duration, .with = WORDS("delay", "suspend"),
          .needed_by = WORDS("delay"),
          .help = "How long to wait at least, at most 5s. Of suspend: when the clock wakes the machine, 5s to 60s; default 10s." },
        { OBJECT_RESET_STEP, "timeout", KEY_TYPE_TEXT, .format = &format_duration, .needed_by = WORDS("poll-register"),
          .help = "When to give the step up: of poll-register, when its test has not been passed, at most 10s; of the others "
                  "at most, and by default, 120s." },

        { OBJECT_ADVICE, "text", KEY_TYPE_TEXT, .is_required = true, .format = &format_any,
          .help = "What to do and why, in whole sentences." },
        { OBJECT_ADVICE, "xml", KEY_TYPE_TEXT, .format = &format_element,
          .help = "The element of the domain XML that it is about." },
        { OBJECT_ADVICE, "when", KEY_TYPE_WORD, .words = WORDS(ADVICE_WORDS),
          .help = "Which cards it is for: all of them; the one that the firmware has shown its screen on; those on a root "
                  "bus, so inside the CPU; those with companions; on machines with pages over 4 KiB. Default: always." },
        { OBJECT_ADVICE, "source", KEY_TYPE_TEXT, .is_required = true, .format = &key_format_source,
          .help = "Where this is known from." },

        /* Policy */
        { OBJECT_POLICY_FILE, "$schema", KEY_TYPE_TEXT, .format = &format_any, .help = SCHEMA_HELP },
        { OBJECT_POLICY_FILE, "version", KEY_TYPE_VERSION, .is_required = true, .help = VERSION_HELP },
        { OBJECT_POLICY_FILE, "cards", KEY_TYPE_OBJECTS, .is_required = true, .child = OBJECT_CARD,
          .max = POLICY_CARDS_MAX, .help = "What is wanted of which card." },

        { OBJECT_CARD, "match", KEY_TYPE_OBJECT, .is_required = true, .child = OBJECT_CARD_MATCH,
          .words = WORDS("*"),
          .help = "Which card: by address or by id; \"*\" for all. The more specific entry wins." },
        { OBJECT_CARD, "name", KEY_TYPE_TEXT, .format = &format_name,
          .help = "A name to call the card by. Needs a match by address." },
        { OBJECT_CARD, "return", KEY_TYPE_WORD, .words = WORDS("host", "stay"),
          .help = "Where the card goes after its VM: back to the host, or it stays on vfio-pci. Default: "
                  "host." },
        { OBJECT_CARD, "automatic", KEY_TYPE_BOOL,
          .help = "Whether a VM start takes the card by itself. Default: true." },
        { OBJECT_CARD, "allow", KEY_TYPE_WORDS, .words = WORDS("holders", "lockdown", "experimental"),
          .max = 3,
          .help = "Refusals to waive. holders: processes have the card open; lockdown: the kernel's lockdown "
                  "forbids the reset before a guarded start. And experimental: resets that are not proven on the card's "
                  "family may run. Default: none." },
        { OBJECT_CARD, "bus_reset", KEY_TYPE_WORD, .words = WORDS("forbidden"),
          .help = "Forbids the bus reset although the card's family does not." },
        { OBJECT_CARD, "with", KEY_TYPE_TEXTS, .format = &format_address, .max = FELLOWS_MAX,
          .help = "Devices of other slots (NVMe, USB controllers, network cards) that go along with the card, by address. "
                  "Needs a match by address. Default: none." },

        { OBJECT_CARD_MATCH, "address", KEY_TYPE_TEXT, .format = &format_address,
          .help = "Address of the card. It can change when hardware is added." },
        { OBJECT_CARD_MATCH, "id", KEY_TYPE_TEXT, .format = &format_id,
          .help = "PCI vendor and device id of the display function." },
        { OBJECT_CARD_MATCH, "subsystem", KEY_TYPE_TEXT, .format = &format_subsystem,
          .help = SUBSYSTEM_HELP },
};

const KeySpec *key_spec(size_t index) {
        return index < ELEMENTSOF(key_table) ? &key_table[index] : NULL;
}

const KeySpec *key_find(KeyObject object, const char *key) {
        for (size_t i = 0; i < ELEMENTSOF(key_table); i++)
                if (key_table[i].object == object && streq(key_table[i].key, key))
                        return &key_table[i];
        return NULL;
}

KeyUser key_object_user(KeyObject object) {
        return object >= OBJECT_POLICY_FILE ? KEY_USER_POLICY : KEY_USER_QUIRKS;
}

const char *key_object_name(KeyObject object) {
        static const char *const names[_KEY_OBJECT_MAX] = {
                [OBJECT_QUIRKS_FILE] = "quirks",
                [OBJECT_FAMILY] = "family",
                [OBJECT_FAMILY_MATCH] = "family-match",
                [OBJECT_STATE] = "state",
                [OBJECT_RESET] = "reset",
                [OBJECT_RESET_STEP] = "reset-step",
                [OBJECT_ADVICE] = "advice",
                [OBJECT_DEVICE] = "device",
                [OBJECT_DEVICE_MATCH] = "device-match",
                [OBJECT_POLICY_FILE] = "policy",
                [OBJECT_CARD] = "card",
                [OBJECT_CARD_MATCH] = "card-match",
        };

        assert(object >= 0 && object < _KEY_OBJECT_MAX);
        return names[object];
}

/* Of as many formats as there are in this file. */
#define FORMATS_MAX 16U

/* Compiled once and kept: a file has hundreds of texts, and a compilation costs more than all its matches. */
static int compiled(const KeyFormat *format, const regex_t **ret_pattern) {
        static struct {
                const KeyFormat *format;
                regex_t pattern;
        } cache[FORMATS_MAX];
        size_t i = 0;

        while (i < FORMATS_MAX && cache[i].format && cache[i].format != format)
                i++;
        assert(i < FORMATS_MAX);
        if (!cache[i].format) {
                int r = regcomp(&cache[i].pattern, format->pattern, REG_EXTENDED | REG_NOSUB);
                if (r != 0) {
                        assert(r == REG_ESPACE); /* any other is a fault of this file */
                        return -ENOMEM;
                }
                cache[i].format = format;
        }
        *ret_pattern = &cache[i].pattern;
        return 0;
}

int key_format_matches(const KeyFormat *format, const char *text) {
        const regex_t *pattern;

        int r = compiled(format, &pattern);
        if (r < 0)
                return r;
        r = regexec(pattern, text, 0, NULL, 0);
        return r == 0 ? 1 : r == REG_NOMATCH ? 0 : -ENOMEM;
}
