/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A card as people see it. */

#include <string.h>

#include "base/text.h"
#include "manager/internal.h"

Owner card_owner_shown(const Card *card) {
        if (card->operation && !card->operation->question)
                return OWNER_SWITCHING;
        /* What an earlier daemon left, or a way home that is about to begin: not at rest. */
        if (!card->stuck && (card->unfinished || card->stuck_watch ||
                             (card->wants_home && !card->home_timer && !lease_is_held(&card->lease))))
                return OWNER_SWITCHING;
        /* Nobody can use a lost card, whatever driver it hangs on. */
        if (card->state == RESET_STATE_FAILED && !lease_has_domain(&card->lease))
                return OWNER_NONE;
        return card_owner(&card->facts);
}

static void view_operation(const Operation *operation, OperationView *view) {
        bool back = operation->phase == OPERATION_UNDOING || operation->phase == OPERATION_TAIL;
        const Plan *plan = back ? &operation->back : &operation->plan;
        bool steps = back || operation->phase == OPERATION_RUNNING;

        view->running = true;
        (void) text_copy(view->id, sizeof(view->id), operation->id);
        view->direction = operation->direction;
        view->undoing = operation->phase == OPERATION_UNDOING;
        (void) text_copy(view->domain, sizeof(view->domain), operation->domain_name);
        if (steps && operation->index < plan->n_steps) {
                view->step = (unsigned) operation->index + 1;
                view->n_steps = (unsigned) plan->n_steps;
                step_describe(&plan->steps[operation->index], view->description, sizeof(view->description));
        } else if (operation->phase == OPERATION_DELAYED)
                inhibit_describe_delay(operation, view->description, sizeof(view->description));
        else
                (void) text_copy(view->description, sizeof(view->description), "look at the card and plan");
}

static void view_function(const FunctionFacts *function, FunctionView *view) {
        view->address = function->address;
        view->role = function->role;
        (void) text_copy(view->driver, sizeof(view->driver), function->driver);
}

/* What was put together of other people's words may have been cut in the middle of a character, and the bus takes no such
 * text, nor the properties beside it. */
static void make_texts_whole(GpuView *view) {
        StuckView *detail = &view->stuck_detail;
        char *const texts[] = { view->name,   view->reason, view->stuck_reason, view->operation.description,
                                view->reboots, detail->step, detail->action,     detail->kernel_function,
                                detail->kernel_stack };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                (void) text_make_utf8(texts[i]);
        for (size_t i = 0; i < detail->n_holders; i++)
                (void) text_make_utf8(detail->holders[i]);
        for (size_t i = 0; i < detail->n_help; i++)
                (void) text_make_utf8(detail->help[i]);
}

void card_view(const Card *card, GpuView *ret_view) {
        const FunctionFacts *display = &card->facts.functions[0];

        /* Compared byte by byte by the bus coat: no padding may stay undefined. */
        memset(ret_view, 0, sizeof(*ret_view));
        ret_view->address = card->address;
        (void) text_copy(ret_view->name, sizeof(ret_view->name),
                         isempty(card->rule.name) ? card->name : card->rule.name);
        ret_view->vendor_id = display->vendor_id;
        ret_view->device_id = display->device_id;
        ret_view->reset_state = card->state;
        (void) text_copy(ret_view->reason, sizeof(ret_view->reason), card->reason);
        ret_view->n_evidence = card->evidence.n_ever;
        ret_view->owner = card_owner_shown(card);
        ret_view->stuck = card->stuck;
        (void) text_copy(ret_view->stuck_reason, sizeof(ret_view->stuck_reason), card->stuck_reason);
        memcpy(&ret_view->stuck_detail, &card->stuck_detail, sizeof(ret_view->stuck_detail));
        (void) text_copy(ret_view->family, sizeof(ret_view->family), card->rule.family);
        ret_view->iommu_group = display->iommu_group;
        (void) text_copy(ret_view->domain_name, sizeof(ret_view->domain_name), card->lease.domain_name);
        (void) text_copy(ret_view->domain_uuid, sizeof(ret_view->domain_uuid), card->lease.domain_uuid);
        ret_view->leased_by_hand = card->lease.by_hand;
        if (card->operation && !card->operation->question)
                view_operation(card->operation, &ret_view->operation);
        ret_view->guard = card_owner(&card->facts) == OWNER_GUEST ? card_guard_in_force(card) : GUARD_NONE;
        ret_view->return_to = card->rule.return_to;
        budget_view(card, ret_view);
        ret_view->recovers_by_suspend = card->rule.recovery.suspend_usec > 0;
        ret_view->recovers_by_rescan = card->rule.recovery.remove_rescan;
        ret_view->n_functions = card->facts.n_functions;
        for (size_t i = 0; i < card->facts.n_functions; i++)
                view_function(&card->facts.functions[i], &ret_view->functions[i]);
        ret_view->n_fellows = card->facts.n_fellows;
        for (size_t i = 0; i < card->facts.n_fellows; i++)
                view_function(&card->facts.fellows[i].function, &ret_view->fellows[i]);
        make_texts_whole(ret_view);
}
