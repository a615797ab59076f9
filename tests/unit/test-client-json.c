/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "check-main.h"

#include <math.h>
#include <sys/socket.h>

#include "base/text.h"
#include "client/json.h"

static sd_bus *bus;
static int other_end;

/* A bus that never gets an answer is enough to make messages. */
static void set_up(void) {
        int fds[2];

        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        other_end = fds[1];
        ck_assert_int_ge(sd_bus_new(&bus), 0);
        ck_assert_int_ge(sd_bus_set_fd(bus, fds[0], fds[0]), 0);
        ck_assert_int_ge(sd_bus_start(bus), 0);
}

static void tear_down(void) {
        sd_bus_close_unref(bus);
        close(other_end);
}

static sd_bus_message *new_message(void) {
        sd_bus_message *message = NULL;

        ck_assert_int_ge(sd_bus_message_new_signal(bus, &message, "/a", "a.b", "C"), 0);
        return message;
}

/* Takes @message over; compares its one value with @expected as JSON, or expects the failure @error. */
static void expect(sd_bus_message *message, int error, const char *expected) {
        json_object *json = NULL;

        ck_assert_int_ge(sd_bus_message_seal(message, 1, 0), 0);
        ck_assert_int_ge(sd_bus_message_rewind(message, true), 0);
        ck_assert_int_eq(value_to_json(message, &json), error);
        if (error == 0) {
                ck_assert_str_eq(json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN), expected);
                ck_assert_int_eq(sd_bus_message_at_end(message, true), 1);
        }
        json_object_put(json);
        sd_bus_message_unref(message);
}

#define EXPECT(json, ...)                                                                                    \
        do {                                                                                                 \
                sd_bus_message *m_ = new_message();                                                          \
                ck_assert_int_ge(sd_bus_message_append(m_, __VA_ARGS__), 0);                                 \
                expect(m_, 0, json);                                                                         \
        } while (false)

START_TEST(basic_types) {
        EXPECT("255", "y", 255);
        EXPECT("-32768", "n", -32768);
        EXPECT("65535", "q", 65535);
        EXPECT("-2147483648", "i", INT32_MIN);
        EXPECT("4294967295", "u", UINT32_MAX);
        EXPECT("-9223372036854775808", "x", INT64_MIN);
        EXPECT("18446744073709551615", "t", UINT64_MAX);
        EXPECT("true", "b", 1);
        EXPECT("false", "b", 0);
        EXPECT("1.5", "d", 1.5);
}
END_TEST

START_TEST(texts) {
        EXPECT("\"\\\"quoted\\\" \xc3\xa4\\n\"", "s", "\"quoted\" \xc3\xa4\n");
        EXPECT("\"\\/a\\/b\"", "o", "/a/b");
        EXPECT("\"a{sv}\"", "g", "a{sv}");
}
END_TEST

START_TEST(containers) {
        EXPECT("[]", "as", 0);
        EXPECT("[\"a\",\"b\"]", "as", 2, "a", "b");
        EXPECT("{}", "a{sv}", 0);
        EXPECT("{\"a\":1,\"b\":[true]}", "a{sv}", 2, "a", "i", 1, "b", "ab", 1, 1);
        EXPECT("[{\"k\":\"v\"},{}]", "aa{sv}", 2, 1, "k", "s", "v", 0);
        EXPECT("[1,\"x\",[2,3]]", "(is(yy))", 1, "x", 2, 3);
        EXPECT("[[1,\"a\"],[2,\"b\"]]", "a{us}", 2, 1, "a", 2, "b");
        EXPECT("{\"\\/p\":{\"i\":{\"k\":7}}}", "a{oa{sa{sv}}}", 1, "/p", 1, "i", 1, "k", "u", 7);
        EXPECT("[[]]", "aay", 1, 0);
        EXPECT("\"deep\"", "v", "v", "v", "s", "deep");
}
END_TEST

START_TEST(what_json_cannot_say) {
        sd_bus_message *message = new_message();
        ck_assert_int_ge(sd_bus_message_append(message, "d", NAN), 0);
        expect(message, -EBADMSG, NULL);

        message = new_message();
        ck_assert_int_ge(sd_bus_message_append(message, "a{sv}", 2, "a", "i", 1, "a", "i", 2), 0);
        expect(message, -EBADMSG, NULL);

        /* Variants in variants have no limit of their own on the bus but the depth of containers. */
        message = new_message();
        for (int i = 0; i < 40; i++)
                ck_assert_int_ge(sd_bus_message_open_container(message, 'v', i == 39 ? "i" : "v"), 0);
        ck_assert_int_ge(sd_bus_message_append(message, "i", 1), 0);
        for (int i = 0; i < 40; i++)
                ck_assert_int_ge(sd_bus_message_close_container(message), 0);
        expect(message, -EBADMSG, NULL);

        expect(new_message(), -EBADMSG, NULL);
}
END_TEST

START_TEST(properties) {
        sd_bus_message *message = new_message();
        json_object *json = NULL;

        ck_assert_int_ge(sd_bus_message_append(message, "a{sv}", 2, "IommuGroup", "i", 3, "Domain", "a{sv}",
                                               1, "someKey", "s", "x"),
                         0);
        ck_assert_int_ge(sd_bus_message_seal(message, 1, 0), 0);
        ck_assert_int_ge(sd_bus_message_rewind(message, true), 0);
        ck_assert_int_eq(properties_to_json(message, &json), 0);
        ck_assert_str_eq(json_object_to_json_string_ext(json, JSON_C_TO_STRING_PLAIN),
                         "{\"iommu_group\":3,\"domain\":{\"someKey\":\"x\"}}");
        json_object_put(json);
        sd_bus_message_unref(message);
}
END_TEST

START_TEST(snake_case) {
        static const char *const pairs[][2] = {
                { "Address", "address" },
                { "VendorId", "vendor_id" },
                { "LeasedByHand", "leased_by_hand" },
                { "GPUName", "gpu_name" },
                { "OLD_STATE", "old_state" },
                { "a", "a" },
                { "", "" },
        };
        char buffer[16];

        for (size_t i = 0; i < ELEMENTSOF(pairs); i++) {
                ck_assert_int_eq(name_to_snake_case(pairs[i][0], buffer, sizeof(buffer)), 0);
                ck_assert_str_eq(buffer, pairs[i][1]);
        }
        ck_assert_int_eq(name_to_snake_case("aB", buffer, 4), 0);
        ck_assert_int_eq(name_to_snake_case("aB", buffer, 3), -ENOBUFS);
        ck_assert_int_eq(name_to_snake_case("ab", buffer, 2), -ENOBUFS);
}
END_TEST

static Suite *suite(void) {
        Suite *s = suite_create("client-json");
        TCase *c = tcase_create("json");

        tcase_add_checked_fixture(c, set_up, tear_down);
        tcase_add_test(c, basic_types);
        tcase_add_test(c, texts);
        tcase_add_test(c, containers);
        tcase_add_test(c, what_json_cannot_say);
        tcase_add_test(c, properties);
        tcase_add_test(c, snake_case);
        suite_add_tcase(s, c);
        return s;
}

CHECK_MAIN(suite)
