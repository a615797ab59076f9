/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A card is taken off its bus and looked for again, as the kernel does it: by what is below /sys/devices. */

#include "check-main.h"

#include <string.h>
#include <sys/stat.h>

#include "base/text.h"
#include "fake-sys.h"

#define BRIDGE "/sys/devices/pci0000:00/0000:00:01.0"
#define LINKS "/sys/bus/pci/devices/"
#define NODE "/dev/vfio/12"

static char order[512]; /* of what was written, by its place */
static const char *stays_away, *fails;

static void path_in_root(const char *path, char buffer[static 512]) {
        ck_assert_int_eq(text_format(buffer, 512, "%s%s", fake.root, path), 0);
}

static void move(const char *from, const char *to) {
        char old[512], new[512];

        path_in_root(from, old);
        path_in_root(to, new);
        ck_assert_int_eq(rename(old, new), 0);
}

/* A kernel that takes the link away at `remove`, and puts those back that are to come back at `rescan`. */
static int kernel(FakeSys *sys, const char *path, const char *value) {
        static const char *const functions[] = { "0000:01:00.0", "0000:01:00.1" };
        char link[512], away[512];

        ck_assert_str_eq(value, "1");
        if (fails && strstr(path, fails))
                return EIO;
        for (size_t i = 0; i < ELEMENTSOF(functions); i++) {
                (void) text_format(link, sizeof(link), LINKS "%s", functions[i]);
                (void) text_format(away, sizeof(away), "/away-%s", functions[i]);
                if (strstr(path, "/remove") && strstr(path, functions[i])) {
                        (void) text_append(order, sizeof(order), "remove %s, ", functions[i]);
                        move(link, away);
                }
                char full[512];
                path_in_root(away, full);
                if (strstr(path, "/rescan") && access(full, F_OK) == 0 &&
                    !(stays_away && strstr(functions[i], stays_away)))
                        move(away, link);
        }
        if (strstr(path, "/rescan"))
                (void) text_append(order, sizeof(order), "rescan %s", path);
        return 0;
}

static int busy(FakeSys *sys, const char *path) {
        return streq(path, NODE) ? sys->state : 0;
}

/* As /sys has it: the folders below their bridge, and links to them. */
static void plug(const char *above) {
        static const char *const functions[] = { "0000:01:00.0", "0000:01:00.1" };
        char link[512], folder[512], text[512];

        fake_make_folder(above);
        for (size_t i = 0; i < ELEMENTSOF(functions); i++) {
                (void) text_format(link, sizeof(link), LINKS "%s", functions[i]);
                (void) text_format(text, sizeof(text), LINKS "%s/remove", functions[i]);
                fake_write(text, "%s", "");
                (void) text_format(folder, sizeof(folder), "%s/%s", above, functions[i]);
                move(link, folder);
                path_in_root(folder, text);
                path_in_root(link, folder);
                ck_assert_int_eq(symlink(text, folder), 0);
        }
}

static void setup(void) {
        fake_setup();
        fake_write(LINKS "0000:00:01.0/rescan", "%s", "");
        fake_write("/sys/class/pci_bus/0000:01/rescan", "%s", "");
        fake_write(NODE, "%s", "");
        fake.on_write = kernel;
        fake.on_open = busy;
        order[0] = '\0';
        stays_away = fails = NULL;
}

static int run(HelperReply *reply) {
        HelperRequest request = fake_request(HELPER_REMOVE_RESCAN);

        return fake_run(&request, reply);
}

#define BOTH "remove 0000:01:00.1, remove 0000:01:00.0, "

START_TEST(test_behind_a_bridge) {
        HelperReply reply;

        plug(BRIDGE);
        ck_assert_int_eq(run(&reply), 0);
        ck_assert_str_eq(order, BOTH "rescan " LINKS "0000:00:01.0/rescan");
        ck_assert_str_eq(reply.message, "");
}
END_TEST

START_TEST(test_on_a_root_bus) {
        HelperReply reply;

        plug("/sys/devices/pci0000:01");
        ck_assert_int_eq(run(&reply), 0);
        ck_assert_str_eq(order, BOTH "rescan /sys/class/pci_bus/0000:01/rescan");
}
END_TEST

/* pci-stub and a vfio driver that nobody uses are in nobody's way. */
START_TEST(test_with_guest_drivers) {
        HelperReply reply;

        fake_bind("0000:01:00.0", "vfio-pci");
        fake_bind("0000:01:00.1", "pci-stub");
        plug(BRIDGE);
        ck_assert_int_eq(run(&reply), 0);
        ck_assert_ptr_nonnull(strstr(order, BOTH));
}
END_TEST

