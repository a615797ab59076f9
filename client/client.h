/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What every verb gets, and how it ends. */

#include <stdbool.h>
#include <stdint.h>

/* Documented; scripts rely on them. */
typedef enum ExitStatus {
        EXIT_DONE = 0,
        EXIT_REFUSED = 1,     /* or failed: the reason is on stderr */
        EXIT_USAGE = 2,       /* wrong usage */
        EXIT_UNREACHABLE = 3, /* the daemon cannot be reached */
} ExitStatus;

#define LINES_ALL UINT64_MAX

/* Strings are borrowed from argv. */
typedef struct Options {
        const char *host;      /* -H, NULL: this one */
        const char *machine;   /* -M, NULL: none */
        const char *directory; /* log -D, NULL: this system's journal */
        uint64_t lines;        /* log -n */
        const char *gpu;       /* inhibit --gpu, NULL: all */
        const char *who;       /* NULL: the command */
        const char *why;
        const char *mode;      /* NULL: block */
        const char *root;      /* quirks --root, NULL: / */
        bool json;
        bool follow;    /* log -f */
        bool this_boot; /* log -b */
        bool list;      /* inhibit --list */
        bool suspend;   /* recover --suspend */
        bool rescan;    /* recover --rescan */
} Options;

/* Verbs get their arguments as a NULL-terminated list whose length main() has checked. */
ExitStatus verb_list(const Options *options, char **arguments);
ExitStatus verb_status(const Options *options, char **arguments);
ExitStatus verb_to_guest(const Options *options, char **arguments);
ExitStatus verb_to_host(const Options *options, char **arguments);
ExitStatus verb_reset(const Options *options, char **arguments);
ExitStatus verb_recover(const Options *options, char **arguments);
ExitStatus verb_plan(const Options *options, char **arguments);
ExitStatus verb_explain(const Options *options, char **arguments);
ExitStatus verb_monitor(const Options *options, char **arguments);
/* Ends with the command's own status. */
ExitStatus verb_inhibit(const Options *options, char **arguments);
ExitStatus verb_quirks(const Options *options, char **arguments);
ExitStatus verb_log(const Options *options, char **arguments);
