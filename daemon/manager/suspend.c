/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Suspend as recovery: what a suspend did to the card is decided where every other sleep is (wake.c); here somebody asks for
 * one, and waits for what comes of it. The clock's alarm is set by a helper, the suspend itself is logind's, with whatever keeps
 * the machine awake there. From the first check to the answer no switch begins.
 */

#include <string.h>

#include "base/address.h"
#include "base/text.h"
#include "log/log.h"
#include "machine/system.h"
#include "manager/internal.h"

#define ALARM_TIMEOUT_USEC (10 * USEC_PER_SEC)
#define ASK_TIMEOUT_USEC (30 * USEC_PER_SEC)
/* Of a clock that stands still while the machine sleeps: going to sleep, waking up and the look at the card. */
#define AWAKE_TIMEOUT_USEC (120 * USEC_PER_SEC)

struct Suspend {
        Manager *manager;
        PciAddress address;
        unsigned seconds; /* until the clock wakes the machine */
        bool slept; /* and lost its power: the look at the card is what is waited for */
        Run *run;
        sd_event_source *timer;
        sd_bus_slot *call;
        Waiters waiters;
};

static void suspend_end(Suspend *self, RefusalCode code, const char *why) {
        Manager *manager = self->manager;
        Card *card = manager_card(manager, self->address);
        Refusal refusal;

        manager->suspend = NULL;
        (void) refusal_set(&refusal, code, self->address, why, NULL);
        refusal.state = card ? card->state : _RESET_STATE_INVALID;
        if (code == REFUSAL_NONE)
                waiters_done(&self->waiters);
        else
                waiters_refuse(&self->waiters, &refusal);
        run_free(self->run);
        sd_event_source_disable_unref(self->timer);
        sd_bus_slot_unref(self->call);
        free(self);
        for (size_t i = 0; i < manager->n_cards; i++)
                manager_card_idle(manager->cards[i]); /* what was not begun meanwhile */
}

void suspend_free(Manager *manager) {
        if (manager->suspend)
                suspend_end(manager->suspend, REFUSAL_GOING_DOWN, NULL);
}

static void count_outcome(const Suspend *self, OutcomeResult result) {
        const Card *card = manager_card(self->manager, self->address);

        if (card)
                card_count_outcome(card, "suspend", result);
}

void suspend_slept(Manager *manager, SleepOutcome slept) {
        if (!manager->suspend || slept == SLEEP_GOES_ON)
                return;
        count_outcome(manager->suspend, OUTCOME_TRIED);
        if (slept == SLEEP_POWER_LOST) {
                manager->suspend->slept = true; /* suspend_looked() tells the rest */
                return;
        }
        suspend_end(manager->suspend, REFUSAL_SUSPEND_NO_HELP,
                    slept == SLEEP_NO_PROOF ? "no loss of power is proven: the kernel turned round before it slept"
                                            : "no loss of power is proven: it was no deep suspend");
}

void suspend_looked(Card *card) {
        Suspend *self = card->manager->suspend;

        if (!self || !address_equal(self->address, card->address))
                return;
        bool helped = card->state == RESET_STATE_FRESH || card->state == RESET_STATE_TOUCHED;
        count_outcome(self, helped ? OUTCOME_SUCCEEDED : OUTCOME_FAILED);
        if (helped)
                suspend_end(self, REFUSAL_NONE, NULL);
        else
                suspend_end(self, REFUSAL_SUSPEND_NO_HELP,
                            card->state == RESET_STATE_FAILED ? "it does not answer on the bus" : card->reason);
}

static int on_too_late(sd_event_source *source, uint64_t usec, void *userdata) {
        Suspend *self = userdata;

        if (self->slept)
                suspend_end(self, REFUSAL_SUSPEND_NO_HELP, "it could not be looked at in time");
        else
                suspend_end(self, REFUSAL_SUSPEND_FAILED, "logind has agreed, and the kernel has not told of a suspend");
        return 0;
}

static int on_suspend_answer(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error) {
        Suspend *self = userdata;
        const sd_bus_error *error = sd_bus_message_get_error(reply);
        char why[256];

        self->call = sd_bus_slot_unref(self->call);
        if (!error)
                return 0; /* the kernel tells the rest */
        (void) text_format(why, sizeof(why), "logind says: %s", error->message ?: error->name);
        suspend_end(self, REFUSAL_SUSPEND_FAILED, why);
        return 0;
}

