/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is true of every plan from every start situation: it reaches its goal, keeps the order that the
 * hardware and the kernel ask for, and can be taken back from every step on.
 */

#include <check.h>

#include "check-main.h"
#include "core/viability.h"
#include "driver-model.h"
#include "plan-fixture.h"
#include "situation.h"

#define N_SITUATIONS 3000
#define N_UNDONE 800 /* situations in which every step of the plan is undone, and every undo begun again */

/* The whole plan as text, for a failure's message. */
static const char *plan_text(const Plan *plan) {
        static char text[32768];
        char line[PLAN_LINE_SIZE];

        text[0] = '\0';
        for (size_t i = 0; i < plan->n_steps; i++)
                (void) text_append(text, sizeof(text), "  %s\n", plan_line(&plan->steps[i], line));
        return text;
}

#define MUST(condition, number, plan, ...)                                                                   \
        do {                                                                                                 \
                if (!(condition)) {                                                                          \
                        char what_[256];                                                                     \
                        (void) text_format(what_, sizeof(what_), __VA_ARGS__);                               \
                        ck_abort_msg("situation %llu: %s\n%s", (unsigned long long) (number), what_,         \
                                     plan_text(plan));                                                       \
                }                                                                                            \
        } while (0)

/* A situation's plan to the guest; false where it is refused. */
static bool plan_guest(const Situation *s, Plan *plan) {
        Refusal refusal;

        return plan_to_guest(&s->card, &s->machine, &s->rule, &s->request, plan, &refusal) == 0;
}

static void run_all(Model *model, const Plan *plan, size_t n_steps, uint64_t number) {
        for (size_t i = 0; i < n_steps; i++) {
                int r = model_run(model, &plan->steps[i]);
                MUST(r == 0, number, plan, "step %zu fails: %d", i, r);
                MUST(!model->fault, number, plan, "step %zu: %s", i, model->fault);
        }
}

/* In both directions and in their undo: what may be done only when something else is so. */
static void order_must_hold(const Plan *plan, const Model *start, bool companions_first, uint64_t number) {
        Model model = *start;
        bool display_moved = false, companion_moved = false;

        for (size_t i = 0; i < plan->n_steps; i++) {
                const Step *step = &plan->steps[i];
                const ModelFunction *f = model_function(&model, step->address);
                bool display = step->address.function == 0;

                MUST(f, number, plan, "step %zu touches a function outside the card", i);
                MUST(step->timeout_usec > 0 && step->timeout_usec < USEC_INFINITY, number, plan,
                     "step %zu has no deadline", i);
                if (step->kind == STEP_BIND)
                        MUST(streq(f->driver_override, step->text), number, plan,
                             "step %zu binds without its override", i);
                /* The flag before any function can be reset by vfio, and until none can be. */
                if (step->kind == STEP_BIND && driver_is_guest(step->text) && companions_first)
                        MUST(model.module_guarded || plan->guard != GUARD_MODULE, number, plan,
                             "step %zu: not guarded yet", i);
                if (step->kind == STEP_GUARD_CLEAR && !companions_first && driver_is_guest(model.functions[0].driver))
                        for (size_t j = i; j < plan->n_steps; j++)
                                MUST(plan->steps[j].kind != STEP_UNBIND || plan->steps[j].address.function != 0, number,
                                     plan, "step %zu: the guests' driver still has the display", i);
                if (step->kind == STEP_GUARD_CLEAR || step->kind == STEP_GUARD_SET)
                        MUST(display, number, plan, "step %zu names a companion", i);
                if (step->kind == STEP_UNBIND || step->kind == STEP_BIND || step->kind == STEP_PROBE) {
                        display_moved |= display;
                        companion_moved |= !display;
                        if (companions_first)
                                MUST(display || !display_moved, number, plan, "step %zu: display went first",
                                     i);
                        else
                                MUST(!display || !companion_moved, number, plan,
                                     "step %zu: companion came first", i);
                }
                (void) model_run(&model, step);
        }
}

