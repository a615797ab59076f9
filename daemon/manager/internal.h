/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What the files of this room share. */

#include <systemd/sd-bus.h>

#include "api/bus.h"
#include "api/refusal-text.h"
#include "api/waiters.h"
#include "clock/clock.h"
#include "core/budget.h"
#include "core/evidence.h"
#include "core/history.h"
#include "core/isolation.h"
#include "core/lease.h"
#include "core/outcome.h"
#include "core/plan.h"
#include "exec/run.h"
#include "machine/cards.h"
#include "machine/helper-lock.h"
#include "machine/kernel-log.h"
#include "machine/uevents.h"
#include "manager/manager.h"
#include "policy/policy.h"
#include "store/store.h"

#define LOG_FACTS_MAX 256U
#define NOTES_MAX 16U
#define ENDED_TEXT_SIZE 48U /* the name of any refusal */

/* The machine has lost its power in a sleep, and the card has not been looked at since. */
typedef struct Wake {
        bool pending;
        bool bound; /* who had it when the machine slept */
        bool guest;
        char driver[DRIVER_NAME_SIZE];
        size_t n_since;
        CardEvent since[16]; /* what happened after the loss */
} Wake;

typedef struct Card Card;
typedef struct Operation Operation;
typedef struct DomainRequest DomainRequest;
typedef struct Suspend Suspend;

struct Card {
        Manager *manager;
        PciAddress address; /* of function 0 */
        char identity[IDENTITY_TEXT_SIZE];
        char name[CARD_NAME_SIZE]; /* from the hardware database */
        CardFacts facts;
        Rule rule;
        ResetState state;
        char reason[256]; /* why it is in that state */
        ResetState last_known; /* by the store, before the first sight; negative: never seen */
        EvidenceList evidence; /* what the state is based on */
        char noted[256];  /* the last event that changed nothing and could come again and again */
        Wake wake;
        unsigned n_notes; /* such events since the state last changed */
        bool after_driver_ran;
        bool vendor_reset_unknown; /* vendor-reset has said that it does not know the card */
        bool seen_bound;  /* a host driver has had it in this boot */
        Lease lease;
        Home home;
        bool home_incomplete; /* the last switch could not put everything back */
        Owner shown_owner;
        uint64_t log_sequence;   /* kernel log records up to this one are in the state */
        uint64_t uevent_horizon; /* uevents up to this one are the traces of our own steps */
        Operation *operation;
        bool wants_home; /* released, and not home yet */
        sd_event_source *home_timer; /* its way home could not be recorded: when to try again */
        char unended_id[UUID_TEXT_SIZE]; /* an operation that has ended, and the store does not know yet */
        char unended_outcome[ENDED_TEXT_SIZE];
        bool goes_back;  /* and that only puts back a start that came to nothing */
        char released_by[DOMAIN_NAME_SIZE];

        uint32_t warned_left; /* guest reboots left at the last look; UINT32_MAX: no look yet */
        bool reboot_stops;    /* libvirt has been told to stop the domain at its next reboot */
        char stop_problem[256]; /* why it could not be told, or "" */
        sd_event_source *budget_timer; /* the last reboot goes on: when it is over for sure */
        char stopped_text[512]; /* why the last domain stopped, where that was our doing, or "" */
        char ended_uuid[UUID_TEXT_SIZE]; /* a domain that has let it go, and virtwatch has still to tell why */
        char ended_name[DOMAIN_NAME_SIZE];
        bool ended_rebooting; /* and whose reboot would have become a stop */

        bool stuck;
        char stuck_reason[MESSAGE_TEXT_SIZE];
        StuckView stuck_detail;
        Step stuck_step;             /* what hangs; its kind is negative when it was only a look at the card */
        Run *stuck_run;              /* our own abandoned helper, or NULL */
        HelperLock old_helper;        /* a helper that an earlier daemon left, while there is stuck_watch: */
        sd_event_source *stuck_watch; /* its pidfd */
        sd_event_source *stuck_timer; /* how long that helper may take; when stuck: when to look again */
        StoredOperation *unfinished;  /* what it was doing */
};

