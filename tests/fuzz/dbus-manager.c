/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "dbus-manager.h"

#include <string.h>

#include "api/waiters.h"
#include "base/address.h"
#include "base/text.h"

#define CARDS 2U

typedef enum Answer { ANSWER_DONE, ANSWER_REFUSE, ANSWER_BAD_ARGUMENT, ANSWER_LATER, _ANSWER_MAX } Answer;

static struct {
        ApiBus *api;
        GpuView views[CARDS];
        Answer answer;
        Refusal refusal;
        char text[256];
        Waiters late;
        FuzzVerdict asked; /* only its digest */
} manager;

void manager_reset(ApiBus *api) {
        manager.api = api;
        for (size_t i = 0; i < CARDS; i++) {
                GpuView *view = &manager.views[i];
                memset(view, 0, sizeof(*view));
                view->address = (PciAddress){ .bus = (uint8_t) (i + 1) };
                (void) text_copy(view->name, sizeof(view->name), "Ellesmere [Radeon RX 470/480]");
                (void) text_copy(view->family, sizeof(view->family), "amd-polaris");
                (void) text_copy(view->reason, sizeof(view->reason), "first sight");
                view->n_functions = 2;
                api_bus_gpu_added(api, view->address);
        }
}

void manager_choose_mood(Choices *choices) {
        manager.answer = (Answer) (choose_byte(choices) % _ANSWER_MAX);
        manager.text[0] = '\0';
        if (manager.answer != ANSWER_REFUSE)
                return;
        uint8_t code = choose_byte(choices);
        (void) choose_text(choices, manager.text, sizeof(manager.text));
        /* What a manager has comes from the bus, from XML or from files that were looked at: always UTF-8. */
        if (!fuzz_is_utf8(manager.text))
                (void) text_copy(manager.text, sizeof(manager.text), "pipewire (pid 812)");
        (void) refusal_set(&manager.refusal, (RefusalCode) (code % _REFUSAL_CODE_MAX), (PciAddress){ .bus = 1, .function = 1 },
                           manager.text, manager.text);
        manager.refusal.state = RESET_STATE_PREFAIL;
}

static void answer(Request *request) {
        switch (manager.answer) {
        case ANSWER_REFUSE:
                return request_refuse(request, &manager.refusal);
        case ANSWER_BAD_ARGUMENT:
                return request_bad_argument(request, "not so");
        case ANSWER_LATER:
                return waiters_add(&manager.late, request, (PciAddress){ .bus = 1 });
        case ANSWER_DONE:
        case _ANSWER_MAX:
                return request_done(request);
        }
}

void manager_answer_late(void) {
        waiters_done(&manager.late);
}

void manager_take(FuzzVerdict *verdict) {
        verdict_add_value(verdict, manager.asked.digest);
        manager.asked.digest = 0;
}

static GpuView *view_of(PciAddress address) {
        for (size_t i = 0; i < CARDS; i++)
                if (address_equal(manager.views[i].address, address))
                        return &manager.views[i];
        return NULL;
}

static int on_view(PciAddress address, GpuView *ret_view, void *userdata) {
        const GpuView *view = view_of(address);

        if (!view)
                return -ENOENT;
        *ret_view = *view;
        return 0;
}

static const EvidenceList *on_evidence(PciAddress address, void *userdata) {
        static const EvidenceList list = { .n = 1, .entries = { { .from = _RESET_STATE_INVALID, .event = _CARD_EVENT_INVALID } } };

        return view_of(address) ? &list : NULL;
}

static int on_each_outcome(ResetOutcomeHandler handler, void *handler_userdata, void *userdata) {
        static const ResetOutcome outcome = { .vendor_id = 0x1002, .family = "größer", .kernel = "6.12", .method = "flr" };

        return manager.answer == ANSWER_REFUSE ? -EIO : handler(&outcome, handler_userdata);
}

static bool on_advice(PciAddress address, size_t index, AdviceView *ret_advice, void *userdata) {
        *ret_advice = (AdviceView){ .text = "größer", .xml = "", .source = "a page" };
        return view_of(address) && index < 2;
}

static const char *on_problem(size_t index, char *buffer, size_t size, void *userdata) {
        return index < 2 ? "/etc/gpuswitch/policy.d/10.json: line 3: unexpected \"/\"" : NULL;
}

/* The state of a card changes with each call, so that change signals are made as well. */
static void on_card(Request *request, PciAddress address, void *userdata) {
        GpuView *view = view_of(address);

        fuzz_require(view, "%s is no card", ADDRESS_TEXT(address));
        verdict_add_value(&manager.asked, address.bus);
        view->owner = (Owner) ((view->owner + 1) % _OWNER_MAX);
        api_bus_gpu_changed(manager.api, address);
        answer(request);
}

