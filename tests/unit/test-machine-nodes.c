/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The tree says that the card's sound nodes have the device number of /dev/zero; a child holds
 * /dev/zero open. So a real descriptor of a real process is found, with no right to make nodes.
 */

#include "machine/nodes.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "base/address.h"
#include "check-main.h"
#include "machine-tree.h"

#define AUDIO "sys/devices/pci0000:00/0000:00:01.0/0000:01:00.1"

static const TreeDevice audio = {
        "pci0000:00/0000:00:01.0/0000:01:00.1", 0x040300, 0x1002, 0xaaf0, 0, 0, "snd_hda_intel", 1
};
static const PciAddress audio_address = { .bus = 1, .function = 1 };

/* Makes the folder @path of a node with the number of the real device @like. */
static void make_node(const char *path, const char *subsystem, const char *like) {
        char text[PATH_MAX];
        struct stat facts;

        ck_assert_int_eq(stat(like, &facts), 0);
        (void) text_format(text, sizeof(text), "%s/dev", path);
        tree_write(text, "%u:%u\n", major(facts.st_rdev), minor(facts.st_rdev));
        (void) text_format(text, sizeof(text), "%s/subsystem", path);
        tree_link_raw(text, subsystem);
}

/* A child named @command that has @path open and shows up in the tree's proc. */
static pid_t make_child(const char *command, const char *path) {
        int ready[2];
        char text[64], link[64], c;

        ck_assert_int_eq(pipe2(ready, O_CLOEXEC), 0);
        pid_t pid = fork();
        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
                (void) prctl(PR_SET_PDEATHSIG, SIGKILL);
                (void) prctl(PR_SET_NAME, command);
                if (open(path, O_RDONLY | O_CLOEXEC) < 0 || write(ready[1], "", 1) != 1)
                        _exit(1);
                for (;;)
                        (void) pause();
        }
        close(ready[1]);
        ck_assert_int_eq(read(ready[0], &c, 1), 1);
        close(ready[0]);
        (void) text_format(text, sizeof(text), "/proc/%d", pid);
        (void) text_format(link, sizeof(link), "proc/%d", pid);
        tree_link_raw(link, text);
        return pid;
}

