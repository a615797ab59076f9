/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The journal's entries of this project. Needs no daemon, since it is wanted most when there is none;
 * only a card's name has to be looked up. Anybody can log with our fields, so they count only from root.
 */

#include <stdio.h>
#include <systemd/sd-id128.h>
#include <systemd/sd-journal.h>

#include "base/address.h"
#include "base/text.h"
#include "client/json.h"
#include "client/printable.h"
#include "client/session.h"
#include "client/table.h"
#include "client/timestamp.h"
#include "gpuswitch/names.h"

#define LINES_WITH_FOLLOW 10U

static const char *const message_ids[] = {
        MESSAGE_ID_STATE_CHANGED,   MESSAGE_ID_OWNER_CHANGED,     MESSAGE_ID_SWITCH_REFUSED,
        MESSAGE_ID_SWITCH_FAILED,   MESSAGE_ID_CARD_STUCK,        MESSAGE_ID_CARD_FAILED,
        MESSAGE_ID_STORE_SET_ASIDE, MESSAGE_ID_BAD_CONFIGURATION, MESSAGE_ID_RECOVERED,
        MESSAGE_ID_ROLLED_BACK,     MESSAGE_ID_CARD_UNSTUCK,      MESSAGE_ID_RELEASE_DEFERRED,
        MESSAGE_ID_OTHER_HANDS,     MESSAGE_ID_LAST_REBOOT,       MESSAGE_ID_REBOOTS_USED_UP,
        MESSAGE_ID_REBOOT_STOPPED,  MESSAGE_ID_RECORD_UNREADABLE, MESSAGE_ID_HELPER_DIED,
        MESSAGE_ID_STORE_FAILED,    MESSAGE_ID_NO_STORE,
};

static int add_match(sd_journal *journal, const char *field, const char *value) {
        char match[ATTRIBUTE_VALUE_SIZE + MESSAGE_TEXT_SIZE];

        int r = text_format(match, sizeof(match), "%s=%s", field, value);
        return r < 0 ? r : sd_journal_add_match(journal, match, 0);
}

/* What our units print, what systemd says of them, or any entry of one of our kinds. */
static int match_project(sd_journal *journal) {
        static const char *const units[] = { "gpuswitchd.service", "gpuswitch-virtwatch.service" };
        int r = 0;

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(units); i++)
                r = add_match(journal, "_SYSTEMD_UNIT", units[i]);
        if (r >= 0)
                r = sd_journal_add_disjunction(journal);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(units); i++)
                r = add_match(journal, "UNIT", units[i]);
        if (r >= 0)
                r = add_match(journal, "_PID", "1");
        if (r >= 0)
                r = sd_journal_add_disjunction(journal);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(message_ids); i++)
                r = add_match(journal, "MESSAGE_ID", message_ids[i]);
        return r < 0 ? r : add_match(journal, "_UID", "0");
}

static int match_gpu(sd_journal *journal, const char *address) {
        int r = add_match(journal, JOURNAL_FIELD_GPU, address);

        return r < 0 ? r : add_match(journal, "_UID", "0");
}

static int match_boot(sd_journal *journal) {
        char text[SD_ID128_STRING_MAX];
        sd_id128_t boot;

        int r = sd_id128_get_boot(&boot);
        if (r >= 0)
                r = sd_journal_add_conjunction(journal);
        return r < 0 ? r : add_match(journal, "_BOOT_ID", sd_id128_to_string(boot, text));
}

static int open_journal(const Options *options, const char *address, sd_journal **ret_journal) {
        _cleanup_(sd_journal_closep) sd_journal *journal = NULL;
        int r;

        if (options->directory)
                r = sd_journal_open_directory(&journal, options->directory, 0);
        else
                r = sd_journal_open(&journal, SD_JOURNAL_LOCAL_ONLY | SD_JOURNAL_SYSTEM);
        if (r >= 0)
                r = address ? match_gpu(journal, address) : match_project(journal);
        if (r >= 0 && options->this_boot)
                r = match_boot(journal);
        if (r >= 0)
                *ret_journal = TAKE_PTR(journal);
        return r;
}

/* "FIELD=value" of the present entry as a string of its own; NULL when it has none. */
static char *field_text(sd_journal *journal, const char *field) {
        const void *data = NULL;
        size_t size = 0, skip = strlen(field) + 1;

        if (sd_journal_get_data(journal, field, &data, &size) < 0 || size < skip)
                return NULL;
        char *text = strndup((const char *) data + skip, size - skip);
        return text ? printable_clean(text) : NULL;
}

static void add_text(json_object *object, const char *key, char *text) {
        if (text)
                (void) json_object_object_add(object, key, json_object_new_string(text));
        free(text);
}

/* GPUSWITCH_OLD_STATE becomes "old_state". */
static void add_own_fields(sd_journal *journal, json_object *object) {
        const void *data;
        size_t size;

        SD_JOURNAL_FOREACH_DATA(journal, data, size) {
                static const char prefix[] = "GPUSWITCH_";
                char key[ATTRIBUTE_VALUE_SIZE];
                const char *equals = memchr(data, '=', size);

                if (!equals || size < sizeof(prefix) || memcmp(data, prefix, sizeof(prefix) - 1) != 0)
                        continue;
                _cleanup_free_ char *field = strndup(data, (size_t) (equals - (const char *) data));
                if (field && name_to_snake_case(field + sizeof(prefix) - 1, key, sizeof(key)) >= 0)
                        add_text(object, key, field_text(journal, field));
        }
}

