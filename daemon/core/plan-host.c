/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The way home: display first, its audio function last (quirk_gpu_hda(), drivers/pci/quirks.c, makes the
 * audio function a consumer of the display), then what went along with the card. The override is aimed at
 * the home driver while binding, so that no other driver can come first, and then put back to what it was
 * before the card left.
 */

#include <assert.h>

#include "base/address.h"
#include "base/text.h"
#include "core/plan-builder.h"
#include "gpuswitch/names.h"

static const HomeFunction *home_function(const Home *home, PciAddress address) {
        for (size_t i = 0; home->known && i < home->n_functions; i++)
                if (address_equal(home->functions[i].address, address))
                        return &home->functions[i];
        return NULL;
}

/* The flag goes when the guests' driver has let go of the display function, and before the host's takes it. */
static void add_unguard(PlanBuilder *builder, const CardFacts *card, const FunctionFacts *function) {
        if (card->module_guarded && function == &card->functions[0])
                plan_add_guard(builder, STEP_GUARD_CLEAR, card);
}

/* Nothing is known of its home: let the kernel choose, as after a boot. */
static void add_unknown_home(PlanBuilder *builder, const CardFacts *card, const FunctionFacts *function) {
        if (driver_is_host(function->driver)) {
                add_unguard(builder, card, function);
                return;
        }
        if (!isempty(function->driver) || !isempty(function->survey.driver_override))
                plan_add_text(builder, STEP_SET_OVERRIDE, function->address, "", function->survey.driver_override);
        if (!isempty(function->driver))
                plan_add_driver(builder, STEP_UNBIND, function, function->driver);
        add_unguard(builder, card, function);
        plan_add(builder, STEP_PROBE, function->address);
}

static void add_home(PlanBuilder *builder, const CardFacts *card, const FunctionFacts *function,
                     const HomeFunction *home) {
        const char *override = function->survey.driver_override;

        if (!streq(function->driver, home->driver)) {
                const char *aim = isempty(home->driver) ? OVERRIDE_PINNED : home->driver;
                /* Before every unbind, even when it is there already: the undo of the unbind aims it elsewhere. */
                if (!isempty(function->driver) || !streq(override, aim)) {
                        plan_add_text(builder, STEP_SET_OVERRIDE, function->address, aim, override);
                        override = aim;
                }
                if (!isempty(function->driver))
                        plan_add_driver(builder, STEP_UNBIND, function, function->driver);
                add_unguard(builder, card, function);
                if (!isempty(home->driver))
                        plan_add_driver(builder, STEP_BIND, function, home->driver);
        } else
                add_unguard(builder, card, function);
        if (!streq(override, home->driver_override))
                plan_add_text(builder, STEP_SET_OVERRIDE, function->address, home->driver_override, override);
        /* A driver's probe may set it: put it back after any bind, whatever the survey said before. */
        if (!isempty(home->power_control) && !isempty(function->survey.power_control) &&
            (!streq(function->driver, home->driver) || !streq(function->survey.power_control, home->power_control)))
                plan_add_text(builder, STEP_SET_POWER, function->address, home->power_control,
                              function->survey.power_control);
        if (!isempty(home->reset_method) && !isempty(function->survey.reset_method) &&
            !streq(function->survey.reset_method, home->reset_method))
                plan_add_text(builder, STEP_SET_METHOD, function->address, home->reset_method,
                              function->survey.reset_method);
        if (!isempty(home->d3cold_allowed) && !isempty(function->survey.d3cold_allowed) &&
            !streq(function->survey.d3cold_allowed, home->d3cold_allowed))
                plan_add_text(builder, STEP_SET_D3COLD, function->address, home->d3cold_allowed,
                              function->survey.d3cold_allowed);
}