START_TEST(test_guest_reaches_goal) {
        Plan plan, again;

        for (uint64_t number = 0; number < N_SITUATIONS; number++) {
                Situation s = situation_from(number);
                if (!plan_guest(&s, &plan))
                        continue;
                Model model = model_from(&s.card, &s.machine);
                run_all(&model, &plan, plan.n_steps, number);
                for (size_t i = 0; i < s.card.n_functions; i++) {
                        const ModelFunction *f = &model.functions[i];
                        MUST(i > 0 || driver_is_guest(f->driver), number, &plan,
                             "display is not with the guest");
                        MUST(!driver_is_host(f->driver), number, &plan, ".%zu is on a host driver", i);
                        MUST(streq(f->power_control, "on") || isempty(f->power_control), number, &plan,
                             ".%zu may sleep under the guest", i);
                        MUST(!streq(f->d3cold_allowed, "1"), number, &plan, ".%zu may lose power", i);
                }
                model_survey(&model, &s.card);
                MUST(plan.direction == DIRECTION_GUEST, number, &plan, "direction");
                MUST(card_owner(&s.card) == OWNER_GUEST, number, &plan, "owner");
                MUST(card_guard(&s.card, &s.machine, &s.rule) == plan.guard, number, &plan, "the guard is not the promised one");
                /* Once more from there: there is nothing left to write. */
                MUST(plan_guest(&s, &again), number, &plan, "refused once it is there");
                MUST(again.n_steps == 0, number, &again, "a card that is there is moved again");
        }
}
END_TEST

START_TEST(test_guest_order) {
        Plan plan;

        for (uint64_t number = 0; number < N_SITUATIONS; number++) {
                Situation s = situation_from(number);
                if (!plan_guest(&s, &plan))
                        continue;
                Model model = model_from(&s.card, &s.machine);
                order_must_hold(&plan, &model, true, number);
        }
}
END_TEST

/* Bus resets: forbidden means guarded wherever a companion can do it, wanted means a complete set for vfio.
 */
START_TEST(test_guard) {
        Plan plan;

        for (uint64_t number = 0; number < N_SITUATIONS; number++) {
                Situation s = situation_from(number);
                if (!plan_guest(&s, &plan))
                        continue;
                bool forbidden = s.rule.bus_reset == BUS_RESET_FORBIDDEN;
                bool can = viability_can_guard(&s.card, &s.request) ||
                           viability_is_guarded(&s.card, &s.machine, &s.rule);
                if (s.request.state == RESET_STATE_PREFAIL ||
                    (forbidden && s.request.state == RESET_STATE_UNKNOWN))
                        MUST(plan.guard != GUARD_NONE, number, &plan, "unguarded in danger");
                if (forbidden)
                        MUST((plan.guard != GUARD_NONE) == can, number, &plan, "guard");
                else if (s.request.state != RESET_STATE_PREFAIL)
                        MUST(plan.guard == GUARD_NONE, number, &plan, "a wanted bus reset is kept away");
                if (plan.guard == GUARD_STUB_COMPANION || plan.guard == GUARD_PINNED_COMPANION)
                        MUST((plan.guard == GUARD_STUB_COMPANION) == s.machine.stub_driver_loaded, number,
                             &plan, "kind of guard");
        }
}
END_TEST