static void print_entry_json(sd_journal *journal, usec_t usec) {
        _cleanup_(json_object_putp) json_object *object = json_object_new_object();
        _cleanup_free_ char *priority = field_text(journal, "PRIORITY");
        char when[TIMESTAMP_TEXT_SIZE];
        uint64_t level;

        if (!object)
                return;
        (void) json_object_object_add(object, "time", json_object_new_string(timestamp_utc(usec, when)));
        if (priority && text_to_uint64(priority, 10, &level) >= 0)
                (void) json_object_object_add(object, "priority", json_object_new_uint64(level));
        add_text(object, "unit", field_text(journal, "_SYSTEMD_UNIT"));
        add_text(object, "message_id", field_text(journal, "MESSAGE_ID"));
        add_text(object, "message", field_text(journal, "MESSAGE"));
        add_own_fields(journal, object);
        print_json_line(stdout, object);
}

static Colour colour_of_priority(const char *priority) {
        uint64_t level;

        if (!priority || text_to_uint64(priority, 10, &level) < 0)
                return COLOUR_PLAIN;
        return level <= 3 ? COLOUR_BAD : level == 4 ? COLOUR_WARNING : COLOUR_PLAIN;
}

static void print_entry_text(sd_journal *journal, usec_t usec) {
        _cleanup_free_ char *message = field_text(journal, "MESSAGE"),
                            *gpu = field_text(journal, JOURNAL_FIELD_GPU),
                            *priority = field_text(journal, "PRIORITY");
        char when[TIMESTAMP_TEXT_SIZE];

        printf("%s %s ", timestamp_local(usec, when), gpu ? printable_line(gpu) : "-");
        colour_put(stdout, colour_wanted(stdout), colour_of_priority(priority),
                   message ? printable_line(message) : "");
        putchar('\n');
}

static int print_entry(sd_journal *journal, bool as_json) {
        uint64_t usec = 0;

        int r = sd_journal_get_realtime_usec(journal, &usec);
        if (r < 0)
                return r;
        if (as_json)
                print_entry_json(journal, usec);
        else
                print_entry_text(journal, usec);
        return 0;
}

/* Prints from where the journal stands to its end. Return: how many, or negative errno. */
static int print_rest(sd_journal *journal, bool as_json) {
        int n = 0, r;

        while ((r = sd_journal_next(journal)) > 0) {
                r = print_entry(journal, as_json);
                if (r < 0)
                        return r;
                n = 1;
        }
        return r < 0 ? r : n;
}

/* Stands before the entry that is printed first. */
static int seek_start(sd_journal *journal, const Options *options) {
        uint64_t lines = options->follow && options->lines == LINES_ALL ? LINES_WITH_FOLLOW : options->lines;

        if (lines == LINES_ALL)
                return sd_journal_seek_head(journal);
        int r = sd_journal_seek_tail(journal);
        /* One more than wanted, because the first sd_journal_next() steps over it; fewer mean all. */
        if (r >= 0)
                r = sd_journal_previous_skip(journal, lines + 1);
        return r < 0 ? r : (uint64_t) r < lines + 1 ? sd_journal_seek_head(journal) : 0;
}

static int follow(sd_journal *journal, bool as_json) {
        for (;;) {
                (void) fflush(stdout);
                int r = sd_journal_wait(journal, UINT64_MAX);
                if (r >= 0)
                        r = print_rest(journal, as_json);
                if (r < 0)
                        return r;
        }
}

static int show(sd_journal *journal, const Options *options) {
        int r = seek_start(journal, options);
        if (r < 0)
                return r;
        int n = print_rest(journal, options->json);
        if (n < 0)
                return n;
        if (options->follow)
                return follow(journal, options->json);
        if (n == 0) {
                fputs("No entries.\n", stderr);
                if (geteuid() != 0 && !options->directory)
                        fputs("Only root and members of the groups systemd-journal and adm see the system's "
                              "journal.\n",
                              stderr);
        }
        return 0;
}

/* The journal knows cards by their address; a name is asked of the daemon. */
static ExitStatus find_address(const Options *options, const char *argument, char *buffer) {
        _cleanup_session_ Session session = { 0 };
        const Gpu *gpu = NULL;
        PciAddress address;

        if (address_parse(argument, &address) >= 0) {
                (void) address_format(address, buffer);
                return EXIT_DONE;
        }
        ExitStatus status = session_open(&session, options);
        if (status == EXIT_DONE)
                status = session_gpu(&session, argument, &gpu);
        if (status == EXIT_DONE)
                (void) address_format(gpu->pci, buffer);
        return status;
}

ExitStatus verb_log(const Options *options, char **arguments) {
        _cleanup_(sd_journal_closep) sd_journal *journal = NULL;
        char address[PCI_ADDRESS_TEXT_SIZE] = "";

        if (options->host || options->machine) {
                fputs("gpuswitchctl: log reads this system's journal; use ssh or `journalctl -M` for "
                      "another\n",
                      stderr);
                return EXIT_USAGE;
        }
        if (arguments[0]) {
                ExitStatus status = find_address(options, arguments[0], address);
                if (status != EXIT_DONE)
                        return status;
        }
        int r = open_journal(options, arguments[0] ? address : NULL, &journal);
        if (r >= 0)
                r = show(journal, options);
        if (r < 0) {
                fprintf(stderr, "cannot read the journal: %s\n", strerror(-r));
                return EXIT_REFUSED;
        }
        return EXIT_DONE;
}
