/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every way in which the host can be using a device, in trees as the kernel makes them. */

#include "machine/host-use.h"

#include "base/address.h"
#include "check-main.h"
#include "machine-tree.h"

#define NVME "pci0000:00/0000:00:1d.0/0000:05:00.0"
#define USB "pci0000:00/0000:06:00.0"
#define NIC "pci0000:00/0000:07:00.0"
#define OTHER "pci0000:00/0000:05:00.1"

static const TreeDevice nvme = { NVME, 0x010802, 0x144d, 0xa804, 0x144d, 0xa801, "nvme", 5 };
static const TreeDevice usb = { USB, 0x0c0330, 0x1b21, 0x1242, 0, 0, "xhci_hcd", 6 };
static const TreeDevice nic = { NIC, 0x020000, 0x8086, 0x15f3, 0, 0, "igc", 7 };
static const TreeDevice other = { OTHER, 0x010802, 0x144d, 0xa804, 0x144d, 0xa801, "nvme", 5 };

static void setup(void) {
        tree_setup();
        tree_device(&nvme);
        tree_device(&usb);
        tree_device(&nic);
        tree_device(&other);
        tree_write("proc/1/mountinfo", "%s",
                   "22 1 0:21 / /proc rw,relatime shared:5 - proc proc rw\n"
                   "25 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n");
        tree_write("proc/swaps", "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
}

static const char *use_of(const char *text) {
        static char use[HOST_USE_SIZE];
        PciAddress address;

        memset(use, 'x', sizeof(use));
        ck_assert_int_eq(address_parse(text, &address), 0);
        int r = host_use_read(tree_root, address, use);
        return r < 0 ? strerror(-r) : use;
}

#define USE_OF_NVME use_of("0000:05:00.0")

/* A device of a class: @path below sys/devices. */
static void class_device(const char *class_name, const char *path) {
        char link[PATH_MAX], target[PATH_MAX];

        (void) text_format(link, sizeof(link), "sys/class/%s/%s", class_name, strrchr(path, '/') + 1);
        (void) text_format(target, sizeof(target), "sys/devices/%s", path);
        tree_link(link, target);
}

static void class_file(const char *path, const char *file, const char *text) {
        char full[PATH_MAX];

        (void) text_format(full, sizeof(full), "sys/devices/%s/%s", path, file);
        tree_write(full, "%s", text);
}

static void block(const char *path, const char *number) {
        class_file(path, "dev", number);
        class_device("block", path);
}

#define DISK NVME "/nvme/nvme1/nvme1n1"

static void make_disk(void) {
        block(DISK, "259:4\n");
        block(DISK "/nvme1n1p1", "259:5\n");
        block(DISK "/nvme1n1p2", "259:6\n");
}

static void holder(const char *of, const char *name) {
        char path[PATH_MAX];

        (void) text_format(path, sizeof(path), "sys/devices/%s/holders/%s", of, name);
        tree_link_raw(path, "../../nowhere");
}

START_TEST(test_none) {
        ck_assert_str_eq(USE_OF_NVME, "");
        make_disk();
        tree_folders("sys/devices/" DISK "/nvme1n1p1/holders/");
        ck_assert_str_eq(USE_OF_NVME, "");
        ck_assert_str_eq(use_of("0000:06:00.0"), "");
        ck_assert_str_eq(use_of("0000:09:00.0"), strerror(ENODEV));
}
END_TEST

static void mount_line(const char *line) {
        tree_write("proc/1/mountinfo", "22 1 0:21 / /proc rw - proc proc rw\n%s\n", line);
}

START_TEST(test_mounted) {
        make_disk();
        mount_line("36 25 259:6 / /home rw,noatime shared:7 master:1 - ext4 /dev/mapper/whatever rw");
        ck_assert_str_eq(USE_OF_NVME, "file system /home on nvme1n1p2");
        /* Not of its neighbour in the slot. */
        ck_assert_str_eq(use_of("0000:05:00.1"), "");
        /* The whole disk; no optional words; an empty source. */
        mount_line("36 25 259:4 / /srv rw - xfs  rw");
        ck_assert_str_eq(USE_OF_NVME, "file system /srv on nvme1n1");
        /* btrfs: a number of no device. */
        mount_line("36 25 0:44 /@ / rw shared:1 - btrfs /dev/nvme1n1p1 rw,subvol=/@");
        ck_assert_str_eq(USE_OF_NVME, "file system / on nvme1n1p1");
        mount_line("36 25 0:44 /@ / rw shared:1 - btrfs /dev/nvme1n1p12 rw");
        ck_assert_str_eq(USE_OF_NVME, "");
        mount_line("36 25 259:60 / / rw shared:1 - ext4 nvme1n1p1 rw");
        ck_assert_str_eq(USE_OF_NVME, "");
        /* The first of several, and no later than the whole table. */
        mount_line("1 1 259:6 / /b rw - ext4 /dev/b rw\n2 1 259:5 / /a rw - ext4 /dev/a rw");
        ck_assert_str_eq(USE_OF_NVME, "file system /b on nvme1n1p2");
}
END_TEST

START_TEST(test_odd_mount_points) {
        char text[HOST_USE_SIZE], line[512];

        make_disk();
        mount_line("36 25 259:6 / /my\\040disk\\011\\134\\012\xc3\xa9 rw - ext4 /dev/x rw");
        ck_assert_str_eq(USE_OF_NVME, "file system /my disk?\\??? on nvme1n1p2");
        /* What only looks like an escape. */
        mount_line("36 25 259:6 / /a\\04\\999\\ rw - ext4 /dev/x rw");
        ck_assert_str_eq(USE_OF_NVME, "file system /a\\04\\999\\ on nvme1n1p2");
        (void) text_format(line, sizeof(line), "36 25 259:6 / /%0300d rw - ext4 /dev/x rw", 7);
        mount_line(line);
        (void) text_format(text, sizeof(text), "file system /%099d... on nvme1n1p2", 0);
        ck_assert_str_eq(USE_OF_NVME, text);
}
END_TEST

/* A table that cannot be understood, or is not there, is no answer. */
START_TEST(test_bad_tables) {
        static const char *const bad[] = { "36 25 259:6 /", "36 25 259:6 / /home rw", "36 25 259:6 / /home rw - ext4", "36" };

        make_disk();
        for (size_t i = 0; i < ELEMENTSOF(bad); i++) {
                mount_line(bad[i]);
                ck_assert_str_eq(USE_OF_NVME, strerror(EBADMSG));
        }
        tree_unlink("proc/1/mountinfo");
        ck_assert_str_eq(USE_OF_NVME, strerror(EACCES));
        /* Nobody asks for it where there is no disk. */
        ck_assert_str_eq(use_of("0000:06:00.0"), "");
}
END_TEST

START_TEST(test_too_many_mounts) {
        char path[PATH_MAX];

        make_disk();
        (void) text_format(path, sizeof(path), "%s/proc/1/mountinfo", tree_root);
        FILE *file = fopen(path, "we");
        ck_assert_ptr_nonnull(file);
        for (int i = 0; i < 100000; i++)
                fputs("22 1 0:21 / /proc rw - proc proc rw\n", file);
        fflush(file);
        ck_assert_str_eq(USE_OF_NVME, "");
        fputs("22 1 0:21 / /proc rw - proc proc rw\n", file);
        ck_assert_int_eq(fclose(file), 0);
        ck_assert_str_eq(USE_OF_NVME, strerror(E2BIG));
}
END_TEST

START_TEST(test_swap) {
        make_disk();
        tree_write("proc/swaps", "Filename Type Size Used Priority\n/dev/zram0 partition 1 0 100\n"
                                 "/dev/nvme1n1p1                          partition\t8388604\t\t0\t\t-2\n");
        ck_assert_str_eq(USE_OF_NVME, "swap on nvme1n1p1");
        tree_write("proc/swaps", "Filename Type Size Used Priority\n/swapfile file 1 0 100\n/dev/nvme1n1p11 partition 1 0 1\n");
        ck_assert_str_eq(USE_OF_NVME, "");
        tree_unlink("proc/swaps");
        ck_assert_str_eq(USE_OF_NVME, "");
}
END_TEST

START_TEST(test_holders) {
        make_disk();
        holder(DISK "/nvme1n1p2", "md127");
        ck_assert_str_eq(USE_OF_NVME, "md127 on nvme1n1p2");
        holder(DISK "/nvme1n1p1", "dm-10");
        holder(DISK "/nvme1n1p1", "dm-9");
        tree_write("sys/class/block/dm-9/dm/name", "vg-home\n");
        ck_assert_str_eq(USE_OF_NVME, "dm-9 (vg-home) on nvme1n1p1");
        tree_write("sys/class/block/dm-9/dm/name", "\x1b[31m\n");
        ck_assert_str_eq(USE_OF_NVME, "dm-9 (?[31m) on nvme1n1p1");
        tree_write("sys/class/block/dm-9/dm/name", "\n");
        ck_assert_str_eq(USE_OF_NVME, "dm-9 on nvme1n1p1");
        /* A file system is nearer to people than what it lies upon. */
        mount_line("36 25 259:6 / /home rw - ext4 /dev/x rw");
        ck_assert_str_eq(USE_OF_NVME, "file system /home on nvme1n1p2");
}
END_TEST

START_TEST(test_bcache) {
        make_disk();
        tree_folders("sys/devices/" DISK "/nvme1n1p2/bcache/");
        ck_assert_str_eq(USE_OF_NVME, "bcache on nvme1n1p2");
}
END_TEST

#define BTRFS "sys/fs/btrfs/5b1c2d3e-0000-4000-8000-000000000001"

START_TEST(test_btrfs_volume) {
        make_disk();
        tree_folders("sys/fs/btrfs/features/");
        tree_folders(BTRFS "/devices/");
        ck_assert_str_eq(USE_OF_NVME, "");
        tree_link(BTRFS "/devices/nvme1n1p2", "sys/devices/" DISK "/nvme1n1p2");
        ck_assert_str_eq(USE_OF_NVME, "btrfs volume 5b1c2d3e-0000-4000-8000-000000000001 on nvme1n1p2");
        tree_write(BTRFS "/label", "pool\n");
        ck_assert_str_eq(USE_OF_NVME, "btrfs volume pool on nvme1n1p2");
}
END_TEST

START_TEST(test_mounted_out_of_sight) {
        make_disk();
        tree_folders("sys/fs/ext4/features/");
        tree_folders("sys/fs/xfs/nvme1n1p1/");
        ck_assert_str_eq(USE_OF_NVME, "xfs file system on nvme1n1p1, mounted in a namespace of its own");
}
END_TEST

START_TEST(test_zfs) {
        make_disk();
        tree_write("run/udev/data/b259:5", "S:disk/by-id/x\nE:ID_FS_TYPE=zfs_member_no\nE:ID_FS_TYPE=zfs_member\nG:systemd\n");
        ck_assert_str_eq(USE_OF_NVME, "");
        tree_folders("sys/module/zfs/");
        ck_assert_str_eq(USE_OF_NVME, "ZFS on nvme1n1p1");
        tree_write("run/udev/data/b259:5", "E:ID_FS_TYPE=ext4\n");
        ck_assert_str_eq(USE_OF_NVME, "");
}
END_TEST

/* The disk is in the subsystem's folder; what is below the controller is a path to it, without a number. */
START_TEST(test_nvme_multipath) {
        class_file(NVME "/nvme/nvme1/nvme1c1n1", "hidden", "1\n");
        class_device("block", NVME "/nvme/nvme1/nvme1c1n1");
        block("virtual/nvme-subsystem/nvme-subsys1/nvme1n1", "259:4\n");
        block("virtual/nvme-subsystem/nvme-subsys1/nvme1n1/nvme1n1p3", "259:7\n");
        class_device("nvme-subsystem", "virtual/nvme-subsystem/nvme-subsys1");
        tree_link("sys/devices/virtual/nvme-subsystem/nvme-subsys1/nvme1", "sys/devices/" NVME "/nvme/nvme1");
        tree_link_raw("sys/devices/virtual/nvme-subsystem/nvme-subsys1/nvme9", "../nowhere");
        tree_folders("sys/devices/virtual/nvme-subsystem/nvme-subsys0/");
        class_device("nvme-subsystem", "virtual/nvme-subsystem/nvme-subsys0");
        tree_link_raw("sys/class/nvme-subsystem/nvme-subsys7", "../nowhere");
        ck_assert_str_eq(USE_OF_NVME, "");
        mount_line("36 25 259:7 / /home rw - ext4 /dev/nvme1n1p3 rw");
        ck_assert_str_eq(USE_OF_NVME, "file system /home on nvme1n1p3");
        ck_assert_str_eq(use_of("0000:05:00.1"), "");
        /* Another subsystem, whose name only begins alike. */
        block("virtual/nvme-subsystem/nvme-subsys10/nvme10n1", "259:70\n");
        mount_line("36 25 259:70 / /home rw - ext4 /dev/nvme10n1 rw");
        ck_assert_str_eq(USE_OF_NVME, "");
}
END_TEST

/* The old controllers of that name have a slash in their disks' names. */
START_TEST(test_slash_in_a_name) {
        block(NVME "/cciss!c0d0", "104:0\n");
        block(NVME "/cciss!c0d0/cciss!c0d0p1", "104:1\n");
        tree_write("proc/swaps", "Filename Type\n/dev/cciss/c0d0p1 partition 1 0 1\n");
        ck_assert_str_eq(USE_OF_NVME, "swap on cciss!c0d0p1");
}
END_TEST

START_TEST(test_too_many_disks) {
        char path[128], number[16];

        for (unsigned i = 0; i < BLOCK_DEVICES_MAX; i++) {
                (void) text_format(path, sizeof(path), DISK "/nvme1n1p%u", i);
                (void) text_format(number, sizeof(number), "259:%u\n", i);
                block(path, number);
        }
        (void) text_format(path, sizeof(path), "36 25 259:%u / /last rw - ext4 x rw", BLOCK_DEVICES_MAX - 1);
        mount_line(path);
        ck_assert_str_eq(USE_OF_NVME, "file system /last on nvme1n1p255");
        block(DISK, "259:1000\n");
        ck_assert_str_eq(USE_OF_NVME, strerror(E2BIG));
}
END_TEST

#define INTERFACE NIC "/net/enp7s0"

START_TEST(test_network) {
        static const struct {
                const char *state, *flags, *use;
        } cases[] = {
                { "up", "0x1003", "network interface enp7s0 with a link" },
                { "down", "0x1003", "" },
                { "lowerlayerdown", "0x1003", "" },
                { "unknown", "0x1002", "" },
                { "unknown", "0x1003", "network interface enp7s0, which is switched on" },
        };

        class_device("net", INTERFACE);
        ck_assert_str_eq(use_of("0000:07:00.0"), ""); /* gone by now */
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                class_file(INTERFACE, "operstate", cases[i].state);
                class_file(INTERFACE, "flags", cases[i].flags);
                ck_assert_str_eq(use_of("0000:07:00.0"), cases[i].use);
                ck_assert_str_eq(use_of("0000:06:00.0"), "");
        }
        class_file("virtual/net/lo", "operstate", "up");
        class_device("net", "virtual/net/lo");
        class_file(INTERFACE, "flags", "yes");
        ck_assert_str_eq(use_of("0000:07:00.0"), strerror(EINVAL));
}
END_TEST

