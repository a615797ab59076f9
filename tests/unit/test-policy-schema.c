/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The schema files say what the table of keys says: neither less nor more. The schema that follows from
 * the table is made here and compared as a whole. After a change of the table,
 * `test-policy-schema --print quirks` (or `policy`) writes what the file has to be.
 */

#include <check.h>
#include <json-c/json.h>
#include <regex.h>
#include <stdlib.h>

#include "base/enum-text.h"
#include "base/text.h"
#include "core/rule.h"
#include "policy/keys.h"
#include "policy/policy.h"

#define SCHEMAS TEST_SOURCE_DIR "/policy/schema"

static void put(json_object *object, const char *key, json_object *value) {
        json_object_object_add(object, key, value);
}

static json_object *text(const char *s) {
        return json_object_new_string(s);
}

static json_object *words_schema(const char *const *words) {
        json_object *schema = json_object_new_object(), *list = json_object_new_array();

        for (; *words; words++)
                json_object_array_add(list, text(*words));
        put(schema, "enum", list);
        return schema;
}

static json_object *reference_schema(KeyObject child) {
        json_object *schema = json_object_new_object();
        char reference[64];

        (void) text_format(reference, sizeof(reference), "#/$defs/%s", key_object_name(child));
        put(schema, "$ref", text(reference));
        return schema;
}

static json_object *text_schema(const KeyFormat *format) {
        json_object *schema = json_object_new_object();

        put(schema, "type", text("string"));
        put(schema, "pattern", text(format->pattern));
        put(schema, "maxLength", json_object_new_int(KEY_TEXT_SIZE_MAX));
        return schema;
}

static json_object *list_schema(const KeySpec *spec) {
        json_object *schema = json_object_new_object();

        put(schema, "type", text("array"));
        put(schema, "items",
            spec->type == KEY_TYPE_WORDS   ? words_schema(spec->words)
            : spec->type == KEY_TYPE_TEXTS ? text_schema(spec->format)
                                           : reference_schema(spec->child));
        put(schema, "minItems", json_object_new_int((int) spec->min));
        put(schema, "maxItems", json_object_new_int((int) spec->max));
        if (spec->type == KEY_TYPE_WORDS || spec->type == KEY_TYPE_TEXTS)
                put(schema, "uniqueItems", json_object_new_boolean(true));
        return schema;
}

static json_object *plain_schema(const KeySpec *spec) {
        json_object *schema = NULL, *list;

        switch (spec->type) {
        case KEY_TYPE_VERSION:
                schema = json_object_new_object();
                put(schema, "const", json_object_new_int(1));
                break;
        case KEY_TYPE_BOOL:
                schema = json_object_new_object();
                put(schema, "type", text("boolean"));
                break;
        case KEY_TYPE_NUMBER:
                schema = json_object_new_object();
                put(schema, "type", text("integer"));
                put(schema, "minimum", json_object_new_int((int) spec->min));
                put(schema, "maximum", json_object_new_int((int) spec->max));
                break;
        case KEY_TYPE_WORD:
                schema = words_schema(spec->words);
                break;
        case KEY_TYPE_TEXT:
                schema = text_schema(spec->format);
                break;
        case KEY_TYPE_OBJECT:
                schema = reference_schema(spec->child);
                if (spec->words) {
                        list = json_object_new_array();
                        json_object_array_add(list, words_schema(spec->words));
                        json_object_array_add(list, schema);
                        schema = json_object_new_object();
                        put(schema, "anyOf", list);
                }
                break;
        case KEY_TYPE_ONE_OR_MORE:
                list = json_object_new_array();
                json_object_array_add(list, reference_schema(spec->child));
                json_object_array_add(list, list_schema(spec));
                schema = json_object_new_object();
                put(schema, "anyOf", list);
                break;
        case KEY_TYPE_OBJECTS:
        case KEY_TYPE_WORDS:
        case KEY_TYPE_TEXTS:
                schema = list_schema(spec);
                break;
        }
        return schema;
}

static json_object *object_schema(json_object *properties, json_object *required) {
        json_object *schema = json_object_new_object();

        put(schema, "type", text("object"));
        put(schema, "additionalProperties", json_object_new_boolean(false));
        put(schema, "required", required);
        put(schema, "properties", properties);
        return schema;
}

static json_object *key_schema(const KeySpec *spec) {
        json_object *schema = plain_schema(spec);

        if (spec->is_sourced) {
                json_object *properties = json_object_new_object(), *required = json_object_new_array();
                put(properties, "value", schema);
                put(properties, "source", text_schema(&key_format_source));
                json_object_array_add(required, text("value"));
                json_object_array_add(required, text("source"));
                schema = object_schema(properties, required);
        }
        put(schema, "description", text(spec->help));
        return schema;
}

