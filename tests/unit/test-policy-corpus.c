/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * tests/unit/data/policy: each file y_*.json is taken without a word, each n_*.json is refused with the
 * fault that its first line names: "// expect: WHERE | part of the text". Then all of them again, cut off
 * and mutilated, to see that nothing but a verdict comes of it (sanitizers watch).
 */

#include "check-main.h"

#include <dirent.h>

#include "base/text.h"
#include "policy-fixture.h"
#include "policy/check.h"
#include "policy/document.h"
#include "policy/quirks.h"
#include "policy/wishes.h"

#define CORPUS TEST_SOURCE_DIR "/tests/unit/data/policy"

typedef struct Sample {
        char path[512];
        char name[256];
        KeyObject kind;
        char text[16384];
        size_t size;
} Sample;

typedef void (*SampleTest)(const Sample *sample);

static void read_sample(Sample *sample) {
        FILE *file = fopen(sample->path, "re");

        ck_assert_msg(file, "%s", sample->path);
        sample->size = fread(sample->text, 1, sizeof(sample->text) - 1, file);
        ck_assert_msg(feof(file), "%s is too large for a sample", sample->path);
        sample->text[sample->size] = '\0';
        fclose(file);
}

static size_t each_sample_of(const char *folder, KeyObject kind, const char *prefix, SampleTest test) {
        static Sample sample;
        char path[256];
        size_t n = 0;

        snprintf(path, sizeof(path), "%s/%s", CORPUS, folder);
        DIR *dir = opendir(path);
        ck_assert_msg(dir, "%s", path);
        for (const struct dirent *entry; (entry = readdir(dir));) {
                if (!text_starts_with(entry->d_name, prefix) || entry->d_name[0] == '.')
                        continue;
                sample.kind = kind;
                snprintf(sample.name, sizeof(sample.name), "%s", entry->d_name);
                snprintf(sample.path, sizeof(sample.path), "%s/%s", path, entry->d_name);
                read_sample(&sample);
                test(&sample);
                n++;
        }
        closedir(dir);
        return n;
}

static size_t each_sample(const char *prefix, SampleTest test) {
        return each_sample_of("quirks", OBJECT_QUIRKS_FILE, prefix, test) +
               each_sample_of("policy", OBJECT_POLICY_FILE, prefix, test);
}

/* The sample alone, in its folder, through the front door. */
static const Policy *load_sample(Fixture *f, const Sample *sample) {
        fixture_write_bytes(sample->kind == OBJECT_QUIRKS_FILE ? f->vendor : f->policy, sample->name,
                            sample->text, sample->size);
        return fixture_load(f);
}

static void check_accepted(const Sample *sample) {
        Fixture f;

        fixture_init(&f);
        const PolicyProblem *problem = policy_problem(load_sample(&f, sample), 0);
        ck_assert_msg(!problem, "%s: %s: %s", sample->path, problem->where, problem->text);
        ck_assert(!fixture_rule(f.loaded, "0000:01:00.0", 0x1002, 0x67df).configuration_broken);
        fixture_done(&f);
}

/* "// expect: WHERE | PART" */
static void read_expectation(const Sample *sample, char where[static 128], char part[static 128]) {
        const char *rest = text_starts_with(sample->text, "// expect: ");

        ck_assert_msg(rest, "%s does not say what it expects", sample->path);
        const char *bar = strstr(rest, " |"), *end = strchr(rest, '\n');
        ck_assert_msg(bar && end && bar < end, "%s does not say what it expects", sample->path);
        snprintf(where, 128, "%.*s", (int) (bar - rest), rest);
        snprintf(part, 128, "%.*s", (int) (end - bar - 2), bar + 2);
        memmove(part, part + (part[0] == ' '), strlen(part) + 1 - (part[0] == ' '));
}

/* Of meaning: what the pointer ends in is on that line, or what should hold it, which then is an object or a list. */
static void check_line(const Sample *sample, const PolicyProblem *problem) {
        const char *at = sample->text, *last = strrchr(problem->where, '/');
        char line[256], key[128];

        ck_assert_msg(problem->line > 0, "%s: no line", sample->path);
        for (size_t i = 1; i < problem->line; i++) {
                at = strchr(at, '\n');
                ck_assert_msg(at, "%s: line %zu is not there", sample->path, problem->line);
                at++;
        }
        if (problem->is_syntax || !last || strchr(last, '~'))
                return;
        snprintf(line, sizeof(line), "%.*s", (int) strcspn(at, "\n"), at);
        snprintf(key, sizeof(key), "\"%s\"", last + 1);
        ck_assert_msg(strstr(line, key) || strpbrk(line, "{["), "%s: %s is said to be on line %zu", sample->path,
                      problem->where, problem->line);
}

