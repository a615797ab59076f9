/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Putting the rooms together: start, the list of cards, and who goes on when a card becomes idle. */

#include <string.h>

#include "base/address.h"
#include "base/text.h"
#include "gpuswitch/names.h"
#include "log/log.h"
#include "machine/system.h"
#include "manager/domain-request.h"

Card *manager_card(Manager *manager, PciAddress function) {
        for (size_t i = 0; i < manager->n_cards; i++)
                if (address_same_slot(manager->cards[i]->address, function) &&
                    card_function(&manager->cards[i]->facts, function))
                        return manager->cards[i];
        return NULL;
}

/* --- cards that come and go --- */

static const CardFacts *facts_find(const CardFacts *cards, size_t n, PciAddress address) {
        for (size_t i = 0; i < n; i++)
                if (address_equal(cards[i].functions[0].address, address))
                        return &cards[i];
        return NULL;
}

static void remove_gone(Manager *manager, const CardFacts *found, size_t n_found) {
        for (size_t i = 0; i < manager->n_cards;) {
                Card *card = manager->cards[i];

                if (facts_find(found, n_found, card->address)) {
                        i++;
                        continue;
                }
                if (card_is_taken(card) || card->stuck || manager->requests) {
                        manager->rescan = true; /* somebody still points to it */
                        i++;
                        continue;
                }
                log_notice("GPU %s has gone", ADDRESS_TEXT(card->address));
                if (manager->bus)
                        api_bus_gpu_removed(manager->bus, card->address);
                card_free(card);
                manager->cards[i] = manager->cards[--manager->n_cards];
        }
}

static void add_new(Manager *manager, const CardFacts *found, size_t n_found) {
        for (size_t i = 0; i < n_found; i++) {
                PciAddress address = found[i].functions[0].address;

                if (manager_card(manager, address))
                        continue;
                if (manager->n_cards == CARDS_MAX) { /* those that have gone and are still in use count as well */
                        log_error("GPU %s: gpuswitchd looks after %u GPUs already, the most it can: left alone",
                                  ADDRESS_TEXT(address), CARDS_MAX);
                        break;
                }
                Card *card = card_new(manager, &found[i]);
                if (!card) {
                        log_error("Out of memory");
                        break;
                }
                manager->cards[manager->n_cards++] = card;
        }
        sight_first(manager);
        for (size_t i = 0; manager->bus && i < manager->n_cards; i++)
                api_bus_gpu_added(manager->bus, manager->cards[i]->address);
}

int manager_rescan(Manager *manager) {
        _cleanup_free_ CardFacts *found = NULL;
        size_t n_found = 0;

        manager->rescan = false;
        int r = cards_scan("", &found, &n_found);
        if (r == -E2BIG) {
                log_error("This machine has more than %u GPUs, the most that gpuswitchd looks after: none is taken on "
                          "until there are fewer", CARDS_MAX);
                return r;
        }
        if (r < 0) {
                log_error("Could not read the PCI devices of this machine: %s", strerror(-r));
                return r;
        }
        remove_gone(manager, found, n_found);
        /* A function can come later than its display function. */
        for (size_t i = 0; i < manager->n_cards; i++)
                if (!manager->cards[i]->operation && facts_find(found, n_found, manager->cards[i]->address))
                        card_observe(manager->cards[i], "rescan");
        add_new(manager, found, n_found);
        return 0;
}

/* --- idle cards --- */

static int on_idle(sd_event_source *source, void *userdata) {
        Manager *manager = userdata;

        manager->idle = sd_event_source_disable_unref(manager->idle);
        domain_requests_resume(manager);
        for (size_t i = 0; i < manager->n_cards; i++) {
                Card *card = manager->cards[i];
                if (card->wants_home && !card->home_timer && !card_is_taken(card) && !card->stuck &&
                    !lease_is_held(&card->lease))
                        home_go(card);
                wake_look(card);
        }
        if (manager->rescan)
                (void) manager_rescan(manager);
        return 0;
}

void manager_card_idle(Card *card) {
        Manager *manager = card->manager;

        if (!manager->idle)
                (void) sd_event_add_defer(manager->event, &manager->idle, on_idle, manager);
}

/* --- configuration --- */

static void log_problems(const Policy *policy) {
        const PolicyProblem *problem;

        for (size_t i = 0; (problem = policy_problem(policy, i)); i++) {
                LogField fields[] = { { LOG_FIELD_REASON, problem->text } };
                char text[MESSAGE_TEXT_SIZE];
                log_entry(LOG_ERR, MESSAGE_ID_BAD_CONFIGURATION, fields, ELEMENTSOF(fields), "%s",
                          policy_problem_text(problem, text, sizeof(text)));
        }
}

static int load_policy(Manager *manager) {
        const PolicyDirs dirs = {
                .quirks_vendor = manager->config->quirks_dir_vendor,
                .quirks_admin = manager->config->quirks_dir_admin,
                .policy = manager->config->policy_dir,
        };
        Policy *policy = NULL;

        int r = policy_load(&dirs, &policy);
        if (r < 0)
                return r;
        policy_free(manager->policy);
        manager->policy = policy;
        log_problems(policy);
        return 0;
}

