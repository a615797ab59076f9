/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * virtwatch as a whole but for its main(): libvirt's test driver at one end (test:///default is one machine
 * for all connections of a process), a manager of our own on a private bus at the other.
 *
 * The test driver sends no REBOOT, no DEVICE_REMOVED and is never lost. Those callbacks are caught at
 * registration, and called by the test as libvirt would.
 */

#include <libvirt/libvirt.h>

#include "fake-manager.h"
#include "private-bus.h"
#include "virt/watch.h"

#define UUID "4dea22b3-1d52-d8f3-2516-782e98ab3fa0" /* of the domain "gpu", which has 0000:01:00.0 and .1 */

extern PrivateBus bus;
extern FakeManager manager;
extern Watch watch;
extern virConnectPtr control;

/* What libvirt would call. */
extern virConnectDomainEventGenericCallback callbacks[64];
extern void *callback_userdata;
extern virConnectCloseFunc close_callback;
extern void *close_userdata;
extern int n_registered;
/* No connection to it can be made. */
extern bool libvirt_is_away;

void watch_setup(void);
/** watch_teardown() - fails where virtwatch made the bus start the daemon. */
void watch_teardown(void);

void watch_begin(void);
/** watch_begin_told() - a watch that is connected at both ends and has told its first list. */
void watch_begin_told(FakeManagerMood mood);

/** next_line() - runs libvirt's loop until the manager has written its next line. */
const char *next_line(void);
/* What the next line has to be; times are of CLOCK_MONOTONIC, never in the future and never before the last of their
 * kind. */
void expect_event(const char *event, const char *detail);
usec_t expect_reboot(void);
/** expect_watch() - since when nothing was missed: told to each new daemon, and with each new connection to libvirt. */
usec_t expect_watch(void);
/** expect_sync() - the list of domains. */
void expect_sync(bool with_gpu);

virDomainPtr domain_start(void);
void domain_stop(virDomainPtr domain);
void domain_reboots(virDomainPtr domain);
void device_event(virDomainPtr domain, int id, const char *alias);

usec_t now_usec(void);
/** on_deadline() - for virEventAddTimeout(): sets a bool. */
void on_deadline(int timer, void *userdata);
