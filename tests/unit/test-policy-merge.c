/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One rule out of many entries: which of them wins, key by key, and where each value is said to be from. */

#include "check-main.h"

#include "base/text.h"
#include "policy-fixture.h"

#define MAIN "0000:01:00.0"
#define BY_ADDRESS "{\"address\":\"" MAIN "\"}"
#define BY_ID "{\"id\":\"1002:67df\"}"
#define BY_BOARD "{\"id\":\"1002:67df\",\"subsystem\":\"1462:3418\"}"
#define BY_VENDOR "{\"id\":\"1002:*\"}"
#define BY_ALL "{\"id\":\"*:*\"}"

static Fixture f;

static void setup(void) {
        fixture_init(&f);
}

static void teardown(void) {
        fixture_done(&f);
}

static CardFacts rx470(void) {
        CardFacts card = fixture_card(MAIN, 0x1002, 0x67df);

        card.functions[0].subsystem_vendor_id = 0x1462;
        card.functions[0].subsystem_device_id = 0x3418;
        return card;
}

static Rule rule_of(const CardFacts *card) {
        Rule rule;

        for (size_t i = 0; policy_problem(fixture_load(&f), i); i++)
                ck_abort_msg("%s: %s", policy_problem(f.loaded, i)->where, policy_problem(f.loaded, i)->text);
        policy_rule(f.loaded, card, &rule);
        return rule;
}

static void expect_origin(const CardFacts *card, const char *key, const char *folder, const char *name) {
        ck_assert_str_eq(policy_origin(f.loaded, card, key),
                         folder ? fixture_path(folder, name) : "built-in");
}

START_TEST(closer_families_win_whatever_the_order) {
        static const char *const matches[] = { BY_ALL, BY_VENDOR, BY_ID, BY_BOARD };
        static const char *const names[] = { "all", "vendor", "id", "board" };
        CardFacts card = rx470();
        char file[32];

        /* The closest comes first, so that order alone would choose the least close. */
        for (int i = 0; i < 4; i++) {
                snprintf(file, sizeof(file), "%d.json", 9 - i);
                fixture_write(f.vendor, file, one_family(names[i], matches[i], "wanted"));
                ck_assert_str_eq(rule_of(&card).family, names[i]);
        }
        card.functions[0].subsystem_device_id = 0x3419;
        ck_assert_str_eq(rule_of(&card).family, "id");
        card.functions[0].device_id = 0x67ef;
        ck_assert_str_eq(rule_of(&card).family, "vendor");
        card.functions[0].vendor_id = 0x10de;
        ck_assert_str_eq(rule_of(&card).family, "all");
}
END_TEST

START_TEST(later_families_win_among_equals) {
        CardFacts card = rx470();

        fixture_write(f.vendor, "10.json", one_family("first", BY_ID, "wanted"));
        fixture_write(f.admin, "20.json", one_family("second", BY_ID, "forbidden"));
        ck_assert_str_eq(rule_of(&card).family, "second");
        expect_origin(&card, "family", f.admin, "20.json");
        expect_origin(&card, "bus_reset", f.admin, "20.json");
}
END_TEST

START_TEST(companions_match_nothing) {
        CardFacts card = rx470();

        fixture_write(f.vendor, "10.json", one_family("audio", "{\"id\":\"1002:aaf0\"}", "forbidden"));
        ck_assert_str_eq(rule_of(&card).family, "generic");
        card.n_functions = 0;
        ck_assert_str_eq(rule_of(&card).family, "generic");
}
END_TEST

