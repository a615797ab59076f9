/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What a coat has to provide to answer a Request; inside api only. */

#include "api/waiters.h"

typedef struct RequestReply {
        int (*done)(Request *request);
        int (*plan)(Request *request, const Plan *plan);
        int (*isolation)(Request *request, const Isolation *isolation);
        /* @error_name: org.gpuswitch1.Error.* */
        int (*error)(Request *request, const char *error_name, const char *text);
        void (*free)(Request *request);
} RequestReply;

/* A coat embeds this as the first member of its own struct. */
struct Request {
        const RequestReply *reply;
        Waiters *waiters; /* where it waits for its verdict; NULL: nowhere */
};
