/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The words behind `quirks`. All but the report read the files themselves: no daemon, no root. */

#include <json-c/json.h>

#include "client/client.h"
#include "core/rule.h"
#include "policy/policy.h"

/** quirks_report() - what has come of resets on this machine, as JSON and without anything that names it. */
ExitStatus quirks_report(const Options *options);

/** quirks_list() - all families that the installed files speak of. */
ExitStatus quirks_list(const Options *options);

/** quirks_match() - what holds for a card, and where each value of it is from. @card: GPU, or VVVV:DDDD[:SSSS:SSSS] */
ExitStatus quirks_match(const Options *options, const char *card);

/** quirks_check() - every fault of files, and where they contradict each other or those installed beside them. EXIT_REFUSED: there is one. */
ExitStatus quirks_check(const Options *options, char **files);

/* The folders here, or under --root. */
typedef struct QuirksDirs {
        PolicyDirs dirs; /* of the texts below */
        char vendor[PATH_TEXT_SIZE], admin[PATH_TEXT_SIZE], wishes[PATH_TEXT_SIZE];
} QuirksDirs;

/** quirks_dirs() - @ret points into itself. Return: 0, or negative errno, which has been told. */
int quirks_dirs(const Options *options, QuirksDirs *ret);

/** quirks_load() - what is installed here, or under --root. Return: 0, or negative errno, which has been told. */
int quirks_load(const Options *options, Policy **ret_policy);

/** quirks_tell_problems() - on stderr, a line each. Return: how many. */
size_t quirks_tell_problems(const Policy *policy);

/** quirks_problems_json() - a list of them; NULL: no memory. */
json_object *quirks_problems_json(const Policy *policy);

/** recipe_step_text() - one word of a reset, as a person would say it. Returns @buffer. */
const char *recipe_step_text(const RecipeStep *step, char *buffer, size_t size);

/** recovery_text() - which options of `gpuswitchctl recover` a family lists. Returns @buffer. */
const char *recovery_text(const Recovery *recovery, char *buffer, size_t size);

/** recipe_conditions_text() - when it runs; "whenever a guest gets the card" where there are no conditions. Returns @buffer. */
const char *recipe_conditions_text(const Recipe *recipe, const Rule *rule, char *buffer, size_t size);
