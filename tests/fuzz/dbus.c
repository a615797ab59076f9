/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * D-Bus calls against the real api/, with a manager that answers as the input says. The bus is a socket pair: what a
 * bus daemon would refuse cannot be sent anyway, since sd-bus on the caller's side refuses the same.
 *
 * The input is a list of calls: who calls, which object and method, the manager's mood, and the arguments, of the right
 * signature or of another one. Whatever is called, with whatever arguments: each call gets exactly one answer, and
 * the connection stays. Accepted: all calls were answered without an error.
 */

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-bus.h>

#include "allocations.h"
#include "api/bus.h"
#include "base/address.h"
#include "base/text.h"
#include "dbus-manager.h"
#include "fuzz.h"
#include "gpuswitch/names.h"

#define CALLS_MAX 8U
#define DEPTH_MAX 8U
#define SIGNATURE_SIZE 64U

static struct {
        sd_event *event;
        sd_bus *service, *caller;
        ApiBus *api;
        Inhibitors *inhibitors;
        uid_t uid;            /* of the caller, as the service is told */
        uint8_t polkit_mood;  /* 0 yes, 1 no, 2 challenge, 3 an error, 4 something else */
        uint64_t waiting[CALLS_MAX];
        size_t n_waiting;
        size_t n_silent; /* calls that want no answer: nobody can tell whether they arrived */
        bool is_up;
        FuzzVerdict *verdict;
} world;

static const struct {
        const char *interface, *member, *signature;
} methods[] = {
        { GPUSWITCH_MANAGER_INTERFACE, "PrepareDomain", "ssas" },
        { GPUSWITCH_MANAGER_INTERFACE, "ReleaseDomain", "ss" },
        { GPUSWITCH_MANAGER_INTERFACE, "DomainEvent", "sss" },
        { GPUSWITCH_MANAGER_INTERFACE, "SyncDomains", "ta(ssas)" },
        { GPUSWITCH_MANAGER_INTERFACE, "Reload", "" },
        { GPUSWITCH_GPU_INTERFACE, "ToGuest", "a{sv}" },
        { GPUSWITCH_GPU_INTERFACE, "ToHost", "a{sv}" },
        { GPUSWITCH_GPU_INTERFACE, "Reset", "a{sv}" },
        { GPUSWITCH_GPU_INTERFACE, "Recover", "a{sv}" },
        { GPUSWITCH_GPU_INTERFACE, "Plan", "s" },
        { "org.freedesktop.DBus.Properties", "Get", "ss" },
        { "org.freedesktop.DBus.Properties", "GetAll", "s" },
        { "org.freedesktop.DBus.Properties", "Set", "ssv" },
        { "org.freedesktop.DBus.ObjectManager", "GetManagedObjects", "" },
        { "org.freedesktop.DBus.Introspectable", "Introspect", "" },
        { "org.freedesktop.DBus.Peer", "Ping", "" },
        { GPUSWITCH_MANAGER_INTERFACE, "Inhibit", "ssss" },
        { GPUSWITCH_MANAGER_INTERFACE, "ListInhibitors", "" },
        { GPUSWITCH_MANAGER_INTERFACE, "Outcomes", "" },
        { GPUSWITCH_MANAGER_INTERFACE, "WatchBegan", "t" },
        { GPUSWITCH_MANAGER_INTERFACE, "WatchEnded", "" },
};

/* Words that get past the first look; the first ones are what is left when an input has ended. */
static const char *const words[] = {
        "0000:01:00.0", "11111111-2222-3333-4444-555555555555", "", "guest", "host", "win11",
        GPUSWITCH_GPU_INTERFACE, GPUSWITCH_MANAGER_INTERFACE, "Domain", "Functions", "Problems", "Operation",
        "Reason", "0000:02:00.0", "10000:e1:00.0", "started", "größer",
        /* 300 bytes, of which no even number is the end of a character */
        "x""ääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääää"
        "ääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääää"
        "ääääääääääääääää",
        "StuckReason", "Address", "VendorId", "ReturnTo", "IommuGroup", "/", "block", "delay", "Evidence",
};

int __wrap_sd_bus_request_name(sd_bus *bus, const char *name, uint64_t flags);
int __wrap_sd_bus_request_name(sd_bus *bus, const char *name, uint64_t flags) {
        return 0;
}

