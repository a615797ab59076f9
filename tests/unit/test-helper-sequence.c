/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whole resets as the shipped quirk files say them: planned by core, put into requests by exec, done by the helper to a chip that
 * follows the documented sequences (register-model.h); and each way in which they can go wrong.
 */

#include "check-main.h"
#include "register-model.h"

#include <stdlib.h>
#include <string.h>

#include "core/config-space.h"
#include "core/plan-recipe.h"
#include "base/text.h"
#include "exec/request.h"
#include "policy/policy.h"

/* As they are shipped, but that nothing here depends on how fast this machine is. */
static Recipe vi_recipe, ci_recipe;
static Policy *policy; /* the shipped files, read once for all tests */

static Recipe shipped(uint16_t device_id, const char *name) {
        CardFacts model_card = { .n_functions = 1, .functions = { { .vendor_id = 0x1002, .device_id = device_id } } };
        Recipe recipe = { 0 };
        static Rule rule;

        policy_rule(policy, &model_card, &rule);
        for (size_t i = 0; i < RECIPES_MAX; i++)
                if (streq(rule.recipes[i].name, name))
                        recipe = rule.recipes[i];
        ck_assert_msg(recipe.n_steps > 0, "%04x has no %s", device_id, name);
        for (size_t i = 0; i < recipe.n_steps; i++)
                if (recipe.steps[i].verb == RECIPE_POLL_REGISTER) {
                        ck_assert_uint_eq(recipe.steps[i].timeout_usec, 100 * USEC_PER_MSEC);
                        recipe.steps[i].timeout_usec = 10 * USEC_PER_SEC;
                }
        return recipe;
}

static void setup_vi(void) {
        model_setup_vi();
        vi_recipe = shipped(0x67df, "vi-config");
        ci_recipe = shipped(0x67b0, "ci-config");
}

static void setup_ci(void) {
        setup_vi();
        fake_teardown();
        model_setup_ci();
}

typedef struct Outcome {
        int status;          /* of the step that ended it, 0: all went well */
        StepKind kind;       /* of that step */
        bool not_applicable;
        char message[MESSAGE_TEXT_SIZE];
} Outcome;

static Plan plan;
static CardFacts card;
static uint8_t before[2][CONFIG_SPACE_SIZE];

static void read_card(void) {
        char path[64];

        card = (CardFacts){ .n_functions = 2 };
        for (unsigned i = 0; i < 2; i++) {
                FunctionFacts *function = &card.functions[i];
                (void) snprintf(path, sizeof(path), "/sys/bus/pci/devices/0000:01:00.%u/config", i);
                fake_read_bytes(path, before[i], sizeof(before[i]));
                function->address = (PciAddress){ .bus = 1, .function = (uint8_t) i };
                function->survey.n_registers = (uint8_t) config_registers(before[i], sizeof(before[i]),
                                                                          function->survey.registers);
        }
        card.functions[0].bar_sizes[5] = MODEL_BAR_SIZE;
}

static void make_plan(const Recipe *recipe) {
        PlanBuilder builder = { .plan = &plan };

        plan = (Plan){ 0 };
        read_card();
        plan_add_recipe(&builder, &card, recipe);
        ck_assert_uint_gt(plan.n_steps, recipe->n_steps); /* some are about both functions */
}

/* As exec/run-steps.c goes through it. */
static Outcome run_plan(void) {
        Outcome outcome = { 0 };

        for (size_t i = 0; i < plan.n_steps;) {
                const Step *step = &plan.steps[i];
                HelperRequest request;
                HelperReply reply;
                ck_assert_int_eq(request_from_step(step, &request), 0);
                outcome.status = fake_run(&request, &reply);
                outcome.kind = step->kind;
                if (outcome.status != 0)
                        (void) strcpy(outcome.message, reply.message);
                if (outcome.status < 0)
                        return outcome;
                outcome.not_applicable |= outcome.status == HELPER_NOT_APPLICABLE;
                if (outcome.status == HELPER_NOT_APPLICABLE) {
                        ck_assert_uint_gt(step->skip_to, i);
                        i = step->skip_to;
                } else
                        i++;
                outcome.status = 0;
        }
        return outcome;
}

