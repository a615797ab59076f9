/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A service that looks like gpuswitchd from the bus and does nothing: the client is tested against it.
 *
 * What it answers depends on the card or on the VM's name, see the tables below. Calls are printed on
 * stdout, one line each. Commands come on stdin, so that a test decides when things change:
 *   set ADDRESS owner|driver VALUE · remove ADDRESS · add ADDRESS
 * It ends with stdin (unless --activated) or with the bus.
 */

#include <assert.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>
#include <unistd.h>

#include "fake-reports.h"
#include "gpuswitch/names.h"

#define N_CARDS 4U
#define STEPS 3U

typedef struct Card {
        const char *address;
        const char *name;
        char owner[16];
        char driver[32]; /* of the display function */
        unsigned step;   /* 0: no operation */
        sd_bus_message *caller;
        sd_event_source *tick;
        sd_bus_slot *slot;
        char *path;
} Card;

static Card cards[N_CARDS] = {
        { .address = "0000:01:00.0", .name = "Radeon RX 570", .owner = "host", .driver = "amdgpu" },
        { .address = "0000:02:00.0", .name = "big", .owner = "guest", .driver = "vfio-pci" },
        { .address = "10000:03:00.0", .name = "Twin", .owner = "none", .driver = "" },
        { .address = "10000:04:00.0", .name = "Twin", .owner = "host", .driver = "nouveau" },
};
static sd_bus *bus;
static sd_event *event;
static const char *problem;
static bool empty, inhibited;

static void must(int r, const char *what) {
        if (r >= 0)
                return;
        fprintf(stderr, "fake-daemon: %s: %s\n", what, strerror(-r));
        exit(1);
}

static bool is_card(const Card *card, size_t index) {
        return card == &cards[index];
}

/* Properties: the four cards differ so that every way of showing one is there. */

static int get_text(sd_bus *b, const char *path, const char *interface, const char *property,
                    sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const Card *card = userdata;
        const char *text = "";

        if (strcmp(property, "Address") == 0) {
                text = card->address;
                if (is_card(card, 0))
                        puts("fetched");
        } else if (strcmp(property, "Name") == 0)
                text = card->name;
        else if (strcmp(property, "VendorId") == 0)
                text = "1002";
        else if (strcmp(property, "DeviceId") == 0)
                text = "67df";
        else if (strcmp(property, "ResetState") == 0)
                text = is_card(card, 0) ? "fresh" : is_card(card, 1) ? "prefail" : "touched";
        else if (strcmp(property, "Reason") == 0)
                text = is_card(card, 1) ? "amdgpu has taken it a second time" : "";
        else if (strcmp(property, "Owner") == 0)
                text = card->owner;
        else if (strcmp(property, "StuckReason") == 0)
                text = is_card(card, 2) ? "unbind waits in drm_dev_unplug" : "";
        else if (strcmp(property, "Family") == 0)
                text = "polaris";
        else if (strcmp(property, "Guard") == 0)
                text = is_card(card, 1) ? "stub-companion" : "none";
        else if (strcmp(property, "ReturnTo") == 0)
                text = is_card(card, 3) ? "stay" : "host";
        return sd_bus_message_append(reply, "s", text);
}

static int get_flag(sd_bus *b, const char *path, const char *interface, const char *property,
                    sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const Card *card = userdata;
        bool value = strcmp(property, "Stuck") == 0 ? is_card(card, 2) : is_card(card, 1);

        return sd_bus_message_append(reply, "b", (int) value);
}

static int get_group(sd_bus *b, const char *path, const char *interface, const char *property,
                     sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const Card *card = userdata;

        return sd_bus_message_append(reply, "i", is_card(card, 0) ? 14 : is_card(card, 1) ? 0 : -1);
}

static int get_domain(sd_bus *b, const char *path, const char *interface, const char *property,
                      sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const Card *card = userdata;

        if (!is_card(card, 1))
                return sd_bus_message_append(reply, "a{sv}", 0);
        return sd_bus_message_append(reply, "a{sv}", 2, "name", "s", "win\033[31m11", "uuid", "s",
                                     "4dea22b3-1d52-d8f3-2516-782e98ab3fa0");
}

