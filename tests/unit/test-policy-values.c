/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What people are told of a card's rule: which entry, why that one, and where each value is from. */

#include "check-main.h"

#include "base/text.h"
#include "policy-fixture.h"
#include "policy/values.h"

static Fixture f;

static void setup(void) {
        fixture_init(&f);
}

static void teardown(void) {
        fixture_done(&f);
}

static const char quirks[] =
        "{ \"version\": 1, \"families\": [\n"
        "{ \"family\": \"other\", \"match\": [{ \"id\": \"1002:*\" }], \"bus_reset\": { \"value\": \"wanted\", \"source\": \"o\" } },\n"
        "{ \"family\": \"mine\",\n"
        "  \"source\": \"ids\",\n"
        "  \"match\": [{ \"id\": \"1002:67ef\" },\n"
        "            { \"id\": \"1002:67df\" }],\n"
        "  \"confidence\": { \"value\": \"medium\", \"source\": \"c\" },\n"
        "  \"bus_reset\": {\n"
        "     \"value\": \"forbidden\", \"source\": \"b\" },\n"
        "  \"recovery\": { \"value\": [\"suspend\", \"power-off\"], \"source\": \"r\" },\n"
        "  \"guest_reboots\": { \"value\": 2, \"source\": \"g\" },\n"
        "  \"state\": {\n"
        "     \"quirk_reset_ok\": { \"value\": \"prefail\", \"source\": \"s\" } },\n"
        "  \"reset\": [ {\n"
        "     \"name\": \"vendor\",\n"
        "     \"needs_guard\": true, \"source\": \"v\",\n"
        "     \"steps\": [{ \"do\": \"delay\", \"for\": \"1s\" }] } ] } ] }\n";

static const PolicyValue *find(const PolicyValue *values, size_t n, const char *key) {
        for (size_t i = 0; i < n; i++)
                if (streq(values[i].key, key))
                        return &values[i];
        ck_abort_msg("no value %s", key);
}

START_TEST(values_with_line_and_source) {
        static const struct {
                const char *key, *text, *source;
                size_t line;
        } wanted[] = {
                { "family", "mine", "ids", 3 },
                { "confidence", "medium", "c", 7 },
                { "bus_reset", "forbidden", "b", 8 },
                { "recovery", "suspend power-off", "r", 10 },
                { "guest_reboots", "2", "g", 11 },
                { "state.quirk_reset_ok", "prefail", "s", 13 },
                { "reset.vendor.name", "vendor", "v", 15 },
                { "reset.vendor.needs_guard", "true", "v", 16 },
        };
        CardFacts card = fixture_card("0000:01:00.0", 0x1002, 0x67df);
        _cleanup_free_ PolicyValue *values = NULL;
        char file[512];
        size_t n = 0;

        fixture_write(f.vendor, "10.json", quirks);
        fixture_write(f.policy, "20.json", one_card("\"*\"", "\n\"return\":\"stay\",\"allow\":[\"holders\",\n\"lockdown\"]"));
        fixture_write(f.policy, "30.json", one_card("{\"address\":\"01:00.0\"}", "\"automatic\":false,\n\"with\":[\"05:00.0\",\"0000:06:00.0\"]"));
        ck_assert_ptr_null(policy_problem(fixture_load(&f), 0));
        ck_assert_int_eq(policy_values(f.loaded, &card, &values, &n), 0);
        ck_assert_uint_eq(n, ELEMENTSOF(wanted) + 4);
        snprintf(file, sizeof(file), "%s", fixture_path(f.vendor, "10.json"));
        for (size_t i = 0; i < ELEMENTSOF(wanted); i++) {
                const PolicyValue *value = find(values, n, wanted[i].key);
                ck_assert_str_eq(value->text, wanted[i].text);
                ck_assert_str_eq(value->source, wanted[i].source);
                ck_assert_msg(value->line == wanted[i].line, "%s: line %zu", value->key, value->line);
                ck_assert_str_eq(value->file, file);
        }
        ck_assert_str_eq(find(values, n, "return")->text, "stay");
        ck_assert_uint_eq(find(values, n, "return")->line, 2);
        ck_assert_str_eq(find(values, n, "allow")->text, "holders lockdown");
        ck_assert_str_eq(find(values, n, "automatic")->text, "false");
        ck_assert_str_eq(find(values, n, "automatic")->file, fixture_path(f.policy, "30.json"));
        ck_assert_str_eq(find(values, n, "automatic")->source, "");
        ck_assert_str_eq(find(values, n, "with")->text, "05:00.0 0000:06:00.0");
        ck_assert_uint_eq(find(values, n, "with")->line, 2);

        /* Changed since: what it says now is not what holds. */
        fixture_write(f.vendor, "10.json", "{");
        _cleanup_free_ PolicyValue *none = NULL;
        ck_assert_int_eq(policy_values(f.loaded, &card, &none, &n), -ESTALE);
}
END_TEST

