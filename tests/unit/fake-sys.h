/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * A folder that looks like the root of a machine to the helper's sources, and a kernel that answers its
 * writes. Tests that include this are linked with --wrap=write and --wrap=open (see CMakeLists.txt), so that
 * a "write" to a plain file can have the consequences, and the errors, that it has in /sys.
 */

#include <stdint.h>
#include <stdio.h>

#include "base/macros.h"
#include "helper/helper.h"

#define FAKE_SHORT_WRITE (-1)

typedef struct FakeSys {
        char root[64];
        Helper *helper; /* of card 0000:01:00.0 */
        /* Called after each write() to a file below root: 0, the errno that the write fails with, or
         * FAKE_SHORT_WRITE: one byte less is taken. */
        int (*on_write)(struct FakeSys *sys, const char *path, const char *value);
        /* Called before each open() of a file below /dev: 0, or the errno that it fails with. */
        int (*on_open)(struct FakeSys *sys, const char *path);
        /* The same before each open() of any file below root. */
        int (*on_any_open)(struct FakeSys *sys, const char *path);
        /* Called before each open() of any file below root; its result does not count. */
        int (*on_look)(struct FakeSys *sys, const char *path);
        unsigned n_writes;
        unsigned n_opens; /* of files below /dev */
        int state;        /* for the hooks */
} FakeSys;

extern FakeSys fake;

/* A card of two functions in IOMMU group 12, unbound, with drivers amdgpu, snd_hda_intel, vfio-pci, pci-stub. */
void fake_setup(void);
void fake_teardown(void);

void fake_write(const char *path, const char *format, ...) _printf_(2, 3);
void fake_write_bytes(const char *path, const void *bytes, size_t size);
void fake_read(const char *path, char *buffer, size_t size);
void fake_read_bytes(const char *path, void *bytes, size_t size);
void fake_remove(const char *path);
void fake_make_folder(const char *path);
/* The card comes to sit below a port 0000:00:01.0, beside which there is 0000:00:02.0. */
void fake_move_below_port(void);
/* @driver "": none */
void fake_bind(const char *address, const char *driver);
/* "" for none */
void fake_bound(const char *address, char driver[static DRIVER_NAME_SIZE]);

/*
 * A process 4711 with descriptor 17 on the node @node below /dev, for which /dev/null stands in. Returns
 * "MAJOR:MINOR" of that.
 */
const char *fake_holder(const char *command, const char *node);

/* 4096 bytes: ids, BARs, COMMAND, capabilities power management, Express (v2) and MSI-X, resizable BAR. */
void fake_config(uint8_t config[static CONFIG_SPACE_SIZE]);

/* A request for function 0 with this verb. */
HelperRequest fake_request(HelperVerb verb);
/* The same with all registers that fake_config() has. */
HelperRequest fake_request_with_registers(HelperVerb verb);
/* operation_run(); returns the status. */
int fake_run(const HelperRequest *request, HelperReply *ret_reply);
