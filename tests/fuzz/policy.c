/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "policy.h"

#include <string.h>

#include "base/address.h"
#include "base/text.h"
#include "policy/check.h"
#include "policy/contest.h"
#include "policy/document.h"
#include "policy/model.h"
#include "policy/quirks.h"
#include "policy/wishes.h"

static const struct {
        PciAddress address;
        uint16_t vendor_id, device_id, subsystem_vendor_id, subsystem_device_id;
} models[] = {
        { { .bus = 1 }, 0x1002, 0x67df, 0x1da2, 0xe366 },
        { { .bus = 2 }, 0x10de, 0x1b80, 0x1043, 0x85aa },
        { { .domain = 0x10000, .bus = 0xff, .slot = 31 }, 0xffff, 0xffff, 0, 0 },
        { { .domain = 0, .bus = 1 }, 0x1002, 0x7300, 0x1002, 0x0b36 },
};

/* The journal and the bus take this text as it is. */
static void require_sound(const char *text, size_t size) {
        fuzz_require(strnlen(text, size) < size, "a text without end");
        fuzz_require(fuzz_is_utf8(text), "no UTF-8: %s", text);
        for (; *text; text++)
                fuzz_require((unsigned char) *text >= 0x20, "control character 0x%02x", (unsigned char) *text);
}

void policy_take_problems(FuzzVerdict *verdict, const Policy *policy) {
        const PolicyProblem *problem;

        for (size_t i = 0; (problem = policy_problem(policy, i)); i++) {
                require_sound(problem->file, sizeof(problem->file));
                require_sound(problem->where, sizeof(problem->where));
                require_sound(problem->text, sizeof(problem->text));
                fuzz_require(!isempty(problem->text) && !isempty(problem->file));
                /* "" is the JSON pointer of the whole document. */
                fuzz_require(!problem->is_syntax || !isempty(problem->where));
                verdict_refuse(verdict, "%s: %s", problem->where, problem->text);
        }
}

/* What the helper is asked to do later is in its lists, and polling has an end. */
static void take_word(FuzzVerdict *verdict, const RecipeStep *step) {
        bool is_register = step->verb >= RECIPE_CHECK_REGISTER && step->verb <= RECIPE_DIFFER_REGISTER;

        fuzz_require(step->verb >= 0 && step->verb < _RECIPE_VERB_MAX);
        fuzz_require(step->verb != RECIPE_WRITE_CONFIG || (step->offset % 4 == 0 && step->offset < CONFIG_SPACE_SIZE),
                     "offset 0x%x", step->offset);
        fuzz_require(!is_register || step->place.bar < BARS_MAX, "BAR %u", step->place.bar);
        fuzz_require((step->value & ~step->mask) == 0, "0x%x under 0x%x", step->value, step->mask);
        fuzz_require(step->test >= 0 && step->test < _REGISTER_TEST_MAX);
        fuzz_require(step->timeout_usec > 0 && step->timeout_usec <= RESET_TIMEOUT_USEC);
        fuzz_require(step->verb != RECIPE_POLL_REGISTER || step->timeout_usec <= 10 * USEC_PER_SEC);
        fuzz_require(!strstr(step->method, "bus"), "method %s", step->method);
        verdict_add_value(verdict, step->verb);
        verdict_add_value(verdict, step->offset);
        verdict_add_value(verdict, step->mask);
        verdict_add_value(verdict, step->value);
        verdict_add_value(verdict, step->place.address);
        verdict_add_value(verdict, step->delay_usec);
        verdict_add_value(verdict, step->timeout_usec);
}

static void take_recipe(FuzzVerdict *verdict, const Recipe *recipe) {
        fuzz_require(recipe->n_steps <= RECIPE_STEPS_MAX);
        fuzz_require(recipe->n_steps == 0 || !isempty(recipe->name), "a reset without a name");
        require_sound(recipe->name, sizeof(recipe->name));
        require_sound(recipe->after_driver, sizeof(recipe->after_driver));
        verdict_add_field(verdict, recipe->name);
        verdict_add_field(verdict, recipe->after_driver);
        verdict_add_value(verdict, recipe->needs_guard | recipe->before_guest << 1 | recipe->experimental << 2);
        for (size_t i = 0; i < recipe->n_steps; i++)
                take_word(verdict, &recipe->steps[i]);
}

