# SPDX-License-Identifier: LGPL-2.1-or-later
"""The file system that the kernel starts with. It is ours, not the suite's: small, and it lays the payload over the disk."""

import lzma
from pathlib import Path

from . import cpio
from .cache import key_of

# What the kernel needs before it sees its root file system; everything else is loaded from there.
EARLY_MODULES = ["virtio_pci", "virtio_blk", "ext4", "virtio_console"]


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


def initrd(cache, suite, base, guest):
    """The layer with the archive `initrd`."""
    root = base / "root"
    release = (base / "release").read_text()
    init = (guest / "init").read_bytes()
    return cache.layer("initrd", suite, key_of(base.name, EARLY_MODULES, init), lambda folder: write(root, release, init, folder / "initrd"))


def write(root, release, init, target):
    with open(target, "wb") as file:
        archive = cpio.Archive(file)
        for folder in ("dev", "proc", "sys", "root", "bin", "payload"):
            archive.folder(folder)
        archive.content("bin/busybox", (root / "usr/bin/busybox").read_bytes(), 0o755)
        archive.content("init", init, 0o755)
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
