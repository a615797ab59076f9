/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every refusal has a D-Bus error and a text that names its facts; a person gets a way out where there is one. */

#include "check-main.h"

#include "api/refusal-text.h"
#include "base/text.h"
#include "gpuswitch/names.h"

static const PciAddress audio = { .bus = 1, .function = 1 };

static const char *text_of(RefusalCode code, char *buffer, size_t size) {
        Refusal refusal;

        (void) refusal_set(&refusal, code, audio, "SUBJECT", "DETAIL");
        refusal.state = RESET_STATE_PREFAIL;
        return refusal_text(&refusal, buffer, size);
}

START_TEST(test_every_code_has_words) {
        char text[2048];

        for (RefusalCode code = REFUSAL_NONE; code < _REFUSAL_CODE_MAX; code++) {
                ck_assert_ptr_nonnull(text_starts_with(refusal_error_name(code), GPUSWITCH_ERROR_PREFIX));
                text_of(code, text, sizeof(text));
                ck_assert_uint_gt(strlen(text), 10);
                ck_assert_msg(!strchr(text, '%'), "%s: a placeholder is left", refusal_code_to_string(code));
                ck_assert_msg(text[strlen(text) - 1] != '\n', "%s", refusal_code_to_string(code));
        }
}
END_TEST

/* What the reader has to know is in the text: which card, which process, which other domain. */
START_TEST(test_facts_are_named) {
        static const struct {
                RefusalCode code;
                const char *words[4];
        } cases[] = {
                { REFUSAL_NO_SUCH_DEVICE, { "0000:01:00.1", "gpuswitchctl list" } },
                { REFUSAL_NOT_A_GPU, { "0000:01:00.1" } },
                { REFUSAL_CARD_FAILED, { "0000:01:00.1", "failed", "power off" } },
                { REFUSAL_PREFAIL_COMPANION, { "0000:01:00.0", "0000:01:00.1", "prefail", "delete the <hostdev>" } },
                { REFUSAL_PREFAIL_COMPANION, { "\"return\": \"stay\"", "gpuswitch-guard is not loaded", "modprobe gpuswitch-guard", "Secure Boot" } },
                { REFUSAL_PREFAIL_COMPANION, { "power-off", "suspend" } },
                { REFUSAL_PREFAIL_NO_COMPANION, { "prefail", "\"return\": \"stay\"", "gpuswitch-guard is not loaded", "suspend" } },
                { REFUSAL_PREFAIL_NO_COMPANION, { "modprobe gpuswitch-guard", "Secure Boot", "power off" } },
                { REFUSAL_GROUP_NOT_VIABLE, { "0000:01:00.1", "driver SUBJECT" } },
                { REFUSAL_GROUP_TOO_LARGE, { "0000:01:00.1", "more than SUBJECT other devices" } },
                { REFUSAL_FELLOW_MISSING, { "0000:01:00.1", "\"with\"", "lspci -D" } },
                { REFUSAL_FELLOW_UNFIT, { "0000:01:00.1", "\"with\"", "SUBJECT" } },
                { REFUSAL_FELLOW_IN_USE, { "0000:01:00.1", "SUBJECT", "Unmount" } },
                { REFUSAL_FELLOW_RESET, { "0000:01:00.1", "SUBJECT", "DETAIL" } },
                { REFUSAL_INHIBITED, { "0000:01:00.1", "SUBJECT", "DETAIL", "inhibit --list" } },
                { REFUSAL_GOING_TO_SLEEP, { "0000:01:00.1", "going to sleep", "awake" } },
                { REFUSAL_RECOVERY_UNLISTED, { "0000:01:00.1", "SUBJECT", "quirks match" } },
                { REFUSAL_SUSPEND_NOT_NEEDED, { "0000:01:00.1", "prefail" } },
                { REFUSAL_SUSPEND_IMPOSSIBLE, { "0000:01:00.1", "SUBJECT", "power off" } },
                { REFUSAL_SUSPEND_FAILED, { "0000:01:00.1", "SUBJECT", "systemd-inhibit" } },
                { REFUSAL_SUSPEND_NO_HELP, { "0000:01:00.1", "SUBJECT", "rescan" } },
                { REFUSAL_NOT_MANAGED, { "0000:01:00.1", "SUBJECT", "journalctl" } },
                { REFUSAL_NO_IOMMU_GROUP, { "0000:01:00.1", "intel_iommu=on" } },
                { REFUSAL_VFIO_MISSING, { "modprobe vfio-pci" } },
                { REFUSAL_SOUND_IN_USE, { "0000:01:00.1", "SUBJECT" } },
                { REFUSAL_DISPLAY_IN_USE, { "SUBJECT", "holders" } },
                { REFUSAL_LEASED, { "'SUBJECT'", "DETAIL" } },
                { REFUSAL_BUSY, { "0000:01:00.1", "SUBJECT" } },
                { REFUSAL_STUCK, { "stuck", "SUBJECT", "DETAIL" } },
                { REFUSAL_NOT_AUTOMATIC, { "to-guest" } },
                { REFUSAL_CONFIGURATION_BROKEN, { "SUBJECT", "reload" } },
                { REFUSAL_LOCKDOWN, { "locked down", "lockdown" } },
                { REFUSAL_STORE, { "/var/lib/gpuswitch", "SUBJECT" } },
                { REFUSAL_STEP_FAILED, { "SUBJECT", "DETAIL" } },
                { REFUSAL_TIMED_OUT, { "SUBJECT" } },
        };
        char text[2048];

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                text_of(cases[i].code, text, sizeof(text));
                for (size_t w = 0; w < 4 && cases[i].words[w]; w++)
                        ck_assert_msg(strstr(text, cases[i].words[w]), "'%s' is missing in: %s", cases[i].words[w],
                                      text);
        }
}
END_TEST

