/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Recursion follows the message's own nesting, which is limited here as well as by sd-bus. */

#include "client/json.h"

#include <ctype.h>
#include <math.h>

#include "base/text.h"

#define DEPTH_MAX 32U
#define KEY_SIZE 128U

static int read_value(sd_bus_message *message, unsigned depth, json_object **ret_json);

static int read_number(sd_bus_message *message, char type, json_object **ret_json) {
        union {
                uint8_t y;
                int16_t n;
                uint16_t q;
                int32_t i;
                uint32_t u;
                int64_t x;
                uint64_t t;
                double d;
        } value = { 0 };

        int r = sd_bus_message_read_basic(message, type, &value);
        if (r < 0)
                return r;
        switch (type) {
        case 'y':
                *ret_json = json_object_new_int64(value.y);
                break;
        case 'n':
                *ret_json = json_object_new_int64(value.n);
                break;
        case 'q':
                *ret_json = json_object_new_int64(value.q);
                break;
        case 'i':
                *ret_json = json_object_new_int64(value.i);
                break;
        case 'u':
                *ret_json = json_object_new_int64(value.u);
                break;
        case 'x':
                *ret_json = json_object_new_int64(value.x);
                break;
        case 't':
                *ret_json = json_object_new_uint64(value.t);
                break;
        default:
                if (!isfinite(value.d))
                        return -EBADMSG;
                *ret_json = json_object_new_double(value.d);
                break;
        }
        return *ret_json ? 0 : -ENOMEM;
}

static int read_basic(sd_bus_message *message, char type, json_object **ret_json) {
        const char *text = NULL;
        int flag = 0, r;

        switch (type) {
        case 's':
        case 'o':
        case 'g':
                r = sd_bus_message_read_basic(message, type, &text);
                if (r < 0)
                        return r;
                *ret_json = json_object_new_string(text);
                return *ret_json ? 0 : -ENOMEM;
        case 'b':
                r = sd_bus_message_read_basic(message, type, &flag);
                if (r < 0)
                        return r;
                *ret_json = json_object_new_boolean(flag);
                return *ret_json ? 0 : -ENOMEM;
        case 'h':
                return -EBADMSG;
        default:
                return read_number(message, type, ret_json);
        }
}

static int read_dictionary(sd_bus_message *message, const char *contents, unsigned depth, bool snake_case,
                           json_object **ret_json) {
        _cleanup_(json_object_putp) json_object *object = json_object_new_object();
        char key_buffer[KEY_SIZE];
        int r;

        if (!object)
                return -ENOMEM;
        r = sd_bus_message_enter_container(message, 'a', contents);
        if (r < 0)
                return r;
        /* The entry's own signature is what stands between the braces. */
        _cleanup_free_ char *entry = strndup(contents + 1, strlen(contents) - 2);
        if (!entry)
                return -ENOMEM;
        while ((r = sd_bus_message_enter_container(message, 'e', entry)) > 0) {
                _cleanup_(json_object_putp) json_object *value = NULL;
                const char *key = NULL;

                r = sd_bus_message_read_basic(message, contents[1], &key);
                if (r < 0)
                        return r;
                if (snake_case) {
                        if (name_to_snake_case(key, key_buffer, sizeof(key_buffer)) < 0)
                                return -EBADMSG;
                        key = key_buffer;
                }
                if (json_object_object_get_ex(object, key, NULL))
                        return -EBADMSG;
                r = read_value(message, depth + 1, &value);
                if (r < 0)
                        return r;
                if (json_object_object_add(object, key, value) < 0)
                        return -ENOMEM;
                (void) TAKE_PTR(value);
                r = sd_bus_message_exit_container(message);
                if (r < 0)
                        return r;
        }
        if (r < 0)
                return r;
        r = sd_bus_message_exit_container(message);
        if (r < 0)
                return r;
        *ret_json = TAKE_PTR(object);
        return 0;
}

