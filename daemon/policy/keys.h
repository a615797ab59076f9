/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The table of all keys: in which object a key may stand, what its value looks like, and what it
 * means. It is the authority for quirk and policy files; the JSON schemas are held to it by a test.
 */

#include <stdbool.h>
#include <stddef.h>

/* Each kind of object that can stand in a file. */
typedef enum KeyObject {
        OBJECT_QUIRKS_FILE,
        OBJECT_FAMILY,
        OBJECT_FAMILY_MATCH,
        OBJECT_STATE,
        OBJECT_RESET,
        OBJECT_RESET_STEP,
        OBJECT_ADVICE,
        OBJECT_DEVICE,
        OBJECT_DEVICE_MATCH,
        OBJECT_POLICY_FILE,
        OBJECT_CARD,
        OBJECT_CARD_MATCH,
        _KEY_OBJECT_MAX,
        OBJECT_NONE = -1,
} KeyObject;

/* Whose files the object may stand in. */
typedef enum KeyUser {
        KEY_USER_QUIRKS,
        KEY_USER_POLICY,
} KeyUser;

typedef enum KeyType {
        KEY_TYPE_VERSION, /* the number 1 */
        KEY_TYPE_BOOL,
        KEY_TYPE_NUMBER,  /* a whole one, from `min` to `max` */
        KEY_TYPE_WORD,    /* one of `words` */
        KEY_TYPE_TEXT,    /* of `format` */
        KEY_TYPE_OBJECT,  /* of kind `child`; if there are `words`, one of them instead */
        KEY_TYPE_OBJECTS, /* a list of kind `child` */
        KEY_TYPE_ONE_OR_MORE, /* an object of kind `child`, or a list of them */
        KEY_TYPE_WORDS,   /* a list out of `words`, each at most once */
        KEY_TYPE_TEXTS,   /* a list of texts of `format`, each at most once */
} KeyType;

/* How a text is written. */
typedef struct KeyFormat {
        const char *name;
        const char *pattern; /* an extended regular expression for regcomp() and for JSON schema alike */
        const char *right;   /* what would be right, for messages */
} KeyFormat;

typedef struct KeySpec {
        KeyObject object;
        const char *key;
        KeyType type;
        bool is_required;
        bool is_sourced; /* written as {"value": ..., "source": "..."} */
        const char *const *words;
        const KeyFormat *format;
        KeyObject child;
        size_t min, max;  /* entries of a list; of a number, itself */
        const char *const *with;      /* steps: stands only in those whose "do" is one of these words; NULL: in all */
        const char *const *needed_by; /* steps: and has to in those whose "do" is one of these */
        const char *help;
} KeySpec;

#define KEY_TEXT_SIZE_MAX 1024U

extern const KeyFormat key_format_source;

/** key_spec() - row number @index of the table, or NULL behind the last. */
const KeySpec *key_spec(size_t index);
/** key_find() - the row of a key in an object, or NULL. */
const KeySpec *key_find(KeyObject object, const char *key);

KeyUser key_object_user(KeyObject object);
/** key_object_name() - "family", "reset-step", ...: also the name of its definition in the schema. */
const char *key_object_name(KeyObject object);

/** key_format_matches() - is @text written so? Return: 1 or 0; -ENOMEM: that could not be found out. */
int key_format_matches(const KeyFormat *format, const char *text);