START_TEST(test_error_names) {
        ck_assert_str_eq(refusal_error_name(REFUSAL_NO_SUCH_DEVICE), GPUSWITCH_ERROR_NO_SUCH_GPU);
        ck_assert_str_eq(refusal_error_name(REFUSAL_NOT_A_GPU), GPUSWITCH_ERROR_NO_SUCH_GPU);
        ck_assert_str_eq(refusal_error_name(REFUSAL_BUSY), GPUSWITCH_ERROR_BUSY);
        ck_assert_str_eq(refusal_error_name(REFUSAL_STUCK), GPUSWITCH_ERROR_STUCK);
        ck_assert_str_eq(refusal_error_name(REFUSAL_LEASED), GPUSWITCH_ERROR_REFUSED);
        ck_assert_str_eq(refusal_error_name(REFUSAL_STEP_FAILED), GPUSWITCH_ERROR_FAILED);
}
END_TEST

/* The journal has the reason alone; a buffer that is too small cuts and never overflows. */
START_TEST(test_sentence_and_small_buffers) {
        Refusal refusal;
        char text[2048], small[16];

        (void) refusal_set(&refusal, REFUSAL_VFIO_MISSING, audio, NULL, NULL);
        ck_assert_ptr_null(strchr(refusal_sentence(&refusal, text, sizeof(text)), '\n'));
        for (size_t size = 1; size <= sizeof(small); size++) {
                memset(small, 'x', sizeof(small));
                refusal_text(&refusal, small, size);
                ck_assert_uint_lt(strnlen(small, size), size);
        }
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("api-refusal-text");
        TCase *tcase = tcase_create("text");

        tcase_add_test(tcase, test_every_code_has_words);
        tcase_add_test(tcase, test_facts_are_named);
        tcase_add_test(tcase, test_error_names);
        tcase_add_test(tcase, test_sentence_and_small_buffers);
        suite_add_tcase(suite, tcase);
        return suite;
}

CHECK_MAIN(make_suite)