/* if "do" is one of @words; what then is up to the caller */
static json_object *condition_schema(const char *const *words) {
        json_object *schema = json_object_new_object(), *condition = json_object_new_object();
        json_object *verb = json_object_new_object();

        put(verb, "do", words_schema(words));
        put(condition, "properties", verb);
        put(schema, "if", condition);
        return schema;
}

/* A key that stands beside some words of "do" only, or has to stand beside some. */
static void add_conditions(json_object *conditions, const KeySpec *spec) {
        json_object *schema, *inner, *list;

        if (spec->with) {
                schema = condition_schema(spec->with);
                inner = json_object_new_object();
                list = json_object_new_object();
                put(list, spec->key, json_object_new_boolean(false));
                put(inner, "properties", list);
                put(schema, "else", inner);
                json_object_array_add(conditions, schema);
        }
        if (spec->needed_by) {
                schema = condition_schema(spec->needed_by);
                inner = json_object_new_object();
                list = json_object_new_array();
                json_object_array_add(list, text(spec->key));
                put(inner, "required", list);
                put(schema, "then", inner);
                json_object_array_add(conditions, schema);
        }
}

static json_object *definition(KeyObject object) {
        json_object *properties = json_object_new_object(), *required = json_object_new_array();
        json_object *conditions = json_object_new_array();
        json_object *schema = object_schema(properties, required);

        for (size_t i = 0; key_spec(i); i++) {
                const KeySpec *spec = key_spec(i);
                if (spec->object != object)
                        continue;
                put(properties, spec->key, key_schema(spec));
                if (spec->is_required)
                        json_object_array_add(required, text(spec->key));
                add_conditions(conditions, spec);
        }
        if (json_object_array_length(conditions) > 0)
                put(schema, "allOf", conditions);
        else
                json_object_put(conditions);
        return schema;
}

static json_object *schema_of_table(KeyUser user) {
        json_object *schema = json_object_new_object(), *definitions = json_object_new_object();
        bool is_quirks = user == KEY_USER_QUIRKS;

        put(schema, "$schema", text("https://json-schema.org/draft/2020-12/schema"));
        put(schema, "title", text(is_quirks ? "gpuswitch quirk file" : "gpuswitch policy file"));
        put(schema, "$ref", text(is_quirks ? "#/$defs/quirks" : "#/$defs/policy"));
        for (KeyObject object = 0; object < _KEY_OBJECT_MAX; object++)
                if (key_object_user(object) == user)
                        put(definitions, key_object_name(object), definition(object));
        put(schema, "$defs", definitions);
        return schema;
}

static void check_schema(KeyUser user, const char *path) {
        json_object *expected = schema_of_table(user), *file = json_object_from_file(path);
        json_object *expected_defs = NULL, *file_defs = NULL, *other = NULL;

        ck_assert_msg(file, "%s: %s", path, json_util_get_last_err());
        ck_assert(json_object_object_get_ex(expected, "$defs", &expected_defs));
        ck_assert(json_object_object_get_ex(file, "$defs", &file_defs));
        /* Object by object first, to say where. */
        json_object_object_foreach(expected_defs, name, wanted) {
                ck_assert_msg(json_object_object_get_ex(file_defs, name, &other), "%s lacks %s", path, name);
                ck_assert_msg(json_object_equal(wanted, other), "%s: %s is not as in the table: %s", path,
                              name, json_object_to_json_string(wanted));
        }
        ck_assert_msg(json_object_equal(expected, file), "%s says more than the table", path);
        json_object_put(expected);
        json_object_put(file);
}

START_TEST(schemas_say_what_the_table_says) {
        check_schema(KEY_USER_QUIRKS, SCHEMAS "/quirks.schema.json");
        check_schema(KEY_USER_POLICY, SCHEMAS "/policy.schema.json");
}
END_TEST

