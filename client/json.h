/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* D-Bus values as JSON. Works for every type that the bus knows, so that new keys need no change here. */

#include <json-c/json.h>
#include <stdbool.h>
#include <systemd/sd-bus.h>

#include "base/macros.h"

DEFINE_CLEANUP(json_object *, json_object_put)

/**
 * value_to_json() - the next complete value of a message, whatever its type
 *
 * Integers and booleans keep their kind; strings, paths and signatures become strings; dictionaries
 * with string keys become objects; arrays and structs become arrays; variants vanish around their value.
 *
 * Return: 0 with *@ret_json owned by the caller; -EBADMSG for what JSON cannot say (file descriptors, NaN),
 * nesting that is too deep or a key that is there twice; other negative errno from the message.
 */
int value_to_json(sd_bus_message *message, json_object **ret_json);

/** properties_to_json() - value_to_json() of an a{sv}, with its own keys (not those below) in snake_case. */
int properties_to_json(sd_bus_message *message, json_object **ret_json);

/** name_to_snake_case() - "IommuGroup" is "iommu_group". Return: 0, or -ENOBUFS. */
int name_to_snake_case(const char *name, char *buffer, size_t size);

/** print_json() - one line, or indented on a terminal. */
void print_json(FILE *out, json_object *json);

/** print_json_line() - one line, flushed: for verbs that go on. */
void print_json_line(FILE *out, json_object *json);

/* Members of an object with a fallback, for what another version of the daemon does not send. */
const char *member_text(json_object *object, const char *key); /* borrowed; "" */
int64_t member_number(json_object *object, const char *key, int64_t fallback);
bool member_flag(json_object *object, const char *key);
json_object *member_of_type(json_object *object, const char *key, enum json_type type); /* borrowed; NULL */
