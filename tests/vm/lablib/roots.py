# SPDX-License-Identifier: LGPL-2.1-or-later
"""The two roots of a suite: base is the lab machine and carries the QEMU that runs it, build has the compilers."""

import lzma
import os
import re
import shutil
import subprocess
from pathlib import Path

from . import cpio
from .cache import key_of
from .process import LabError, run
from .suites import SUITES

IMAGE_SIZE = "4G"

# What the kernel needs before it sees its root file system; everything else is loaded from there.
EARLY_MODULES = ["virtio_pci", "virtio_blk", "ext4", "virtio_console"]

INIT = """#!/bin/busybox sh
# Mounts the root file system, puts the changing part over it, and hands over to systemd.
/bin/busybox --install -s /bin
mount -t devtmpfs devtmpfs /dev
mount -t proc proc /proc
mount -t sysfs sysfs /sys
while read -r module; do insmod "/modules/$module"; done < /modules/order
tries=0
until [ -b /dev/vda ]; do
    tries=$((tries + 1))
    [ "$tries" -lt 1000 ] || { echo "lab: the disk did not appear"; poweroff -f; }
    usleep 10000
done
mount -t ext4 /dev/vda /root || poweroff -f
cp -a /payload/. /root/
umount /proc /sys
mount -o move /dev /root/dev
exec switch_root /root /sbin/init
"""


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
    run(["mmdebstrap", "--mode=root", "--variant=apt", "--include=" + ",".join(packages),
         "--aptopt=APT::Install-Recommends false", suite, str(root), host_mirror()],
        f"making a {suite} root", log)


def base(cache, suite):
    """The layer with root/, image, vmlinuz, initrd, and release (the kernel's version)."""
    packages = SUITES[suite]["base"]

    def make(folder):
        root = folder / "root"
        bootstrap(suite, packages, root, folder / "log")
        (release,) = os.listdir(root / "usr/lib/modules")
        (folder / "release").write_text(release)
        shutil.copy(root / "boot" / f"vmlinuz-{release}", folder / "vmlinuz")
        for left_over in root.glob("boot/initrd*"):
            left_over.unlink()
        write_initrd(root, release, folder / "initrd")
        run(["mke2fs", "-q", "-t", "ext4", "-O", "^metadata_csum,^64bit", "-E", "lazy_itable_init=1,root_owner=0:0", "-d", str(root),
             str(folder / "image"), IMAGE_SIZE], "making the disk image")

    return cache.layer("base", suite, key_of(packages, EARLY_MODULES, INIT, IMAGE_SIZE), make)


def build(cache, suite, base_layer):
    """The layer with root/ that has the compilers and the headers of base's kernel."""
    packages = SUITES[suite]["build"]
    release = (base_layer / "release").read_text()

    def make(folder):
        bootstrap(suite, packages, folder / "root", folder / "log")
        if not (folder / "root/usr/lib/modules" / release).is_dir():
            raise LabError(f"the mirror has moved on from the {suite} root's kernel {release}: delete {base_layer} and build again")

    return cache.layer("build", suite, key_of(packages, release), make)


def modules_with_needs(root, release, names):
    """Paths of modules below lib/modules/RELEASE, each after what it needs."""
    folder = root / "usr/lib/modules" / release
    needs = {}
    for line in (folder / "modules.dep").read_text().splitlines():
        path, _, rest = line.partition(":")
        needs[path] = rest.split()
    paths = {Path(path).name.split(".ko")[0].replace("-", "_"): path for path in needs}
    order = []
    for name in names:
        if name not in paths:
            continue  # built into the kernel
        # modules.dep names the deepest need last
        for path in [*reversed(needs[paths[name]]), paths[name]]:
            if path not in order:
                order.append(path)
    # crc32c is asked for by name at run time, so no dependency tells of it
    return [*(path for name, path in paths.items() if name.startswith("crc32c") and path not in order), *order]


def write_initrd(root, release, target):
    with open(target, "wb") as file:
        archive = cpio.Archive(file)
        for folder in ("dev", "proc", "sys", "root", "bin", "payload"):
            archive.folder(folder)
        archive.content("bin/busybox", (root / "usr/bin/busybox").read_bytes(), 0o755)
        archive.content("init", INIT.encode(), 0o755)
        order = []
        for path in modules_with_needs(root, release, EARLY_MODULES):
            content = (root / "usr/lib/modules" / release / path).read_bytes()
            if path.endswith(".xz"):
                content = lzma.decompress(content)
            name = Path(path).name.removesuffix(".xz")
            archive.content(f"modules/{name}", content)
            order.append(name)
        archive.content("modules/order", ("\n".join(order) + "\n").encode())
        archive.close()