static int get_operation(sd_bus *b, const char *path, const char *interface, const char *property,
                         sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        static const char *const steps[] = { "", "check 1", "unbind 0000:01:00.0 from amdgpu",
                                             "bind it to vfio-pci" };
        const Card *card = userdata;

        if (card->step == 0)
                return sd_bus_message_append(reply, "a{sv}", 0);
        return sd_bus_message_append(reply, "a{sv}", 7, "id", "s", "1", "direction", "s", "guest", "step",
                                     "u", card->step, "steps", "u", STEPS, "description", "s",
                                     steps[card->step], "undoing", "b", 0, "domain", "s", "");
}

static int append_texts(sd_bus_message *reply, const char *key, const char *text) {
        return sd_bus_message_append(reply, "{sv}", key, "as", 2, text, "and another");
}

/* Card 2 hangs since 1970. */
static int get_stuck_detail(sd_bus *b, const char *path, const char *interface, const char *property,
                            sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const Card *card = userdata;

        if (!is_card(card, 2))
                return sd_bus_message_append(reply, "a{sv}", 0);
        must(sd_bus_message_open_container(reply, 'a', "{sv}"), property);
        must(sd_bus_message_append(reply, "{sv}{sv}{sv}{sv}{sv}{sv}{sv}", "step", "s",
                                   "unbind 10000:03:00.0 from amdgpu", "action", "s",
                                   "write 10000:03:00.0 to /sys/bus/pci/drivers/amdgpu/unbind", "function", "s",
                                   card->address, "since_usec", "t", (uint64_t) 3661000000, "pid", "i", 637,
                                   "kernel_function", "s", "drm_dev_unplug", "kernel_stack", "s",
                                   "drm_dev_unplug < amdgpu_pci_remove"),
             property);
        must(append_texts(reply, "holders", "mpv (pid 812) has /dev/dri/card1 open"), property);
        must(append_texts(reply, "help", "End what uses\033[31m it."), property);
        return sd_bus_message_close_container(reply);
}

/* Card 1 has a past. */
static int get_evidence(sd_bus *b, const char *path, const char *interface, const char *property,
                        sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        static const struct {
                uint64_t time_usec;
                const char *event, *old_state, *new_state, *reason;
                int this_boot;
        } rows[] = {
                { 3661000000, "first-sight", "", "fresh", "its kernel log", 0 },
                { 7200000000, "first-sight", "fresh", "fresh", "boot", 1 },
                { 7201500000, "host-unbind", "fresh", "touched", "driver amdgpu -> none\033[31m", 1 },
                { 7202000000, "quirk-reset-failed", "failed", "failed", "it does\nnot answer", 1 },
        };
        const Card *card = userdata;

        must(sd_bus_message_open_container(reply, 'a', "a{sv}"), property);
        for (size_t i = 0; is_card(card, 1) && i < sizeof(rows) / sizeof(rows[0]); i++)
                must(sd_bus_message_append(reply, "a{sv}", 6, "time_usec", "t", rows[i].time_usec, "event", "s",
                                           rows[i].event, "old_state", "s", rows[i].old_state, "new_state", "s",
                                           rows[i].new_state, "reason", "s", rows[i].reason, "this_boot", "b",
                                           rows[i].this_boot),
                     property);
        return sd_bus_message_close_container(reply);
}

static int get_functions(sd_bus *b, const char *path, const char *interface, const char *property,
                         sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        const Card *card = userdata;
        char audio[32];

        snprintf(audio, sizeof(audio), "%.*s1", (int) strlen(card->address) - 1, card->address);
        return sd_bus_message_append(reply, "aa{sv}", 2, 3, "address", "s", card->address, "role", "s",
                                     "display", "driver", "s", card->driver, 3, "address", "s", audio, "role",
                                     "s", "audio", "driver", "s", is_card(card, 0) ? "snd_hda_intel" : "");
}

static int get_problems(sd_bus *b, const char *path, const char *interface, const char *property,
                        sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        return problem ? sd_bus_message_append(reply, "as", 1, problem)
                       : sd_bus_message_append(reply, "as", 0);
}

static void changed(Card *card, const char *property) {
        must(sd_bus_emit_properties_changed(bus, card->path, GPUSWITCH_GPU_INTERFACE, property, NULL),
             property);
}

