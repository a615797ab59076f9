/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every fault makes its file a refused one, whether or not there is room left to say so: the list is
 * for people, `broken_file` is for the decision. Texts carry words out of the file, and they end in
 * journals and on terminals, so what is not plain ASCII is masked.
 */

#include "policy/problem.h"

#include <stdarg.h>

#include "base/text.h"

Place place_key(const Place *parent, const char *key) {
        Place place = *parent;
        int r = text_append(place.text, sizeof(place.text), "/");

        for (; *key && r == 0; key++)
                r = *key == '~'   ? text_append(place.text, sizeof(place.text), "~0")
                    : *key == '/' ? text_append(place.text, sizeof(place.text), "~1")
                                  : text_append(place.text, sizeof(place.text), "%c", *key);
        return place;
}

Place place_index(const Place *parent, size_t index) {
        Place place = *parent;

        (void) text_append(place.text, sizeof(place.text), "/%zu", index);
        return place;
}

static void mask(char *text) {
        for (; *text; text++)
                if (*text < 0x20 || *text > 0x7e)
                        *text = '?';
}

/* The next free entry, or NULL when there is nothing to be said any more. */
static PolicyProblem *next_problem(Report *report, bool *ret_is_last) {
        Problems *problems = report->problems;
        size_t per_file = problems->per_file ?: PROBLEMS_PER_FILE_MAX;

        if (isempty(problems->broken_file))
                (void) text_format(problems->broken_file, sizeof(problems->broken_file), "%s", report->file);
        report->n_faults++;
        if (report->n_faults > per_file || problems->n >= PROBLEMS_MAX)
                return NULL;
        *ret_is_last = report->n_faults == per_file || problems->n == PROBLEMS_MAX - 1;
        return &problems->list[problems->n++];
}

/* @place: NULL for a fault of syntax, which is at @line */
_printf_(4, 0) static int report_fault(Report *report, const Place *place, size_t line, const char *format,
                                       va_list ap) {
        bool is_last = false;
        PolicyProblem *problem = next_problem(report, &is_last);

        if (!problem)
                return POLICY_E_REFUSED;
        problem->is_syntax = !place;
        problem->line = place ? spots_line(report->spots, place->text) : line;
        (void) text_format(problem->file, sizeof(problem->file), "%s", report->file);
        if (place)
                (void) text_copy(problem->where, sizeof(problem->where), place->text);
        else if (line > 0)
                (void) text_format(problem->where, sizeof(problem->where), "line %zu", line);
        else
                (void) text_copy(problem->where, sizeof(problem->where), "the file");
        (void) vsnprintf(problem->text, sizeof(problem->text), format, ap);
        if (is_last)
                (void) text_append(problem->text, sizeof(problem->text), " (further faults are not listed)");
        mask(problem->file);
        mask(problem->where);
        mask(problem->text);
        return POLICY_E_REFUSED;
}

int report_syntax(Report *report, size_t line, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        int r = report_fault(report, NULL, line, format, ap);
        va_end(ap);
        return r;
}

int report_meaning(Report *report, const Place *place, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        int r = report_fault(report, place, 0, format, ap);
        va_end(ap);
        return r;
}

const char *policy_problem_text(const PolicyProblem *problem, char *buffer, size_t size) {
        (void) text_format(buffer, size, "%s: %s", problem->file, problem->where);
        if (!problem->is_syntax)
                (void) text_append(buffer, size, "%s(line %zu)", isempty(problem->where) ? "" : " ", problem->line);
        (void) text_append(buffer, size, ": %s", problem->text);
        return buffer;
}
