/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Cards come back as they were saved, or not at all. */

#include "check-main.h"
#include "store-fixture.h"

static Store *store;

static void setup(void) {
        fixture_setup();
        store = fixture_open();
}

static void teardown(void) {
        store = store_free(store);
        fixture_teardown();
}

static void reopen(void) {
        store_free(store);
        store = fixture_open();
}

static void save_and_compare(const StoredCard *card) {
        StoredCard loaded;

        ck_assert_int_eq(store_save_card(store, card), 0);
        reopen();
        memset(&loaded, 0x55, sizeof(loaded));
        ck_assert_int_eq(store_load_card(store, card->identity, &loaded), 0);
        assert_card_equal(card, &loaded);
}

START_TEST(every_field_comes_back) {
        StoredCard card = sample_card("1002:67df:0123456789abcdef");

        save_and_compare(&card);
}
END_TEST

START_TEST(every_state_comes_back) {
        StoredCard card = sample_card("card");

        card.state = (ResetState) _i;
        save_and_compare(&card);
}
END_TEST

START_TEST(every_owner_comes_back) {
        StoredCard card = sample_card("card");

        card.owner = (Owner) _i;
        save_and_compare(&card);
}
END_TEST

START_TEST(smallest_card_comes_back) {
        StoredCard card = { .identity = "x", .boot_id = "b" };

        save_and_compare(&card);
}
END_TEST

START_TEST(largest_card_comes_back) {
        StoredCard card = sample_card("");

        memset(card.identity, 'i', sizeof(card.identity) - 1);
        memset(card.boot_id, 'b', sizeof(card.boot_id) - 1);
        memset(card.driver, 'd', sizeof(card.driver) - 1);
        memset(card.lease.domain_name, 'n', sizeof(card.lease.domain_name) - 1);
        card.address = (PciAddress){ .domain = UINT32_MAX, .bus = 0xff, .slot = 31, .function = 7 };
        card.log_sequence = card.lease.since_usec = INT64_MAX;
        card.lease.n_guest_boots = UINT32_MAX;
        card.home.n_functions = PARTS_MAX;
        for (uint8_t i = 0; i < PARTS_MAX; i++) {
                HomeFunction *function = &card.home.functions[i];
                function->address = sample_address(i % FUNCTIONS_MAX);
                function->address.bus = (uint8_t) (function->address.bus + i / FUNCTIONS_MAX);
                memset(function->reset_method, 'm', sizeof(function->reset_method) - 1);
                memset(function->driver, 'd', sizeof(function->driver) - 1);
                memset(function->driver_override, 'o', sizeof(function->driver_override) - 1);
                memset(function->power_control, 'p', sizeof(function->power_control) - 1);
                memset(function->d3cold_allowed, '3', sizeof(function->d3cold_allowed) - 1);
        }
        save_and_compare(&card);
}
END_TEST

START_TEST(saving_again_replaces) {
        StoredCard card = sample_card("card"), other = sample_card("other");

        save_and_compare(&card);
        save_and_compare(&other);
        card.state = RESET_STATE_TOUCHED;
        card.home = (Home){ 0 };
        card.lease = (Lease){ 0 };
        save_and_compare(&card);
        save_and_compare(&other);
        ck_assert_str_eq(fixture_query("SELECT count(*) FROM card"), "2");
        ck_assert_str_eq(fixture_query("SELECT count(*) FROM home_function WHERE identity = 'card'"), "0");
        ck_assert_str_eq(fixture_query("SELECT count(*) FROM lease"), "2");
}
END_TEST

START_TEST(unknown_identity_is_no_entry) {
        StoredCard card;
        char longer[4 * IDENTITY_TEXT_SIZE] = "";

        memset(longer, 'x', sizeof(longer) - 1);
        ck_assert_int_eq(store_load_card(store, "nobody", &card), -ENOENT);
        ck_assert_int_eq(store_load_card(store, "", &card), -ENOENT);
        ck_assert_int_eq(store_load_card(store, longer, &card), -ENOENT);
}
END_TEST

START_TEST(file_is_for_people) {
        StoredCard card = sample_card("card");

        ck_assert_int_eq(store_save_card(store, &card), 0);
        ck_assert_str_eq(
                fixture_query("SELECT address || ' ' || state || ' ' || owner || ' ' || driver FROM card"),
                "10000:a1:1f.0 prefail guest vfio-pci");
}
END_TEST

