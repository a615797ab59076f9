/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* inhibit --list: who holds switches back. */

#include "client/inhibit.h"

#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>

#include "base/text.h"
#include "client/json.h"
#include "client/table.h"
#include "gpuswitch/names.h"

enum { COLUMN_GPU, COLUMN_MODE, COLUMN_WHO, COLUMN_WHY, COLUMN_USER, COLUMN_PID, _COLUMN_MAX };

static const char *const headings[_COLUMN_MAX] = { "GPU", "MODE", "WHO", "WHY", "USER", "PID" };

/* As in the reply. */
typedef struct Entry {
        const char *card, *who, *why, *mode;
        uint32_t uid, pid;
} Entry;

static int next_entry(sd_bus_message *reply, Entry *ret_entry) {
        return sd_bus_message_read(reply, "(ssssuu)", &ret_entry->card, &ret_entry->who, &ret_entry->why,
                                   &ret_entry->mode, &ret_entry->uid, &ret_entry->pid);
}

static int add_row(Table *table, const Entry *entry) {
        const struct passwd *user = getpwuid(entry->uid);
        int r = table_row(table);

        if (r >= 0)
                r = table_set(table, COLUMN_GPU, COLOUR_PLAIN, "%s", isempty(entry->card) ? "all" : entry->card);
        if (r >= 0)
                r = table_set(table, COLUMN_MODE, COLOUR_PLAIN, "%s", entry->mode);
        if (r >= 0)
                r = table_set(table, COLUMN_WHO, COLOUR_PLAIN, "%s", entry->who);
        if (r >= 0)
                r = table_set(table, COLUMN_WHY, COLOUR_PLAIN, "%s", entry->why);
        if (r >= 0 && user)
                r = table_set(table, COLUMN_USER, COLOUR_PLAIN, "%s", user->pw_name);
        else if (r >= 0)
                r = table_set(table, COLUMN_USER, COLOUR_PLAIN, "%" PRIu32, entry->uid);
        if (r >= 0 && entry->pid > 0)
                r = table_set(table, COLUMN_PID, COLOUR_PLAIN, "%" PRIu32, entry->pid);
        return r;
}

static int print_table(sd_bus_message *reply) {
        _cleanup_(table_done) Table table;
        Entry entry;

        int r = table_init(&table, headings, _COLUMN_MAX);
        while (r >= 0 && (r = next_entry(reply, &entry)) > 0)
                r = add_row(&table, &entry);
        if (r < 0)
                return r;
        if (table.n_rows > 1)
                table_print(&table, stdout);
        else
                fputs("Nobody holds a switch back.\n", stderr);
        return 0;
}

static int put(json_object *object, const char *key, json_object *value) {
        return json_object_object_add(object, key, value) < 0 ? -ENOMEM : 0;
}

static int print_list_json(sd_bus_message *reply) {
        _cleanup_(json_object_putp) json_object *all = json_object_new_object();
        json_object *list = json_object_new_array();
        Entry entry;

        int r = put(all, "inhibitors", list);
        while (r >= 0 && (r = next_entry(reply, &entry)) > 0) {
                json_object *object = json_object_new_object();
                if (json_object_array_add(list, object) < 0)
                        return -ENOMEM;
                r = put(object, "gpu", isempty(entry.card) ? NULL : json_object_new_string(entry.card));
                if (r >= 0)
                        r = put(object, "mode", json_object_new_string(entry.mode));
                if (r >= 0)
                        r = put(object, "who", json_object_new_string(entry.who));
                if (r >= 0)
                        r = put(object, "why", json_object_new_string(entry.why));
                if (r >= 0)
                        r = put(object, "uid", json_object_new_int64(entry.uid));
                if (r >= 0)
                        r = put(object, "pid", entry.pid > 0 ? json_object_new_int64(entry.pid) : NULL);
        }
        if (r >= 0)
                print_json(stdout, all);
        return r;
}

int inhibitors_fetch(sd_bus *bus, sd_bus_message **ret_list, sd_bus_error *reterr) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;

        int r = sd_bus_call_method(bus, GPUSWITCH_BUS_NAME, GPUSWITCH_BUS_PATH, GPUSWITCH_MANAGER_INTERFACE,
                                   "ListInhibitors", reterr, &reply, "");
        if (r >= 0)
                r = sd_bus_message_enter_container(reply, 'a', "(ssssuu)");
        if (r < 0)
                return r;
        *ret_list = TAKE_PTR(reply);
        return 0;
}

int inhibitors_rewind(sd_bus_message *list) {
        int r = sd_bus_message_rewind(list, /* complete= */ 1);

        return r < 0 ? r : sd_bus_message_enter_container(list, 'a', "(ssssuu)");
}

int inhibitors_next_block(sd_bus_message *list, const char *address, char *buffer, size_t size) {
        Entry entry;
        int r;

        while ((r = next_entry(list, &entry)) > 0) {
                bool is_meant = isempty(entry.card) || streq(entry.card, address);
                if (!is_meant || !streq(entry.mode, "block"))
                        continue;
                (void) text_format(buffer, size, "'%s' (pid %" PRIu32 ", user %" PRIu32 "): %s", entry.who, entry.pid,
                                   entry.uid, entry.why);
                return 1;
        }
        return r;
}

ExitStatus inhibitors_list(const Options *options, sd_bus *bus) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *list = NULL;

        int r = inhibitors_fetch(bus, &list, &error);
        if (r < 0)
                return bus_fail(options, &error, r);
        r = options->json ? print_list_json(list) : print_table(list);
        if (r >= 0)
                return EXIT_DONE;
        fprintf(stderr, "cannot print the list: %s\n", strerror(-r));
        return EXIT_REFUSED;
}
