/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Plans as text, so that a test can write down what it expects as a list of lines:
 *
 *   "set-override .1 (-) pci-stub"           function, (what was there), what is written; "-": nothing
 *   "unbind .1 snd_hda_intel"                function, driver
 *   "write-config .0 7c=39d5e86b"            function, offset=value
 */

#include <check.h>

#include "base/address.h"
#include "base/text.h"
#include "core/plan.h"

#define PLAN_LINE_SIZE 256U

static inline _unused_ const char *plan_line(const Step *step, char buffer[static PLAN_LINE_SIZE]) {
        const char *kind = step_kind_to_string(step->kind);

        switch (step->kind) {
        case STEP_SET_D3COLD:
        case STEP_SET_OVERRIDE:
        case STEP_SET_POWER:
        case STEP_SET_METHOD:
                (void) text_format(buffer, PLAN_LINE_SIZE, "%s .%u (%s) %s", kind, step->address.function,
                                   isempty(step->before) ? "-" : step->before,
                                   isempty(step->text) ? "-" : step->text);
                break;
        case STEP_UNBIND:
        case STEP_BIND:
        case STEP_FUNCTION_RESET:
                (void) text_format(buffer, PLAN_LINE_SIZE, "%s .%u %s", kind, step->address.function,
                                   step->text);
                break;
        case STEP_GROUP_FREE:
                (void) text_format(buffer, PLAN_LINE_SIZE, "%s .%u %d", kind, step->address.function,
                                   step->iommu_group);
                break;
        case STEP_WRITE_CONFIG:
                (void) text_format(buffer, PLAN_LINE_SIZE, "%s .%u %02x=%08x", kind, step->address.function,
                                   step->offset, step->value);
                break;
        case STEP_DELAY:
                (void) text_format(buffer, PLAN_LINE_SIZE, "%s %llu", kind,
                                   (unsigned long long) step->delay_usec);
                break;
        case STEP_CHECK_REGISTER:
        case STEP_POLL_REGISTER:
        case STEP_WRITE_REGISTER:
        case STEP_DIFFER_REGISTER:
                (void) text_format(buffer, PLAN_LINE_SIZE, "%s .%u %x:%x/%x=%x", kind, step->address.function,
                                   step->place.bar, step->place.address, step->mask, step->value);
                break;
        case STEP_VENDOR_RESET:
        case STEP_D3HOT:
        case STEP_NODES_FREE:
        case STEP_GUARD_SET:
        case STEP_GUARD_CLEAR:
        case STEP_ALIVE:
        case STEP_PROBE:
        case STEP_SAVE_CONFIG:
        case STEP_RESTORE_CONFIG:
        case STEP_VERIFY_CONFIG:
        case STEP_WAKE_ALARM:
        case STEP_REMOVE_RESCAN:
        case _STEP_KIND_MAX:
        case _STEP_KIND_INVALID:
                (void) text_format(buffer, PLAN_LINE_SIZE, "%s .%u", kind, step->address.function);
                break;
        }
        return buffer;
}

/* @expected ends with NULL. On a difference both plans are shown whole. */
static inline _unused_ void plan_must_be(const Plan *plan, const char *const *expected) {
        char text[16384] = "", line[PLAN_LINE_SIZE];
        size_t n_expected = 0;
        bool same = true;

        for (; expected[n_expected]; n_expected++)
                ;
        for (size_t i = 0; i < plan->n_steps || i < n_expected; i++) {
                const char *is = i < plan->n_steps ? plan_line(&plan->steps[i], line) : "-";
                const char *should = i < n_expected ? expected[i] : "-";
                same = same && streq(is, should);
                (void) text_append(text, sizeof(text), "%c %-44s | %s\n", streq(is, should) ? ' ' : '!', is,
                                   should);
        }
        ck_assert_msg(same, "plan is | should be\n%s", text);
}

#define PLAN_MUST_BE(plan, ...) plan_must_be((plan), (const char *const[]){ __VA_ARGS__, NULL })
