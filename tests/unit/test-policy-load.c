/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which files of the three folders are read, in which order, and what a bad one does to the others. */

#include "check-main.h"

#include <sys/inotify.h>

#include "base/text.h"
#include "policy-fixture.h"
#include "policy/folder.h"
#include "policy/problem.h"

#define RX470 "{\"id\":\"1002:67df\"}"
#define BROKEN "{\n\"version\": 1\n\"families\": [] }"
#define MEANINGLESS "{ \"version\": 1, \"familys\": [] }"

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

static void expect_sound(const Policy *policy, const char *family) {
        const PolicyProblem *problem = policy_problem(policy, 0);
        Rule rule = rx470(policy);

        ck_assert_msg(!problem, "%s: %s: %s", problem->file, problem->where, problem->text);
        ck_assert(!rule.configuration_broken);
        ck_assert_str_eq(rule.broken_file, "");
        ck_assert_str_eq(rule.family, family);
}

/* Exactly one fault, of that file. */
static void expect_broken(const Policy *policy, const char *folder, const char *name, const char *where,
                          bool is_syntax) {
        const PolicyProblem *problem = policy_problem(policy, 0);
        Rule rule = rx470(policy);

        ck_assert_ptr_nonnull(problem);
        ck_assert_str_eq(problem->file, fixture_path(folder, name));
        ck_assert_str_eq(problem->where, where);
        ck_assert_int_eq(problem->is_syntax, is_syntax);
        ck_assert_ptr_null(policy_problem(policy, 1));
        ck_assert(rule.configuration_broken);
        ck_assert_str_eq(rule.broken_file, problem->file);
}

START_TEST(no_folders_at_all) {
        PolicyDirs nowhere = { "/does/not/exist", "/does/not/exist", "/does/not/exist" }, none = { 0 };
        Policy *policy = NULL;

        ck_assert_int_eq(policy_load(&nowhere, &policy), 0);
        expect_sound(policy, "generic");
        policy_free(policy);
        ck_assert_int_eq(policy_load(&none, &policy), 0);
        expect_sound(policy, "generic");
        policy_free(policy);
        ck_assert_ptr_null(policy_free(NULL));
}
END_TEST

START_TEST(only_json_files_count) {
        static const char *const others[] = { ".hidden.json",       ".json", "README",   "10-x.json~",
                                              "10-x.json.dpkg-new", "json",  "10-x.JSON" };

        for (size_t i = 0; i < ELEMENTSOF(others); i++) {
                fixture_write(f.vendor, others[i], BROKEN);
                fixture_write(f.admin, others[i], BROKEN);
                fixture_write(f.policy, others[i], BROKEN);
        }
        expect_sound(fixture_load(&f), "generic");
}
END_TEST

START_TEST(the_administrator_wins_whatever_the_names) {
        fixture_write(f.vendor, "20-b.json", one_family("vendors", RX470, "wanted"));
        expect_sound(fixture_load(&f), "vendors");
        fixture_write(f.admin, "10-a.json", one_family("ours", RX470, "wanted"));
        expect_sound(fixture_load(&f), "ours");
        ck_assert_int_eq(unlink(fixture_path(f.admin, "10-a.json")), 0);
        fixture_write(f.admin, "30-c.json", one_family("ours", RX470, "wanted"));
        expect_sound(fixture_load(&f), "ours");
        /* Whoever means the card more closely wins over both. */
        fixture_write(f.admin, "30-c.json", one_family("ours", "{\"id\":\"1002:*\"}", "wanted"));
        expect_sound(fixture_load(&f), "vendors");
        ck_assert_str_eq(policy_origin(f.loaded, &(CardFacts){ 0 }, "family"), "built-in");
}
END_TEST

START_TEST(same_name_replaces) {
        fixture_write(f.vendor, "10-a.json", one_family("vendors", RX470, "wanted"));
        fixture_write(f.admin, "10-a.json", one_family("ours", "{\"id\":\"10de:2484\"}", "wanted"));
        /* Not merged: the vendor's entry for the other id is gone with its file. */
        expect_sound(fixture_load(&f), "generic");
        ck_assert_str_eq(fixture_rule(f.loaded, "0000:01:00.0", 0x10de, 0x2484).family, "ours");
}
END_TEST

