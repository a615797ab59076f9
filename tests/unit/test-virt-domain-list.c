/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The list of running domains when libvirt does not give all it should. The test driver always does, so two
 * of libvirt's functions are put in front of the real ones here.
 */

#include <dlfcn.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/address.h"
#include "base/macros.h"
#include "base/text.h"
#include "check-main.h"
#include "log/log.h"
#include "virt/domain-list.h"

#define UUID "4dea22b3-1d52-d8f3-2516-782e98ab3fa0"
#define TEST_UUID "6695eb01-f6a4-8304-79aa-97f2502e193f" /* the test driver's own domain */
#define HOSTDEV(function, alias)                                                                             \
        "<hostdev mode='subsystem' type='pci' managed='yes'><source><address domain='0x0000' bus='0x01' "    \
        "slot='0x00' function='" function "'/></source><alias name='" alias "'/></hostdev>"
#define DOMAIN_XML                                                                                           \
        "<domain type='test'><name>gpu</name><uuid>" UUID "</uuid><memory>1024</memory>"                     \
        "<os><type>hvm</type></os><devices>" HOSTDEV("0x0", "ua-gpu")                                        \
                HOSTDEV("0x1", "ua-audio") "</devices></domain>"

static enum { XML_RIGHT, XML_BROKEN, XML_REFUSED, XML_GONE } xml_mode;
static int n_listed = -1; /* what virConnectListAllDomains() says: itself, or this many */
static virConnectPtr control;
static DomainList list;

char *virDomainGetXMLDesc(virDomainPtr of, unsigned flags) {
        char *(*real)(virDomainPtr, unsigned);

        ck_assert_uint_eq(flags & VIR_DOMAIN_XML_SECURE, 0); /* a read-only connection may not have it */
        switch (xml_mode) {
        case XML_BROKEN:
                return strdup("<domain><name>gpu</name>");
        case XML_REFUSED: /* leaves some error that is not "no such domain" */
                ck_assert_int_lt(virDomainSetMemory(of, 0), 0);
                ck_assert_int_ne(virGetLastErrorCode(), VIR_ERR_NO_DOMAIN);
                return NULL;
        case XML_GONE:
                ck_assert_ptr_null(virDomainLookupByName(control, "nobody"));
                ck_assert_int_eq(virGetLastErrorCode(), VIR_ERR_NO_DOMAIN);
                return NULL;
        case XML_RIGHT:
                break;
        }
        *(void **) &real = dlsym(RTLD_NEXT, "virDomainGetXMLDesc");
        return real(of, flags);
}

int virConnectListAllDomains(virConnectPtr connect, virDomainPtr **ret_domains, unsigned flags) {
        int (*real)(virConnectPtr, virDomainPtr **, unsigned);
        virDomainPtr one;

        if (n_listed == -2)
                return -1;
        if (n_listed < 0) {
                *(void **) &real = dlsym(RTLD_NEXT, "virConnectListAllDomains");
                return real(connect, ret_domains, flags);
        }
        ck_assert_ptr_nonnull(*ret_domains = calloc((size_t) n_listed + 1, sizeof(virDomainPtr)));
        ck_assert_ptr_nonnull(one = virDomainLookupByUUIDString(connect, TEST_UUID));
        for (int i = 0; i < n_listed; i++) {
                (*ret_domains)[i] = one;
                ck_assert_int_eq(virDomainRef(one), 0);
        }
        virDomainFree(one);
        return n_listed;
}

static void on_libvirt_error(void *userdata, virErrorPtr error) {
}

static virDomainPtr domain;

static void setup(void) {
        log_init(false);
        ck_assert_int_eq(virInitialize(), 0);
        virSetErrorFunc(NULL, on_libvirt_error);
        ck_assert_ptr_nonnull(control = virConnectOpen("test:///default"));
        ck_assert_ptr_nonnull(domain = virDomainCreateXML(control, DOMAIN_XML, 0));
}

static void teardown(void) {
        domain_list_done(&list);
        virDomainFree(domain);
        virConnectClose(control);
}

static int read_list(void) {
        usec_t begun_usec = 0;

        int r = domain_list_read(&list, control, &begun_usec);
        ck_assert_uint_gt(begun_usec, 0);
        return r;
}

static void expect_known(void) {
        const DomainDescription *gpu = domain_list_find(&list, UUID);

        ck_assert_ptr_nonnull(gpu);
        ck_assert_str_eq(gpu->name, "gpu");
        ck_assert_uint_eq(gpu->n_addresses, 2);
        ck_assert_str_eq(ADDRESS_TEXT(gpu->addresses[1]), "0000:01:00.1");
}

