/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Cards of which a refused file speaks: that one claims them twice, or that it cannot be believed. */

#include "check-main.h"

#include "policy-fixture.h"

#define RX470 "{\"id\":\"1002:67df\"}"

static Fixture f;

static void setup(void) {
        fixture_init(&f);
}

static void teardown(void) {
        fixture_done(&f);
}

static Rule rx470(const Policy *policy) {
        return fixture_rule(policy, "0000:01:00.0", 0x1002, 0x67df);
}

#define WITH_RESET                                                                                                     \
        "\"reset\":{\"source\":\"t\",\"steps\":[{\"do\":\"save-config\"},{\"do\":\"vendor-reset\"},"                           \
        "{\"do\":\"restore-config\"},{\"do\":\"verify\"}]},"
#define WITH_PREFAIL "\"state\":{\"touched_host_bind\":{\"value\":\"prefail\",\"source\":\"t\"}},"

static void write_claim(const char *folder, const char *name, const char *family, const char *bus_reset, const char *more) {
        char text[1024];

        snprintf(text, sizeof(text),
                 "{\"version\":1,\n\"families\":[\n{\"family\":\"%s\",%s\n\"match\":[{\"id\":\"10de:1b80\"},\n" RX470
                 "],\"bus_reset\":{\"value\":\"%s\",\"source\":\"a test\"}}]}",
                 family, more, bus_reset);
        fixture_write(folder, name, text);
}

/* Nobody can say which of the two is meant, so neither resets the card, and what both warn of holds. */
START_TEST(two_files_of_one_folder_claim_one_card) {
        const char *folders[] = { f.vendor, f.admin };

        for (size_t i = 0; i < ELEMENTSOF(folders); i++) {
                char first[512], expected[600];
                write_claim(folders[i], "10-a.json", "a", "wanted", WITH_RESET);
                fixture_write(folders[i], "20-b.json",
                              "{\"version\":1,\"families\":[{\"family\":\"b\",\n\"match\":[{\"id\":\"1002:7300\"},\n"
                              RX470 "],\n" WITH_RESET WITH_PREFAIL
                              "\"bus_reset\":{\"value\":\"forbidden\",\"source\":\"t\"}}]}");
                snprintf(first, sizeof(first), "%s", fixture_path(folders[i], "10-a.json"));
                snprintf(expected, sizeof(expected), "family \"a\" of %s (line 5) claims the same cards", first);
                const PolicyProblem *problem = policy_problem(fixture_load(&f), 0);
                ck_assert_str_eq(problem->file, fixture_path(folders[i], "20-b.json"));
                ck_assert_str_eq(problem->where, "/families/0/match/1");
                ck_assert_uint_eq(problem->line, 3);
                ck_assert_ptr_nonnull(strstr(problem->text, expected));
                ck_assert_ptr_null(policy_problem(f.loaded, 1));

                Rule rule = rx470(f.loaded);
                ck_assert_str_eq(rule.family, "a");
                ck_assert_uint_eq(rule.recipes[0].n_steps, 0);
                ck_assert_int_eq(rule.bus_reset, BUS_RESET_FORBIDDEN);
                ck_assert_int_eq(rule.state.touched_host_bind, RESET_STATE_PREFAIL);
                /* The other card of the first file is as it was; of the second file nothing is taken. */
                rule = fixture_rule(f.loaded, "0000:01:00.0", 0x10de, 0x1b80);
                ck_assert_str_eq(rule.family, "a");
                ck_assert_uint_eq(rule.recipes[0].n_steps, 4);
                ck_assert_int_eq(rule.bus_reset, BUS_RESET_WANTED);
                ck_assert_str_eq(fixture_rule(f.loaded, "0000:01:00.0", 0x1002, 0x7300).family, "generic");
                ck_assert_int_eq(unlink(fixture_path(folders[i], "20-b.json")), 0);
                ck_assert_int_eq(unlink(fixture_path(folders[i], "10-a.json")), 0);
        }
}
END_TEST

START_TEST(the_administrator_settles_a_claim_of_two) {
        write_claim(f.vendor, "10-a.json", "a", "wanted", WITH_RESET);
        write_claim(f.vendor, "20-b.json", "b", "wanted", WITH_RESET);
        write_claim(f.admin, "30-c.json", "c", "wanted", WITH_RESET);
        Rule rule = rx470(fixture_load(&f));
        ck_assert_str_eq(rule.family, "c");
        ck_assert_uint_eq(rule.recipes[0].n_steps, 4);
        ck_assert(rule.configuration_broken);
        /* Better: mask one of them. */
        fixture_write(f.admin, "20-b.json", "");
        rule = rx470(fixture_load(&f));
        ck_assert_str_eq(rule.family, "c");
        ck_assert(!rule.configuration_broken && !policy_problem(f.loaded, 0));
        /* A claim that is less close than the family which counts is no matter. */
        fixture_write(f.vendor, "40-d.json", one_family("d", "{\"id\":\"1002:*\"}", "wanted"));
        fixture_write(f.vendor, "50-e.json", one_family("e", "{\"id\":\"1002:*\"}", "wanted"));
        ck_assert_uint_eq(rx470(fixture_load(&f)).recipes[0].n_steps, 4);
        ck_assert_int_eq(fixture_rule(f.loaded, "0000:01:00.0", 0x1002, 1).bus_reset, BUS_RESET_FORBIDDEN);
}
END_TEST

