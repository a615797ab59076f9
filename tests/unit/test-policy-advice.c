/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is advised for a VM with a card: it adds up, the closest first, and knows which cards it is for. */

#include "check-main.h"

#include "base/text.h"
#include "policy-fixture.h"

#define SHIPPED TEST_SOURCE_DIR "/policy/quirks"

static Fixture fixture;

static void setup(void) {
        fixture_init(&fixture);
}

static void teardown(void) {
        fixture_done(&fixture);
}

/* A file with one family, and one piece of advice per @texts, apart by "|". */
static void write_family(const char *folder, const char *name, const char *id, const char *texts, const char *when) {
        char file[2048], copy[128], *rest = copy;
        size_t n = 0;

        snprintf(copy, sizeof(copy), "%s", texts);
        snprintf(file, sizeof(file),
                 "{\"version\":1,\"families\":[{\"family\":\"%.*s\",\"match\":[{\"id\":\"%s\"}],\"bus_reset\":"
                 "{\"value\":\"wanted\",\"source\":\"a test\"},\"advice\":[",
                 (int) strcspn(name, "."), name, id);
        for (char *text; (text = strsep(&rest, "|"));)
                ck_assert_int_eq(text_append(file, sizeof(file), "%s{\"text\":\"%s\",\"when\":\"%s\",\"source\":\"a test\"}",
                                             n++ ? "," : "", text, when), 0);
        ck_assert_int_eq(text_append(file, sizeof(file), "]}]}"), 0);
        fixture_write(folder, name, file);
}

/* All that is advised, apart by "|"; behind what is not for this card, "-". */
static const char *advice_for(const Policy *policy, const CardFacts *card) {
        static char all[4096];
        PolicyAdvice advice;

        all[0] = '\0';
        for (size_t i = 0; policy_advice(policy, card, i, &advice); i++)
                ck_assert_int_eq(text_append(all, sizeof(all), "%s%s%s", i ? "|" : "", advice.text,
                                             advice.applies ? "" : "-"), 0);
        return all;
}

START_TEST(adds_up) {
        CardFacts card = fixture_card("0000:01:00.0", 0x1002, 0x67df);

        write_family(fixture.vendor, "00.json", "*:*", "any", "always");
        write_family(fixture.vendor, "10.json", "1002:*", "vendor", "always");
        write_family(fixture.vendor, "20.json", "1002:67df", "first|second", "always");
        write_family(fixture.vendor, "30.json", "1002:67ef", "another", "always");
        ck_assert_str_eq(advice_for(fixture_load(&fixture), &card), "first|second|vendor|any");
        ck_assert_ptr_null(policy_problem(fixture.loaded, 0));
        card.functions[0].device_id = 0x7300;
        ck_assert_str_eq(advice_for(fixture.loaded, &card), "vendor|any");
        card.n_functions = 0;
        ck_assert_str_eq(advice_for(fixture.loaded, &card), "");
}
END_TEST

START_TEST(has_a_limit) {
        CardFacts card = fixture_card("0000:01:00.0", 0x1002, 0x67df);
        char texts[2 * (ADVICE_MAX + 1)] = "";

        for (size_t i = 0; i < ADVICE_MAX; i++)
                ck_assert_int_eq(text_append(texts, sizeof(texts), "%s%c", i ? "|" : "", (int) ('a' + i)), 0);
        write_family(fixture.vendor, "10.json", "1002:67df", texts, "always");
        ck_assert_str_eq(advice_for(fixture_load(&fixture), &card), texts);
        ck_assert_int_eq(text_append(texts, sizeof(texts), "|z"), 0);
        write_family(fixture.vendor, "10.json", "1002:67df", texts, "always");
        ck_assert_str_eq(advice_for(fixture_load(&fixture), &card), "");
        ck_assert_str_eq(policy_problem(fixture.loaded, 0)->where, "/families/0/advice");
}
END_TEST

START_TEST(administrator_replaces) {
        CardFacts card = fixture_card("0000:01:00.0", 0x1002, 0x67df);

        write_family(fixture.vendor, "00.json", "*:*", "any", "always");
        write_family(fixture.vendor, "20.json", "1002:67df", "theirs", "always");
        write_family(fixture.admin, "30.json", "1002:67df", "mine", "always");
        ck_assert_str_eq(advice_for(fixture_load(&fixture), &card), "mine|any");
        /* Also with nothing at all. */
        fixture_write(fixture.admin, "30.json", one_family("mine", "{\"id\":\"1002:67df\"}", "wanted"));
        ck_assert_str_eq(advice_for(fixture_load(&fixture), &card), "any");
}
END_TEST

