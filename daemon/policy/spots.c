/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * json-c keeps no lines. The text is gone through once more, when it is known to be sound, so that brackets, strings and
 * commas are all that has to be told apart. A value's members and entries follow it in the list, and `end` leads past
 * them, so that a pointer is followed over siblings only.
 */

#include "policy/spots.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "policy/scan.h"

typedef struct Walk {
        Spots spots;
        size_t allocated;
        size_t at, size;
        size_t line;
        size_t open[DOCUMENT_DEPTH_MAX]; /* numbers of the spots that the walk is inside of */
        bool is_object[DOCUMENT_DEPTH_MAX];
        size_t depth;
        Spot next; /* what is known of the value to come */
        bool expects_key;
} Walk;

static int add_spot(Walk *walk) {
        Spots *spots = &walk->spots;

        if (spots->n == walk->allocated) {
                size_t more = MAX_OF(walk->allocated * 2, 64U);
                Spot *list = reallocarray(spots->list, more, sizeof(*list));
                if (!list)
                        return -ENOMEM;
                spots->list = list;
                walk->allocated = more;
        }
        if (walk->next.line == 0)
                walk->next.line = walk->line;
        walk->next.end = spots->n + 1;
        spots->list[spots->n++] = walk->next;
        walk->next = (Spot){ 0 };
        return 0;
}

/* Past the string that begins here. */
static void skip_string(Walk *walk) {
        for (walk->at++; walk->at < walk->size && walk->spots.text[walk->at] != '"'; walk->at++)
                walk->at += walk->spots.text[walk->at] == '\\';
        walk->at++;
}

static int take_string(Walk *walk) {
        size_t start = walk->at + 1;

        skip_string(walk);
        if (!walk->expects_key)
                return add_spot(walk);
        walk->next = (Spot){ .line = walk->line, .key = start, .key_size = walk->at - 1 - start };
        walk->expects_key = false;
        return 0;
}

static int take_opening(Walk *walk, bool is_object) {
        int r = add_spot(walk);

        if (r < 0)
                return r;
        assert(walk->depth < DOCUMENT_DEPTH_MAX);
        walk->open[walk->depth] = walk->spots.n - 1;
        walk->is_object[walk->depth++] = is_object;
        walk->expects_key = is_object;
        walk->at++;
        return 0;
}

static void take_closing(Walk *walk) {
        assert(walk->depth > 0);
        walk->spots.list[walk->open[--walk->depth]].end = walk->spots.n;
        walk->expects_key = false;
        walk->at++;
}

static int take_token(Walk *walk) {
        char c = walk->spots.text[walk->at];

        switch (c) {
        case '"':
                return take_string(walk);
        case '{':
        case '[':
                return take_opening(walk, c == '{');
        case '}':
        case ']':
                take_closing(walk);
                return 0;
        case ',':
                walk->expects_key = walk->depth > 0 && walk->is_object[walk->depth - 1];
                walk->at++;
                return 0;
        case '\n':
                walk->line++;
                walk->at++;
                return 0;
        case ' ':
        case '\t':
        case '\r':
        case ':':
        case '\0':
                walk->at++;
                return 0;
        default: /* a number, true, false, null */
                walk->at += strcspn(walk->spots.text + walk->at, " \t\r\n,:]}");
                return add_spot(walk);
        }
}

int spots_read(const char *text, size_t size, Spots *ret_spots) {
        Walk walk = { .spots.text = text, .size = size, .line = 1 };
        int r = 0;

        while (walk.at < walk.size && r == 0)
                r = take_token(&walk);
        if (r < 0) {
                free(walk.spots.list);
                return r;
        }
        *ret_spots = walk.spots;
        return 0;
}

void spots_done(Spots *spots) {
        free(spots->list);
        *spots = (Spots){ 0 };
}

/* Is @segment of a pointer, up to the next "/", this key? "~1" stands for "/" there, "~0" for "~". */
static bool segment_is_key(const char *segment, const char *key, size_t key_size) {
        size_t n = 0;

        for (; *segment && *segment != '/'; segment++, n++) {
                char c = *segment;
                if (c == '~' && (segment[1] == '0' || segment[1] == '1'))
                        c = *++segment == '0' ? '~' : '/';
                if (n >= key_size || key[n] != c)
                        return false;
        }
        return n == key_size;
}

/* The member or entry of spot number @at that @segment names, or SIZE_MAX. */
static size_t find_inside(const Spots *spots, size_t at, const char *segment) {
        size_t index = 0, end = spots->list[at].end;
        bool is_number = *segment >= '0' && *segment <= '9';
        size_t wanted = is_number ? (size_t) strtoul(segment, NULL, 10) : SIZE_MAX;

        for (size_t i = at + 1; i < end; i = spots->list[i].end, index++) {
                const Spot *spot = &spots->list[i];
                if (spot->key > 0 ? segment_is_key(segment, spots->text + spot->key, spot->key_size)
                                  : index == wanted)
                        return i;
        }
        return SIZE_MAX;
}

size_t spots_line(const Spots *spots, const char *pointer) {
        size_t at = 0;

        if (!spots || spots->n == 0)
                return 0;
        while (*pointer == '/') {
                size_t inside = find_inside(spots, at, ++pointer);
                if (inside == SIZE_MAX)
                        break;
                at = inside;
                pointer += strcspn(pointer, "/");
        }
        return spots->list[at].line;
}
