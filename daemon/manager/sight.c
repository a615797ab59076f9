/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What happened before the daemon looked: store and kernel log, replayed through the state machine.
 *
 * The log is read once whole (every card sorts out its own facts), later it is followed for what the driver link does
 * not tell.
 */

#include <string.h>
#include <sys/epoll.h>

#include "base/address.h"
#include "base/text.h"
#include "core/history.h"
#include "gpuswitch/names.h"
#include "log/log.h"
#include "manager/domain-request.h"

/* How far it was read is kept with every change of a card, at the daemon's end, and when so many records have come: far
 * fewer than any ring holds, so that also a daemon that was killed leaves no hole to the next one. */
#define LOG_RECORDS_PER_SAVE 256U

/* One card's share of the log. */
typedef struct Sight {
        Card *card;
        bool known; /* the store has seen this card */
        StoredCard stored;
        bool same_boot;
        size_t n_facts;
        LogFact facts[LOG_FACTS_MAX];
        bool overflow;
} Sight;

typedef struct SightAll {
        Sight sights[CARDS_MAX];
        size_t n;
        uint64_t first_sequence;
        uint64_t last_sequence;
        bool any;
        SleepProof proof;
} SightAll;

static SleepOutcome sleep_outcome(SleepProof *proof, const KernelLogRecord *record, uint64_t expected) {
        SleepLine line = kernel_log_sleep_line(record);

        if (record->sequence != expected)
                sleep_gap(proof);
        return line < 0 ? SLEEP_GOES_ON : sleep_next(proof, line);
}

/* A line that comes again and again says it once; what changes nothing needs no room. */
static void add_fact(Sight *sight, LogFact fact) {
        bool again = sight->n_facts > 0 && sight->facts[sight->n_facts - 1] == fact && fact != LOG_FACT_HOST_INIT;

        if (again || fact == LOG_FACT_POWER || fact == LOG_FACT_IN_USE)
                return;
        if (sight->n_facts == LOG_FACTS_MAX)
                sight->overflow = true;
        else
                sight->facts[sight->n_facts++] = fact;
}

static void on_old_record(const KernelLogRecord *record, void *userdata) {
        SightAll *all = userdata;
        SleepOutcome slept = sleep_outcome(&all->proof, record, all->any ? all->last_sequence + 1 : record->sequence);

        if (!all->any)
                all->first_sequence = record->sequence;
        all->any = true;
        all->last_sequence = record->sequence;
        for (size_t i = 0; i < all->n; i++) {
                Sight *sight = &all->sights[i];
                if (sight->same_boot && record->sequence <= sight->stored.log_sequence)
                        continue;
                LogFact fact = slept == SLEEP_GOES_ON ? kernel_log_fact(record, &sight->card->facts) : sleep_fact(slept);
                if (fact >= 0)
                        add_fact(sight, fact);
        }
}

static void load_stored(Sight *sight) {
        Card *card = sight->card;
        Manager *manager = card->manager;

        int r = manager->store ? store_load_card(manager->store, card->identity, &sight->stored) : -ENOENT;
        if (r < 0 && r != -ENOENT)
                log_error("GPU %s: what the store says of it makes no sense (%s); its history counts as unknown",
                          ADDRESS_TEXT(card->address), strerror(-r));
        sight->known = r >= 0;
        card_load_history(card, sight->known ? &sight->stored : NULL);
        if (r < 0 && r != -ENOENT) {
                sight->overflow = true;
                return;
        }
        if (!sight->known)
                return;
        sight->same_boot = streq(sight->stored.boot_id, manager->boot_id) &&
                           address_equal(sight->stored.address, card->address);
        card->home = sight->stored.home;
        if (!sight->same_boot)
                home_forget_fellows(&card->home);
        else {
                (void) card_look(card); /* it may be away, with what its home names */
                card->lease = sight->stored.lease;
                card->wants_home = sight->stored.wants_home;
                /* Version 1 of the store knew of listed companions only. */
                card->lease.unguarded |= lease_has_domain(&card->lease) && card_owner(&card->facts) == OWNER_GUEST &&
                                         card_guard_in_force(card) == GUARD_NONE;
                card->after_driver_ran = sight->stored.after_driver_ran;
        }
}