struct Manager {
        sd_event *event;
        const ManagerConfig *config;
        Policy *policy;
        Store *store;
        int store_error; /* why there is none: negative errno */
        sd_event_source *store_timer; /* when to look again for one */
        ApiBus *bus;
        Inhibitors *inhibitors;
        KernelLog *kernel_log;
        sd_event_source *kernel_log_source;
        SleepProof sleep_proof; /* what the log said of a sleep so far */
        uint64_t log_next;      /* the sequence number that its next record should have */
        UeventMonitor *uevents;
        char boot_id[BOOT_ID_TEXT_SIZE];
        bool going_down;
        bool going_to_sleep; /* logind has said so, and not yet that it is awake */
        unsigned n_moving;   /* operations that hold the machine awake */
        int sleep_lock;      /* logind's, while they do; < 0: none */
        bool sleep_lock_asked;
        bool watched; /* virtwatch is there, and hears libvirt */
        Suspend *suspend; /* as recovery, while somebody waits for it */
        bool history_lost; /* the store could not be read: what it knew is a hole */
        size_t n_cards;
        Card *cards[CARDS_MAX];
        DomainRequest *requests; /* PrepareDomain calls that wait for their verdict */
        sd_event_source *idle; /* goes through who waited for a card */
        bool rescan; /* something has come or gone while it could not be looked at */
};

/* --- card.c, card-history.c: one card: what is known of it, and every change of that --- */

/** card_new() - a card with what the store knows of it. Its state is learnt by sight_first(). NULL: no memory. */
Card *card_new(Manager *manager, const CardFacts *facts);
Card *card_free(Card *card);
/** card_load_rule() - take the effective rule from quirks and policy. */
void card_load_rule(Card *card);
/** card_event() - let the state machine decide, record, log and signal. */
void card_event(Card *card, CardEvent event, const char *reason);
/**
 * card_note() - as card_event(), for what the machine may say a thousand times
 *
 * What changes nothing is kept once when it comes again and again, and not more than NOTES_MAX between two changes of
 * state: a chatty line must push no other evidence out.
 */
void card_note(Card *card, CardEvent event, const char *reason);
/** card_set_state() - for first sight, where the state comes from replaying. */
void card_set_state(Card *card, ResetState state, const char *reason);
/** card_look() - read all links again, the surveys stay; tells nobody. Return: as cards_read(). */
int card_look(Card *card);
/** card_observe() - read the links again; a changed driver is an event with that reason. */
void card_observe(Card *card, const char *reason);
/** card_driver_seen_gone() - the display function was unbound, whatever the link says now. */
void card_driver_seen_gone(Card *card, const char *reason);
/** card_apply_survey() - take over what a helper has read; all ones or an answer is an event. */
void card_apply_survey(Card *card, const CardFacts *surveyed);
/** card_save() - commit; logs a failure and returns it. */
int card_save(Card *card);
/** card_begin_record() - commit @operation, and with it what is known of the card; logs a failure and returns it. */
int card_begin_record(Card *card, const StoredOperation *operation);
/** card_end_record() - the operation @id has ended, and what is known of the card goes with it; what cannot be committed now is by the next card_save(). */
void card_end_record(Card *card, const char *id, const char *outcome, const char *detail);
/** card_store_failed() - log that @what could not be recorded. */
void card_store_failed(const Card *card, const char *what, int error);
/** card_load_history() - what the store has on the time before: @known is the card's row, or NULL. */
void card_load_history(Card *card, const StoredCard *known);
/** card_note_evidence() - record what an event has made of the card, and show it. */
void card_note_evidence(Card *card, CardEvent event, ResetState from, ResetState to, const char *reason);
/** card_note_first_sight() - the same for the state that the history was replayed to. */
void card_note_first_sight(Card *card, ResetState to, const char *reason);
/** card_count_outcome() - of a reset by @method (a short name, as "vendor-reset"): tried, and what came of it. A reset
 * that does not apply is not counted. A failure is logged. */
void card_count_outcome(const Card *card, const char *method, OutcomeResult result);
/** card_owner_shown() - as people see it. */
Owner card_owner_shown(const Card *card);
/** card_view() - fill in what both coats show. */
void card_view(const Card *card, GpuView *ret_view);
/** card_publish() - log a changed owner, signal changed properties. */
void card_publish(Card *card);
/** card_runs_after_driver() - is @driver the one behind which the card's recipe may run? */
bool card_runs_after_driver(const Card *card, const char *driver);
/** card_is_taken() - an operation runs on it, or a helper or record of an earlier daemon is not done with yet. */
static inline bool card_is_taken(const Card *card) {
        return card->operation || card->unfinished || card->stuck_watch;
}
/** card_guard_in_force() - card_guard() by what the machine shows at this moment: modules come and go without a word. */
Guard card_guard_in_force(const Card *card);
/** card_guest_got_it() - a domain has the card: guest-open, and a bus reset if nothing guards it. */
void card_guest_got_it(Card *card, bool unguarded, const char *reason);

