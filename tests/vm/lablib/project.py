# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is compiled in the build root: the card model, the guard module, and the project."""

import shutil
import subprocess
from pathlib import Path

from .cache import hash_files, key_of, locked, top
from .process import LabError, run_in_root

CONFIGURE = ["cmake", "-S", "/src", "-B", "/build", "-G", "Ninja", "-DCMAKE_BUILD_TYPE=RelWithDebInfo",
             "-DCMAKE_INSTALL_PREFIX=/usr", "-DCMAKE_INSTALL_SYSCONFDIR=/etc", "-DCMAKE_INSTALL_LOCALSTATEDIR=/var", "-DGPUSWITCH_TESTS=OFF"]
# As an administrator does after installing: what [Install] says is followed, and fails here if it makes no sense.
ENABLE = ["systemctl", "--root=/mnt", "--quiet", "enable", "gpuswitchd.service", "gpuswitch-virtwatch.service"]


def module(cache, suite, build_layer, release, kind, source, name):
    """The layer with the kernel module NAME.ko for the suite's kernel."""

    def make(folder):
        work = folder / "work"
        shutil.copytree(source, work)
        run_in_root(build_layer / "root", {"/mnt": work}, ["make", "-C", f"/lib/modules/{release}/build", "M=/mnt", "modules"],
                    f"compiling {name} for {release}", folder / "log")
        (work / f"{name}.ko").rename(folder / f"{name}.ko")
        shutil.rmtree(work)
        (folder / "log").unlink()

    return cache.layer(kind, suite, key_of(build_layer.name, hash_files(source)), make)


def sources(tree):
    """What git tracks or would track: the tree as it stands, without build folders."""
    listing = subprocess.run(["git", "-C", str(tree), "-c", f"safe.directory={tree}", "ls-files", "-z", "-co", "--exclude-standard"],
                             stdout=subprocess.PIPE, check=False)
    if listing.returncode != 0:
        raise LabError(f"{tree} is no git work tree: the lab asks git which files belong to the project")
    names = sorted(set(listing.stdout.decode().split("\0")) - {""})
    return [name for name in names if not name.startswith("tests/vm/") and (tree / name).is_file()]


def mirror(tree, names, target):
    """Makes target equal to the named files; what has not changed keeps its time, so that a build stays incremental."""
    wanted = set(names)
    for path in [path for path in target.rglob("*") if not path.is_dir()]:
        if str(path.relative_to(target)) not in wanted:
            path.unlink()
    for name in names:
        source, copy = tree / name, target / name
        if copy.is_file() and copy.read_bytes() == source.read_bytes() and copy.stat().st_mode == source.stat().st_mode:
            continue
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, copy)
        copy.chmod(source.stat().st_mode)


def forget_gone_trees(suite):
    """Deletes the build folders of work trees that are no more."""
    for mark in top().glob(f"work-{suite}-*/tree"):
        if not Path(mark.read_text()).exists():
            shutil.rmtree(mark.parent, ignore_errors=True)
            mark.parent.with_suffix(".lock").unlink(missing_ok=True)


def project(cache, suite, base_layer, build_layer, tree):
    """The layer with the installed project, or None while the tree has nothing to install."""
    names = sources(tree)
    if "CMakeLists.txt" not in names:
        return None

    def make(folder):
        # One build folder per suite and tree, kept between runs; another tree must not spoil it, hence its path in the name.
        work = top() / f"work-{suite}-{key_of(str(tree), build_layer.name)}"
        forget_gone_trees(suite)
        with locked(work.with_suffix(".lock")):
            work.mkdir(exist_ok=True)
            (work / "tree").write_text(str(tree))
            for name in ("src", "build"):
                (work / name).mkdir(exist_ok=True)
            (folder / "stage").mkdir()
            mirror(tree, names, work / "src")
            binds = {"/src": work / "src", "/build": work / "build", "/stage": folder / "stage"}
            script = " && ".join([" ".join(CONFIGURE), "ninja -C /build", "DESTDIR=/stage cmake --install /build"])
            run_in_root(build_layer / "root", binds, ["sh", "-c", script], "building the project", work / "log")
            run_in_root(base_layer / "root", {"/mnt": folder / "stage"}, ENABLE, "enabling its units", work / "log")

    layer = cache.layer("project", suite, key_of(base_layer.name, build_layer.name, hash_files(tree, names), CONFIGURE, ENABLE), make)
    return layer / "stage" if any((layer / "stage").iterdir()) else None
