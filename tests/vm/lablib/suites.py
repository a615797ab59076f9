# SPDX-License-Identifier: LGPL-2.1-or-later
"""What each suite's roots are made of."""

BASE = """
    systemd systemd-sysv dbus polkitd udev kmod pciutils linux-image-amd64 apparmor
    libvirt-daemon-system libvirt-clients qemu-system-x86 qemu-utils
    libsystemd0 libpci3 libxml2 libsqlite3-0
    strace jq sqlite3 procps psmisc python3-minimal busybox-static
""".split()

BUILD = """
    gcc libc6-dev make cmake ninja-build pkg-config linux-headers-amd64
    libsystemd-dev libvirt-dev libjson-c-dev libpci-dev libxml2-dev libsqlite3-dev check
""".split()

SUITES = {
    "trixie": {"base": BASE + ["libjson-c5"], "build": BUILD},
    "bookworm": {"base": BASE + ["libjson-c5"], "build": BUILD},
}

DEFAULT = "trixie"