/* A socket pair knows no senders but the one that the caller writes. */
int __wrap_sd_bus_query_sender_creds(sd_bus_message *message, uint64_t mask, sd_bus_creds **ret_creds);
int __wrap_sd_bus_query_sender_creds(sd_bus_message *message, uint64_t mask, sd_bus_creds **ret_creds) {
        *ret_creds = NULL;
        return 0;
}

int __wrap_sd_bus_creds_get_pid(sd_bus_creds *creds, pid_t *ret_pid);
int __wrap_sd_bus_creds_get_pid(sd_bus_creds *creds, pid_t *ret_pid) {
        *ret_pid = 4711;
        return 0;
}

int __wrap_sd_bus_creds_get_euid(sd_bus_creds *creds, uid_t *ret_uid);
int __wrap_sd_bus_creds_get_euid(sd_bus_creds *creds, uid_t *ret_uid) {
        *ret_uid = world.uid;
        return 0;
}

int __wrap_sd_bus_open_system(sd_bus **ret_bus);
int __wrap_sd_bus_open_system(sd_bus **ret_bus) {
        if (!world.service)
                return -ENOENT;
        *ret_bus = TAKE_PTR(world.service);
        return 0;
}

static int answer_polkit(sd_bus_message *message) {
        static const char *const other[] = { "", "s", "(bb)", "(ssa{ss})" };

        switch (world.polkit_mood % 8) {
        case 0:
                return sd_bus_reply_method_return(message, "(bba{ss})", 1, 0, 0);
        case 1:
                return sd_bus_reply_method_return(message, "(bba{ss})", 0, 0, 0);
        case 2:
                return sd_bus_reply_method_return(message, "(bba{ss})", 0, 1, 1, "polkit.retains", "1");
        case 3:
                return sd_bus_reply_method_errorf(message, SD_BUS_ERROR_SERVICE_UNKNOWN, "no polkit");
        default:
                return sd_bus_reply_method_return(message, other[world.polkit_mood % 4], "text", "text", 0);
        }
}

static void take_answer(sd_bus_message *message) {
        const sd_bus_error *error = sd_bus_message_get_error(message);
        uint64_t cookie = 0;
        size_t i = 0;

        (void) sd_bus_message_get_reply_cookie(message, &cookie);
        while (i < world.n_waiting && world.waiting[i] != cookie)
                i++;
        fuzz_require(i < world.n_waiting, "a second answer, or one to nobody");
        world.waiting[i] = world.waiting[--world.n_waiting];
        if (!error)
                return;
        fuzz_require(!isempty(error->name) && !isempty(error->message), "%s without a text", error->name ?: "?");
        verdict_refuse(world.verdict, "%s: %s", error->name, error->message);
}

static int on_message(sd_bus_message *message, void *userdata, sd_bus_error *ret_error) {
        uint8_t type;

        if (sd_bus_message_get_type(message, &type) < 0)
                return 0;
        if (type == SD_BUS_MESSAGE_METHOD_CALL)
                (void) answer_polkit(message);
        else if (type != SD_BUS_MESSAGE_SIGNAL)
                take_answer(message);
        return 1;
}

/* Only the service, once it is there, is held to failing allocations. */
static void service_acts(void) {
        allocations_go_on(world.is_up);
        for (int i = 0; i < 64 && sd_event_run(world.event, 0) > 0; i++)
                continue;
        allocations_go_on(false);
}

/* Return: did anything happen on the caller's side? */
static bool caller_acts(void) {
        bool acted = false;

        for (int i = 0; i < 64 && sd_bus_process(world.caller, NULL) > 0; i++)
                acted = true;
        return acted;
}

static void settle(void) {
        int idle = 0;

        for (int i = 0; i < 200 && idle < 2; i++) {
                service_acts();
                idle = caller_acts() ? 0 : idle + 1;
        }
}

static void on_released(void *userdata) {
}

static void world_end(void) {
        world.is_up = false;
        manager_answer_late();
        /* As when the bus goes: the service notices by itself, and ends what waits for polkit. */
        world.caller = sd_bus_close_unref(world.caller);
        for (int i = 0; i < 8; i++)
                service_acts();
        world.api = api_bus_free(world.api);
        world.inhibitors = inhibitors_free(world.inhibitors);
        world.service = sd_bus_unref(world.service);
        world.event = sd_event_unref(world.event);
        world.n_waiting = 0;
}

