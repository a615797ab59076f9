/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The kernel's driver model as the PCI bus has it: drivers/base/{bus,dd}.c, drivers/pci/pci-driver.c. Pinned to a real
 * kernel by tests/sim/pinned-steps.
 *
 * A driver's probe() or remove() has two sides, so that a fault can stand between them: the link is there
 * before probe() is called (driver_sysfs_add()), and gone before remove() is (__device_release_driver()).
 */

#include "machine.h"

#include <string.h>

bool driver_matches(const Driver *driver, const Function *function) {
        uint32_t id = (uint32_t) function->vendor << 16 | function->device;

        if (function->override_is_set)
                return strcmp(function->override, driver->name) == 0;
        for (size_t i = 0; i < sizeof(driver->ids) / sizeof(driver->ids[0]); i++)
                if (driver->ids[i] == id)
                        return true;
        return false;
}

const Driver *probe_candidate(const Function *function) {
        for (size_t i = 0; i < n_drivers; i++)
                if (driver_matches(&drivers[i], function) && driver_find(drivers[i].name))
                        return &drivers[i];
        return NULL;
}

int bind_begin(Function *function, const Driver *driver) {
        /* iommu_device_use_default_domain(): while a virtual machine owns the group, only vfio and stub may bind. */
        bool managed = driver->kind != DRIVER_VFIO && driver->kind != DRIVER_STUB;

        if (managed && function->card && function->card->group_held)
                return -EBUSY;
        function->driver = driver;
        tree_driver_bound(function);
        return 0;
}

/* What amdgpu does to a card whose microcontroller it finds running. */
static void reset_running_card(Function *function) {
        Card *card = function->card;
        uint8_t saved[SIM_FUNCTIONS_MAX][0x40];

        if (!card->model.smc_runs || !card->model.kind->back_door)
                return;
        kernel_log_device(function, "%s %s: amdgpu: PCI CONFIG reset", function->driver->name, function->name);
        for (unsigned i = 0; i < card->n_functions; i++)
                memcpy(saved[i], card->functions[i].config, sizeof(saved[i]));
        cm_card_config_reset(&card->model);
        for (unsigned i = 0; i < card->n_functions; i++)
                memcpy(card->functions[i].config, saved[i], sizeof(saved[i]));
}

static int gpu_probe(Function *function) {
        Card *card = function->card;

        if (card->is_polaris)
                sim_log("[drm] initializing kernel modesetting (POLARIS10 0x%04X:0x%04X 0x%04X:0x%04X 0x%02X).\n",
                        function->vendor, function->device, function->subvendor, function->subdevice,
                        function->revision);
        else
                kernel_log_device(function, "nouveau %s: NVIDIA GP104 (134000a1)", function->name);
        if (card->model.fail_probe || function_is_dead(function)) {
                kernel_log_device(function, "%s %s: %s: Fatal error during GPU init", function->driver->name,
                                  function->name, function->driver->name);
                return -EIO;
        }
        config_set(function, 4, config_get(function, 4, 2) | 0x2, 2);
        if ((config_get(function, 0x10, 4) & ~0xfU) == 0) {
                card->model.binds_unrestored++;
                kernel_log_device(function, "%s %s: %s: no answer at the address of BAR 0", function->driver->name,
                                  function->name, function->driver->name);
                return -ENODEV;
        }
        reset_running_card(function);
        config_set(function, 4, config_get(function, 4, 2) | PCI_COMMAND_MASTER, 2);
        cm_card_host_bind(&card->model);
        return 0;
}

static int fellow_probe(Function *function) {
        Card *card = function->card;

        if (card->model.fail_probe || function_is_dead(function)) {
                kernel_log_device(function, "%s %s: the device does not answer", function->driver->name, function->name);
                return -ENODEV;
        }
        config_set(function, 4, config_get(function, 4, 2) | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 2);
        return 0;
}

static int driver_probe(Function *function) {
        switch (function->driver->kind) {
        case DRIVER_GPU:
                return gpu_probe(function);
        case DRIVER_SOUND:
                config_set(function, 4, config_get(function, 4, 2) | 0x6, 2);
                function->runtime_power = true; /* azx_probe_continue(), which the real one calls a moment later */
                return 0;
        case DRIVER_VFIO:
                function->runtime_power = true; /* vfio_pci_core_register_device() */
                return 0;
        case DRIVER_STUB:
                kernel_log_device(function, "pci-stub %s: claimed by stub", function->name);
                return 0;
        case DRIVER_PORT:
                return 0;
        case DRIVER_FELLOW:
                return fellow_probe(function);
        }
        return -ENODEV;
}

int bind_end(Function *function, int error) {
        const Driver *driver = function->driver;

        if (error == 0)
                error = driver_probe(function);
        if (error < 0) {
                function->driver = NULL;
                tree_driver_unbound(function, driver);
                return error;
        }
        if (function->card && function->index == 0) {
                function->card->model_device.dev.driver = driver;
                cm_card_guest_driver(&function->card->model, driver->kind == DRIVER_VFIO);
        }
        tree_update_groups();
        uevent_send("bind", function, driver->name);
        return 0;
}

void unbind_begin(Function *function) {
        const Driver *driver = function->driver;

        function->driver = NULL;
        tree_driver_unbound(function, driver);
        if (driver->kind == DRIVER_GPU) {
                if (function->card->is_polaris)
                        kernel_log_device(function, "amdgpu %s: amdgpu: finishing device.", function->name);
                cm_card_host_unbind(&function->card->model);
        }
}

void unbind_end(Function *function, const Driver *driver) {
        if (!function_is_dead(function))
                config_set(function, 4, config_get(function, 4, 2) & ~(uint32_t) PCI_COMMAND_MASTER, 2);
        if (driver->kind == DRIVER_VFIO || driver->kind == DRIVER_SOUND)
                function->runtime_power = false; /* vfio_pci_core_unregister_device(), azx_remove() */
        if (function->card && function->index == 0) {
                function->card->model_device.dev.driver = NULL;
                cm_card_guest_driver(&function->card->model, false);
        }
        tree_update_groups();
        uevent_send("unbind", function, NULL);
}

void function_remove(Function *function) {
        if (!function->present)
                return;
        if (function->driver) {
                const Driver *driver = function->driver;
                unbind_begin(function);
                unbind_end(function, driver);
        }
        function->present = false;
        function->override_is_set = false;
        function->override[0] = '\0';
        tree_remove_function(function);
        if (function->card && function->index == 0)
                function->card->model.function0 = NULL;
        tree_update_groups();
        uevent_send("remove", function, NULL);
}

static void come_back(Function *function, void *userdata) {
        if (function->present || function_is_dead(function))
                return;
        function->present = true;
        function->runtime_power = false;
        function->d3cold_allowed = machine.power_management;
        function->lock = NULL;
        config_assign_bars(function);
        tree_add_function(function);
        if (function->card && function->index == 0)
                function->card->model.function0 = &function->card->model_device;
        tree_update_groups();
        uevent_send("add", function, NULL);
        /* pci_bus_add_device() does not ask drivers_autoprobe. */
        const Driver *driver = probe_candidate(function);
        if (driver && bind_begin(function, driver) == 0)
                (void) bind_end(function, 0);
}

void machine_rescan(void) {
        machine_each(come_back, NULL);
}
