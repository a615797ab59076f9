/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Cards of which a refused file speaks. What it says of them is not known, or not to be relied on: until it is mended they are
 * tracked and nobody's reset is run, not even that of an entry that is sound.
 */

#include <json-c/json.h>

#include "policy/model.h"

/**
 * contests_find() - are ids of @family, of a file that is sound so far, those of another file in the same folder?
 * @place: of the family
 *
 * Each one is reported, and the contest kept. Return: 0, or -ENOMEM.
 */
int contests_find(Policy *policy, Report *report, const Place *place, const Family *family);

/**
 * contests_keep() - the cards that a refused quirk file means, as far as that can be read
 * @root: of any form
 *
 * Return: 0, or -ENOMEM.
 */
int contests_keep(Policy *policy, const Report *report, json_object *root);

/**
 * contest_of() - what is to be believed of a card of which a refused file speaks at least as closely as @family
 * @family: what sound files have for the card; NULL: nothing. @level: how closely
 * @ret: set if there is one: the worse of what all of them say
 */
bool contest_of(const Policy *policy, const CardFacts *card, const Family *family, MatchLevel level, Contest *ret);