static Outcome run_recipe(const Recipe *recipe) {
        make_plan(recipe);
        return run_plan();
}

static void must_be_as_before(void) {
        for (unsigned i = 0; i < 2; i++)
                for (size_t offset = 0; offset < CONFIG_SPACE_SIZE; offset += 4) {
                        uint32_t was;
                        memcpy(&was, before[i] + offset, 4);
                        ck_assert_msg(model_config(i, offset, 4) == was, "0x%zx of .%u: 0x%x, was 0x%x", offset, i,
                                      model_config(i, offset, 4), was);
                }
}

/* The outcome is a failure of that step which names all of that, and nothing was reset. */
static void must_fail(const Outcome *outcome, int status, StepKind kind, const char *words) {
        ck_assert_msg(outcome->status == status && outcome->kind == kind, "%d of step %s: %s", outcome->status,
                      step_kind_to_string(outcome->kind), outcome->message);
        ck_assert_msg(strstr(outcome->message, words) != NULL, "%s", outcome->message);
}

START_TEST(test_vi) {
        Outcome outcome = run_recipe(&vi_recipe);

        ck_assert_msg(outcome.status == 0, "%s: %s", step_kind_to_string(outcome.kind), outcome.message);
        ck_assert(!outcome.not_applicable);
        ck_assert_uint_eq(model.n_resets, 1);
        ck_assert_uint_eq(model.slow_left, 0);
        ck_assert_uint_eq(model.clock_cntl, 1);
        ck_assert_uint_eq(model.n_writes, 0);
        must_be_as_before();
        /* Once more: now its SMC does not run, and there is nothing to do. */
        outcome = run_recipe(&vi_recipe);
        ck_assert_int_eq(outcome.status, 0);
        ck_assert(outcome.not_applicable);
        ck_assert_uint_eq(model.n_resets, 1);
        must_be_as_before();
}
END_TEST

static const uint16_t vi_ids[] = { 0x67df, 0x67ef, 0x699f, 0x694c, 0x6938, 0x692b, 0x7300, 0x6900 };
static const uint16_t ci_ids[] = { 0x67b0, 0x6658, 0x665f, 0x6640 };

/* Word by word what the sources say, for every family that has such a reset. */
START_TEST(test_words) {
        bool vi = model.chip == CHIP_VI;
        uint16_t id = vi ? vi_ids[_i] : ci_ids[_i];
        Recipe recipe = shipped(id, vi ? "vi-config" : "ci-config");

        model_set_config(0, 2, 2, id);
        model.misc = model.fuse = 0;
        Outcome outcome = run_recipe(&recipe);
        ck_assert_msg(outcome.status == 0, "%s: %s", step_kind_to_string(outcome.kind), outcome.message);
        if (vi)
                ck_assert_str_eq(model.trace, "COMMAND=0402 80000004? 80000370? 7c=39d5e86b COMMAND=0407 COMMAND=0402 5428? COMMAND=0407");
        else
                ck_assert_str_eq(model.trace, "COMMAND=0402 80000004? 80000370? c00c0000? c0000010? c0000010=2 c0000010? 7c=39d5e86b "
                                              "COMMAND=0407 COMMAND=0402 5428? 80000000? 80000000=1 80000000? "
                                              "80000004? 80000004=1 80000004? COMMAND=0400 COMMAND=0407");
        must_be_as_before();
}
END_TEST

static const uint32_t fuses[][2] = { { 0x40, 0x2 }, { 0x40, 0x0 }, { 0x0, 0x2 }, { 0x0, 0x0 } };

/* Only the graphics engine is reset, however the fuse is; the SMC is stopped. */
START_TEST(test_ci) {
        uint32_t others = 0xa5a5a5a1;

        model.fuse = fuses[_i][0] | 0x80;
        model.misc = fuses[_i][1] | (others & ~0x2U);
        model.clock_cntl = 0x100;
        Outcome outcome = run_recipe(&ci_recipe);
        ck_assert_msg(outcome.status == 0, "%s: %s", step_kind_to_string(outcome.kind), outcome.message);
        ck_assert(!outcome.not_applicable);
        ck_assert_uint_eq(model.n_resets, 1);
        ck_assert_uint_eq(model.reset_cntl, 1);
        ck_assert_uint_eq(model.clock_cntl, 0x101);
        ck_assert_uint_eq(model.misc, (others & ~0x2U) | (fuses[_i][0] ? 0 : 0x2U));
        must_be_as_before();
}
END_TEST