static void take_rule(FuzzVerdict *verdict, const Rule *rule) {
        require_sound(rule->family, sizeof(rule->family));
        require_sound(rule->name, sizeof(rule->name));
        verdict_add_field(verdict, rule->family);
        verdict_add_field(verdict, rule->name);
        fuzz_require(rule->bus_reset >= 0 && rule->bus_reset < _BUS_RESET_WISH_MAX);
        fuzz_require(rule->return_to >= 0 && rule->return_to < _RETURN_TO_MAX);
        verdict_add_value(verdict, rule->bus_reset);
        verdict_add_value(verdict, rule->return_to);
        verdict_add_value(verdict, rule->automatic | rule->allow_holders << 1 | rule->allow_lockdown << 2 |
                                           rule->configuration_broken << 3 | rule->allow_experimental << 4);
        verdict_add(verdict, &rule->state, sizeof(rule->state));
        fuzz_require(rule->guest_reboots <= GUEST_REBOOTS_MAX || rule->guest_reboots == GUEST_REBOOTS_UNLIMITED);
        verdict_add_value(verdict, rule->guest_reboots);
        fuzz_require(rule->n_fellows <= FELLOWS_MAX);
        for (size_t i = 0; i < rule->n_fellows; i++)
                for (size_t k = 0; k < i; k++)
                        fuzz_require(!address_equal(rule->fellows[i].address, rule->fellows[k].address), "a device twice");
        verdict_add_value(verdict, rule->n_fellows);
        for (size_t i = 0; i < RECIPES_MAX; i++)
                take_recipe(verdict, &rule->recipes[i]);
}

void policy_take_rules(FuzzVerdict *verdict, const Policy *policy) {
        static const char *const keys[] = { "family", "bus_reset", "state", "reset", "guest_reboots", "return",
                                            "automatic", "allow", "name", "with" };

        for (size_t i = 0; i < ELEMENTSOF(models); i++) {
                static CardFacts card;
                Rule rule;
                PciAddress named;
                card.n_functions = 1;
                card.functions[0].address = models[i].address;
                card.functions[0].vendor_id = models[i].vendor_id;
                card.functions[0].device_id = models[i].device_id;
                card.functions[0].subsystem_vendor_id = models[i].subsystem_vendor_id;
                card.functions[0].subsystem_device_id = models[i].subsystem_device_id;
                policy_rule(policy, &card, &rule);
                take_rule(verdict, &rule);
                for (size_t k = 0; k < ELEMENTSOF(keys); k++)
                        fuzz_require(policy_origin(policy, &card, keys[k]), "%s has no origin", keys[k]);
                fuzz_require(isempty(rule.name) || policy_find_name(policy, rule.name, &named) == 0,
                             "the name '%s' leads to no card", rule.name);
                /* Nothing that was refused has left a trace, and that is said. */
                fuzz_require(isempty(policy->problems.broken_file) || rule.configuration_broken);
        }
}

void policy_fuzz_text(const uint8_t *data, size_t size, bool is_policy, FuzzVerdict *ret) {
        static char text[CONFIG_FILE_SIZE_MAX + 2];
        _cleanup_(policy_freep) Policy *policy = calloc(1, sizeof(*policy));
        _cleanup_document_ Document document = { 0 };

        if (!policy) {
                ret->error = -ENOMEM;
                return verdict_refuse(ret, "out of memory");
        }
        Report report = { .problems = &policy->problems, .file = "input" };
        size = MIN_OF(size, CONFIG_FILE_SIZE_MAX); /* more than that is refused before it is looked at */
        memcpy(text, data, size);
        text[size] = '\0';

        int r = document_parse(text, size, &report, &document);
        if (r == 0)
                r = check_object(&report, &(Place){ 0 }, is_policy ? OBJECT_POLICY_FILE : OBJECT_QUIRKS_FILE, document.root);
        if (r == 0)
                r = is_policy ? wishes_read(policy, &report, document.root) : quirks_read(policy, &report, document.root);
        if (r == POLICY_E_REFUSED && !is_policy && contests_keep(policy, &report, document.root) < 0)
                r = -ENOMEM;
        fuzz_require(r == 0 || r == POLICY_E_REFUSED || r == -ENOMEM, "%d", r);
        fuzz_require((r == POLICY_E_REFUSED) == (policy->problems.n > 0), "%d with %zu problems", r,
                     policy->problems.n);
        fuzz_require(r == 0 || (policy->n_families == 0 && policy->n_cards == 0), "a refused file counts in part");
        policy_take_problems(ret, policy);
        if (r == -ENOMEM) {
                ret->error = r;
                verdict_refuse(ret, "out of memory");
        }
        verdict_add_value(ret, policy->n_families);
        verdict_add_value(ret, policy->n_cards);
        policy_take_rules(ret, policy);
}
