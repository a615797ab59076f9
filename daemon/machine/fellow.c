/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The card is there and can be explained, whatever is wrong with a device that should go along. */

#include "machine/fellow.h"

#include "base/text.h"
#include "machine/cards.h"
#include "machine/function.h"
#include "machine/host-use.h"

int fellow_read(const char *root, PciAddress address, Fellow *ret_fellow) {
        Fellow fellow = { 0 };
        CardFacts card;
        _cleanup_close_ int dir = function_open(root, address);

        if (dir < 0)
                return function_is_gone(dir) ? -ENODEV : dir;
        int r = function_read(dir, address, &fellow.function);
        if (r < 0)
                return function_is_gone(r) ? -ENODEV : r;
        fellow.is_of_card = cards_read(root, address, &card) == 0;
        *ret_fellow = fellow;
        return 0;
}

void fellow_read_use(const char *root, Fellow *fellow) {
        int r = host_use_read(root, fellow->function.address, fellow->host_use);

        if (r < 0)
                (void) text_format(fellow->host_use, sizeof(fellow->host_use), "what for cannot be found out (%s)", strerror(-r));
}
