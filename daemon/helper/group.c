/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Is the card really out of everybody's hands?
 *
 * A vfio group can be opened once (vfio_group_fops_open()), and its last close returns only when the kernel's
 * reset at close is over. So an open that succeeds proves that nobody has the group and that nothing
 * is still being reset. It is given up at once: while we hold it, no VM could start.
 *
 * inotify tells of a close through our own node. libvirt gives QEMU a node of its own in a private /dev,
 * whose close nobody tells us about, so a timer that grows slower asks again.
 *
 * The newer nodes /dev/vfio/devices/vfioN may be open several times: there only looking for holders helps.
 * That comes first: the group still refuses to open while such a descriptor is on its way out.
 */

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "base/address.h"
#include "base/text.h"
#include "clock/clock.h"
#include "helper/files.h"
#include "helper/group.h"
#include "helper/open-files.h"
#include "helper/operations.h"
#include "helper/protocol.h"
#include "helper/rules.h"

#define RETRY_FIRST_USEC (20 * USEC_PER_MSEC)
#define RETRY_LAST_USEC (320 * USEC_PER_MSEC)

static int report_holder(const Helper *helper, dev_t device, const char *node, HelperReply *reply) {
        Holder holder;
        char text[256];
        int r = open_files_find(helper, device, node, &holder);

        if (r <= 0)
                return r;
        return reply_fail(reply, -EBUSY, "%s", holder_describe(&holder, text, sizeof(text)));
}

/* Return: 0; -EBUSY, with the holder in the message. */
static int check_device_nodes(const Helper *helper, PciAddress address, HelperReply *reply) {
        char folder[PATH_TEXT_SIZE], path[PATH_TEXT_SIZE], number[ATTRIBUTE_VALUE_SIZE], node[PATH_TEXT_SIZE];
        int result = 0;

        if (device_path(helper, address, "vfio-dev", folder) < 0)
                return 0;
        DIR *dir = opendir(folder);
        if (!dir)
                return 0; /* not on vfio, or a kernel without such nodes */
        const struct dirent *entry;
        while (result == 0 && (entry = readdir(dir))) {
                unsigned major_number, minor_number;
                if (entry->d_name[0] == '.' ||
                    text_format(path, sizeof(path), "%s/%s/dev", folder, entry->d_name) < 0 ||
                    file_read(path, number, sizeof(number)) < 0 ||
                    sscanf(number, "%u:%u", &major_number, &minor_number) != 2 ||
                    text_format(node, sizeof(node), "/dev/vfio/devices/%s", entry->d_name) < 0)
                        continue;
                result = report_holder(helper, makedev(major_number, minor_number), node, reply);
        }
        (void) closedir(dir);
        return result;
}

/* Return: 0 when nobody has it; -EBUSY; other negative errno. */
static int try_group(const char *node, HelperReply *reply) {
        _cleanup_close_ int fd = open(node, O_RDWR | O_CLOEXEC);

        /* Without a node, or without a vfio driver behind it, there is nothing that could be open. */
        if (fd >= 0 || errno == ENOENT || errno == ENODEV || errno == ENXIO)
                return 0;
        int r = -errno;
        /* We are root: only the service's list of devices says this (DeviceAllow= in gpuswitchd.service). */
        return reply_fail(reply, r, "cannot open %s: %s%s", node, strerror(-r),
                          r == -EPERM ? " (vfio was loaded after gpuswitchd: restart gpuswitchd.service)" : "");
}

static int node_path(const Helper *helper, int32_t group, char ret_node[static PATH_TEXT_SIZE],
                     HelperReply *reply) {
        char path[64];

        (void) text_format(path, sizeof(path), "/dev/vfio/%d", group);
        if (root_path(helper, path, ret_node) < 0)
                return reply_fail(reply, -ENAMETOOLONG, "the path of %s is too long", path);
        return 0;
}

/* Better than "Device or resource busy": who it is, if that can be found out. */
static void name_holder(const Helper *helper, const char *node, HelperReply *reply) {
        struct stat st;

        if (stat(node, &st) == 0 && S_ISCHR(st.st_mode))
                (void) report_holder(helper, st.st_rdev, node, reply);
}

static int try_all(const Helper *helper, PciAddress address, const char *node, HelperReply *reply) {
        int r = check_device_nodes(helper, address, reply);

        return r < 0 ? r : try_group(node, reply);
}

int group_check_free(const Helper *helper, PciAddress address, int32_t group, HelperReply *reply) {
        char node[PATH_TEXT_SIZE];
        int r = rules_check_group(helper, address, group, reply);

        if (r == 0)
                r = node_path(helper, group, node, reply);
        if (r < 0)
                return r;
        r = try_all(helper, address, node, reply);
        if (r == -EBUSY)
                name_holder(helper, node, reply);
        return r;
}

int group_check_own_free(const Helper *helper, PciAddress address, HelperReply *reply) {
        int32_t group;
        int r = rules_find_group(helper, address, &group, reply);

        if (r < 0)
                return r;
        return group < 0 ? check_device_nodes(helper, address, reply) : group_check_free(helper, address, group, reply);
}

/* Waits for a close of the node, the end of the pause, or the daemon's leaving. Return: was there a close? */
static bool wait_for_close(int inotify, int socket, usec_t pause) {
        struct timespec timeout = { .tv_sec = (time_t) (pause / USEC_PER_SEC),
                                    .tv_nsec = (long) (pause % USEC_PER_SEC * 1000) };
        struct pollfd p[] = { { .fd = inotify, .events = POLLIN }, { .fd = socket, .events = POLLRDHUP } };
        char events[4096];

        if (ppoll(p, ELEMENTSOF(p), &timeout, NULL) <= 0 || !(p[0].revents & POLLIN))
                return false;
        return read(inotify, events, sizeof(events)) > 0;
}

int operation_group_free(Helper *helper, const HelperRequest *request, HelperReply *reply) {
        char node[PATH_TEXT_SIZE];
        usec_t begun = now_monotonic_usec(), pause = RETRY_FIRST_USEC;

        if (request->timeout_usec > GROUP_FREE_TIMEOUT_USEC)
                return refuse(reply, RULE_WAIT, "a wait of %ju us is longer than any reset takes",
                              (uintmax_t) request->timeout_usec);
        int r = rules_check_group(helper, request->address, request->iommu_group, reply);
        if (r == 0)
                r = node_path(helper, request->iommu_group, node, reply);
        if (r < 0)
                return r;

        /* Before the first try, so that no close is missed. Without it the timer alone has to do. */
        _cleanup_close_ int inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        if (inotify >= 0)
                (void) inotify_add_watch(inotify, node, IN_CLOSE);
        for (;;) {
                r = try_all(helper, request->address, node, reply);
                if (r == 0)
                        reply->message[0] = '\0';
                if (r != -EBUSY)
                        return r;
                if (peer_has_left(helper->socket))
                        return reply_fail(reply, -ECANCELED, "the wait for %s was given up", node);
                usec_t waited = now_monotonic_usec() - begun;
                if (waited >= request->timeout_usec) {
                        name_holder(helper, node, reply);
                        return -EBUSY;
                }
                pause = wait_for_close(inotify, helper->socket, MIN_OF(pause, request->timeout_usec - waited))
                                ? RETRY_FIRST_USEC
                                : MIN_OF(pause * 2, RETRY_LAST_USEC);
        }
}