static void check_refused(const Sample *sample) {
        char where[128], part[128];
        const PolicyProblem *problem;
        bool found = false;
        Fixture f;

        read_expectation(sample, where, part);
        fixture_init(&f);
        const Policy *policy = load_sample(&f, sample);
        problem = policy_problem(policy, 0);
        ck_assert_msg(problem, "%s is taken", sample->path);
        for (size_t i = 0; policy_problem(policy, i); i++) {
                const PolicyProblem *p = policy_problem(policy, i);
                ck_assert_int_eq(p->is_syntax, p->where[0] == 'l');
                ck_assert_ptr_nonnull(strstr(p->file, sample->name));
                check_line(sample, p);
                found |= streq(p->where, where) && strstr(p->text, part);
        }
        ck_assert_msg(found, "%s: expected %s | %s, got %s | %s", sample->path, where, part, problem->where,
                      problem->text);

        /* Nothing of it counts, and that is said. */
        Rule rule = fixture_rule(policy, "0000:01:00.0", 0x1002, 0x67df);
        ck_assert(rule.configuration_broken);
        ck_assert_str_eq(rule.broken_file, problem->file);
        ck_assert_str_eq(rule.family, "generic");
        ck_assert_int_eq(rule.return_to, RETURN_TO_HOST);
        ck_assert_str_eq(rule.name, "");
        fixture_done(&f);
}

/* One text without the detour over a file: a verdict, and a fault in the list exactly if it is refused. */
static bool is_accepted(KeyObject kind, const char *text, size_t size) {
        Policy *policy = calloc(1, sizeof(*policy));
        Report report = { .problems = &policy->problems, .file = "sample" };
        _cleanup_free_ char *copy = malloc(size + 1);
        _cleanup_document_ Document document = { 0 };

        memcpy(copy, text, size);
        copy[size] = '\0';
        int r = document_parse(copy, size, &report, &document);
        if (r == 0)
                r = check_object(&report, &(Place){ 0 }, kind, document.root);
        if (r == 0)
                r = kind == OBJECT_QUIRKS_FILE ? quirks_read(policy, &report, document.root)
                                               : wishes_read(policy, &report, document.root);
        ck_assert(r == 0 || r == POLICY_E_REFUSED);
        ck_assert_int_eq(r == 0, policy->problems.n == 0);
        ck_assert_int_eq(r == 0, isempty(policy->problems.broken_file));
        if (r != 0)
                ck_assert_uint_eq(policy->n_families + policy->n_cards, 0);
        policy_free(policy);
        return r == 0;
}

static void check_cut_off(const Sample *sample) {
        size_t end = sample->size;

        /* What may be missing without harm: the white space and comment behind the last brace. */
        while (end > 0 && sample->text[end - 1] != '}')
                end--;
        for (size_t size = 0; size + 1 < end; size++)
                ck_assert_msg(!is_accepted(sample->kind, sample->text, size),
                              "%s: its first %zu bytes are taken", sample->path, size);
}

/* A fixed sequence: a failure here is a failure on every machine. */
static uint32_t next_random(uint32_t *state) {
        *state = *state * 1664525 + 1013904223;
        return *state >> 8;
}

static void check_mutilated(const Sample *sample) {
        static const char tokens[] = "{}[]:,\"/*\\0123456789-truefalsn \n\x01\xff";
        static char text[sizeof(sample->text)];
        uint32_t state = (uint32_t) sample->size;

        for (int round = 0; round < 60; round++) {
                size_t size = sample->size;
                memcpy(text, sample->text, size);
                for (uint32_t n = 1 + next_random(&state) % 3; n > 0 && size > 1; n--) {
                        size_t at = next_random(&state) % size;
                        uint32_t how = next_random(&state) % 3;
                        if (how == 0)
                                text[at] = tokens[next_random(&state) % (sizeof(tokens) - 1)];
                        else if (how == 1)
                                memmove(text + at, text + at + 1, --size - at);
                        else
                                text[at] = text[next_random(&state) % size];
                }
                (void) is_accepted(sample->kind, text, size);
        }
}

START_TEST(good_files_are_taken) {
        ck_assert_uint_ge(each_sample("y_", check_accepted), 34);
}
END_TEST

START_TEST(bad_files_are_refused_with_their_fault) {
        ck_assert_uint_ge(each_sample("n_", check_refused), 240);
}
END_TEST

START_TEST(files_that_are_cut_off_are_refused) {
        ck_assert_uint_ge(each_sample("y_", check_cut_off), 25);
}
END_TEST

START_TEST(mutilated_files_get_a_verdict) {
        ck_assert_uint_ge(each_sample("", check_mutilated), 270);
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("policy-corpus");
        TCase *tcase = tcase_create("all");

        tcase_set_timeout(tcase, 120);
        tcase_add_test(tcase, good_files_are_taken);
        tcase_add_test(tcase, bad_files_are_refused_with_their_fault);
        tcase_add_test(tcase, files_that_are_cut_off_are_refused);
        tcase_add_test(tcase, mutilated_files_get_a_verdict);
        suite_add_tcase(suite, tcase);
        return suite;
}

CHECK_MAIN(make_suite)
