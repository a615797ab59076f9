/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The harness' end: a SOCK_SEQPACKET pair. One message is one command, "VERB WORD..."; its answer begins with '=' (done,
 * what follows is the result) or '-' (not done, and why). A message that begins with '!' is an event that nobody
 * asked for: "!hit ID".
 */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "op.h"

#define MESSAGE_SIZE 65536U

static char answer[MESSAGE_SIZE];

static void reply(char verdict, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void reply(char verdict, const char *format, ...) {
        char text[MESSAGE_SIZE];
        va_list ap;

        text[0] = verdict;
        va_start(ap, format);
        int n = vsnprintf(text + 1, sizeof(text) - 1, format, ap);
        va_end(ap);
        if (n >= (int) sizeof(text) - 1)
                n = (int) sizeof(text) - 2;
        (void) send(machine.control, text, (size_t) n + 1, MSG_NOSIGNAL);
}

void control_event(const char *format, ...) {
        char text[256] = "!";
        va_list ap;

        va_start(ap, format);
        int n = vsnprintf(text + 1, sizeof(text) - 1, format, ap);
        va_end(ap);
        (void) send(machine.control, text, (size_t) n + 1, MSG_NOSIGNAL);
}

/* "key=value" words of a command into a fault; the names are those of struct Fault. */
static bool fault_word(Fault *fault, const char *word) {
        static const char *const actions[] = { "refuse", "hold", "vanish", "vanish-card", "dead", "notice" };
        const char *value = strchr(word, '=');

        if (!value)
                return false;
        size_t n = (size_t) (value++ - word);
        if (strncmp(word, "do", n) == 0) {
                for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
                        if (strcmp(actions[i], value) == 0) {
                                fault->action = (FaultAction) i;
                                return true;
                        }
                return false;
        }
        if (strncmp(word, "kind", n) == 0)
                fault->kind = value[0];
        else if (strncmp(word, "at", n) == 0)
                fault->at_entry = strcmp(value, "entry") == 0;
        else if (strncmp(word, "errno", n) == 0)
                fault->error = -atoi(value);
        else if (strncmp(word, "function", n) == 0)
                (void) snprintf(fault->function, sizeof(fault->function), "%s", value);
        else if (strncmp(word, "file", n) == 0)
                (void) snprintf(fault->file, sizeof(fault->file), "%s", value);
        else if (strncmp(word, "value", n) == 0)
                (void) snprintf(fault->value, sizeof(fault->value), "%s", value);
        else if (strncmp(word, "skip", n) == 0)
                fault->skip = (unsigned) atoi(value);
        else if (strncmp(word, "forever", n) == 0)
                fault->forever = value[0] == '1';
        else
                return false;
        return true;
}

static void do_fault(char *rest) {
        Fault fault = { .used = true, .kind = 'w', .error = -EIO };
        char *id = strsep(&rest, " ");

        (void) snprintf(fault.id, sizeof(fault.id), "%s", id ? id : "");
        for (char *word; (word = strsep(&rest, " "));)
                if (!fault_word(&fault, word))
                        return reply('-', "'%s' says nothing about a fault", word);
        if (fault_by_id(fault.id))
                return reply('-', "there is a fault '%s' already", fault.id);
        for (size_t i = 0; i < FAULTS_MAX; i++)
                if (!faults[i].used) {
                        faults[i] = fault;
                        return reply('=', "%s", "");
                }
        reply('-', "too many faults");
}

static void do_release(char *rest) {
        char *id = strsep(&rest, " ");
        Fault *fault = id ? fault_by_id(id) : NULL;

        if (!fault)
                return reply('-', "there is no such fault");
        reply('=', "%u", op_release(fault, rest ? -atoi(rest) : 0));
}

static void print_function(Function *function, void *userdata) {
        size_t used = strlen(answer), room = sizeof(answer) - used;
        char methods[SIM_METHODS_SIZE];

        if (!function->card)
                return;
        (void) snprintf(methods, sizeof(methods), "%s", function->reset_methods);
        for (char *c = methods; *c; c++)
                *c = *c == ' ' ? ',' : *c;
        int n = snprintf(answer + used, room,
                         "function %s card=%u present=%d driver=%s override=%s control=%s d3cold=%d group=%d locked=%d "
                         "command=%04x reset_method=%s bars=",
                         function->name, function->card->model.index, function->present,
                         function->driver ? function->driver->name : "", function->override_is_set ? function->override : "",
                         function->runtime_power ? "auto" : "on", function->d3cold_allowed, function->group,
                         function->lock != NULL, config_get(function, 4, 2), methods);
        for (size_t bar = 0x10; bar < 0x28; bar += 4)
                n += snprintf(answer + used + n, room - (size_t) n, "%s%08x", bar > 0x10 ? "," : "",
                              config_get(function, bar, 4));
        (void) snprintf(answer + used + n, room - (size_t) n, "\n");
}

/* Of a fellow: "device_specific:2,flr:0,bus:0" */
static void print_resets(const Card *card) {
        size_t used = strlen(answer);

        for (size_t i = 0; card->fellow && i < SIM_RESETS_MAX; i++)
                used += (size_t) snprintf(answer + used, sizeof(answer) - used, "%s%s:%u", i > 0 ? "," : "", fellow_resets[i],
                                          card->resets[i]);
        (void) snprintf(answer + used, sizeof(answer) - used, "\n");
}

static void do_state(char *rest) {
        answer[0] = '\0';
        for (unsigned i = 0; i < machine.n_cards; i++) {
                const struct cm_card *m = &machine.cards[i].model;
                size_t used = strlen(answer);
                (void) snprintf(answer + used, sizeof(answer) - used,
                                "card %u state=%s temper=%s held=%d binds=%u binds_unrestored=%u bus_resets=%u "
                                "bus_resets_in_prefail=%u config_resets=%u config_resets_before_driver=%u "
                                "guest_starts=%u guest_starts_unreset=%u guest_boots=%u resets=",
                                m->index, cm_state_names[m->state], cm_temper_names[m->temper],
                                machine.cards[i].group_held, m->binds, m->binds_unrestored, m->bus_resets,
                                m->bus_resets_in_prefail, m->config_resets, m->config_resets_before_driver,
                                m->guest_starts, m->guest_starts_unreset, m->guest_boots);
                print_resets(&machine.cards[i]);
        }
        machine_each(print_function, NULL);
        reply('=', "%s", answer);
}

static int name_index(const char *name, const char *const *names, int n) {
        for (int i = 0; i < n; i++)
                if (strcmp(names[i], name) == 0)
                        return i;
        return -1;
}

static Card *card_by_number(const char *word) {
        unsigned number = word ? (unsigned) atoi(word) : 0;

        return number >= 1 && number <= machine.n_cards ? &machine.cards[number - 1] : NULL;
}

/* "set CARD KEY VALUE", as the lab model's files in debugfs. */
static void do_set(char *rest) {
        Card *card = card_by_number(strsep(&rest, " "));
        const char *key = strsep(&rest, " ");
        int i;

        if (!card || !key || !rest)
                return reply('-', "set CARD KEY VALUE");
        if (strcmp(key, "state") == 0 && (i = name_index(rest, cm_state_names, CM_STATES)) >= 0)
                cm_card_set_state(&card->model, (enum cm_state) i, "by hand");
        else if (strcmp(key, "temper") == 0 && (i = name_index(rest, cm_temper_names, CM_TEMPERS)) >= 0)
                card->model.temper = (enum cm_temper) i;
        else if (strcmp(key, "fail_probe") == 0)
                card->model.fail_probe = (u32) atoi(rest);
        else if (strcmp(key, "power_cycle") == 0) {
                if (cm_card_power_cycle(&card->model) < 0)
                        return reply('-', "a driver is bound");
        } else
                return reply('-', "no such key or value");
        reply('=', "%s", "");
}

static void do_guest(char *rest) {
        const char *what = strsep(&rest, " ");
        Card *card = card_by_number(strsep(&rest, " "));
        int r;

        if (!card || !what)
                return reply('-', "guest start|stop CARD [FUNCTIONS]");
        r = strcmp(what, "start") == 0 ? guest_start(card, rest ? (unsigned) atoi(rest) : 1) : guest_stop(card);
        reply(r < 0 ? '-' : '=', "%d", r);
}

static void do_record(char *rest) {
        (void) record_text(rest ? (size_t) atoi(rest) : 0, answer, sizeof(answer) - 2);
        reply('=', "%s", answer);
}

static void do_uevents(char *rest) {
        uevent_hold(rest && strcmp(rest, "hold") == 0);
        reply('=', "%s", "");
}

/* "wedged CARD METHODS": the driver of its display function says that it hangs. */
static void do_wedged(char *rest) {
        Card *card = card_by_number(strsep(&rest, " "));

        if (!card || !rest)
                return reply('-', "wedged CARD METHODS");
        uevent_send_wedged(&card->functions[0], rest);
        reply('=', "%s", "");
}

/* "use ADDRESS WHAT": the host does something with a device, see fellow_use(). */
static void do_use(char *rest) {
        const char *name = strsep(&rest, " ");
        Function *function = name ? function_find(name) : NULL;

        if (!function || !rest || !fellow_use(function, rest))
                return reply('-', "use ADDRESS holder NAME|link up|link down, of a device that is at home");
        reply('=', "%s", "");
}

static void do_log(char *rest) {
        sim_log("%s", rest ? rest : "");
        reply('=', "%s", "");
}

static void do_overwrite_log(char *rest) {
        kernel_log_overwrite();
        reply('=', "%s", "");
}

static void do_module(char *rest) {
        char *name = strsep(&rest, " ");

        if (!name || !rest)
                return reply('-', "module NAME add|remove");
        uevent_send_module(rest, name);
        reply('=', "%s", "");
}

static void do_machine(char *rest) {
        const char *key = strsep(&rest, " ");

        if (key && rest && strcmp(key, "lockdown") == 0)
                machine.lockdown = rest[0] == '1';
        else if (key && rest && strcmp(key, "mem_sleep") == 0)
                (void) snprintf(machine.mem_sleep, sizeof(machine.mem_sleep), "%s", rest);
        else if (key && rest && strcmp(key, "wake_alarm") == 0)
                machine.wake_alarm = rest[0] == '1';
        else
                return reply('-', "machine lockdown|wake_alarm 0|1, mem_sleep WORDS");
        reply('=', "%s", "");
}

static void do_forget(char *rest) {
        Fault *fault = rest ? fault_by_id(rest) : NULL;

        if (!fault)
                return reply('-', "there is no such fault");
        (void) op_release(fault, 0);
        fault->used = false;
        reply('=', "%s", "");
}

int control_handle(void) {
        static const struct {
                const char *verb;
                void (*call)(char *rest);
        } verbs[] = {
                { "fault", do_fault },   { "release", do_release }, { "forget", do_forget }, { "state", do_state },
                { "set", do_set },       { "guest", do_guest },     { "record", do_record }, { "uevents", do_uevents },
                { "log", do_log },       { "machine", do_machine },
                { "wedged", do_wedged }, { "overwrite-log", do_overwrite_log }, { "module", do_module },
                { "use", do_use },
        };
        char message[1024], *rest = message;
        ssize_t n = recv(machine.control, message, sizeof(message) - 1, 0);

        if (n <= 0)
                return 1;
        message[n] = '\0';
        const char *verb = strsep(&rest, " ");
        for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
                if (strcmp(verbs[i].verb, verb) == 0) {
                        verbs[i].call(rest);
                        return 0;
                }
        reply('-', "no such command: %s", verb);
        return 0;
}