/* A switch of card 0: one step per turn of the loop, then the reply. */
static int on_tick(sd_event_source *source, void *userdata) {
        Card *card = userdata;

        if (card->step++ < STEPS) {
                changed(card, "Operation");
                must(sd_event_source_set_enabled(source, SD_EVENT_ONESHOT), "tick");
                return 0;
        }
        card->step = 0;
        strcpy(card->owner, "guest");
        strcpy(card->driver, "vfio-pci");
        changed(card, "Operation");
        changed(card, "Owner");
        changed(card, "Functions");
        must(sd_bus_reply_method_return(card->caller, ""), "reply");
        card->caller = sd_bus_message_unref(card->caller);
        card->tick = sd_event_source_unref(card->tick);
        return 0;
}

static int to_guest(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        Card *card = userdata;

        printf("ToGuest %s\n", card->address);
        if (is_card(card, 1))
                return sd_bus_error_set(error, GPUSWITCH_ERROR_BUSY, "VM 'win11' is starting with it");
        if (is_card(card, 2))
                return sd_bus_error_set(error, GPUSWITCH_ERROR_STUCK, "it is stuck\nReboot this machine.");
        if (is_card(card, 3))
                return sd_bus_error_set(error, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED, "ask polkit");
        card->caller = sd_bus_message_ref(message);
        must(sd_event_add_defer(event, &card->tick, on_tick, card), "defer");
        return 1;
}

static int to_host(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        Card *card = userdata;

        printf("ToHost %s\n", card->address);
        if (is_card(card, 1))
                return sd_bus_error_set(error, GPUSWITCH_ERROR_REFUSED, "VM 'win11' has it");
        if (is_card(card, 2)) /* no reply, ever */
                return 1;
        if (is_card(card, 3))
                _exit(0);
        strcpy(card->owner, "host");
        strcpy(card->driver, "amdgpu");
        changed(card, "Owner");
        changed(card, "Functions");
        return sd_bus_reply_method_return(message, "");
}

static int append_step(sd_bus_message *reply, const char *action, const char *path, const char *value,
                       uint32_t offset, const char *reg, bool writes, const char *description) {
        int r = sd_bus_message_open_container(reply, 'a', "{sv}");

        if (r >= 0)
                r = sd_bus_message_append(reply, "{sv}{sv}{sv}{sv}{sv}{sv}{sv}{sv}", "action", "s", action,
                                          "function", "s", "0000:01:00.0", "path", "s", path, "value", "s",
                                          value, "offset", "u", offset, "writes", "b", (int) writes,
                                          "description", "s", description, "timeout_usec", "t",
                                          (uint64_t) 20000000);
        if (r >= 0)
                r = reg ? sd_bus_message_append(reply, "{sv}", "registers", "as", 2, reg, "0x0004/2")
                        : sd_bus_message_append(reply, "{sv}", "registers", "as", 0);
        return r < 0 ? r : sd_bus_message_close_container(reply);
}

static int plan(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        sd_bus_message *reply = NULL;
        const char *direction = NULL;
        Card *card = userdata;

        must(sd_bus_message_read(message, "s", &direction), "Plan");
        if (!is_card(card, 0))
                return sd_bus_error_set(error, GPUSWITCH_ERROR_FAILED, "no plan\nTry later.");
        must(sd_bus_message_new_method_return(message, &reply), "reply");
        must(sd_bus_message_open_container(reply, 'a', "a{sv}"), "reply");
        if (strcmp(direction, "guest") == 0) {
                const char *folder = "/sys/bus/pci/devices/0000:01:00.0";
                char file[128];

                must(append_step(reply, "nodes-free", "", "", 0, NULL, false,
                                 "check that nobody plays sound"),
                     "step");
                snprintf(file, sizeof(file), "%s/driver_override", folder);
                must(append_step(reply, "set-override", file, "vfio-pci", 0, NULL, true, "only vfio-pci"),
                     "step");
                must(append_step(reply, "set-override", file, "", 0, NULL, true, "any driver"), "step");
                snprintf(file, sizeof(file), "%s/config", folder);
                must(append_step(reply, "write-config", file, "0x39d5e86b", 0x7c, NULL, true, "reset"),
                     "step");
                must(append_step(reply, "delay", "", "", 0, NULL, false, "wait 500 ms"), "step");
                must(append_step(reply, "restore-config", file, "", 0, "0x0010/4", true, "BARs"), "step");
        }
        must(sd_bus_message_close_container(reply), "reply");
        must(sd_bus_send(NULL, reply, NULL), "reply");
        sd_bus_message_unref(reply);
        return 1;
}