/* --- manager.c --- */

Card *manager_card(Manager *manager, PciAddress function);
/** manager_card_idle() - an operation of the card has ended: whoever waited goes on. */
void manager_card_idle(Card *card);
/** manager_rescan() - cards that have come or gone. 0; -E2BIG over CARDS_MAX, then nothing has changed; other errno. */
int manager_rescan(Manager *manager);
extern const ApiOperations manager_operations;

/* --- open-store.c --- */

void manager_open_store(Manager *manager);
/** manager_store_problem() - what an error of the store means, for people. */
const char *manager_store_problem(int error);

/* --- sight.c --- */

/** sight_first() - learn the state of every card that has none yet, from store and kernel log. */
void sight_first(Manager *manager);
/** sight_follow() - read the kernel log from now on. 0 or negative errno. */
int sight_follow(Manager *manager);
/** sight_end() - the daemon ends: the next one goes on where this one stops to read. */
void sight_end(Manager *manager);

/* --- sleep.c: logind --- */

/** sleep_hold() - a sleep of the machine is to wait until sleep_let_go(). Asks logind, and waits for nothing. */
void sleep_hold(Operation *operation);
void sleep_let_go(Operation *operation);
/** sleep_refuses() - is the machine going to sleep? Then no switch begins. */
bool sleep_refuses(const Card *card, Refusal *ret_refusal);
/** sleep_prepare() - logind says that the machine goes to sleep, or is awake again. */
void sleep_prepare(bool begin, void *userdata);

/* --- suspend.c: suspend as recovery --- */

/** suspend_recover() - suspend the machine for the card, and answer @request with what has come of it. Takes it over. */
void suspend_recover(Card *card, Request *request);
/** suspend_slept() - the machine has slept, whoever asked for it. */
void suspend_slept(Manager *manager, SleepOutcome slept);
/** suspend_looked() - the card was looked at after a loss of power. */
void suspend_looked(Card *card);
/** suspend_free() - the daemon ends; who waits is told so. */
void suspend_free(Manager *manager);

/* --- wake.c: what a sleep of the machine did to a card --- */

/** wake_power_lost() - the power was gone; whether the card answers is looked up. */
void wake_power_lost(Card *card);
/** wake_look() - do that now, if it is still to be done and nobody acts on the card. */
void wake_look(Card *card);
/** wake_note_event() - an event of the time after the loss of power. */
void wake_note_event(Card *card, CardEvent event);
/** wake_hibernated() - another kernel has had the card in between. */
void wake_hibernated(Card *card);
/** wake_unproven() - the machine slept, and no loss of power is proven. @deep: though it was to be a deep sleep */
void wake_unproven(Card *card, bool deep);

/* --- watch.c --- */
void watch_uevent(const Uevent *uevent, void *userdata);

/* --- operation.c: one run of a plan, from the survey to the last undo --- */

typedef enum OperationPhase {
        OPERATION_SETTLING,  /* a driver may still be loading */
        OPERATION_SURVEYING,
        OPERATION_DELAYED, /* a program has asked to be waited for */
        OPERATION_PLANNED, /* a domain with several cards: all or none */
        OPERATION_RUNNING,
        OPERATION_UNDOING,
        OPERATION_TAIL, /* the rest of a way home, behind a step that failed */
} OperationPhase;

/* How an operation ended; @refusal is NULL on success. Claims that it changes are committed with the end of its record:
 * before anybody is told. The operation is freed later. */
typedef void (*OperationEnded)(Operation *operation, const Refusal *refusal, void *userdata);

struct Operation {
        Card *card;
        char id[UUID_TEXT_SIZE];
        Direction direction;
        char domain_uuid[UUID_TEXT_SIZE]; /* "": by hand, or the daemon itself */
        char domain_name[DOMAIN_NAME_SIZE];
        bool by_hand;
        bool claimed;   /* a person has begun or joined it to have the card: a lease by hand when it arrives */
        bool question;  /* survey and plan only */
        bool look_only; /* survey only */
        Isolation *isolation; /* and not of the card, but of what is around it; NULL: of the card */
        bool reset;     /* the card's own reset, and it stays where it is */
        bool rescan;    /* off the bus and back, see plan_recover() */
        bool lists_companion;
        PciAddress companion;
        bool without_card; /* the card is lost and will be refused; what went along with it goes home */