/* Without that bit the chip is lost: what the step is for, and what a failed verification looks like. */
START_TEST(test_ci_without_graphics_only) {
        Recipe recipe = ci_recipe;

        recipe.n_steps--;
        memmove(recipe.steps + 4, recipe.steps + 5, (recipe.n_steps - 4) * sizeof(recipe.steps[0]));
        Outcome outcome = run_recipe(&recipe);
        must_fail(&outcome, -ENXIO, STEP_RESTORE_CONFIG, "0000:01:00.0 reads all ones");
}
END_TEST

static void smc_is_stopped(void) {
        model.clock_cntl = 0x1;
}
static void pc_is_low(void) {
        model.pc = 0x200ff;
}
static void pc_is_null(void) {
        model.pc = 0;
}

static void (*const fresh_table[])(void) = { smc_is_stopped, pc_is_low, pc_is_null };

static const Recipe *recipe_of_chip(void) {
        return model.chip == CHIP_VI ? &vi_recipe : &ci_recipe;
}

/* Nothing was reset or written, and what the way there has changed is as before. */
START_TEST(test_fresh_card) {
        fresh_table[_i]();
        uint32_t clock_cntl = model.clock_cntl;
        Outcome outcome = run_recipe(recipe_of_chip());
        ck_assert_int_eq(outcome.status, 0);
        ck_assert(outcome.not_applicable);
        ck_assert_ptr_nonnull(strstr(outcome.message, _i == 0 ? "SMC_SYSCON_CLOCK_CNTL_0 of 0000:01:00.0 reads 0x00000001"
                                                              : "SMC_PC_C of 0000:01:00.0 reads 0x000"));
        ck_assert_uint_eq(model.n_resets, 0);
        ck_assert_uint_eq(model.n_writes, 0);
        ck_assert_uint_eq(model.clock_cntl, clock_cntl);
        must_be_as_before();
}
END_TEST

START_TEST(test_slow_chip_is_waited_for) {
        model.slow_reads = 40;
        Outcome outcome = run_recipe(recipe_of_chip());
        ck_assert_msg(outcome.status == 0, "%s", outcome.message);
        ck_assert_uint_eq(model.slow_left, 0);
}
END_TEST

START_TEST(test_memory_does_not_come_back) {
        Recipe recipe = *recipe_of_chip();

        for (size_t i = 0; i < recipe.n_steps; i++)
                if (recipe.steps[i].verb == RECIPE_POLL_REGISTER)
                        recipe.steps[i].timeout_usec = 3 * USEC_PER_MSEC;
        model.slow_reads = UINT32_MAX;
        Outcome outcome = run_recipe(&recipe);
        must_fail(&outcome, -ETIMEDOUT, STEP_POLL_REGISTER,
                  "CONFIG_MEMSIZE of 0000:01:00.0 reads 0xffffffff, which is all ones to the end");
        ck_assert_uint_eq(model.n_resets, 1);
}
END_TEST

/* A size that no card has is no success either. */
START_TEST(test_memory_size_is_null) {
        Recipe recipe = *recipe_of_chip();

        for (size_t i = 0; i < recipe.n_steps; i++)
                if (recipe.steps[i].verb == RECIPE_POLL_REGISTER)
                        recipe.steps[i].timeout_usec = 3 * USEC_PER_MSEC;
        model.slow_reads = 0;
        model.no_memory = true;
        Outcome outcome = run_recipe(&recipe);
        must_fail(&outcome, -ETIMEDOUT, STEP_POLL_REGISTER,
                  "CONFIG_MEMSIZE of 0000:01:00.0 reads 0x00000000: under the mask 0xffffffff it is below 0x1");
        ck_assert_uint_eq(model.n_resets, 1);
}
END_TEST

