/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The recursion follows the table, not the file, so a file cannot make it deep. What the table cannot
 * say (what belongs together, what contradicts) is for those who read the checked tree.
 */

#include "policy/check.h"

#include <inttypes.h>

#include "base/text.h"

static void check_value(Report *report, const Place *place, const KeySpec *spec, json_object *value);

json_object *member(json_object *object, const char *key) {
        json_object *value = NULL;

        return json_object_object_get_ex(object, key, &value) ? value : NULL;
}

const char *member_string(json_object *object, const char *key) {
        json_object *value = member(object, key);

        return value ? json_object_get_string(value) : NULL;
}

json_object *member_value(json_object *object, const char *key) {
        json_object *pair = member(object, key);

        return pair ? member(pair, "value") : NULL;
}

const char *member_value_string(json_object *object, const char *key) {
        json_object *value = member_value(object, key);

        return value ? json_object_get_string(value) : NULL;
}

static bool is_type(Report *report, const Place *place, json_object *value, json_type type,
                    const char *right) {
        if (json_object_is_type(value, type))
                return true;
        (void) report_meaning(report, place, "has to be %s", right);
        return false;
}

/* A text that is a C string of bearable length. */
static const char *check_string(Report *report, const Place *place, json_object *value, const char *right) {
        if (!is_type(report, place, value, json_type_string, right))
                return NULL;
        const char *text = json_object_get_string(value);
        size_t size = (size_t) json_object_get_string_len(value);
        if (strlen(text) != size || size > KEY_TEXT_SIZE_MAX) {
                (void) report_meaning(report, place, "a text without NUL, of at most %u bytes",
                                      KEY_TEXT_SIZE_MAX);
                return NULL;
        }
        return text;
}

static void check_word(Report *report, const Place *place, const KeySpec *spec, json_object *value) {
        const char *text = check_string(report, place, value, "a text in double quotes");
        char right[256] = "";

        if (!text)
                return;
        for (const char *const *word = spec->words; *word; word++) {
                if (streq(*word, text))
                        return;
                (void) text_append(right, sizeof(right), "%s\"%s\"", isempty(right) ? "" : ", ", *word);
        }
        (void) report_meaning(report, place, "\"%.64s\" is not known here; possible: %s", text, right);
}

static void check_format(Report *report, const Place *place, const KeyFormat *format, json_object *value) {
        const char *text = check_string(report, place, value, "a text in double quotes");

        if (!text)
                return;
        int r = key_format_matches(format, text);
        if (r < 0)
                report->out_of_memory = true;
        else if (r == 0)
                (void) report_meaning(report, place, "\"%.64s\" is no %s: %s", text, format->name,
                                      format->right);
}

static void check_number(Report *report, const Place *place, const KeySpec *spec, json_object *value) {
        if (!is_type(report, place, value, json_type_int, "a whole number"))
                return;
        int64_t number = json_object_get_int64(value);
        if (number < (int64_t) spec->min || number > (int64_t) spec->max)
                (void) report_meaning(report, place, "%" PRId64 " is out of range, %zu to %zu are possible", number,
                                      spec->min, spec->max);
}

static void check_list(Report *report, const Place *place, const KeySpec *spec, json_object *value) {
        if (!is_type(report, place, value, json_type_array, "a list: [ ... ]"))
                return;
        size_t n = json_object_array_length(value);
        if (n < spec->min || n > spec->max) {
                (void) report_meaning(report, place, "has %zu entries, %zu to %zu are possible", n, spec->min,
                                      spec->max);
                return;
        }
        for (size_t i = 0; i < n; i++) {
                Place entry = place_index(place, i);
                json_object *item = json_object_array_get_idx(value, i);
                if (spec->type == KEY_TYPE_WORDS)
                        check_word(report, &entry, spec, item);
                else if (spec->type == KEY_TYPE_TEXTS)
                        check_format(report, &entry, spec->format, item);
                else {
                        (void) check_object(report, &entry, spec->child, item);
                        continue;
                }
                for (size_t k = 0; k < i; k++)
                        if (json_object_equal(item, json_object_array_get_idx(value, k)))
                                (void) report_meaning(report, &entry, "is there twice");
        }
}