START_TEST(test_in_use) {
        static const char *const functions[] = { "0000:01:00.0", "0000:01:00.1" };
        HelperReply reply;

        fake_bind(functions[_i], "snd_hda_intel");
        ck_assert_int_eq(run(&reply), -EBUSY);
        ck_assert_ptr_nonnull(strstr(reply.message, functions[_i]));
        ck_assert_ptr_nonnull(strstr(reply.message, "snd_hda_intel"));
        fake_bind(functions[_i], "vfio-pci");
        fake_remove(NODE);
        (void) fake_holder("qemu-system-x86", NODE);
        fake.state = EBUSY;
        ck_assert_int_eq(run(&reply), -EBUSY);
        ck_assert_ptr_nonnull(strstr(reply.message, "qemu-system-x86"));
        ck_assert_uint_eq(fake.n_writes, 0);
}
END_TEST

START_TEST(test_does_not_come_back) {
        static const char *const functions[] = { "0000:01:00.0", "0000:01:00.1" };
        HelperReply reply;

        plug(BRIDGE);
        stays_away = functions[_i];
        ck_assert_int_eq(run(&reply), -ENXIO);
        ck_assert_ptr_nonnull(strstr(reply.message, functions[_i]));
        ck_assert_ptr_nonnull(strstr(reply.message, "not found again"));
}
END_TEST

START_TEST(test_comes_back_dead) {
        uint8_t ones[CONFIG_SPACE_SIZE];
        HelperReply reply;

        memset(ones, 0xff, sizeof(ones));
        fake_write_bytes(LINKS "0000:01:00.0/config", ones, sizeof(ones));
        plug(BRIDGE);
        ck_assert_int_eq(run(&reply), -ENXIO);
        ck_assert_ptr_nonnull(strstr(order, "rescan"));
        ck_assert_ptr_nonnull(strstr(reply.message, "all ones"));
}
END_TEST

/* No function stays away because another one could not be removed, and no display function stays alone. */
START_TEST(test_a_removal_fails) {
        static const char *const where[] = { "0000:01:00.0/remove", "0000:01:00.1/remove" };
        HelperReply reply;

        plug(BRIDGE);
        fails = where[_i];
        ck_assert_int_eq(run(&reply), -EIO);
        ck_assert_ptr_nonnull(strstr(reply.message, where[_i]));
        ck_assert_ptr_nonnull(strstr(order, "rescan"));
        if (_i == 1)
                ck_assert_ptr_null(strstr(order, "remove"));
}
END_TEST

START_TEST(test_the_rescan_fails) {
        HelperReply reply;

        plug(BRIDGE);
        fails = "/rescan";
        ck_assert_int_eq(run(&reply), -EIO);
        ck_assert_ptr_nonnull(strstr(reply.message, "/rescan"));
}
END_TEST

START_TEST(test_only_by_the_display_function) {
        HelperRequest request = fake_request(HELPER_REMOVE_RESCAN);
        HelperReply reply;

        request.address.function = 1;
        ck_assert_int_eq(fake_run(&request, &reply), -EINVAL);
        request.address.function = 0;
        request.address.slot = 1;
        ck_assert_int_eq(fake_run(&request, &reply), -EINVAL);
        ck_assert_ptr_nonnull(strstr(reply.message, "'slot'"));
        ck_assert_uint_eq(fake.n_writes, 0);
}
END_TEST

static Suite *suite(void) {
        Suite *s = suite_create("helper-remove-rescan");
        TCase *c = tcase_create("remove-rescan");

        tcase_add_checked_fixture(c, setup, fake_teardown);
        tcase_add_test(c, test_behind_a_bridge);
        tcase_add_test(c, test_on_a_root_bus);
        tcase_add_test(c, test_with_guest_drivers);
        tcase_add_loop_test(c, test_in_use, 0, 2);
        tcase_add_loop_test(c, test_does_not_come_back, 0, 2);
        tcase_add_test(c, test_comes_back_dead);
        tcase_add_loop_test(c, test_a_removal_fails, 0, 2);
        tcase_add_test(c, test_the_rescan_fails);
        tcase_add_test(c, test_only_by_the_display_function);
        suite_add_tcase(s, c);
        return s;
}
CHECK_MAIN(suite)