#define HID USB "/usb3/3-1/3-1:1.0/0003:046D:C31C.0001/input/"
#define KEYBOARD "1000000000007 ff9f207ac14057ff febeffdfffefffff fffffffffffffffe\n"

START_TEST(test_keyboard) {
        /* A power button, a mouse, the second half of a keyboard, rubbish, and only then the keyboard. */
        static const char *const keys[] = { "10000000000000 0\n", "1f0000 0 0 0 0\n", "3e000b00000000 0 0 0\n", "keys\n", KEYBOARD };

        for (unsigned i = 0; i < ELEMENTSOF(keys); i++) {
                char path[256];
                ck_assert_str_eq(use_of("0000:06:00.0"), "");
                (void) text_format(path, sizeof(path), HID "input%u", i);
                class_file(path, "capabilities/key", keys[i]);
                class_device("input", path);
                class_file(path, "event4/dev", "13:4\n");
        }
        class_device("input", HID "input4/event4");
        ck_assert_str_eq(use_of("0000:06:00.0"), "keyboard 'input4'");
        class_file(HID "input4", "name", "Logitech K120 \xc3\xa9\n");
        ck_assert_str_eq(use_of("0000:06:00.0"), "keyboard 'Logitech K120 ?\?'");
        /* As a kernel of 32 bits writes it; and one bit less. */
        class_file(HID "input4", "name", "");
        class_file(HID "input4", "capabilities/key", "ff9f207a febeffdf fffffffe\n");
        ck_assert_str_eq(use_of("0000:06:00.0"), "keyboard 'input4'");
        class_file(HID "input4", "capabilities/key", "ff9f207a febeffdf fffffefe\n");
        ck_assert_str_eq(use_of("0000:06:00.0"), "");
        class_file(HID "input4", "capabilities/key", "ff9f207a febeffdf fffffffc\n");
        ck_assert_str_eq(use_of("0000:06:00.0"), "");
}
END_TEST

