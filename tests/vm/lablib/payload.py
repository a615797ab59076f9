# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is put over the base image before systemd runs: the project, kernel modules, the lab's own parts inside."""

from . import cpio
from .cache import hash_files, key_of

# Of no use in a machine that lives for a minute, and each of them costs seconds of an emulated processor.
MASKED = """
    apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer
    logrotate.timer man-db.timer systemd-tmpfiles-clean.timer
    getty@tty1.service serial-getty@ttyS0.service systemd-timesyncd.service systemd-networkd.service networking.service
    systemd-random-seed.service systemd-pcrphase.service systemd-hwdb-update.service systemd-update-utmp.service
    systemd-journal-catalog-update.service ldconfig.service systemd-machine-id-commit.service
""".split()

# Enabled but at rest until the scenario has its cards. Not masked: each change of a mask has systemd read all units again, which
# costs seconds of an emulated processor.
AT_REST = ["gpuswitchd.service", "gpuswitch-virtwatch.service"]
AT_REST_CONDITION = b"[Unit]\nConditionPathExists=/etc/gpuswitch-lab/gpuswitch\n"

FILES = {
    "etc/hostname": b"lab\n",
    "etc/fstab": b"",
    # An empty one would make this a "first boot" with all that systemd does then.
    "etc/machine-id": b"67707573776974636800000000000001\n",
}


def payload(cache, suite, guest, modules, stage):
    """The layer with the archive `payload`; stage is None while there is no project to install."""
    key = key_of(hash_files(guest / "root"), *[hash_files(module) for module in modules], stage and hash_files(stage), MASKED, AT_REST, AT_REST_CONDITION, FILES)

    def make(folder):
        with open(folder / "payload", "wb") as file:
            archive = cpio.Archive(file)
            if stage:
                archive.tree(stage, "payload")
            archive.tree(guest / "root", "payload")
            for file in [file for module in modules for file in module.glob("*.ko")]:
                archive.content(f"payload/usr/lib/gpuswitch-lab/{file.name}", file.read_bytes())
            for name, content in FILES.items():
                archive.content(f"payload/{name}", content)
            archive.content("payload/var/lib/gpuswitch-lab/payload", key.encode())
            for unit in MASKED:
                archive.link(f"payload/etc/systemd/system/{unit}", "/dev/null")
            for unit in AT_REST if stage else []:
                archive.content(f"payload/etc/systemd/system/{unit}.d/lab.conf", AT_REST_CONDITION)
            archive.close()

    return cache.layer("payload", suite, key, make)
