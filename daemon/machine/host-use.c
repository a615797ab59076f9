/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Asked are only the tables that the kernel keeps anyway. Not seen, because no such table names them: a process that has a
 * disk open without mounting it, and a keyboard that is paired with a Bluetooth adapter.
 */

#include "machine/host-use.h"

#include "base/text.h"
#include "machine/attribute.h"
#include "machine/behind.h"
#include "machine/block-use.h"

#define FLAG_UP 0x1U         /* IFF_UP: an administrator, or NetworkManager, has switched it on */
#define TYPING_KEYS 0xfffffffeU /* KEY_ESC to KEY_S: what udev takes for ID_INPUT_KEYBOARD; a mouse or a button has none of them */

/* Not `carrier`: reading it can wait for the lock of the whole network. Drivers that cannot tell leave it at "unknown". */
static int visit_interface(int dir, const char *name, void *userdata) {
        char state[32], *use = userdata;
        uint64_t flags;

        int r = attribute_read(dir, "operstate", state, sizeof(state));
        if (r < 0)
                return r;
        if (streq(state, "up")) {
                (void) text_format(use, HOST_USE_SIZE, "network interface %s with a link", name);
                return 1;
        }
        if (!streq(state, "unknown"))
                return 0;
        r = attribute_read_uint(dir, "flags", 16, UINT32_MAX, &flags);
        if (r < 0 || !(flags & FLAG_UP))
                return r;
        (void) text_format(use, HOST_USE_SIZE, "network interface %s, which is switched on", name);
        return 1;
}

/* Words of hex digits as wide as the kernel's long, the lowest bits in the last. */
static bool has_typing_keys(const char *bitmap) {
        const char *last = strrchr(bitmap, ' ');
        uint64_t word;

        return text_to_uint64(last ? last + 1 : bitmap, 16, &word) >= 0 && (word & TYPING_KEYS) == TYPING_KEYS;
}

static int visit_input(int dir, const char *name, void *userdata) {
        char keys[512], title[96], *use = userdata;

        /* Event nodes of the same inputs have no such folder. */
        if (attribute_read(dir, "capabilities/key", keys, sizeof(keys)) < 0 || !has_typing_keys(keys))
                return 0;
        if (attribute_read_head(dir, "name", title, sizeof(title)) < 0 || isempty(title))
                (void) text_format(title, sizeof(title), "%s", name);
        (void) text_format(use, HOST_USE_SIZE, "keyboard '%s'", text_make_printable(title));
        return 1;
}

int host_use_read(const char *root, PciAddress address, char ret_use[static HOST_USE_SIZE]) {
        static const struct {
                const char *class_name;
                BehindVisit visit;
        } classes[] = { { "net", visit_interface }, { "input", visit_input } };
        Behind behind;

        ret_use[0] = '\0';
        int r = behind_read(root, address, &behind);
        if (r < 0)
                return r;
        r = block_use_read(&behind, ret_use);
        for (size_t i = 0; i < ELEMENTSOF(classes) && r == 0; i++)
                r = behind_each(&behind, classes[i].class_name, classes[i].visit, ret_use);
        if (r >= 0) {
                (void) text_make_printable(ret_use);
                return 0;
        }
        ret_use[0] = '\0';
        return r;
}