        OperationPhase phase;
        Run *run;
        size_t index; /* of the step in hand */
        Plan plan;
        Plan back; /* while UNDOING or TAIL */
        bool recorded;
        bool reset_begun;
        size_t reset_index;   /* of the step that has begun it */
        bool outcome_known; /* of its reset, and counted */
        bool cancelled;
        bool group_held;      /* the way back could not make sure that no VM has the card */
        bool back_incomplete; /* a step of the way back has failed */
        bool registers_lost;  /* it could not put back what a reset has wiped: no driver may see the card */
        bool restored_again;  /* and has tried a second time */
        int store_error;      /* a commit has failed: negative errno */
        unsigned n_helpers_lost;
        bool announced;  /* PrepareForSwitch has been signalled */
        bool delay_over; /* nobody is waited for again */
        bool holds_sleep; /* a sleep of the machine waits for it */
        Refusal refusal; /* why it will end as refused */
        sd_event_source *settle_source;
        sd_event_source *wait_timer; /* while SETTLING or DELAYED */

        DomainRequest *group; /* all or none with these; NULL: goes on by itself */
        OperationEnded ended;
        void *userdata;
        Waiters waiters;
};

typedef struct OperationStart {
        Direction direction;
        const char *domain_uuid; /* or NULL */
        const char *domain_name;
        bool by_hand;
        bool claimed;
        bool question;
        bool look_only;
        bool isolation;
        bool reset;
        bool rescan;
        bool lists_companion;
        PciAddress companion;
        DomainRequest *group;
        OperationEnded ended;
        void *userdata;
} OperationStart;

/** operation_start() - begin with the survey. The card must be idle and not stuck. 0 or negative errno. */
int operation_start(Card *card, const OperationStart *start, Operation **ret_operation);
/** operation_settle() - wait for drivers that are still loading, then survey, from the loop. 0 or negative errno. */
int operation_settle(Operation *operation);
/** operation_survey() - let a helper read what may block, then plan. */
void operation_survey(Operation *operation);
/** operation_execute() - from PLANNED on: record and run, from the loop. */
void operation_execute(Operation *operation);
/** operation_wait() - answer @request when the operation ends. Takes it over. */
void operation_wait(Operation *operation, Request *request);
/** operation_moves() - it has written to the card, or is about to. */
bool operation_moves(const Operation *operation);
/** operation_cancel() - end after the step in hand, undo, and report @why. May end (and free) it at once. */
void operation_cancel(Operation *operation, const Refusal *why);
/** operation_can_turn_round() - a way home that no host driver has seen yet. */
bool operation_can_turn_round(const Operation *operation);
/** operation_describe() - "the way to the guest for virtual machine 'win11'". */
void operation_describe(const Operation *operation, char *buffer, size_t size);
/** operation_finish() - the end: record, log, callbacks, and free. @refusal NULL on success. */
void operation_finish(Operation *operation, const Refusal *refusal);
void operation_free(Operation *operation);

/* --- inhibit.c --- */

/** inhibit_refuses() - does somebody block what was asked for? Then *@ret_refusal names who and why. */
bool inhibit_refuses(const Operation *operation, Refusal *ret_refusal);
/** inhibit_delays() - does somebody delay it? Then it waits, and is surveyed and planned again. */
bool inhibit_delays(Operation *operation);
/** inhibit_ended() - the operation is over: who was told of it hears that. */
void inhibit_ended(const Operation *operation);
/** inhibit_describe_delay() - whom a delayed operation waits for. */
void inhibit_describe_delay(const Operation *operation, char *buffer, size_t size);
/** inhibit_released() - InhibitorsHandler: whoever waited for that one goes on. */
void inhibit_released(void *userdata);

/* --- operation-reset.c: the steps of the family's reset, in a plan that is running --- */

void operation_reset_step_begins(Operation *operation, size_t index);
/** operation_reset_step_ended() - @error and @message as RunHandlers.after_step has them. */
void operation_reset_step_ended(Operation *operation, size_t index, int error, const char *message);
/** operation_reset_was_refused() - did the step fail before anything was done to the card? */
bool operation_reset_was_refused(const Operation *operation, size_t index, int error);
/** operation_reset_failed() - the card is lost; @why is the evidence. */
void operation_reset_failed(Operation *operation, const char *why);

/* --- operation-run.c --- */

/** operation_helper_lost() - a helper has died in its work; may another one take over? */
bool operation_helper_lost(Operation *operation, const char *where, const char *how);
/** operation_run_plan() - run operation->plan from step @first on. */
void operation_run_plan(Operation *operation, size_t first);
/** operation_run_back() - run operation->back in the phase given, whatever its steps say. */
void operation_run_back(Operation *operation, OperationPhase phase);
/** operation_undo() - plan and run the way back; ends the operation with its `refusal`. */
void operation_undo(Operation *operation, size_t n_started);

