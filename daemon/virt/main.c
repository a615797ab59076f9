/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * gpuswitch-virtwatch: libvirt's events in, D-Bus calls out.
 *
 * A process of its own because libvirt's calls block without limit (for as long as any domain's hook runs,
 * for a start). It is on the way of no VM start: it repairs what hooks miss, and counts what they do not see.
 * READY comes before the first connection to libvirt, which may have to wait for a libvirtd that itself is
 * still being started.
 *
 * It keeps nothing, so SIGTERM just ends it, also out of a libvirt call that blocks.
 */

#include <getopt.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <systemd/sd-daemon.h>

#include "base/macros.h"
#include "base/text.h"
#include "log/log.h"
#include "virt/watch.h"

static void print_help(void) {
        puts("gpuswitch-virtwatch [--connect URI]\n"
             "\n"
             "Tells gpuswitchd what libvirt's domains do. Run by gpuswitch-virtwatch.service.\n"
             "\n"
             "  -c, --connect URI  libvirt connection (qemu:///system)\n"
             "      --version      print the version\n"
             "      --help         print this text");
}

/* libvirt would print each error to stderr by itself. */
static void on_libvirt_error(void *userdata, virErrorPtr error) {
        log_debug("libvirt: %s", error && error->message ? error->message : "unknown error");
}

static int run(Watch *watch) {
        if (virInitialize() < 0 || virEventRegisterDefaultImpl() < 0)
                return -ENOMEM;
        virSetErrorFunc(NULL, on_libvirt_error);
        int r = watch_start(watch);
        if (r < 0)
                return r;
        (void) sd_notify(false, "READY=1");
        while (!watch->failed)
                if (virEventRunDefaultImpl() < 0)
                        return -EIO;
        return -ENOTCONN;
}

int main(int argc, char **argv) {
        enum { OPTION_VERSION = 256, OPTION_HELP };
        static const struct option options[] = {
                { "connect", required_argument, NULL, 'c' },
                { "version", no_argument, NULL, OPTION_VERSION },
                { "help", no_argument, NULL, OPTION_HELP },
                { 0 },
        };
        static Watch watch = { .uri = "qemu:///system" };

        for (int c; (c = getopt_long(argc, argv, "c:", options, NULL)) >= 0;)
                switch (c) {
                case 'c':
                        watch.uri = optarg;
                        break;
                case OPTION_VERSION:
                        puts("gpuswitch-virtwatch " GPUSWITCH_VERSION);
                        return EXIT_SUCCESS;
                case OPTION_HELP:
                        print_help();
                        return EXIT_SUCCESS;
                default:
                        return 2;
                }
        if (optind < argc) {
                fprintf(stderr, "gpuswitch-virtwatch: unexpected argument '%s'\n", argv[optind]);
                return 2;
        }
        log_init(log_has_journal());
        int r = run(&watch);
        log_error("Cannot go on: %s", strerror(-r));
        watch_done(&watch);
        return EXIT_FAILURE;
}
