/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * How long a client waits for properties: one read after the other over one connection, each timed.
 *
 *   property-reads WHAT READS ADDRESS
 *
 * WHAT is printed in front of each line. Read are all properties of the card, all of the manager, and all objects at once; each for
 * at most five seconds.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>
#include <time.h>

#include "gpuswitch/names.h"

/* Three kinds of reads have to fit into the 20 s for which a driver may take before it counts as hanging. */
#define SECONDS_MAX 5.0

static double now_msec(void) {
        struct timespec t;

        (void) clock_gettime(CLOCK_MONOTONIC, &t);
        return (double) t.tv_sec * 1e3 + (double) t.tv_nsec / 1e6;
}

static int compare(const void *a, const void *b) {
        const double *x = a, *y = b;

        return (*x > *y) - (*x < *y);
}

static int read_once(sd_bus *bus, const char *path, const char *interface) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *reply = NULL;
        int r;

        if (interface)
                r = sd_bus_call_method(bus, GPUSWITCH_BUS_NAME, path, "org.freedesktop.DBus.Properties", "GetAll", &error,
                                       &reply, "s", interface);
        else
                r = sd_bus_call_method(bus, GPUSWITCH_BUS_NAME, path, "org.freedesktop.DBus.ObjectManager",
                                       "GetManagedObjects", &error, &reply, "");
        if (r < 0)
                fprintf(stderr, "property-reads: %s: %s\n", path, error.message ? error.message : strerror(-r));
        sd_bus_error_free(&error);
        sd_bus_message_unref(reply);
        return r;
}

static int measure(sd_bus *bus, const char *what, const char *name, size_t n, const char *path, const char *interface) {
        double *took = calloc(n, sizeof(*took));
        int r = took ? 0 : -1;

        double first = now_msec();
        size_t i = 0;
        while (r >= 0 && i < n && now_msec() - first < SECONDS_MAX * 1e3) {
                double begun = now_msec();
                r = read_once(bus, path, interface);
                took[i++] = now_msec() - begun;
        }
        if (r >= 0) {
                qsort(took, i, sizeof(*took), compare);
                printf("%-10s %-12s %6zu reads  p50 %7.2f ms  p99 %7.2f ms  max %7.2f ms\n", what, name, i, took[i / 2],
                       took[i * 99 / 100], took[i - 1]);
        }
        free(took);
        return r;
}

int main(int argc, char **argv) {
        char *path = NULL;
        sd_bus *bus = NULL;
        setvbuf(stdout, NULL, _IOLBF, 0);
        unsigned long n = argc == 4 ? strtoul(argv[2], NULL, 10) : 0;

        if (n == 0 || n > 1000000) {
                fputs("usage: property-reads WHAT READS ADDRESS\n", stderr);
                return 2;
        }
        int r = sd_bus_open_system(&bus);
        if (r >= 0)
                r = sd_bus_path_encode(GPUSWITCH_GPU_PATH_PREFIX, argv[3], &path);
        if (r >= 0)
                r = measure(bus, argv[1], "card", n, path, GPUSWITCH_GPU_INTERFACE);
        if (r >= 0)
                r = measure(bus, argv[1], "manager", n, GPUSWITCH_BUS_PATH, GPUSWITCH_MANAGER_INTERFACE);
        if (r >= 0)
                r = measure(bus, argv[1], "all-objects", n, GPUSWITCH_BUS_PATH, NULL);
        if (r < 0)
                fprintf(stderr, "property-reads: %s\n", strerror(-r));
        free(path);
        sd_bus_flush_close_unref(bus);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
