/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The daemon has no use for lines and sources, so they are not kept. What is loaded knows which entry of which file it came
 * from; that file is read again, held to the table of keys again, and walked along the table.
 */

#include "policy/values.h"

#include <json-c/json_pointer.h>

#include "base/text.h"
#include "policy/check.h"
#include "policy/document.h"
#include "policy/folder.h"
#include "policy/model.h"

typedef struct Collection {
        PolicyValue *list;
        size_t n;
        const char *file;   /* the one that is being read, ... */
        const Spots *spots; /* ... and its lines */
} Collection;

static void value_text(json_object *value, char *buffer, size_t size) {
        buffer[0] = '\0';
        if (!json_object_is_type(value, json_type_array)) {
                (void) text_format(buffer, size, "%s", json_object_get_string(value));
                return;
        }
        for (size_t i = 0; i < json_object_array_length(value); i++)
                (void) text_append(buffer, size, "%s%s", i ? " " : "",
                                   json_object_get_string(json_object_array_get_idx(value, i)));
}

static void add_value(Collection *values, const char *prefix, const char *key, const Place *place, json_object *value,
                      const char *source) {
        if (values->n == POLICY_VALUES_MAX)
                return;
        PolicyValue *entry = &values->list[values->n++];
        (void) text_format(entry->key, sizeof(entry->key), "%s%s", prefix, key);
        value_text(value, entry->text, sizeof(entry->text));
        (void) text_format(entry->file, sizeof(entry->file), "%s", values->file);
        (void) text_format(entry->source, sizeof(entry->source), "%s", source ?: "");
        entry->line = spots_line(values->spots, place->text);
}

static void collect_resets(Collection *values, const Place *place, json_object *value);

/* All of @object that is one value each, and what is below it; but no list of ids or steps. */
static void collect(Collection *values, KeyObject kind, const char *prefix, const Place *place, json_object *object) {
        const char *source = kind == OBJECT_RESET || kind == OBJECT_FAMILY ? member_string(object, "source") : NULL;

        json_object_object_foreach(object, key, value) {
                const KeySpec *spec = key_find(kind, key);
                Place at = place_key(place, key);
                if (!spec || streq(key, "source"))
                        continue;
                if (spec->is_sourced)
                        add_value(values, prefix, key, &at, member(value, "value"), member_string(value, "source"));
                else if (spec->type == KEY_TYPE_ONE_OR_MORE)
                        collect_resets(values, &at, value);
                else if (spec->child == OBJECT_STATE)
                        collect(values, OBJECT_STATE, "state.", &at, value);
                else if (spec->type == KEY_TYPE_WORD || spec->type == KEY_TYPE_TEXT || spec->type == KEY_TYPE_BOOL ||
                         spec->type == KEY_TYPE_NUMBER || spec->type == KEY_TYPE_WORDS)
                        add_value(values, prefix, key, &at, value, source);
        }
}

static void collect_resets(Collection *values, const Place *place, json_object *value) {
        bool is_list = json_object_is_type(value, json_type_array);
        size_t n = is_list ? json_object_array_length(value) : 1;

        for (size_t i = 0; i < n; i++) {
                json_object *reset = is_list ? json_object_array_get_idx(value, i) : value;
                Place at = is_list ? place_index(place, i) : *place;
                char prefix[64];
                (void) text_format(prefix, sizeof(prefix), "reset.%s.", json_object_get_boolean(member(reset, "recovery")) ? "recovery"
                                                                                             : member_string(reset, "name") ?: "reset");
                collect(values, OBJECT_RESET, prefix, &at, reset);
        }
}

/* Reads @path again and finds the entry at @place in it. @only: of a policy entry, the one key that is taken. */
static int collect_entry(Collection *values, const char *path, const Place *place, KeyObject kind, const char *only) {
        _cleanup_free_ char *text = NULL;
        _cleanup_document_ Document document = { 0 };
        KeyObject whole = kind == OBJECT_FAMILY ? OBJECT_QUIRKS_FILE : OBJECT_POLICY_FILE;
        static Problems problems;
        Report report = { .problems = &problems, .file = path };
        FolderFile file = { 0 };
        json_object *entry = NULL;
        size_t size = 0;

        problems = (Problems){ 0 };
        (void) text_copy(file.path, sizeof(file.path), path);
        int r = folder_read(&file, &report, &text, &size);
        if (r == 0)
                r = size == 0 ? -ESTALE : document_parse(text, size, &report, &document);
        if (r == 0)
                r = check_object(&report, &(Place){ 0 }, whole, document.root);
        if (r == -ENOMEM)
                return r;
        if (r != 0 || json_pointer_get(document.root, place->text, &entry) < 0)
                return -ESTALE;
        values->file = path;
        values->spots = &document.spots;
        if (!only)
                collect(values, kind, "", place, entry);
        else if (member(entry, only)) {
                Place at = place_key(place, only);
                add_value(values, "", only, &at, member(entry, only), NULL);
        }
        values->spots = NULL;
        return 0;
}

int policy_values(const Policy *policy, const CardFacts *card, PolicyValue **ret_values, size_t *ret_n) {
        _cleanup_free_ PolicyValue *list = calloc(POLICY_VALUES_MAX, sizeof(*list));
        Collection values = { .list = list };
        const Family *family = model_family(policy, card);
        int r = 0;

        if (!list)
                return -ENOMEM;
        if (family)
                r = collect_entry(&values, family->origin, &family->place, OBJECT_FAMILY, NULL);
        for (CardWord word = 0; word < _CARD_WORD_MAX && r == 0; word++) {
                const PolicyCard *entry = model_card(policy, card, word);
                if (entry)
                        r = collect_entry(&values, entry->origin, &entry->place, OBJECT_CARD, card_word_key(word));
        }
        if (r < 0)
                return r;
        *ret_values = TAKE_PTR(list);
        *ret_n = values.n;
        return 0;
}
