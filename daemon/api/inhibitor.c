/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The descriptor is the writing end of a pipe: when its last copy is closed, by will or by the end of the process, the
 * reading end hangs up. Nothing is ever read from it.
 */

#include "api/inhibitor.h"

#include <assert.h>
#include <fcntl.h>
#include <sys/epoll.h>

#include "base/address.h"
#include "base/enum-text.h"
#include "base/text.h"

typedef struct Held {
        Inhibitors *all;
        Inhibitor inhibitor;
        int fd;
        sd_event_source *source;
} Held;

struct Inhibitors {
        sd_event *event;
        InhibitorsHandler released;
        void *userdata;
        size_t n;
        Held *held[INHIBITORS_MAX]; /* oldest first */
};

static const char *const inhibit_mode_table[_INHIBIT_MODE_MAX] = {
        [INHIBIT_BLOCK] = "block",
        [INHIBIT_DELAY] = "delay",
};
DEFINE_ENUM_TEXT(inhibit_mode, InhibitMode, inhibit_mode_table)

static Held *held_free(Held *held) {
        sd_event_source_disable_unref(held->source);
        held->fd = close_fd(held->fd);
        free(held);
        return NULL;
}
DEFINE_CLEANUP(Held *, held_free)

static int on_hangup(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        Held *held = userdata;
        Inhibitors *inhibitors = held->all;
        size_t at = 0;

        while (inhibitors->held[at] != held)
                at++;
        inhibitors->n--;
        memmove(&inhibitors->held[at], &inhibitors->held[at + 1],
                (inhibitors->n - at) * sizeof(inhibitors->held[0]));
        (void) held_free(held);
        inhibitors->released(inhibitors->userdata);
        return 0;
}

int inhibitors_new(sd_event *event, InhibitorsHandler released, void *userdata, Inhibitors **ret_inhibitors) {
        Inhibitors *inhibitors = calloc(1, sizeof(*inhibitors));

        if (!inhibitors)
                return -ENOMEM;
        inhibitors->event = sd_event_ref(event);
        inhibitors->released = released;
        inhibitors->userdata = userdata;
        *ret_inhibitors = inhibitors;
        return 0;
}

Inhibitors *inhibitors_free(Inhibitors *inhibitors) {
        if (!inhibitors)
                return NULL;
        for (size_t i = 0; i < inhibitors->n; i++)
                (void) held_free(inhibitors->held[i]);
        sd_event_unref(inhibitors->event);
        free(inhibitors);
        return NULL;
}

int inhibitors_take(Inhibitors *inhibitors, const Inhibitor *inhibitor, int *ret_fd) {
        size_t of_user = 0;
        int ends[2];

        for (size_t i = 0; i < inhibitors->n; i++)
                of_user += inhibitors->held[i]->inhibitor.uid == inhibitor->uid;
        if (of_user >= INHIBITORS_PER_USER_MAX)
                return INHIBIT_E_USER_LIMIT;
        if (inhibitors->n >= INHIBITORS_MAX)
                return INHIBIT_E_LIMIT;

        _cleanup_(held_freep) Held *held = calloc(1, sizeof(*held));
        if (!held)
                return -ENOMEM;
        held->fd = -EBADF;
        if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
                return -errno;
        _cleanup_close_ int theirs = ends[1];
        held->fd = ends[0];
        held->all = inhibitors;
        held->inhibitor = *inhibitor;
        /* No event is asked for: what hangs up is told in any case, and what is written must not wake us. */
        int r = sd_event_add_io(inhibitors->event, &held->source, held->fd, 0, on_hangup, held);
        if (r < 0)
                return r;
        inhibitors->held[inhibitors->n++] = TAKE_PTR(held);
        *ret_fd = TAKE_FD(theirs);
        return 0;
}

const Inhibitor *inhibitors_find(const Inhibitors *inhibitors, PciAddress card, InhibitMode mode) {
        for (size_t i = 0; i < inhibitors->n; i++) {
                const Inhibitor *inhibitor = &inhibitors->held[i]->inhibitor;
                if (inhibitor->mode == mode && (inhibitor->all || address_equal(inhibitor->card, card)))
                        return inhibitor;
        }
        return NULL;
}

const Inhibitor *inhibitors_get(const Inhibitors *inhibitors, size_t index) {
        return index < inhibitors->n ? &inhibitors->held[index]->inhibitor : NULL;
}