/* The reset: only under a guard, the display function free, every companion in its place and kept there. */
START_TEST(test_recipe) {
        size_t n_recipes = 0;
        Plan plan;

        for (uint64_t number = 0; number < N_SITUATIONS; number++) {
                Situation s = situation_from(number);
                if (!plan_guest(&s, &plan))
                        continue;
                Model model = model_from(&s.card, &s.machine);
                size_t n_writes = 0;
                for (size_t i = 0; i < plan.n_steps; i++) {
                        if (plan.steps[i].kind == STEP_WRITE_CONFIG) {
                                n_writes++;
                                MUST(plan.steps[i].is_recipe, number, &plan, "a reset outside the recipe");
                                MUST(plan.guard != GUARD_NONE, number, &plan, "a reset without a guard");
                                MUST(isempty(model.functions[0].driver), number, &plan,
                                     "a reset under a driver");
                                MUST(model.module_guarded || plan.guard != GUARD_MODULE, number, &plan,
                                     "a reset before the guard");
                                for (size_t j = 1; j < model.n_functions; j++) {
                                        const char *driver = model.functions[j].driver;
                                        const char *override = model.functions[j].driver_override;
                                        bool stub = plan.guard == GUARD_STUB_COMPANION;
                                        if (plan.guard == GUARD_MODULE || plan.guard == GUARD_KERNEL)
                                                continue;
                                        MUST(streq(driver, stub ? DRIVER_PCI_STUB : ""), number, &plan,
                                             ".%zu does not guard yet", j);
                                        MUST(streq(override, stub ? DRIVER_PCI_STUB : OVERRIDE_PINNED),
                                             number, &plan, ".%zu is not kept there", j);
                                }
                        }
                        (void) model_run(&model, &plan.steps[i]);
                }
                MUST(plan.runs_recipe == (n_writes > 0), number, &plan, "runs_recipe");
                for (size_t i = 0; i < s.card.n_functions; i++)
                        MUST(n_writes == 0 || !s.card.functions[i].survey.config_locked, number, &plan,
                             "a reset under lockdown");
                n_recipes += n_writes;
        }
        ck_assert_uint_gt(n_recipes, N_SITUATIONS / 20); /* the generator does make such situations */
}
END_TEST

/* Takes back @n_done steps of @plan from @model and compares with @start. */
static void undo_must_restore(const Plan *plan, size_t n_done, const Model *start, const Model *model,
                              uint64_t number) {
        Model back = *model;
        Refusal refusal;
        Plan undo;
        int r = plan_undo(plan, n_done, &undo, &refusal);

        MUST(r == 0, number, plan, "undo of %zu steps is refused", n_done);
        MUST(undo.direction != plan->direction, number, plan, "direction of the undo");
        if (plan->direction == DIRECTION_GUEST)
                order_must_hold(&undo, model, false, number);
        run_all(&back, &undo, undo.n_steps, number);
        const char *difference = model_difference(&back, start);
        if (difference)
                MUST(false, number, plan, "undo of %zu steps does not bring back %s", n_done, difference);

        /* A daemon that died in the middle of the undo begins it again; steps are independent of each other.
         */
        for (size_t n = 1; n <= undo.n_steps; n += 1 + undo.n_steps / 4) {
                Model twice = *model;
                for (size_t i = 0; i < n; i++)
                        (void) model_run(&twice, &undo.steps[i]);
                for (size_t i = 0; i < undo.n_steps; i++)
                        (void) model_run(&twice, &undo.steps[i]);
                difference = model_difference(&twice, start);
                if (difference)
                        MUST(false, number, &undo, "undo begun again after %zu steps: %s", n, difference);
        }
}

/* Every n_done, with the last step done and with the last step not done. */
static void every_undo_must_restore(const Plan *plan, const Model *start, uint64_t number) {
        Model model = *start;

        undo_must_restore(plan, 0, start, &model, number);
        for (size_t i = 0; i < plan->n_steps; i++) {
                /* Which driver a probe brings is not in the plan: there is no way back behind it. */
                if (plan->steps[i].kind == STEP_PROBE)
                        return;
                undo_must_restore(plan, i + 1, start, &model, number);
                (void) model_run(&model, &plan->steps[i]);
                undo_must_restore(plan, i + 1, start, &model, number);
        }
}

START_TEST(test_guest_undo) {
        Plan plan;

        for (uint64_t number = (uint64_t) _i; number < N_UNDONE; number += 4) {
                Situation s = situation_from(number);
                if (!plan_guest(&s, &plan))
                        continue;
                Model model = model_from(&s.card, &s.machine);
                every_undo_must_restore(&plan, &model, number);
        }
}
END_TEST