static void on_card_recover(Request *request, PciAddress address, RecoverBy by, void *userdata) {
        on_card(request, address, userdata);
}

static void on_isolation(Request *request, PciAddress address, void *userdata) {
        static const Isolation isolation;

        request_isolation(request, &isolation);
}

static void on_plan(Request *request, PciAddress address, Direction direction, void *userdata) {
        static Plan plan;

        fuzz_require(direction >= 0 && direction < _DIRECTION_MAX);
        fuzz_require(view_of(address));
        verdict_add_value(&manager.asked, direction);
        if (manager.answer == ANSWER_REFUSE || manager.answer == ANSWER_BAD_ARGUMENT)
                return answer(request);
        plan.n_steps = _STEP_KIND_MAX;
        for (size_t i = 0; i < plan.n_steps; i++)
                plan.steps[i] = (Step){ .kind = (StepKind) i, .address = address, .n_registers = 2,
                                        .registers = { { .offset = 0x10, .width = 4 }, { .offset = 4, .width = 2 } } };
        request_plan(request, &plan);
}

static void require_domain(const char *uuid, const char *name, const PciAddress *addresses, size_t n) {
        fuzz_require(text_is_uuid(uuid), "'%s' is no UUID", uuid);
        fuzz_require(fuzz_is_utf8(name), "the name is no UTF-8 any more");
        fuzz_require(n <= DOMAIN_ADDRESSES_MAX);
        verdict_add(&manager.asked, uuid, strlen(uuid));
        verdict_add(&manager.asked, name, strlen(name));
        for (size_t i = 0; i < n; i++) {
                fuzz_require(addresses[i].slot < 32 && addresses[i].function < 8);
                verdict_add_value(&manager.asked, addresses[i].bus);
        }
}

static void on_prepare_domain(Request *request, const char *uuid, const char *name, const PciAddress *addresses, size_t n,
                              void *userdata) {
        require_domain(uuid, name, addresses, n);
        for (size_t i = 0; i < n; i++) {
                GpuView *view = view_of(addresses[i]);
                if (!view)
                        continue;
                /* As the real one takes it into a lease. */
                if (text_copy(view->domain_name, sizeof(view->domain_name), name) < 0)
                        return request_bad_argument(request, "the name is too long");
                (void) text_copy(view->domain_uuid, sizeof(view->domain_uuid), uuid);
                api_bus_gpu_changed(manager.api, view->address);
        }
        answer(request);
}

static void on_release_domain(Request *request, const char *uuid, const char *reason, void *userdata) {
        require_domain(uuid, reason, NULL, 0);
        for (size_t i = 0; i < CARDS; i++) {
                manager.views[i].domain_uuid[0] = manager.views[i].domain_name[0] = '\0';
                api_bus_gpu_changed(manager.api, manager.views[i].address);
        }
        answer(request);
}

static void on_domain_event(Request *request, const char *uuid, const char *event, const char *detail, void *userdata) {
        require_domain(uuid, event, NULL, 0);
        verdict_add(&manager.asked, detail, strlen(detail));
        answer(request);
}

static void on_sync_domains(Request *request, usec_t begun_usec, const RunningDomain *running, size_t n, void *userdata) {
        fuzz_require(n <= DOMAINS_MAX);
        for (size_t i = 0; i < n; i++) {
                fuzz_require(memchr(running[i].name, '\0', sizeof(running[i].name)));
                require_domain(running[i].uuid, running[i].name, running[i].addresses, running[i].n_addresses);
        }
        verdict_add_value(&manager.asked, begun_usec);
        answer(request);
}

static void on_watch_began(Request *request, usec_t begun_usec, void *userdata) {
        verdict_add_value(&manager.asked, begun_usec);
        api_bus_reboots_used_up(manager.api, "11111111-2222-3333-4444-555555555555");
        answer(request);
}

static void on_watch_ended(void *userdata) {
}

static void on_reload(Request *request, void *userdata) {
        answer(request);
}

static void prepare_for_sleep(bool begin, void *userdata) {
}

const ApiOperations manager_operations = {
        .view = on_view,
        .evidence = on_evidence,
        .problem = on_problem,
        .each_outcome = on_each_outcome,
        .advice = on_advice,
        .to_guest = on_card,
        .to_host = on_card,
        .reset = on_card,
        .recover = on_card_recover,
        .plan = on_plan,
        .isolation = on_isolation,
        .prepare_domain = on_prepare_domain,
        .release_domain = on_release_domain,
        .domain_event = on_domain_event,
        .sync_domains = on_sync_domains,
        .watch_began = on_watch_began,
        .watch_ended = on_watch_ended,
        .reload = on_reload,
        .prepare_for_sleep = prepare_for_sleep,
};