/* A stick behind the USB controller counts before its keyboard. */
START_TEST(test_several) {
        class_file(HID "input4", "capabilities/key", KEYBOARD);
        class_device("input", HID "input4");
        block(USB "/usb4/4-1/4-1:1.0/host6/target6:0:0/6:0:0:0/block/sda", "8:0\n");
        class_file(USB "/usb4/4-2/4-2:1.0/net/enx0", "operstate", "up\n");
        class_device("net", USB "/usb4/4-2/4-2:1.0/net/enx0");
        mount_line("36 25 8:0 / /media/stick rw - vfat /dev/sda rw");
        ck_assert_str_eq(use_of("0000:06:00.0"), "file system /media/stick on sda");
        mount_line("");
        ck_assert_str_eq(use_of("0000:06:00.0"), strerror(EBADMSG));
        tree_write("proc/1/mountinfo", "%s", "");
        ck_assert_str_eq(use_of("0000:06:00.0"), "network interface enx0 with a link");
        class_file(USB "/usb4/4-2/4-2:1.0/net/enx0", "operstate", "down\n");
        ck_assert_str_eq(use_of("0000:06:00.0"), "keyboard 'input4'");
}
END_TEST

START_TEST(test_gone_meanwhile) {
        static const char *const classes[] = { "block", "net", "input", "nvme-subsystem" };
        char path[64];

        make_disk();
        for (size_t i = 0; i < ELEMENTSOF(classes); i++) {
                (void) text_format(path, sizeof(path), "sys/class/%s/gone", classes[i]);
                tree_link_raw(path, "../../devices/" NVME "/gone");
        }
        tree_unlink("sys/devices/" DISK "/nvme1n1p1/dev");
        mount_line("36 25 259:6 / /home rw - ext4 x rw");
        ck_assert_str_eq(USE_OF_NVME, "file system /home on nvme1n1p2");
        tree_link("sys/bus/pci/devices/0000:0b:00.0", "sys/devices/pci0000:00/0000:0b:00.0");
        ck_assert_str_eq(use_of("0000:0b:00.0"), strerror(ENODEV));
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("machine/host-use");
        TCase *tests = tcase_create("host-use");

        tcase_set_timeout(tests, 60); /* the machine may be busy */
        tcase_add_checked_fixture(tests, setup, tree_teardown);
        tcase_add_test(tests, test_none);
        tcase_add_test(tests, test_mounted);
        tcase_add_test(tests, test_odd_mount_points);
        tcase_add_test(tests, test_bad_tables);
        tcase_add_test(tests, test_too_many_mounts);
        tcase_add_test(tests, test_swap);
        tcase_add_test(tests, test_holders);
        tcase_add_test(tests, test_bcache);
        tcase_add_test(tests, test_btrfs_volume);
        tcase_add_test(tests, test_mounted_out_of_sight);
        tcase_add_test(tests, test_zfs);
        tcase_add_test(tests, test_nvme_multipath);
        tcase_add_test(tests, test_slash_in_a_name);
        tcase_add_test(tests, test_too_many_disks);
        tcase_add_test(tests, test_network);
        tcase_add_test(tests, test_keyboard);
        tcase_add_test(tests, test_several);
        tcase_add_test(tests, test_gone_meanwhile);
        suite_add_tcase(suite, tests);
        return suite;
}

CHECK_MAIN(make_suite)
