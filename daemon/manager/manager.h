/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The only room that knows the others: events in, decisions from core, effects out.
 */

#include <systemd/sd-event.h>

#include "base/macros.h"

typedef struct Manager Manager;

/* What the loop ends with when the manager is to be freed and made anew. */
#define MANAGER_START_OVER 1

/* Where things are. */
typedef struct ManagerConfig {
        const char *quirks_dir_vendor;
        const char *quirks_dir_admin;
        const char *policy_dir;
        const char *store_path;
        const char *helper_path;
        const char *lock_dir;
        const char *kernel_log_path;
} ManagerConfig;

/**
 * manager_new() - read configuration and store, find the cards, learn their history
 * @config: borrowed
 *
 * Recovers what a dead daemon left (asynchronously, in the loop), then serves. Return: 0 or negative errno.
 */
int manager_new(sd_event *event, const ManagerConfig *config, Manager **ret_manager);

/** manager_reload() - read quirks and policy again. */
void manager_reload(Manager *manager);

/** manager_free() - let go of everything at once; a helper ends after its step in hand, and the record tells the
 * next daemon where it was. Never waits. */
Manager *manager_free(Manager *manager);
DEFINE_CLEANUP(Manager *, manager_free)