/* Polaris is taken whole: nothing of another family of the same card is mixed in. */
START_TEST(a_family_is_taken_whole) {
        CardFacts card = rx470();

        ck_assert_int_eq(symlink(POLARIS_FILE, fixture_path(f.vendor, "10-amd-polaris.json")), 0);
        ck_assert_str_eq(rule_of(&card).recipes[1].name, "vi-config");
        fixture_write(f.admin, "50.json", one_family("mine", BY_BOARD, "forbidden"));
        Rule rule = rule_of(&card);
        ck_assert_str_eq(rule.family, "mine");
        ck_assert_uint_eq(rule.recipes[0].n_steps, 0);
        ck_assert_int_eq(rule.state.touched_host_bind, RESET_STATE_TOUCHED);
        expect_origin(&card, "reset", NULL, NULL);
        expect_origin(&card, "state", NULL, NULL);
}
END_TEST

START_TEST(guard_is_needed_where_the_bus_reset_kills) {
        static const char form[] =
                "{\"version\":1,\"families\":[{\"family\":\"x\",\"match\":[" BY_ID "],"
                "\"bus_reset\":{\"value\":\"%s\",\"source\":\"t\"},"
                "\"reset\":{\"source\":\"t\"%s,\"steps\":[{\"do\":\"delay\",\"for\":\"20ms\","
                "\"timeout\":\"3s\"}]}}]}";
        static const struct {
                const char *bus_reset, *guard;
                bool needs_guard;
        } cases[] = {
                { "forbidden", "", true },
                { "wanted", "", false },
                { "forbidden", ",\"needs_guard\":false", false },
                { "wanted", ",\"needs_guard\":true", true },
        };
        CardFacts card = rx470();
        char text[1024];

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                snprintf(text, sizeof(text), form, cases[i].bus_reset, cases[i].guard);
                fixture_write(f.vendor, "10.json", text);
                Rule rule = rule_of(&card);
                ck_assert_int_eq(rule.recipes[0].needs_guard, cases[i].needs_guard);
                ck_assert_str_eq(rule.recipes[0].after_driver, "");
                ck_assert_uint_eq(rule.recipes[0].steps[0].delay_usec, 20000);
                ck_assert_uint_eq(rule.recipes[0].steps[0].timeout_usec, 3000000);
        }
}
END_TEST

START_TEST(kernel_guard_is_the_families_word) {
        CardFacts card = rx470();

        fixture_write(f.vendor, "10.json", one_family("silent", BY_ID, "forbidden"));
        ck_assert_int_eq((int) rule_of(&card).kernel_guard, KERNEL_GUARD_NONE);
        expect_origin(&card, "kernel_guard", NULL, NULL);
        fixture_write(f.vendor, "10.json",
                      "{\"version\":1,\"families\":[{\"family\":\"guarded\",\"match\":[" BY_ID "],"
                      "\"bus_reset\":{\"value\":\"forbidden\",\"source\":\"a test\"},"
                      "\"kernel_guard\":{\"value\":\"always\",\"source\":\"a test\"}}]}");
        ck_assert_int_eq((int) rule_of(&card).kernel_guard, KERNEL_GUARD_ALWAYS);
        expect_origin(&card, "kernel_guard", f.vendor, "10.json");
}
END_TEST

static Recipe load_recipe(const CardFacts *card, const char *path) {
        ck_assert_int_eq(symlink(path, fixture_path(f.vendor, "10.json")), 0);
        Recipe recipe = rule_of(card).recipes[0];
        ck_assert_int_eq(unlink(fixture_path(f.vendor, "10.json")), 0);
        return recipe;
}

#define SAMPLES TEST_SOURCE_DIR "/tests/unit/data/policy/quirks"

static void check_place(const RegisterPlace *place, uint16_t index, uint16_t data, uint32_t address) {
        ck_assert_uint_eq(place->bar, 5);
        ck_assert_uint_eq(place->index_offset, index);
        ck_assert_uint_eq(place->data_offset, data);
        ck_assert_uint_eq(place->address, address);
}

