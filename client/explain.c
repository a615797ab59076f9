/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Can it switch? The daemon is asked for the plan of both ways, which changes nothing; where it refuses, its text has the
 * reason in the first line and a cure in each of the others. A stuck card is not asked for plans: nobody
 * acts on it, and its properties say what hangs.
 *
 * First everything is gathered into the JSON that --json prints, then the text is made of that.
 */

#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "client/advice.h"
#include "client/bus.h"
#include "client/field.h"
#include "client/inhibit.h"
#include "client/isolation.h"
#include "client/json.h"
#include "client/plan.h"
#include "client/printable.h"
#include "client/session.h"
#include "client/stuck.h"
#include "gpuswitch/names.h"

static const struct {
        const char *direction, *label;
} sides[] = { { "guest", "To guest" }, { "host", "To host" } };

/* A client without memory has nothing to tidy up. */
static json_object *need(json_object *object) {
        if (object)
                return object;
        fputs("out of memory\n", stderr);
        exit(EXIT_REFUSED);
}

static void add_text(json_object *object, const char *key, const char *text) {
        (void) json_object_object_add(object, key, json_object_new_string(text));
}

/* @text: the reason, and below it a cure in each line. */
static json_object *obstacle_new(const char *error, const char *text) {
        json_object *obstacle = need(json_object_new_object()), *cures = need(json_object_new_array());
        _cleanup_free_ char *copy = strdup(text);
        char *rest = copy;

        add_text(obstacle, "error", error);
        add_text(obstacle, "reason", copy ? strsep(&rest, "\n") : "");
        for (char *line; rest && (line = strsep(&rest, "\n"));)
                if (!isempty(line))
                        (void) json_object_array_add(cures, json_object_new_string(line));
        (void) json_object_object_add(obstacle, "cures", cures);
        return obstacle;
}

static json_object *obstacle_stuck(const Gpu *gpu) {
        json_object *obstacle = obstacle_new(GPUSWITCH_ERROR_STUCK, gpu->stuck_reason);
        json_object *help = member_of_type(gpu->stuck_detail, "help", json_type_array);

        if (help)
                (void) json_object_object_add(obstacle, "cures", json_object_get(help));
        return obstacle;
}

/* The plan does not ask whose the card is; the way home does. */
static json_object *obstacle_domain(const Gpu *gpu) {
        char text[MESSAGE_TEXT_SIZE];

        (void) text_format(text, sizeof(text),
                           "It belongs to virtual machine '%s' (%s).\nShut that virtual machine down: the card then "
                           "comes home by itself, unless policy or a person wants it to stay.",
                           gpu->domain_name, gpu->domain_uuid);
        return obstacle_new(GPUSWITCH_ERROR_REFUSED, text);
}

/* The plan changes nothing, so nobody blocks it; the switch is. From a daemon that knows no inhibitors there is no list. */
static void add_inhibitors(sd_bus_message *inhibitors, const Gpu *gpu, json_object *obstacles) {
        char who[MESSAGE_TEXT_SIZE], text[2 * MESSAGE_TEXT_SIZE];

        int r = inhibitors ? inhibitors_rewind(inhibitors) : -ENODATA;
        while (r >= 0 && inhibitors_next_block(inhibitors, gpu->address, who, sizeof(who)) > 0) {
                (void) text_format(text, sizeof(text),
                                   "It is held back by %s.\nWait until that program is done, or end it.", who);
                (void) json_object_array_add(obstacles, obstacle_new(GPUSWITCH_ERROR_REFUSED, text));
        }
}

/* Return: EXIT_DONE with *@ret_obstacle NULL or owned by the caller, *@ret_steps how much there is to do. */
static ExitStatus ask_plan(const Session *session, const Gpu *gpu, const char *direction, int64_t *ret_steps,
                           json_object **ret_obstacle) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        _cleanup_(json_object_putp) json_object *steps = NULL;

        int r = plan_fetch(session->bus, gpu, direction, &steps, &error);
        if (r >= 0)
                *ret_steps = (int64_t) json_object_array_length(steps);
        else if (bus_error_is_verdict(&error))
                *ret_obstacle = obstacle_new(error.name, error.message ? error.message : "");
        else
                return bus_fail(session->options, &error, r);
        return EXIT_DONE;
}

/* {"possible","there","steps","obstacles"}: one way. */
static ExitStatus explain_side(const Session *session, sd_bus_message *inhibitors, const Gpu *gpu, const char *direction,
                               json_object *card) {
        json_object *side = need(json_object_new_object()), *obstacles = need(json_object_new_array()), *obstacle = NULL;
        bool to_host = streq(direction, "host");
        ExitStatus status = EXIT_DONE;
        int64_t n_steps = 0;

        (void) json_object_object_add(card, direction, side);
        (void) json_object_object_add(side, "obstacles", obstacles);
        if (gpu->stuck)
                obstacle = obstacle_stuck(gpu);
        else if (to_host && !isempty(gpu->domain_uuid))
                obstacle = obstacle_domain(gpu);
        else
                status = ask_plan(session, gpu, direction, &n_steps, &obstacle);
        if (status != EXIT_DONE)
                return status;
        if (obstacle)
                (void) json_object_array_add(obstacles, obstacle);
        bool there = !obstacle && n_steps == 0;
        if (!obstacle && !there)
                add_inhibitors(inhibitors, gpu, obstacles);
        (void) json_object_object_add(side, "possible",
                                      json_object_new_boolean(json_object_array_length(obstacles) == 0));
        (void) json_object_object_add(side, "there", json_object_new_boolean(there));
        (void) json_object_object_add(side, "steps", json_object_new_int64(n_steps));
        return EXIT_DONE;
}