static void replay_same_boot(Sight *sight, bool gap) {
        Card *card = sight->card;
        bool bound_before = driver_is_host(sight->stored.driver);
        bool bound_now = driver_is_host(card->facts.functions[0].driver);

        ResetState state = history_continue(&card->rule.state, sight->stored.state, bound_before, bound_now,
                                            sight->facts, sight->n_facts);
        /* Who had it when the machine slept. */
        if (lease_has_domain(&card->lease))
                state = reset_state_next(state, &card->rule.state, CARD_EVENT_GUEST_OPEN);
        if (gap || sight->overflow)
                state = reset_state_next(state, &card->rule.state, CARD_EVENT_HISTORY_GAP);
        if (history_lost_power(sight->facts, sight->n_facts))
                card->after_driver_ran = false;
        if (history_driver_ran(&(FirstSight){ .host_driver_bound = bound_now && !bound_before }, sight->facts,
                               sight->n_facts))
                card->after_driver_ran = true;
        card->seen_bound |= bound_before || state != RESET_STATE_FRESH;
        card->log_sequence = sight->stored.log_sequence;
        card_set_state(card, state, gap ? "known from earlier in this boot, with a gap in the kernel log since then"
                                        : "known from earlier in this boot");
}

static bool state_is_suspect(ResetState state) {
        return state == RESET_STATE_PREFAIL || state == RESET_STATE_FAILED || state == RESET_STATE_UNKNOWN;
}

static void replay_first(Sight *sight, bool log_complete) {
        Card *card = sight->card;
        FirstSight first = {
                .log_complete = log_complete && !sight->overflow,
                .store_lost = card->manager->history_lost,
                .host_driver_bound = driver_is_host(card->facts.functions[0].driver),
                .stored_suspect = sight->known && state_is_suspect(sight->stored.state),
        };
        const char *reason = first.store_lost ? "first sight in this boot; the store could not be read"
                             : !first.log_complete ? "first sight in this boot; its kernel log is not complete"
                             : first.stored_suspect
                                     ? "first sight in this boot; the last boot left it suspect, and no power loss is proven"
                                     : "first sight in this boot, by its kernel log";

        ResetState state = history_replay(&card->rule.state, &first, sight->facts, sight->n_facts);
        card->after_driver_ran = history_driver_ran(&first, sight->facts, sight->n_facts);
        card->seen_bound |= sight->n_facts > 0;
        card_set_state(card, state, reason);
}

void sight_first(Manager *manager) {
        _cleanup_free_ SightAll *all = calloc(1, sizeof(*all));
        bool gap = false;

        if (!all) {
                log_error("Out of memory while learning the history of the cards");
                return;
        }
        for (size_t i = 0; i < manager->n_cards; i++)
                if (manager->cards[i]->state < 0) {
                        Sight *sight = &all->sights[all->n++];
                        sight->card = manager->cards[i];
                        load_stored(sight);
                }
        if (all->n == 0)
                return;

        /* A log of its own for this reading: the one that is followed stays where it is. */
        _cleanup_(kernel_log_freep) KernelLog *log = NULL;
        int r = kernel_log_open(manager->config->kernel_log_path, &log);
        if (r >= 0)
                r = kernel_log_read(log, on_old_record, all, &gap);
        if (r < 0)
                log_warning("Could not read the kernel log, the history of the cards counts as unknown: %s",
                            strerror(-r));
        bool complete = r >= 0 && !gap && all->any;

        for (size_t i = 0; i < all->n; i++) {
                Sight *sight = &all->sights[i];
                if (sight->same_boot)
                        replay_same_boot(sight, r < 0 || (gap && all->first_sequence > sight->stored.log_sequence + 1));
                else
                        replay_first(sight, complete);
                sight->card->log_sequence = MAX_OF(sight->card->log_sequence, all->last_sequence);
                (void) card_save(sight->card);
        }
}

