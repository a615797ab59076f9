/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The child gets the socket as HELPER_SOCKET_FD, no signal mask, default signals, and a name that begins with
 * '@': systemd leaves such processes alone when it kills all others at shutdown, and a helper that hangs in
 * the kernel could not be killed anyway.
 */

#include "exec/helper-process.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/address.h"
#include "base/macros.h"
#include "base/text.h"
#include "gpuswitch/helper-protocol.h"

#define HELPER_ARGV0 "@gpuswitch-helper"

static int prepare_actions(posix_spawn_file_actions_t *actions, int socket) {
        /* First the socket: it may be any number, also one of the next three. Same numbers clear CLOEXEC. */
        int r = posix_spawn_file_actions_adddup2(actions, socket, HELPER_SOCKET_FD);

        if (r == 0)
                r = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
        if (r == 0)
                r = posix_spawn_file_actions_addopen(actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
        return r;
}

static int prepare_attributes(posix_spawnattr_t *attributes) {
        sigset_t none, all;

        (void) sigemptyset(&none);
        (void) sigfillset(&all);
        int r = posix_spawnattr_setsigmask(attributes, &none);
        if (r == 0)
                r = posix_spawnattr_setsigdefault(attributes, &all);
        if (r == 0)
                r = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        return r;
}

/* Return: 0 or a positive errno, as the posix_spawn family has it. */
static int spawn(const char *path, char *const argv[], int socket, pid_t *ret_pid) {
        posix_spawn_file_actions_t actions;
        posix_spawnattr_t attributes;

        int r = posix_spawn_file_actions_init(&actions);
        if (r != 0)
                return r;
        r = posix_spawnattr_init(&attributes);
        if (r == 0) {
                r = prepare_actions(&actions, socket);
                if (r == 0)
                        r = prepare_attributes(&attributes);
                if (r == 0)
                        r = posix_spawn(ret_pid, path, &actions, &attributes, argv, environ);
                (void) posix_spawnattr_destroy(&attributes);
        }
        (void) posix_spawn_file_actions_destroy(&actions);
        return r;
}

int helper_process_start(const char *path, const char *lock_dir, PciAddress card, const HelperFellows *fellows,
                         HelperProcess *ret_process) {
        char address[PCI_ADDRESS_TEXT_SIZE], lock_file[PATH_TEXT_SIZE], name[] = HELPER_ARGV0;
        char others[FELLOWS_MAX][PCI_ADDRESS_TEXT_SIZE], *argv[3 + FELLOWS_MAX + 1] = { name, address, lock_file };
        int pair[2];
        pid_t pid;

        /* One lock for the whole slot. */
        card.function = 0;
        (void) address_format(card, address);
        for (size_t i = 0; i < fellows->n; i++) {
                (void) address_format(fellows->addresses[i], others[i]);
                argv[3 + i] = others[i];
        }
        if (text_format(lock_file, sizeof(lock_file), "%s/%s.lock", lock_dir, address) < 0)
                return -ENAMETOOLONG;
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
                return -errno;
        _cleanup_close_ int ours = pair[0], theirs = pair[1];

        int r = spawn(path, argv, theirs, &pid);
        if (r != 0)
                return -r;
        /* It cannot have been reaped by anybody else, so the number is still its own. */
        int pidfd = pidfd_open(pid, 0);
        if (pidfd < 0)
                return -errno; /* it ends with the socket; its entry stays until we end as well */
        *ret_process = (HelperProcess){ .pid = pid, .pidfd = pidfd, .socket = TAKE_FD(ours) };
        return 0;
}

void helper_process_hang_up(HelperProcess *process) {
        process->socket = close_fd(process->socket);
}

static int reap(int pidfd, siginfo_t *ret_info) {
        *ret_info = (siginfo_t){ 0 };
        if (waitid(P_PIDFD, (id_t) pidfd, ret_info, WEXITED | WNOHANG) < 0)
                return -errno;
        return ret_info->si_pid > 0;
}

int helper_process_reap(HelperProcess *process, char *ret_text, size_t size) {
        siginfo_t info;

        int r = reap(process->pidfd, &info);
        if (r <= 0)
                return r;
        (void) text_format(ret_text, size, info.si_code == CLD_EXITED ? "exit status %d" : "signal %d",
                           info.si_status);
        return 1;
}

static int on_orphan_ended(sd_event_source *source, int fd, uint32_t revents, void *userdata) {
        siginfo_t info;

        /* A failure means that there is nothing to reap: done as well. */
        if (reap(fd, &info) != 0)
                (void) sd_event_source_set_floating(source, false);
        return 0;
}

void helper_process_abandon(HelperProcess *process, sd_event *event) {
        _cleanup_close_ int pidfd = TAKE_FD(process->pidfd);
        sd_event_source *source = NULL;

        helper_process_hang_up(process);
        if (pidfd < 0 || sd_event_add_io(event, &source, pidfd, EPOLLIN, on_orphan_ended, NULL) < 0)
                return; /* without the source a zombie may stay, which harms nobody */
        (void) sd_event_source_set_description(source, "abandoned-helper");
        (void) sd_event_source_set_priority(source, SD_EVENT_PRIORITY_IDLE);
        if (sd_event_source_set_io_fd_own(source, true) >= 0)
                (void) TAKE_FD(pidfd);
        (void) sd_event_source_set_floating(source, true);
        (void) sd_event_source_unref(source);
}
