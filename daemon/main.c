/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gpuswitchd: arguments, signals, sd_notify and the loop. Everything else is the manager's. */

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

#include "gpuswitch/names.h"
#include "log/log.h"
#include "manager/manager.h"

static int on_terminate(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata) {
        (void) sd_notify(0, "STOPPING=1");
        return sd_event_exit(sd_event_source_get_event(source), 0);
}

static int on_reload(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata) {
        Manager *manager = userdata;

        manager_reload(manager);
        return 0;
}

/* Return: 0, MANAGER_START_OVER, or negative errno. */
static int run(void) {
        static const ManagerConfig config = {
                .quirks_dir_vendor = GPUSWITCH_QUIRKS_DIR_VENDOR,
                .quirks_dir_admin = GPUSWITCH_QUIRKS_DIR_ADMIN,
                .policy_dir = GPUSWITCH_POLICY_DIR,
                .store_path = GPUSWITCH_STORE_PATH,
                .helper_path = GPUSWITCH_HELPER_PATH,
                .lock_dir = GPUSWITCH_RUN_DIR,
                .kernel_log_path = "/dev/kmsg",
        };
        _cleanup_(sd_event_unrefp) sd_event *event = NULL;
        _cleanup_(manager_freep) Manager *manager = NULL;
        sigset_t mask;

        (void) sigemptyset(&mask);
        (void) sigaddset(&mask, SIGTERM);
        (void) sigaddset(&mask, SIGINT);
        (void) sigaddset(&mask, SIGHUP);
        (void) sigprocmask(SIG_BLOCK, &mask, NULL);
        (void) signal(SIGPIPE, SIG_IGN);

        /* tmpfiles made it at boot; a daemon that is started by hand finds none. */
        (void) mkdir(GPUSWITCH_RUN_DIR, 0755);

        int r = sd_event_default(&event);
        if (r >= 0)
                r = sd_event_add_signal(event, NULL, SIGTERM, on_terminate, NULL);
        if (r >= 0)
                r = sd_event_add_signal(event, NULL, SIGINT, on_terminate, NULL);
        if (r >= 0)
                r = manager_new(event, &config, &manager);
        if (r >= 0)
                r = sd_event_add_signal(event, NULL, SIGHUP, on_reload, manager);
        if (r < 0) {
                log_error("Could not start: %s", strerror(-r));
                return r;
        }
        (void) sd_notify(0, "READY=1");
        return sd_event_loop(event);
}

int main(int argc, char *argv[]) {
        static const struct option options[] = {
                { "help", no_argument, NULL, 'h' },
                { "version", no_argument, NULL, 'v' },
                { 0 },
        };
        int c;

        while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0)
                switch (c) {
                case 'h':
                        puts("gpuswitchd [--help] [--version]\n\n"
                             "Hands GPUs between host and virtual machines. systemd starts it; see "
                             "gpuswitchctl --help for what can be asked of it.");
                        return EXIT_SUCCESS;
                case 'v':
                        puts("gpuswitchd " GPUSWITCH_VERSION);
                        return EXIT_SUCCESS;
                default:
                        return 2;
                }
        if (optind < argc) {
                fprintf(stderr, "gpuswitchd: unexpected argument '%s'\n", argv[optind]);
                return 2;
        }
        log_init(log_has_journal());
        int r;
        do
                r = run();
        while (r == MANAGER_START_OVER);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
