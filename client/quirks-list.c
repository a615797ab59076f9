/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* quirks list: one line for each family. */

#include <stdio.h>

#include "base/enum-text.h"
#include "base/text.h"
#include "client/json.h"
#include "client/quirks.h"
#include "client/table.h"

enum { COLUMN_FAMILY, COLUMN_IDS, COLUMN_BUS_RESET, COLUMN_RESETS, COLUMN_CONFIDENCE, COLUMN_FILE, _COLUMN_MAX };

static const char *const headings[_COLUMN_MAX] = { "FAMILY", "IDS", "BUS RESET", "RESETS", "CONFIDENCE", "FILE" };

static const char *resets_text(const PolicyFamily *family, char *buffer, size_t size) {
        buffer[0] = '\0';
        for (size_t i = 0; i < RECIPES_MAX && family->recipes[i].n_steps > 0; i++)
                (void) text_append(buffer, size, "%s%s%s", i ? ", " : "", family->recipes[i].name,
                                   family->recipes[i].experimental ? " (experimental)" : "");
        return buffer;
}

static int add_row(Table *table, const Policy *policy, size_t index, const PolicyFamily *family) {
        Colour bus_reset = family->bus_reset == BUS_RESET_FORBIDDEN ? COLOUR_WARNING : COLOUR_PLAIN;
        char resets[256], id[32], more[32] = "";

        policy_family_id(policy, index, 0, id, sizeof(id));
        if (family->n_ids > 1)
                (void) text_format(more, sizeof(more), " and %zu more", family->n_ids - 1);
        int r = table_row(table);
        if (r >= 0)
                r = table_set(table, COLUMN_FAMILY, COLOUR_STRONG, "%s", family->name);
        if (r >= 0)
                r = table_set(table, COLUMN_IDS, COLOUR_PLAIN, "%s%s", id, more);
        if (r >= 0)
                r = table_set(table, COLUMN_BUS_RESET, bus_reset, "%s", bus_reset_wish_to_string(family->bus_reset));
        if (r >= 0)
                r = table_set(table, COLUMN_RESETS, COLOUR_PLAIN, "%s", resets_text(family, resets, sizeof(resets)));
        if (r >= 0)
                r = table_set(table, COLUMN_CONFIDENCE, COLOUR_PLAIN, "%s", family->confidence);
        if (r >= 0)
                r = table_set(table, COLUMN_FILE, COLOUR_FAINT, "%s:%zu", family->file, family->line);
        return r;
}

static int print_table(const Policy *policy) {
        _cleanup_(table_done) Table table;
        PolicyFamily family;

        int r = table_init(&table, headings, _COLUMN_MAX);
        for (size_t i = 0; r >= 0 && policy_family(policy, i, &family); i++)
                r = add_row(&table, policy, i, &family);
        if (r >= 0)
                table_print(&table, stdout);
        return r;
}

static json_object *family_json(const Policy *policy, size_t index, const PolicyFamily *family) {
        json_object *entry = json_object_new_object(), *ids = json_object_new_array(), *resets = json_object_new_array();
        char id[32];

        for (size_t i = 0; i < family->n_ids; i++)
                json_object_array_add(ids, json_object_new_string(policy_family_id(policy, index, i, id, sizeof(id))));
        for (size_t i = 0; i < RECIPES_MAX && family->recipes[i].n_steps > 0; i++) {
                json_object *reset = json_object_new_object();
                json_object_object_add(reset, "name", json_object_new_string(family->recipes[i].name));
                json_object_object_add(reset, "experimental", json_object_new_boolean(family->recipes[i].experimental));
                json_object_array_add(resets, reset);
        }
        json_object_object_add(entry, "family", json_object_new_string(family->name));
        json_object_object_add(entry, "ids", ids);
        json_object_object_add(entry, "bus_reset", json_object_new_string(bus_reset_wish_to_string(family->bus_reset)));
        json_object_object_add(entry, "resets", resets);
        json_object_object_add(entry, "confidence",
                               isempty(family->confidence) ? NULL : json_object_new_string(family->confidence));
        json_object_object_add(entry, "file", json_object_new_string(family->file));
        json_object_object_add(entry, "line", json_object_new_uint64(family->line));
        return entry;
}

static void print_families_json(const Policy *policy) {
        _cleanup_(json_object_putp) json_object *root = json_object_new_object();
        json_object *list = json_object_new_array();
        PolicyFamily family;

        for (size_t i = 0; policy_family(policy, i, &family); i++)
                json_object_array_add(list, family_json(policy, i, &family));
        json_object_object_add(root, "families", list);
        json_object_object_add(root, "problems", quirks_problems_json(policy));
        print_json(stdout, root);
}

ExitStatus quirks_list(const Options *options) {
        _cleanup_(policy_freep) Policy *policy = NULL;
        int r = quirks_load(options, &policy);

        if (r < 0)
                return EXIT_REFUSED;
        if (options->json)
                print_families_json(policy);
        else if ((r = print_table(policy)) < 0)
                fprintf(stderr, "cannot print the table: %s\n", strerror(-r));
        return r < 0 || quirks_tell_problems(policy) > 0 ? EXIT_REFUSED : EXIT_DONE;
}
