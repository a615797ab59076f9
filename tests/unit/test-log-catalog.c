/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * systemd/gpuswitch.catalog against include/gpuswitch/names.h, both ways, and the catalog's form as
 * journalctl(1) wants it. Both are read as text: what is not in the header cannot be logged, what is not in
 * the catalog cannot be looked up.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/macros.h"
#include "base/text.h"
#include "check-main.h"

#define ID_LENGTH 32
#define COLUMNS_MAX 76U
#define IDS_MAX 64U

typedef struct Ids {
        char texts[IDS_MAX][ID_LENGTH + 1];
        size_t n;
} Ids;

static char *file_read(const char *name) {
        _cleanup_fclose_ FILE *f = NULL;
        char path[512];
        size_t size = 0;
        char *text = NULL;

        ck_assert_int_eq(text_format(path, sizeof(path), "%s/%s", TEST_SOURCE_DIR, name), 0);
        ck_assert_ptr_nonnull(f = fopen(path, "re"));
        ck_assert_int_gt((int) getdelim(&text, &size, '\0', f), 0);
        return text;
}

static bool has_id(const Ids *ids, const char *id) {
        for (size_t i = 0; i < ids->n; i++)
                if (streq(ids->texts[i], id))
                        return true;
        return false;
}

static void add_id(Ids *ids, const char *text) {
        char id[ID_LENGTH + 1] = "";

        ck_assert_uint_lt(ids->n, IDS_MAX);
        strncat(id, text, ID_LENGTH);
        ck_assert_msg(strlen(id) == ID_LENGTH && strspn(id, "0123456789abcdef") == ID_LENGTH, "'%s' is no id",
                      id);
        ck_assert_msg(!has_id(ids, id), "%s is there twice", id);
        memcpy(ids->texts[ids->n++], id, sizeof(id));
}

static Ids ids_of_header(void) {
        _cleanup_free_ char *text = file_read("include/gpuswitch/names.h");
        char *rest = text;
        Ids ids = { 0 };

        for (char *line; (line = strsep(&rest, "\n"));) {
                if (!text_starts_with(line, "#define MESSAGE_ID_"))
                        continue;
                const char *quote = strchr(line, '"');
                ck_assert_msg(quote && strlen(quote) == ID_LENGTH + 2, "%s", line);
                add_id(&ids, quote + 1);
        }
        return ids;
}

static Ids ids_of_catalog(void) {
        _cleanup_free_ char *text = file_read("systemd/gpuswitch.catalog");
        char *rest = text;
        Ids ids = { 0 };

        for (char *line; (line = strsep(&rest, "\n"));) {
                const char *id = text_starts_with(line, "-- ");
                if (!id)
                        continue;
                ck_assert_msg(strlen(id) == ID_LENGTH, "%s", line);
                add_id(&ids, id);
        }
        return ids;
}

START_TEST(same_ids) {
        Ids header = ids_of_header(), catalog = ids_of_catalog();

        ck_assert_uint_gt(header.n, 0);
        for (size_t i = 0; i < header.n; i++)
                ck_assert_msg(has_id(&catalog, header.texts[i]), "%s is not in the catalog", header.texts[i]);
        for (size_t i = 0; i < catalog.n; i++)
                ck_assert_msg(has_id(&header, catalog.texts[i]), "%s is not in names.h", catalog.texts[i]);
}
END_TEST

/* Behind an id: headers, one empty line, and a text that ends before the next id. */
START_TEST(entries_are_whole) {
        static const char *const headers[] = { "Subject: ", "Defined-By: gpuswitch", "Documentation: " };
        _cleanup_free_ char *text = file_read("systemd/gpuswitch.catalog");

        for (char *entry = strstr(text, "\n-- "), *next; entry; entry = next) {
                next = strstr(entry + 1, "\n-- ");
                if (next)
                        *next = '\0';
                char *body = strstr(entry, "\n\n");
                ck_assert_msg(body && strlen(body) > 40, "%s", entry);
                *body = '\0';
                for (size_t i = 0; i < ELEMENTSOF(headers); i++) {
                        const char *header = strstr(entry, headers[i]);
                        ck_assert_msg(header && header[-1] == '\n', "no '%s' in %s", headers[i], entry);
                }
                if (next)
                        *next = '\n';
        }
}
END_TEST

START_TEST(lines_fit) {
        _cleanup_free_ char *text = file_read("systemd/gpuswitch.catalog");
        char *rest = text;

        for (char *line; (line = strsep(&rest, "\n"));)
                ck_assert_msg(strlen(line) <= COLUMNS_MAX && !strchr(line, '\t'), "%s", line);
}
END_TEST

/* @FIELD@ is replaced by what the entry has: MESSAGE, or a field of ours. */
START_TEST(fields_exist) {
        _cleanup_free_ char *text = file_read("systemd/gpuswitch.catalog");
        _cleanup_free_ char *names = file_read("include/gpuswitch/names.h");
        unsigned n = 0;

        for (char *at = strchr(text, '@'); at; at = strchr(at + 1, '@')) {
                char *end = strchr(at + 1, '@'), quoted[64];
                ck_assert_ptr_nonnull(end);
                *end = '\0';
                ck_assert_int_eq(text_format(quoted, sizeof(quoted), "\"%s\"", at + 1), 0);
                ck_assert_msg(streq(at + 1, "MESSAGE") || strstr(names, quoted), "no field %s", at + 1);
                *end = '@';
                at = end;
                n++;
        }
        ck_assert_uint_gt(n, 0);
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("log-catalog");
        TCase *tests = tcase_create("log-catalog");

        tcase_add_test(tests, same_ids);
        tcase_add_test(tests, entries_are_whole);
        tcase_add_test(tests, lines_fit);
        tcase_add_test(tests, fields_exist);
        suite_add_tcase(suite, tests);
        return suite;
}

CHECK_MAIN(make_suite)