START_TEST(words_of_a_recipe) {
        CardFacts card = rx470(), hawaii = fixture_card("0000:01:00.0", 0x1002, 0x67b0);
        Recipe recipe = load_recipe(&card, SAMPLES "/y_recipe-vi.json");

        ck_assert_str_eq(recipe.name, "vi-config");
        ck_assert_str_eq(recipe.after_driver, "amdgpu");
        ck_assert(recipe.needs_guard && recipe.experimental && !recipe.before_guest);
        ck_assert_uint_eq(recipe.n_steps, 12);
        const RecipeStep *step = &recipe.steps[1];
        ck_assert_int_eq(step->verb, RECIPE_WRITE_CONFIG);
        ck_assert(step->offset == 0x4 && step->mask == 0x7 && step->value == 0x2);
        step = &recipe.steps[2];
        ck_assert_int_eq(step->verb, RECIPE_CHECK_REGISTER);
        check_place(&step->place, 0x6b0, 0x6b4, 0x80000004);
        ck_assert(step->mask == 0x1 && step->value == 0 && step->test == REGISTER_EQUALS && step->optional);
        step = &recipe.steps[3];
        ck_assert(step->mask == UINT32_MAX && step->value == 0x20100 && step->test == REGISTER_AT_LEAST && !step->optional);
        step = &recipe.steps[8];
        ck_assert_int_eq(step->verb, RECIPE_POLL_REGISTER);
        check_place(&step->place, 0, 0, 0x5428);
        ck_assert(step->value == UINT32_MAX && step->test == REGISTER_DIFFERS && step->timeout_usec == 100 * USEC_PER_MSEC);

        recipe = load_recipe(&hawaii, SAMPLES "/y_recipe-ci.json");
        ck_assert_str_eq(recipe.name, "reset");
        ck_assert(recipe.needs_guard && !recipe.experimental && recipe.before_guest);
        step = &recipe.steps[2];
        ck_assert_int_eq(step->verb, RECIPE_DIFFER_REGISTER);
        ck_assert_uint_eq(step->place.address, 0xc0000010);
        check_place(&step->other, 0x200, 0x204, 0xc00c0000);
        ck_assert(step->mask == 0x2 && step->other_mask == 0x40);
        step = &recipe.steps[4];
        ck_assert_int_eq(step->verb, RECIPE_WRITE_REGISTER);
        ck_assert(step->place.address == 0x80000000 && step->mask == 0x1 && step->value == 0x1);
}
END_TEST

START_TEST(resets_in_order_of_preference) {
        static const char *const names[] = { "vendor-reset", "vi-config", "flr", "reset" };
        CardFacts card = rx470();

        ck_assert_int_eq(symlink(SAMPLES "/y_recipe-list.json", fixture_path(f.vendor, "10.json")), 0);
        Rule rule = rule_of(&card);
        for (size_t i = 0; i < ELEMENTSOF(names); i++)
                ck_assert_str_eq(rule.recipes[i].name, names[i]);
        ck_assert_int_eq(rule.recipes[0].steps[1].verb, RECIPE_VENDOR_RESET);
        ck_assert_str_eq(rule.recipes[2].steps[1].method, "flr");
        ck_assert_int_eq(rule.recipes[3].steps[1].verb, RECIPE_D3HOT);
}
END_TEST

/* What a person may ask for is apart from what is planned, and comes with its family or not at all. */
START_TEST(recovery_is_no_reset) {
        CardFacts card = rx470(), other = fixture_card("0000:02:00.0", 0x10de, 0x2484);

        ck_assert_int_eq(symlink(SAMPLES "/y_recovery-beside-a-reset.json", fixture_path(f.vendor, "10.json")), 0);
        Rule rule = rule_of(&card);
        ck_assert(!rule.recovery.remove_rescan);
        ck_assert_uint_eq(rule.recovery.suspend_usec, 60 * USEC_PER_SEC);
        ck_assert_uint_eq(rule.recipes[0].n_steps, 4);
        ck_assert_uint_eq(rule.recipes[1].n_steps, 0);
        rule = rule_of(&other);
        ck_assert(!rule.recovery.remove_rescan && rule.recovery.suspend_usec == 0);
        ck_assert_int_eq(symlink(SAMPLES "/y_recovery.json", fixture_path(f.admin, "10.json")), 0);
        rule = rule_of(&card);
        ck_assert(rule.recovery.remove_rescan);
        ck_assert_uint_eq(rule.recovery.suspend_usec, 10 * USEC_PER_SEC);
        ck_assert_uint_eq(rule.recipes[0].n_steps, 0);
}
END_TEST