START_TEST(refused_files_advise_nothing) {
        CardFacts card = fixture_card("0000:01:00.0", 0x1002, 0x67df);

        write_family(fixture.vendor, "10.json", "1002:67df", "right", "always");
        write_family(fixture.vendor, "20.json", "1002:67df", "wrong", "always"); /* claims the same id */
        write_family(fixture.vendor, "30.json", "1002:*", "behind", "always");
        ck_assert_str_eq(advice_for(fixture_load(&fixture), &card), "right|behind");
        ck_assert_ptr_nonnull(policy_problem(fixture.loaded, 0));
}
END_TEST

static void expect_when(const char *when, CardFacts card, bool applies) {
        write_family(fixture.vendor, "10.json", "1002:67df", "x", when);
        ck_assert_msg(streq(advice_for(fixture_load(&fixture), &card), applies ? "x" : "x-"), "%s at %s", when, card.slot_path);
}

START_TEST(knows_its_cards) {
        CardFacts card = fixture_card("0000:01:00.0", 0x1002, 0x67df);

        expect_when("always", card, true);
        expect_when("companions", card, true);
        expect_when("boot-display", card, false);
        expect_when("root-bus", card, false);
        expect_when("large-pages", card, sysconf(_SC_PAGESIZE) > 4096);
        card.n_functions = 1;
        expect_when("companions", card, false);
        card.functions[0].is_boot_display = true;
        expect_when("boot-display", card, true);
        strcpy(card.slot_path, "/sys/devices/pci0000:00/0000:00:02.0");
        expect_when("root-bus", card, true);
        strcpy(card.slot_path, "/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0");
        expect_when("root-bus", card, false);
        strcpy(card.slot_path, "/sys/devices/pci0000:00/pci10000:e0/10000:e0:00.0");
        expect_when("root-bus", card, true);
        strcpy(card.slot_path, "nowhere");
        expect_when("root-bus", card, false);
}
END_TEST

static const char *shipped_for(const CardFacts *card) {
        fixture.dirs.quirks_vendor = SHIPPED;
        return advice_for(fixture_load(&fixture), card);
}

START_TEST(shipped) {
        CardFacts card = fixture_card("0000:00:02.0", 0x8086, 0x1912);
        PolicyAdvice advice;

        card.n_functions = 1;
        card.functions[0].is_boot_display = true;
        strcpy(card.slot_path, "/sys/devices/pci0000:00/0000:00:02.0");
        const char *text = shipped_for(&card);
        ck_assert_ptr_nonnull(strstr(text, "stolen memory"));
        ck_assert_ptr_nonnull(strstr(text, "OpRegion"));
        ck_assert_ptr_nonnull(strstr(text, "the card's ROM"));
        ck_assert_ptr_nonnull(strstr(text, "MSI-X table"));
        for (size_t i = 0; policy_advice(fixture.loaded, &card, i, &advice); i++)
                ck_assert(advice.applies == (advice.when != ADVICE_LARGE_PAGES || sysconf(_SC_PAGESIZE) > 4096));
        /* A card of the same vendor in a slot has no stolen memory. */
        strcpy(card.slot_path, "/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0");
        for (size_t i = 0; policy_advice(fixture.loaded, &card, i, &advice); i++)
                ck_assert(advice.when != ADVICE_ROOT_BUS || !advice.applies);
        card.functions[0].vendor_id = 0x10de;
        ck_assert_ptr_nonnull(strstr(advice_for(fixture.loaded, &card), "legacy interrupt"));
        card = fixture_card("0000:01:00.0", 0x1002, 0x67df);
        ck_assert_ptr_nonnull(strstr(advice_for(fixture.loaded, &card), "Leave the audio function out"));
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("policy-advice");
        TCase *tcase = tcase_create("all");

        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_test(tcase, adds_up);
        tcase_add_test(tcase, has_a_limit);
        tcase_add_test(tcase, administrator_replaces);
        tcase_add_test(tcase, refused_files_advise_nothing);
        tcase_add_test(tcase, knows_its_cards);
        tcase_add_test(tcase, shipped);
        suite_add_tcase(suite, tcase);
        return suite;
}

CHECK_MAIN(make_suite)