static void on_new_fact(Card *card, LogFact fact, const char *line) {
        switch (fact) {
        case LOG_FACT_RESET_LINE:
                card_note(card, CARD_EVENT_RESET_LINE, line);
                break;
        case LOG_FACT_DEAD:
                card_note(card, CARD_EVENT_CONFIG_DEAD, line);
                break;
        case LOG_FACT_BUS_RESET:
                card_note(card, CARD_EVENT_BUS_RESET, line);
                break;
        case LOG_FACT_BAR_RESTORE:
                card_note(card, CARD_EVENT_HISTORY_GAP, line);
                break;
        case LOG_FACT_IN_USE:
                (void) text_format(card->reason, sizeof(card->reason), "%s", line);
                card_note(card, CARD_EVENT_NOTED, line);
                break;
        case LOG_FACT_POWER:
                card_note(card, CARD_EVENT_NOTED, line);
                break;
        case LOG_FACT_POWER_LOSS: /* see on_sleep() */
        case LOG_FACT_HIBERNATED:
                break;
        case LOG_FACT_HOST_INIT: /* binds and guests are known first-hand by now */
        case LOG_FACT_GUEST_USE:
                (void) card_save(card); /* the next daemon must not count this line again */
                break;
        case _LOG_FACT_MAX:
        case _LOG_FACT_INVALID:
                break;
        }
}

static void on_sleep(Card *card, SleepOutcome slept) {
        switch (slept) {
        case SLEEP_POWER_LOST:
                wake_power_lost(card);
                break;
        case SLEEP_HIBERNATED:
                wake_hibernated(card);
                break;
        case SLEEP_NO_PROOF:
        case SLEEP_LIGHT:
                wake_unproven(card, slept == SLEEP_NO_PROOF);
                break;
        case SLEEP_GOES_ON:
                break;
        }
}

static void on_new_record(const KernelLogRecord *record, void *userdata) {
        Manager *manager = userdata;
        SleepOutcome slept = sleep_outcome(&manager->sleep_proof, record, manager->log_next);

        manager->log_next = record->sequence + 1;
        suspend_slept(manager, slept);
        for (size_t i = 0; i < manager->n_cards; i++) {
                Card *card = manager->cards[i];
                if (record->sequence <= card->log_sequence)
                        continue;
                card->log_sequence = record->sequence;
                if (slept != SLEEP_GOES_ON) {
                        on_sleep(card, slept);
                        continue;
                }
                LogFact fact = kernel_log_fact(record, &card->facts);
                if (fact >= 0)
                        on_new_fact(card, fact, record->text);
                else if (record->sequence % LOG_RECORDS_PER_SAVE == 0)
                        (void) card_save(card);
        }
}

static int on_kernel_log(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        Manager *manager = userdata;
        bool gap = false;

        int r = kernel_log_read(manager->kernel_log, on_new_record, manager, &gap);
        if (r < 0) {
                log_warning("Could not follow the kernel log: %s", strerror(-r));
                manager->kernel_log_source = sd_event_source_disable_unref(manager->kernel_log_source);
        }
        for (size_t i = 0; gap && i < manager->n_cards; i++)
                card_note(manager->cards[i], CARD_EVENT_HISTORY_GAP, "records of the kernel log were lost before they could be read");
        return 0;
}

void sight_end(Manager *manager) {
        for (size_t i = 0; manager->store && i < manager->n_cards; i++) {
                Card *card = manager->cards[i];
                /* A claim that is still waited for is not granted. */
                bool waits = lease_has_domain(&card->lease) && domain_request_find(manager, card->lease.domain_uuid);
                if (card->state >= 0 && !card_is_taken(card) && !card->stuck && !waits)
                        (void) card_save(card);
        }
}

int sight_follow(Manager *manager) {
        bool gap = false;

        int r = kernel_log_open(manager->config->kernel_log_path, &manager->kernel_log);
        if (r < 0)
                return r;
        r = kernel_log_read(manager->kernel_log, on_new_record, manager, &gap);
        if (r < 0)
                return r;
        r = sd_event_add_io(manager->event, &manager->kernel_log_source, kernel_log_fd(manager->kernel_log), EPOLLIN,
                            on_kernel_log, manager);
        return r == -EPERM ? 0 : r; /* a plain file (tests) has nothing to follow */
}
