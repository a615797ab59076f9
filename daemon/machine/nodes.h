/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Device nodes of a function, and the processes that have them open. Found by device number, never
 * by name. Only links and directories of /proc are read (fd), never what takes a process's memory lock.
 */

#include <sys/types.h>

#include "gpuswitch/address.h"
#include "gpuswitch/limits.h"

typedef struct Holder {
        pid_t pid;
        char command[32];  /* /proc/PID/comm */
        char unit[128];    /* systemd unit out of /proc/PID/cgroup, or "" */
        char node[64];     /* "/dev/snd/pcmC0D0p" */
} Holder;

/**
 * nodes_holders() - who has a node of that function open
 * @root: "" or a test folder with `sys` and `proc`
 *
 * Nodes are all character devices below the function's folder in /sys of the subsystems sound and drm
 * (ALSA control and PCM nodes, DRM card and render nodes). A process that ends while it is read is left out;
 * so is the calling process.
 *
 * Return: number of holders (at most HOLDERS_MAX, the first found), or negative errno.
 */
int nodes_holders(const char *root, PciAddress address, Holder ret_holders[static HOLDERS_MAX]);

/**
 * nodes_holders_of_gone() - who still has a node open that has been removed, as a driver that goes removes its nodes
 * before it waits for those who have them open
 * @subsystem: "snd" or "dri", the folder in /dev. Which device a node belonged to is not known any more.
 *
 * Return: as nodes_holders().
 */
int nodes_holders_of_gone(const char *root, const char *subsystem, Holder ret_holders[static HOLDERS_MAX]);

/** holder_describe() - "pipewire (pid 812, pipewire.service) has /dev/snd/controlC1 open". Returns @buffer. */
const char *holder_describe(const Holder *holder, char *buffer, size_t size);
