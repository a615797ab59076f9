/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The one set of operations behind both coats. The manager implements ApiOperations; the coats call it and know
 * nothing else of the daemon.
 *
 * A Request is one caller that waits for an answer. Whoever implements an operation takes it over
 * and answers it exactly once: before it returns, by one of the request_ functions, which free it, or later by way of
 * waiters_add(), and in no other way. A caller that leaves meanwhile cancels nothing of the operation; its request is
 * dropped from those that wait.
 */

#include "api/view.h"
#include "core/evidence.h"
#include "core/isolation.h"
#include "core/outcome.h"
#include "core/plan.h"
#include "gpuswitch/deadlines.h"

typedef struct Request Request;

/* One running domain in SyncDomains(). */
typedef struct RunningDomain {
        char uuid[UUID_TEXT_SIZE];
        char name[DOMAIN_NAME_SIZE];
        size_t n_addresses;
        PciAddress addresses[DOMAIN_ADDRESSES_MAX];
} RunningDomain;

/* How a lost card is to come back. */
typedef enum RecoverBy {
        RECOVER_LOOK, /* it may have come back by itself */
        RECOVER_SUSPEND,
        RECOVER_RESCAN,
} RecoverBy;

typedef struct ApiOperations {
        /* Reading: answered at once, from memory. 0 or -ENOENT. */
        int (*view)(PciAddress address, GpuView *ret_view, void *userdata);
        /* What its state is based on; NULL: no such card. Borrowed until the loop turns. */
        const EvidenceList *(*evidence)(PciAddress address, void *userdata);
        /* Text of problem @index of the configuration, NULL behind the last. */
        const char *(*problem)(size_t index, char *buffer, size_t size, void *userdata);
        /* What has come of resets, from the store. 0, negative errno, or what @handler has ended it with. */
        int (*each_outcome)(ResetOutcomeHandler handler, void *handler_userdata, void *userdata);

        /* Advice number @index for the VM that gets the card; false behind the last. */
        bool (*advice)(PciAddress address, size_t index, AdviceView *ret_advice, void *userdata);

        void (*to_guest)(Request *request, PciAddress address, void *userdata);
        void (*to_host)(Request *request, PciAddress address, void *userdata);
        void (*reset)(Request *request, PciAddress address, void *userdata);
        void (*recover)(Request *request, PciAddress address, RecoverBy by, void *userdata);
        void (*plan)(Request *request, PciAddress address, Direction direction, void *userdata);

        void (*isolation)(Request *request, PciAddress address, void *userdata);

        void (*prepare_domain)(Request *request, const char *uuid, const char *name, const PciAddress *addresses,
                               size_t n, void *userdata);
        void (*release_domain)(Request *request, const char *uuid, const char *reason, void *userdata);
        void (*domain_event)(Request *request, const char *uuid, const char *event, const char *detail,
                             void *userdata);
        void (*sync_domains)(Request *request, usec_t begun_usec, const RunningDomain *running, size_t n,
                             void *userdata);
        /* virtwatch hears of all that libvirt tells without a gap since then. */
        void (*watch_began)(Request *request, usec_t begun_usec, void *userdata);
        /* It does no longer, or has left the bus, or we have. */
        void (*watch_ended)(void *userdata);
        void (*reload)(Request *request, void *userdata);

        /* Not asked for by anybody: logind says that the machine goes to sleep, or (also when logind has gone) that it is
         * awake again. May come twice. */
        void (*prepare_for_sleep)(bool begin, void *userdata);
} ApiOperations;

/** request_done() - the operation has succeeded. */
void request_done(Request *request);
/** request_plan() - the answer to `plan`. */
void request_plan(Request *request, const Plan *plan);
/** request_isolation() - the answer to `isolation`. */
void request_isolation(Request *request, const Isolation *isolation);
/** request_refuse() - it is not done, for that reason. */
void request_refuse(Request *request, const Refusal *refusal);
/** request_bad_argument() - the caller's fault; the text is for people. */
void request_bad_argument(Request *request, const char *text);
/** request_over_limit() - there is no room for it now; the text names the limit. */
void request_over_limit(Request *request, const char *text);