/* What could not be read again is not written. */
START_TEST(nonsense_is_not_saved) {
        const StoredCard good = sample_card("card");
        StoredCard card = good;

        card.identity[0] = '\0';
        ck_assert_int_eq(store_save_card(store, &card), -EINVAL);
        card = good;
        card.boot_id[0] = '\0';
        ck_assert_int_eq(store_save_card(store, &card), -EINVAL);
        card = good;
        card.address.slot = 32;
        ck_assert_int_eq(store_save_card(store, &card), -EINVAL);
        card = good;
        card.home.n_functions = PARTS_MAX + 1;
        ck_assert_int_eq(store_save_card(store, &card), -EINVAL);
        card = good;
        card.home.n_functions = 0; /* and yet known */
        ck_assert_int_eq(store_save_card(store, &card), -EINVAL);
        card = good;
        card.home.functions[0].address.slot = 32;
        ck_assert_int_eq(store_save_card(store, &card), -EINVAL);
        card = good;
        card.home.functions[1].address.bus++; /* and the next is a function of some other slot */
        card.home.functions[2].address = sample_address(1);
        ck_assert_int_eq(store_save_card(store, &card), -EINVAL);
        card = good;
        card.home.n_functions = FELLOWS_MAX + 2;
        for (uint8_t i = 1; i < FELLOWS_MAX + 2; i++)
                card.home.functions[i].address = (PciAddress){ .bus = i };
        ck_assert_int_eq(store_save_card(store, &card), -EINVAL);
        card = good;
        card.home.functions[1].address.function = 0;
        ck_assert_int_eq(store_save_card(store, &card), -EINVAL);
        card = good;
        strcpy(card.lease.domain_uuid, "win11");
        ck_assert_int_eq(store_save_card(store, &card), -EINVAL);
        card = good;
        card.log_sequence = UINT64_MAX;
        ck_assert_int_eq(store_save_card(store, &card), -ERANGE);
        card = good;
        memset(card.driver, 'x', sizeof(card.driver)); /* no NUL */
        ck_assert_int_eq(store_save_card(store, &card), -ENOBUFS);

        ck_assert_str_eq(fixture_query("SELECT count(*) FROM card"), "0");
        save_and_compare(&good);
}
END_TEST

/* Rows as somebody else may have written them. */
static const char *const tampered_table[] = {
        "UPDATE card SET state = 'fine' WHERE identity = 'card'",
        "UPDATE card SET state = '' WHERE identity = 'card'",
        "UPDATE card SET state = 'FRESH' WHERE identity = 'card'",
        "UPDATE card SET state = 'fresh' || char(0) || 'x' WHERE identity = 'card'",
        "UPDATE card SET state = replace(hex(zeroblob(5000)), '0', 'x') WHERE identity = 'card'",
        "UPDATE card SET owner = 'nobody' WHERE identity = 'card'",
        "UPDATE card SET address = '0000:01:00' WHERE identity = 'card'",
        "UPDATE card SET address = '0000:01:20.0' WHERE identity = 'card'",
        "UPDATE card SET address = '' WHERE identity = 'card'",
        "UPDATE card SET boot_id = '' WHERE identity = 'card'",
        "UPDATE card SET boot_id = '0123456789012345678901234567890123456' WHERE identity = 'card'",
        "UPDATE card SET after_driver_ran = 2 WHERE identity = 'card'",
        "UPDATE card SET log_sequence = -1 WHERE identity = 'card'",
        "UPDATE card SET driver = replace(hex(zeroblob(32)), '0', 'x') WHERE identity = 'card'",
        "UPDATE card SET home_known = -1 WHERE identity = 'card'",
        "UPDATE card SET home_functions = 1 WHERE identity = 'card'",
        "UPDATE card SET home_functions = 4 WHERE identity = 'card'",
        "UPDATE card SET home_functions = 13 WHERE identity = 'card'",
        "UPDATE card SET home_functions = 4294967298 WHERE identity = 'card'",
        "UPDATE card SET wants_home = 2 WHERE identity = 'card'",
        "DELETE FROM home_function WHERE identity = 'card' AND position = 0",
        "UPDATE home_function SET position = 3 WHERE identity = 'card' AND position = 1",
        "UPDATE home_function SET address = 'x' WHERE identity = 'card' AND position = 1",
        "UPDATE home_function SET address = '10000:a1:1f.2' WHERE identity = 'card' AND position = 2;"
        "UPDATE home_function SET address = '0000:02:00.1' WHERE identity = 'card' AND position = 1",
        "UPDATE home_function SET address = '10000:a1:1f.0' WHERE identity = 'card'",
        "UPDATE home_function SET driver = replace(hex(zeroblob(32)), '0', 'x') WHERE identity = 'card'",
        "UPDATE home_function SET driver_override = replace(hex(zeroblob(32)), '0', 'x') WHERE identity = "
        "'card'",
        "UPDATE home_function SET power_control = replace(hex(zeroblob(32)), '0', 'x') WHERE identity = "
        "'card'",
        "UPDATE home_function SET d3cold_allowed = replace(hex(zeroblob(32)), '0', 'x') WHERE identity = "
        "'card'",
        "UPDATE home_function SET reset_method = replace(hex(zeroblob(32)), '0', 'x') WHERE identity = "
        "'card'",
        "DELETE FROM lease WHERE identity = 'card'",
        "UPDATE lease SET by_hand = 7 WHERE identity = 'card'",
        "UPDATE lease SET domain_uuid = 'win11' WHERE identity = 'card'",
        "UPDATE lease SET domain_name = replace(hex(zeroblob(128)), '0', 'x') WHERE identity = 'card'",
        "UPDATE lease SET started = -1 WHERE identity = 'card'",
        "UPDATE lease SET unguarded_guest = 2 WHERE identity = 'card'",
        "UPDATE lease SET since_usec = -5 WHERE identity = 'card'",
        "UPDATE lease SET guest_boots = 4294967296 WHERE identity = 'card'",
};

