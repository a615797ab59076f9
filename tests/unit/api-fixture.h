/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The D-Bus coat on a private bus, with a manager of the test's own behind it and callers of several users before it, all
 * in one loop: whatever is waited for is an answer, never time. A polkit that is the test's own says yes only when told.
 */

#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "api/bus.h"
#include "api/waiters.h"

#define FIXTURE_GPU_PATH "/org/gpuswitch1/gpu/_30000_3a01_3a00_2e0"
#define FIXTURE_UUID "4dea22b3-1d52-d8f3-2516-782e98ab3fa0"

/* One call, and what has come of it. */
typedef struct Call {
        bool held; /* no answer is wanted: an error fails the test. May stand for many calls. */
        bool answered;
        sd_bus_message *reply;
        char error[128]; /* "": it went well */
        char text[1024];
} Call;

typedef struct ApiFixture {
        sd_event *event;
        ApiBus *bus;
        Waiters held[(REQUESTS_MAX + START_REQUESTS_MAX) / WAITERS_MAX + 1]; /* that the manager does not answer */
        bool stuck;            /* as the manager shows its card, with: */
        StuckView stuck_detail;
        EvidenceList evidence;
        Isolation isolation;   /* that is reported */
        size_t n_outcomes;     /* that there are; */
        int outcomes_error;    /* or why they cannot be read */
        unsigned n_asked;      /* requests that have reached the manager */
        unsigned n_running;    /* domains in the last SyncDomains */
        Inhibitors *inhibitors;
        unsigned n_released;   /* inhibitors */
        bool watched;          /* virtwatch is there */
        bool watch_ended;      /* it has left */
        sd_bus *polkit;
        unsigned n_questions;  /* that polkit has been asked */
        unsigned n_cancelled;  /* of these taken back */
        sd_bus_message *question; /* the last one */
        char action[64];
        unsigned n_signals;    /* PropertiesChanged since api_watch_changes(); */
        char signalled[512];   /* the names in the last one, each with a space behind it */
} ApiFixture;

/* Without root there is one user only, and no caller for the domain methods. */
#define API_MAIN(make_suite)                                                             \
        static int run_suite(void);                                                      \
        int main(void) {                                                                 \
                if (geteuid() == 0)                                                      \
                        return run_suite();                                              \
                puts("skipped: callers of several users are needed, and so root");      \
                return 77;                                                               \
        }                                                                                \
        static int run_suite(void) {                                                     \
                SRunner *runner = srunner_create(make_suite());                          \
                srunner_run_all(runner, CK_NORMAL);                                      \
                int n_failed = srunner_ntests_failed(runner);                            \
                srunner_free(runner);                                                    \
                return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;                      \
        }

extern ApiFixture api_fixture;

void api_fixture_setup(void);
void api_fixture_teardown(void);

/** api_user() - the @n-th user of this system that is not root; dbus-daemon wants to know a user's groups. */
uid_t api_user(size_t n);
/** api_caller() - a connection of that user. Needs root for any other user than the test's own. */
sd_bus *api_caller(uid_t uid);
/** api_caller_leaves() - NULL. */
sd_bus *api_caller_leaves(sd_bus *caller);
/** api_call() - send, without waiting. @object: of the GPU, else of the manager. */
void api_call(sd_bus *caller, Call *call, bool gpu, const char *member, const char *types, ...);
/** api_send() - a message that the test has made itself. */
void api_send(sd_bus *caller, Call *call, sd_bus_message *message);
/** api_run_until() - run the loop until @flag is true. The timeout of the test is the end of one that never is. */
void api_run_until(const bool *flag);
/** api_run_until_equal() - the same until *@value is @wanted. */
void api_run_until_equal(const unsigned *value, unsigned wanted);
/** api_n_held() - requests that the manager has and does not answer. */
size_t api_n_held(void);
/** api_run_until_held() - run until there are @n of them. */
void api_run_until_held(size_t n);
/** api_answered() - run until the call has its answer, and forget the reply. */
void api_answered(Call *call);
/** api_watch_changes() - count the card's change signals from now on. In force once a later call has its answer. */
void api_watch_changes(sd_bus *caller);
/** api_get() - a property of the card; the reply to Get, inside its variant of @type. The caller unrefs it. */
sd_bus_message *api_get(sd_bus *caller, const char *property, const char *type);
/** api_expect_text() - the next entry of an a{sv} is that text under that key. */
void api_expect_text(sd_bus_message *message, const char *key, const char *expected);
/** api_polkit_answer() - to the last question. */
void api_polkit_answer(bool yes);