START_TEST(empty_and_null_mask) {
        fixture_write(f.vendor, "10-a.json", one_family("a", RX470, "wanted"));
        fixture_write(f.admin, "10-a.json", "");
        expect_sound(fixture_load(&f), "generic");
        ck_assert_int_eq(unlink(fixture_path(f.admin, "10-a.json")), 0);
        ck_assert_int_eq(symlink("/dev/null", fixture_path(f.admin, "10-a.json")), 0);
        expect_sound(fixture_load(&f), "generic");
        ck_assert_int_eq(unlink(fixture_path(f.admin, "10-a.json")), 0);
        expect_sound(fixture_load(&f), "a");
}
END_TEST

START_TEST(links_to_files_are_followed) {
        fixture_write(f.root, "real", one_family("linked", RX470, "wanted"));
        ck_assert_int_eq(symlink("../real", fixture_path(f.admin, "10-a.json")), 0);
        expect_sound(fixture_load(&f), "linked");
}
END_TEST

START_TEST(a_bad_file_is_refused_alone) {
        static const struct {
                const char *text, *where;
                bool is_syntax;
        } cases[] = { { BROKEN, "line 3", true }, { MEANINGLESS, "/familys", false } };
        char *folders[] = { f.vendor, f.admin, f.policy };

        fixture_write(f.vendor, "10-a.json", one_family("a", RX470, "wanted"));
        fixture_write(f.policy, "90-z.json", one_card("\"*\"", "\"return\":\"stay\""));
        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                for (size_t k = 0; k < ELEMENTSOF(folders); k++) {
                        fixture_write(folders[k], "50-bad.json", cases[i].text);
                        const Policy *policy = fixture_load(&f);
                        if (cases[i].is_syntax)
                                expect_broken(policy, folders[k], "50-bad.json", cases[i].where, true);
                        ck_assert(rx470(policy).configuration_broken);
                        ck_assert_str_eq(rx470(policy).family, "a");
                        ck_assert_int_eq(rx470(policy).return_to, RETURN_TO_STAY);
                        ck_assert_int_eq(unlink(fixture_path(folders[k], "50-bad.json")), 0);
                }
        expect_sound(fixture_load(&f), "a");
}
END_TEST

/* Else a slip in /etc would make a card that a bus reset kills look like any other. */
START_TEST(a_bad_replacement_brings_the_vendors_back) {
        static const char *const bad[] = { BROKEN, MEANINGLESS };

        fixture_write(f.vendor, "10-a.json", one_family("a", RX470, "forbidden"));
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                fixture_write(f.admin, "10-a.json", bad[i]);
                Rule rule = rx470(fixture_load(&f));
                ck_assert_str_eq(rule.family, "a");
                ck_assert_int_eq(rule.bus_reset, BUS_RESET_FORBIDDEN);
                ck_assert(rule.configuration_broken);
                ck_assert_str_eq(rule.broken_file, fixture_path(f.admin, "10-a.json"));
        }
}
END_TEST

START_TEST(all_faults_of_a_file_are_told) {
        fixture_write(f.policy, "10-a.json",
                      "{ \"version\": 2, \"cards\": [ { \"match\": \"*\", \"return\": \"home\" }, 7 ] }");
        const Policy *policy = fixture_load(&f);
        static const char *const where[] = { "/version", "/cards/0/return", "/cards/1" };

        for (size_t i = 0; i < ELEMENTSOF(where); i++) {
                ck_assert_ptr_nonnull(policy_problem(policy, i));
                ck_assert_str_eq(policy_problem(policy, i)->where, where[i]);
        }
        ck_assert_ptr_null(policy_problem(policy, ELEMENTSOF(where)));
}
END_TEST

/* Would block (FIFO) or act (device) when opened. */
START_TEST(what_is_no_file_is_not_opened) {
        _cleanup_close_ int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        struct inotify_event event;

        ck_assert_int_eq(mkfifo(fixture_path(f.admin, "10-a.json"), 0644), 0);
        ck_assert_int_ge(inotify_add_watch(watch, fixture_path(f.admin, "10-a.json"), IN_OPEN), 0);
        expect_broken(fixture_load(&f), f.admin, "10-a.json", "the file", true);
        ck_assert_int_eq(read(watch, &event, sizeof(event)), -1);
        ck_assert_int_eq(errno, EAGAIN);
        ck_assert_int_eq(unlink(fixture_path(f.admin, "10-a.json")), 0);

        ck_assert_int_eq(symlink("/dev/zero", fixture_path(f.admin, "10-a.json")), 0);
        expect_broken(fixture_load(&f), f.admin, "10-a.json", "the file", true);
        ck_assert_int_eq(unlink(fixture_path(f.admin, "10-a.json")), 0);

        ck_assert_int_eq(mkdir(fixture_path(f.admin, "10-a.json"), 0755), 0);
        expect_broken(fixture_load(&f), f.admin, "10-a.json", "the file", true);
        ck_assert_int_eq(rmdir(fixture_path(f.admin, "10-a.json")), 0);

        ck_assert_int_eq(symlink("nowhere", fixture_path(f.admin, "10-a.json")), 0);
        expect_broken(fixture_load(&f), f.admin, "10-a.json", "the file", true);
}
END_TEST

