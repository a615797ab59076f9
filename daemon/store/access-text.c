/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How a step gets at a register as one text. Only what would be written again in the same form is read. */

#include <inttypes.h>
#include <stdio.h>

#include "base/text.h"
#include "store/internal.h"

static bool place_makes_sense(const RegisterPlace *place) {
        return place->bar < BARS_MAX && place->index_offset % 4 == 0 && place->data_offset % 4 == 0 &&
               place->address % 4 == 0;
}

bool access_makes_sense(const Step *step) {
        return place_makes_sense(&step->place) && place_makes_sense(&step->other) && step->test >= 0 &&
               step->test < _REGISTER_TEST_MAX;
}

static void place_append(const RegisterPlace *place, char buffer[static ACCESS_TEXT_SIZE]) {
        (void) text_append(buffer, ACCESS_TEXT_SIZE, " %x:%x:%x:%x", place->bar, place->index_offset,
                           place->data_offset, place->address);
}

static bool place_is_none(const RegisterPlace *place) {
        return place->bar == 0 && place->index_offset == 0 && place->data_offset == 0 && place->address == 0;
}

const char *access_format(const Step *step, char buffer[static ACCESS_TEXT_SIZE]) {
        buffer[0] = '\0';
        if (step->mask == 0 && step->other_mask == 0 && place_is_none(&step->place) && place_is_none(&step->other) &&
            step->test == REGISTER_EQUALS)
                return buffer;
        (void) text_format(buffer, ACCESS_TEXT_SIZE, "%x %x", step->mask, (unsigned) step->test);
        place_append(&step->place, buffer);
        (void) text_append(buffer, ACCESS_TEXT_SIZE, " %x", step->other_mask);
        place_append(&step->other, buffer);
        return buffer;
}

int access_parse(const char *text, Step *step) {
        char again[ACCESS_TEXT_SIZE];
        unsigned test = 0, bar = 0, other_bar = 0;

        if (isempty(text))
                return 0;
        if (sscanf(text, "%" SCNx32 " %x %x:%" SCNx16 ":%" SCNx16 ":%" SCNx32 " %" SCNx32 " %x:%" SCNx16 ":%" SCNx16 ":%" SCNx32,
                   &step->mask, &test, &bar, &step->place.index_offset, &step->place.data_offset, &step->place.address,
                   &step->other_mask, &other_bar, &step->other.index_offset, &step->other.data_offset,
                   &step->other.address) != 11)
                return -EINVAL;
        if (test >= _REGISTER_TEST_MAX || bar >= BARS_MAX || other_bar >= BARS_MAX)
                return -EINVAL;
        step->test = (RegisterTest) test;
        step->place.bar = (uint8_t) bar;
        step->other.bar = (uint8_t) other_bar;
        return streq(access_format(step, again), text) && access_makes_sense(step) ? 0 : -EINVAL;
}
