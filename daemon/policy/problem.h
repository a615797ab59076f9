/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The faults of the files that are read, and the place inside a file that each speaks of. */

#include <stdbool.h>

#include "gpuswitch/limits.h"
#include "policy/policy.h"
#include "policy/spots.h"

#define PROBLEMS_MAX 64U
/* One hopeless file must not crowd out what is wrong with the others. */
#define PROBLEMS_PER_FILE_MAX 8U

/* What functions that read a file say of it; the faults are in the report. */
#define POLICY_E_REFUSED 1

typedef struct Problems {
        PolicyProblem list[PROBLEMS_MAX];
        size_t n;
        size_t per_file;                  /* how many of one file are listed; 0: PROBLEMS_PER_FILE_MAX */
        char broken_file[PATH_TEXT_SIZE]; /* the first file that was refused, or "" */
} Problems;

/* Whose folder a file is in. Of entries that mean a card equally closely, the administrator's wins. */
typedef enum PolicyRank {
        POLICY_RANK_VENDOR,
        POLICY_RANK_ADMIN,
} PolicyRank;

/* The faults of one file. */
typedef struct Report {
        Problems *problems;
        const char *file;   /* borrowed */
        const Spots *spots; /* of the file's text, borrowed; NULL: lines are not known */
        PolicyRank rank;
        size_t n_faults;
        bool out_of_memory; /* something could not be checked: that is no fault of the file */
} Report;

/* A JSON pointer (RFC 6901). One that is too long for a problem's `where` is cut. */
typedef struct Place {
        char text[sizeof(((PolicyProblem *) 0)->where)];
} Place;

Place place_key(const Place *parent, const char *key);
Place place_index(const Place *parent, size_t index);

/** report_syntax() - a fault of syntax at @line; 0: the file as a whole. Returns POLICY_E_REFUSED. */
int report_syntax(Report *report, size_t line, const char *format, ...) _printf_(3, 4);
/** report_meaning() - a fault of meaning at @place. Returns POLICY_E_REFUSED. */
int report_meaning(Report *report, const Place *place, const char *format, ...) _printf_(3, 4);
