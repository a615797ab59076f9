/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * inhibit: holds switches back while a command runs, and ends as the command ends.
 *
 * The descriptor that does it stays here and is closed on exec: what the command leaves behind holds nothing back. A signal
 * that would end this process is for the command; were it obeyed here, the command would go on unprotected.
 */

#include "client/inhibit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <systemd/sd-event.h>

#include "base/macros.h"
#include "base/text.h"
#include "client/printable.h"
#include "client/session.h"
#include "gpuswitch/deadlines.h"
#include "gpuswitch/names.h"

/* As the shell has it. */
#define EXIT_CANNOT_RUN 126
#define EXIT_NOT_FOUND 127
#define EXIT_BY_SIGNAL 128

static const int passed_on[] = { SIGTERM, SIGHUP };

typedef struct Guarded {
        pid_t pid;
        int exit_code; /* -1: it still runs */
} Guarded;

static int call_inhibit(sd_bus *bus, const char *card, const char *who, const Options *options, int *ret_fd,
                        sd_bus_error *reterr) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *call = NULL, *reply = NULL;
        int fd;

        int r = sd_bus_message_new_method_call(bus, &call, GPUSWITCH_BUS_NAME, GPUSWITCH_BUS_PATH,
                                               GPUSWITCH_MANAGER_INTERFACE, "Inhibit");
        if (r >= 0)
                r = sd_bus_message_append(call, "ssss", card, who, options->why ? options->why : "a command runs",
                                          options->mode ? options->mode : "block");
        if (r >= 0)
                r = sd_bus_call(bus, call, CALL_TIMEOUT_USEC, reterr, &reply);
        if (r >= 0)
                r = sd_bus_message_read(reply, "h", &fd);
        if (r < 0)
                return r;
        *ret_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3); /* the reply's own goes with it */
        return *ret_fd < 0 ? -errno : 0;
}

static ExitStatus take(const Options *options, const char *command, int *ret_fd) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_session_ Session session;
        const Gpu *gpu = NULL;

        ExitStatus status = session_open(&session, options);
        if (status == EXIT_DONE && options->gpu)
                status = session_gpu(&session, options->gpu, &gpu);
        if (status != EXIT_DONE)
                return status;
        int r = call_inhibit(session.bus, gpu ? gpu->address : "", options->who ? options->who : command, options,
                             ret_fd, &error);
        return r < 0 ? bus_fail(options, &error, r) : EXIT_DONE;
}

static int on_child(sd_event_source *source, const siginfo_t *info, void *userdata) {
        Guarded *guarded = userdata;

        guarded->exit_code = info->si_code == CLD_EXITED ? info->si_status : EXIT_BY_SIGNAL + info->si_status;
        return 0;
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata) {
        const Guarded *guarded = userdata;

        (void) kill(guarded->pid, (int) info->ssi_signo);
        return 0;
}

static int on_lost(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        fputs("gpuswitchd has ended: nothing is held back any more, the command goes on\n", stderr);
        return sd_event_source_set_enabled(source, SD_EVENT_OFF);
}

/* What the command gets back before it begins. */
typedef struct Dispositions {
        sigset_t mask;
        void (*interrupt)(int);
        void (*quit)(int);
} Dispositions;

static void become_command(char **command, const Dispositions *before) {
        (void) signal(SIGINT, before->interrupt);
        (void) signal(SIGQUIT, before->quit);
        (void) sigprocmask(SIG_SETMASK, &before->mask, NULL);
        execvp(command[0], command);
        int error = errno;
        fputs("cannot run ", stderr);
        printable_put(stderr, command[0]);
        fprintf(stderr, ": %s\n", strerror(error));
        (void) fflush(stderr);
        _exit(error == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN);
}

static int wait_for(sd_event *event, Guarded *guarded, int fd) {
        int r = sd_event_add_child(event, NULL, guarded->pid, WEXITED, on_child, guarded);

        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(passed_on); i++)
                r = sd_event_add_signal(event, NULL, passed_on[i], on_signal, guarded);
        if (r >= 0)
                r = sd_event_add_io(event, NULL, fd, 0, on_lost, NULL);
        while (r >= 0 && guarded->exit_code < 0)
                r = sd_event_run(event, UINT64_MAX);
        return r;
}

static int run(char **command, int fd, int *ret_exit_code) {
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        Guarded guarded = { .exit_code = -1 };
        Dispositions before;
        sigset_t set;

        int r = sd_event_new(&event);
        if (r < 0)
                return r;
        sigemptyset(&set);
        sigaddset(&set, SIGCHLD);
        for (size_t i = 0; i < ELEMENTSOF(passed_on); i++)
                sigaddset(&set, passed_on[i]);
        if (sigprocmask(SIG_BLOCK, &set, &before.mask) < 0)
                return -errno;
        /* A terminal sends these to both; the command decides what becomes of it. */
        before.interrupt = signal(SIGINT, SIG_IGN);
        before.quit = signal(SIGQUIT, SIG_IGN);
        (void) fflush(NULL);
        guarded.pid = fork();
        if (guarded.pid < 0)
                return -errno;
        if (guarded.pid == 0)
                become_command(command, &before);
        r = wait_for(event, &guarded, fd);
        *ret_exit_code = guarded.exit_code;
        return r;
}

static ExitStatus list(const Options *options) {
        sd_bus *bus = NULL;

        int r = bus_connect(options, &bus);
        if (r < 0)
                return bus_fail_connect(options, r);
        ExitStatus status = inhibitors_list(options, bus);
        sd_bus_flush_close_unref(bus);
        return status;
}

static ExitStatus usage(const char *text) {
        fprintf(stderr, "gpuswitchctl: %s\nSee gpuswitchctl --help.\n", text);
        return EXIT_USAGE;
}

ExitStatus verb_inhibit(const Options *options, char **arguments) {
        _cleanup_close_ int fd = -EBADF;
        int exit_code = 0;

        if (options->list && arguments[0])
                return usage("inhibit --list takes no command");
        if (options->list)
                return list(options);
        if (!arguments[0])
                return usage("inhibit needs a command: gpuswitchctl inhibit [OPTIONS] -- COMMAND [ARGUMENTS]");
        if (options->host || options->machine)
                return usage("inhibit works on this host only: no descriptor goes over -H or -M");
        if (options->mode && !streq(options->mode, "block") && !streq(options->mode, "delay"))
                return usage("--mode: block or delay");

        ExitStatus status = take(options, arguments[0], &fd);
        if (status != EXIT_DONE)
                return status;
        int r = run(arguments, fd, &exit_code);
        if (r >= 0)
                return (ExitStatus) exit_code;
        fprintf(stderr, "cannot wait for the command: %s\n", strerror(-r));
        return EXIT_REFUSED;
}
