/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "core/refusal.h"

#include <signal.h>
#include <string.h>

#include "base/address.h"
#include "base/text.h"
#include "check-main.h"

START_TEST(test_set) {
        Refusal refusal;
        PciAddress address = { 0, 1, 0, 1 };

        memset(&refusal, 0xa5, sizeof(refusal));
        ck_assert_int_eq(
                refusal_set(&refusal, REFUSAL_SOUND_IN_USE, address, "pipewire (pid 812)", "pcmC1D3p"),
                E_REFUSED);
        ck_assert_int_eq((int) refusal.code, REFUSAL_SOUND_IN_USE);
        ck_assert(address_equal(refusal.address, address));
        ck_assert_int_eq((int) refusal.state, _RESET_STATE_INVALID); /* the caller knows it, or nobody does */
        ck_assert_str_eq(refusal.subject, "pipewire (pid 812)");
        ck_assert_str_eq(refusal.detail, "pcmC1D3p");
}
END_TEST

/* Nothing of an older refusal shows through. */
START_TEST(test_set_again) {
        Refusal refusal;

        (void) refusal_set(&refusal, REFUSAL_LEASED, (PciAddress){ 0 }, "win11", "uuid");
        refusal.state = RESET_STATE_PREFAIL;
        (void) refusal_set(&refusal, REFUSAL_GOING_DOWN, (PciAddress){ 0 }, NULL, NULL);
        ck_assert_str_eq(refusal.subject, "");
        ck_assert_str_eq(refusal.detail, "");
        ck_assert_int_eq((int) refusal.state, _RESET_STATE_INVALID);
}
END_TEST

/* Names of processes and domains come from outside: too long is cut, with its end. */
START_TEST(test_long_texts) {
        char text[4096];
        Refusal refusal;

        memset(text, 'x', sizeof(text));
        text[sizeof(text) - 1] = '\0';
        ck_assert_int_eq(refusal_set(&refusal, REFUSAL_BUSY, (PciAddress){ 0 }, text, text), E_REFUSED);
        ck_assert_uint_eq(strlen(refusal.subject), sizeof(refusal.subject) - 1);
        ck_assert_uint_eq(strlen(refusal.detail), sizeof(refusal.detail) - 1);

        /* A percent sign is text. */
        (void) refusal_set(&refusal, REFUSAL_BUSY, (PciAddress){ 0 }, "%s%n", "100%");
        ck_assert_str_eq(refusal.subject, "%s%n");
        ck_assert_str_eq(refusal.detail, "100%");
}
END_TEST

/* The names are in the store and in JSON. */
static const char *const names[_REFUSAL_CODE_MAX] = {
        "none",
        "no-such-device",
        "not-a-gpu",
        "card-failed",
        "prefail-companion",
        "prefail-no-companion",
        "group-not-viable",
        "group-too-large",
        "no-iommu-group",
        "vfio-missing",
        "sound-in-use",
        "display-in-use",
        "virtual-functions",
        "leased",
        "leased-by-hand",
        "busy",
        "stuck",
        "not-automatic",
        "configuration-broken",
        "lockdown",
        "going-down",
        "msix-enabled",
        "store",
        "step-failed",
        "timed-out",
        "turned-round",
        "no-reset-by-hand",
        "reset-host-driver",
        "plan-too-long",
        "inhibited",
        "going-to-sleep",
        "recovery-unlisted", "suspend-not-needed",
        "suspend-impossible",
        "suspend-failed",
        "suspend-no-help",
        "not-managed",
        "fellow-missing",
        "fellow-unfit",
        "fellow-in-use",
        "fellow-reset",
};

START_TEST(test_names) {
        for (RefusalCode code = 0; code < _REFUSAL_CODE_MAX; code++) {
                ck_assert_ptr_nonnull(names[code]);
                ck_assert_ptr_nonnull(refusal_code_to_string(code));
                ck_assert_str_eq(refusal_code_to_string(code), names[code]);
        }
}
END_TEST

START_TEST(test_outside_aborts) {
        (void) refusal_code_to_string(_i == 0 ? _REFUSAL_CODE_MAX : _REFUSAL_CODE_INVALID);
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("core-refusal");
        TCase *tcase = tcase_create("refusal");

        tcase_add_test(tcase, test_set);
        tcase_add_test(tcase, test_set_again);
        tcase_add_test(tcase, test_long_texts);
        tcase_add_test(tcase, test_names);
        tcase_add_loop_test_raise_signal(tcase, test_outside_aborts, SIGABRT, 0, 2);
        suite_add_tcase(suite, tcase);
        return suite;
}

CHECK_MAIN(make_suite)
