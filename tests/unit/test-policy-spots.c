/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a JSON pointer to the line that a person has to look at. */

#include "check-main.h"

#include "base/text.h"
#include "policy-fixture.h"
#include "policy/document.h"

static const char sample[] = "// a comment\n"
                             "{\n"
                             "  \"version\": 1, /* two\n"
                             "  lines */ \"families\": [\n"
                             "    { \"family\": \"a\\\"}\", \"match\": [ {}, {\n"
                             "        \"id\": \"x\" } ] },\n"
                             "    { \"family\":\n"
                             "        null,\n"
                             "      \"a/b~c\": { \"\": [\n"
                             "        -1.5e3,\n"
                             "        true,\n"
                             "        [\n"
                             "          7 ] ] } }\n"
                             "  ]\n"
                             "}\n";

START_TEST(every_kind_of_value) {
        static const struct {
                const char *pointer;
                size_t line;
        } cases[] = {
                { "", 2 },
                { "/version", 3 },
                { "/families", 4 },
                { "/families/0", 5 },
                { "/families/0/family", 5 },
                { "/families/0/match/0", 5 },
                { "/families/0/match/1", 5 },
                { "/families/0/match/1/id", 6 },
                { "/families/1", 7 },
                { "/families/1/family", 7 }, /* where its key is */
                { "/families/1/a~1b~0c", 9 },
                { "/families/1/a~1b~0c/", 9 },
                { "/families/1/a~1b~0c//0", 10 },
                { "/families/1/a~1b~0c//1", 11 },
                { "/families/1/a~1b~0c//2", 12 },
                { "/families/1/a~1b~0c//2/0", 13 },
                /* What is not there is missing in what is. */
                { "/families/0/match/1/subsystem", 5 },
                { "/families/0/match/2", 5 },
                { "/families/0/match/-1", 5 },
                { "/families/1/a", 7 },
                { "/families/1/a~1b~0c/x", 9 },
                { "/families/7/family", 4 },
                { "/cards/0", 2 },
                { "/version/0", 3 },
                { "version", 2 },
        };
        char text[sizeof(sample)];
        Document document;
        Problems problems = { 0 };
        Report report = { .problems = &problems, .file = "sample" };

        memcpy(text, sample, sizeof(sample));
        ck_assert_int_eq(document_parse(text, strlen(text), &report, &document), 0);
        ck_assert_uint_eq(document.spots.n, 17);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                ck_assert_msg(spots_line(&document.spots, cases[i].pointer) == cases[i].line, "%s: line %zu",
                              cases[i].pointer, spots_line(&document.spots, cases[i].pointer));
        document_done(&document);
        ck_assert_uint_eq(spots_line(&document.spots, "/version"), 0);
        ck_assert_uint_eq(spots_line(NULL, "/version"), 0);
}
END_TEST

/* From the front door: what a person reads. */
START_TEST(faults_say_their_line) {
        static const char *const wanted[] = {
                ": /version (line 2): version 1 is the only one known",
                ": /cards/0/return (line 5): \"home\" is not known here; possible: \"host\", \"stay\"",
                ": /cards/1/match (line 7): is missing",
                ": /cards/1/nmae (line 8): unknown key",
                ": /cards/2 (line 10): has to be an object: { ... }",
        };
        char line[MESSAGE_TEXT_SIZE];
        Fixture f;

        fixture_init(&f);
        fixture_write(f.policy, "10.json",
                      "{\n\"version\": 2,\n\"cards\": [\n{ \"match\": \"*\",\n  \"return\": \"home\"\n},\n{\n\"nmae\": 1\n},\n"
                      "7\n]\n}\n");
        for (size_t i = 0; policy_problem(fixture_load(&f), i); i++) {
                bool found = false;
                policy_problem_text(policy_problem(f.loaded, i), line, sizeof(line));
                ck_assert_ptr_nonnull(text_starts_with(line, fixture_path(f.policy, "10.json")));
                for (size_t k = 0; k < ELEMENTSOF(wanted); k++)
                        found |= strstr(line, wanted[k]) != NULL;
                ck_assert_msg(found, "%s", line);
        }
        ck_assert_ptr_nonnull(policy_problem(f.loaded, ELEMENTSOF(wanted) - 1));
        fixture_write(f.policy, "10.json", "{\n\"version\" 1 }");
        policy_problem_text(policy_problem(fixture_load(&f), 0), line, sizeof(line));
        ck_assert_ptr_nonnull(strstr(line, "10.json: line 2: "));
        ck_assert_uint_eq(policy_problem(f.loaded, 0)->line, 2);
        fixture_done(&f);
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("policy-spots");
        TCase *tcase = tcase_create("all");

        tcase_add_test(tcase, every_kind_of_value);
        tcase_add_test(tcase, faults_say_their_line);
        suite_add_tcase(suite, tcase);
        return suite;
}

CHECK_MAIN(make_suite)
