/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "api-fixture.h"

#include <check.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/address.h"
#include "base/text.h"
#include "gpuswitch/names.h"
#include "private-bus.h"

ApiFixture api_fixture;
static PrivateBus private_bus;

/* --- the manager: one card; whoever asks for something waits --- */

static int view(PciAddress address, GpuView *ret_view, void *userdata) {
        if (address.bus != 1 || address.slot != 0 || address.function > 1)
                return -ENOENT;
        memset(ret_view, 0, sizeof(*ret_view));
        ret_view->address = (PciAddress){ .bus = 1 };
        ret_view->stuck = api_fixture.stuck;
        ret_view->n_evidence = api_fixture.evidence.n_ever;
        memcpy(&ret_view->stuck_detail, &api_fixture.stuck_detail, sizeof(ret_view->stuck_detail));
        return 0;
}

static const EvidenceList *evidence(PciAddress address, void *userdata) {
        return &api_fixture.evidence;
}

static int each_outcome(ResetOutcomeHandler handler, void *handler_userdata, void *userdata) {
        int r = api_fixture.outcomes_error;

        for (size_t i = 0; r >= 0 && i < api_fixture.n_outcomes; i++) {
                ResetOutcome outcome = { .vendor_id = 0x2, .device_id = 0x67df, .kernel = "6.12", .method = "flr" };
                outcome.n_tries = i;
                outcome.n_failures = INT64_MAX;
                memset(outcome.family, 'f', sizeof(outcome.family) - 1);
                r = handler(&outcome, handler_userdata);
        }
        return r;
}

static bool advice(PciAddress address, size_t index, AdviceView *ret_advice, void *userdata) {
        static const AdviceView all[] = {
                { .text = "Give it a ROM, größer.", .xml = "<rom file='x'/>", .source = "a page" },
                { .text = "Take care.", .xml = "", .source = "a book" },
        };

        if (index >= ELEMENTSOF(all))
                return false;
        *ret_advice = all[index];
        return true;
}

static const char *problem(size_t index, char *buffer, size_t size, void *userdata) {
        return NULL;
}

static void take(Request *request, PciAddress address, void *userdata) {
        Waiters *last = &api_fixture.held[ELEMENTSOF(api_fixture.held) - 1];
        Waiters *free_one = api_fixture.held;

        while (free_one->n == WAITERS_MAX && free_one < last)
                free_one++;
        waiters_add(free_one, request, address);
        api_fixture.n_asked++;
}

static void take_recover(Request *request, PciAddress address, RecoverBy by, void *userdata) {
        take(request, address, userdata);
}

static void take_plan(Request *request, PciAddress address, Direction direction, void *userdata) {
        take(request, address, userdata);
}

static void isolation(Request *request, PciAddress address, void *userdata) {
        request_isolation(request, &api_fixture.isolation);
}

static void prepare(Request *request, const char *uuid, const char *name, const PciAddress *addresses, size_t n,
                    void *userdata) {
        take(request, (PciAddress){ .bus = 1 }, userdata);
}

static void release(Request *request, const char *uuid, const char *reason, void *userdata) {
        api_fixture.n_asked++;
        request_done(request);
}

static void domain_event(Request *request, const char *uuid, const char *event, const char *detail, void *userdata) {
        api_fixture.n_asked++;
        request_done(request);
}

static void sync_domains(Request *request, usec_t begun_usec, const RunningDomain *running, size_t n, void *userdata) {
        api_fixture.n_asked++;
        api_fixture.n_running = (unsigned) n;
        request_done(request);
}

static void watch_began(Request *request, usec_t begun_usec, void *userdata) {
        api_fixture.n_asked++;
        api_fixture.watched = true;
        request_done(request);
}

static void watch_ended(void *userdata) {
        api_fixture.watched = false;
        api_fixture.watch_ended = true;
}

static void reload(Request *request, void *userdata) {
        api_fixture.n_asked++;
        request_done(request);
}

static void prepare_for_sleep(bool begin, void *userdata) {
}

static void on_released(void *userdata) {
        api_fixture.n_released++;
}

static const ApiOperations operations = {
        .view = view,
        .evidence = evidence,
        .problem = problem,
        .each_outcome = each_outcome,
        .advice = advice,
        .to_guest = take,
        .to_host = take,
        .reset = take,
        .recover = take_recover,
        .plan = take_plan,
        .isolation = isolation,
        .prepare_domain = prepare,
        .release_domain = release,
        .domain_event = domain_event,
        .sync_domains = sync_domains,
        .watch_began = watch_began,
        .watch_ended = watch_ended,
        .reload = reload,
        .prepare_for_sleep = prepare_for_sleep,
};

