/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include "watch-fixture.h"

#include <check.h>
#include <dlfcn.h>
#include <libvirt/virterror.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/macros.h"
#include "base/text.h"
#include "gpuswitch/names.h"
#include "log/log.h"

#define HOSTDEV(function, alias)                                                                             \
        "<hostdev mode='subsystem' type='pci' managed='yes'><source><address domain='0x0000' bus='0x01' "    \
        "slot='0x00' function='" function "'/></source><alias name='" alias "'/></hostdev>"
#define DOMAIN_XML                                                                                           \
        "<domain type='test'><name>gpu</name><uuid>" UUID "</uuid><memory>1024</memory>"                     \
        "<os><type>hvm</type></os><devices>" HOSTDEV("0x0", "ua-gpu")                                        \
                HOSTDEV("0x1", "ua-audio") "</devices></domain>"
#define WAIT_MS 20000

PrivateBus bus;
FakeManager manager;
Watch watch;
virConnectPtr control;

virConnectDomainEventGenericCallback callbacks[64];
void *callback_userdata;
virConnectCloseFunc close_callback;
void *close_userdata;
int n_registered;
bool libvirt_is_away;

virConnectPtr virConnectOpenReadOnly(const char *uri) {
        virConnectPtr (*real)(const char *);

        *(void **) &real = dlsym(RTLD_NEXT, "virConnectOpenReadOnly");
        return libvirt_is_away ? NULL : real(uri);
}

int virConnectDomainEventRegisterAny(virConnectPtr connect, virDomainPtr domain, int id,
                                     virConnectDomainEventGenericCallback callback, void *userdata,
                                     virFreeCallback free_callback) {
        int (*real)(virConnectPtr, virDomainPtr, int, virConnectDomainEventGenericCallback, void *,
                    virFreeCallback);

        *(void **) &real = dlsym(RTLD_NEXT, "virConnectDomainEventRegisterAny");
        callbacks[id] = callback;
        callback_userdata = userdata;
        n_registered++;
        return real(connect, domain, id, callback, userdata, free_callback);
}

int virConnectDomainEventDeregisterAny(virConnectPtr connect, int id) {
        int (*real)(virConnectPtr, int);

        *(void **) &real = dlsym(RTLD_NEXT, "virConnectDomainEventDeregisterAny");
        n_registered--;
        return real(connect, id);
}

int virConnectRegisterCloseCallback(virConnectPtr connect, virConnectCloseFunc callback, void *userdata,
                                    virFreeCallback free_callback) {
        close_callback = callback;
        close_userdata = userdata;
        return 0;
}

void on_deadline(int timer, void *userdata) {
        bool *over = userdata;

        *over = true;
}

static void on_line_readable(int handle, int fd, int events, void *userdata) {
        bool *readable = userdata;

        *readable = true;
}

const char *next_line(void) {
        static char line[4096];
        bool over = false, readable = false;
        size_t n = 0;

        int timer = virEventAddTimeout(WAIT_MS, on_deadline, &over, NULL);
        int handle = virEventAddHandle(manager.lines, VIR_EVENT_HANDLE_READABLE, on_line_readable, &readable,
                                       NULL);
        while (!readable && !over)
                ck_assert_int_eq(virEventRunDefaultImpl(), 0);
        virEventRemoveTimeout(timer);
        virEventRemoveHandle(handle);
        ck_assert_msg(readable, "the manager was told nothing");
        while (n < sizeof(line) - 1 && read(manager.lines, &line[n], 1) == 1 && line[n] != '\n')
                n++;
        line[n] = '\0';
        return line;
}

usec_t now_usec(void) {
        struct timespec now;

        clock_gettime(CLOCK_MONOTONIC, &now);
        return (usec_t) now.tv_sec * USEC_PER_SEC + (usec_t) now.tv_nsec / 1000;
}