START_TEST(policy_is_merged_key_by_key) {
        CardFacts card = rx470(), other = fixture_card("0000:02:00.0", 0x10de, 0x2484);

        fixture_write(f.policy, "10.json", one_card(BY_ADDRESS, "\"name\":\"gaming\",\"return\":\"stay\""));
        fixture_write(f.policy, "20.json", one_card(BY_ID, "\"return\":\"host\",\"allow\":[\"lockdown\",\"experimental\"]"));
        fixture_write(f.policy, "30.json",
                      one_card("\"*\"", "\"return\":\"host\",\"automatic\":false,\"allow\":[\"holders\"]"));
        Rule rule = rule_of(&card);
        ck_assert_str_eq(rule.name, "gaming");
        ck_assert_int_eq(rule.return_to, RETURN_TO_STAY);
        ck_assert(!rule.automatic);
        /* A list is one value: the closer one stands alone. */
        ck_assert(rule.allow_lockdown && rule.allow_experimental && !rule.allow_holders);
        expect_origin(&card, "name", f.policy, "10.json");
        expect_origin(&card, "return", f.policy, "10.json");
        expect_origin(&card, "allow", f.policy, "20.json");
        expect_origin(&card, "automatic", f.policy, "30.json");

        rule = rule_of(&other);
        ck_assert_str_eq(rule.name, "");
        ck_assert_int_eq(rule.return_to, RETURN_TO_HOST);
        ck_assert(!rule.automatic && rule.allow_holders && !rule.allow_lockdown && !rule.allow_experimental);
        expect_origin(&other, "name", NULL, NULL);
        expect_origin(&other, "return", f.policy, "30.json");
}
END_TEST

START_TEST(later_policy_wins_among_equals) {
        CardFacts card = rx470();

        fixture_write(f.policy, "10.json",
                      one_card(BY_ADDRESS, "\"return\":\"stay\",\"allow\":[\"holders\"]"));
        /* Another function of the slot means the same card. */
        fixture_write(f.policy, "20.json",
                      one_card("{\"address\":\"01:00.1\"}", "\"return\":\"host\",\"allow\":[]"));
        Rule rule = rule_of(&card);
        ck_assert_int_eq(rule.return_to, RETURN_TO_HOST);
        ck_assert(!rule.allow_holders);
        expect_origin(&card, "return", f.policy, "20.json");
}
END_TEST

START_TEST(policy_can_forbid_the_bus_reset) {
        CardFacts card = rx470();

        fixture_write(f.policy, "10.json", one_card("\"*\"", "\"bus_reset\":\"forbidden\""));
        Rule rule = rule_of(&card);
        ck_assert_str_eq(rule.family, "generic");
        ck_assert_int_eq(rule.bus_reset, BUS_RESET_FORBIDDEN);
        ck_assert_uint_eq(rule.recipes[0].n_steps, 0);
        expect_origin(&card, "bus_reset", f.policy, "10.json");
        expect_origin(&card, "family", NULL, NULL);

        /* Where the family forbids it already, the reason is the family. */
        fixture_write(f.vendor, "10.json", one_family("x", BY_ID, "forbidden"));
        ck_assert_int_eq(rule_of(&card).bus_reset, BUS_RESET_FORBIDDEN);
        expect_origin(&card, "bus_reset", f.vendor, "10.json");
        fixture_write(f.vendor, "10.json", one_family("x", BY_ID, "wanted"));
        ck_assert_int_eq(rule_of(&card).bus_reset, BUS_RESET_FORBIDDEN);
        expect_origin(&card, "bus_reset", f.policy, "10.json");
}
END_TEST