START_TEST(rows_are_whole) {
        regex_t pattern;

        for (size_t i = 0; key_spec(i); i++) {
                const KeySpec *spec = key_spec(i);
                bool has_words = spec->type == KEY_TYPE_WORD || spec->type == KEY_TYPE_WORDS;
                bool has_child = spec->type == KEY_TYPE_OBJECT || spec->type == KEY_TYPE_OBJECTS ||
                                 spec->type == KEY_TYPE_ONE_OR_MORE;
                ck_assert_msg(!isempty(spec->help), "%s has no help", spec->key);
                ck_assert_ptr_eq(key_find(spec->object, spec->key), spec);
                ck_assert(!has_words || spec->words);
                ck_assert((spec->type == KEY_TYPE_TEXT || spec->type == KEY_TYPE_TEXTS) == (spec->format != NULL));
                ck_assert(spec->type != KEY_TYPE_NUMBER || spec->min < spec->max);
                ck_assert(!(spec->type == KEY_TYPE_OBJECTS || spec->type == KEY_TYPE_WORDS ||
                            spec->type == KEY_TYPE_TEXTS || spec->type == KEY_TYPE_ONE_OR_MORE) ||
                          spec->max > 0);
                /* Only steps have words by which a key is there or not, and those words are the steps'. */
                ck_assert(spec->object == OBJECT_RESET_STEP || (!spec->with && !spec->needed_by));
                for (const char *const *word = spec->with; word && *word; word++)
                        ck_assert_int_ge(recipe_verb_from_string(*word), 0);
                for (const char *const *word = spec->needed_by; word && *word; word++)
                        ck_assert_int_ge(recipe_verb_from_string(*word), 0);
                /* Quirk objects hold quirk objects only, and policy ones policy ones. */
                ck_assert(!has_child || key_object_user(spec->child) == key_object_user(spec->object));
                /* What quirks say is sourced: of the words and switches of a family, every one. */
                ck_assert(spec->object != OBJECT_STATE || spec->is_sourced);
                if (!spec->format)
                        continue;
                ck_assert_int_eq(regcomp(&pattern, spec->format->pattern, REG_EXTENDED | REG_NOSUB), 0);
                regfree(&pattern);
        }
        ck_assert(key_find(OBJECT_RESET, "source")->is_required);
        ck_assert(key_find(OBJECT_ADVICE, "source")->is_required);
        ck_assert(key_find(OBJECT_FAMILY, "bus_reset")->is_sourced);
        ck_assert(key_find(OBJECT_FAMILY, "kernel_guard")->is_sourced);
        ck_assert(key_find(OBJECT_FAMILY, "guest_reboots")->is_sourced);
}
END_TEST

#define CHECK_WORDS(object, key, max, to_string)                                                             \
        do {                                                                                                 \
                const char *const *words = key_find(object, key)->words;                                     \
                for (int value = 0; value < (int) (max); value++)                                            \
                        ck_assert_str_eq(words[value], to_string(value));                                    \
                ck_assert_msg(!words[max] || streq(words[max], "no-change"), "more words than values");      \
        } while (0)

START_TEST(words_are_those_of_the_enums) {
        CHECK_WORDS(OBJECT_FAMILY, "bus_reset", _BUS_RESET_WISH_MAX, bus_reset_wish_to_string);
        CHECK_WORDS(OBJECT_FAMILY, "kernel_guard", _KERNEL_GUARD_MAX, kernel_guard_to_string);
        CHECK_WORDS(OBJECT_STATE, "touched_host_bind", _RESET_STATE_MAX, reset_state_to_string);
        CHECK_WORDS(OBJECT_STATE, "prefail_bus_reset", _RESET_STATE_MAX, reset_state_to_string);
        CHECK_WORDS(OBJECT_STATE, "quirk_reset_ok", _RESET_STATE_MAX, reset_state_to_string);
        CHECK_WORDS(OBJECT_STATE, "dirty_guest_end", _RESET_STATE_MAX, reset_state_to_string);
        CHECK_WORDS(OBJECT_RESET_STEP, "do", _RECIPE_VERB_MAX, recipe_verb_to_string);
        CHECK_WORDS(OBJECT_ADVICE, "when", _ADVICE_WHEN_MAX, advice_when_to_string);
        CHECK_WORDS(OBJECT_CARD, "return", _RETURN_TO_MAX, return_to_to_string);
        ck_assert_str_eq(key_find(OBJECT_CARD, "bus_reset")->words[0],
                         bus_reset_wish_to_string(BUS_RESET_FORBIDDEN));
        ck_assert_ptr_null(key_find(OBJECT_CARD, "bus_reset")->words[1]);
        /* That nothing is known is no word of a file. */
        for (int value = DEVICE_RESET_KERNEL; value <= _DEVICE_RESET_MAX; value++) {
                const char *word = key_find(OBJECT_DEVICE, "reset")->words[value - DEVICE_RESET_KERNEL];
                if (value == _DEVICE_RESET_MAX)
                        ck_assert_ptr_null(word);
                else
                        ck_assert_str_eq(word, device_reset_to_string(value));
        }
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("policy-schema");
        TCase *tcase = tcase_create("all");

        tcase_add_test(tcase, schemas_say_what_the_table_says);
        tcase_add_test(tcase, rows_are_whole);
        tcase_add_test(tcase, words_are_those_of_the_enums);
        suite_add_tcase(suite, tcase);
        return suite;
}

static int print_schema(const char *which) {
        json_object *schema = schema_of_table(streq(which, "policy") ? KEY_USER_POLICY : KEY_USER_QUIRKS);

        printf("%s\n", json_object_to_json_string_ext(schema, JSON_C_TO_STRING_PRETTY |
                                                                      JSON_C_TO_STRING_NOSLASHESCAPE));
        json_object_put(schema);
        return EXIT_SUCCESS;
}

int main(int argc, char **argv) {
        if (argc == 3 && streq(argv[1], "--print"))
                return print_schema(argv[2]);

        SRunner *runner = srunner_create(make_suite());
        srunner_run_all(runner, CK_NORMAL);
        int n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