void expect_event(const char *event, const char *detail) {
        char expected[256];

        (void) text_format(expected, sizeof(expected), "DomainEvent " UUID " %s %s", event, detail);
        ck_assert_str_eq(next_line(), expected);
}

/* A line that ends in a time of CLOCK_MONOTONIC, which it returns: not in the future, and not before the last one. */
static usec_t expect_time(const char *words, usec_t *last_usec) {
        const char *line = next_line(), *rest = text_starts_with(line, words);
        uint64_t at_usec = 0;

        ck_assert_msg(rest && text_to_uint64(rest, 10, &at_usec) == 0, "%s", line);
        ck_assert_msg(at_usec >= *last_usec && at_usec <= now_usec(), "%s", line);
        return *last_usec = at_usec;
}

usec_t expect_reboot(void) {
        static usec_t last_usec;

        return expect_time("DomainEvent " UUID " " DOMAIN_EVENT_REBOOTED " ", &last_usec);
}

usec_t expect_watch(void) {
        static usec_t last_usec;

        return expect_time("WatchBegan ", &last_usec);
}

/* The list that comes next; its time is a time of now. Order of domains is libvirt's. */
void expect_sync(bool with_gpu) {
        static usec_t last_usec;
        const char *line = next_line(), *rest = text_starts_with(line, "SyncDomains ");
        unsigned long long begun_usec = 0;
        char domains[1024] = "";

        ck_assert_msg(rest && sscanf(rest, "%llu %1023[^\n]", &begun_usec, domains) == 2, "%s", line);
        ck_assert_msg(begun_usec >= last_usec && begun_usec <= now_usec(), "%llu", begun_usec);
        last_usec = begun_usec;
        ck_assert_ptr_nonnull(strstr(domains, "test="));
        ck_assert_msg(!with_gpu == !strstr(domains, "gpu=0000:01:00.0,0000:01:00.1"), "%s", line);
        ck_assert_msg(!with_gpu == !strstr(domains, "gpu="), "%s", line);
}

virDomainPtr domain_start(void) {
        virDomainPtr domain = virDomainCreateXML(control, DOMAIN_XML, 0);

        ck_assert_ptr_nonnull(domain);
        return domain;
}

void domain_stop(virDomainPtr domain) {
        ck_assert_int_eq(virDomainDestroy(domain), 0);
}

void domain_reboots(virDomainPtr domain) {
        virConnectDomainEventGenericCallback callback = callbacks[VIR_DOMAIN_EVENT_ID_REBOOT];

        ck_assert_ptr_nonnull(callback);
        callback(control, domain, callback_userdata);
}

void device_event(virDomainPtr domain, int id, const char *alias) {
        virConnectDomainEventDeviceRemovedCallback callback =
                (virConnectDomainEventDeviceRemovedCallback) (void (*)(void)) callbacks[id];

        ck_assert_ptr_nonnull(callback);
        callback(control, domain, alias, callback_userdata);
}

void watch_begin(void) {
        watch.uri = "test:///default";
        ck_assert_int_eq(watch_start(&watch), 0);
}

void watch_begin_told(FakeManagerMood mood) {
        fake_manager_start(&manager, mood);
        watch_begin();
        expect_watch();
        expect_sync(false);
}

static void on_libvirt_error(void *userdata, virErrorPtr error) {
}

void watch_setup(void) {
        log_init(false);
        private_bus_start(&bus);
        ck_assert_int_eq(virInitialize(), 0);
        ck_assert_int_eq(virEventRegisterDefaultImpl(), 0);
        virSetErrorFunc(NULL, on_libvirt_error);
        ck_assert_ptr_nonnull(control = virConnectOpen("test:///default"));
}

void watch_teardown(void) {
        watch_done(&watch);
        ck_assert_int_eq(n_registered, 0);
        fake_manager_stop(&manager);
        virConnectClose(control);
        bool activated = private_bus_has_activated(&bus);
        private_bus_stop(&bus);
        ck_assert_msg(!activated, "virtwatch made the bus start the daemon");
}