START_TEST(guest_reboots_of_a_family) {
        CardFacts card = rx470();

        fixture_write(f.vendor, "10.json",
                      "{ \"version\": 1, \"families\": [ { \"family\": \"bumpy\", \"match\": [" BY_VENDOR "],"
                      " \"bus_reset\": { \"value\": \"forbidden\", \"source\": \"a test\" },"
                      " \"guest_reboots\": { \"value\": 2, \"source\": \"a test\" } } ] }");
        ck_assert_uint_eq(rule_of(&card).guest_reboots, 2);
        expect_origin(&card, "guest_reboots", f.vendor, "10.json");

        /* A closer family is taken whole: it says nothing of reboots, so there is no limit. */
        fixture_write(f.vendor, "20.json", one_family("x", BY_ID, "forbidden"));
        ck_assert_uint_eq(rule_of(&card).guest_reboots, GUEST_REBOOTS_UNLIMITED);
        expect_origin(&card, "guest_reboots", NULL, NULL);
}
END_TEST

START_TEST(origins_of_a_polaris) {
        static const char *const of_quirk[] = { "family", "bus_reset", "state", "reset" };
        static const char *const of_policy[] = { "return", "automatic", "allow", "name", "with" };
        CardFacts card = rx470();

        ck_assert_int_eq(symlink(POLARIS_FILE, fixture_path(f.vendor, "10-amd-polaris.json")), 0);
        (void) rule_of(&card);
        for (size_t i = 0; i < ELEMENTSOF(of_quirk); i++)
                expect_origin(&card, of_quirk[i], f.vendor, "10-amd-polaris.json");
        for (size_t i = 0; i < ELEMENTSOF(of_policy); i++)
                expect_origin(&card, of_policy[i], NULL, NULL);
        ck_assert_ptr_null(policy_origin(f.loaded, &card, "match"));
        ck_assert_ptr_null(policy_origin(f.loaded, &card, ""));
}
END_TEST

START_TEST(names) {
        PciAddress address = { 0 }, expected;

        ck_assert_int_eq(address_parse(MAIN, &expected), 0);
        fixture_write(f.policy, "10.json", one_card("{\"address\":\"0000:01:00.1\"}", "\"name\":\"gaming\""));
        fixture_load(&f);
        ck_assert_int_eq(policy_find_name(f.loaded, "gaming", &address), 0);
        ck_assert(address_equal(address, expected));
        ck_assert_int_eq(policy_find_name(f.loaded, "Gaming", &address), -ENOENT);
        ck_assert_int_eq(policy_find_name(f.loaded, "", &address), -ENOENT);

        /* A later file calls the card something else: the old name is gone. */
        fixture_write(f.policy, "20.json", one_card(BY_ADDRESS, "\"name\":\"work\""));
        fixture_load(&f);
        ck_assert_int_eq(policy_find_name(f.loaded, "gaming", &address), -ENOENT);
        ck_assert_int_eq(policy_find_name(f.loaded, "work", &address), 0);
        ck_assert(address_equal(address, expected));
}
END_TEST

START_TEST(one_name_for_two_cards) {
        fixture_write(f.policy, "10.json", one_card(BY_ADDRESS, "\"name\":\"gaming\""));
        fixture_write(f.policy, "20.json", one_card("{\"address\":\"0000:02:00.0\"}", "\"name\":\"gaming\""));
        const PolicyProblem *problem = policy_problem(fixture_load(&f), 0);
        ck_assert_ptr_nonnull(problem);
        ck_assert_str_eq(problem->file, fixture_path(f.policy, "20.json"));
        ck_assert_str_eq(problem->where, "/cards/0/name");
        ck_assert_str_eq(fixture_rule(f.loaded, MAIN, 0x1002, 0x67df).name, "gaming");
        ck_assert_str_eq(fixture_rule(f.loaded, "0000:02:00.0", 0x1002, 0x67df).name, "");
}
END_TEST