/* --- polkit --- */

static int on_check(sd_bus_message *message, void *userdata, sd_bus_error *ret_error) {
        const char *action;

        int r = sd_bus_message_skip(message, "(sa{sv})");
        if (r >= 0)
                r = sd_bus_message_read(message, "s", &action);
        if (r < 0)
                return r;
        (void) text_copy(api_fixture.action, sizeof(api_fixture.action), action);
        sd_bus_message_unref(api_fixture.question);
        api_fixture.question = sd_bus_message_ref(message);
        api_fixture.n_questions++;
        return 1;
}

static int on_cancel(sd_bus_message *message, void *userdata, sd_bus_error *ret_error) {
        api_fixture.n_cancelled++;
        return sd_bus_reply_method_return(message, "");
}

static const sd_bus_vtable polkit_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("CheckAuthorization", "(sa{sv})sa{ss}us", "(bba{ss})", on_check, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("CancelCheckAuthorization", "s", "", on_cancel, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

void api_polkit_answer(bool yes) {
        ck_assert_ptr_nonnull(api_fixture.question);
        ck_assert_int_ge(sd_bus_reply_method_return(api_fixture.question, "(bba{ss})", (int) yes, 0, 0), 0);
        api_fixture.question = sd_bus_message_unref(api_fixture.question);
}

/* --- callers --- */

uid_t api_user(size_t n) {
        struct passwd *entry;
        uid_t uid = 0;

        setpwent();
        while ((entry = getpwent()) && (entry->pw_uid == 0 || n-- > 0))
                continue;
        ck_assert_ptr_nonnull(entry);
        uid = entry->pw_uid;
        endpwent();
        return uid;
}

sd_bus *api_caller(uid_t uid) {
        sd_bus *caller = NULL;
        uid_t self = geteuid();

        ck_assert_int_eq(seteuid(uid), 0);
        ck_assert_int_ge(sd_bus_open_system(&caller), 0);
        ck_assert_int_eq(seteuid(self), 0);
        ck_assert_int_ge(sd_bus_attach_event(caller, api_fixture.event, 0), 0);
        return caller;
}

sd_bus *api_caller_leaves(sd_bus *caller) {
        (void) sd_bus_detach_event(caller);
        return sd_bus_close_unref(caller);
}

static int on_reply(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error) {
        const sd_bus_error *error = sd_bus_message_get_error(reply);
        Call *call = userdata;

        ck_assert_msg(!call->held || !error, "an answer that should not come: %s", error ? error->message : "");
        if (call->held)
                return 0;
        ck_assert(!call->answered);
        call->answered = true;
        call->reply = sd_bus_message_ref(reply);
        if (error) {
                (void) text_format(call->error, sizeof(call->error), "%s", error->name);
                (void) text_format(call->text, sizeof(call->text), "%s", error->message ?: "");
        }
        return 0;
}

void api_send(sd_bus *caller, Call *call, sd_bus_message *message) {
        *call = (Call){ .held = call->held };
        ck_assert_int_ge(sd_bus_call_async(caller, NULL, message, on_reply, call, UINT64_MAX), 0);
        sd_bus_message_unref(message);
}

void api_call(sd_bus *caller, Call *call, bool gpu, const char *member, const char *types, ...) {
        sd_bus_message *message = NULL;
        va_list ap;

        ck_assert_int_ge(sd_bus_message_new_method_call(caller, &message, GPUSWITCH_BUS_NAME,
                                                        gpu ? FIXTURE_GPU_PATH : GPUSWITCH_BUS_PATH,
                                                        gpu ? GPUSWITCH_GPU_INTERFACE : GPUSWITCH_MANAGER_INTERFACE,
                                                        member), 0);
        va_start(ap, types);
        ck_assert_int_ge(sd_bus_message_appendv(message, types, ap), 0);
        va_end(ap);
        api_send(caller, call, message);
}

static int on_changed(sd_bus_message *message, void *userdata, sd_bus_error *ret_error) {
        const char *name;

        api_fixture.signalled[0] = '\0';
        ck_assert_int_ge(sd_bus_message_skip(message, "s"), 0);
        ck_assert_int_ge(sd_bus_message_enter_container(message, 'a', "{sv}"), 0);
        while (sd_bus_message_enter_container(message, 'e', "sv") > 0) {
                ck_assert_int_gt(sd_bus_message_read(message, "s", &name), 0);
                (void) text_append(api_fixture.signalled, sizeof(api_fixture.signalled), "%s ", name);
                ck_assert_int_gt(sd_bus_message_skip(message, "v"), 0);
                ck_assert_int_ge(sd_bus_message_exit_container(message), 0);
        }
        api_fixture.n_signals++;
        return 0;
}

void api_watch_changes(sd_bus *caller) {
        ck_assert_int_ge(sd_bus_match_signal(caller, NULL, NULL, FIXTURE_GPU_PATH, "org.freedesktop.DBus.Properties",
                                             "PropertiesChanged", on_changed, NULL), 0);
}

sd_bus_message *api_get(sd_bus *caller, const char *property, const char *type) {
        sd_bus_message *message = NULL;
        Call call = { 0 };

        ck_assert_int_ge(sd_bus_message_new_method_call(caller, &message, GPUSWITCH_BUS_NAME, FIXTURE_GPU_PATH,
                                                        "org.freedesktop.DBus.Properties", "Get"), 0);
        ck_assert_int_ge(sd_bus_message_append(message, "ss", GPUSWITCH_GPU_INTERFACE, property), 0);
        api_send(caller, &call, message);
        api_run_until(&call.answered);
        ck_assert_str_eq(call.error, "");
        ck_assert_int_gt(sd_bus_message_enter_container(call.reply, 'v', type), 0);
        return call.reply;
}

void api_expect_text(sd_bus_message *message, const char *key, const char *expected) {
        const char *name, *text;

        ck_assert_int_gt(sd_bus_message_read(message, "{sv}", &name, "s", &text), 0);
        ck_assert_str_eq(name, key);
        ck_assert_str_eq(text, expected);
}

void api_run_until(const bool *flag) {
        while (!*flag)
                ck_assert_int_ge(sd_event_run(api_fixture.event, UINT64_MAX), 0);
}

void api_run_until_equal(const unsigned *value, unsigned wanted) {
        while (*value != wanted)
                ck_assert_int_ge(sd_event_run(api_fixture.event, UINT64_MAX), 0);
}

void api_answered(Call *call) {
        api_run_until(&call->answered);
        call->reply = sd_bus_message_unref(call->reply);
}

size_t api_n_held(void) {
        size_t n = 0;

        for (size_t i = 0; i < ELEMENTSOF(api_fixture.held); i++)
                n += api_fixture.held[i].n;
        return n;
}

void api_run_until_held(size_t n) {
        while (api_n_held() != n)
                ck_assert_int_ge(sd_event_run(api_fixture.event, UINT64_MAX), 0);
}

void api_fixture_setup(void) {
        memset(&api_fixture, 0, sizeof(api_fixture));
        private_bus_start(&private_bus);
        ck_assert_int_eq(chmod(private_bus.folder, 0711), 0); /* callers of other users find the socket */
        ck_assert_int_ge(sd_event_new(&api_fixture.event), 0);
        api_fixture.polkit = api_caller(geteuid());
        ck_assert_int_ge(sd_bus_add_object_vtable(api_fixture.polkit, NULL, "/org/freedesktop/PolicyKit1/Authority",
                                                  "org.freedesktop.PolicyKit1.Authority", polkit_vtable, NULL), 0);
        ck_assert_int_ge(sd_bus_request_name(api_fixture.polkit, "org.freedesktop.PolicyKit1", 0), 0);
        ck_assert_int_ge(inhibitors_new(api_fixture.event, on_released, NULL, &api_fixture.inhibitors), 0);
        ck_assert_int_ge(api_bus_new(api_fixture.event, &operations, api_fixture.inhibitors, NULL,
                                     &api_fixture.bus), 0);
        api_bus_gpu_added(api_fixture.bus, (PciAddress){ .bus = 1 });
}

void api_fixture_teardown(void) {
        for (size_t i = 0; i < ELEMENTSOF(api_fixture.held); i++)
                waiters_done(&api_fixture.held[i]);
        api_bus_free(api_fixture.bus);
        inhibitors_free(api_fixture.inhibitors);
        sd_bus_message_unref(api_fixture.question);
        (void) api_caller_leaves(api_fixture.polkit);
        sd_event_unref(api_fixture.event);
        private_bus_stop(&private_bus);
}