static void ask_logind(Suspend *self) {
        Manager *manager = self->manager;
        sd_bus *bus = manager->bus ? api_bus_connection(manager->bus) : NULL;
        sd_bus_message *call = NULL;

        int r = bus ? sd_bus_message_new_method_call(bus, &call, "org.freedesktop.login1", "/org/freedesktop/login1",
                                                     "org.freedesktop.login1.Manager", "Suspend")
                    : -ENOTCONN;
        if (r >= 0)
                r = sd_bus_message_append(call, "b", 0);
        if (r >= 0)
                r = sd_bus_call_async(bus, &self->call, call, on_suspend_answer, self, ASK_TIMEOUT_USEC);
        sd_bus_message_unref(call);
        if (r >= 0)
                r = sd_event_add_time_relative(manager->event, &self->timer, CLOCK_MONOTONIC, AWAKE_TIMEOUT_USEC, 0,
                                               on_too_late, self);
        if (r < 0)
                suspend_end(self, REFUSAL_SUSPEND_FAILED, strerror(-r));
}

static void on_alarm_ended(Run *run, const RunResult *result, void *userdata) {
        Suspend *self = userdata;

        if (result->end == RUN_END_DONE) {
                self->run = run_free(self->run);
                log_notice("GPU %s: asking logind to suspend the machine, the clock wakes it in %u seconds",
                           ADDRESS_TEXT(self->address), self->seconds);
                ask_logind(self);
                return;
        }
        /* A write to the clock that hangs: its helper is given up, and keeps the card's lock while it does. */
        suspend_end(self, REFUSAL_SUSPEND_FAILED,
                    result->end == RUN_END_LOCKED       ? "another helper still acts on the card"
                    : isempty(result->message) ? "the alarm of the clock could not be set"
                                               : result->message);
}

static void on_alarm_returned(Run *run, void *userdata) {
}

static int set_alarm(Suspend *self) {
        static const RunHandlers handlers = { .ended = on_alarm_ended, .returned = on_alarm_returned };
        const ManagerConfig *config = self->manager->config;
        const RunPaths paths = { config->helper_path, config->lock_dir };
        Plan plan = { .direction = DIRECTION_HOST, .n_steps = 1 };

        plan.steps[0] = (Step){ .kind = STEP_WAKE_ALARM,
                                .address = self->address,
                                .value = self->seconds,
                                .timeout_usec = ALARM_TIMEOUT_USEC };
        return run_plan(self->manager->event, &paths, self->address, &plan, false, &handlers, self, &self->run);
}

/* All that has to be so before anything is begun. */
static int check(const Card *card, Refusal *reterr_refusal) {
        const Manager *manager = card->manager;
        SleepAbility ability;
        char what[512];

        if (card->state == RESET_STATE_FRESH || card->state == RESET_STATE_TOUCHED)
                return refusal_set(reterr_refusal, REFUSAL_SUSPEND_NOT_NEEDED, card->address, NULL, NULL);
        if (manager->going_down)
                return refusal_set(reterr_refusal, REFUSAL_GOING_DOWN, card->address, NULL, NULL);
        if (manager->going_to_sleep)
                return refusal_set(reterr_refusal, REFUSAL_GOING_TO_SLEEP, card->address, NULL, NULL);
        for (size_t i = 0; i < manager->n_cards; i++) {
                const Card *other = manager->cards[i];
                if (lease_has_domain(&other->lease))
                        return refusal_set(reterr_refusal, REFUSAL_LEASED, other->address, other->lease.domain_name,
                                           other->lease.domain_uuid);
                if (!card_is_taken(other) && !other->stuck)
                        continue;
                if (other->stuck)
                        card_stuck_refusal(other, reterr_refusal);
                else {
                        (void) text_format(what, sizeof(what), "it is being switched or recovered");
                        (void) refusal_set(reterr_refusal, REFUSAL_BUSY, other->address, what, NULL);
                }
                return E_REFUSED;
        }
        system_sleep("", &ability);
        const char *missing = sleep_missing(&ability);
        return missing ? refusal_set(reterr_refusal, REFUSAL_SUSPEND_IMPOSSIBLE, card->address, missing, NULL) : 0;
}

void suspend_recover(Card *card, Request *request) {
        Manager *manager = card->manager;
        Refusal refusal;

        if (manager->suspend && address_equal(manager->suspend->address, card->address)) {
                waiters_add(&manager->suspend->waiters, request, card->address);
                return;
        }
        int r = manager->suspend ? refusal_set(&refusal, REFUSAL_GOING_TO_SLEEP, card->address, NULL, NULL)
                                 : check(card, &refusal);
        if (r != 0) {
                refusal.state = card->state;
                request_refuse(request, &refusal);
                return;
        }
        Suspend *self = calloc(1, sizeof(*self));
        r = self ? 0 : -ENOMEM;
        if (r == 0) {
                self->manager = manager;
                self->address = card->address;
                self->seconds = (unsigned) (card->rule.recovery.suspend_usec / USEC_PER_SEC);
                r = set_alarm(self);
        }
        if (r < 0) {
                free(self);
                (void) refusal_set(&refusal, REFUSAL_SUSPEND_FAILED, card->address, strerror(-r), NULL);
                request_refuse(request, &refusal);
                return;
        }
        manager->suspend = self;
        waiters_add(&self->waiters, request, card->address);
}