START_TEST(tampered_row_is_bad_message) {
        StoredCard card = sample_card("card"), other = sample_card("other"), loaded;

        ck_assert_int_eq(store_save_card(store, &card), 0);
        ck_assert_int_eq(store_save_card(store, &other), 0);
        fixture_sql(tampered_table[_i]);
        ck_assert_int_eq(store_load_card(store, "card", &loaded), -EBADMSG);

        /* It costs nobody else anything, not after a restart either, and saving mends it. */
        reopen();
        ck_assert_int_eq(store_load_card(store, "card", &loaded), -EBADMSG);
        ck_assert_int_eq(store_load_card(store, "other", &loaded), 0);
        assert_card_equal(&other, &loaded);
        save_and_compare(&card);
}
END_TEST

START_TEST(rows_without_a_card_are_replaced) {
        StoredCard card = sample_card("card");

        ck_assert_int_eq(store_save_card(store, &card), 0);
        fixture_sql("PRAGMA foreign_keys = OFF; DELETE FROM card");
        save_and_compare(&card);
}
END_TEST

START_TEST(cards_are_limited) {
        StoredCard card = sample_card("first"), loaded;

        ck_assert_int_eq(store_save_card(store, &card), 0);
        for (unsigned i = 0; i < CARD_ROWS_MAX; i++) {
                snprintf(card.identity, sizeof(card.identity), "card %u", i);
                ck_assert_int_eq(store_save_card(store, &card), 0);
        }
        ck_assert_uint_eq((unsigned) atoi(fixture_query("SELECT count(*) FROM card")), CARD_ROWS_MAX);
        ck_assert_uint_eq((unsigned) atoi(fixture_query("SELECT count(*) FROM lease")), CARD_ROWS_MAX);
        ck_assert_int_eq(store_load_card(store, "first", &loaded), -ENOENT);
        ck_assert_int_eq(store_load_card(store, "card 0", &loaded), 0);

        /* Saving one card often costs no other card its history. */
        for (unsigned i = 0; i < 2 * CARD_ROWS_MAX; i++)
                ck_assert_int_eq(store_save_card(store, &card), 0);
        ck_assert_int_eq(store_load_card(store, "card 0", &loaded), 0);
}
END_TEST

static Suite *card_suite(void) {
        Suite *suite = suite_create("store card");
        TCase *test = tcase_create("card");

        tcase_set_timeout(test, 60);
        tcase_add_checked_fixture(test, setup, teardown);
        tcase_add_test(test, every_field_comes_back);
        tcase_add_loop_test(test, every_state_comes_back, 0, _RESET_STATE_MAX);
        tcase_add_loop_test(test, every_owner_comes_back, 0, _OWNER_MAX);
        tcase_add_test(test, smallest_card_comes_back);
        tcase_add_test(test, largest_card_comes_back);
        tcase_add_test(test, saving_again_replaces);
        tcase_add_test(test, unknown_identity_is_no_entry);
        tcase_add_test(test, file_is_for_people);
        tcase_add_test(test, nonsense_is_not_saved);
        tcase_add_loop_test(test, tampered_row_is_bad_message, 0, (int) ELEMENTSOF(tampered_table));
        tcase_add_test(test, rows_without_a_card_are_replaced);
        tcase_add_test(test, cards_are_limited);
        suite_add_tcase(suite, test);
        return suite;
}

CHECK_MAIN(card_suite)