/* What a refused file says of a card is not known: so nobody's reset is run, and what it warns of holds. */
START_TEST(cards_of_a_refused_file_are_left_alone) {
        static const char *const faults[] = {
                "\"reset\":{\"source\":\"t\",\"steps\":[{\"do\":\"explode\"}]},",
                "\"reset\":{\"source\":\"t\",\"steps\":[{\"do\":\"poll-register\",\"bar\":\"5\",\"register\":\"0x5428\",\"equals\":\"0x0\"}]},",
                "\"reset\":{\"source\":\"t\",\"steps\":[{\"do\":\"check-register\",\"bar\":\"3\",\"register\":\"0x5428\",\"equals\":\"0x0\"}]},",
                "\"wat\":1,",
                "\"match\":7,\"family\":[],",
        };
        const char *names[] = { "10-a.json", "90-z.json" }; /* in the place of the sound one, and beside it */
        char text[1024];

        fixture_write(f.vendor, "10-a.json",
                      "{\"version\":1,\"families\":[{\"family\":\"a\"," WITH_RESET "\"match\":[{\"id\":\"1002:67df\"},{\"id\":\"10de:1b80\"}],"
                      "\"bus_reset\":{\"value\":\"wanted\",\"source\":\"t\"}}]}");
        for (size_t i = 0; i < 2 * ELEMENTSOF(faults); i++) {
                const char *name = names[i % 2];
                snprintf(text, sizeof(text),
                         "{\"version\":1,\"families\":[{%s\"no\":0},{\"family\":\"b\",%s\n" WITH_PREFAIL
                         "\"match\":[3,{\"id\":4},{\"id\":\"1002:67df\"}],\"bus_reset\":{\"value\":\"wanted\",\"source\":\"t\"}}]}",
                         faults[4], i / 2 == 4 ? "" : faults[i / 2]);
                fixture_write(f.admin, name, text);
                Rule rule = rx470(fixture_load(&f));
                ck_assert(rule.configuration_broken);
                ck_assert_str_eq(rule.family, "a");
                ck_assert_uint_eq(rule.recipes[0].n_steps, 0);
                ck_assert_int_eq(rule.state.touched_host_bind, RESET_STATE_PREFAIL);
                ck_assert_int_eq(rule.bus_reset, BUS_RESET_FORBIDDEN);
                CardFacts card = fixture_card("0000:01:00.0", 0x1002, 0x67df);
                PolicyMatch match;
                policy_match(f.loaded, &card, &match);
                ck_assert(rule.is_withheld && match.is_withheld && !match.is_contested);
                /* Of the other card of the sound file it does not speak. */
                rule = fixture_rule(f.loaded, "0000:01:00.0", 0x10de, 0x1b80);
                ck_assert(!rule.is_withheld);
                ck_assert_uint_eq(rule.recipes[0].n_steps, 4);
                ck_assert_int_eq(rule.bus_reset, BUS_RESET_WANTED);
                ck_assert_int_eq(unlink(fixture_path(f.admin, name)), 0);
        }
}
END_TEST

/* A refused entry that means the card less closely than the one which counts, or is the vendor's, would not have won. */
START_TEST(a_refused_entry_that_would_not_win) {
        write_claim(f.admin, "10-a.json", "a", "wanted", WITH_RESET);
        fixture_write(f.admin, "20-b.json", "{\"version\":1,\"families\":[{\"family\":\"b\",\"match\":[{\"id\":\"1002:*\"}]}]}");
        fixture_write(f.vendor, "30-c.json", "{\"version\":1,\"families\":[{\"family\":\"c\",\"match\":[" RX470 "]}]}");
        ck_assert_uint_eq(rx470(fixture_load(&f)).recipes[0].n_steps, 4);
        /* One board alone: its like are not meant. */
        fixture_write(f.admin, "40-d.json",
                      "{\"version\":1,\"families\":[{\"family\":\"d\",\"match\":[{\"id\":\"1002:67df\",\"subsystem\":\"1462:3418\"}]}]}");
        ck_assert_uint_eq(rx470(fixture_load(&f)).recipes[0].n_steps, 4);
        CardFacts card = fixture_card("0000:01:00.0", 0x1002, 0x67df);
        card.functions[0].subsystem_vendor_id = 0x1462;
        card.functions[0].subsystem_device_id = 0x3418;
        Rule rule;
        policy_rule(f.loaded, &card, &rule);
        ck_assert_uint_eq(rule.recipes[0].n_steps, 0);
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("policy-contest");
        TCase *tcase = tcase_create("all");

        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_test(tcase, two_files_of_one_folder_claim_one_card);
        tcase_add_test(tcase, the_administrator_settles_a_claim_of_two);
        tcase_add_test(tcase, cards_of_a_refused_file_are_left_alone);
        tcase_add_test(tcase, a_refused_entry_that_would_not_win);
        suite_add_tcase(suite, tcase);
        return suite;
}

CHECK_MAIN(make_suite)
