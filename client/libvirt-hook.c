/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libvirt waits for this process without any limit and holds the VM's lock meanwhile: so everything
 * here has a limit of its own, and libvirt is never called. stdout would become the VM's definition in
 * restore and migrate; stderr is what the person sees when a start is refused. A failing `reconnect`
 * kills the VM that runs, so that never fails.
 *
 * prepare fails closed: a VM that has a GPU starts only on the daemon's word. Anything that is no
 * verdict of the daemon counts as a daemon that is out of reach.
 */

#include "client/libvirt-hook.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>

#include "base/address.h"
#include "base/text.h"
#include "client/bus.h"
#include "client/hook-fallback.h"
#include "client/hook-input.h"
#include "client/printable.h"
#include "gpuswitch/deadlines.h"
#include "gpuswitch/names.h"

/* The daemon answers at once; its being started by the bus may take a while, and the message is lost if we
 * leave. */
#define RELEASE_CALL_TIMEOUT_USEC (30 * USEC_PER_SEC)

HookCall hook_call_parse(char **arguments) {
        HookCall call = { .action = HOOK_IGNORE };
        size_t n = 0;

        while (arguments[n])
                n++;
        if (n >= 2 && streq(arguments[1], "reconnect"))
                return call;
        if (n != 4) {
                call.action = HOOK_MISUSED;
                return call;
        }
        call.vm = arguments[0];
        call.reason = arguments[3];
        if (streq(arguments[1], "prepare") && streq(arguments[2], "begin"))
                call.action = HOOK_PREPARE;
        else if (streq(arguments[1], "release") && streq(arguments[2], "end"))
                call.action = HOOK_RELEASE;
        return call;
}

/* The reason in one line; libvirt puts it behind "Hook script execution failed". */
static void say(const char *message) {
        fputs("gpuswitch: ", stderr);
        printable_put(stderr, message);
        fputc('\n', stderr);
}

static ExitStatus refuse(const HookCall *call, const char *message) {
        char text[2 * MESSAGE_TEXT_SIZE];

        (void) text_format(text, sizeof(text), "VM '%s' is not started: %s", call->vm, message);
        say(text);
        return EXIT_REFUSED;
}

static int append_prepare(sd_bus_message *message, const DomainDescription *domain) {
        int r = sd_bus_message_append(message, "ss", domain->uuid, domain->name);
        if (r >= 0)
                r = sd_bus_message_open_container(message, 'a', "s");
        for (size_t i = 0; r >= 0 && i < domain->n_addresses; i++)
                r = sd_bus_message_append(message, "s", ADDRESS_TEXT(domain->addresses[i]));
        return r < 0 ? r : sd_bus_message_close_container(message);
}

/* Return: 0; negative errno with @reterr set, also when there is no bus at all. */
static int call_manager(const DomainDescription *domain, const char *reason, usec_t timeout_usec,
                        sd_bus_error *reterr) {
        _cleanup_(sd_bus_flush_close_unrefp) sd_bus *bus = NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;

        int r = bus_connect(&(Options){ 0 }, &bus);
        if (r < 0)
                return sd_bus_error_setf(reterr, SD_BUS_ERROR_NO_SERVER,
                                         "no connection to the system bus: %s", strerror(-r));
        r = sd_bus_message_new_method_call(bus, &message, GPUSWITCH_BUS_NAME, GPUSWITCH_BUS_PATH,
                                           GPUSWITCH_MANAGER_INTERFACE,
                                           reason ? "ReleaseDomain" : "PrepareDomain");
        if (r >= 0)
                r = reason ? sd_bus_message_append(message, "ss", domain->uuid, reason)
                           : append_prepare(message, domain);
        if (r < 0)
                return sd_bus_error_set_errno(reterr, r);
        return sd_bus_call(bus, message, timeout_usec, reterr, NULL);
}

static ExitStatus prepare(const HookCall *call, const HookInput *input, const char *sys_root,
                          bool privileged) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        char why[2 * MESSAGE_TEXT_SIZE];
        HookVerdict verdict;

        if (!input->valid) {
                (void) text_format(why, sizeof(why), "its XML cannot be read: %s", input->fault);
                return refuse(call, why);
        }
        if (input->domain.n_addresses == 0)
                return EXIT_DONE;
        if (!privileged)
                verdict = hook_unprivileged(&input->domain, sys_root, why, sizeof(why));
        else {
                int r = call_manager(&input->domain, NULL, CALL_TIMEOUT_USEC, &error);
                if (r >= 0)
                        return EXIT_DONE;
                const char *message = error.message ? error.message : strerror(-r);
                if (bus_error_is_verdict(&error))
                        return refuse(call, message);
                verdict = hook_without_daemon(&input->domain, sys_root, message, why, sizeof(why));
        }
        return verdict == HOOK_REFUSE ? refuse(call, why) : EXIT_DONE;
}

/* libvirt ignores how this ends. The daemon gives back what its own record says, so the XML only decides
 * whether to call. */
static ExitStatus release(const HookCall *call, const HookInput *input, bool privileged) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        char text[2 * MESSAGE_TEXT_SIZE];

        if (!privileged || isempty(input->domain.uuid) || (input->valid && input->domain.n_addresses == 0))
                return EXIT_DONE;
        int r = call_manager(&input->domain, call->reason, RELEASE_CALL_TIMEOUT_USEC, &error);
        if (r < 0) {
                (void) text_format(text, sizeof(text),
                                   "the end of VM '%s' could not be told to gpuswitchd: %s", call->vm,
                                   error.message ? error.message : strerror(-r));
                say(text);
        }
        return EXIT_DONE;
}

ExitStatus hook_run(const HookCall *call, int fd, const char *sys_root, bool privileged) {
        HookInput input;

        switch (call->action) {
        case HOOK_IGNORE:
                return EXIT_DONE;
        case HOOK_PREPARE:
                hook_input_read(fd, &input);
                return prepare(call, &input, sys_root, privileged);
        case HOOK_RELEASE:
                hook_input_read(fd, &input);
                return release(call, &input, privileged);
        case HOOK_MISUSED:
                break;
        }
        fputs("usage: gpuswitchctl libvirt-hook NAME OP SUBOP EXTRA, with the domain's XML on stdin\n",
              stderr);
        return EXIT_USAGE;
}

/* Whatever a library prints by accident must not become a VM's definition. */
static void silence_stdout(void) {
        int fd = open("/dev/null", O_WRONLY | O_CLOEXEC | O_NOCTTY);

        (void) dup2(fd >= 0 ? fd : STDERR_FILENO, STDOUT_FILENO);
        if (fd > STDERR_FILENO)
                (void) close(fd);
}

ExitStatus verb_libvirt_hook(char **arguments) {
        HookCall call = hook_call_parse(arguments);

        silence_stdout();
        (void) signal(SIGPIPE, SIG_IGN);
        return hook_run(&call, STDIN_FILENO, "", geteuid() == 0);
}