static const sd_bus_vtable card_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Address", "s", get_text, 0, 0),
        SD_BUS_PROPERTY("Reason", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Name", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("VendorId", "s", get_text, 0, 0),
        SD_BUS_PROPERTY("DeviceId", "s", get_text, 0, 0),
        SD_BUS_PROPERTY("ResetState", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Owner", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Stuck", "b", get_flag, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("StuckReason", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("StuckDetail", "a{sv}", get_stuck_detail, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Evidence", "aa{sv}", get_evidence, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Family", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("IommuGroup", "i", get_group, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Domain", "a{sv}", get_domain, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Operation", "a{sv}", get_operation, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Guard", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("Functions", "aa{sv}", get_functions, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("LeasedByHand", "b", get_flag, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_PROPERTY("ReturnTo", "s", get_text, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_METHOD("ToGuest", "a{sv}", "", to_guest, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("ToHost", "a{sv}", "", to_host, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Plan", "s", "aa{sv}", plan, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Isolation", "", "a{sv}", fake_isolation, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Advice", "", "aa{sv}", fake_advice, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

/* The verdict follows from the VM's name. */
static int prepare_domain(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        const char *uuid = NULL, *name = NULL, *address = NULL;

        must(sd_bus_message_read(message, "ss", &uuid, &name), "PrepareDomain");
        must(sd_bus_message_enter_container(message, 'a', "s"), "PrepareDomain");
        printf("PrepareDomain %s %s", uuid, name);
        while (sd_bus_message_read_basic(message, 's', &address) > 0)
                printf(" %s", address);
        putchar('\n');
        if (strcmp(name, "refused") == 0)
                return sd_bus_error_set(error, GPUSWITCH_ERROR_REFUSED,
                                        "0000:01:00.0 has failed\nPower off.");
        if (strcmp(name, "crash") == 0)
                _exit(0);
        if (strcmp(name, "odd") == 0)
                return sd_bus_error_set(error, "org.example.Odd", "what is this");
        return sd_bus_reply_method_return(message, "");
}

static int release_domain(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        const char *uuid = NULL, *reason = NULL;

        must(sd_bus_message_read(message, "ss", &uuid, &reason), "ReleaseDomain");
        printf("ReleaseDomain %s %s\n", uuid, reason);
        return sd_bus_reply_method_return(message, "");
}

static int on_released(sd_event_source *source, int fd, uint32_t events, void *userdata) {
        puts("Released");
        sd_event_source_disable_unref(source);
        close(fd);
        return 0;
}

/* @why decides: "too much" is over the limit. */
static int inhibit(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        const char *card = NULL, *who = NULL, *why = NULL, *mode = NULL;
        sd_event_source *source = NULL;
        int ends[2];

        must(sd_bus_message_read(message, "ssss", &card, &who, &why, &mode), "Inhibit");
        printf("Inhibit '%s' '%s' '%s' %s\n", card, who, why, mode);
        if (strcmp(why, "too much") == 0)
                return sd_bus_error_set(error, SD_BUS_ERROR_LIMITS_EXCEEDED, "this user has 16 inhibitors");
        must(pipe2(ends, O_CLOEXEC | O_NONBLOCK), "pipe");
        must(sd_event_add_io(event, &source, ends[0], 0, on_released, NULL), "pipe");
        int r = sd_bus_reply_method_return(message, "h", ends[1]);
        close(ends[1]);
        return r;
}

static int list_inhibitors(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        if (empty)
                return sd_bus_reply_method_return(message, "a(ssssuu)", 0);
        if (inhibited)
                return sd_bus_reply_method_return(message, "a(ssssuu)", 3, "", "shell", "the screen", "delay", 0, 1,
                                                  "0000:01:00.0", "farm", "a film", "block", 1000, 812, "", "backup",
                                                  "it reads all", "block", 0, 813);
        return sd_bus_reply_method_return(message, "a(ssssuu)", 2, "0000:02:00.0", "render farm", "a film", "block", 0,
                                          812, "", "shell", "lets the \xc3\xa4 screen go", "delay", 4294967294U, 0);
}

/* With a key that is nobody else's business. */
static int outcomes(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        if (empty)
                return sd_bus_reply_method_return(message, "aa{sv}", 0);
        return sd_bus_reply_method_return(message, "aa{sv}", 1, 11, "vendor_id", "s", "1002", "device_id", "s", "67df",
                                          "subsystem_vendor_id", "s", "1da2", "subsystem_device_id", "s", "e353", "serial",
                                          "s", "0123456789", "family", "s", "polaris", "kernel", "s", "6.12.48", "method",
                                          "s", "pci-config", "tries", "t", (uint64_t) 5, "successes", "t", (uint64_t) 3,
                                          "failures", "t", (uint64_t) 1);
}

static const sd_bus_vtable manager_vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_PROPERTY("Problems", "as", get_problems, 0, SD_BUS_VTABLE_PROPERTY_EMITS_CHANGE),
        SD_BUS_METHOD("PrepareDomain", "ssas", "", prepare_domain, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("ReleaseDomain", "ss", "", release_domain, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Inhibit", "ssss", "h", inhibit, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Outcomes", "", "aa{sv}", outcomes, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("ListInhibitors", "", "a(ssssuu)", list_inhibitors, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

static void export_card(Card *card) {
        must(sd_bus_add_object_vtable(bus, &card->slot, card->path, GPUSWITCH_GPU_INTERFACE, card_vtable,
                                      card),
             "export");
}

static void obey(const char *line) {
        char verb[16] = "", address[32] = "", what[16] = "", value[32] = "";
        Card *card = NULL;

        (void) sscanf(line, "%15s %31s %15s %31s", verb, address, what, value);
        for (size_t i = 0; i < N_CARDS; i++)
                if (strcmp(cards[i].address, address) == 0)
                        card = &cards[i];
        assert(card);
        if (strcmp(verb, "set") == 0) {
                bool is_owner = strcmp(what, "owner") == 0;
                snprintf(is_owner ? card->owner : card->driver, sizeof(card->owner), "%.15s", value);
                changed(card, is_owner ? "Owner" : "Functions");
        } else if (strcmp(verb, "remove") == 0) {
                must(sd_bus_emit_object_removed(bus, card->path), "removed");
                card->slot = sd_bus_slot_unref(card->slot);
        } else if (strcmp(verb, "add") == 0) {
                export_card(card);
                must(sd_bus_emit_object_added(bus, card->path), "added");
        }
}

static int on_stdin(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        char buffer[1024];
        ssize_t n = read(fd, buffer, sizeof(buffer) - 1);

        if (n <= 0)
                return sd_event_exit(event, 0);
        buffer[n] = '\0';
        for (char *rest = buffer, *line; (line = strsep(&rest, "\n"));)
                if (line[0])
                        obey(line);
        return 0;
}

int main(int argc, char **argv) {
        bool activated = false;

        setvbuf(stdout, NULL, _IOLBF, 0);
        for (int i = 1; i < argc; i++) {
                activated = activated || strcmp(argv[i], "--activated") == 0;
                empty = empty || strcmp(argv[i], "--empty") == 0;
                inhibited = inhibited || strcmp(argv[i], "--inhibited") == 0;
                if (strncmp(argv[i], "--problem=", 10) == 0)
                        problem = argv[i] + 10;
        }
        must(sd_bus_open_system(&bus), "bus");
        must(sd_event_new(&event), "event");
        must(sd_bus_attach_event(bus, event, 0), "attach");
        must(sd_bus_set_exit_on_disconnect(bus, true), "exit on disconnect");
        must(sd_bus_add_object_manager(bus, NULL, GPUSWITCH_BUS_PATH), "object manager");
        must(sd_bus_add_object_vtable(bus, NULL, GPUSWITCH_BUS_PATH, GPUSWITCH_MANAGER_INTERFACE,
                                      manager_vtable, NULL),
             "manager");
        for (size_t i = 0; i < N_CARDS && !empty; i++) {
                must(sd_bus_path_encode(GPUSWITCH_GPU_PATH_PREFIX, cards[i].address, &cards[i].path), "path");
                export_card(&cards[i]);
        }
        if (!activated)
                must(sd_event_add_io(event, NULL, STDIN_FILENO, EPOLLIN | EPOLLHUP, on_stdin, NULL), "stdin");
        must(sd_bus_request_name(bus, GPUSWITCH_BUS_NAME, 0), "name");
        puts("ready");
        (void) sd_event_loop(event);
        for (size_t i = 0; i < N_CARDS; i++) {
                sd_bus_message_unref(cards[i].caller);
                sd_event_source_unref(cards[i].tick);
                sd_bus_slot_unref(cards[i].slot);
                free(cards[i].path);
        }
        sd_bus_flush_close_unref(bus);
        sd_event_unref(event);
        return 0;
}