/* To the guest and home again by what was recorded: everything is as it was. */
START_TEST(test_home_again) {
        Refusal refusal;
        Plan plan;

        for (uint64_t number = 0; number < N_SITUATIONS; number++) {
                Situation s = situation_from(number);
                Home home = { 0 };
                if (!plan_guest(&s, &plan))
                        continue;
                Model start = model_from(&s.card, &s.machine), model = start;
                home_note(&s.card, false, &home);
                run_all(&model, &plan, plan.n_steps, number);
                model_survey(&model, &s.card);

                ck_assert_int_eq(plan_to_host(&s.card, &s.rule, s.request.state, &home, &plan, &refusal), 0);
                MUST(plan.direction == DIRECTION_HOST && plan.guard == GUARD_NONE, number, &plan,
                     "direction");
                order_must_hold(&plan, &model, false, number);
                if (number < N_UNDONE)
                        every_undo_must_restore(&plan, &model, number);
                run_all(&model, &plan, plan.n_steps, number);
                start.module_guarded = false; /* at home nobody needs it, whoever left it there */
                const char *difference = model_difference(&model, &start);
                if (difference)
                        MUST(false, number, &plan, "home again, but %s is not", difference);
        }
}
END_TEST

/* Home from wherever other hands have taken the functions meanwhile; the record is of a quite different day.
 */
START_TEST(test_home_from_anywhere) {
        Refusal refusal;
        Plan plan;

        for (uint64_t number = 0; number < N_SITUATIONS; number++) {
                uint64_t seed = number;
                Situation s = situation_from(number);
                Home home = { 0 };
                home_note(&s.card, false, &home);
                for (size_t i = 0; i < s.card.n_functions; i++)
                        random_function(&seed, &s.card, i, s.machine.stub_driver_loaded);
                Model model = model_from(&s.card, &s.machine);

                ck_assert_int_eq(plan_to_host(&s.card, &s.rule, s.request.state, &home, &plan, &refusal), 0);
                order_must_hold(&plan, &model, false, number);
                if (number < N_UNDONE)
                        every_undo_must_restore(&plan, &model, number);
                run_all(&model, &plan, plan.n_steps, number);
                MUST(!model.module_guarded, number, &plan, "still guarded");
                for (size_t i = 0; i < model.n_functions; i++) {
                        const ModelFunction *f = &model.functions[i];
                        const HomeFunction *was = &home.functions[i];
                        MUST(streq(f->driver, was->driver), number, &plan, ".%zu is on %s", i, f->driver);
                        MUST(streq(f->driver_override, was->driver_override), number, &plan,
                             "override of .%zu", i);
                        MUST(isempty(f->power_control) || isempty(was->power_control) ||
                                     streq(f->power_control, was->power_control),
                             number, &plan, "power/control of .%zu", i);
                        MUST(isempty(f->d3cold_allowed) || isempty(was->d3cold_allowed) ||
                                     streq(f->d3cold_allowed, was->d3cold_allowed),
                             number, &plan, "d3cold_allowed of .%zu", i);
                }
        }
}
END_TEST

/* Home from a situation that nobody recorded: the kernel chooses, and nothing of the guest's stays. */
START_TEST(test_unknown_home) {
        Home unknown = { .known = false };
        Refusal refusal;
        Plan plan;

        for (uint64_t number = 0; number < N_SITUATIONS; number++) {
                Situation s = situation_from(number);
                Model model = model_from(&s.card, &s.machine);
                ck_assert_int_eq(plan_to_host(&s.card, &s.rule, s.request.state, &unknown, &plan, &refusal),
                                 0);
                order_must_hold(&plan, &model, false, number);
                if (number < N_UNDONE)
                        every_undo_must_restore(&plan, &model, number);
                run_all(&model, &plan, plan.n_steps, number);
                MUST(!model.module_guarded, number, &plan, "still guarded");
                for (size_t i = 0; i < model.n_functions; i++)
                        MUST(streq(model.functions[i].driver, model.functions[i].native), number, &plan,
                             ".%zu is on %s", i, model.functions[i].driver);
        }
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("core-plan-properties");
        TCase *tcase = tcase_create("properties");

        tcase_set_timeout(tcase, 120);
        tcase_add_test(tcase, test_guest_reaches_goal);
        tcase_add_test(tcase, test_guest_order);
        tcase_add_test(tcase, test_guard);
        tcase_add_test(tcase, test_recipe);
        tcase_add_loop_test(tcase, test_guest_undo, 0, 4);
        tcase_add_test(tcase, test_home_again);
        tcase_add_test(tcase, test_home_from_anywhere);
        tcase_add_test(tcase, test_unknown_home);
        suite_add_tcase(suite, tcase);
        return suite;
}

CHECK_MAIN(make_suite)
