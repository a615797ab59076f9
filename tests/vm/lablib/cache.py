# SPDX-License-Identifier: LGPL-2.1-or-later
"""The cache: one folder per layer, suite and key, where the key is a hash of everything that the layer is made of.

A layer is made in a folder with another name and renamed when it is whole, so that an interrupted build leaves nothing
that looks finished. Whoever uses a layer holds a shared lock on it; old keys are deleted once nobody does.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
from pathlib import Path

from .process import LabError


def top():
    return Path(os.environ.get("GPUSWITCH_LAB_CACHE", "/var/cache/gpuswitch-lab"))


def key_of(*parts):
    digest = hashlib.sha256()
    for part in parts:
        digest.update(repr(part).encode() + b"\0")
    return digest.hexdigest()[:16]


def hash_files(folder, names=None):
    """A hash of names, modes and contents of the files below folder (or of just those named)."""
    if names is None:
        names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    digest = hashlib.sha256()
    for name in names:
        path = folder / name
        if path.is_symlink():
            content = os.readlink(path).encode()
        else:
            content = path.read_bytes()
        digest.update(f"{name}\0{path.lstat().st_mode}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:16]


@contextlib.contextmanager
def locked(path, exclusive=True, wait=True):
    """Holds a lock file; without wait, yields False if somebody else has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
    with open(path, "a", encoding="utf-8") as file:
        try:
            fcntl.flock(file, kind if wait else kind | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


class Cache:
    """The layers that one run of the lab uses, kept from deletion while it runs."""

    def __init__(self, say=lambda text: None):
        self.say = say
        self.uses = contextlib.ExitStack()
        try:
            top().mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LabError(f"the cache {top()} cannot be made: {error.strerror}") from error

    def close(self):
        self.uses.close()

    def layer(self, kind, suite, key, make):
        """The folder of a layer; make(folder) fills it if it is not there."""
        name = f"{kind}-{suite}-{key}"
        folder = top() / name
        with locked(top() / f"{kind}-{suite}.lock"):
            if not folder.is_dir():
                self._prune(kind, suite)
                self.say(f"building {kind} for {suite}")
                unfinished = top() / f"{name}.unfinished"
                shutil.rmtree(unfinished, ignore_errors=True)
                unfinished.mkdir()
                make(unfinished)
                unfinished.rename(folder)
            # Taken under the layer's lock, so that nobody prunes between the look and the use.
            self.uses.enter_context(locked(top() / f"{name}.use", exclusive=False))
            os.utime(folder)
        return folder

    def _prune(self, kind, suite):
        """Keeps the two newest of other keys: switching between two branches should not build everything anew."""
        others = [path for path in top().glob(f"{kind}-{suite}-*") if path.is_dir()]
        whole = sorted((path for path in others if path.suffix != ".unfinished"), key=lambda path: path.stat().st_mtime)
        for path in [path for path in others if path.suffix == ".unfinished"] + whole[:-2]:
            use = top() / f"{path.name}.use"
            with locked(use, wait=False) as free:
                if free:
                    shutil.rmtree(path, ignore_errors=True)
                    use.unlink(missing_ok=True)
