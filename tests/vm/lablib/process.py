# SPDX-License-Identifier: LGPL-2.1-or-later
"""Running other programs: on the host, inside a root, and such that none outlives us."""

import ctypes
import os
import signal
import subprocess

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class LabError(Exception):
    """Something that the user has to be told in one line."""


def die_with_parent():
    """For preexec_fn: the kernel ends this process when the one that started it is gone, however that went."""
    if _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        os._exit(127)


# For commands that start others: namespaces that vanish with their first process, and everything in them, mounts too.
ALONE = ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc"]


def run(command, what, log=None, **options):
    """Runs command to its end; what says in the error what could not be done."""
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              preexec_fn=die_with_parent, check=False, **options)
    except FileNotFoundError as error:
        raise LabError(f"{what}: {error.filename} is not installed") from error
    text = done.stdout.decode(errors="replace")
    if log is not None:
        log.write_text(text)
    if done.returncode != 0:
        tail = "\n".join(text.splitlines()[-40:])
        raise LabError(f"{what} failed (exit {done.returncode}):\n{tail}")
    return text


def run_in_root(root, binds, command, what, log=None):
    """Runs command with root as its /, and with the folders of binds ({place inside: folder outside}) mounted there."""
    script = ["set -e", "root=$1; shift"]
    arguments = []
    for inside, outside in {"/dev": "/dev", **binds}.items():
        script.append(f'mkdir -p "$root{inside}"; mount --bind "$1" "$root{inside}"; shift')
        arguments.append(str(outside))
    script.append('mount -t proc proc "$root/proc"')
    script.append('exec chroot "$root" "$@"')
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/root"}
    return run([*ALONE, "sh", "-c", "; ".join(script), "sh", str(root), *arguments, *command], what, log, env=environment)


def program_of_root(root, program):
    """The command line that runs a program of a Debian root on this host, with that root's own libraries, without a chroot."""
    libraries = ":".join(str(root / folder) for folder in ("usr/lib/x86_64-linux-gnu", "usr/lib"))
    return [str(root / "usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"), "--library-path", libraries,
            str(root / "usr/bin" / program)]