void manager_reload(Manager *manager) {
        int r = load_policy(manager);

        if (r < 0) {
                log_error("Could not read quirks and policy, keeping the old ones: %s", strerror(-r));
                return;
        }
        for (size_t i = 0; i < manager->n_cards; i++) {
                Card *card = manager->cards[i];
                card_load_rule(card);
                if (card->operation)
                        card_publish(card);
                else
                        card_observe(card, "quirks and policy have been read again");
                budget_look(card);
        }
        log_info("Quirks and policy have been read again");
}

static const char *api_problem(size_t index, char *buffer, size_t size, void *userdata) {
        Manager *manager = userdata;
        const PolicyProblem *problem = policy_problem(manager->policy, index);

        if (!problem)
                return NULL;
        return policy_problem_text(problem, buffer, size);
}

static int api_view(PciAddress address, GpuView *ret_view, void *userdata) {
        Card *card = manager_card(userdata, address);

        if (!card || card->state < 0)
                return -ENOENT;
        card_view(card, ret_view);
        return 0;
}

static const EvidenceList *api_evidence(PciAddress address, void *userdata) {
        const Card *card = manager_card(userdata, address);

        return card ? &card->evidence : NULL;
}

static int api_each_outcome(ResetOutcomeHandler handler, void *handler_userdata, void *userdata) {
        const Manager *manager = userdata;

        return manager->store ? store_each_outcome(manager->store, handler, handler_userdata) : manager->store_error;
}

/* Only what is meant for this card on this machine; the others are for `quirks match`. */
static bool api_advice(PciAddress address, size_t index, AdviceView *ret_advice, void *userdata) {
        const Manager *manager = userdata;
        const Card *card = manager_card(userdata, address);
        PolicyAdvice advice;

        for (size_t i = 0; card && policy_advice(manager->policy, &card->facts, i, &advice); i++) {
                if (!advice.applies || index-- > 0)
                        continue;
                *ret_advice = (AdviceView){ .text = advice.text, .xml = advice.xml, .source = advice.source };
                return true;
        }
        return false;
}

static void api_reload(Request *request, void *userdata) {
        manager_reload(userdata);
        request_done(request);
}

const ApiOperations manager_operations = {
        .view = api_view,
        .evidence = api_evidence,
        .problem = api_problem,
        .each_outcome = api_each_outcome,
        .advice = api_advice,
        .to_guest = by_hand_to_guest,
        .to_host = by_hand_to_host,
        .reset = by_hand_reset,
        .recover = by_hand_recover,
        .plan = by_hand_plan,
        .isolation = by_hand_isolation,
        .prepare_domain = domain_prepare,
        .release_domain = domain_release,
        .domain_event = domain_event,
        .sync_domains = domain_sync,
        .watch_began = budget_watch,
        .watch_ended = budget_watch_ended,
        .reload = api_reload,
        .prepare_for_sleep = sleep_prepare,
};

/* --- start and end --- */

int manager_new(sd_event *event, const ManagerConfig *config, Manager **ret_manager) {
        _cleanup_(manager_freep) Manager *manager = calloc(1, sizeof(*manager));

        if (!manager)
                return -ENOMEM;
        manager->event = sd_event_ref(event);
        manager->config = config;
        manager->sleep_lock = -EBADF;
        int r = system_boot_id("", manager->boot_id);
        if (r < 0)
                return r;
        r = inhibitors_new(event, inhibit_released, manager, &manager->inhibitors);
        if (r < 0)
                return r;
        r = load_policy(manager);
        if (r < 0)
                return r;
        manager_open_store(manager);

        /* Listening begins before looking, so that nothing falls between. */
        r = uevent_monitor_new(event, watch_uevent, manager, &manager->uevents);
        if (r < 0)
                return r;
        (void) manager_rescan(manager);
        r = sight_follow(manager);
        if (r < 0)
                log_warning("Could not follow the kernel log: %s", strerror(-r));
        recover_all(manager);
        r = api_bus_new(event, &manager_operations, manager->inhibitors, manager, &manager->bus);
        if (r < 0)
                return r;
        for (size_t i = 0; i < manager->n_cards; i++)
                api_bus_gpu_added(manager->bus, manager->cards[i]->address);
        *ret_manager = TAKE_PTR(manager);
        return 0;
}

Manager *manager_free(Manager *manager) {
        if (!manager)
                return NULL;
        stuck_last_words(manager);
        sight_end(manager);
        suspend_free(manager);
        while (manager->requests)
                domain_request_forget(manager->requests);
        for (size_t i = 0; i < manager->n_cards; i++)
                card_free(manager->cards[i]);
        manager->n_cards = 0; /* what the bus still lets go of finds none */
        sd_event_source_disable_unref(manager->idle);
        sd_event_source_disable_unref(manager->store_timer);
        sd_event_source_disable_unref(manager->kernel_log_source);
        kernel_log_free(manager->kernel_log);
        (void) close_fd(manager->sleep_lock);
        uevent_monitor_free(manager->uevents);
        api_bus_free(manager->bus);
        inhibitors_free(manager->inhibitors);
        store_free(manager->store);
        policy_free(manager->policy);
        sd_event_unref(manager->event);
        free(manager);
        return NULL;
}