START_TEST(a_folder_that_is_none) {
        fixture_write(f.root, "file", "");
        f.dirs.policy = fixture_path(f.root, "file");
        const Policy *policy = fixture_load(&f);
        f.dirs.policy = f.policy;
        expect_broken(policy, f.root, "file", "the file", true);
}
END_TEST

START_TEST(sizes) {
        static char text[CONFIG_FILE_SIZE_MAX + 2];
        const char *start = one_family("large", RX470, "wanted");

        memset(text, ' ', sizeof(text));
        memcpy(text, start, strlen(start));
        fixture_write_bytes(f.admin, "10-a.json", text, CONFIG_FILE_SIZE_MAX);
        expect_sound(fixture_load(&f), "large");
        fixture_write_bytes(f.admin, "10-a.json", text, CONFIG_FILE_SIZE_MAX + 1);
        expect_broken(fixture_load(&f), f.admin, "10-a.json", "the file", true);
}
END_TEST

START_TEST(bytes_behind_a_nul_are_not_overlooked) {
        const char text[] = "{\"version\":1,\"families\":[]}\n\0{";

        fixture_write_bytes(f.admin, "10-a.json", text, sizeof(text) - 1);
        expect_broken(fixture_load(&f), f.admin, "10-a.json", "line 2", true);
}
END_TEST

START_TEST(file_names_that_would_spoil_a_log) {
        fixture_write(f.admin, "10-\x1b[31m.json", one_family("a", RX470, "wanted"));
        const Policy *policy = fixture_load(&f);
        const PolicyProblem *problem = policy_problem(policy, 0);

        ck_assert_ptr_nonnull(problem);
        ck_assert_str_eq(problem->file, f.admin);
        ck_assert_ptr_null(strchr(problem->text, '\x1b'));
        ck_assert(rx470(policy).configuration_broken);
        ck_assert_str_eq(rx470(policy).family, "generic");
}
END_TEST

START_TEST(texts_of_faults_are_plain) {
        fixture_write(f.policy, "10-a.json",
                      "{ \"version\": 1, \"cards\": [ { \"match\": \"*\", \"return\": "
                      "\"\xc3\xbc\\u001b[31m\", \"\xc3\xbc\": 1 } ] }");
        const Policy *policy = fixture_load(&f);
        for (size_t i = 0; policy_problem(policy, i); i++)
                for (const char *s = policy_problem(policy, i)->text; *s; s++)
                        ck_assert(*s >= 0x20 && *s < 0x7f);
        ck_assert_str_eq(policy_problem(policy, 1)->where, "/cards/0/??");
}
END_TEST

START_TEST(too_many_files) {
        char name[32];

        for (unsigned int i = 0; i < FOLDER_FILES_MAX; i++) {
                snprintf(name, sizeof(name), "%03u.json", i);
                fixture_write(f.admin, name, "");
        }
        expect_sound(fixture_load(&f), "generic");
        fixture_write(f.admin, "one-more.json", "");
        const Policy *policy = fixture_load(&f);
        ck_assert_str_eq(policy_problem(policy, 0)->file, f.admin);
        ck_assert(rx470(policy).configuration_broken);
}
END_TEST

static void write_families(const char *name, unsigned int first, unsigned int n) {
        static char text[CONFIG_FILE_SIZE_MAX];

        text[0] = '\0';
        char *end = text + sprintf(text, "{\"version\":1,\"families\":[");
        for (unsigned int i = 0; i < n; i++)
                end += sprintf(end,
                               "%s{\"family\":\"f%u\",\"match\":[{\"id\":\"1234:%04x\"}],\"bus_reset\":{"
                               "\"value\":\"wanted\",\"source\":\"a test\"}}",
                               i ? "," : "", first + i, first + i);
        sprintf(end, "]}");
        fixture_write(f.admin, name, text);
}

