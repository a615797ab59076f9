# SPDX-License-Identifier: LGPL-2.1-or-later
"""The two roots of a suite: base is the lab machine and carries the QEMU that runs it, build has the compilers."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from .cache import key_of
from .process import ALONE, LabError, run
from .suites import SUITES

IMAGE_SIZE = "4G"


def host_mirror():
    """Where this host's own apt gets its Debian from; kept nowhere."""
    if "GPUSWITCH_LAB_MIRROR" in os.environ:
        return os.environ["GPUSWITCH_LAB_MIRROR"]
    release = dict(re.findall(r'^(\w+)="?([^"\n]*)"?$', Path("/etc/os-release").read_text(encoding="utf-8"), re.M))
    codename = release.get("VERSION_CODENAME", "")
    listing = subprocess.run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)", "Created-By: Packages"],
                             stdout=subprocess.PIPE, check=False, text=True).stdout
    for line in listing.splitlines():
        uri, suite, component = line.split()
        if component == "main" and suite == codename and release.get("ID") == "debian":
            return uri
    raise LabError("this host's apt names no Debian mirror; set GPUSWITCH_LAB_MIRROR to the address of one")


def bootstrap(suite, packages, root, log):
    # mmdebstrap reads the host's apt configuration, a proxy in it included.
    run([*ALONE, "mmdebstrap", "--mode=root", "--variant=apt", "--include=" + ",".join(packages), suite, str(root), host_mirror()],
        f"making a {suite} root", log)


def base(cache, suite):
    """The layer with root/, image, vmlinuz, and release (the kernel's version)."""
    packages = SUITES[suite]["base"]

    def make(folder):
        root = folder / "root"
        bootstrap(suite, packages, root, folder / "log")
        (release,) = os.listdir(root / "usr/lib/modules")
        (folder / "release").write_text(release)
        shutil.copy(root / "boot" / f"vmlinuz-{release}", folder / "vmlinuz")
        for left_over in root.glob("boot/initrd*"):
            left_over.unlink()
        run(["mke2fs", "-q", "-t", "ext4", "-O", "^metadata_csum,^64bit", "-E", "lazy_itable_init=1,root_owner=0:0", "-d", str(root),
             str(folder / "image"), IMAGE_SIZE], "making the disk image")

    return cache.layer("base", suite, key_of(packages, IMAGE_SIZE), make)


def build(cache, suite, base_layer):
    """The layer with root/ that has the compilers and the headers of base's kernel."""
    packages = SUITES[suite]["build"]
    release = (base_layer / "release").read_text()

    def make(folder):
        bootstrap(suite, packages, folder / "root", folder / "log")
        if not (folder / "root/usr/lib/modules" / release).is_dir():
            raise LabError(f"the mirror has moved on from the {suite} root's kernel {release}: delete {base_layer} and build again")

    return cache.layer("build", suite, key_of(packages, release), make)
