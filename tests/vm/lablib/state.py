# SPDX-License-Identifier: LGPL-2.1-or-later
"""The saved state: a machine that has booted and is warm. Scenarios begin from it instead of booting.

Memory is a file that the saving machine shares and that each restored machine maps for itself, copy on write: restoring copies
nothing, and machines that run side by side have most of their memory in common.
"""

import time

from . import payload as payloads
from . import project, roots
from .cache import key_of
from .machine import Machine, description
from .process import LabError, program_of_root, run

BOOT_SECONDS = 300


class Suite:
    """All layers of a suite."""

    def __init__(self, cache, name, tree, vm):
        self.name = name
        self.cache = cache
        self.base = roots.base(cache, name)
        build = roots.build(cache, name, self.base)
        release = (self.base / "release").read_text()
        model = project.model(cache, name, build, release, vm / "model")
        stage = project.project(cache, name, build, tree)
        self.payload = payloads.payload(cache, name, vm / "guest", model, stage) / "payload"
        self.state = cache.layer("state", name, key_of(self.base.name, self.payload.parent.name, description()), self._save)

    def _save(self, folder):
        disk = folder / "disk"
        run([*program_of_root(self.base / "root", "qemu-img"), "create", "-q", "-f", "qcow2", "-F", "raw", "-b", str(self.base / "image"),
             str(disk)], "making the machine's disk")
        with Machine(self.base, disk, self.payload, memory_file=folder / "memory", share_memory=True, keep_disk=True) as machine:
            wait_ready(machine, time.monotonic() + BOOT_SECONDS)
            machine.monitor.call("stop")
            migrate(machine, "migrate", f"exec:cat > {folder / 'devices'}")

    def boot(self, kernel, qemu):
        """A machine that boots; its disk is as it was when the state was saved."""
        return Machine(self.base, self.state / "disk", self.payload, kernel=kernel, qemu=qemu)

    def restore(self):
        return Machine(self.base, self.state / "disk", self.payload, memory_file=self.state / "memory", incoming=True)

    def resume(self, machine):
        """Lets a restored machine run; returns the number of the boot that it is in."""
        migrate(machine, "migrate-incoming", f"exec:cat {self.state / 'devices'}")
        machine.monitor.call("cont")
        return 1


def migrate(machine, command, uri):
    capabilities = [{"capability": "events", "state": True}, {"capability": "x-ignore-shared", "state": True}]
    machine.monitor.call("migrate-set-capabilities", capabilities=capabilities)
    machine.monitor.call(command, uri=uri)
    end = machine.monitor.wait_for(lambda message: message.get("event") == "MIGRATION" and message["data"]["status"] in ("completed", "failed"))
    if end["data"]["status"] == "failed":
        raise LabError(f"the machine's state could not be moved ({command}):\n{machine.last_words()}")


def wait_ready(machine, deadline):
    """Waits for the agent; returns the number of the boot."""
    heard = b""
    while b"\n" not in heard:
        data = machine.receive(deadline)
        if not data:
            raise LabError(("the machine ended" if data == b"" else "the machine did not become ready") + ":\n" + machine.last_words())
        heard += data
    return int(heard.split()[1])
