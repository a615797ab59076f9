# SPDX-License-Identifier: LGPL-2.1-or-later
"""
Namespaces of a machine's own: mounts, processes and network. Whoever enters becomes process 1 of it, so that the kernel
itself sees to it that nothing is left when that process ends.
"""

import ctypes
import os
from pathlib import Path

CLONE_NEWNS, CLONE_NEWNET, CLONE_NEWPID, CLONE_NEWIPC = 0x20000, 0x40000000, 0x20000000, 0x8000000
MS_BIND, MS_REC, MS_PRIVATE, MS_RDONLY, MS_REMOUNT = 0x1000, 0x4000, 0x40000, 1, 0x20

libc = ctypes.CDLL(None, use_errno=True)


def check(result, what):
    if result < 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")


def mount(source, target, kind=None, flags=0, options=None):
    encode = lambda text: text.encode() if text is not None else None
    check(libc.mount(encode(source), encode(target), encode(kind), ctypes.c_ulong(flags), encode(options)),
          f"mount {source} on {target}")


def umount(target):
    check(libc.umount2(target.encode(), 0), f"unmount {target}")


def unshare():
    """New namespaces. The next fork() makes process 1 of the new pid namespace."""
    check(libc.unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWIPC), "unshare")
    mount("none", "/", None, MS_REC | MS_PRIVATE)


# Folders that a machine has for itself, made of links into the host's tree where it needs what is there.
OWN = ("usr", "usr/lib", "usr/bin", "etc", "var", "var/lib")
EMPTY = ("run", "sys", "dev", "proc", "host", "sim", "tmp", "usr/libexec", "usr/lib/gpuswitch", "etc/gpuswitch",
         "var/lib/gpuswitch")
NODES = ("null", "zero", "full", "random", "urandom", "tty", "fuse")


def build_root(root):
    """A root of links into the host's: nothing that is written in the usual places reaches the host."""
    mount("none", root, "tmpfs", 0, "size=64m,mode=755")
    for name in (*OWN, *EMPTY):
        os.makedirs(f"{root}/{name}", exist_ok=True)
    mount("/", f"{root}/host", None, MS_BIND | MS_REC)
    for folder in ("", *OWN):
        for entry in os.scandir(f"/{folder}"):
            inner = f"{folder}/{entry.name}".lstrip("/")
            if os.path.lexists(f"{root}/{inner}"):
                continue
            target = os.readlink(entry.path) if entry.is_symlink() else f"/host/{inner}"
            os.symlink(target, f"{root}/{inner}")
    for name in NODES:
        if os.path.exists(f"/dev/{name}"):
            Path(f"{root}/dev/{name}").touch()
            mount(f"/dev/{name}", f"{root}/dev/{name}", None, MS_BIND)
    os.symlink("/proc/self/fd", f"{root}/dev/fd")
    os.chroot(root)
    os.chdir("/")
    mount("proc", "/proc", "proc")
    mount("none", "/run", "tmpfs", 0, "mode=755")
    mount("none", "/tmp", "tmpfs")



def fuse_problem():
    """Why there can be no simulator here, or None."""
    if os.geteuid() != 0:
        return "the simulator needs root: namespaces and mounts of its own"
    if not os.path.exists("/dev/fuse"):
        return "there is no /dev/fuse: load the kernel module fuse, or give the container the device (10:229)"
    try:
        os.close(os.open("/dev/fuse", os.O_RDWR))
    except OSError as error:
        return f"/dev/fuse cannot be opened ({error.strerror}): the container has no right to the device (10:229)"
    return None


