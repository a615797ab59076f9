/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A child process that is org.gpuswitch1 and writes each call that it gets as a line. */

#include <sys/types.h>

typedef struct FakeManager {
        pid_t pid;
        int lines; /* "DomainEvent UUID EVENT DETAIL", "WatchBegan BEGUN", "WatchEnded", "SyncDomains BEGUN NAME=ADDRESS,ADDRESS NAME= ..." (as
                      sent) */
} FakeManager;

typedef enum FakeManagerMood {
        MANAGER_TAKES,
        MANAGER_REFUSES_EVENTS, /* answers with an error */
        MANAGER_ASKS_FOR_STOP,  /* takes them, and signals RebootsUsedUp for each reboot */
        MANAGER_ASKS_IN_PRIVATE, /* the same, but to the caller alone, as anybody could */
        MANAGER_DIES_OF_EVENTS, /* writes the line, then ends without an answer */
} FakeManagerMood;

/** fake_manager_start() - returns when the name is owned. */
void fake_manager_start(FakeManager *manager, FakeManagerMood mood);

void fake_manager_stop(FakeManager *manager);
