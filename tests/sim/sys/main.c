/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * simsys: the PCI side of /sys, /dev/vfio and /dev/kmsg of a machine that does not exist. Started by the harness
 * (simlib/machine.py) inside namespaces of its own.
 *
 *   simsys CONTROL-FD MOUNTPOINT [--no-stub] [--separate] [--no-drivers] [--no-pm] [--guard-module] CARD...
 *   CARD: polaris, pascal, or a device that is none, see fellow_add()
 */

#include <stdlib.h>
#include <string.h>

#include "fuse.h"
#include "node.h"

static void boot(Function *function, void *userdata) {
        const Driver *driver = function->driver ? NULL : probe_candidate(function);

        if (driver && bind_begin(function, driver) == 0)
                (void) bind_end(function, 0);
}

static bool add_slot(const char *kind, bool shared_group) {
        if (machine.n_cards == SIM_CARDS_MAX)
                return false;
        if (strcmp(kind, "polaris") != 0 && strcmp(kind, "pascal") != 0)
                return fellow_add(kind);
        machine_add_card(kind, shared_group);
        return true;
}

int main(int argc, char *argv[]) {
        bool shared_group = true, drivers_loaded = true;

        if (argc < 3) {
                (void) fprintf(stderr, "simsys is started by the harness, see tests/sim/README.md\n");
                return 2;
        }
        machine.control = atoi(argv[1]);
        for (int i = 3; i < argc; i++) {
                if (strcmp(argv[i], "--no-stub") == 0)
                        machine.stub_loaded = false;
                else if (strcmp(argv[i], "--separate") == 0)
                        shared_group = false;
                else if (strcmp(argv[i], "--no-pm") == 0)
                        machine.power_management = false;
                else if (strcmp(argv[i], "--guard-module") == 0)
                        machine.guard_loaded = true;
                else if (strcmp(argv[i], "--no-drivers") == 0)
                        drivers_loaded = false;
                else if (!add_slot(argv[i], shared_group)) {
                        (void) fprintf(stderr, "simsys: no place for '%s', or there is no such thing\n", argv[i]);
                        return 2;
                }
        }
        if (uevent_open() < 0) {
                (void) fprintf(stderr, "simsys: no netlink socket: %s\n", strerror(errno));
                return 1;
        }
        sim_log("Linux version 6.12.0-sim");
        tree_init();
        if (drivers_loaded)
                machine_each(boot, NULL);
        return files_serve(argv[2]) < 0 ? 1 : 0;
}
