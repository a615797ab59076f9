/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A reset in words. What a plan says of a step names the function, too; here there need not be a card at all. */

#include <inttypes.h>

#include "base/text.h"
#include "client/quirks.h"

static void append_time(char *buffer, size_t size, usec_t usec) {
        if (usec % USEC_PER_SEC == 0)
                (void) text_append(buffer, size, "%" PRIu64 " s", usec / USEC_PER_SEC);
        else if (usec % USEC_PER_MSEC == 0)
                (void) text_append(buffer, size, "%" PRIu64 " ms", usec / USEC_PER_MSEC);
        else
                (void) text_append(buffer, size, "%" PRIu64 " us", usec);
}

static void append_place(char *buffer, size_t size, const RegisterPlace *place) {
        (void) text_append(buffer, size, "register 0x%x", place->address);
        if (place->index_offset | place->data_offset)
                (void) text_append(buffer, size, " behind 0x%x/0x%x", place->index_offset, place->data_offset);
        (void) text_append(buffer, size, " of BAR %u", place->bar);
}

static void append_mask(char *buffer, size_t size, uint32_t mask) {
        if (mask != UINT32_MAX)
                (void) text_append(buffer, size, " (mask 0x%x)", mask);
}

static void append_test(char *buffer, size_t size, const RecipeStep *step) {
        static const char *const words[_REGISTER_TEST_MAX] = {
                [REGISTER_EQUALS] = "is",
                [REGISTER_DIFFERS] = "is not",
                [REGISTER_AT_LEAST] = "is at least",
        };

        append_place(buffer, size, &step->place);
        append_mask(buffer, size, step->mask);
        (void) text_append(buffer, size, " %s 0x%x", words[step->test], step->value);
}

static void register_text(const RecipeStep *step, char *buffer, size_t size) {
        if (step->verb == RECIPE_CHECK_REGISTER) {
                (void) text_copy(buffer, size, "go on only if ");
                append_test(buffer, size, step);
        } else if (step->verb == RECIPE_POLL_REGISTER) {
                (void) text_copy(buffer, size, "wait, at most ");
                append_time(buffer, size, step->timeout_usec);
                (void) text_append(buffer, size, ", until ");
                append_test(buffer, size, step);
        } else if (step->verb == RECIPE_WRITE_REGISTER) {
                (void) text_format(buffer, size, "write 0x%x to ", step->value);
                append_place(buffer, size, &step->place);
                append_mask(buffer, size, step->mask);
        } else {
                (void) text_format(buffer, size, "make bit 0x%x of ", step->mask);
                append_place(buffer, size, &step->place);
                (void) text_append(buffer, size, " differ from bit 0x%x of ", step->other_mask);
                append_place(buffer, size, &step->other);
        }
        if (step->optional)
                (void) text_append(buffer, size, "; without this BAR: left out");
}

const char *recipe_step_text(const RecipeStep *step, char *buffer, size_t size) {
        buffer[0] = '\0';
        switch (step->verb) {
        case RECIPE_SAVE_CONFIG:
                (void) text_copy(buffer, size, "save the configuration space of every function");
                break;
        case RECIPE_WRITE_CONFIG:
                (void) text_format(buffer, size, "write 0x%x at 0x%x of the configuration space", step->value,
                                   step->offset);
                append_mask(buffer, size, step->mask);
                break;
        case RECIPE_CHECK_REGISTER:
        case RECIPE_POLL_REGISTER:
        case RECIPE_WRITE_REGISTER:
        case RECIPE_DIFFER_REGISTER:
                register_text(step, buffer, size);
                break;
        case RECIPE_DELAY:
                (void) text_copy(buffer, size, "wait ");
                append_time(buffer, size, step->delay_usec);
                break;
        case RECIPE_FUNCTION_RESET:
                (void) text_format(buffer, size, "function reset by the kernel, method %s", step->method);
                break;
        case RECIPE_VENDOR_RESET:
                (void) text_copy(buffer, size, "let the kernel module vendor-reset do it");
                break;
        case RECIPE_D3HOT:
                (void) text_copy(buffer, size, "into D3hot and back into D0");
                break;
        case RECIPE_RESTORE_CONFIG:
                (void) text_copy(buffer, size, "restore the configuration space of every function");
                break;
        case RECIPE_VERIFY:
                (void) text_copy(buffer, size, "verify that every function answers, as it was saved");
                break;
        case RECIPE_REMOVE_RESCAN:
                (void) text_copy(buffer, size, "remove every function, and read their bus again");
                break;
        case RECIPE_SUSPEND:
                (void) text_copy(buffer, size, "suspend the machine for ");
                append_time(buffer, size, step->delay_usec);
                break;
        case _RECIPE_VERB_MAX:
        case _RECIPE_VERB_INVALID:
                break;
        }
        return buffer;
}

const char *recovery_text(const Recovery *recovery, char *buffer, size_t size) {
        buffer[0] = '\0';
        if (recovery->suspend_usec > 0) {
                (void) text_copy(buffer, size, "--suspend (the machine sleeps for ");
                append_time(buffer, size, recovery->suspend_usec);
                (void) text_append(buffer, size, ")");
        }
        if (recovery->remove_rescan)
                (void) text_append(buffer, size, "%s--rescan (the card is taken off its bus, and the bus read again)",
                                   isempty(buffer) ? "" : ", ");
        if (isempty(buffer))
                (void) text_copy(buffer, size, "nothing but a look at the card");
        return buffer;
}

static bool has_verb(const Recipe *recipe, RecipeVerb verb) {
        for (size_t i = 0; i < recipe->n_steps; i++)
                if (recipe->steps[i].verb == verb)
                        return true;
        return false;
}

const char *recipe_conditions_text(const Recipe *recipe, const Rule *rule, char *buffer, size_t size) {
        buffer[0] = '\0';
        if (recipe->experimental)
                (void) text_append(buffer, size, "not proven on this family: %s; ",
                                   rule->allow_experimental ? "policy allows it"
                                                            : "runs only if policy has \"allow\": [\"experimental\"]");
        if (!recipe->before_guest)
                (void) text_append(buffer, size, "only by `gpuswitchctl reset`: on the way to a guest somebody else does it; ");
        else if (!isempty(recipe->after_driver))
                (void) text_append(buffer, size, "after %s has had the card; ", recipe->after_driver);
        if (recipe->needs_guard)
                (void) text_append(buffer, size, "only under a guard; ");
        if (has_verb(recipe, RECIPE_VENDOR_RESET))
                (void) text_append(buffer, size, "only with the kernel module vendor-reset loaded; ");
        if (isempty(buffer))
                (void) text_copy(buffer, size, "whenever a guest gets the card; ");
        buffer[strlen(buffer) - 2] = '\0';
        return buffer;
}