static void expect_fellows(const CardFacts *card, size_t n, const char *const *texts) {
        Rule rule = rule_of(card);

        ck_assert_uint_eq(rule.n_fellows, n);
        for (size_t i = 0; i < n; i++) {
                ck_assert_str_eq(ADDRESS_TEXT(rule.fellows[i].address), texts[i]);
                ck_assert_int_eq((int) rule.fellows[i].reset, DEVICE_RESET_UNKNOWN);
                ck_assert_str_eq(rule.fellows[i].device, "");
        }
}

START_TEST(fellows_are_one_value) {
        CardFacts card = rx470(), other = fixture_card("0000:02:00.0", 0x1002, 0x67df);

        expect_fellows(&card, 0, NULL);
        expect_origin(&card, "with", NULL, NULL);
        fixture_write(f.policy, "10.json", one_card(BY_ADDRESS, "\"with\":[\"05:00.0\",\"0000:0A:00.3\"],\"return\":\"stay\""));
        fixture_write(f.policy, "15.json", one_card(BY_ADDRESS, "\"return\":\"host\""));
        expect_fellows(&card, 2, (const char *const[]){ "0000:05:00.0", "0000:0a:00.3" });
        expect_origin(&card, "with", f.policy, "10.json");
        expect_fellows(&other, 0, NULL);
        expect_origin(&other, "with", NULL, NULL);

        /* A later entry for the card has the whole list, under whatever function it is named. */
        fixture_write(f.policy, "20.json", one_card("{\"address\":\"01:00.1\"}", "\"with\":[\"10000:e1:00.0\"]"));
        expect_fellows(&card, 1, (const char *const[]){ "10000:e1:00.0" });
        expect_origin(&card, "with", f.policy, "20.json");
        fixture_write(f.policy, "30.json", one_card(BY_ADDRESS, "\"with\":[]"));
        expect_fellows(&card, 0, NULL);
        expect_origin(&card, "with", f.policy, "30.json");
}
END_TEST

#define FOR_OTHER "{\"address\":\"0000:02:00.0\"}"

START_TEST(one_device_for_two_cards) {
        fixture_write(f.policy, "10.json", one_card(BY_ADDRESS, "\"with\":[\"0000:05:00.0\"]"));
        fixture_write(f.policy, "20.json", one_card(FOR_OTHER, "\"with\":[\"0000:06:00.0\",\"05:00.0\"]"));
        const PolicyProblem *problem = policy_problem(fixture_load(&f), 0);
        ck_assert_ptr_nonnull(problem);
        ck_assert_str_eq(problem->file, fixture_path(f.policy, "20.json"));
        ck_assert_str_eq(problem->where, "/cards/0/with");
        ck_assert_uint_eq(problem->line, 1);
        ck_assert_ptr_nonnull(strstr(problem->text, "0000:05:00.0 goes along with another card, 0000:01:00.0, by "));
        ck_assert_ptr_nonnull(strstr(problem->text, "/10.json"));
        ck_assert_ptr_null(policy_problem(f.loaded, 1));
        ck_assert_uint_eq(fixture_rule(f.loaded, MAIN, 0x1002, 0x67df).n_fellows, 1);
        ck_assert_uint_eq(fixture_rule(f.loaded, "0000:02:00.0", 0x1002, 0x67df).n_fellows, 0);
}
END_TEST