START_TEST(what_runs) {
        ck_assert_int_eq(read_list(), 0);
        ck_assert_uint_eq(list.n, 2);
        expect_known();
        ck_assert_int_eq(virDomainDestroy(domain), 0);
        ck_assert_int_eq(read_list(), 0);
        ck_assert_uint_eq(list.n, 1);
        ck_assert_ptr_null(domain_list_find(&list, UUID));
}
END_TEST

/* It runs, and its lease must not end because we cannot read. */
START_TEST(unread_domain_is_in_the_list) {
        xml_mode = _i ? XML_REFUSED : XML_BROKEN;
        ck_assert_int_eq(read_list(), 0);
        ck_assert_uint_eq(list.n, 2);
        const DomainDescription *gpu = domain_list_find(&list, UUID);
        ck_assert_ptr_nonnull(gpu);
        ck_assert_str_eq(gpu->name, "gpu");
        ck_assert_uint_eq(gpu->n_addresses, 0);

        /* Known from before: it keeps its devices. */
        xml_mode = XML_RIGHT;
        ck_assert_int_eq(read_list(), 0);
        xml_mode = _i ? XML_REFUSED : XML_BROKEN;
        ck_assert_int_eq(read_list(), 0);
        ck_assert_uint_eq(list.n, 2);
        expect_known();
}
END_TEST

START_TEST(domain_that_ends_meanwhile_is_not) {
        xml_mode = XML_GONE;
        ck_assert_int_eq(read_list(), 0);
        ck_assert_uint_eq(list.n, 0);
}
END_TEST

START_TEST(no_list_changes_nothing) {
        ck_assert_int_eq(read_list(), 0);
        n_listed = -2;
        ck_assert_int_eq(read_list(), -ENOTCONN);
        expect_known();
        n_listed = (int) DOMAINS_MAX + 1;
        ck_assert_int_eq(read_list(), -E2BIG);
        expect_known();
        n_listed = (int) DOMAINS_MAX;
        ck_assert_int_eq(read_list(), 0);
        ck_assert_uint_eq(list.n, DOMAINS_MAX);
}
END_TEST

START_TEST(one_domain_again) {
        bool changed = false;

        ck_assert_int_eq(domain_list_read_one(&list, domain, &changed), 0);
        ck_assert(changed);
        ck_assert_int_eq(domain_list_read_one(&list, domain, &changed), 0);
        ck_assert(!changed);
        xml_mode = XML_BROKEN;
        ck_assert_int_eq(domain_list_read_one(&list, domain, &changed), -EBADMSG);
        expect_known();
        xml_mode = XML_GONE;
        ck_assert_int_eq(domain_list_read_one(&list, domain, &changed), -ENOENT);
        ck_assert_uint_eq(list.n, 0);
}
END_TEST

START_TEST(no_place_for_one_more) {
        bool changed;

        n_listed = (int) DOMAINS_MAX;
        ck_assert_int_eq(read_list(), 0);
        ck_assert_int_eq(domain_list_read_one(&list, domain, &changed), -E2BIG);
}
END_TEST

START_TEST(devices_by_alias) {
        PciAddress address;
        bool changed;

        ck_assert_int_eq(domain_list_read_one(&list, domain, &changed), 0);
        ck_assert_int_eq(domain_list_take_device(&list, UUID, "", &address), -ENOENT);
        ck_assert_int_eq(domain_list_take_device(&list, TEST_UUID, "ua-gpu", &address), -ENOENT);
        ck_assert_int_eq(domain_list_take_device(&list, UUID, "ua-gpu", &address), 0);
        ck_assert_str_eq(ADDRESS_TEXT(address), "0000:01:00.0");
        ck_assert_int_eq(domain_list_take_device(&list, UUID, "ua-gpu", &address), -ENOENT);
        ck_assert_int_eq(domain_list_take_device(&list, UUID, "ua-audio", &address), 0);
        ck_assert_str_eq(ADDRESS_TEXT(address), "0000:01:00.1");
        ck_assert_int_eq(domain_list_read_one(&list, domain, &changed), 0);
        ck_assert(changed);
        domain_list_remove(&list, UUID);
        domain_list_remove(&list, UUID);
        ck_assert_uint_eq(list.n, 0);
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("virt-domain-list");
        TCase *tests = tcase_create("virt-domain-list");

        tcase_add_checked_fixture(tests, setup, teardown);
        tcase_set_timeout(tests, 60);
        tcase_add_test(tests, what_runs);
        tcase_add_loop_test(tests, unread_domain_is_in_the_list, 0, 2);
        tcase_add_test(tests, domain_that_ends_meanwhile_is_not);
        tcase_add_test(tests, no_list_changes_nothing);
        tcase_add_test(tests, one_domain_again);
        tcase_add_test(tests, no_place_for_one_more);
        tcase_add_test(tests, devices_by_alias);
        suite_add_tcase(suite, tests);
        return suite;
}

CHECK_MAIN(make_suite)
