/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* No request is taken on trust. */

#include "check-main.h"

#include <string.h>
#include <sys/socket.h>

#include "base/text.h"
#include "fake-sys.h"
#include "helper/protocol.h"

static void other_bus(HelperRequest *r) {
        r->address.bus = 2;
}
static void other_domain(HelperRequest *r) {
        r->address.domain = 1;
}
static void other_slot(HelperRequest *r) {
        r->address.slot = 1;
}
static void no_function(HelperRequest *r) {
        r->address.function = 8;
}
static void no_verb(HelperRequest *r) {
        r->verb = 0;
}
static void unknown_verb(HelperRequest *r) {
        r->verb = _HELPER_VERB_MAX;
}
static void huge_verb(HelperRequest *r) {
        r->verb = UINT32_MAX;
}
static void endless_text(HelperRequest *r) {
        memset(r->text, 'a', sizeof(r->text));
}
static void endless_attribute(HelperRequest *r) {
        memset(r->attribute, 'a', sizeof(r->attribute));
}
static void many_registers(HelperRequest *r) {
        r->n_registers = REGISTERS_MAX + 1;
}
static void wrong_magic(HelperRequest *r) {
        r->magic++;
}
static void wrong_version(HelperRequest *r) {
        r->version++;
}

static const struct {
        void (*spoil)(HelperRequest *);
        int error;
} bad[] = {
        { other_bus, -EINVAL },      { other_domain, -EINVAL }, { other_slot, -EINVAL },
        { no_function, -EINVAL },    { no_verb, -EINVAL },      { unknown_verb, -EINVAL },
        { huge_verb, -EINVAL },      { endless_text, -EINVAL }, { endless_attribute, -EINVAL },
        { many_registers, -EINVAL }, { wrong_magic, -EPROTO },  { wrong_version, -EPROTO },
};

START_TEST(test_bad_requests) {
        HelperRequest request = fake_request(HELPER_WRITE_ATTRIBUTE);
        HelperReply reply;

        (void) text_copy(request.attribute, sizeof(request.attribute), "power/control");
        (void) text_copy(request.text, sizeof(request.text), "on");
        ck_assert_int_eq(fake_run(&request, &reply), 0);
        ck_assert_uint_eq(fake.n_writes, 1);
        bad[_i].spoil(&request);
        ck_assert_int_eq(fake_run(&request, &reply), bad[_i].error);
        ck_assert_uint_eq(fake.n_writes, 1);
        ck_assert_uint_eq(reply.magic, HELPER_PROTOCOL_MAGIC);
}
END_TEST

START_TEST(test_every_verb_has_an_operation) {
        for (uint32_t verb = HELPER_SURVEY; verb <= HELPER_VERIFY_CONFIG; verb++) {
                HelperRequest request = fake_request(verb);
                HelperReply reply;
                (void) fake_run(&request, &reply);
                ck_assert_ptr_null(strstr(reply.message, "no operation"));
        }
}
END_TEST

START_TEST(test_receive) {
        static uint8_t bytes[2 * sizeof(HelperRequest)];
        HelperRequest request = fake_request(HELPER_ALIVE), received = { 0 };
        int pair[2];

        ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
        ck_assert_int_eq(send(pair[0], &request, sizeof(request), 0), sizeof(request));
        ck_assert_int_eq(request_receive(pair[1], &received), 1);
        ck_assert_int_eq(memcmp(&request, &received, sizeof(request)), 0);
        ck_assert_int_eq(send(pair[0], bytes, sizeof(request) - 1, 0), sizeof(request) - 1);
        ck_assert_int_eq(request_receive(pair[1], &received), -EPROTO);
        ck_assert_int_eq(send(pair[0], bytes, sizeof(bytes), 0), sizeof(bytes));
        ck_assert_int_eq(request_receive(pair[1], &received), -EPROTO);

        ck_assert(!peer_has_left(pair[1]));
        ck_assert_int_eq(shutdown(pair[0], SHUT_WR), 0);
        ck_assert(peer_has_left(pair[1]));
        ck_assert_int_eq(request_receive(pair[1], &received), 0);
        /* Half closed: an answer still gets through. Wholly: it does not, and no signal comes. */
        HelperReply reply = { 0 };
        ck_assert_int_eq(reply_send(pair[1], &reply), 0);
        ck_assert_int_eq(recv(pair[0], &reply, sizeof(reply), 0), sizeof(reply));
        (void) close(pair[0]);
        ck_assert_int_eq(reply_send(pair[1], &reply), -EPIPE);
        ck_assert(peer_has_left(pair[1]));
        (void) close(pair[1]);
}
END_TEST

START_TEST(test_fail_is_cut_not_overrun) {
        HelperReply reply = { 0 };
        char text[2 * MESSAGE_TEXT_SIZE];

        memset(text, 'x', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        ck_assert_int_eq(reply_fail(&reply, -EIO, "%s", text), -EIO);
        ck_assert_uint_eq(strlen(reply.message), MESSAGE_TEXT_SIZE - 1);
}
END_TEST

static Suite *suite(void) {
        Suite *s = suite_create("helper-protocol");
        TCase *t = tcase_create("protocol");

        tcase_add_checked_fixture(t, fake_setup, fake_teardown);
        tcase_add_loop_test(t, test_bad_requests, 0, ELEMENTSOF(bad));
        tcase_add_test(t, test_every_verb_has_an_operation);
        tcase_add_test(t, test_receive);
        tcase_add_test(t, test_fail_is_cut_not_overrun);
        suite_add_tcase(s, t);
        return s;
}
CHECK_MAIN(suite)