START_TEST(families_over_all_files) {
        write_families("10-a.json", 0, FAMILIES_MAX - 1);
        write_families("20-b.json", FAMILIES_MAX - 1, 1);
        expect_sound(fixture_load(&f), "generic");
        ck_assert_str_eq(fixture_rule(f.loaded, "0000:01:00.0", 0x1234, FAMILIES_MAX - 1).family, "f255");
        write_families("20-b.json", FAMILIES_MAX - 1, 2);
        expect_broken(fixture_load(&f), f.admin, "20-b.json", "/families", false);
        /* All or none: its first would have found room. */
        ck_assert_str_eq(fixture_rule(f.loaded, "0000:01:00.0", 0x1234, FAMILIES_MAX - 1).family, "generic");
}
END_TEST

START_TEST(cards_over_all_files) {
        char name[32], match[64];

        for (unsigned int i = 0; i < POLICY_CARDS_MAX; i++) {
                snprintf(name, sizeof(name), "%03u.json", i);
                snprintf(match, sizeof(match), "{\"address\":\"0000:%02x:00.0\"}", i);
                fixture_write(f.policy, name, one_card(match, "\"automatic\":false"));
        }
        expect_sound(fixture_load(&f), "generic");
        fixture_write(f.policy, "one-more.json", one_card("\"*\"", "\"automatic\":false"));
        expect_broken(fixture_load(&f), f.policy, "one-more.json", "/cards", false);
}
END_TEST

START_TEST(more_faults_than_are_listed) {
        char name[32], text[1024] = "{ \"version\": 1, \"families\": [";
        size_t n = 0;

        for (unsigned int i = 0; i < PROBLEMS_PER_FILE_MAX + 5; i++)
                ck_assert_int_eq(text_append(text, sizeof(text), "%s %u", i ? "," : "", i), 0);
        ck_assert_int_eq(text_append(text, sizeof(text), "] }"), 0);
        fixture_write(f.admin, "000.json", text);
        for (; policy_problem(fixture_load(&f), n); n++)
                ck_assert_int_eq(n == PROBLEMS_PER_FILE_MAX - 1,
                                 strstr(policy_problem(f.loaded, n)->text, "not listed") != NULL);
        ck_assert_uint_eq(n, PROBLEMS_PER_FILE_MAX);

        for (unsigned int i = 1; i < PROBLEMS_MAX; i++) {
                snprintf(name, sizeof(name), "%03u.json", i);
                fixture_write(f.admin, name, BROKEN);
        }
        fixture_load(&f);
        ck_assert_ptr_nonnull(strstr(policy_problem(f.loaded, PROBLEMS_MAX - 1)->text, "not listed"));
        ck_assert_ptr_null(policy_problem(f.loaded, PROBLEMS_MAX));
        ck_assert_str_eq(rx470(f.loaded).broken_file, fixture_path(f.admin, "000.json"));
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("policy-load");
        TCase *tcase = tcase_create("all");

        tcase_set_timeout(tcase, 60);
        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_test(tcase, no_folders_at_all);
        tcase_add_test(tcase, only_json_files_count);
        tcase_add_test(tcase, the_administrator_wins_whatever_the_names);
        tcase_add_test(tcase, same_name_replaces);
        tcase_add_test(tcase, empty_and_null_mask);
        tcase_add_test(tcase, links_to_files_are_followed);
        tcase_add_test(tcase, a_bad_file_is_refused_alone);
        tcase_add_test(tcase, a_bad_replacement_brings_the_vendors_back);
        tcase_add_test(tcase, all_faults_of_a_file_are_told);
        tcase_add_test(tcase, what_is_no_file_is_not_opened);
        tcase_add_test(tcase, a_folder_that_is_none);
        tcase_add_test(tcase, sizes);
        tcase_add_test(tcase, bytes_behind_a_nul_are_not_overlooked);
        tcase_add_test(tcase, file_names_that_would_spoil_a_log);
        tcase_add_test(tcase, texts_of_faults_are_plain);
        tcase_add_test(tcase, too_many_files);
        tcase_add_test(tcase, families_over_all_files);
        tcase_add_test(tcase, cards_over_all_files);
        tcase_add_test(tcase, more_faults_than_are_listed);
        suite_add_tcase(suite, tcase);
        return suite;
}

CHECK_MAIN(make_suite)
