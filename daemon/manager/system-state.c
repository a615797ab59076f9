/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* systemd's word on whether the machine is going down: org.freedesktop.systemd1.Manager.SystemState. */

#include "base/macros.h"
#include "base/text.h"
#include "manager/internal.h"

/* A system manager that does not answer must not hold up a card. */
#define ASK_TIMEOUT_USEC (5 * USEC_PER_SEC)

typedef struct StateQuery {
        Manager *manager;
        PciAddress address; /* the card may be gone when the answer comes */
        SystemStateHandler handler;
        bool answered;
} StateQuery;

/* A connection that breaks takes its calls with it: whoever waited asks again. */
static void query_free(void *p) {
        StateQuery *query = p;
        Card *card = query->answered ? NULL : manager_card(query->manager, query->address);

        if (card)
                manager_card_idle(card);
        free(query);
}

static int on_answer(sd_bus_message *reply, void *userdata, sd_bus_error *ret_error) {
        StateQuery *query = userdata;
        Card *card = manager_card(query->manager, query->address);
        const char *state = "";

        query->answered = true;
        if (!sd_bus_message_is_method_error(reply, NULL) && sd_bus_message_enter_container(reply, 'v', "s") > 0)
                (void) sd_bus_message_read(reply, "s", &state);
        if (card)
                query->handler(card, streq(state, "stopping"));
        return 0;
}

void system_state_ask(Card *card, SystemStateHandler handler) {
        sd_bus *bus = card->manager->bus ? api_bus_connection(card->manager->bus) : NULL;
        StateQuery *query = malloc(sizeof(*query));
        sd_bus_message *call = NULL;
        sd_bus_slot *slot = NULL;

        int r = bus && query ? sd_bus_message_new_method_call(bus, &call, "org.freedesktop.systemd1",
                                                              "/org/freedesktop/systemd1",
                                                              "org.freedesktop.DBus.Properties", "Get")
                             : -ENOTCONN;
        if (r >= 0)
                r = sd_bus_message_append(call, "ss", "org.freedesktop.systemd1.Manager", "SystemState");
        if (r >= 0)
                r = sd_bus_message_set_auto_start(call, 0);
        if (r >= 0) {
                *query = (StateQuery){ .manager = card->manager, .address = card->address, .handler = handler };
                r = sd_bus_call_async(bus, &slot, call, on_answer, query, ASK_TIMEOUT_USEC);
        }
        sd_bus_message_unref(call);
        if (r < 0) {
                free(query);
                handler(card, false);
                return;
        }
        (void) sd_bus_slot_set_destroy_callback(slot, query_free);
        (void) sd_bus_slot_set_floating(slot, 1);
        sd_bus_slot_unref(slot);
}