/* --- stuck.c --- */

/** card_stuck() - @operation ends, its helper does not. @step: what it hangs in, NULL in a survey. */
void card_stuck(Card *card, Operation *operation, const Step *step);
/** card_probe_stuck() - the same for the run in stuck_run, which belongs to no operation and is at its only step. */
void card_probe_stuck(Card *card, const Step *step);
/** card_stuck_refusal() - fill in the refusal for a stuck card. */
void card_stuck_refusal(const Card *card, Refusal *ret_refusal);
/** stuck_look_again() - the helper is gone: finish or undo what it was doing. */
void stuck_look_again(Card *card, StoredOperation *unfinished);
/** stuck_watch_old_helper() - is a helper of an earlier daemon still there? Then nobody else acts on the card until it is
 * gone, and @stored (or NULL: nothing is on record) is taken over. */
bool stuck_watch_old_helper(Card *card, StoredOperation *stored);
/** stuck_last_words() - the daemon goes: what a stuck card does to a shutdown is said on the console. */
void stuck_last_words(const Manager *manager);

/* --- recover.c --- */

/** recover_all() - what a dead daemon left behind. */
void recover_all(Manager *manager);
/** recover_operation() - decide about one record, with nobody acting on the card. Takes @stored over. */
void recover_operation(Card *card, StoredOperation *stored);

/* --- home.c --- */

/** home_release() - the claim on the card has ended: bring it home, unless somebody wants it to stay. */
void home_release(Card *card, const char *why);
/** home_go() - start the way home. */
void home_go(Card *card);
/** home_ended() - what a way home that nobody asked for owes when it has ended: for OperationStart.ended. */
void home_ended(Operation *operation, const Refusal *refusal, void *userdata);

/* --- budget.c: guest reboots of a card that bears only a few, and how its guests end --- */

/** budget_new_run() - the claim of a domain begins or has ended. */
void budget_new_run(Card *card);
/** budget_granted() - a domain has got the card. */
void budget_granted(Card *card);
/** budget_look() - the number may have changed: warn, ask for a stop at the next reboot, signal. */
void budget_look(Card *card);
/** budget_event() - what virtwatch says about the domain @uuid; false when that is nothing of this. */
bool budget_event(Card *card, const char *uuid, const char *event, const char *detail);
/** budget_released() - the card's domain is over; in the words of libvirt's hook, or of virtwatch. */
void budget_released(Card *card, const char *reason);
/** budget_told_end() - virtwatch says why domain @uuid is over; the hook of an older libvirt could not. */
void budget_told_end(Card *card, const char *uuid, const char *reason);
/** budget_view() - fill in what both coats show. */
void budget_view(const Card *card, GpuView *view);
void budget_watch(Request *request, usec_t begun_usec, void *userdata);
void budget_watch_ended(void *userdata);

/* --- domain.c, by-hand.c: the operations of the api --- */
void domain_prepare(Request *request, const char *uuid, const char *name, const PciAddress *addresses, size_t n,
                    void *userdata);
void domain_release(Request *request, const char *uuid, const char *reason, void *userdata);
void domain_event(Request *request, const char *uuid, const char *event, const char *detail, void *userdata);
void domain_sync(Request *request, usec_t begun_usec, const RunningDomain *running, size_t n, void *userdata);
/** domain_operation_ended() - the operation of one of a request's cards has ended, and its record too. */
void domain_operation_ended(Operation *operation, const Refusal *refusal);
/** domain_operation_planned() - one of a request's cards has its plan. */
void domain_operation_planned(Operation *operation);
/** domain_requests_resume() - a card has become idle: requests that waited for it go on. */
void domain_requests_resume(Manager *manager);
void by_hand_to_guest(Request *request, PciAddress address, void *userdata);
void by_hand_to_host(Request *request, PciAddress address, void *userdata);
void by_hand_reset(Request *request, PciAddress address, void *userdata);
void by_hand_recover(Request *request, PciAddress address, RecoverBy by, void *userdata);
void by_hand_plan(Request *request, PciAddress address, Direction direction, void *userdata);
void by_hand_isolation(Request *request, PciAddress address, void *userdata);

/* --- system-state.c --- */

typedef void (*SystemStateHandler)(Card *card, bool going_down);
/** system_state_ask() - is the system stopping? Asked of systemd; without an answer it is not. */
void system_state_ask(Card *card, SystemStateHandler handler);