static ExitStatus explain_card(const Session *session, sd_bus_message *inhibitors, const Gpu *gpu, json_object **ret_card) {
        _cleanup_(json_object_putp) json_object *card = need(json_object_new_object());
        bool possible = true;

        add_text(card, "address", gpu->address);
        add_text(card, "name", gpu->name);
        (void) json_object_object_add(card, "stuck", json_object_new_boolean(gpu->stuck));
        (void) json_object_object_add(card, "stuck_detail", json_object_get(gpu->stuck_detail));
        for (size_t i = 0; i < ELEMENTSOF(sides); i++) {
                ExitStatus status = explain_side(session, inhibitors, gpu, sides[i].direction, card);
                if (status != EXIT_DONE)
                        return status;
                possible = possible && member_flag(member_of_type(card, sides[i].direction, json_type_object), "possible");
        }
        (void) json_object_object_add(card, "possible", json_object_new_boolean(possible));
        if (!gpu->stuck)
                (void) json_object_object_add(card, "isolation", need(isolation_fetch(session->bus, gpu)));
        (void) json_object_object_add(card, "advice", need(advice_fetch(session->bus, gpu)));
        (void) json_object_object_add(card, "recoveries", json_object_get(gpu->recoveries));
        *ret_card = json_object_get(card);
        return EXIT_DONE;
}

static void put_obstacle(json_object *obstacle, const char *label, bool colour_on) {
        json_object *cures = member_of_type(obstacle, "cures", json_type_array);

        field_label(label);
        colour_put(stdout, colour_on, COLOUR_BAD, "no");
        fputs(": ", stdout);
        printable_put(stdout, member_text(obstacle, "reason"));
        putchar('\n');
        for (size_t i = 0; cures && i < json_object_array_length(cures); i++)
                field_line(colour_on, i == 0 ? "Cure" : "", COLOUR_PLAIN,
                           json_object_get_string(json_object_array_get_idx(cures, i)));
}

static void put_side(json_object *side, const char *label, bool colour_on) {
        json_object *obstacles = member_of_type(side, "obstacles", json_type_array);

        for (size_t i = 0; i < json_object_array_length(obstacles); i++)
                put_obstacle(json_object_array_get_idx(obstacles, i), label, colour_on);
        if (json_object_array_length(obstacles) > 0)
                return;
        field_label(label);
        if (member_flag(side, "there"))
                fputs("is there already\n", stdout);
        else {
                colour_put(stdout, colour_on, COLOUR_GOOD, "yes");
                printf(", in %d steps\n", (int) member_number(side, "steps", 0));
        }
}

/* What a person may ask for when the card is lost. */
static void put_recoveries(const Gpu *gpu, bool colour_on) {
        char text[256] = "gpuswitchctl recover";

        if (!gpu->recoveries || streq(gpu->reset_state, "fresh") || streq(gpu->reset_state, "touched"))
                return;
        for (size_t i = 0; i < json_object_array_length(gpu->recoveries); i++) {
                const char *name = json_object_get_string(json_object_array_get_idx(gpu->recoveries, i));
                if (!streq(name, "look"))
                        (void) text_append(text, sizeof(text), "%s--%s", i > 1 ? ", or with " : ", also with ", name);
        }
        field_line(colour_on, "Recovery", COLOUR_PLAIN, text);
}

static void put_card(const Gpu *gpu, json_object *card, bool colour_on) {
        field_heading(gpu, colour_on);
        stuck_put(gpu, colour_on);
        for (size_t i = 0; i < ELEMENTSOF(sides); i++)
                if (gpu->stuck)
                        field_line(colour_on, sides[i].label, COLOUR_BAD, "no, while it is stuck");
                else
                        put_side(member_of_type(card, sides[i].direction, json_type_object), sides[i].label,
                                 colour_on);
        put_recoveries(gpu, colour_on);
        stuck_put_help(gpu, colour_on);
        if (!gpu->stuck)
                isolation_put(member_of_type(card, "isolation", json_type_object), colour_on);
        advice_put(member_of_type(card, "advice", json_type_array), colour_on);
}

ExitStatus verb_explain(const Options *options, char **arguments) {
        _cleanup_(json_object_putp) json_object *object = need(json_object_new_object());
        json_object *cards = need(json_object_new_array());
        bool colour_on = colour_wanted(stdout), possible = true;
        _cleanup_session_ Session session = { 0 };
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *inhibitors = NULL;
        const Gpu *gpus = session.list.gpus;

        (void) json_object_object_add(object, "gpus", cards);
        ExitStatus status = session_open(&session, options);
        size_t n_gpus = status == EXIT_DONE ? session.list.n_gpus : 0;
        if (status == EXIT_DONE && arguments[0]) {
                status = session_gpu(&session, arguments[0], &gpus);
                n_gpus = 1;
        }
        if (status == EXIT_DONE && n_gpus > 0)
                (void) inhibitors_fetch(session.bus, &inhibitors, NULL);
        if (status == EXIT_DONE && n_gpus == 0 && !options->json)
                fputs("This machine has no GPU.\n", stderr);
        for (size_t i = 0; status == EXIT_DONE && i < n_gpus; i++) {
                json_object *card = NULL;
                status = explain_card(&session, inhibitors, &gpus[i], &card);
                if (status != EXIT_DONE)
                        return status;
                (void) json_object_array_add(cards, card);
                possible = possible && member_flag(card, "possible");
                if (options->json)
                        continue;
                if (i > 0)
                        putchar('\n');
                put_card(&gpus[i], card, colour_on);
        }
        if (status != EXIT_DONE)
                return status;
        if (options->json)
                print_json(stdout, object);
        return possible ? EXIT_DONE : EXIT_REFUSED;
}