static const struct {
        uint32_t address;
        bool only_ci;
        const char *name;
        StepKind kind;
} dead_table[] = {
        { MODEL_CLOCK_CNTL, false, "SMC_SYSCON_CLOCK_CNTL_0", STEP_CHECK_REGISTER },
        { MODEL_PC, false, "SMC_PC_C", STEP_CHECK_REGISTER },
        { MODEL_MISC, true, "MISC", STEP_DIFFER_REGISTER },
        { MODEL_FUSE, true, "FUSE", STEP_DIFFER_REGISTER },
        { MODEL_RESET_CNTL, true, "SMC_SYSCON_RESET_CNTL", STEP_WRITE_REGISTER },
};

START_TEST(test_register_reads_all_ones) {
        if (dead_table[_i].only_ci && model.chip != CHIP_CI)
                return;
        model.dead = dead_table[_i].address;
        Outcome outcome = run_recipe(recipe_of_chip());
        must_fail(&outcome, -ENXIO, dead_table[_i].kind, dead_table[_i].name);
        ck_assert_ptr_nonnull(strstr(outcome.message, "all ones"));
        ck_assert_uint_eq(model.n_resets, model.dead == MODEL_RESET_CNTL);
        /* Never written out of what was no value. */
        ck_assert_uint_eq(model.reset_cntl, 0);
        ck_assert_uint_eq(model.clock_cntl, 0);
        ck_assert_uint_eq(model.misc & ~0x2U, 0);
}
END_TEST

static const struct {
        uint32_t address;
        StepKind kind;
        const char *words;
} stubborn_table[] = {
        { MODEL_MISC, STEP_DIFFER_REGISTER, "register MISC of 0000:01:00.0 was given 0x00000000 and reads 0x00000002" },
        { MODEL_RESET_CNTL, STEP_WRITE_REGISTER,
          "register SMC_SYSCON_RESET_CNTL of 0000:01:00.0 was given 0x00000001 and reads 0x00000000" },
        { MODEL_CLOCK_CNTL, STEP_WRITE_REGISTER,
          "register SMC_SYSCON_CLOCK_CNTL_0 of 0000:01:00.0 was given 0x00000001 and reads 0x00000000" },
};

START_TEST(test_write_does_not_stick) {
        model.stubborn = stubborn_table[_i].address;
        Outcome outcome = run_recipe(&ci_recipe);
        must_fail(&outcome, -EIO, stubborn_table[_i].kind, stubborn_table[_i].words);
        ck_assert_uint_eq(model.n_resets, model.stubborn != MODEL_MISC);
}
END_TEST

START_TEST(test_memory_decoding_is_off) {
        Recipe recipe = *recipe_of_chip();

        recipe.n_steps--;
        memmove(recipe.steps + 1, recipe.steps + 2, (recipe.n_steps - 1) * sizeof(recipe.steps[0]));
        model_set_config(0, 0x04, 2, 0x0405);
        Outcome outcome = run_recipe(&recipe);
        must_fail(&outcome, -EIO, STEP_CHECK_REGISTER, "memory decoding of 0000:01:00.0 is off in COMMAND");
        ck_assert_uint_eq(model.n_reads, 0);
}
END_TEST

START_TEST(test_bar) {
        static const uint8_t bar[0x5428];

        make_plan(recipe_of_chip());
        fake_write_bytes("/sys/bus/pci/devices/0000:01:00.0/resource5", bar, sizeof(bar));
        Outcome outcome = run_plan();
        must_fail(&outcome, -ERANGE, STEP_POLL_REGISTER, "BAR 5 of 0000:01:00.0 has 21544 bytes, at least 21548");
        fake_remove("/sys/bus/pci/devices/0000:01:00.0/resource5");
        model.clock_cntl = 0;
        outcome = run_plan();
        must_fail(&outcome, -ENODEV, STEP_CHECK_REGISTER, "0000:01:00.0 has no BAR 5");
        fake_write_bytes("/sys/bus/pci/devices/0000:01:00.0/resource5", bar, 0);
        outcome = run_plan();
        must_fail(&outcome, -ERANGE, STEP_CHECK_REGISTER, "BAR 5 of 0000:01:00.0 has 0 bytes");
}
END_TEST