/* Arrays, structs, and the entries of dictionaries whose keys are no strings: [key, value]. */
static int read_sequence(sd_bus_message *message, char type, const char *contents, unsigned depth,
                         json_object **ret_json) {
        _cleanup_(json_object_putp) json_object *array = json_object_new_array();
        int r;

        if (!array)
                return -ENOMEM;
        r = sd_bus_message_enter_container(message, type, contents);
        if (r < 0)
                return r;
        while ((r = sd_bus_message_at_end(message, /* complete= */ false)) == 0) {
                _cleanup_(json_object_putp) json_object *value = NULL;

                r = read_value(message, depth + 1, &value);
                if (r < 0)
                        return r;
                if (json_object_array_add(array, value) < 0)
                        return -ENOMEM;
                (void) TAKE_PTR(value);
        }
        if (r < 0)
                return r;
        r = sd_bus_message_exit_container(message);
        if (r < 0)
                return r;
        *ret_json = TAKE_PTR(array);
        return 0;
}

static int read_value(sd_bus_message *message, unsigned depth, json_object **ret_json) {
        const char *contents = NULL;
        char type = 0;

        if (depth > DEPTH_MAX)
                return -EBADMSG;
        int r = sd_bus_message_peek_type(message, &type, &contents);
        if (r <= 0)
                return r < 0 ? r : -EBADMSG;
        switch (type) {
        case 'v':
                r = sd_bus_message_enter_container(message, 'v', contents);
                if (r < 0)
                        return r;
                r = read_value(message, depth + 1, ret_json);
                if (r < 0)
                        return r;
                r = sd_bus_message_exit_container(message);
                if (r >= 0)
                        return 0;
                json_object_put(TAKE_PTR(*ret_json));
                return r;
        case 'a':
                if (contents[0] == '{' && strchr("sog", contents[1]))
                        return read_dictionary(message, contents, depth, /* snake_case= */ false, ret_json);
                return read_sequence(message, type, contents, depth, ret_json);
        case 'r':
        case 'e':
                return read_sequence(message, type, contents, depth, ret_json);
        default:
                return read_basic(message, type, ret_json);
        }
}

int value_to_json(sd_bus_message *message, json_object **ret_json) {
        return read_value(message, 0, ret_json);
}

int properties_to_json(sd_bus_message *message, json_object **ret_json) {
        return read_dictionary(message, "{sv}", 0, /* snake_case= */ true, ret_json);
}

int name_to_snake_case(const char *name, char *buffer, size_t size) {
        size_t n = 0;

        for (size_t i = 0; name[i]; i++) {
                /* A word begins at a capital behind a small letter, or before one ("GPUName"). */
                bool word = i > 0 && isupper((unsigned char) name[i]) && name[i - 1] != '_' &&
                            (!isupper((unsigned char) name[i - 1]) || islower((unsigned char) name[i + 1]));
                if (n + (word ? 2 : 1) >= size)
                        return -ENOBUFS;
                if (word)
                        buffer[n++] = '_';
                buffer[n++] = (char) tolower((unsigned char) name[i]);
        }
        if (size == 0)
                return -ENOBUFS;
        buffer[n] = '\0';
        return 0;
}

void print_json(FILE *out, json_object *json) {
        int flags = isatty(fileno(out)) ? JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED
                                        : JSON_C_TO_STRING_PLAIN;
        const char *text = json_object_to_json_string_ext(json, flags | JSON_C_TO_STRING_NOSLASHESCAPE);

        fprintf(out, "%s\n", text ? text : "null");
}

void print_json_line(FILE *out, json_object *json) {
        const char *text =
                json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);

        fprintf(out, "%s\n", text ? text : "null");
        (void) fflush(out);
}

json_object *member_of_type(json_object *object, const char *key, enum json_type type) {
        json_object *value = NULL;

        if (!json_object_is_type(object, json_type_object) ||
            !json_object_object_get_ex(object, key, &value) || !json_object_is_type(value, type))
                return NULL;
        return value;
}

const char *member_text(json_object *object, const char *key) {
        json_object *value = member_of_type(object, key, json_type_string);

        return value ? json_object_get_string(value) : "";
}

int64_t member_number(json_object *object, const char *key, int64_t fallback) {
        json_object *value = member_of_type(object, key, json_type_int);

        return value ? json_object_get_int64(value) : fallback;
}

bool member_flag(json_object *object, const char *key) {
        json_object *value = member_of_type(object, key, json_type_boolean);

        return value && json_object_get_boolean(value);
}
