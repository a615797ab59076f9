# SPDX-License-Identifier: LGPL-2.1-or-later
"""The saved state: a machine that has booted and is warm. Scenarios begin from it instead of booting.

Memory is a file that the saving machine shares and that each restored machine maps for itself, copy on write: restoring copies
nothing, and machines that run side by side have most of their memory in common.
"""

import time

from . import payload as payloads
from . import initrd, project, roots
from .cache import key_of
from .machine import Machine, description
from .process import LabError, program_of_root, run

BOOT_SECONDS = 600


class Suite:
    """All layers of a suite."""

    def __init__(self, cache, name, tree, vm):
        self.name = name
        self.cache = cache
        self.base = roots.base(cache, name)
        build = roots.build(cache, name, self.base)
        release = (self.base / "release").read_text()
        model = project.module(cache, name, build, release, "model", vm / "model", "cardmodel")
        guard = project.module(cache, name, build, release, "guard", tree / "daemon/guard", "gpuswitch-guard")
        stage = project.project(cache, name, self.base, build, tree)
        bare = payloads.payload(cache, name, vm / "guest", [model], None)
        full = payloads.payload(cache, name, vm / "guest", [model, guard], stage)
        early = initrd.initrd(cache, name, self.base, vm / "guest") / "initrd"
        self.bare = (early, bare / "payload")
        self.full = (early, full / "payload")
        machine = key_of(self.base.name, early.parent.name, description())
        self.settled = cache.layer("settled", name, key_of(machine, bare.name), self._settle)
        self.state = cache.layer("state", name, key_of(self.settled.name, full.name), self._save)

    def _settle(self, folder):
        """A disk on which everything has happened that happens once: profiles are compiled, libvirt knows its QEMU."""
        make_disk(self.base, folder / "disk", self.base / "image", "raw")
        with Machine(self.base, folder / "disk", self.bare, keep_disk=True) as machine:
            warm_up(machine)
            machine.quit()

    def _save(self, folder):
        make_disk(self.base, folder / "disk", self.settled / "disk", "qcow2")
        with Machine(self.base, folder / "disk", self.full, memory_file=folder / "memory", share_memory=True, keep_disk=True) as machine:
            warm_up(machine)
            machine.monitor.call("stop")
            migrate(machine, "migrate", f"exec:cat > {folder / 'devices'}")
            machine.quit()
        (folder / "boot").write_text(str(machine.boot))

    def boot(self, kernel, qemu):
        """A machine that boots; its disk is as it was when the state was saved."""
        return Machine(self.base, self.state / "disk", self.full, kernel=kernel, qemu=qemu)

    def restore(self):
        return Machine(self.base, self.state / "disk", self.full, memory_file=self.state / "memory", incoming=True)

    def resume(self, machine):
        """Lets a restored machine run on."""
        migrate(machine, "migrate-incoming", f"exec:cat {self.state / 'devices'}")
        machine.monitor.call("cont")
        machine.boot = int((self.state / "boot").read_text())


def make_disk(base, disk, backing, kind):
    run([*program_of_root(base / "root", "qemu-img"), "create", "-q", "-f", "qcow2", "-F", kind, "-b", str(backing), str(disk)],
        "making the machine's disk")


def migrate(machine, command, uri):
    capabilities = [{"capability": "events", "state": True}, {"capability": "x-ignore-shared", "state": True}]
    machine.monitor.call("migrate-set-capabilities", capabilities=capabilities)
    machine.monitor.call(command, uri=uri)
    end = machine.monitor.wait_for(lambda message: message.get("event") == "MIGRATION" and message["data"]["status"] in ("completed", "failed"))
    if end["data"]["status"] == "failed":
        raise LabError(f"the machine's state could not be moved ({command}):\n{machine.last_words()}")


def warm_up(machine):
    deadline = time.monotonic() + BOOT_SECONDS
    machine.wait_ready(deadline)
    machine.send(b"WARM\n")
    machine.expect(b"LAB-WARM", deadline)