START_TEST(why_this_entry) {
        static const struct {
                uint16_t vendor, device;
                const char *family, *level;
                size_t line;
        } cases[] = {
                { 0x1002, 0x67df, "mine", "id", 6 },
                { 0x1002, 0x67ef, "mine", "id", 5 },
                { 0x1002, 0x0001, "other", "vendor", 2 },
                { 0x10de, 0x0001, "generic", "any card", 0 },
        };
        PolicyFamily family;
        PolicyMatch match;
        char id[32];

        fixture_write(f.vendor, "10.json", quirks);
        fixture_load(&f);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                CardFacts card = fixture_card("0000:01:00.0", cases[i].vendor, cases[i].device);
                policy_match(f.loaded, &card, &match);
                ck_assert_str_eq(match.family, cases[i].family);
                ck_assert_str_eq(match.level, cases[i].level);
                ck_assert_uint_eq(match.line, cases[i].line);
                ck_assert_str_eq(match.file, cases[i].line ? fixture_path(f.vendor, "10.json") : "built-in");
                ck_assert(!match.is_contested);
        }
        ck_assert(policy_family(f.loaded, 1, &family));
        ck_assert_str_eq(family.name, "mine");
        ck_assert_str_eq(family.confidence, "medium");
        ck_assert(family.line == 3 && family.n_ids == 2 && family.bus_reset == BUS_RESET_FORBIDDEN);
        ck_assert_str_eq(family.recipes[0].name, "vendor");
        ck_assert_str_eq(policy_family_id(f.loaded, 1, 1, id, sizeof(id)), "1002:67df");
        ck_assert_str_eq(policy_family_id(f.loaded, 0, 0, id, sizeof(id)), "1002:*");
        ck_assert(!policy_family(f.loaded, 2, &family));

        fixture_write(f.vendor, "20.json", one_family("rival", "{\"id\":\"1002:67df\"}", "wanted"));
        CardFacts card = fixture_card("0000:01:00.0", 0x1002, 0x67df);
        policy_match(fixture_load(&f), &card, &match);
        ck_assert(match.is_contested);
}
END_TEST

static size_t count_problems(const char *path) {
        Policy *policy = NULL;
        size_t n = 0;

        ck_assert_int_eq(policy_check(path, &f.dirs, NULL, &policy), 0);
        while (policy_problem(policy, n))
                n++;
        policy_free(policy);
        return n;
}

/* Every fault, and not only those that a log has room for. */
START_TEST(one_file_alone) {
        char text[2048] = "{ \"version\": 1, \"families\": [";

        for (unsigned int i = 0; i < 20; i++)
                ck_assert_int_eq(text_append(text, sizeof(text), "%s %u", i ? "," : "", i), 0);
        ck_assert_int_eq(text_append(text, sizeof(text), "] }"), 0);
        fixture_write(f.root, "many.json", text);
        ck_assert_uint_eq(count_problems(fixture_path(f.root, "many.json")), 20);
        fixture_write(f.root, "quirks", quirks);
        ck_assert_uint_eq(count_problems(fixture_path(f.root, "quirks")), 0);
        fixture_write(f.root, "wishes", one_card("\"*\"", "\"return\":\"stay\""));
        ck_assert_uint_eq(count_problems(fixture_path(f.root, "wishes")), 0);
        fixture_write(f.root, "wishes", one_card("\"*\"", "\"return\":\"home\""));
        ck_assert_uint_eq(count_problems(fixture_path(f.root, "wishes")), 1);
        fixture_write(f.root, "empty", "");
        ck_assert_uint_eq(count_problems(fixture_path(f.root, "empty")), 0);
        ck_assert_uint_eq(count_problems(fixture_path(f.root, "none")), 1);
        ck_assert_uint_eq(count_problems(f.root), 1);
}
END_TEST

/* Of meaning, too: one fault does not hide the next. */
START_TEST(faults_of_meaning_beside_each_other) {
        static const char *const wanted[] = {
                "/families/0/match/1", "/families/0/bus_reset", "/families/0/reset/0/steps/0/timeout",
                "/families/0/reset/0/steps/1", "/families/0/reset/1/steps/0", "/families/1/match/0",
        };
        Policy *policy = NULL;

        fixture_write(f.root, "file",
                      "{ \"version\": 1, \"families\": [ { \"family\": \"a\", \"match\": [{ \"id\": \"1002:67df\" }, { \"id\": \"1002:67df\" }],"
                      "\"bus_reset\": { \"value\": \"wanted\", \"source\": \"t\" },"
                      "\"state\": { \"reset_line_is_prefail\": { \"value\": true, \"source\": \"t\" } },"
                      "\"reset\": [ { \"source\": \"t\", \"steps\": ["
                      "{ \"do\": \"poll-register\", \"bar\": \"5\", \"register\": \"0x5428\", \"equals\": \"0x0\", \"timeout\": \"11s\" },"
                      "{ \"do\": \"check-register\", \"bar\": \"5\", \"register\": \"0x5428\" } ] },"
                      "{ \"name\": \"b\", \"source\": \"t\", \"steps\": [ { \"do\": \"restore-config\" } ] } ] },"
                      "{ \"family\": \"b\", \"match\": [{ \"id\": \"1002:67df\" }],"
                      "\"bus_reset\": { \"value\": \"wanted\", \"source\": \"t\" } } ] }");
        ck_assert_int_eq(policy_check(fixture_path(f.root, "file"), &f.dirs, NULL, &policy), 0);
        for (size_t i = 0; i < ELEMENTSOF(wanted); i++) {
                ck_assert_msg(policy_problem(policy, i), "not told: %s", wanted[i]);
                ck_assert_str_eq(policy_problem(policy, i)->where, wanted[i]);
        }
        ck_assert_ptr_null(policy_problem(policy, ELEMENTSOF(wanted)));
        policy_free(policy);
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("policy-values");
        TCase *tcase = tcase_create("all");

        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_test(tcase, values_with_line_and_source);
        tcase_add_test(tcase, why_this_entry);
        tcase_add_test(tcase, one_file_alone);
        tcase_add_test(tcase, faults_of_meaning_beside_each_other);
        suite_add_tcase(suite, tcase);
        return suite;
}

CHECK_MAIN(make_suite)