START_TEST(a_device_is_given_to_another_card) {
        static const char *const device[] = { "0000:05:00.0" };
        CardFacts card = rx470(), other = fixture_card("0000:02:00.0", 0x1002, 0x67df);

        fixture_write(f.policy, "10.json", one_card(BY_ADDRESS, "\"with\":[\"0000:05:00.0\"]"));
        fixture_write(f.policy, "20.json", one_card(BY_ADDRESS, "\"with\":[]"));
        fixture_write(f.policy, "30.json", one_card(FOR_OTHER, "\"with\":[\"0000:05:00.0\"]"));
        expect_fellows(&card, 0, NULL);
        expect_fellows(&other, 1, device);

        /* In one file, and the card that gets it comes first. */
        fixture_write(f.policy, "20.json", "{\"version\":1,\"cards\":[{\"match\":" FOR_OTHER ",\"with\":[\"0000:05:00.0\"]},"
                                           "{\"match\":" BY_ADDRESS ",\"with\":[]}]}");
        expect_fellows(&card, 0, NULL);
        expect_fellows(&other, 1, device);
        fixture_write(f.policy, "40.json", one_card(BY_ADDRESS, "\"with\":[\"0000:05:00.0\"]"));
        ck_assert_ptr_nonnull(policy_problem(fixture_load(&f), 0));
        ck_assert_str_eq(policy_problem(f.loaded, 0)->file, fixture_path(f.policy, "40.json"));
}
END_TEST

START_TEST(fellows_have_a_limit) {
        char list[32 * (FELLOWS_MAX + 1)] = "\"with\":[";
        const PolicyProblem *problem;

        for (size_t i = 0; i < FELLOWS_MAX; i++)
                ck_assert_int_eq(text_append(list, sizeof(list), "%s\"0000:0%zu:00.0\"", i ? "," : "", i + 2), 0);
        size_t end = strlen(list);
        ck_assert_int_eq(text_append(list, sizeof(list), "]"), 0);
        fixture_write(f.policy, "10.json", one_card(BY_ADDRESS, list));
        ck_assert_ptr_null(policy_problem(fixture_load(&f), 0));
        ck_assert_uint_eq(fixture_rule(f.loaded, MAIN, 0x1002, 0x67df).n_fellows, FELLOWS_MAX);

        list[end] = '\0';
        ck_assert_int_eq(text_append(list, sizeof(list), ",\"0000:0e:00.0\"]"), 0);
        fixture_write(f.policy, "10.json", one_card(BY_ADDRESS, list));
        problem = policy_problem(fixture_load(&f), 0);
        ck_assert_ptr_nonnull(problem);
        ck_assert_str_eq(problem->where, "/cards/0/with");
        ck_assert_uint_eq(fixture_rule(f.loaded, MAIN, 0x1002, 0x67df).n_fellows, 0);
        ck_assert(fixture_rule(f.loaded, MAIN, 0x1002, 0x67df).configuration_broken);
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("policy-merge");
        TCase *tcase = tcase_create("all");

        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_test(tcase, closer_families_win_whatever_the_order);
        tcase_add_test(tcase, later_families_win_among_equals);
        tcase_add_test(tcase, companions_match_nothing);
        tcase_add_test(tcase, a_family_is_taken_whole);
        tcase_add_test(tcase, guard_is_needed_where_the_bus_reset_kills);
        tcase_add_test(tcase, kernel_guard_is_the_families_word);
        tcase_add_test(tcase, words_of_a_recipe);
        tcase_add_test(tcase, resets_in_order_of_preference);
        tcase_add_test(tcase, recovery_is_no_reset);
        tcase_add_test(tcase, policy_is_merged_key_by_key);
        tcase_add_test(tcase, later_policy_wins_among_equals);
        tcase_add_test(tcase, policy_can_forbid_the_bus_reset);
        tcase_add_test(tcase, origins_of_a_polaris);
        tcase_add_test(tcase, names);
        tcase_add_test(tcase, one_name_for_two_cards);
        tcase_add_test(tcase, guest_reboots_of_a_family);
        tcase_add_test(tcase, fellows_are_one_value);
        tcase_add_test(tcase, one_device_for_two_cards);
        tcase_add_test(tcase, a_device_is_given_to_another_card);
        tcase_add_test(tcase, fellows_have_a_limit);
        suite_add_tcase(suite, tcase);
        return suite;
}

CHECK_MAIN(make_suite)
