/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One PrepareDomain from its claims to its verdict; inside the manager only. */

#include "manager/internal.h"

/* One of its cards. */
typedef struct DomainCard {
        Card *card;
        bool lists_companion; /* the XML names a companion function of the card */
        PciAddress companion;
        Operation *operation; /* while one runs for this request */
        bool planned;
        bool arrived; /* its operation has succeeded */
        bool was_going_home; /* it goes on home if the request comes to nothing */
} DomainCard;

/** domain_request_new() - claim @cards and begin. Takes @request over on success. 0 or negative errno. */
int domain_request_new(Manager *manager, Request *request, const char *uuid, const char *name,
                       const DomainCard *cards, size_t n_cards);
/** domain_request_find() - the one of that domain, or NULL. */
DomainRequest *domain_request_find(Manager *manager, const char *uuid);
/** domain_request_join() - answer @request with the same verdict. Takes it over. */
void domain_request_join(DomainRequest *running, Request *request);
/** domain_request_fail() - give up: what has begun is undone, claims end, callers hear @why. */
void domain_request_fail(DomainRequest *running, const Refusal *why);
/** domain_request_card() - its first card. */
Card *domain_request_card(const DomainRequest *running);
/** domain_request_forget() - free without an answer that means anything; the daemon ends. */
void domain_request_forget(DomainRequest *running);