static void world_begin(void) {
        int fds[2];
        sd_id128_t id = SD_ID128_MAKE(11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11, 11);

        fuzz_require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0, "%m");
        fuzz_require(sd_event_new(&world.event) >= 0 && sd_bus_new(&world.service) >= 0 && sd_bus_new(&world.caller) >= 0);
        fuzz_require(sd_bus_set_fd(world.service, fds[0], fds[0]) >= 0 && sd_bus_set_server(world.service, 1, id) >= 0 &&
                     sd_bus_set_anonymous(world.service, 1) >= 0 && sd_bus_start(world.service) >= 0);
        fuzz_require(sd_bus_set_fd(world.caller, fds[1], fds[1]) >= 0 && sd_bus_set_anonymous(world.caller, 1) >= 0 &&
                     sd_bus_start(world.caller) >= 0);
        fuzz_require(sd_bus_add_filter(world.caller, NULL, on_message, NULL) >= 0);
        fuzz_require(inhibitors_new(world.event, on_released, NULL, &world.inhibitors) >= 0);
        fuzz_require(api_bus_new(world.event, &manager_operations, world.inhibitors, NULL, &world.api) >= 0);
        manager_reset(world.api);
        settle();
        fuzz_require(sd_bus_is_ready(world.caller) > 0 && api_bus_connection(world.api), "no connection");
        world.is_up = true;
}

/* Behind one complete type; NULL when there is none. sd-bus would build a message with "()" in it, and a bus daemon cut off
 * who sends that. */
static const char *skip_type(const char *signature, unsigned depth) {
        const char *end = signature;

        if (depth > DEPTH_MAX || *signature == '\0')
                return NULL;
        if (strchr("ybnqiuxtdsogv", signature[0]))
                return signature + 1;
        if (signature[0] == 'a' && signature[1] == '{') {
                if (signature[2] == '\0' || !strchr("ybnqiuxtdsog", signature[2]))
                        return NULL;
                end = skip_type(signature + 3, depth + 1);
                return end && *end == '}' ? end + 1 : NULL;
        }
        if (signature[0] == 'a')
                return skip_type(signature + 1, depth + 1);
        if (signature[0] != '(')
                return NULL;
        for (end = signature + 1; end && *end != ')';)
                end = skip_type(end, depth + 1);
        return end && end > signature + 1 ? end + 1 : NULL;
}

static bool is_signature(const char *signature) {
        while (signature && *signature != '\0')
                signature = skip_type(signature, 0);
        return signature;
}

static int append_values(sd_bus_message *message, Choices *choices, const char *signature, unsigned depth);

static int append_text(sd_bus_message *message, Choices *choices, char type) {
        char text[256];
        uint8_t word = choose_byte(choices);

        if (word < ELEMENTSOF(words))
                return sd_bus_message_append_basic(message, type, words[word]);
        (void) choose_text(choices, text, sizeof(text));
        return sd_bus_message_append_basic(message, type, text);
}

static int append_container(sd_bus_message *message, Choices *choices, char type, const char *content, unsigned depth) {
        int r = sd_bus_message_open_container(message, type, content);

        if (r >= 0 && type == 'a') {
                /* The last values are for limits: 64, 128, ... 1280 entries, alike behind the end of the input. */
                size_t n = choose_byte(choices);
                n = n > 235 ? (n - 235) * 64 + 1 : n % 9;
                for (size_t i = 0; r >= 0 && i < n; i++)
                        r = append_values(message, choices, content, depth + 1);
        } else if (r >= 0)
                r = append_values(message, choices, content, depth + 1);
        return r < 0 ? r : sd_bus_message_close_container(message);
}

static int append_one(sd_bus_message *message, Choices *choices, const char *type, size_t length, unsigned depth) {
        char content[SIGNATURE_SIZE];
        uint64_t number;

        if (depth > DEPTH_MAX || length >= sizeof(content))
                return -ELOOP;
        switch (type[0]) {
        case 's':
        case 'o':
        case 'g':
                return append_text(message, choices, type[0]);
        case 'v':
                (void) choose_text(choices, content, sizeof(content));
                if (isempty(content))
                        (void) text_copy(content, sizeof(content), "s");
                if (skip_type(content, depth) != content + strlen(content))
                        return -EINVAL;
                return append_container(message, choices, 'v', content, depth);
        case 'a':
                (void) text_format(content, sizeof(content), "%.*s", (int) length - 1, type + 1);
                return append_container(message, choices, 'a', content, depth);
        case '(':
        case '{':
                (void) text_format(content, sizeof(content), "%.*s", (int) length - 2, type + 1);
                return append_container(message, choices, type[0] == '(' ? 'r' : 'e', content, depth);
        default:
                number = choose_number(choices, 4) | (uint64_t) choose_number(choices, 4) << 32;
                return sd_bus_message_append_basic(message, type[0], type[0] == 'b' ? &(int){ (int) (number & 1) } : (void *) &number);
        }
}

