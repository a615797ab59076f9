/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The way to the guest: companions first, then what goes along by policy, the display function last. The reset happens while the
 * display function has no driver and the companions are already where they guard it: nobody holds the
 * vfio group then, so no cached interrupt vector can be lost (linux-kernel, "vfio/pci: Restore MSIx message
 * prior to enabling", May 2014), and no bus reset can meet a card that the recipe has armed.
 */

#include "base/text.h"
#include "core/fellow.h"
#include "core/plan-recipe.h"
#include "core/viability.h"
#include "gpuswitch/names.h"

/* Where a companion goes. */
typedef enum CompanionPlace {
        COMPANION_VFIO,   /* the bus reset is wanted, or the VM gets the companion */
        COMPANION_STUB,   /* guard */
        COMPANION_PINNED, /* guard without the module pci-stub */
} CompanionPlace;

/* In prefail the bus reset that a family wants would be its last. */
static bool guard_is_wanted(const Rule *rule, const GuestRequest *request) {
        return rule->bus_reset == BUS_RESET_FORBIDDEN || request->state == RESET_STATE_PREFAIL;
}

static CompanionPlace companion_place(const CardFacts *card, const MachineFacts *machine, const Rule *rule,
                                      const GuestRequest *request) {
        if (!guard_is_wanted(rule, request) || !viability_can_guard(card, request))
                return COMPANION_VFIO;
        return machine->stub_driver_loaded ? COMPANION_STUB : COMPANION_PINNED;
}

/* What the guard module is told, and what guards the card then. */
typedef struct GuardChoice {
        Guard guard;
        bool set;
        bool clear;
} GuardChoice;

/* The module is asked only where no companion can do it and the kernel does not by itself. */
static GuardChoice choose_guard(const CardFacts *card, const MachineFacts *machine, const Rule *rule,
                                const GuestRequest *request, CompanionPlace place) {
        bool wanted = guard_is_wanted(rule, request), kernel = card_kernel_guards(card, machine, rule);
        GuardChoice choice = { .clear = card->module_guarded && !wanted };

        choice.set = wanted && !card->module_guarded && !kernel && place == COMPANION_VFIO &&
                     machine->guard_module_loaded;
        choice.guard = choice.set || (card->module_guarded && wanted) ? GUARD_MODULE
                       : kernel                                       ? GUARD_KERNEL
                       : place == COMPANION_STUB                      ? GUARD_STUB_COMPANION
                       : place == COMPANION_PINNED                    ? GUARD_PINNED_COMPANION
                                                                      : GUARD_NONE;
        return choice;
}

static void add_checks(PlanBuilder *builder, const CardFacts *card, const Rule *rule) {
        for (size_t i = 0; i < card->n_functions; i++) {
                const FunctionFacts *function = &card->functions[i];
                bool wanted = function->role == FUNCTION_ROLE_AUDIO ||
                              (function->role == FUNCTION_ROLE_DISPLAY && !rule->allow_holders);
                if (wanted && driver_is_host(function->driver))
                        plan_add(builder, STEP_NODES_FREE, function->address);
        }
}

/* Function @function to @driver ("": none); @override keeps it there. */
static void add_leave(PlanBuilder *builder, const FunctionFacts *function, const char *override,
                      const char *driver) {
        bool leaves = !isempty(function->driver) && !streq(function->driver, driver);

        /* Before every unbind, even when it is there already: the undo of the unbind aims it elsewhere. */
        if (leaves || !streq(function->survey.driver_override, override))
                plan_add_text(builder, STEP_SET_OVERRIDE, function->address, override,
                              function->survey.driver_override);
        if (leaves)
                plan_add_driver(builder, STEP_UNBIND, function, function->driver);
}

static void add_bind(PlanBuilder *builder, const FunctionFacts *function, const char *driver) {
        if (!isempty(driver) && !streq(function->driver, driver))
                plan_add_driver(builder, STEP_BIND, function, driver);
}

/*
 * Nobody may have the group of a companion that leaves vfio, nor of one that stays while the card is reset. A device that goes along and
 * is on vfio already may be in another machine: then this one could not start, and the card would wait for that one on its way home.
 */
static void add_group_free(PlanBuilder *builder, const CardFacts *card, bool companions, bool fellows) {
        size_t first = builder->plan->n_steps;

        if (companions)
                plan_add_group_free(builder, card, 0, card->n_functions);
        if (fellows)
                plan_add_group_free(builder, card, card->n_functions, card_n_parts(card));
        for (size_t i = first; i < builder->plan->n_steps; i++)
                builder->plan->steps[i].timeout_usec = GROUP_FREE_GUEST_TIMEOUT_USEC;
}

static bool companion_on_vfio(const CardFacts *card) {
        for (size_t i = 1; i < card->n_functions; i++)
                if (driver_is_guest(card->functions[i].driver))
                        return true;
        return false;
}

/* What went along by an earlier policy is with the guests already, and nothing more is done to it. */
static bool part_goes(const CardFacts *card, const Rule *rule, size_t index) {
        return index < card->n_functions || fellow_rule(rule, card_part_const(card, index)->address);
}

/* The methods that a guest could reset it by are narrowed before it has a chance. */
static void add_fellows(PlanBuilder *builder, const CardFacts *card, const Rule *rule) {
        for (size_t i = 0; i < card->n_fellows; i++) {
                const FunctionFacts *function = &card->fellows[i].function;
                const FellowRule *wish = fellow_rule(rule, function->address);
                const char *method = wish ? fellow_method(wish, function) : "";
                if (!wish)
                        continue;
                if (!isempty(method) && !streq(method, function->survey.reset_method))
                        plan_add_text(builder, STEP_SET_METHOD, function->address, method, function->survey.reset_method);
                if (driver_is_guest(function->driver))
                        continue;
                add_leave(builder, function, DRIVER_VFIO_PCI, DRIVER_VFIO_PCI);
                add_bind(builder, function, DRIVER_VFIO_PCI);
        }
}

int plan_to_guest(const CardFacts *card, const MachineFacts *machine, const Rule *rule,
                  const GuestRequest *request, Plan *ret_plan, Refusal *reterr_refusal) {
        static const char *const overrides[] = { DRIVER_VFIO_PCI, DRIVER_PCI_STUB, OVERRIDE_PINNED };
        static const char *const drivers[] = { DRIVER_VFIO_PCI, DRIVER_PCI_STUB, "" };
        const FunctionFacts *display = &card->functions[0];
        bool variant = driver_is_guest(display->driver); /* stays: libvirt may want it, and a VM may hold what is on vfio */
        PlanBuilder builder = { .plan = ret_plan };
        const Recipe *recipe = NULL;

        int r = viability_check(card, machine, rule, request, reterr_refusal);
        if (r != 0)
                return r;

        CompanionPlace place = companion_place(card, machine, rule, request);
        GuardChoice choice = choose_guard(card, machine, rule, request, place);
        /* A card that is on vfio-pci already had it when it came. */
        if (!variant)
                r = recipe_choose(card, machine, rule, request, choice.guard, false, &recipe, reterr_refusal);
        if (r != 0)
                return r;
        *ret_plan = (Plan){ .direction = DIRECTION_GUEST, .guard = choice.guard };

        plan_add_fellows(&builder, card);
        add_checks(&builder, card, rule);
        add_group_free(&builder, card, (place != COMPANION_VFIO || recipe) && companion_on_vfio(card), !variant);
        if (choice.set || choice.clear)
                plan_add_guard(&builder, choice.set ? STEP_GUARD_SET : STEP_GUARD_CLEAR, card);
        for (size_t i = 0; i < card_n_parts(card); i++) {
                const FunctionFacts *part = card_part_const(card, i);
                if (part_goes(card, rule, i) && streq(part->survey.d3cold_allowed, "1"))
                        plan_add_text(&builder, STEP_SET_D3COLD, part->address, "0", "1");
        }
        for (size_t i = 1; i < card->n_functions; i++) {
                if (place == COMPANION_VFIO && driver_is_guest(card->functions[i].driver))
                        continue;
                add_leave(&builder, &card->functions[i], overrides[place], drivers[place]);
                add_bind(&builder, &card->functions[i], drivers[place]);
        }
        add_fellows(&builder, card, rule);

        if (!variant) {
                add_leave(&builder, display, DRIVER_VFIO_PCI, DRIVER_VFIO_PCI);
                if (recipe)
                        plan_add_recipe(&builder, card, recipe);
                plan_add(&builder, STEP_ALIVE, display->address);
                add_bind(&builder, display, DRIVER_VFIO_PCI);
        }
        /* vfio_pci_core_register_device() sets power/control to auto: after every bind, put it on. */
        for (size_t i = 0; i < card_n_parts(card); i++) {
                const FunctionFacts *part = card_part_const(card, i);
                bool to_vfio = place == COMPANION_VFIO || i >= card->n_functions;
                bool binds = i == 0 ? !variant : to_vfio && !driver_is_guest(part->driver);
                if (part_goes(card, rule, i) && !isempty(part->survey.power_control) &&
                    (binds || !streq(part->survey.power_control, "on")))
                        plan_add_text(&builder, STEP_SET_POWER, part->address, "on", part->survey.power_control);
        }
        return plan_finish(&builder, display->address, reterr_refusal);
}