int plan_to_host(const CardFacts *card, const Rule *rule, ResetState state, const Home *home, Plan *ret_plan,
                 Refusal *reterr_refusal) {
        PlanBuilder builder = { .plan = ret_plan };
        PciAddress address = card->functions[0].address;

        if (state == RESET_STATE_FAILED)
                return refusal_set(reterr_refusal, REFUSAL_CARD_FAILED, address, NULL, NULL);
        for (size_t i = 0; i < card->n_functions; i++)
                if (card->functions[i].survey.config_dead)
                        return refusal_set(reterr_refusal, REFUSAL_CARD_FAILED, card->functions[i].address, NULL,
                                           NULL);

        *ret_plan = (Plan){ .direction = DIRECTION_HOST, .guard = GUARD_NONE };
        plan_add_fellows(&builder, card);
        plan_add_group_free(&builder, card, 0, card_n_parts(card));
        /* Only now: while a guest had the card, all ones could have been a function in D3. */
        for (size_t i = 0; builder.plan->n_steps > 0 && i < card->n_functions; i++)
                plan_add(&builder, STEP_ALIVE, card->functions[i].address);
        for (size_t i = 0; i < card_n_parts(card); i++) {
                const FunctionFacts *part = card_part_const(card, i);
                const HomeFunction *known = home_function(home, part->address);
                if (known)
                        add_home(&builder, card, part, known);
                else if (i < card->n_functions || !home->known)
                        add_unknown_home(&builder, card, part);
        }
        return plan_finish(&builder, address, reterr_refusal);
}

void plan_fellows_home(const CardFacts *card, const Home *home, Plan *ret_plan) {
        PlanBuilder builder = { .plan = ret_plan };

        *ret_plan = (Plan){ .direction = DIRECTION_HOST, .guard = GUARD_NONE };
        plan_add_fellows(&builder, card);
        plan_add_group_free(&builder, card, card->n_functions, card_n_parts(card));
        size_t n_checks = builder.plan->n_steps;
        for (size_t i = card->n_functions; i < card_n_parts(card); i++) {
                const FunctionFacts *part = card_part_const(card, i);
                const HomeFunction *known = home_function(home, part->address);
                if (known)
                        add_home(&builder, card, part, known);
        }
        if (builder.plan->n_steps == n_checks)
                builder.plan->n_steps = 0;
        assert(!builder.overflow); /* they are few */
}

static bool is_leftover(const FunctionFacts *function, const HomeFunction *earlier, bool incomplete) {
        const char *override = function->survey.driver_override;

        if (!driver_is_host(earlier->driver))
                return false;
        if (incomplete && !driver_is_host(function->driver))
                return true;
        return !streq(override, earlier->driver_override) &&
               (streq(override, earlier->driver) || streq(override, OVERRIDE_PINNED) || driver_is_guest(override) ||
                streq(override, DRIVER_PCI_STUB));
}

static void note_one(const FunctionFacts *function, bool is_fellow, HomeFunction *home) {
        home->address = function->address;
        (void) text_copy(home->driver, sizeof(home->driver), function->driver);
        (void) text_copy(home->driver_override, sizeof(home->driver_override), function->survey.driver_override);
        (void) text_copy(home->power_control, sizeof(home->power_control), function->survey.power_control);
        (void) text_copy(home->d3cold_allowed, sizeof(home->d3cold_allowed), function->survey.d3cold_allowed);
        if (is_fellow)
                (void) text_copy(home->reset_method, sizeof(home->reset_method), function->survey.reset_method);
}

void home_note(const CardFacts *card, bool incomplete, Home *record) {
        const Home before = *record;

        *record = (Home){ .known = true, .n_functions = card_n_parts(card) };
        for (size_t i = 0; i < card_n_parts(card); i++) {
                const FunctionFacts *function = card_part_const(card, i);
                const HomeFunction *earlier = home_function(&before, function->address);
                HomeFunction *home = &record->functions[i];
                if (earlier && is_leftover(function, earlier, incomplete)) {
                        *home = *earlier;
                        continue;
                }
                note_one(function, i >= card->n_functions, home);
                if (incomplete && earlier)
                        (void) text_copy(home->reset_method, sizeof(home->reset_method), earlier->reset_method);
        }
}

void home_note_fellows(const CardFacts *card, Home *record) {
        for (size_t i = 0; i < card->n_fellows && record->known && record->n_functions < PARTS_MAX; i++)
                if (!home_function(record, card->fellows[i].function.address))
                        note_one(&card->fellows[i].function, true, &record->functions[record->n_functions++]);
}

size_t home_fellows(const Home *home, PciAddress ret_addresses[static FELLOWS_MAX]) {
        size_t n = 0;

        for (size_t i = 0; i < home->n_functions && n < FELLOWS_MAX; i++)
                if (!address_same_slot(home->functions[i].address, home->functions[0].address))
                        ret_addresses[n++] = home->functions[i].address;
        return n;
}

void home_forget_fellows(Home *record) {
        PciAddress addresses[FELLOWS_MAX];

        record->n_functions -= home_fellows(record, addresses); /* they are the last */
}