static int append_values(sd_bus_message *message, Choices *choices, const char *signature, unsigned depth) {
        while (*signature != '\0') {
                const char *end = signature[0] == '{' ? signature + strlen(signature) : skip_type(signature, 0);
                int r = append_one(message, choices, signature, (size_t) (end - signature), depth);
                if (r < 0)
                        return r;
                signature = end;
        }
        return 0;
}

static const char *choose_object(Choices *choices, char *buffer, size_t size) {
        static const char *const objects[] = { GPUSWITCH_BUS_PATH, GPUSWITCH_GPU_PATH_PREFIX "/_30000_3a01_3a00_2e0",
                                               GPUSWITCH_GPU_PATH_PREFIX "/_30000_3a02_3a00_2e0", "/" };
        uint8_t which = choose_byte(choices);

        if (which < ELEMENTSOF(objects))
                return objects[which];
        (void) choose_text(choices, buffer, size);
        return buffer;
}

/* Return: -EINVAL and other errors of sd-bus for what cannot be a message. */
static int make_call(Choices *choices, sd_bus_message **ret_message) {
        char object[128], interface[128], member[128], signature[SIGNATURE_SIZE];
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        uint8_t flags = choose_byte(choices);
        const char *path = choose_object(choices, object, sizeof(object));
        uint8_t which = choose_byte(choices), which_signature = choose_byte(choices);

        world.uid = flags & 1 ? 1000 : 0;
        world.polkit_mood = flags >> 3;
        (void) text_copy(signature, sizeof(signature), "");
        if (which < ELEMENTSOF(methods)) {
                (void) text_copy(interface, sizeof(interface), methods[which].interface);
                (void) text_copy(member, sizeof(member), methods[which].member);
                (void) text_copy(signature, sizeof(signature), methods[which].signature);
        } else {
                (void) choose_text(choices, interface, sizeof(interface));
                (void) choose_text(choices, member, sizeof(member));
        }
        if (which_signature != 0)
                (void) choose_text(choices, signature, sizeof(signature));
        manager_choose_mood(choices);
        int r = sd_bus_message_new_method_call(world.caller, &message, NULL, path, isempty(interface) ? NULL : interface, member);
        if (r >= 0)
                r = sd_bus_message_set_sender(message, ":1.7");
        if (r >= 0 && flags & 2)
                r = sd_bus_message_set_expect_reply(message, 0);
        if (r >= 0)
                r = sd_bus_message_set_allow_interactive_authorization(message, flags & 4);
        if (r >= 0)
                r = is_signature(signature) ? append_values(message, choices, signature, 0) : -EINVAL;
        if (r >= 0)
                *ret_message = TAKE_PTR(message);
        return r;
}

static int call(Choices *choices) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        uint64_t cookie;

        int r = make_call(choices, &message);
        if (r >= 0)
                r = sd_bus_send(world.caller, message, &cookie);
        if (r < 0)
                return r;
        if (sd_bus_message_get_expect_reply(message) > 0)
                world.waiting[world.n_waiting++] = cookie;
        else
                world.n_silent++;
        settle();
        return 1;
}

void fuzz_input(const uint8_t *data, size_t size, FuzzVerdict *ret) {
        Choices choices = { data, data + size };
        size_t n = 0, n_sent = 0;

        allocations_go_on(false);
        if (!world.api)
                world_begin();
        world.verdict = ret;
        world.n_silent = 0;
        for (; n < CALLS_MAX && choices_left(&choices); n++)
                n_sent += call(&choices) > 0;
        allocations_go_on(true);
        manager_answer_late();
        allocations_go_on(false);
        settle();
        manager_take(ret);
        if (allocations_have_failed()) {
                /* Without memory an answer may be lost, and the connection with it; it is made again. */
                if (world.n_waiting + world.n_silent > 0) {
                        ret->error = -ENOMEM;
                        verdict_refuse(ret, "out of memory");
                }
                return world_end();
        }
        fuzz_require(world.n_waiting == 0, "%zu calls without an answer", world.n_waiting);
        fuzz_require(sd_bus_is_ready(world.caller) > 0 && api_bus_connection(world.api), "the connection was closed");
        if (n_sent == 0)
                verdict_refuse(ret, "no call: nothing that could be sent");
}