static void end_child(pid_t pid) {
        ck_assert_int_eq(kill(pid, SIGKILL), 0);
        ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

static void setup(void) {
        tree_setup();
        tree_device(&audio);
        tree_folders("proc/");
}

START_TEST(test_holder) {
        Holder holders[HOLDERS_MAX];
        char text[256], expected[256];

        make_node(AUDIO "/sound/card1/controlC1", "../../../../../../../../class/sound", "/dev/zero");
        pid_t other = make_child("innocent", "/dev/null");
        ck_assert_int_eq(nodes_holders(tree_root, audio_address, holders), 0);

        pid_t pid = make_child("pipe\nwire", "/dev/zero");
        ck_assert_int_eq(nodes_holders(tree_root, audio_address, holders), 1);
        ck_assert_int_eq(holders[0].pid, pid);
        ck_assert_str_eq(holders[0].command, "pipe?wire");
        ck_assert_str_eq(holders[0].node, "/dev/zero");

        strcpy(holders[0].unit, "pipewire.service");
        (void) text_format(expected, sizeof(expected),
                           "pipe?wire (pid %d, pipewire.service) has /dev/zero open", pid);
        ck_assert_str_eq(holder_describe(&holders[0], text, sizeof(text)), expected);
        holders[0].unit[0] = '\0';
        (void) text_format(expected, sizeof(expected), "pipe?wire (pid %d) has /dev/zero open", pid);
        ck_assert_str_eq(holder_describe(&holders[0], text, sizeof(text)), expected);
        ck_assert_str_eq(holder_describe(&holders[0], text, 5), "pipe");

        end_child(pid);
        ck_assert_int_eq(nodes_holders(tree_root, audio_address, holders), 0);
        end_child(other);
}
END_TEST

static const struct {
        const char *path, *subsystem;
        int n;
} node_cases[] = {
        { AUDIO "/sound/card1/pcmC1D3p", "../../../../class/sound", 1 },
        { AUDIO "/drm/renderD128", "/sys/class/drm", 1 },
        { AUDIO "/usb1/1-1/1-1:1.0/sound/card2/controlC2", "class/sound", 1 },
        { AUDIO "/one/two/three/four/five/six/controlC1", "class/sound", 0 },
        { AUDIO "/sound/card1/input7/event5", "class/input", 0 },
        { AUDIO "/sound/card1/controlC1", "class/sound2", 0 },
        { "sys/devices/pci0000:00/0000:00:01.0/sound/card1/controlC1", "class/sound", 0 },
};

START_TEST(test_which_nodes) {
        Holder holders[HOLDERS_MAX];

        make_node(node_cases[_i].path, node_cases[_i].subsystem, "/dev/zero");
        pid_t pid = make_child("child", "/dev/zero");
        ck_assert_int_eq(nodes_holders(tree_root, audio_address, holders), node_cases[_i].n);
        end_child(pid);
}
END_TEST

static const struct {
        const char *link, *subsystem, *node; /* node NULL: it is none */
} gone_cases[] = {
        { "/dev/snd/pcmC1D0p (deleted)", "snd", "/dev/snd/pcmC1D0p" },
        { "/srv/root/dev/snd/controlC1 (deleted)", "snd", "/srv/root/dev/snd/controlC1" },
        { "/dev/dri/card1 (deleted)", "dri", "/dev/dri/card1" },
        { "/dev/dri/card1 (deleted)", "snd", NULL },
        { "/dev/snd/pcmC1D0p", "snd", NULL },
        { "/dev/snd (deleted)", "snd", NULL },
        { "/home/a/file (deleted)", "snd", NULL },
        { "/dev/snd/ (deleted) twice", "snd", NULL },
};

/* The links of a made-up process: a node that is gone can only be known by its name. */
START_TEST(test_gone_nodes) {
        Holder holders[HOLDERS_MAX];

        tree_folders("proc/77/fd/");
        tree_link_raw("proc/77/fd/3", gone_cases[_i].link);
        tree_write("proc/77/comm", "mpv\n");
        int n = nodes_holders_of_gone(tree_root, gone_cases[_i].subsystem, holders);
        ck_assert_int_eq(n, gone_cases[_i].node ? 1 : 0);
        if (n == 0)
                return;
        ck_assert_int_eq(holders[0].pid, 77);
        ck_assert_str_eq(holders[0].command, "mpv");
        ck_assert_str_eq(holders[0].node, gone_cases[_i].node);
}
END_TEST

START_TEST(test_links_are_not_followed) {
        Holder holders[HOLDERS_MAX];

        make_node("sys/devices/elsewhere/controlC1", "class/sound", "/dev/zero");
        tree_link(AUDIO "/sound/card1", "sys/devices/elsewhere");
        tree_link(AUDIO "/consumer", AUDIO);
        pid_t pid = make_child("child", "/dev/zero");
        ck_assert_int_eq(nodes_holders(tree_root, audio_address, holders), 0);
        end_child(pid);
}
END_TEST

START_TEST(test_own_process_is_left_out) {
        Holder holders[HOLDERS_MAX];
        char link[64];

        make_node(AUDIO "/sound/card1/controlC1", "class/sound", "/dev/zero");
        _cleanup_close_ int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
        ck_assert_int_ge(fd, 0);
        (void) text_format(link, sizeof(link), "proc/%d", getpid());
        tree_link_raw(link, "/proc/self");
        ck_assert_int_eq(nodes_holders(tree_root, audio_address, holders), 0);
}
END_TEST

START_TEST(test_at_most) {
        Holder holders[HOLDERS_MAX];
        pid_t pids[HOLDERS_MAX + 1];

        make_node(AUDIO "/sound/card1/controlC1", "class/sound", "/dev/zero");
        make_node(AUDIO "/sound/card1/pcmC1D3p", "class/sound", "/dev/zero");
        for (size_t i = 0; i < ELEMENTSOF(pids); i++)
                pids[i] = make_child("many", "/dev/zero");
        ck_assert_int_eq(nodes_holders(tree_root, audio_address, holders), HOLDERS_MAX);
        for (size_t i = 1; i < HOLDERS_MAX; i++)
                ck_assert_int_ne(holders[i].pid, holders[i - 1].pid);
        for (size_t i = 0; i < ELEMENTSOF(pids); i++)
                end_child(pids[i]);
}
END_TEST

/* A process of the tree's own, with a link of a name that says nothing of /dev: it is never looked at. */
static const struct {
        const char *target;
        int n;
} link_cases[] = {
        { "/dev/zero", 1 },    { "/home/user/dev/zero", 0 },
        { "pipe:[27774]", 0 }, { "/dev/zero-that-is-not-there", 0 },
        { "/dev", 0 },
};

START_TEST(test_links) {
        Holder holders[HOLDERS_MAX];

        make_node(AUDIO "/sound/card1/controlC1", "class/sound", "/dev/zero");
        tree_link_raw("proc/4711/fd/5", link_cases[_i].target);
        tree_write("proc/4711/comm", "fake\n");
        ck_assert_int_eq(nodes_holders(tree_root, audio_address, holders), link_cases[_i].n);
}
END_TEST

/* "ROOT/dev/snd/zero" is /dev/zero by another name, as a process in a chroot would have it. */
START_TEST(test_chroot) {
        Holder holders[HOLDERS_MAX];
        char target[PATH_MAX];

        make_node(AUDIO "/sound/card1/controlC1", "class/sound", "/dev/zero");
        tree_link_raw("dev/snd/zero", "/dev/zero");
        tree_link_raw("dev/other/zero", "/dev/zero");
        tree_write("proc/4711/comm", "fake\n");
        (void) text_format(target, sizeof(target), "%s/dev/other/zero", tree_root);
        tree_link_raw("proc/4711/fd/5", target);
        ck_assert_int_eq(nodes_holders(tree_root, audio_address, holders), 0);
        (void) text_format(target, sizeof(target), "%s/dev/snd/zero", tree_root);
        tree_link_raw("proc/4711/fd/6", target);
        ck_assert_int_eq(nodes_holders(tree_root, audio_address, holders), 1);

        tree_unlink("proc/4711/fd/6");
        tree_link_raw("dev/dri/zero", "/dev/zero");
        (void) text_format(target, sizeof(target), "%s/dev/dri/zero", tree_root);
        tree_link_raw("proc/4711/fd/7", target);
        ck_assert_int_eq(nodes_holders(tree_root, audio_address, holders), 1);
}
END_TEST

/* What is no device has the number 0:0. */
START_TEST(test_only_devices) {
        Holder holders[HOLDERS_MAX];

        tree_write(AUDIO "/sound/card1/controlC1/dev", "0:0\n");
        tree_link_raw(AUDIO "/sound/card1/controlC1/subsystem", "class/sound");
        tree_link_raw("proc/4711/fd/5", "/dev/.");
        tree_write("proc/4711/comm", "fake\n");
        ck_assert_int_eq(nodes_holders(tree_root, audio_address, holders), 0);
}
END_TEST

static const struct {
        const char *cgroup, *unit;
} unit_cases[] = {
        { "0::/system.slice/sddm.service\n", "sddm.service" },
        { "0::/user.slice/user-1000.slice/user@1000.service/session.slice/pipewire.service\n",
          "pipewire.service" },
        { "0::/user.slice/user-1000.slice/session-2.scope\n", "session-2.scope" },
        { "0::/system.slice/docker-abc.scope/payload\n", "docker-abc.scope" },
        { "9:name=systemd:/system.slice/a.service\n4:memory:/b.service\n0::/\n", "a.service" },
        { "4:memory:/system.slice/a.service\n0::/system.slice/b.service\n", "b.service" },
        { "1:name=systemd:/system.slice/a.service\n0::/system.slice/b.service\n", "a.service" },
        { "0::/\n", "" },
        { "0::/.service/.scope\n", "" },
        { "0::/a.service-not\n", "" },
        { "no such line", "" },
        { "", "" },
        { "0::/system.slice/b\x1b[31m.service", "b?[31m.service" },
        { "0::/x.scope/"
          "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
          "aaaaaaaa"
          "aaaaaaaaaaaaaaaaaaaa.service\n",
          "x.scope" },
};

START_TEST(test_unit) {
        Holder holders[HOLDERS_MAX];

        make_node(AUDIO "/sound/card1/controlC1", "class/sound", "/dev/zero");
        tree_link_raw("proc/4711/fd/5", "/dev/zero");
        tree_write("proc/4711/comm", "a-name-much-longer-than-the-kernel-would-ever-give\n");
        tree_write("proc/4711/cgroup", "%s", unit_cases[_i].cgroup);
        ck_assert_int_eq(nodes_holders(tree_root, audio_address, holders), 1);
        ck_assert_str_eq(holders[0].unit, unit_cases[_i].unit);
        ck_assert_str_eq(holders[0].command, "a-name-much-longer-than-the-ker");
}
END_TEST

START_TEST(test_process_that_ends) {
        Holder holders[HOLDERS_MAX];

        make_node(AUDIO "/sound/card1/controlC1", "class/sound", "/dev/zero");
        tree_folders("proc/1/");
        tree_folders("proc/self-is-no-number/");
        tree_folders("proc/99999999999999999999/fd/");
        tree_link_raw("proc/2/fd/3", "/dev/zero"); /* no comm: gone since */
        ck_assert_int_eq(nodes_holders(tree_root, audio_address, holders), 0);
}
END_TEST

/* A process whose descriptors may not be read could be a holder: nobody else found is no proof. */
START_TEST(test_denied) {
        Holder holders[HOLDERS_MAX];
        char path[PATH_MAX];

        make_node(AUDIO "/sound/card1/controlC1", "class/sound", "/dev/zero");
        tree_folders("proc/4711/fd/");
        (void) text_format(path, sizeof(path), "%s/proc/4711/fd", tree_root);
        ck_assert_int_eq(chmod(path, 0), 0);
        ck_assert_int_eq(chmod(tree_root, 0755), 0);
        bool is_root = geteuid() == 0;
        ck_assert(!is_root || seteuid(65534) == 0);
        ck_assert_int_eq(nodes_holders(tree_root, audio_address, holders), -EACCES);
        ck_assert(!is_root || seteuid(0) == 0);

        tree_link_raw("proc/4712/fd/5", "/dev/zero");
        tree_write("proc/4712/comm", "found\n");
        ck_assert(!is_root || seteuid(65534) == 0);
        ck_assert_int_eq(nodes_holders(tree_root, audio_address, holders), 1);
        ck_assert(!is_root || seteuid(0) == 0);
        ck_assert_int_eq(chmod(path, 0755), 0);
}
END_TEST

START_TEST(test_bad_tree) {
        Holder holders[HOLDERS_MAX];
        const PciAddress nobody = { .bus = 9 };

        ck_assert_int_eq(nodes_holders(tree_root, nobody, holders), -ENODEV);

        pid_t pid = make_child("child", "/dev/zero");
        tree_write(AUDIO "/sound/card1/a/dev", "1:5:7\n");
        tree_link_raw(AUDIO "/sound/card1/a/subsystem", "class/sound");
        tree_write(AUDIO "/sound/card1/b/dev", "99999999999:5\n");
        tree_link_raw(AUDIO "/sound/card1/b/subsystem", "class/sound");
        tree_write(AUDIO "/sound/card1/c/dev", "15\n");
        tree_link_raw(AUDIO "/sound/card1/c/subsystem", "class/sound");
        tree_write(AUDIO "/sound/card1/d/dev", "1:5\n");
        ck_assert_int_eq(nodes_holders(tree_root, audio_address, holders), 0);

        for (unsigned i = 0; i < 129; i++) {
                char path[PATH_MAX];
                (void) text_format(path, sizeof(path), AUDIO "/sound/card1/pcmC1D%up", i);
                make_node(path, "class/sound", "/dev/full");
        }
        ck_assert_int_eq(nodes_holders(tree_root, audio_address, holders), -E2BIG);
        end_child(pid);
}
END_TEST

static Suite *make_suite(void) {
        Suite *suite = suite_create("machine/nodes");
        TCase *tests = tcase_create("nodes");

        tcase_set_timeout(tests, 60); /* the machine may be busy */
        tcase_add_checked_fixture(tests, setup, tree_teardown);
        tcase_add_test(tests, test_holder);
        tcase_add_loop_test(tests, test_which_nodes, 0, ELEMENTSOF(node_cases));
        tcase_add_loop_test(tests, test_gone_nodes, 0, ELEMENTSOF(gone_cases));
        tcase_add_test(tests, test_links_are_not_followed);
        tcase_add_test(tests, test_own_process_is_left_out);
        tcase_add_test(tests, test_at_most);
        tcase_add_loop_test(tests, test_links, 0, ELEMENTSOF(link_cases));
        tcase_add_test(tests, test_chroot);
        tcase_add_test(tests, test_only_devices);
        tcase_add_loop_test(tests, test_unit, 0, ELEMENTSOF(unit_cases));
        tcase_add_test(tests, test_process_that_ends);
        tcase_add_test(tests, test_denied);
        tcase_add_test(tests, test_bad_tree);
        suite_add_tcase(suite, tests);
        return suite;
}

CHECK_MAIN(make_suite)
