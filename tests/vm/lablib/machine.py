# SPDX-License-Identifier: LGPL-2.1-or-later
"""One lab machine: the emulated PC, its QEMU process, and the line to the agent inside."""

import fcntl
import os
import select
import shlex
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from .cache import locked, top
from .process import LabError, die_with_parent, program_of_root
from .qmp import Monitor

MEMORY = "2G"
CPUS = 2

# Two slots for the card model, a GPU with a reset of its own (FLR), and a display that is the host's only one at boot.
DEVICES = """
    -device intel-iommu,intremap=on
    -device VGA,bus=pcie.0,addr=1,vgamem_mb=4
    -device virtio-blk-pci,drive=disk,bus=pcie.0,addr=2
    -device virtio-serial-pci,bus=pcie.0,addr=3
    -device virtserialport,chardev=agent,name=lab.agent
    -audiodev none,id=silence
    -device pcie-root-port,id=port1,chassis=1,slot=1,bus=pcie.0,addr=4
    -device bochs-display,bus=port1,addr=0.0,multifunction=on,romfile=
    -device ich9-intel-hda,id=audio1,bus=port1,addr=0.1
    -device hda-output,bus=audio1.0,audiodev=silence
    -device pcie-root-port,id=port2,chassis=2,slot=2,bus=pcie.0,addr=5
    -device bochs-display,bus=port2,addr=0.0,multifunction=on,romfile=
    -device ich9-intel-hda,id=audio2,bus=port2,addr=0.1
    -device hda-output,bus=audio2.0,audiodev=silence
    -device pcie-root-port,id=port3,chassis=3,slot=3,bus=pcie.0,addr=6
    -device virtio-gpu-pci,bus=port3
"""

# Nothing here may change what the software under test sees; it is all about what emulation makes slow.
KERNEL_ARGUMENTS = """
    console=ttyS0 intel_iommu=on iommu=pt panic=-1 quiet loglevel=4
    mitigations=off nopti no5lvl nokaslr audit=0 random.trust_cpu=on
    systemd.show_status=0 systemd.getty_auto=0 rd.systemd.unit= net.ifnames=0
""".replace("rd.systemd.unit= ", "").split()


def description():
    """Everything about the machine that its saved state depends on."""
    return (MEMORY, CPUS, DEVICES, KERNEL_ARGUMENTS, Machine.BASIC)


def sweep():
    """Deletes what labs have left that were killed: folders whose lock nobody holds any more."""
    with locked(top() / "run.lock"):
        for mark in Path(tempfile.gettempdir()).glob("gpuswitch-lab.*/alive"):
            with locked(mark, wait=False) as free:
                if free:
                    shutil.rmtree(mark.parent, ignore_errors=True)


class Machine:
    running = set()

    # Both processors take turns in one thread of the host: with a thread each, QEMU 10 now and then loses a timer of a restored machine or
    # fails an assertion about its memory map, and costs more in all than machines that run side by side gain.
    BASIC = ["-nodefaults", "-no-user-config", "-display", "none", "-M", "q35", "-accel", "tcg,thread=single,tb-size=512",
             "-cpu", "max,la57=off,svm=off", "-rtc", "base=utc,clock=vm"]

    def __init__(self, base, disk, archives, *, kernel=(), qemu=(), memory_file=None, share_memory=False, incoming=False, keep_disk=False):
        with locked(top() / "run.lock"):
            self.folder = Path(tempfile.mkdtemp(prefix="gpuswitch-lab."))
            self.alive = open(self.folder / "alive", "wb")
            fcntl.flock(self.alive, fcntl.LOCK_EX)
        self.console = self.folder / "console"
        self.process = None
        self.monitor = None
        self.line = None
        self.boot = 0  # how often this disk has been booted
        root = base / "root"

        with open(self.folder / "initrd", "wb") as whole:
            for part in archives:
                with open(part, "rb") as file:
                    shutil.copyfileobj(file, whole)

        memory = f"size={MEMORY},id=memory"
        if memory_file:
            memory = f"memory-backend-file,{memory},mem-path={memory_file},share={'on' if share_memory else 'off'}"
        else:
            memory = f"memory-backend-ram,{memory}"
        self.command = [
            *program_of_root(root, "qemu-system-x86_64"),
            "-L", str(root / "usr/share/qemu"), "-L", str(root / "usr/share/seabios"),
            *self.BASIC, "-smp", str(CPUS), "-m", MEMORY, "-object", memory, "-machine", "memory-backend=memory",
            "-drive", f"file={disk},if=none,id=disk,format=qcow2,cache=unsafe,snapshot={'off' if keep_disk else 'on'}",
            "-chardev", f"socket,id=agent,path={self.folder}/agent,server=on,wait=off",
            "-serial", f"file:{self.console}",
            "-qmp", f"unix:{self.folder}/qmp,server=on,wait=off",
            *shlex.split(DEVICES.replace("\n", " ")),
            "-kernel", str(base / "vmlinuz"), "-initrd", str(self.folder / "initrd"),
            "-append", " ".join([*KERNEL_ARGUMENTS, *kernel]), *qemu,
        ]
        if incoming:
            self.command += ["-incoming", "defer"]
        self.environment = {**os.environ, "QEMU_MODULE_DIR": str(root / "usr/lib/x86_64-linux-gnu/qemu"),
                            "TMPDIR": os.environ.get("TMPDIR", "/var/tmp")}

    def __enter__(self):
        with open(self.folder / "qemu.log", "wb") as log:
            self.running.add(self)
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.environment,
                                            preexec_fn=die_with_parent)
        try:
            self.monitor = Monitor(self._connect("qmp"))
            self.line = self._connect("agent")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.line:
            self.line.close()
        if self.monitor:
            self.monitor.close()
        self.end()
        self.running.discard(self)

    def end(self):
        """By its own handle, whatever state it is in: no other QEMU is ever touched."""
        if self.process:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.alive.close()

    def _connect(self, name):
        """QEMU makes its sockets early; until then there is nothing but the file system to watch."""
        deadline = time.monotonic() + 30
        while True:
            client = socket.socket(socket.AF_UNIX)
            try:
                client.connect(str(self.folder / name))
                return client
            except OSError:
                client.close()
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise LabError("QEMU did not start:\n" + (self.folder / "qemu.log").read_text(errors="replace"))
            time.sleep(0.01)

    def send(self, data):
        self.line.sendall(data)

    def receive(self, deadline):
        """What the agent says next; b"" when the machine has ended, None when the deadline has passed."""
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([self.line], [], [], left)[0]:
            return None
        return self.line.recv(65536)

    def expect(self, word, deadline):
        """Waits for a line that begins with word; returns the rest of it."""
        heard = b""
        while not heard.endswith(b"\n"):
            data = self.receive(deadline)
            if not data:
                raise LabError(("the machine ended" if data == b"" else f"the machine did not say {word.decode()} in time") + ":\n"
                               + self.last_words())
            heard += data
        if not heard.startswith(word):
            raise LabError(f"the machine said {heard!r} and not {word.decode()}")
        return heard[len(word):].decode()

    def wait_ready(self, deadline):
        self.boot = int(self.expect(b"LAB-READY", deadline))

    def quit(self):
        """Ends QEMU such that its disk is whole."""
        self.monitor.call("quit")
        self.process.wait()

    def console_text(self):
        return self.console.read_text(errors="replace") if self.console.exists() else ""

    def last_words(self, lines=30):
        text = self.console_text()
        log = (self.folder / "qemu.log").read_text(errors="replace")
        return "\n".join((text + log).splitlines()[-lines:])
