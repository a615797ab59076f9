/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Holds a parsed file to the table of keys. */

#include <json-c/json.h>

#include "policy/keys.h"
#include "policy/problem.h"

/**
 * check_object() - an object and everything in it
 * @kind: what it should be
 *
 * Every fault is reported. Afterwards, types, words and formats can be relied on.
 *
 * Return: 0; POLICY_E_REFUSED; -ENOMEM: not everything could be looked at.
 */
int check_object(Report *report, const Place *place, KeyObject kind, json_object *object);

/* What a checked object holds; NULL where an optional key is not there. */
json_object *member(json_object *object, const char *key);
const char *member_string(json_object *object, const char *key);
/* The same for a {"value", "source"} pair. */
json_object *member_value(json_object *object, const char *key);
const char *member_value_string(json_object *object, const char *key);
