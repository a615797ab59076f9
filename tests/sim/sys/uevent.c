/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What udev sends on after its rules have run (systemd's device-monitor.c), to the multicast group of the network
 * namespace that the simulated machine lives in. Held messages keep their order: udev is later than the kernel.
 */

#include "machine.h"
#include "../../unit/udev-message.h"

#include <linux/netlink.h>
#include <string.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/socket.h>

#define HELD_MAX 256U

typedef struct Message {
        size_t n;
        char bytes[1024];
} Message;

static int sender = -1;
static bool holding;
static size_t n_held;
static Message held[HELD_MAX];

static void add(Message *message, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(Message *message, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        int n = vsnprintf(message->bytes + message->n, sizeof(message->bytes) - message->n, format, ap);
        va_end(ap);
        if (n < 0 || message->n + (size_t) n >= sizeof(message->bytes))
                abort();
        message->n += (size_t) n + 1;
}

static void transmit(const Message *message) {
        struct sockaddr_nl udev = { .nl_family = AF_NETLINK, .nl_groups = UDEV_GROUP };

        /* ECONNREFUSED: nobody listens. */
        (void) sendto(sender, message->bytes, message->n, 0, (struct sockaddr *) &udev, sizeof(udev));
}

int uevent_open(void) {
        sender = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
        return sender < 0 ? -errno : 0;
}

static void finish(Message *message, const char *subsystem) {
        UdevHeader header = udev_header(subsystem);

        header.properties_size = (uint32_t) (message->n - sizeof(UdevHeader));
        memcpy(message->bytes, &header, sizeof(header));
        if (holding && n_held < HELD_MAX)
                held[n_held++] = *message;
        else
                transmit(message);
}

/* Of the DRM device below @function: drm_dev_wedged_event(). */
void uevent_send_wedged(const Function *function, const char *methods) {
        Message message = { .n = sizeof(UdevHeader) };

        add(&message, "ACTION=change");
        add(&message, "DEVPATH=/devices/pci0000:00/%s/%s/drm/card%u", function->card->port.name, function->name,
            function->card->model.index);
        add(&message, "SUBSYSTEM=drm");
        add(&message, "SEQNUM=%llu", (unsigned long long) ++machine.uevent_sequence);
        add(&message, "DEVTYPE=drm_minor");
        add(&message, "WEDGED=%s", methods);
        finish(&message, "drm");
}

void uevent_send_module(const char *action, const char *name) {
        Message message = { .n = sizeof(UdevHeader) };

        add(&message, "ACTION=%s", action);
        add(&message, "DEVPATH=/module/%s", name);
        add(&message, "SUBSYSTEM=module");
        add(&message, "SEQNUM=%llu", (unsigned long long) ++machine.uevent_sequence);
        finish(&message, "module");
}

void uevent_send(const char *action, const Function *function, const char *driver) {
        Message message = { .n = sizeof(UdevHeader) };

        add(&message, "ACTION=%s", action);
        if (function->card)
                add(&message, "DEVPATH=/devices/pci0000:00/%s/%s", function->card->port.name, function->name);
        else
                add(&message, "DEVPATH=/devices/pci0000:00/%s", function->name);
        add(&message, "SUBSYSTEM=pci");
        add(&message, "SEQNUM=%llu", (unsigned long long) ++machine.uevent_sequence);
        add(&message, "PCI_SLOT_NAME=%s", function->name);
        if (driver)
                add(&message, "DRIVER=%s", driver);
        finish(&message, "pci");
}

void uevent_hold(bool hold) {
        holding = hold;
        for (size_t i = 0; !hold && i < n_held; i++)
                transmit(&held[i]);
        if (!hold)
                n_held = 0;
}
