# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes the archive format ("newc") that the kernel unpacks as its initial file system. Everything belongs to root."""

import os
import stat


class Archive:
    def __init__(self, file):
        self.file = file
        self.serial = 0
        self.folders = set()

    def _entry(self, name, mode, content=b""):
        self.serial += 1
        encoded = name.encode() + b"\0"
        fields = [self.serial, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(encoded), 0]
        header = b"070701" + b"".join(b"%08X" % field for field in fields) + encoded
        self.file.write(header + b"\0" * (-len(header) % 4))
        self.file.write(content + b"\0" * (-len(content) % 4))

    def folder(self, name):
        """Makes a folder and those above it, once each."""
        name = name.strip("/")
        if not name or name in self.folders:
            return
        self.folder(os.path.dirname(name))
        self.folders.add(name)
        self._entry(name, stat.S_IFDIR | 0o755)

    def content(self, name, content, mode=0o644):
        self.folder(os.path.dirname(name))
        self._entry(name.strip("/"), stat.S_IFREG | mode, content)

    def link(self, name, target):
        self.folder(os.path.dirname(name))
        self._entry(name.strip("/"), stat.S_IFLNK | 0o777, target.encode())

    def tree(self, folder, under=""):
        """Adds everything below folder, with its modes."""
        for path in sorted(folder.rglob("*")):
            name = f"{under}/{path.relative_to(folder)}"
            if path.is_symlink():
                self.link(name, os.readlink(path))
            elif path.is_dir():
                self.folder(name)
            else:
                self.content(name, path.read_bytes(), stat.S_IMODE(path.stat().st_mode))

    def close(self):
        self._entry("TRAILER!!!", 0)
        # The kernel looks for the next archive at the next multiple of four; a full block is what cpio(1) writes.
        self.file.write(b"\0" * (-self.file.tell() % 512))