static void check_plain(Report *report, const Place *place, const KeySpec *spec, json_object *value) {
        switch (spec->type) {
        case KEY_TYPE_VERSION:
                if (is_type(report, place, value, json_type_int, "a number") &&
                    json_object_get_int64(value) != 1)
                        (void) report_meaning(report, place, "version 1 is the only one known");
                break;
        case KEY_TYPE_BOOL:
                (void) is_type(report, place, value, json_type_boolean, "true or false");
                break;
        case KEY_TYPE_NUMBER:
                check_number(report, place, spec, value);
                break;
        case KEY_TYPE_WORD:
                check_word(report, place, spec, value);
                break;
        case KEY_TYPE_TEXT:
                check_format(report, place, spec->format, value);
                break;
        case KEY_TYPE_OBJECT:
                if (spec->words && json_object_is_type(value, json_type_string))
                        check_word(report, place, spec, value);
                else
                        (void) check_object(report, place, spec->child, value);
                break;
        case KEY_TYPE_ONE_OR_MORE:
                if (json_object_is_type(value, json_type_array))
                        check_list(report, place, spec, value);
                else
                        (void) check_object(report, place, spec->child, value);
                break;
        case KEY_TYPE_OBJECTS:
        case KEY_TYPE_WORDS:
        case KEY_TYPE_TEXTS:
                check_list(report, place, spec, value);
                break;
        }
}

/* {"value": ..., "source": "..."} */
static void check_sourced(Report *report, const Place *place, const KeySpec *spec, json_object *pair) {
        if (!is_type(report, place, pair, json_type_object, "{ \"value\": ..., \"source\": \"...\" }"))
                return;
        json_object_object_foreach(pair, key, value) {
                Place at = place_key(place, key);
                if (streq(key, "value"))
                        check_plain(report, &at, spec, value);
                else if (streq(key, "source"))
                        check_format(report, &at, &key_format_source, value);
                else
                        (void) report_meaning(report, &at, "unknown key; known here: value, source");
        }
        if (!json_object_object_get_ex(pair, "value", NULL)) {
                Place at = place_key(place, "value");
                (void) report_meaning(report, &at, "is missing");
        }
        if (!json_object_object_get_ex(pair, "source", NULL)) {
                Place at = place_key(place, "source");
                (void) report_meaning(report, &at, "is missing: %s", key_format_source.right);
        }
}

static void check_value(Report *report, const Place *place, const KeySpec *spec, json_object *value) {
        if (spec->is_sourced)
                check_sourced(report, place, spec, value);
        else
                check_plain(report, place, spec, value);
}

static void report_unknown_key(Report *report, const Place *place, KeyObject kind) {
        char known[224] = "";

        for (size_t i = 0; key_spec(i); i++)
                if (key_spec(i)->object == kind)
                        (void) text_append(known, sizeof(known), "%s%s", isempty(known) ? "" : ", ",
                                           key_spec(i)->key);
        (void) report_meaning(report, place, "unknown key; known here: %s", known);
}

/* Is @word one of @words? */
static bool is_one_of(const char *word, const char *const *words) {
        for (; words && *words; words++)
                if (streq(*words, word))
                        return true;
        return false;
}

/* Keys that have to be there, or must not, by what else is. */
static void check_presence(Report *report, const Place *place, const KeySpec *spec, json_object *object) {
        bool is_there = json_object_object_get_ex(object, spec->key, NULL);
        Place at = place_key(place, spec->key);

        if (spec->with || spec->needed_by) {
                json_object *verb = member(object, "do");
                const char *word = json_object_is_type(verb, json_type_string) ? json_object_get_string(verb) : "";
                char words[128] = "";
                for (const char *const *with = spec->with; with && *with; with++)
                        (void) text_append(words, sizeof(words), "%s\"%s\"", isempty(words) ? "" : ", ", *with);
                if (is_there && spec->with && !is_one_of(word, spec->with))
                        (void) report_meaning(report, &at, "belongs to \"do\": %s only", words);
                else if (!is_there && is_one_of(word, spec->needed_by))
                        (void) report_meaning(report, &at, "is missing: \"do\": \"%s\" needs it", word);
        } else if (spec->is_required && !is_there)
                (void) report_meaning(report, &at, "is missing");
}

int check_object(Report *report, const Place *place, KeyObject kind, json_object *object) {
        size_t n_faults = report->n_faults;

        if (!is_type(report, place, object, json_type_object, "an object: { ... }"))
                return POLICY_E_REFUSED;
        json_object_object_foreach(object, key, value) {
                Place at = place_key(place, key);
                const KeySpec *spec = key_find(kind, key);
                if (spec)
                        check_value(report, &at, spec, value);
                else
                        report_unknown_key(report, &at, kind);
        }
        for (size_t i = 0; key_spec(i); i++)
                if (key_spec(i)->object == kind)
                        check_presence(report, place, key_spec(i), object);
        if (report->out_of_memory)
                return -ENOMEM;
        return report->n_faults == n_faults ? 0 : POLICY_E_REFUSED;
}