/* The pair of the other chip, and a chip that is neither. */
START_TEST(test_wrong_chip) {
        Outcome outcome = run_recipe(model.chip == CHIP_VI ? &ci_recipe : &vi_recipe);

        must_fail(&outcome, -EINVAL, STEP_CHECK_REGISTER, "refused by the helper's rule 'register'");
        model_set_config(0, 0, 4, 0x687f1002); /* Vega */
        outcome = run_recipe(recipe_of_chip());
        must_fail(&outcome, -EINVAL, STEP_WRITE_CONFIG, "refused by the helper's rule 'write-register'");
        ck_assert_uint_eq(model.n_reads + model.n_resets, 0);
}
END_TEST

START_TEST(test_companion_is_lost) {
        model.forgets_companion = true;
        Outcome outcome = run_recipe(recipe_of_chip());
        must_fail(&outcome, -ENXIO, STEP_RESTORE_CONFIG, "0000:01:00.1 reads all ones");
}
END_TEST

/* Before BARs are put back nobody answers: said so, not taken for a dead chip. */
START_TEST(test_restore_is_forgotten) {
        Recipe recipe = *recipe_of_chip();

        for (size_t i = 0; i < recipe.n_steps;)
                if (recipe.steps[i].verb == RECIPE_RESTORE_CONFIG) {
                        recipe.n_steps--;
                        memmove(recipe.steps + i, recipe.steps + i + 1, (recipe.n_steps - i) * sizeof(recipe.steps[0]));
                } else
                        i++;
        Outcome outcome = run_recipe(&recipe);
        must_fail(&outcome, -EIO, STEP_POLL_REGISTER, "BAR 5 of 0000:01:00.0 has no address");
        plan.n_steps = 0;
        HelperReply reply;
        HelperRequest request = fake_request(HELPER_VERIFY_CONFIG);
        ck_assert_int_eq(fake_run(&request, &reply), -EIO);
        ck_assert_ptr_nonnull(strstr(reply.message, "COMMAND of 0000:01:00.0 reads 0x0002, was 0x0407; "
                                                    "BAR 0 of 0000:01:00.0 reads 0x00000000, was 0xe000000c; "));
        ck_assert_ptr_nonnull(strstr(reply.message, "BAR 5 of 0000:01:00.0 reads 0x00000000, was 0xfea00000"));
}
END_TEST

static Suite *suite(void) {
        static void (*const setups[])(void) = { setup_vi, setup_ci };
        static const char *const names[] = { "vi", "ci" };
        Suite *s = suite_create("helper-sequence");

        if (policy_load(&(PolicyDirs){ .quirks_vendor = TEST_SOURCE_DIR "/policy/quirks" }, &policy) < 0)
                abort();

        for (size_t i = 0; i < ELEMENTSOF(setups); i++) {
                TCase *t = tcase_create(names[i]);
                tcase_set_timeout(t, 60);
                tcase_add_checked_fixture(t, setups[i], fake_teardown);
                if (i == 0)
                        tcase_add_test(t, test_vi);
                else {
                        tcase_add_loop_test(t, test_ci, 0, (int) ELEMENTSOF(fuses));
                        tcase_add_test(t, test_ci_without_graphics_only);
                        tcase_add_loop_test(t, test_write_does_not_stick, 0, (int) ELEMENTSOF(stubborn_table));
                }
                tcase_add_loop_test(t, test_words, 0, (int) (i == 0 ? ELEMENTSOF(vi_ids) : ELEMENTSOF(ci_ids)));
                tcase_add_loop_test(t, test_fresh_card, 0, (int) ELEMENTSOF(fresh_table));
                tcase_add_test(t, test_slow_chip_is_waited_for);
                tcase_add_test(t, test_memory_does_not_come_back);
                tcase_add_test(t, test_memory_size_is_null);
                tcase_add_loop_test(t, test_register_reads_all_ones, 0, (int) ELEMENTSOF(dead_table));
                tcase_add_test(t, test_memory_decoding_is_off);
                tcase_add_test(t, test_bar);
                tcase_add_test(t, test_wrong_chip);
                tcase_add_test(t, test_companion_is_lost);
                tcase_add_test(t, test_restore_is_forgotten);
                suite_add_tcase(s, t);
        }
        return s;
}
CHECK_MAIN(suite)
